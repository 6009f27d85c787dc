"""`dlviz.conv2d` and its relatives: a window that slides over the learner's own numbers, every argument within reach."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
import traitlets
from torch import Tensor, nn

from dlviz.convolution.build import avg_pool, conv, conv_transpose, each, equivalent, max_pool
from dlviz.convolution.scene import scene
from dlviz.convolution.sliding import Sliding
from dlviz.convolution.still import draw
from dlviz.kit.problem import Problem
from dlviz.kit.widget import Widget, binary
from dlviz.kit.words import say

REFUSALS = (RuntimeError, ValueError, TypeError, IndexError)

#: Kernels of 3 × 3 that are worth a try, by the names of their words.
PRESETS = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "blur": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel_y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
}


class SlidingView(Widget):
    """What the pictures of this room share. A step of the player is one place of the window; every argument of the operation is a trait.

    Attributes:
        sliding: what torch computed, with the terms of every output, as data.
        step: 0, or 1 + the row-major number of the output place that is shown.
        channel: which channel of the output is shown.
        sample: which sample of the batch is drawn.
        place: ``["input", channel, …]`` or ``["weight", …]`` to follow that element instead, else empty.
        origin: the first output place drawn, where there are more than the picture has room for.
        refusal: torch's own words, if the arguments as they stand are refused; the picture then stays at the last legal ones.
    """

    _view = Path(__file__).with_name("view.js")
    _style = Path(__file__).with_name("view.css")
    _room = "convolution"
    #: The operation's arguments that are traits, in its own order.
    _arguments: ClassVar[tuple[str, ...]] = ()

    channel = traitlets.Int(0, min=0, help="which channel of the output is shown").tag(sync=True)
    sample = traitlets.Int(0, min=0, help="which sample of the batch is drawn").tag(sync=True)
    place: Any = traitlets.List(help="an element of input or weight that is followed").tag(sync=True)
    origin = traitlets.List(traitlets.Int(min=0), help="the first output place drawn").tag(sync=True)
    refusal = traitlets.Unicode("", help="torch's own words").tag(sync=True)

    def __init__(self, name: str, x: Tensor, weight: Tensor | None, bias: Tensor | None, **traits: Any) -> None:
        self._name, self._x, self._weight, self._bias = name, x, weight, bias
        self._dims = 1 if "1d" in name else 2
        settings = {key: traits.pop(key) for key in self._arguments if key in traits}
        try:
            self._made: Sliding | None = self._make(settings)
        except REFUSALS as error:
            raise Problem(self._refused(error, settings)) from None
        super().__init__(**{key: _listed(value) for key, value in settings.items()}, **traits)
        self._draw()
        self.observe(self._again, list(self._arguments))
        self.observe(self._draw, ["sample", "origin"])
        self.on_msg(self._answer)

    def _make(self, settings: Mapping[str, Any]) -> Sliding:
        raise NotImplementedError

    @property
    def sliding(self) -> Sliding:
        """What torch computed.

        Raises:
            Problem: the widget has been closed.
        """
        if self._made is None:
            raise Problem(say("convolution.refused.closed"))
        return self._made

    @property
    def output(self) -> Tensor:
        """The tensor that torch computed, batched or not as the input is."""
        out = self.sliding.output
        return out if self._x.dim() == self._dims + 2 else out[0]

    @property
    def weight(self) -> Tensor | None:
        """The kernel as it stands, edits included."""
        return self._weight

    def set_weight(self, weight: Tensor) -> None:
        """Use another kernel of the same shape."""
        assert self._weight is not None
        self._weight = weight.detach().reshape(self._weight.shape).to(self._weight)
        self._again()

    def close(self) -> None:
        """Take the widget off the page and let go of its tensors."""
        self._made = self._weight = self._bias = None
        self._x = torch.empty(0)
        super().close()

    def _again(self, _: Any = None) -> None:
        """An argument or a number has changed: compute again, and where torch refuses keep the last legal picture."""
        if self._made is None:
            return
        try:
            self._made = self._make({key: _tupled(getattr(self, key)) for key in self._arguments})
        except REFUSALS as error:
            self.refusal = str(error).partition("\n")[0]
            return
        with self.hold_sync():
            self.refusal = ""
            self._draw()

    def _draw(self, _: Any = None) -> None:
        made = self.sliding
        if self.sample >= made.output.shape[0] or self.channel >= made.channels:
            with self.hold_trait_notifications():
                self.sample = min(self.sample, made.output.shape[0] - 1)
                self.channel = min(self.channel, made.channels - 1)
        found = scene(made, self.sample, tuple(self.origin), self._signature())
        found["name"], found["knobs"] = self._name, self._knobs()
        found["presets"] = self._presets()
        # What is drawn of an equivalent convolution are not the learner's own tensors, so they are not edited there.
        found["editable"] = not getattr(self, "equivalent", False)
        self.scene = binary(found)

    def _signature(self) -> str:
        shapes = {"x": tuple(self._x.shape)}
        if self._weight is not None:
            shapes["weight"] = tuple(self._weight.shape)
        parts = [f"{name} {shape}" for name, shape in shapes.items()]
        for key in self._arguments:
            value = _tupled(getattr(self, key))
            if value != self.traits()[key].default_value and value not in ((0, 0), (1, 1), (0,), (1,)):
                parts.append(f"{key} {value}")
        return f"{' · '.join(parts)} → {tuple(self.output.shape)}"

    def _knobs(self) -> list[dict[str, Any]]:
        """What the view draws for each argument: sliders, one for each dimension, or a menu."""
        limits = {
            "stride": (1, 4),
            "dilation": (1, 4),
            "padding": (0, 4),
            "output_padding": (0, 3),
            "kernel_size": (1, 5),
        }
        knobs: list[dict[str, Any]] = []
        for key in self._arguments:
            if key in limits:
                value = getattr(self, key)
                low, high = limits[key]
                if key == "stride" and value is None:
                    value = self.kernel_size
                numbers = [0] * self._dims if isinstance(value, str) else list(each(_tupled(value), self._dims))
                knobs.append({"name": key, "kind": "numbers", "value": numbers, "min": low, "max": max(high, *numbers)})
                if key == "padding" and self._name.startswith("conv") and "transpose" not in self._name:
                    chosen = value if isinstance(value, str) else ""
                    knobs.append({"name": key, "kind": "menu", "value": chosen, "options": ["", "same", "valid"]})
            elif key == "padding_mode":
                modes = ["zeros", "reflect", "replicate", "circular"]
                knobs.append({"name": key, "kind": "menu", "value": self.padding_mode, "options": modes})
            elif key == "groups":
                knobs.append({"name": key, "kind": "one", "value": self.groups, "min": 1, "max": max(4, self.groups)})
            elif key in ("ceil_mode", "count_include_pad"):
                knobs.append({"name": key, "kind": "switch", "value": getattr(self, key)})
        return knobs

    def _presets(self) -> list[str]:
        editable = self._weight is not None and self._weight.shape[2:] == (3, 3) and self._weight.is_floating_point()
        return list(PRESETS) if editable else []

    def _refused(self, error: Exception, settings: Mapping[str, Any]) -> str:
        shapes = [f"x {tuple(self._x.shape)}"]
        if self._weight is not None:
            shapes.append(f"weight {tuple(self._weight.shape)}")
        given = ", ".join([*shapes, *(f"{key}={value!r}" for key, value in settings.items())])
        return say("convolution.refused.torch", name=self._name, given=given, torch=str(error).partition("\n")[0])

    def _answer(self, _: Any, message: Mapping[str, Any], __: Any) -> None:
        """The learner has edited a number or chosen a preset."""
        if self._made is None:
            return
        if message.get("kind") == "preset" and message.get("name") in PRESETS and self._weight is not None:
            kernel = torch.tensor(PRESETS[message["name"]], dtype=self._weight.dtype, device=self._weight.device)
            self.set_weight(kernel.expand(self._weight.shape).clone())
        elif message.get("kind") == "edit":
            self.edit(str(message["what"]), tuple(int(i) for i in message["index"]), float(message["value"]))

    def edit(self, what: str, index: tuple[int, ...], value: float) -> None:
        """Change one number of the picture's own copy; your tensors stay as they are.

        Args:
            what: "input" or "weight".
            index: the element; of the input without the batch dimension (the sample that is drawn is changed).
            value: the new number.

        Raises:
            Problem: there is no such element.
        """
        target = {"input": self._x, "weight": self._weight}.get(what)
        at = index if what == "weight" or self._x.dim() == self._dims + 1 else (self.sample, *index)
        if (
            target is None
            or len(at) != target.dim()
            or any(not 0 <= i < n for i, n in zip(at, target.shape, strict=True))
        ):
            raise Problem(say("convolution.refused.edit", what=what, index=index))
        changed = target.clone()
        changed[at] = value
        if what == "input":
            self._x = changed
        else:
            self._weight = changed
        self._again()

    def _describe(self) -> str:
        if self._made is None:
            return say("convolution.repr_closed", name=self._name)
        shapes = ", ".join(str(tuple(t.shape)) for t in (self._x, self._weight) if t is not None)
        return say("convolution.repr", name=self._name, shapes=shapes, out=tuple(self.output.shape))

    def _still(self) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        return draw(self.sliding, self.sample, self._name, self._signature(), self.scene["summary"], theme)


class Convolution(SlidingView):
    """The picture of a convolution. Its arguments are traits: ``stride``, ``padding``, ``dilation``, ``groups``, ``padding_mode``."""

    _arguments = ("stride", "padding", "dilation", "groups", "padding_mode")
    stride = traitlets.Any(1, help="how far the window moves").tag(sync=True)
    padding = traitlets.Any(0, help="how much is added around the input, or same, or valid").tag(sync=True)
    dilation = traitlets.Any(1, help="how far the kernel's elements lie apart").tag(sync=True)
    groups = traitlets.Int(1, min=1, help="how many groups the channels fall into").tag(sync=True)
    padding_mode = traitlets.Unicode("zeros", help="what the padding repeats").tag(sync=True)

    def _make(self, settings: Mapping[str, Any]) -> Sliding:
        assert self._weight is not None
        return conv(self._x, self._weight, self._bias, **settings)


class TransposedConvolution(SlidingView):
    """The picture of a transposed convolution: each input element stamps the kernel into the output."""

    _arguments = ("stride", "padding", "output_padding", "groups", "dilation")
    stride = traitlets.Any(1, help="how far apart the stamps stand").tag(sync=True)
    padding = traitlets.Any(0, help="how much is cut from the output's ends").tag(sync=True)
    output_padding = traitlets.Any(0, help="how much is added at the output's end").tag(sync=True)
    groups = traitlets.Int(1, min=1, help="how many groups the channels fall into").tag(sync=True)
    dilation = traitlets.Any(1, help="how far the kernel's elements lie apart").tag(sync=True)
    equivalent = traitlets.Bool(False, help="whether the convolution that does the same is drawn").tag(sync=True)

    def __init__(self, *positional: Any, **traits: Any) -> None:
        turned = traits.pop("equivalent", False)
        super().__init__(*positional, **traits)
        self.observe(self._again, "equivalent")
        self.equivalent = turned

    def _make(self, settings: Mapping[str, Any]) -> Sliding:
        assert self._weight is not None
        made = conv_transpose(self._x, self._weight, self._bias, **settings)
        return equivalent(made) if self.equivalent else made

    def _knobs(self) -> list[dict[str, Any]]:
        return [*super()._knobs(), {"name": "equivalent", "kind": "switch", "value": self.equivalent}]


class MaxPooling(SlidingView):
    """The picture of a maximum pooling; the element that is the maximum is marked, and only it feeds the output."""

    _arguments = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    kernel_size = traitlets.Any(2, help="the window's size").tag(sync=True)
    stride = traitlets.Any(None, allow_none=True, help="how far the window moves; its own size by default").tag(
        sync=True
    )
    padding = traitlets.Any(0, help="how much is added around the input").tag(sync=True)
    dilation = traitlets.Any(1, help="how far the window's elements lie apart").tag(sync=True)
    ceil_mode = traitlets.Bool(False, help="whether a last window may stick out").tag(sync=True)

    def _make(self, settings: Mapping[str, Any]) -> Sliding:
        return max_pool(self._x, **{"kernel_size": 2, **settings}, dims=self._dims)


class AveragePooling(SlidingView):
    """The picture of an average pooling."""

    _arguments = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    kernel_size = traitlets.Any(2, help="the window's size").tag(sync=True)
    stride = traitlets.Any(None, allow_none=True, help="how far the window moves; its own size by default").tag(
        sync=True
    )
    padding = traitlets.Any(0, help="how much is added around the input").tag(sync=True)
    ceil_mode = traitlets.Bool(False, help="whether a last window may stick out").tag(sync=True)
    count_include_pad = traitlets.Bool(True, help="whether padding counts in the average").tag(sync=True)
    divisor_override = traitlets.Int(None, allow_none=True, help="what is divided by instead").tag(sync=True)

    def _make(self, settings: Mapping[str, Any]) -> Sliding:
        return avg_pool(self._x, **{"kernel_size": 2, **settings}, dims=self._dims)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, torch.Size)) else value


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _conv(
    name: str, x: Any, weight: Any, bias: Any, arguments: dict[str, Any], make: type[SlidingView], module: Any
) -> Any:
    if isinstance(x, nn.Module):  # called as (module, x)
        x, weight = weight, x
    if isinstance(weight, nn.Module):
        if not isinstance(weight, module):
            raise Problem(say("convolution.refused.module", name=name, got=type(weight).__name__))
        layer, own = weight, make._arguments
        arguments = {**{key: getattr(layer, key) for key in own}, **arguments}
        weight, bias = layer.weight, layer.bias
    for value, what in ((x, "x"), (weight, "weight")):
        if not isinstance(value, Tensor):
            raise Problem(say("convolution.refused.operand", name=name, what=what, got=type(value).__name__))
    dims = 1 if "1d" in name else 2
    if weight.dim() != dims + 2 or x.dim() not in (dims + 1, dims + 2):
        raise Problem(
            say("convolution.refused.dims", name=name, dims=dims, x=tuple(x.shape), weight=tuple(weight.shape))
        )
    detached = None if bias is None else bias.detach()
    return make(name, x.detach(), weight.detach(), detached, **arguments)


def conv2d(
    x: Tensor | nn.Module, weight: Tensor | nn.Module, bias: Tensor | None = None, *positional: Any, **arguments: Any
) -> Convolution:
    """Watch a kernel slide over an image: products, sums, and which outputs an input feeds.

    Called like :func:`torch.nn.functional.conv2d`, with ``padding_mode`` on top; or with a module, ``conv2d(x, layer)`` or
    ``conv2d(layer, x)``.

    Args:
        x: (N, C, H, W) or (C, H, W).
        weight: (C_out, C // groups, kH, kW), or an ``nn.Conv2d``.
        bias: (C_out,) or ``None``.
        positional: stride, padding, dilation, groups, in this order.
        arguments: the same by name, ``padding_mode``, and traits of :class:`SlidingView`.

    Returns:
        The widget. ``.output`` is the tensor that torch computed; setting a trait such as ``.stride`` computes anew.

    Raises:
        Problem: torch refuses, with its message, or an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> x, edge = torch.arange(16.0).view(1, 1, 4, 4), torch.tensor([[[[-1.0, 1.0]]]])
        >>> view = dlviz.conv2d(x, edge)
        >>> view
        dlviz.conv2d((1, 1, 4, 4), (1, 1, 1, 2) -> (1, 1, 4, 3))
        >>> view.stride = (2, 1)
        >>> view.output.shape
        torch.Size([1, 1, 2, 3])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    return _conv("conv2d", x, weight, bias, _named(Convolution, positional, arguments), Convolution, nn.Conv2d)


def conv1d(
    x: Tensor | nn.Module, weight: Tensor | nn.Module, bias: Tensor | None = None, *positional: Any, **arguments: Any
) -> Convolution:
    """Watch a kernel slide over a series: as :func:`conv2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.conv1d(torch.arange(5.0).view(1, 1, 5), torch.ones(1, 1, 2)).output.tolist()
        [[[1.0, 3.0, 5.0, 7.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html
    """
    return _conv("conv1d", x, weight, bias, _named(Convolution, positional, arguments), Convolution, nn.Conv1d)


def conv_transpose2d(
    x: Tensor | nn.Module, weight: Tensor | nn.Module, bias: Tensor | None = None, *positional: Any, **arguments: Any
) -> TransposedConvolution:
    """Watch every input element stamp the kernel into a larger output.

    Called like :func:`torch.nn.functional.conv_transpose2d`, or with an ``nn.ConvTranspose2d``.

    Example:
        >>> import torch, dlviz
        >>> dlviz.conv_transpose2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), stride=2).output.shape
        torch.Size([1, 1, 4, 4])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html
    """
    named = _named(TransposedConvolution, positional, arguments)
    return _conv("conv_transpose2d", x, weight, bias, named, TransposedConvolution, nn.ConvTranspose2d)


def max_pool2d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> MaxPooling:
    """Watch a window pick the largest number; the picked one is marked.

    Called like :func:`torch.nn.functional.max_pool2d`. The flat places of the maxima are ``.sliding.indices``.

    Example:
        >>> import torch, dlviz
        >>> dlviz.max_pool2d(torch.arange(16.0).view(1, 4, 4), 2).output.tolist()
        [[[5.0, 7.0], [13.0, 15.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
    """
    named = _named(MaxPooling, (kernel_size, *positional), arguments)
    named.pop("return_indices", None)
    return MaxPooling("max_pool2d", _image("max_pool2d", x), None, None, **named)


def avg_pool2d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> AveragePooling:
    """Watch a window take its average.

    Called like :func:`torch.nn.functional.avg_pool2d`.

    Example:
        >>> import torch, dlviz
        >>> dlviz.avg_pool2d(torch.arange(16.0).view(1, 4, 4), 2).output.tolist()
        [[[2.5, 4.5], [10.5, 12.5]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
    """
    named = _named(AveragePooling, (kernel_size, *positional), arguments)
    return AveragePooling("avg_pool2d", _image("avg_pool2d", x), None, None, **named)


def _image(name: str, x: Any) -> Tensor:
    if not isinstance(x, Tensor):
        raise Problem(say("convolution.refused.operand", name=name, what="x", got=type(x).__name__))
    return x.detach()


def _named(make: type[SlidingView], positional: tuple[Any, ...], arguments: dict[str, Any]) -> dict[str, Any]:
    """Positional arguments by their names, in torch's order."""
    names = [name for name in make._arguments if name != "padding_mode"]
    if len(positional) > len(names):
        raise TypeError(
            f"{make.__name__} takes {', '.join(names)} at most, but got {len(positional)} positional arguments"
        )
    given = dict(zip(names, positional, strict=False))
    twice = sorted(given.keys() & arguments.keys())
    if twice:
        raise TypeError(f"{make.__name__} got {', '.join(twice)} twice, by place and by name")
    return {**given, **arguments}
