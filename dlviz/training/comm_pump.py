"""The pump: widgets stay alive while a cell runs a plain loop on the main thread.

A kernel does one thing at a time. While a cell runs, what the browser sends waits: a slider that is moved reaches Python after the
cell, a page that is reloaded hangs. A loop that calls ``pump()`` at every step lets the waiting messages in between two steps.

**How.** The messages of the main shell come through one ``ZMQStream``, which the event loop reads; while a cell runs on the main
thread that loop stands still. At most 20 times a second the pump takes what waits off the stream's socket. Messages of widgets
(``comm_*``) and questions about the kernel (``kernel_info``, ``comm_info``), which a page asks when it opens, are handled on the
spot, with the kernel's own handlers. Every other message goes, untouched and in order, to the callback to which the event loop would
have given it, so queued cells, aborting after an error and completions are the kernel's business as ever. What the kernel had
taken off the socket before the cell began, but could not begin, is older than what waits there: its widget messages are handled
first, and ``should_handle`` tells the kernel to pass over them.

A message handled in the middle of a cell must leave no trace on it:

- the parent header is put back, and stdout flushed before each change of it: what the cell prints stays in the cell;
- the interrupt button is held back between taking a message and having it handled or handed back, so that none is lost. A handler
  itself can be interrupted, and the ``KeyboardInterrupt`` goes on into the cell;
- ``pre_execute`` and ``post_execute`` are not told: matplotlib shows and closes open figures at that sign, which in the middle of a
  cell would be the cell's own;
- afterwards the cell is said to be busy once more, or the page would show an idle kernel until it ends;
- a handler that pumps in turn changes nothing: handlers run one after the other.

**What it leans on**, looked up by :func:`_shell_of` once and checked by kind; versions are never compared. Tried on ipykernel 6.17 to 7.4.

==================================================  =============================================================================
the main shell's stream and where its replies go     6: ``kernel.shell_stream``, both. 7: of ``kernel.shell_channel_thread.manager``,
                                                     ``_shell_channel_to_main.to_stream`` and ``_main_to_shell_channel.from_socket``
what the kernel has taken but not begun              6: ``kernel.msg_queue._queue``. 7: tasks of the coroutine that is the stream's
                                                     callback, one for each message
of pyzmq's stream                                    ``_recv_callback``, ``_run_callback``
of the kernel                                        ``_parent_ident``, ``_publish_status``; public: ``shell_handlers``, ``session``,
                                                     ``set_parent``, ``get_parent``, ``should_handle``, ``io_loop``, ``log``
==================================================  =============================================================================

Subshells need nothing more. A message that JupyterLab sends to a subshell is handled there, in its thread, and never meets the
pump. ipykernel 7.4 answers a comm on the shell that last sent on it, so a widget made in a cell begins on the main shell; once the
pump has let its first message in, the answer to it may move the others to their subshell.

**What ipykernel could offer instead**: ``kernel.do_pending(kinds)``, to be called on the main thread from inside a cell: handle the
waiting messages of these kinds now, keep the others. It knows its own queue, so none of the names above would be needed.
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

#: Seconds between two looks: 20 a second are fluent under a hand and cost a loop next to nothing.
PAUSE = 0.05
#: The messages that are handled while a cell runs.
SERVED = frozenset({"comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request"})
#: ``zmq.POLLOUT``, which is fixed in ZeroMQ's own header.
_SEND = 2


class Pump:
    """Lets a loop's widgets speak while it runs: call it at every step.

    A call that is not due costs about 0.2 µs, a look that finds nothing about 30 µs, a message about 0.6 ms beside its handler.
    In another thread than the main one, in a forked process and inside a message that is being handled, a call does nothing. No call
    ever raises, but for what an interrupt of the cell raises.

    Attributes:
        works: whether messages are handled while a cell runs.
        why: where they are not, a sentence that says why; else empty.

    Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html

    Example:
        In plain Python there is no kernel to ask, and a loop runs as it would without the pump.

        >>> pump = Pump.here()
        >>> for step in range(3):
        ...     pump()
        >>> pump.works
        False
        >>> pump.why
        'Controls act after the cell: there is no notebook kernel here that could be asked in between.'
    """

    _latest: ClassVar["Pump | None"] = None

    def __init__(self, kernel: Any) -> None:
        self.works = False
        self.why = ""
        self._kernel = kernel
        self._due = float("inf")
        self._process = os.getpid()
        self._serving = False
        self._answered = False
        self._loop_ran = True
        self._done: set[str] = set()
        if kernel is None:
            self.why = message("training.pump.no_kernel")
            return
        try:
            self._shell = _shell_of(kernel)
        except _Missing as missing:
            self._stop(message("training.pump.missing", kernel=_name_of(kernel), what=missing))
            return
        self.works = True
        self._due = 0.0

    @classmethod
    def here(cls) -> "Pump":
        """The pump of the kernel that runs this code: one a kernel, whoever asks.

        Where the kernel is not built as expected a warning says so, once, and the pump does nothing.
        """
        kernel = _kernel()
        if cls._latest is None or cls._latest._kernel is not kernel:
            cls._latest = cls(kernel)
        return cls._latest

    def __call__(self) -> None:
        """Handle the messages that wait, if it is time to look."""
        if perf_counter() > self._due:
            self._look()

    def _look(self) -> None:
        try:
            if not self._serving and self._in_place():
                with _Interrupts() as interrupts:
                    try:
                        self._let_in(interrupts)
                    except Exception as error:
                        self._stop(message("training.pump.failed", error=f"{type(error).__name__}: {error}"))
        finally:
            if self.works:
                self._due = perf_counter() + PAUSE

    def _in_place(self) -> bool:
        """Whether this is the thread of the kernel's loop, and the main one: only there are its sockets, and interrupts, at hand."""
        if os.getpid() != self._process or threading.current_thread() is not threading.main_thread():
            return False
        try:
            return asyncio.get_running_loop() is self._kernel.io_loop.asyncio_loop
        except RuntimeError:
            return False

    def _let_in(self, interrupts: "_Interrupts") -> None:
        shell, end, self._answered = self._shell, perf_counter() + PAUSE, False
        try:
            if self._loop_ran:
                for frames in shell.taken():
                    if interrupts.came:
                        return
                    self._overtake(frames, interrupts)
                self._loop_ran = False
                shell.kernel.io_loop.add_callback(self._turned)
            # A flood of messages leaves the loop half of the time.
            while shell.stream.socket.poll(0) and not interrupts.came and perf_counter() < end:
                self._take(interrupts)
        finally:
            shell.look_again()
            if self._answered and interrupts.possible:
                shell.kernel._publish_status("busy", "shell")

    def _turned(self) -> None:
        self._loop_ran = True

    def _take(self, interrupts: "_Interrupts") -> None:
        """Take one message off the socket; whatever happens, it is handled or handed back."""
        shell = self._shell
        frames = shell.stream.socket.recv_multipart(copy=False)
        begun = False
        try:
            letter = shell.read(frames)
            if letter is not None:
                with shell.answering(letter):
                    begun = True
                    self._handle(letter, interrupts)
        finally:
            if not begun:
                shell.give_back(frames)

    def _overtake(self, frames: Any, interrupts: "_Interrupts") -> None:
        """Handle a message that the kernel has in hand, and have the kernel pass over it."""
        shell = self._shell
        letter = shell.read(frames)
        if letter is None or letter.id in self._done or letter.id == shell.answered():
            return
        with shell.answering(letter):
            if not self._done:
                self._pass_over()
            self._done.add(letter.id)
            try:
                self._handle(letter, interrupts)
            finally:
                # The kernel will read it once more, and takes a signature that it knows for an attack.
                shell.kernel.session.digest_history.discard(letter.signature)

    def _pass_over(self) -> None:
        kernel, done = self._kernel, self._done
        ask = kernel.should_handle

        def should_handle(stream: Any, content: Any, idents: Any) -> Any:
            if content["header"]["msg_id"] not in done:
                return ask(stream, content, idents)
            done.discard(content["header"]["msg_id"])
            if not done:
                kernel.should_handle = ask
            return False

        kernel.should_handle = should_handle

    def _handle(self, letter: "_Letter", interrupts: "_Interrupts") -> None:
        shell, self._serving, self._answered = self._shell, True, True
        try:
            with _no_cell_ends(shell.kernel), interrupts.let_through():
                letter.message.update(shell.kernel.session.deserialize(letter.body, content=True, copy=False))
                _begin(shell.kernel.shell_handlers[letter.kind](shell.reply, letter.idents, letter.message))
        except Exception:
            # As the kernel does: the fault is the message's, and neither the cell's nor the pump's.
            shell.kernel.log.error("Exception in message handler:", exc_info=True)
        finally:
            self._serving = False

    def _stop(self, why: str) -> None:
        self.works, self.why, self._due = False, why, float("inf")
        try:
            warnings.warn(why, stacklevel=4)
        except Warning:  # warnings are errors here, but a loop must not end by this one
            print(why, file=sys.stderr)


