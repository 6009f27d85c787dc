"""Handle widget messages while a notebook cell runs a plain loop on the main thread.

A kernel handles one message at a time. While a cell runs, messages from the browser wait: a slider that is moved reaches Python after
the cell, a page that is reloaded hangs. A loop that calls ``pump()`` at every step has the waiting messages handled between two steps.

**How.** The messages of the main shell arrive through one ``ZMQStream``, which the event loop reads; while a cell runs on the main
thread that loop does not run. At most 20 times a second the pump takes the waiting messages off the stream's socket. Widget messages
(``comm_*``) and requests about the kernel (``kernel_info``, ``comm_info``), which a page sends when it opens, are handled at once by
the kernel's own handlers. Every other message goes, unchanged and in order, to the callback to which the event loop would have given
it, so queued cells, aborting after an error and completions remain the kernel's task. What the kernel had taken off the socket before
the cell began, but had not begun to handle, is older than what waits there: its widget messages are handled first, and
``should_handle`` tells the kernel to skip them.

A message handled during a cell must leave no trace on the cell:

- the parent header is restored, and stdout flushed before each change of it: what the cell prints appears below the cell;
- an interrupt is deferred between taking a message and having it handled or handed back, so that no message is lost. A handler
  itself can be interrupted, and the ``KeyboardInterrupt`` continues into the cell;
- ``pre_execute`` and ``post_execute`` are not triggered: matplotlib shows and closes open figures at these events, which during a
  cell would be the cell's own;
- afterwards the kernel's status is published as busy again, or the page would show an idle kernel until the cell ends;
- a handler that calls the pump itself changes nothing: handlers run one after the other.

**What it depends on** is looked up by :func:`_find_shell` once and checked by type; versions are never compared. Tried on ipykernel
6.17 to 7.4.

==================================================  =============================================================================
stream of the main shell, and of its replies         6: ``kernel.shell_stream``, both. 7: of ``kernel.shell_channel_thread.manager``,
                                                     ``_shell_channel_to_main.to_stream`` and ``_main_to_shell_channel.from_socket``
messages the kernel has taken but not begun          6: ``kernel.msg_queue._queue``. 7: tasks of the coroutine that is the stream's
                                                     callback, one for each message
pyzmq's stream                                       ``_recv_callback``, ``_run_callback``
the kernel                                           ``_parent_ident``, ``_publish_status``; public: ``shell_handlers``, ``session``,
                                                     ``set_parent``, ``get_parent``, ``should_handle``, ``io_loop``, ``log``
==================================================  =============================================================================

Subshells need nothing more. A message that JupyterLab sends to a subshell is handled there, in its thread, and never reaches the
pump. ipykernel 7.4 answers a comm on the shell that last sent on it, so a widget made in a cell begins on the main shell; once the
pump has handled its first message, the answer to it may move the others to their subshell.

**What ipykernel could offer instead**: ``kernel.do_pending(types)``, to be called on the main thread from inside a cell: handle the
waiting messages of these types now, keep the others. ipykernel knows its own queue, so none of the names above would be needed.
"""

import asyncio
import inspect
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

from dlviz.kit.messages import message

#: Seconds between two polls: 20 a second feel fluent and cost a loop next to nothing.
POLL_PERIOD = 0.05
#: The message types that are handled while a cell runs.
HANDLED_TYPES = frozenset({"comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request"})
#: ``zmq.POLLOUT``, which is a constant of ZeroMQ's own header.
_POLLOUT = 2


