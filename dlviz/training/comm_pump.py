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

What the pump uses of ipykernel and pyzmq is in :mod:`dlviz.training.kernel_shell`.

A message that JupyterLab sends to a subshell is handled there, in its thread, and never reaches the pump. What may run a model waits for
the loop (:mod:`dlviz.kit.model_thread`), and the pump handles it too. ipykernel 7.4 answers a comm on the shell that last sent on it, so
a widget made in a cell begins on the main shell; once the pump has handled its first message, the answer to it may move the others to
their subshell.

**What ipykernel could offer instead**: ``kernel.do_pending(types)``, to be called on the main thread from inside a cell: handle the
waiting messages of these types now, keep the others. ipykernel knows its own queue, so none of its private names would be needed.
"""

import asyncio
import inspect
import os
import signal
import sys
import threading
import warnings
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

from dlviz.kit.messages import message
from dlviz.kit.model_thread import handle_waiting
from dlviz.kit.notebook_output import ipython_shell
from dlviz.training.kernel_shell import MissingAttribute, Request, find_shell

#: Seconds between two polls: 20 a second feel fluent and cost a loop next to nothing.
POLL_PERIOD = 0.05


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
            self._shell = find_shell(kernel)
        except MissingAttribute as missing:
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
            handle_waiting()
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

    def _handle(self, request: "Request", interrupts: "_DeferredInterrupts") -> None:
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


def _kernel() -> Any:
    return getattr(ipython_shell(), "kernel", None)


def _kernel_name(kernel: Any) -> str:
    module = type(kernel).__module__.partition(".")[0]
    return " ".join(filter(None, (module, getattr(sys.modules.get(module), "__version__", ""))))


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