@dataclass(frozen=True)
class _Letter:
    """A message that is served, read as far as needed; ``message`` still lacks its content."""

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
    """The main shell of a kernel: all that the pump touches of ipykernel and pyzmq."""

    kernel: Any
    stream: Any
    reply: Any

    def read(self, frames: Any) -> _Letter | None:
        """The message, where it is one to be served. What cannot be read is the kernel's to complain of, and so is what it has begun."""
        session = self.kernel.session
        try:
            idents, body = session.feed_identities(frames, copy=False)
            content = session.deserialize(body, content=False, copy=False)
        except Exception:
            return None
        return _Letter(idents, body, content) if content["header"]["msg_type"] in SERVED else None

    def answered(self) -> str | None:
        """The id of the message that is being handled: the cell that runs, or the widget's message from which the loop was called."""
        return (self.kernel.get_parent("shell").get("header") or {}).get("msg_id")

    def give_back(self, frames: Any) -> None:
        """Do with the message what the event loop would have done."""
        try:
            self.stream._run_callback(self.stream._recv_callback, frames)
        except Exception:
            self.kernel.io_loop.add_callback(self.stream._recv_callback, frames)
            raise

    def look_again(self) -> None:
        # The socket's file descriptor tells of a message once only; the stream was not the one who looked.
        self.stream.on_recv(self.stream._recv_callback, copy=False)

    def taken(self) -> list[Any]:
        """The messages that the kernel has taken off the stream and not finished, oldest first."""
        queue = getattr(self.kernel, "msg_queue", None)
        queued = [args[0] for _, _, args in queue._queue if args] if queue is not None else []
        code = _code(self.stream._recv_callback)
        tasks = [task for task in asyncio.all_tasks(self.kernel.io_loop.asyncio_loop) if _code(task.get_coro()) is code]
        # Tasks are counted in their names; a set has no order.
        tasks.sort(key=lambda task: (len(task.get_name()), task.get_name()))
        given = [inspect.getcoroutinelocals(task.get_coro()) for task in tasks]  # type: ignore[arg-type]
        return [*queued, *(names["args"][-1] if "args" in names else names["msg"] for names in given if names)]

    @contextmanager
    def answering(self, letter: _Letter) -> Iterator[None]:
        """Everything inside belongs to the message: outputs, busy and idle. Afterwards the cell's parent is back."""
        kernel = self.kernel
        outer = kernel._parent_ident["shell"], kernel.get_parent("shell")
        _flush()
        try:
            kernel.set_parent(letter.idents, letter.message, channel="shell")
            kernel._publish_status("busy", "shell")
            yield
        finally:
            try:
                _flush()
                kernel._publish_status("idle", "shell")
                if self.reply is self.stream and self.stream.sending():
                    self.stream.flush(_SEND)
            finally:
                kernel.set_parent(*outer, channel="shell")


