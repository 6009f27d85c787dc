"""Updates of a picture that wait for the page: while it still draws one, those that follow are merged into the next."""

import time
from collections.abc import Callable

#: Seconds to wait for the answer of a page.
PATIENCE = 1.0
#: A page that lets this many updates pass without an answer is taken to be closed.
MAX_MISSED = 3


class UpdateGate:
    """Lets an update pass when every page has drawn the one before, so that updates never pile up in front of a slow page.

    A page answers each update by its number. One that has neither opened nor answered, because there is none or no message is handled
    while a cell runs, holds nothing up.

    Example:
        >>> gate = UpdateGate()
        >>> number = gate.passed()
        >>> gate.answered("page", number)
        >>> gate.is_open(), gate.passed(), gate.is_open()
        (True, 2, False)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._number, self._passed_at = 0, 0.0
        #: For each page the number of its latest answer, and how many updates it has missed since.
        self._pages: dict[str, tuple[int, int]] = {}

    def is_open(self) -> bool:
        """Return whether the next update may pass."""
        late = [page for page, (answer, _) in self._pages.items() if answer < self._number]
        return not late or self._clock() - self._passed_at > PATIENCE

    def passed(self) -> int:
        """Return the number of the update that passes now."""
        for page, (answer, missed) in list(self._pages.items()):
            if answer < self._number:
                self._pages[page] = (answer, missed + 1)
                if missed + 1 >= MAX_MISSED:
                    del self._pages[page]
        self._number, self._passed_at = self._number + 1, self._clock()
        return self._number

    def opened(self, page: str) -> None:
        """Note that a page has opened and got everything so far."""
        self._pages[page] = (self._number, 0)

    def answered(self, page: str, number: int) -> None:
        """Note that a page has drawn the update with this number."""
        self._pages[page] = (min(number, self._number), 0)
