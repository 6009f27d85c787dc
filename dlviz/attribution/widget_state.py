"""State behind the maps: the learner's net and inputs, what was computed of them, and what is computed on request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from dlviz.attribution.grad_cam import ChannelTerms, channel_terms
from dlviz.attribution.path import IntegrationPath, integration_path
from dlviz.attribution.pictures import strongest_places
from dlviz.attribution.record import Record, record
from dlviz.attribution.sanity import deletion_insertion, input_noise, other_class, randomization
from dlviz.attribution.terms import Terms, terms

Answer = TypeVar("Answer")

#: Channels of Grad-CAM's layer that are drawn.
CHANNELS = 5
#: Checks of a map, in the order of their buttons.
CHECKS: Mapping[str, Callable[..., Any]] = {
    "randomization": randomization,
    "deletion_insertion": deletion_insertion,
    "other_class": other_class,
    "input_noise": input_noise,
}


class AttributionState:
    """A net, its inputs and the record of their attributions.

    Args:
        net, x, target: as :func:`dlviz.attribution.record` takes them.
        options: its other arguments.

    Attributes:
        record: what was computed.
    """

    def __init__(self, net: Any, x: Any, target: Any, options: Mapping[str, Any]) -> None:
        self._net, self._x, self._options = net, x, dict(options)
        self.record: Record = record(net, x, target, **self._options)
        self._answers: dict[tuple[Any, ...], Any] = {}

    @property
    def layer(self) -> str:
        """Path of Grad-CAM's layer, "" without one."""
        cam = self.record.attributions.get("grad_cam")
        return "" if cam is None else cam.layer

    # Changes.

    def update(self) -> None:
        """Compute everything again with the net's present weights."""
        options = self._options | {"relu": self.record.relu}
        if self.layer:
            options["layer"] = self.layer
        self.record = record(self._net, self._x, self.record.inputs.targets.tolist(), **options)
        self._answers.clear()

    def set_target(self, index: int, target: int) -> None:
        """Explain another output of one input, with the same weights."""
        self.record = self.record.with_target(index, target)
        self._answers = {key: answer for key, answer in self._answers.items() if key[-1] != index}

    def set_layer(self, layer: str, relu: bool) -> None:
        """Compute Grad-CAM at another layer, with or without its ReLU."""
        self.record = self.record.with_layer(layer, relu)
        self._answers = {key: answer for key, answer in self._answers.items() if "grad_cam" not in key}

    @contextmanager
    def at_layer(self, layer: str, relu: bool) -> Iterator[None]:
        """Use another layer of Grad-CAM inside the block, and the present one again afterwards."""
        with self._restored():
            self.set_layer(layer, relu)
            yield

    @contextmanager
    def at_target(self, index: int, target: int) -> Iterator[None]:
        """Explain another output of one input inside the block, and the present one again afterwards."""
        with self._restored():
            self.set_target(index, target)
            yield

    @contextmanager
    def _restored(self) -> Iterator[None]:
        kept = self.record, self._answers
        try:
            yield
        finally:
            self.record, self._answers = kept

    # Answers, each computed once.

    def _once(self, key: tuple[Any, ...], make: Callable[[], Answer]) -> Answer:
        if key not in self._answers:
            self._answers[key] = make()
        answer: Answer = self._answers[key]
        return answer

    def terms(self, method: str, index: int, place: Sequence[int]) -> Terms:
        """Return the terms of one number of a map."""
        return terms(self.record, method, index, place)

    def path(self, index: int) -> IntegrationPath:
        """Return the path of integrated gradients of one input."""
        return integration_path(self.record.score, index, self.record.steps)

    def channels(self, index: int) -> ChannelTerms:
        """Return the strongest channels of Grad-CAM's layer."""
        return self._once(
            ("grad_cam", index), lambda: channel_terms(self.record.score, self.layer, index, most=CHANNELS)
        )

    def check(self, name: str, method: str, index: int, options: Mapping[str, Any] | None = None) -> Any:
        """Return the result of one of :data:`CHECKS` for one map; with options it is not kept.

        Raises:
            DlvizError: there is no such map, or it cannot be checked so.
        """
        if options:
            return CHECKS[name](self.record, method, index, **options)
        return self._once(("check", name, method, index), lambda: CHECKS[name](self.record, method, index))

    def checked(self, method: str, index: int) -> dict[str, Any]:
        """Return the results that were computed for one map, by the check's name."""
        keys = {name: ("check", name, method, index) for name in CHECKS}
        return {name: self._answers[key] for name, key in keys.items() if key in self._answers}

    def strongest(self, method: str, index: int) -> list[int]:
        """Return the place with the strongest number of a map."""
        return list(strongest_places(self.record.attributions[method].strengths[index])[0])