class _Missing(Exception):  # noqa: N818 - never leaves this module
    """A name of the kernel that is not there, or is something else."""


def _shell_of(kernel: Any) -> _Shell:
    if getattr(kernel, "shell_channel_thread", None) is None:
        ways = ("shell_stream", "shell_stream")
    else:
        manager = "shell_channel_thread.manager"
        ways = (f"{manager}._shell_channel_to_main.to_stream", f"{manager}._main_to_shell_channel.from_socket")
    stream, reply = (_need(kernel, way) for way in ways)
    for name in ("socket.poll", "socket.recv_multipart", "on_recv", "sending", "flush", "_run_callback"):
        _need(kernel, f"{ways[0]}.{name}", callable)
    _need(kernel, f"{ways[0]}._recv_callback", lambda found: callable(found) and _code(found) is not None)
    for name in ("session.feed_identities", "session.deserialize", "session.digest_history.discard", "log.error"):
        _need(kernel, name, callable)
    for name in ("set_parent", "get_parent", "should_handle", "_publish_status", "io_loop.add_callback"):
        _need(kernel, name, callable)
    _need(kernel, "io_loop.asyncio_loop")
    _need(kernel, "shell_handlers", lambda found: isinstance(found, Mapping) and found.keys() >= SERVED)
    _need(kernel, "_parent_ident", lambda found: isinstance(found, Mapping) and "shell" in found)
    if getattr(kernel, "msg_queue", None) is not None:
        _need(kernel, "msg_queue._queue", lambda found: hasattr(found, "__iter__"))
    return _Shell(kernel, stream, reply)


