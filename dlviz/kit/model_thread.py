"""The one thread that may run the learner's models, and calls from other threads that wait for it.

To draw a picture, dlviz runs a model, and for that moment puts copies in the place of its parameters, sets hooks and evaluation mode, and
later puts back the random generators. No other thread may use the model meanwhile. But JupyterLab sends the messages of widgets to a
subshell (ipykernel 7), a thread beside the one that runs cells, and a loop may train in a thread of its own. So a message that arrives
in another thread waits: for a loop that trains in a thread, which handles what waits between two steps; else for the main thread, which
does so between two steps too, or when no cell runs.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dlviz.kit.notebook_output import ipython_shell

_waiting: deque[Callable[[], None]] = deque()
_training: list[threading.Thread] = []
_handling = False


@contextmanager
def trains_here() -> Iterator[None]:
    """Give the models to the current thread: what other threads ask for waits until it calls :func:`handle_waiting`, or has ended."""
    thread = threading.current_thread()
    _training.append(thread)
    try:
        yield
    finally:
        _training.remove(thread)
        _ask_main_thread()


def run_when_free(call: Callable[[], None]) -> None:
    """Run a call that may run the learner's models: now in their thread, else there, as soon as it is between two steps."""
    if _is_allowed() or _event_loop() is None:
        call()
        return
    _waiting.append(call)
    _ask_main_thread()


def handle_waiting() -> None:
    """Run the calls that wait, if this is the thread that may; an error of one is shown as the error of a message would be."""
    global _handling
    if _handling or not _waiting or not _is_allowed():
        return
    _handling = True
    try:
        while _waiting:
            try:
                _waiting.popleft()()
            except Exception:
                shell = ipython_shell()
                if shell is None:
                    raise
                shell.showtraceback()
    finally:
        _handling = False


def _is_allowed() -> bool:
    """Return whether the models belong to the current thread: one that trains or, if none does, the main thread."""
    thread = threading.current_thread()
    return thread in _training if _training else thread is threading.main_thread()


def _ask_main_thread() -> None:
    """Have the main thread handle what waits when no cell runs; while a thread trains, that thread does."""
    loop = _event_loop()
    if _waiting and not _training and loop is not None:
        loop.add_callback(handle_waiting)


def _event_loop() -> Any:
    """Return the event loop of the kernel's main thread, ``None`` where no kernel runs."""
    return getattr(getattr(ipython_shell(), "kernel", None), "io_loop", None)
