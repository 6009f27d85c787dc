"""Base of this room's widgets: an operation whose arguments are traits, with torch's error message if it refuses them."""

import json
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
import traitlets
from torch import Tensor, nn

from dlviz.convolution.controls import control_list, control_values
from dlviz.convolution.operations import add_batch
from dlviz.convolution.record import SlidingWindow
from dlviz.convolution.scene import MAX_CHANNELS, DrawnOutput, output_window, scene
from dlviz.convolution.still import draw
from dlviz.convolution.window_axis import TransposedAxis, WindowAxis
from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET, Precomputed
from dlviz.kit.validated_widget import float_field, int_list_field, invalid_value
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import DataWidget, binary
from dlviz.torchkit.array_data import check_data

_TORCH_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, OverflowError)
#: Of inputs and outputs of more elements, a page's pictures of other settings are computed from the drawn part only.
_MAX_WHOLE = 2**16

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
        refusal: the message if the current arguments are refused; the picture then keeps the last accepted ones.
        refused_by: "torch" if that message is torch's own, else "dlviz".
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
    refusal = traitlets.Unicode("", help="the message if the arguments are refused").tag(sync=True)
    refused_by = traitlets.Unicode("torch", help="torch or dlviz").tag(sync=True)

    def __init__(self, name: str, x: Tensor, weight: Tensor | None, bias: Tensor | None, **traits: Any) -> None:
        self._function, self._x, self._weight, self._bias = name, x, weight, bias
        self._dims = 1 if "1d" in name else 2
        names = (*self._arguments, *self._switches)
        settings = {key: _to_plain(traits.pop(key)) for key in names if key in traits}
        try:
            data = self._compute_all(settings)
        except DlvizError:
            raise
        except _TORCH_ERRORS as error:
            raise DlvizError(self._error_message(error, settings)) from None
        super().__init__(data, **{key: _to_list(value) for key, value in settings.items()}, **traits)
        self._draw()
        self.observe(self._recompute, list(names))
        self.observe(self._draw, ["sample", "origin"])

    def _compute(
        self, settings: Mapping[str, Any], x: Tensor, weight: Tensor | None, bias: Tensor | None
    ) -> SlidingWindow:
        """Compute the operation with these arguments and switches. Errors of torch are raised unchanged."""
        raise NotImplementedError

    def _axes(self, settings: Mapping[str, Any]) -> tuple[WindowAxis | TransposedAxis, ...]:
        """Return the axes of the operation with these arguments, without computing it."""
        raise NotImplementedError

    def _compute_all(self, settings: Mapping[str, Any]) -> SlidingWindow:
        data = self._compute(settings, self._x, self._weight, self._bias)
        if data.output.numel() == 0:
            shapes = {"x": tuple(self._x.shape), "out": tuple(data.output.shape)}
            raise DlvizError(message("convolution.refused.empty", name=self._function, **shapes))
        return data

    def _compute_drawn(self, settings: Mapping[str, Any], sample: int) -> tuple[SlidingWindow, DrawnOutput | None]:
        """Compute what is drawn of a sample: with a large input only from the part of it that the drawn outputs read."""
        axes = self._axes(settings)
        shape = tuple(axis.output_size for axis in axes)
        small = max(self._x.numel(), math.prod(shape)) <= _MAX_WHOLE
        if small or settings.get("equivalent") or min(shape) < 1:
            return self._compute_all(settings), None
        starts, sizes = output_window(shape, self.origin)
        near, firsts, skipped = zip(
            *(axis.near(start, size) for axis, start, size in zip(axes, starts, sizes, strict=True)), strict=True
        )
        batch = add_batch(self._x, self._dims)
        x, weight, bias, channels = self._drawn_channels(settings, batch[sample : sample + 1])
        for dim, (axis, first) in enumerate(zip(near, firsts, strict=True), 2):
            x = x.narrow(dim, first, axis.input_size)
        part = self._compute(settings, x, weight, bias)
        places: list[Any] = [
            slice(start - skip, start - skip + size) for start, skip, size in zip(starts, skipped, sizes, strict=True)
        ]
        output, indices = (
            None if values is None else values[(0, slice(MAX_CHANNELS), *places)]
            for values in (part.output, part.indices)
        )
        assert output is not None
        if indices is not None:
            # The flat index in the part becomes that in the whole input.
            row, column = indices // x.shape[-1], indices % x.shape[-1]
            indices = (row + (firsts[0] if len(firsts) > 1 else 0)) * batch.shape[-1] + column + firsts[-1]
        whole = output.new_empty(1).expand(len(batch), channels, *shape)  # only its shape is used
        data = replace(part, x=batch, weight=self._weight, bias=self._bias, axes=axes, output=whole, indices=None)
        return data, DrawnOutput(output, indices)

    def _drawn_channels(
        self, settings: Mapping[str, Any], x: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None, int]:
        """Return input, weight and bias of the drawn output channels, and the number of all output channels."""
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
        given = check_data(weight, "convolution.refused.operand", caller=self._function, name="weight").detach()
        if given.shape != self._weight.shape:
            values = {"got": tuple(given.shape), "shape": tuple(self._weight.shape)}
            raise DlvizError(message("convolution.refused.weight", **values))
        self._weight = given.to(self._weight)
        self._recompute()

    def _recompute(self, _: Any = None) -> None:
        """Compute with the current arguments; if torch refuses them, show its message and keep the picture."""
        if self._closed:
            return
        try:
            self._data = self._compute_all(self._settings())
        except _TORCH_ERRORS as error:
            with self.hold_sync():
                self.set_trait("refused_by", _refused_by(error))
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

    def _scene(
        self, data: SlidingWindow, settings: Mapping[str, Any], sample: int, drawn: DrawnOutput | None = None
    ) -> dict[str, Any]:
        shown = scene(
            data,
            sample,
            tuple(self.origin),
            self._signature(data, settings),
            drawn=drawn,
            flat_indices=bool(settings.get("return_indices")),
            gradient=bool(settings.get("gradient")),
        )
        shown["name"] = self._function
        shown["controls"] = control_list(tuple(settings), settings, self._dims, int(data.output.shape[0]))
        shown["presets"] = self._presets()
        # The tensors of an equivalent convolution are not the learner's own, so they cannot be edited.
        shown["editable"] = not settings.get("equivalent", False)
        return dict(binary(shown))

    def _precomputed(self) -> Precomputed:
        if self._closed:
            return {}
        settings, controls = self._settings(), self.scene["controls"]
        # No more scenes are computed than fit the page.
        max_values = max(8, BUDGET // (len(to_json(self.scene)) * len(controls) or 1))
        states: dict[str, dict[str, Callable[[], dict[str, Any]]]] = {}
        for control in controls:
            name, values = control["name"], control_values(control, settings, self._dims)[:max_values]
            if name == "equivalent" and self._x.numel() > _MAX_WHOLE:
                continue
            computed = {
                json.dumps(value): partial(self._state, {**settings, name: _to_tuple(value)}) for value in values
            }
            states[name] = states.get(name, {}) | computed
        return states

    def _state(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the traits that the view shows with these settings."""
        sample = settings.get("sample", self.sample)
        settings = {name: value for name, value in settings.items() if name != "sample"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's warnings about settings that the learner did not choose
            try:
                try:
                    data, drawn = self._compute_drawn(settings, sample)
                except _TORCH_ERRORS:
                    # Its message names the size of the whole input.
                    data, drawn = self._compute_all(settings), None
            except _TORCH_ERRORS as error:
                return {"refusal": first_line(error), "refused_by": _refused_by(error)}
            return {"refusal": "", "scene": self._scene(data, settings, sample, drawn)}

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
        return bool(value == default or value == (default,) * self._dims or (value == () and default is None))

    def _presets(self) -> list[str]:
        fits = self._weight is not None and self._weight.shape[2:] == (3, 3) and self._weight.is_floating_point()
        return list(PRESETS) if fits else []

    def _error_message(self, error: Exception, settings: Mapping[str, Any]) -> str:
        shapes = [f"{name} {shape}" for name, shape in self._shapes().items()]
        arguments = (f"{key}={value!r}" for key, value in settings.items() if key in self._arguments)
        given = ", ".join([*shapes, *arguments])
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
        try:
            changed[full] = value
        except (RuntimeError, TypeError, ValueError, OverflowError):
            raise DlvizError(message("convolution.refused.number", got=repr(value), dtype=target.dtype)) from None
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


def _refused_by(error: Exception) -> str:
    return "dlviz" if isinstance(error, DlvizError) else "torch"


def _to_plain(value: Any) -> Any:
    """Return integers of NumPy, and lists of them, as Python's own."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_to_plain, value))
    return int(value) if is_integer(value) else value


def _to_list(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, torch.Size)) else value


def _to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def check_input(x: Any, name: str, what: str) -> Tensor:
    """Return the argument `what` of the function `name` as a detached tensor whose numbers can be drawn.

    Raises:
        DlvizError: it is not one.
    """
    found = check_data(x, "convolution.refused.operand", caller=name, name=what).detach()
    values = {"name": name, "what": what}
    if found.layout != torch.strided or found.is_nested:
        layout = "nested" if found.is_nested else str(found.layout).removeprefix("torch.")
        raise DlvizError(message("convolution.refused.layout", layout=layout, **values))
    for kind, refused in (("meta", found.is_meta), ("quantized", found.is_quantized), ("complex", found.is_complex())):
        if refused:
            raise DlvizError(message(f"convolution.refused.{kind}", dtype=found.dtype, **values))
    return found


def like(x: Any, converted: Tensor, other: Tensor | None) -> Tensor:
    """Return numbers that came as an array or list in the dtype that they are computed with: that of `other`, else a floating-point one."""
    if isinstance(x, Tensor) or converted.is_complex():
        return converted
    dtype = converted.dtype if other is None else other.dtype
    return converted.to(dtype if dtype.is_floating_point else torch.get_default_dtype())


def module_arguments(module: nn.Module, widget: type[SlidingWindowWidget], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a layer has, with those given by name in their place."""
    names = [name for name in widget._arguments if hasattr(module, name)]
    return {name: getattr(module, name) for name in names} | dict(given)
