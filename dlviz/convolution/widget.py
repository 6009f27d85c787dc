"""`dlviz.conv1d`, `conv2d`, `conv_transpose1d` and `conv_transpose2d`."""

from collections.abc import Mapping
from typing import Any

import traitlets
from torch import Tensor, nn

from dlviz.convolution.operations import conv, conv_transpose, equivalent_convolution
from dlviz.convolution.record import SlidingWindow
from dlviz.convolution.sliding_widget import SlidingWindowWidget, bind_arguments
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

    def _compute(self, settings: Mapping[str, Any]) -> SlidingWindow:
        assert self._weight is not None
        return conv(self._x, self._weight, self._bias, **settings)


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

    def _compute(self, settings: Mapping[str, Any]) -> SlidingWindow:
        assert self._weight is not None
        arguments = {key: value for key, value in settings.items() if key != "equivalent"}
        data = conv_transpose(self._x, self._weight, self._bias, **arguments)
        return equivalent_convolution(data) if settings.get("equivalent") else data


#: For each public function its widget and the module that it accepts.
_KINDS: dict[str, tuple[type[SlidingWindowWidget], type[nn.Module]]] = {
    "conv1d": (Convolution, nn.Conv1d),
    "conv2d": (Convolution, nn.Conv2d),
    "conv_transpose1d": (TransposedConvolution, nn.ConvTranspose1d),
    "conv_transpose2d": (TransposedConvolution, nn.ConvTranspose2d),
}


def _conv(name: str, x: Any, weight: Any, bias: Any, positional: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    widget, module = _KINDS[name]
    arguments = bind_arguments(widget, positional, keywords)
    if isinstance(x, nn.Module):  # called as (module, x)
        x, weight = weight, x
    if isinstance(weight, nn.Module):
        check_type(weight, module, "convolution.refused.module", name=name)
        layer = weight
        arguments = {**{key: getattr(layer, key) for key in widget._arguments}, **arguments}
        weight, bias = layer.weight, layer.bias
    for value, what in ((x, "x"), (weight, "weight")):
        check_type(value, Tensor, "convolution.refused.operand", name=name, what=what)
    dims = 1 if "1d" in name else 2
    if weight.dim() != dims + 2 or x.dim() not in (dims + 1, dims + 2):
        raise DlvizError(
            message("convolution.refused.dims", name=name, dims=dims, x=tuple(x.shape), weight=tuple(weight.shape))
        )
    detached = None if bias is None else bias.detach()
    return widget(name, x.detach(), weight.detach(), detached, **arguments)


def conv2d(
    x: Tensor | nn.Module, weight: Tensor | nn.Module, bias: Tensor | None = None, *positional: Any, **arguments: Any
) -> Convolution:
    """Show a kernel sliding over an image: products, sums, and the outputs that an input contributes to.

    Takes the arguments of :func:`torch.nn.functional.conv2d` and ``padding_mode``; or a module, as ``conv2d(x, layer)`` or
    ``conv2d(layer, x)``.

    Args:
        x: (N, C, H, W) or (C, H, W).
        weight: (C_out, C // groups, kH, kW), or an ``nn.Conv2d``.
        bias: (C_out,) or ``None``.
        positional: stride, padding, dilation, groups, in this order.
        arguments: the same as keywords, ``padding_mode``, and traits of :class:`SlidingWindowWidget`.

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
    return _conv("conv2d", x, weight, bias, positional, arguments)


def conv1d(
    x: Tensor | nn.Module, weight: Tensor | nn.Module, bias: Tensor | None = None, *positional: Any, **arguments: Any
) -> Convolution:
    """Show a kernel sliding over a sequence: like :func:`conv2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.conv1d(torch.arange(5.0).view(1, 1, 5), torch.ones(1, 1, 2)).output.tolist()
        [[[1.0, 3.0, 5.0, 7.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html
    """
    return _conv("conv1d", x, weight, bias, positional, arguments)


def conv_transpose1d(
    x: Tensor | nn.Module, weight: Tensor | nn.Module, bias: Tensor | None = None, *positional: Any, **arguments: Any
) -> TransposedConvolution:
    """Show every element of a sequence adding the kernel to a longer one: like :func:`conv_transpose2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.conv_transpose1d(torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 3.0]]]), stride=2).output.tolist()
        [[[1.0, 3.0, 2.0, 6.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html
    """
    return _conv("conv_transpose1d", x, weight, bias, positional, arguments)


def conv_transpose2d(
    x: Tensor | nn.Module, weight: Tensor | nn.Module, bias: Tensor | None = None, *positional: Any, **arguments: Any
) -> TransposedConvolution:
    """Show every input element adding the kernel to a larger output.

    Takes the arguments of :func:`torch.nn.functional.conv_transpose2d`, or an ``nn.ConvTranspose2d``.

    Example:
        >>> import torch, dlviz
        >>> dlviz.conv_transpose2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), stride=2).output.shape
        torch.Size([1, 1, 4, 4])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html
    """
    return _conv("conv_transpose2d", x, weight, bias, positional, arguments)