def _need(owner: Any, path: str, kind: Callable[[Any], bool] = lambda found: found is not None) -> Any:
    found = owner
    for name in path.split("."):
        found = getattr(found, name, None)
    if found is None or not kind(found):
        raise _Missing(path)
    return found


def _code(function: Any) -> Any:
    """The code that a function, a partial of one, or a coroutine runs."""
    return getattr(getattr(function, "func", function), "__code__", None) or getattr(function, "cr_code", None)


def _kernel() -> Any:
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython() if ipython else None, "kernel", None)


def _name_of(kernel: Any) -> str:
    module = type(kernel).__module__.partition(".")[0]
    return " ".join(filter(None, (module, getattr(sys.modules.get(module), "__version__", ""))))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


@contextmanager
def _no_cell_ends(kernel: Any) -> Iterator[None]:
    """A widget's message announces itself like a cell; in the middle of one that would end it."""
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


class _Interrupts:
    """Notes an interrupt instead of raising it, until the block ends; then it is raised."""

    def __enter__(self) -> "_Interrupts":
        self._frame: Any = None
        self.came = False
        self._theirs = signal.getsignal(signal.SIGINT)
        self._hold(True)
        return self

    def __exit__(self, *_: object) -> None:
        self._hold(False)
        if self.came and callable(self._theirs):
            self._theirs(signal.SIGINT, self._frame)

    @contextmanager
    def let_through(self) -> Iterator[None]:
        self._hold(False)
        try:
            yield
        finally:
            self._hold(True)

    @property
    def possible(self) -> bool:
        """Whether an interrupt would be heard: kernels ignore it between two messages."""
        return callable(self._theirs)

    def _hold(self, on: bool) -> None:
        # A handler that is not Python's raises nothing in Python, and could not be put back.
        if self.possible:
            signal.signal(signal.SIGINT, self._note if on else self._theirs)

    def _note(self, _: int, frame: Any) -> None:
        self.came, self._frame = True, frame


_waiting: set["asyncio.Future[Any]"] = set()


def _begin(result: Any) -> None:
    """Run a handler's coroutine up to its end, or to where it waits; from there it goes on when the event loop is free."""
    if not inspect.isawaitable(result):
        return
    if inspect.iscoroutine(result):
        try:
            result = _Rest(result, result.send(None))
        except StopIteration:
            return
    future = asyncio.ensure_future(result)
    _waiting.add(future)  # asyncio itself keeps no hold on it
    future.add_done_callback(_waiting.discard)


@dataclass(frozen=True)
class _Rest:
    """A coroutine that has begun, and what it waits for."""

    begun: Coroutine[Any, Any, Any]
    waiting: Any

    def __await__(self) -> Generator[Any, Any, Any]:
        with suppress(Exception, asyncio.CancelledError):  # the coroutine asks for the outcome itself
            yield self.waiting
        return (yield from self.begun.__await__())
