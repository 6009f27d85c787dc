"""Time limit of a check: code that runs too long is stopped with an exception, endless loops included.

In the main thread a timer's signal raises the exception, which also ends calls that wait, such as ``time.sleep``. On Windows, which
has no such timer, and in other threads, a second thread raises it; there a call that waits has to return first, and a loop around
``except:`` goes on.
"""

import ctypes
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

DEFAULT_SECONDS = 60.0

#: Delays from one exception to the next, in seconds. Code that catches the first one meets others at changing places, until one
#: strikes outside its ``try``.
_DELAYS = (0.01, 2e-5, 1e-4, 5e-5, 1e-3, 3e-5)


class TimeUpError(BaseException):
    """Raised in code that runs longer than the limit; not an Exception, so that ``except Exception`` does not catch it."""


def limit_seconds() -> float:
    """Return the seconds that a check may take: ``DLVIZ_TIME_LIMIT`` if it is a positive number, else 60."""
    try:
        seconds = float(os.environ.get("DLVIZ_TIME_LIMIT", ""))
    except ValueError:
        return DEFAULT_SECONDS
    return seconds if 0 < seconds < threading.TIMEOUT_MAX else DEFAULT_SECONDS


def interruptible(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that a time limit may stop. Code outside such a call, which may be restoring a state, is never stopped."""
    return function(*arguments)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`TimeUpError` in what :func:`interruptible` calls inside, once the time is up.

    >>> with time_limit(5):
    ...     interruptible(sum, [1, 2])
    3
    """
    in_main = threading.current_thread() is threading.main_thread()
    with _timer(seconds) if in_main and hasattr(signal, "setitimer") else _second_thread(seconds):
        yield


@contextmanager
def _timer(seconds: float) -> Iterator[None]:
    delays = itertools.cycle(_DELAYS)
    running = True

    def stop(number: int, frame: FrameType | None) -> None:
        if running:  # a signal may arrive while the timer is being removed, and must not start it again
            signal.setitimer(signal.ITIMER_REAL, next(delays))
            if _in_interruptible(frame):
                raise TimeUpError

    before = signal.signal(signal.SIGALRM, stop)
    start = time.monotonic()
    delay, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)  # None: a handler that was not set from Python
        if delay:  # another timer, such as a test runner's, goes on
            signal.setitimer(signal.ITIMER_REAL, max(delay - (time.monotonic() - start), 1e-3), interval)


@contextmanager
def _second_thread(seconds: float) -> Iterator[None]:
    target = threading.get_ident()
    done, lock = threading.Event(), threading.Lock()

    def watch() -> None:
        delays = itertools.cycle(_DELAYS)
        delay = seconds
        while not done.wait(delay):
            delay = next(delays)
            with lock:
                if not done.is_set() and _in_interruptible(sys._current_frames().get(target)):
                    _raise_in(target, TimeUpError)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with lock:
            done.set()
        _withdraw_request()
        thread.join()


class _WithdrawnError(BaseException):
    """Takes the place of a request that came too late to be raised inside."""


def _withdraw_request() -> None:
    """Replace what this thread was requested to raise, if there is anything, and catch it.

    Withdrawing it as the C API does, with NULL, leaves a flag set in CPython 3.11, with which the first call under a trace function,
    such as a debugger's, never begins.
    """
    try:
        _raise_in(threading.get_ident(), _WithdrawnError)
        while True:  # it is raised at one of the next instructions
            pass
    except _WithdrawnError:
        pass


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Request that a thread raises an exception. CPython calls this an asynchronous exception."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def _in_interruptible(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is interruptible.__code__:
            return True
        frame = frame.f_back
    return False
