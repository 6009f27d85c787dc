"""Base of this room's widgets: an operation whose arguments are traits, with torch's error message if it refuses them."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
import traitlets
from torch import Tensor

from dlviz.convolution.controls import control_list, control_values
from dlviz.convolution.record import SlidingWindow
from dlviz.convolution.scene import scene
from dlviz.convolution.still import draw
from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.validated_widget import float_field, int_list_field, invalid_value
from dlviz.kit.widget import DataWidget, binary

_TORCH_ERRORS = (RuntimeError, ValueError, TypeError, IndexError)

#: Largest value of an argument that is accepted from the browser: the memory for padding grows with its square.
MAX_ARGUMENT = 1000
#: Well-known 3 × 3 kernels, by the keys of their messages.
PRESETS = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "blur": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel_y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
}


class SlidingWindowWidget(DataWidget[SlidingWindow]):
    """Base of widgets that show a sliding window. One step of the player is one position of the window.

    Attributes:
        data: what torch computed, with the terms of every output.
        step: 0, or 1 + the row-major position of the output that is shown.
        channel: output channel that is shown.
        sample: sample of the batch that is drawn.
        selection: ``["input", channel, …]`` or ``["weight", …]`` to show the outputs of that element instead, else empty.
        origin: first output position that is drawn, if there are more than the picture can show.
        refusal: torch's message if it refuses the current arguments; the picture then keeps the last accepted ones.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "convolution"
    _tensor_attributes = ("_data", "_x", "_weight", "_bias")
    #: The operation's arguments that are traits, in torch's order.
    _arguments: ClassVar[tuple[str, ...]] = ()
    #: Further traits that change what is drawn.
    _switches: ClassVar[tuple[str, ...]] = ()

    channel = traitlets.Int(0, min=0, help="output channel that is shown").tag(sync=True)
    sample = traitlets.Int(0, min=0, help="sample of the batch that is drawn").tag(sync=True)
    selection: Any = traitlets.List(help="selected element of input or weight").tag(sync=True)
    origin = traitlets.List(traitlets.Int(min=0), help="first output position that is drawn").tag(sync=True)
    refusal = traitlets.Unicode("", help="torch's message if it refuses the arguments").tag(sync=True)

    def __init__(self, name: str, x: Tensor, weight: Tensor | None, bias: Tensor | None, **traits: Any) -> None:
        self._function, self._x, self._weight, self._bias = name, x, weight, bias
        self._dims = 1 if "1d" in name else 2
        names = (*self._arguments, *self._switches)
        settings = {key: traits.pop(key) for key in names if key in traits}
        try:
            data = self._compute(settings)
        except _TORCH_ERRORS as error:
            raise DlvizError(self._error_message(error, settings)) from None
        super().__init__(data, **{key: _to_list(value) for key, value in settings.items()}, **traits)
        self._draw()
        self.observe(self._recompute, list(names))
        self.observe(self._draw, ["sample", "origin"])

    def _compute(self, settings: Mapping[str, Any]) -> SlidingWindow:
        """Compute the operation with these arguments and switches. Errors of torch are raised unchanged."""
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        return {key: _to_tuple(getattr(self, key)) for key in (*self._arguments, *self._switches)}

    @property
    def output(self) -> Tensor:
        """The output, with a batch dimension if the input has one."""
        return self._like_input(self.data.output)

    def _like_input(self, batch: Tensor) -> Tensor:
        return batch if self._x.dim() == self._dims + 2 else batch[0]

    @property
    def weight(self) -> Tensor | None:
        """The current kernel, including edits."""
        return self._weight

    def set_weight(self, weight: Tensor) -> None:
        """Use another kernel of the same shape."""
        assert self._weight is not None
        self._weight = weight.detach().reshape(self._weight.shape).to(self._weight)
        self._recompute()

    def _recompute(self, _: Any = None) -> None:
        """Compute with the current arguments; if torch refuses them, show its message and keep the picture."""
        if self._closed:
            return
        try:
            self._data = self._compute(self._settings())
        except _TORCH_ERRORS as error:
            self.refusal = first_line(error)
            return
        with self.hold_sync():
            self.refusal = ""
            self._draw()

    def _accepts(self, name: str, value: Any) -> bool:
        numbers = value if isinstance(value, list) else [value]
        too_large = any(isinstance(number, int) and abs(number) > MAX_ARGUMENT for number in numbers)
        return not (name in self._arguments and too_large) and super()._accepts(name, value)

    @traitlets.validate("origin")
    def _validate_origin(self, proposal: Any) -> list[int]:
        if len(proposal["value"]) not in (0, self._dims):
            raise invalid_value("origin", proposal["value"])
        return list(proposal["value"])

    def _draw(self, _: Any = None) -> None:
        samples, channels = self.data.output.shape[:2]
        if self.sample >= samples or self.channel >= channels:
            with self.hold_trait_notifications():
                self.sample = min(self.sample, samples - 1)
                self.channel = min(self.channel, channels - 1)
        self.scene = self._scene(self.data, self._settings(), self.sample)

    def _scene(self, data: SlidingWindow, settings: Mapping[str, Any], sample: int) -> dict[str, Any]:
        shown = scene(
            data,
            sample,
            tuple(self.origin),
            self._signature(data, settings),
            flat_indices=bool(settings.get("return_indices")),
            gradient=bool(settings.get("gradient")),
        )
        shown["name"] = self._function
        shown["controls"] = control_list(tuple(settings), settings, self._dims, int(data.output.shape[0]))
        shown["presets"] = self._presets()
        # The tensors of an equivalent convolution are not the learner's own, so they cannot be edited.
        shown["editable"] = not settings.get("equivalent", False)
        return dict(binary(shown))

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        if self._closed:
            return {}
        settings, controls = self._settings(), self.scene["controls"]
        # No more scenes are computed than fit the page.
        max_values = max(8, BUDGET // (len(to_json(self.scene)) * len(controls) or 1))
        states: dict[str, dict[str, dict[str, Any]]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's warnings about settings that the learner did not choose
            for control in controls:
                name, values = control["name"], control_values(control, settings, self._dims)[:max_values]
                computed = {json.dumps(value): self._state({**settings, name: _to_tuple(value)}) for value in values}
                states[name] = states.get(name, {}) | computed
        return states

    def _state(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the traits that the view shows with these settings."""
        sample = settings.pop("sample", self.sample)
        try:
            data = self._compute(settings)
        except _TORCH_ERRORS as error:
            return {"refusal": first_line(error)}
        return {"refusal": "", "scene": self._scene(data, settings, sample)}

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(x.shape) for name, x in (("x", self._x), ("weight", self._weight)) if x is not None}

    def _signature(self, data: SlidingWindow, settings: Mapping[str, Any]) -> str:
        parts = [f"{name} {shape}" for name, shape in self._shapes().items()]
        for key, value in settings.items():
            if key not in self._switches and not self._is_default(key, value):
                parts.append(f"{key} {value}")
        return f"{' · '.join(parts)} → {tuple(self._like_input(data.output).shape)}"

    def _is_default(self, key: str, value: Any) -> bool:
        default = self.traits()[key].default_value
        return bool(value == default or value == (default,) * self._dims)

    def _presets(self) -> list[str]:
        fits = self._weight is not None and self._weight.shape[2:] == (3, 3) and self._weight.is_floating_point()
        return list(PRESETS) if fits else []

    def _error_message(self, error: Exception, settings: Mapping[str, Any]) -> str:
        shapes = [f"{name} {shape}" for name, shape in self._shapes().items()]
        given = ", ".join([*shapes, *(f"{key}={value!r}" for key, value in settings.items())])
        return message("convolution.refused.torch", name=self._function, given=given, torch=first_line(error))

    def _on_preset(self, content: Mapping[str, Any]) -> None:
        if str(content.get("name")) in self._presets():
            assert self._weight is not None
            kernel = torch.tensor(PRESETS[content["name"]], dtype=self._weight.dtype, device=self._weight.device)
            self.set_weight(kernel.expand(self._weight.shape).clone())

    def _on_edit(self, content: Mapping[str, Any]) -> None:
        self.edit(str(content.get("what")), int_list_field(content, "index"), float_field(content, "value"))

    def edit(self, what: str, index: tuple[int, ...], value: float) -> None:
        """Change one number in the widget's own copy of the input or weight. Your tensors are not changed.

        Args:
            what: "input" or "weight".
            index: index of the element; of the input without the batch dimension, because the drawn sample is changed.
            value: the new number.

        Raises:
            DlvizError: there is no such element.
        """
        target = {"input": self._x, "weight": self._weight}.get(what)
        full = index if what == "weight" or self._x.dim() == self._dims + 1 else (self.sample, *index)
        if (
            target is None
            or len(full) != target.dim()
            or any(not 0 <= i < n for i, n in zip(full, target.shape, strict=True))
        ):
            raise DlvizError(message("convolution.refused.edit", what=what, index=index))
        changed = target.clone()
        changed[full] = value
        if what == "input":
            self._x = changed
        else:
            self._weight = changed
        self._recompute()

    def _describe(self) -> str:
        shapes = ", ".join(map(str, self._shapes().values()))
        return message("convolution.repr", name=self._function, shapes=shapes, out=tuple(self.output.shape))

    def _still(self) -> str:
        signature, summary = self.scene["signature"], self.scene["summary"]
        return draw(self.data, self.sample, self._function, signature, summary, self._still_theme)


def _to_list(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, torch.Size)) else value


def _to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def bind_arguments(
    widget: type[SlidingWindowWidget],
    positional: tuple[Any, ...],
    keywords: dict[str, Any],
    *,
    keyword_only: str = "padding_mode",
) -> dict[str, Any]:
    """Return positional and keyword arguments by name, in torch's order without the `keyword_only` one."""
    names = [name for name in widget._arguments if name != keyword_only]
    if len(positional) > len(names):
        raise TypeError(
            f"{widget.__name__} takes {', '.join(names)} at most, but got {len(positional)} positional arguments"
        )
    given = dict(zip(names, positional, strict=False))
    twice = sorted(given.keys() & keywords.keys())
    if twice:
        raise TypeError(f"{widget.__name__} got {', '.join(twice)} twice, by place and by name")
    return {**given, **keywords}
