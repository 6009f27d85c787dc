"""The main shell of an ipykernel: every private name of ipykernel and pyzmq that the pump uses, looked up once and checked by type.

Versions are never compared. Tried on ipykernel 6.17 to 7.4.

==================================================  =============================================================================
stream of the main shell, and of its replies         6: ``kernel.shell_stream``, both. 7: of ``kernel.shell_channel_thread.manager``,
                                                     ``_shell_channel_to_main.to_stream`` and ``_main_to_shell_channel.from_socket``
messages the kernel has taken but not begun          6: ``kernel.msg_queue._queue``. 7: tasks of the coroutine that is the stream's
                                                     callback, one for each message
pyzmq's stream                                       ``_recv_callback``, ``_run_callback``
the kernel                                           ``_parent_ident``, ``_publish_status``; public: ``shell_handlers``, ``session``,
                                                     ``set_parent``, ``get_parent``, ``should_handle``, ``io_loop``, ``log``
==================================================  =============================================================================
"""

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: The message types that are handled while a cell runs.
HANDLED_TYPES = frozenset({"comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request"})
#: ``zmq.POLLOUT``, which is a constant of ZeroMQ's own header.
_POLLOUT = 2
_STREAM_METHODS = ("socket.poll", "socket.recv_multipart", "on_recv", "sending", "flush", "_run_callback")
_KERNEL_METHODS = (
    *("session.feed_identities", "session.deserialize", "session.digest_history.discard", "log.error"),
    *("set_parent", "get_parent", "should_handle", "_publish_status", "io_loop.add_callback"),
)


@dataclass(frozen=True)
class Request:
    """A message that is handled during a cell, read as far as needed; ``message`` has no content yet."""

    idents: list[bytes]
    body: Sequence[Any]
    message: dict[str, Any]

    @property
    def kind(self) -> str:
        """The message type."""
        return self.message["header"]["msg_type"]

    @property
    def id(self) -> str:
        """The message id."""
        return self.message["header"]["msg_id"]

    @property
    def signature(self) -> bytes:
        """The signature, which the session remembers."""
        return bytes(self.body[0].bytes)


@dataclass(frozen=True)
class Shell:
    """The main shell of a kernel: everything that the pump uses of ipykernel and pyzmq."""

    kernel: Any
    stream: Any
    reply: Any

    def read(self, frames: Any) -> Request | None:
        """Return the message if its type is handled during a cell; the kernel itself reports a message that cannot be read."""
        session = self.kernel.session
        try:
            idents, body = session.feed_identities(frames, copy=False)
            content = session.deserialize(body, content=False, copy=False)
        except Exception:
            return None
        return Request(idents, body, content) if content["header"]["msg_type"] in HANDLED_TYPES else None

    def current_id(self) -> str | None:
        """Return the id of the message being handled: the running cell, or the widget's message whose handler runs the loop."""
        return (self.kernel.get_parent("shell").get("header") or {}).get("msg_id")

    def hand_back(self, frames: Any) -> None:
        """Give the message to the callback to which the event loop would have given it."""
        try:
            self.stream._run_callback(self.stream._recv_callback, frames)
        except Exception:
            self.kernel.io_loop.add_callback(self.stream._recv_callback, frames)
            raise

    def rearm(self) -> None:
        """Have the stream look at its socket again."""
        # The socket's file descriptor signals a message only once, and it was the pump that took the message, not the stream.
        self.stream.on_recv(self.stream._recv_callback, copy=False)

    def in_progress(self) -> list[Any]:
        """Return the messages that the kernel has taken off the stream and not finished, oldest first."""
        queue = getattr(self.kernel, "msg_queue", None)
        queued = [args[0] for _, _, args in queue._queue if args] if queue is not None else []
        code = _code_of(self.stream._recv_callback)
        tasks = [
            task for task in asyncio.all_tasks(self.kernel.io_loop.asyncio_loop) if _code_of(task.get_coro()) is code
        ]
        # A set has no order, but tasks are numbered in their names.
        tasks.sort(key=lambda task: (len(task.get_name()), task.get_name()))
        scopes = [inspect.getcoroutinelocals(task.get_coro()) for task in tasks]  # type: ignore[arg-type]
        return [*queued, *(scope["args"][-1] if "args" in scope else scope["msg"] for scope in scopes if scope)]

    @contextmanager
    def as_parent(self, request: Request) -> Iterator[None]:
        """Make the message the parent of outputs and status inside the block; afterwards the cell is the parent again."""
        kernel = self.kernel
        outer = kernel._parent_ident["shell"], kernel.get_parent("shell")
        _flush()
        try:
            kernel.set_parent(request.idents, request.message, channel="shell")
            kernel._publish_status("busy", "shell")
            yield
        finally:
            try:
                _flush()
                kernel._publish_status("idle", "shell")
                if self.reply is self.stream and self.stream.sending():
                    self.stream.flush(_POLLOUT)
            finally:
                kernel.set_parent(*outer, channel="shell")


class MissingAttribute(Exception):  # noqa: N818 - caught by the pump, never shown as an error
    """An attribute of the kernel is missing or of another type."""


def find_shell(kernel: Any) -> Shell:
    """Return the main shell of a kernel.

    Raises:
        MissingAttribute: the kernel is not built as expected.
    """
    if getattr(kernel, "shell_channel_thread", None) is None:
        stream_path = reply_path = "shell_stream"
    else:
        manager = "shell_channel_thread.manager"
        stream_path = f"{manager}._shell_channel_to_main.to_stream"
        reply_path = f"{manager}._main_to_shell_channel.from_socket"
    stream, reply = _require(kernel, stream_path), _require(kernel, reply_path)
    for name in _STREAM_METHODS:
        _require(kernel, f"{stream_path}.{name}", callable)
    for name in _KERNEL_METHODS:
        _require(kernel, name, callable)
    _require(kernel, f"{stream_path}._recv_callback", lambda value: callable(value) and _code_of(value) is not None)
    _require(kernel, "io_loop.asyncio_loop")
    _require(kernel, "shell_handlers", lambda value: isinstance(value, Mapping) and value.keys() >= HANDLED_TYPES)
    _require(kernel, "_parent_ident", lambda value: isinstance(value, Mapping) and "shell" in value)
    if getattr(kernel, "msg_queue", None) is not None:
        _require(kernel, "msg_queue._queue", lambda value: hasattr(value, "__iter__"))
    return Shell(kernel, stream, reply)


def _require(owner: Any, path: str, kind: Callable[[Any], bool] = lambda value: value is not None) -> Any:
    value = owner
    for name in path.split("."):
        value = getattr(value, name, None)
    if value is None or not kind(value):
        raise MissingAttribute(path)
    return value


def _code_of(function: Any) -> Any:
    """Return the code object of a function, a partial or a coroutine."""
    return getattr(getattr(function, "func", function), "__code__", None) or getattr(function, "cr_code", None)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
