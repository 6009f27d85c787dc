"""Snapshots of a training: taken while it runs, looked at backwards, and carried by a page."""

import json
from typing import Any

from dlviz.decision_boundary.drawing_widget import Drawing
from dlviz.decision_boundary.record import Shot
from dlviz.decision_boundary.snapshots import Moment, room, spread, state_of, thinned, versions
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET

#: Of the room in a page this share goes to the snapshots, each on a grid of up to so many points along a side, with so many numbers
#: in its units' maps.
_SHARE, _SIDE_IN_PAGE, _NUMBERS_IN_PAGE = 0.8, 48, 24_000


class Remembering(Drawing):
    """A step of the player is a snapshot."""

    def __init__(self, *given: Any, **traits: Any) -> None:
        self._taken = 0
        super().__init__(*given, **traits)
        self._remember(message("decision_boundary.start"))
        self._draw()
        self.observe(self._moved, "step")

    @property
    def snapshots(self) -> list[str]:
        """The labels of what is remembered, oldest first."""
        return [self._called(moment) for moment in self._moments]

    def snapshot(self, label: str = "") -> None:
        """Remember the model as it is now, and draw it.

        Args:
            label: what to call this moment; without one it has its number.
        """
        self._open()
        self._now(str(label), always=True)

    def update(self) -> None:
        """Draw the model as it is now, after some training. If it has learned since, it is remembered, so that the player can go back.

        Edits are let go. Of a long training up to 120 moments are kept, evenly; of a large model fewer.
        """
        self._open()
        self._now("", always=False)

    def _now(self, label: str, *, always: bool) -> None:
        learned = versions(self._learners) != self._stamp
        with self.hold_sync():
            self._edits.clear()
            if learned or always:
                x, labels = self._all()
                self._shot = self._shoot(x, labels, self.resolution, None)
                self._remember(label)
            self._at = self.step = len(self._moments) - 1
            if learned or always:
                self._show()
            else:
                self._draw()

    def _remember(self, label: str) -> None:
        self._stamp = versions(self._learners)
        shot = self._open()
        moment = Moment(self._taken, label, state_of(self._learners), shot.loss, shot.accuracy)
        self._taken += 1
        self._moments = thinned([*self._moments, moment], room(moment.state))

    def _moved(self, _: Any = None) -> None:
        if self._shot is None or self.step == self._at:
            return
        last = len(self._moments) - 1
        if self.step > last:
            self.step = last
            return
        self._at = self.step
        self._edits.clear()
        self._draw()

    def _page_state(self) -> dict[str, Any]:
        full = super()._page_state()
        places = self._in_page()
        if len(places) == len(self._moments):
            return full
        step = places.index(self.step)
        moved = self._scene(self._past(places[step], self.resolution), self.resolution, places)
        return full | {"step": step, "scene": moved}

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Every snapshot that there is room for."""
        places = self._in_page()
        side = min(self.resolution, _SIDE_IN_PAGE)
        frames = {
            json.dumps(k): {"scene": self._scene(self._past(place, side), side, places, _NUMBERS_IN_PAGE)}
            for k, place in enumerate(places)
        }
        return {"step": frames}

    def _past(self, place: int, side: int) -> Shot:
        x, labels = self._all()
        state = self._state(None if place == len(self._moments) - 1 else self._moments[place])
        return self._shoot(x, labels, side, state)

    def _in_page(self) -> list[int]:
        """Numbers of the snapshots that a page has room for, evenly spread; the one that is drawn is among them."""
        count, side = len(self._moments), min(self.resolution, _SIDE_IN_PAGE)
        if self._shot is None or count == 1:
            return list(range(count))
        one = len(to_json(self._scene(self._past(0, side), side, range(count), _NUMBERS_IN_PAGE)))
        return sorted({*spread(count, max(2, int(_SHARE * BUDGET / one))), self.step})
