"""`dlviz.conv2d` and its relatives: a kernel that slides over the learner's own numbers, or is stamped into a larger output."""

from collections.abc import Mapping
from typing import Any

import traitlets
from torch import Tensor, nn

from dlviz.convolution.operations import conv, conv_transpose, equivalent
from dlviz.convolution.record import Sliding
from dlviz.convolution.sliding_widget import SlidingView, named
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


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
    _switches = ("equivalent",)
    stride = traitlets.Any(1, help="how far apart the stamps stand").tag(sync=True)
    padding = traitlets.Any(0, help="how much is cut from the output's ends").tag(sync=True)
    output_padding = traitlets.Any(0, help="how much is added at the output's end").tag(sync=True)
    groups = traitlets.Int(1, min=1, help="how many groups the channels fall into").tag(sync=True)
    dilation = traitlets.Any(1, help="how far the kernel's elements lie apart").tag(sync=True)
    equivalent = traitlets.Bool(False, help="whether the convolution that does the same is drawn").tag(sync=True)

    def _make(self, settings: Mapping[str, Any]) -> Sliding:
        assert self._weight is not None
        arguments = {key: value for key, value in settings.items() if key != "equivalent"}
        made = conv_transpose(self._x, self._weight, self._bias, **arguments)
        return equivalent(made) if settings.get("equivalent") else made


def _conv(
    name: str, x: Any, weight: Any, bias: Any, arguments: dict[str, Any], make: type[SlidingView], module: Any
) -> Any:
    if isinstance(x, nn.Module):  # called as (module, x)
        x, weight = weight, x
    if isinstance(weight, nn.Module):
        if not isinstance(weight, module):
            raise DlvizError(message("convolution.refused.module", name=name, got=type(weight).__name__))
        layer, own = weight, make._arguments
        arguments = {**{key: getattr(layer, key) for key in own}, **arguments}
        weight, bias = layer.weight, layer.bias
    for value, what in ((x, "x"), (weight, "weight")):
        if not isinstance(value, Tensor):
            raise DlvizError(message("convolution.refused.operand", name=name, what=what, got=type(value).__name__))
    dims = 1 if "1d" in name else 2
    if weight.dim() != dims + 2 or x.dim() not in (dims + 1, dims + 2):
        raise DlvizError(
            message("convolution.refused.dims", name=name, dims=dims, x=tuple(x.shape), weight=tuple(weight.shape))
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
    return _conv("conv2d", x, weight, bias, named(Convolution, positional, arguments), Convolution, nn.Conv2d)


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
    return _conv("conv1d", x, weight, bias, named(Convolution, positional, arguments), Convolution, nn.Conv1d)


def conv_transpose1d(
    x: Tensor | nn.Module, weight: Tensor | nn.Module, bias: Tensor | None = None, *positional: Any, **arguments: Any
) -> TransposedConvolution:
    """Watch every element of a series stamp the kernel into a longer one: as :func:`conv_transpose2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.conv_transpose1d(torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 3.0]]]), stride=2).output.tolist()
        [[[1.0, 3.0, 2.0, 6.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html
    """
    given = named(TransposedConvolution, positional, arguments)
    return _conv("conv_transpose1d", x, weight, bias, given, TransposedConvolution, nn.ConvTranspose1d)


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
    given = named(TransposedConvolution, positional, arguments)
    return _conv("conv_transpose2d", x, weight, bias, given, TransposedConvolution, nn.ConvTranspose2d)