class CommPump:
    """Handles the messages of widgets while a loop runs: call it at every step.

    A call before the next poll is due costs about 0.2 µs, a poll that finds nothing about 30 µs, a message about 0.6 ms beside its
    handler. In another thread than the main one, in a forked process and inside a message that is being handled, a call does nothing.
    No call ever raises, except for an interrupt of the cell.

    Attributes:
        works: whether messages are handled while a cell runs.
        reason: a sentence that says why they are not; empty if they are.

    Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html

    Example:
        In plain Python there is no kernel, and a loop runs as it would without the pump.

        >>> pump = CommPump.here()
        >>> for step in range(3):
        ...     pump()
        >>> pump.works
        False
        >>> pump.reason
        'Controls act after the cell: there is no notebook kernel here that could be asked in between.'
    """

    _latest: ClassVar["CommPump | None"] = None

    def __init__(self, kernel: Any) -> None:
        self.works = False
        self.reason = ""
        self._kernel = kernel
        self._next_poll = float("inf")
        self._process = os.getpid()
        self._handling = False
        self._any_handled = False
        self._loop_ran = True
        self._handled_ids: set[str] = set()
        if kernel is None:
            self.reason = message("training.pump.no_kernel")
            return
        try:
            self._shell = _find_shell(kernel)
        except _MissingAttribute as missing:
            self._disable(message("training.pump.missing", kernel=_kernel_name(kernel), what=missing))
            return
        self.works = True
        self._next_poll = 0.0

    @classmethod
    def here(cls) -> "CommPump":
        """Return the pump of the kernel that runs this code; there is one for each kernel.

        If the kernel is not built as expected, a warning says so once, and the pump does nothing.
        """
        kernel = _kernel()
        if cls._latest is None or cls._latest._kernel is not kernel:
            cls._latest = cls(kernel)
        return cls._latest

    def __call__(self) -> None:
        """Handle the waiting messages, if a poll is due."""
        if perf_counter() > self._next_poll:
            self._poll()

    def _poll(self) -> None:
        try:
            if not self._handling and self._on_kernel_thread():
                with _DeferredInterrupts() as interrupts:
                    try:
                        self._handle_waiting(interrupts)
                    except Exception as error:
                        self._disable(message("training.pump.failed", error=f"{type(error).__name__}: {error}"))
        finally:
            if self.works:
                self._next_poll = perf_counter() + POLL_PERIOD

    def _on_kernel_thread(self) -> bool:
        """Return whether this is the main thread and runs the kernel's event loop: only there can its sockets and interrupts be used."""
        if os.getpid() != self._process or threading.current_thread() is not threading.main_thread():
            return False
        try:
            return asyncio.get_running_loop() is self._kernel.io_loop.asyncio_loop
        except RuntimeError:
            return False

    def _handle_waiting(self, interrupts: "_DeferredInterrupts") -> None:
        shell, end, self._any_handled = self._shell, perf_counter() + POLL_PERIOD, False
        try:
            if self._loop_ran:
                for frames in shell.in_progress():
                    if interrupts.received:
                        return
                    self._handle_ahead(frames, interrupts)
                self._loop_ran = False
                shell.kernel.io_loop.add_callback(self._on_loop_ran)
            # A flood of messages leaves half of the time to the loop.
            while shell.stream.socket.poll(0) and not interrupts.received and perf_counter() < end:
                self._handle_next(interrupts)
        finally:
            shell.rearm()
            if self._any_handled and interrupts.enabled:
                shell.kernel._publish_status("busy", "shell")

    def _on_loop_ran(self) -> None:
        self._loop_ran = True

    def _handle_next(self, interrupts: "_DeferredInterrupts") -> None:
        """Take one message off the socket; in every case it is handled or handed back."""
        shell = self._shell
        frames = shell.stream.socket.recv_multipart(copy=False)
        started = False
        try:
            request = shell.read(frames)
            if request is not None:
                with shell.as_parent(request):
                    started = True
                    self._handle(request, interrupts)
        finally:
            if not started:
                shell.hand_back(frames)

    def _handle_ahead(self, frames: Any, interrupts: "_DeferredInterrupts") -> None:
        """Handle a message that the kernel has already taken, and have the kernel skip it."""
        shell = self._shell
        request = shell.read(frames)
        if request is None or request.id in self._handled_ids or request.id == shell.current_id():
            return
        with shell.as_parent(request):
            if not self._handled_ids:
                self._skip_handled()
            self._handled_ids.add(request.id)
            try:
                self._handle(request, interrupts)
            finally:
                # The kernel will read the message again, and would reject a signature that it has seen before as an attack.
                shell.kernel.session.digest_history.discard(request.signature)

    def _skip_handled(self) -> None:
        kernel, handled = self._kernel, self._handled_ids
        original = kernel.should_handle

        def should_handle(stream: Any, content: Any, idents: Any) -> Any:
            if content["header"]["msg_id"] not in handled:
                return original(stream, content, idents)
            handled.discard(content["header"]["msg_id"])
            if not handled:
                kernel.should_handle = original
            return False

        kernel.should_handle = should_handle

    def _handle(self, request: "_Request", interrupts: "_DeferredInterrupts") -> None:
        shell, self._handling, self._any_handled = self._shell, True, True
        try:
            with _without_cell_events(shell.kernel), interrupts.allowed():
                request.message.update(shell.kernel.session.deserialize(request.body, content=True, copy=False))
                _start(shell.kernel.shell_handlers[request.kind](shell.reply, request.idents, request.message))
        except Exception:
            # As the kernel does: the error belongs to the message, and neither to the cell nor to the pump.
            shell.kernel.log.error("Exception in message handler:", exc_info=True)
        finally:
            self._handling = False

    def _disable(self, reason: str) -> None:
        self.works, self.reason, self._next_poll = False, reason, float("inf")
        try:
            warnings.warn(reason, stacklevel=4)
        except Warning:  # the user turned warnings into errors, but this one must not end a loop
            print(reason, file=sys.stderr)


