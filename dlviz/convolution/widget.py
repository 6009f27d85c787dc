"""`dlviz.conv1d`, `conv2d`, `conv_transpose1d` and `conv_transpose2d`."""

from collections.abc import Mapping
from typing import Any

import traitlets
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dlviz.convolution.operations import (
    Sizes,
    conv,
    conv_transpose,
    equivalent_convolution,
    transposed_axes,
    window_axes,
)
from dlviz.convolution.record import SlidingWindow
from dlviz.convolution.scene import MAX_CHANNELS
from dlviz.convolution.sliding_widget import SlidingWindowWidget, check_input, like, module_arguments
from dlviz.convolution.window_axis import TransposedAxis, WindowAxis
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type


class Convolution(SlidingWindowWidget):
    """Widget that shows a convolution. Its arguments are traits: ``stride``, ``padding``, ``dilation``, ``groups``, ``padding_mode``."""

    _arguments = ("stride", "padding", "dilation", "groups", "padding_mode")
    stride = traitlets.Any(1, help="step of the window").tag(sync=True)
    padding = traitlets.Any(0, help="padding around the input, or same, or valid").tag(sync=True)
    dilation = traitlets.Any(1, help="distance between elements of the kernel").tag(sync=True)
    groups = traitlets.Int(1, min=1, help="number of groups of channels").tag(sync=True)
    padding_mode = traitlets.Unicode("zeros", help="what the padding repeats").tag(sync=True)

    def _compute(
        self, settings: Mapping[str, Any], x: Tensor, weight: Tensor | None, bias: Tensor | None
    ) -> SlidingWindow:
        assert weight is not None
        return conv(x, weight, bias, **settings)

    def _axes(self, settings: Mapping[str, Any]) -> tuple[WindowAxis, ...]:
        assert self._weight is not None
        stride, padding, dilation = (
            settings.get(name, d) for name, d in (("stride", 1), ("padding", 0), ("dilation", 1))
        )
        mode = settings.get("padding_mode", "zeros")
        kernel = self._weight.shape[2:]
        return window_axes(self._x.shape[-self._dims :], kernel, stride, padding, dilation, padding_mode=mode)

    def _drawn_channels(
        self, settings: Mapping[str, Any], x: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None, int]:
        assert self._weight is not None
        # In groups, the drawn output channels would read only some of the input channels.
        most = MAX_CHANNELS if settings.get("groups", 1) == 1 else len(self._weight)
        bias = None if self._bias is None else self._bias[:most]
        return x, self._weight[:most], bias, len(self._weight)


class TransposedConvolution(SlidingWindowWidget):
    """Widget that shows a transposed convolution: each input element adds the kernel, times its value, to the output."""

    _arguments = ("stride", "padding", "output_padding", "groups", "dilation")
    _switches = ("equivalent",)
    stride = traitlets.Any(1, help="step in the output for each input element").tag(sync=True)
    padding = traitlets.Any(0, help="number of positions removed at the output's ends").tag(sync=True)
    output_padding = traitlets.Any(0, help="number of positions added at the output's end").tag(sync=True)
    groups = traitlets.Int(1, min=1, help="number of groups of channels").tag(sync=True)
    dilation = traitlets.Any(1, help="distance between elements of the kernel").tag(sync=True)
    equivalent = traitlets.Bool(False, help="whether the equivalent convolution is drawn").tag(sync=True)

    def _axes(self, settings: Mapping[str, Any]) -> tuple[TransposedAxis, ...]:
        assert self._weight is not None
        defaults = {"stride": 1, "dilation": 1, "padding": 0, "output_padding": 0}
        numbers = [settings.get(name, default) for name, default in defaults.items()]
        return transposed_axes(self._x.shape[-self._dims :], self._weight.shape[2:], *numbers)

    def _drawn_channels(
        self, settings: Mapping[str, Any], x: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None, int]:
        assert self._weight is not None
        groups, width = settings.get("groups", 1), self._weight.shape[1]
        most = MAX_CHANNELS if groups == 1 else width
        bias = self._bias[:most] if self._bias is not None and groups == 1 else self._bias
        return x, self._weight[:, :most], bias, groups * width

    def _compute(
        self, settings: Mapping[str, Any], x: Tensor, weight: Tensor | None, bias: Tensor | None
    ) -> SlidingWindow:
        assert weight is not None
        arguments = {key: value for key, value in settings.items() if key != "equivalent"}
        data = conv_transpose(x, weight, bias, **arguments)
        return equivalent_convolution(data) if settings.get("equivalent") else data


#: For each public function its widget and the module that it accepts.
_KINDS: dict[str, tuple[type[SlidingWindowWidget], type[nn.Module]]] = {
    "conv1d": (Convolution, nn.Conv1d),
    "conv2d": (Convolution, nn.Conv2d),
    "conv_transpose1d": (TransposedConvolution, nn.ConvTranspose1d),
    "conv_transpose2d": (TransposedConvolution, nn.ConvTranspose2d),
}


