"""Training steps that a page or Python asked for, and that are made a few at a time, so that the picture follows."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

#: Steps that can be asked for at once.
MAX_STEPS = 100_000
#: Seconds of training between two pictures, when a page asked for many steps.
SLICE = 0.2
#: Snapshots of many steps that are asked for at once.
_SNAPSHOTS = 25


class PendingSteps:
    """Steps that are still to be made.

    Attributes:
        which: name of the steps, "" where there is only one kind.
        remaining: how many.
        error: the error that ended them, "" for none.
    """

    def __init__(self) -> None:
        self.which, self.remaining, self.error = "", 0, ""
        self._between, self._since = 1, 0

    def start(self, count: int, which: str = "") -> None:
        """Ask for `count` steps."""
        self.which, self.remaining, self.error = which, count, ""
        self._between, self._since = max(1, count // _SNAPSHOTS), 0

    def stop(self, error: str = "") -> None:
        """Make no more steps."""
        self.remaining, self.error = 0, error

    def run(self, step: Callable[[], Any], keep: Callable[[], Any], seconds: float | None = None) -> None:
        """Make the steps that remain; with a limit, at least one and as many as fit the time.

        Args:
            step: makes one step.
            keep: keeps a snapshot; called after every few steps and after the last.
            seconds: the limit.

        Raises:
            BaseException: what a step raises; no step remains then.
        """
        began = perf_counter()
        try:
            while self.remaining > 0:
                step()
                self.remaining -= 1
                self._since += 1
                if self._since >= self._between or not self.remaining:
                    self._since = 0
                    keep()
                if seconds is not None and perf_counter() - began > seconds:
                    return
        except BaseException as error:  # an interrupt too
            self.stop(f"{type(error).__name__}: {error}")
            raise