@dataclass(frozen=True)
class _Request:
    """A message that is handled during a cell, read as far as needed; ``message`` has no content yet."""

    idents: list[bytes]
    body: Sequence[Any]
    message: dict[str, Any]

    @property
    def kind(self) -> str:
        return self.message["header"]["msg_type"]

    @property
    def id(self) -> str:
        return self.message["header"]["msg_id"]

    @property
    def signature(self) -> bytes:
        return bytes(self.body[0].bytes)


@dataclass(frozen=True)
class _Shell:
    """The main shell of a kernel: everything that the pump uses of ipykernel and pyzmq."""

    kernel: Any
    stream: Any
    reply: Any

    def read(self, frames: Any) -> _Request | None:
        """Return the message if its type is handled during a cell; the kernel itself reports a message that cannot be read."""
        session = self.kernel.session
        try:
            idents, body = session.feed_identities(frames, copy=False)
            content = session.deserialize(body, content=False, copy=False)
        except Exception:
            return None
        return _Request(idents, body, content) if content["header"]["msg_type"] in HANDLED_TYPES else None

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
        given = [inspect.getcoroutinelocals(task.get_coro()) for task in tasks]  # type: ignore[arg-type]
        return [*queued, *(names["args"][-1] if "args" in names else names["msg"] for names in given if names)]

    @contextmanager
    def as_parent(self, request: _Request) -> Iterator[None]:
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


class _MissingAttribute(Exception):  # noqa: N818 - never leaves this module
    """An attribute of the kernel is missing or of another type."""


def _find_shell(kernel: Any) -> _Shell:
    if getattr(kernel, "shell_channel_thread", None) is None:
        ways = ("shell_stream", "shell_stream")
    else:
        manager = "shell_channel_thread.manager"
        ways = (f"{manager}._shell_channel_to_main.to_stream", f"{manager}._main_to_shell_channel.from_socket")
    stream, reply = (_require(kernel, way) for way in ways)
    for name in ("socket.poll", "socket.recv_multipart", "on_recv", "sending", "flush", "_run_callback"):
        _require(kernel, f"{ways[0]}.{name}", callable)
    _require(kernel, f"{ways[0]}._recv_callback", lambda value: callable(value) and _code_of(value) is not None)
    for name in ("session.feed_identities", "session.deserialize", "session.digest_history.discard", "log.error"):
        _require(kernel, name, callable)
    for name in ("set_parent", "get_parent", "should_handle", "_publish_status", "io_loop.add_callback"):
        _require(kernel, name, callable)
    _require(kernel, "io_loop.asyncio_loop")
    _require(kernel, "shell_handlers", lambda value: isinstance(value, Mapping) and value.keys() >= HANDLED_TYPES)
    _require(kernel, "_parent_ident", lambda value: isinstance(value, Mapping) and "shell" in value)
    if getattr(kernel, "msg_queue", None) is not None:
        _require(kernel, "msg_queue._queue", lambda value: hasattr(value, "__iter__"))
    return _Shell(kernel, stream, reply)