def _conv(name: str, x: Any, weight: Any, bias: Any, given: Mapping[str, Any], shown: Mapping[str, Any]) -> Any:
    widget, kind = _KINDS[name]
    wanted = f"an nn.{kind.__name__}"
    arguments = {key: value for key, value in given.items() if value is not None}
    if isinstance(x, nn.Module):  # called as (module, x)
        x, weight = weight, x
    if isinstance(weight, nn.Module):
        layer: Any = getattr(weight, "_orig_mod", weight)  # a compiled module wraps the original one
        check_type(layer, kind, "convolution.refused.module", name=name, wanted=wanted)
        if is_lazy(layer.weight):
            raise DlvizError(message("convolution.refused.lazy", name=name))
        arguments = module_arguments(layer, widget, arguments)
        weight, bias = layer.weight, layer.bias
    if weight is None:
        raise DlvizError(message("convolution.refused.missing", name=name, wanted=wanted))
    data, kernel = check_input(x, name, "x"), check_input(weight, name, "weight")
    kernel = like(weight, kernel, data if isinstance(x, Tensor) else None)
    data = like(x, data, kernel)
    dims = 1 if "1d" in name else 2
    if kernel.dim() != dims + 2 or data.dim() not in (dims + 1, dims + 2):
        shapes = {"x": tuple(data.shape), "weight": tuple(kernel.shape)}
        raise DlvizError(message("convolution.refused.dims", name=name, dims=dims, **shapes))
    offset = None if bias is None else like(bias, check_input(bias, name, "bias"), kernel)
    return widget(name, data, kernel, offset, **arguments, **shown)


def conv2d(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    stride: Sizes | None = None,
    padding: Sizes | str | None = None,
    dilation: Sizes | None = None,
    groups: int | None = None,
    *,
    padding_mode: str | None = None,
    channel: int = 0,
    sample: int = 0,
    step: int = 0,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> Convolution:
    """Show a kernel sliding over an image: products, sums, and the outputs that an input contributes to.

    Takes the arguments of :func:`torch.nn.functional.conv2d` and ``padding_mode``; or a module, as ``conv2d(x, layer)`` or
    ``conv2d(layer, x)``.

    Args:
        x: (N, C, H, W) or (C, H, W): a tensor, an array or a list.
        weight: (C_out, C // groups, kH, kW), or an ``nn.Conv2d``.
        bias: (C_out,) or ``None``.
        stride, padding, dilation, groups, padding_mode: as for torch; by default those of the layer, or 1, 0, 1, 1 and "zeros".
        channel, sample: the output channel, and the sample of the batch, that are shown.
        step: 0, or 1 + the row-major position of the output that is shown.
        theme: "auto", "light" or "dark".
        speed: the player's speed.
        traits: other traits of :class:`SlidingWindowWidget`.

    Returns:
        The widget. ``.output`` is the tensor that torch computed; setting a trait such as ``.stride`` computes it again.

    Raises:
        DlvizError: torch refuses, with its message, or an argument does not fit.

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
    given = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "padding_mode": padding_mode}
    shown = {"channel": channel, "sample": sample, "step": step, "theme": theme, "speed": speed}
    return _conv("conv2d", x, weight, bias, given, shown | traits)


def conv1d(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    stride: Sizes | None = None,
    padding: Sizes | str | None = None,
    dilation: Sizes | None = None,
    groups: int | None = None,
    *,
    padding_mode: str | None = None,
    channel: int = 0,
    sample: int = 0,
    step: int = 0,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> Convolution:
    """Show a kernel sliding over a sequence: like :func:`conv2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.conv1d(torch.arange(5.0).view(1, 1, 5), torch.ones(1, 1, 2)).output.tolist()
        [[[1.0, 3.0, 5.0, 7.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "padding_mode": padding_mode}
    shown = {"channel": channel, "sample": sample, "step": step, "theme": theme, "speed": speed}
    return _conv("conv1d", x, weight, bias, given, shown | traits)


def conv_transpose1d(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    stride: Sizes | None = None,
    padding: Sizes | None = None,
    output_padding: Sizes | None = None,
    groups: int | None = None,
    dilation: Sizes | None = None,
    *,
    equivalent: bool = False,
    channel: int = 0,
    sample: int = 0,
    step: int = 0,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> TransposedConvolution:
    """Show every element of a sequence adding the kernel to a longer one: like :func:`conv_transpose2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.conv_transpose1d(torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 3.0]]]), stride=2).output.tolist()
        [[[1.0, 3.0, 2.0, 6.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html
    """
    given = {
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
        "groups": groups,
        "dilation": dilation,
    }
    shown = {
        "equivalent": equivalent,
        "channel": channel,
        "sample": sample,
        "step": step,
        "theme": theme,
        "speed": speed,
    }
    return _conv("conv_transpose1d", x, weight, bias, given, shown | traits)


def conv_transpose2d(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    stride: Sizes | None = None,
    padding: Sizes | None = None,
    output_padding: Sizes | None = None,
    groups: int | None = None,
    dilation: Sizes | None = None,
    *,
    equivalent: bool = False,
    channel: int = 0,
    sample: int = 0,
    step: int = 0,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> TransposedConvolution:
    """Show every input element adding the kernel to a larger output.

    Takes the arguments of :func:`torch.nn.functional.conv_transpose2d`, or an ``nn.ConvTranspose2d``; the others are those of
    :func:`conv2d`.

    Args:
        equivalent: whether the convolution with the same output is drawn.

    Example:
        >>> import torch, dlviz
        >>> dlviz.conv_transpose2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), stride=2).output.shape
        torch.Size([1, 1, 4, 4])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html
    """
    given = {
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
        "groups": groups,
        "dilation": dilation,
    }
    shown = {
        "equivalent": equivalent,
        "channel": channel,
        "sample": sample,
        "step": step,
        "theme": theme,
        "speed": speed,
    }
    return _conv("conv_transpose2d", x, weight, bias, given, shown | traits)