def _require(owner: Any, path: str, kind: Callable[[Any], bool] = lambda value: value is not None) -> Any:
    value = owner
    for name in path.split("."):
        value = getattr(value, name, None)
    if value is None or not kind(value):
        raise _MissingAttribute(path)
    return value


def _code_of(function: Any) -> Any:
    """Return the code object of a function, a partial or a coroutine."""
    return getattr(getattr(function, "func", function), "__code__", None) or getattr(function, "cr_code", None)


def _kernel() -> Any:
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython() if ipython else None, "kernel", None)


def _kernel_name(kernel: Any) -> str:
    module = type(kernel).__module__.partition(".")[0]
    return " ".join(filter(None, (module, getattr(sys.modules.get(module), "__version__", ""))))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


@contextmanager
def _without_cell_events(kernel: Any) -> Iterator[None]:
    """Suppress the events that end a cell: ipykernel triggers them for widget messages too."""
    events = getattr(getattr(kernel, "shell", None), "events", None)
    if events is None:
        yield
        return
    trigger = events.trigger

    def quiet(event: str, *args: Any, **kwargs: Any) -> None:
        if event not in ("pre_execute", "post_execute"):
            trigger(event, *args, **kwargs)

    events.trigger = quiet
    try:
        yield
    finally:
        events.trigger = trigger


class _DeferredInterrupts:
    """Defers an interrupt to the end of the block."""

    def __enter__(self) -> "_DeferredInterrupts":
        self._frame: Any = None
        self.received = False
        self._original = signal.getsignal(signal.SIGINT)
        self._defer(True)
        return self

    def __exit__(self, *_: object) -> None:
        self._defer(False)
        if self.received and callable(self._original):
            self._original(signal.SIGINT, self._frame)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        self._defer(False)
        try:
            yield
        finally:
            self._defer(True)

    @property
    def enabled(self) -> bool:
        """Whether an interrupt has a Python handler: kernels ignore interrupts between two messages."""
        return callable(self._original)

    def _defer(self, on: bool) -> None:
        # A handler that was not set from Python raises nothing in Python, and could not be restored.
        if self.enabled:
            signal.signal(signal.SIGINT, self._record if on else self._original)

    def _record(self, _: int, frame: Any) -> None:
        self.received, self._frame = True, frame


_tasks: set["asyncio.Future[Any]"] = set()


def _start(result: Any) -> None:
    """Run a handler's coroutine to its end or first wait; from there it continues when the event loop is free."""
    if not inspect.isawaitable(result):
        return
    if inspect.iscoroutine(result):
        try:
            result = _Continuation(result, result.send(None))
        except StopIteration:
            return
    future = asyncio.ensure_future(result)
    _tasks.add(future)  # asyncio itself keeps only a weak reference
    future.add_done_callback(_tasks.discard)


@dataclass(frozen=True)
class _Continuation:
    """A coroutine that has started, and the future that it waits for."""

    started: Coroutine[Any, Any, Any]
    waiting: Any

    def __await__(self) -> Generator[Any, Any, Any]:
        with suppress(Exception, asyncio.CancelledError):  # the coroutine gets the result itself
            yield self.waiting
        return (yield from self.started.__await__())
