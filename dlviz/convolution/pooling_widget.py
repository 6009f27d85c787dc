"""`dlviz.max_pool2d` and its relatives: a window that picks the largest number, or takes the average."""

from collections.abc import Mapping
from typing import Any

import traitlets
from torch import Tensor

from dlviz.convolution.operations import avg_pool, max_pool
from dlviz.convolution.record import Sliding
from dlviz.convolution.sliding_widget import SlidingView, named
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


class MaxPooling(SlidingView):
    """The picture of a maximum pooling; the element that is the maximum is marked, and only it feeds the output.

    With ``gradient`` the input shows what autograd routes back: of the shown output, or of the sum of all.
    """

    _arguments = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    _switches = ("gradient",)
    kernel_size = traitlets.Any(help="the window's size").tag(sync=True)
    stride = traitlets.Any(None, allow_none=True, help="how far the window moves; its own size by default").tag(
        sync=True
    )
    padding = traitlets.Any(0, help="how much is added around the input").tag(sync=True)
    dilation = traitlets.Any(1, help="how far the window's elements lie apart").tag(sync=True)
    ceil_mode = traitlets.Bool(False, help="whether a last window may stick out").tag(sync=True)
    gradient = traitlets.Bool(False, help="whether the gradient that autograd routes back is shown").tag(sync=True)
    return_indices = traitlets.Bool(False, help="whether the flat place of each maximum is named").tag(sync=True)

    @property
    def indices(self) -> Tensor:
        """The flat places of the maxima, as torch gives them with ``return_indices=True``."""
        found = self.sliding.indices
        assert found is not None
        return self._like_input(found)

    def _make(self, settings: Mapping[str, Any]) -> Sliding:
        arguments = {key: value for key, value in settings.items() if key not in ("return_indices", "gradient")}
        return max_pool(self._x, **arguments, dims=self._dims)


class AveragePooling(SlidingView):
    """The picture of an average pooling; with ``gradient`` also of what autograd routes back to the input."""

    _arguments = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    _switches = ("gradient",)
    kernel_size = traitlets.Any(help="the window's size").tag(sync=True)
    stride = traitlets.Any(None, allow_none=True, help="how far the window moves; its own size by default").tag(
        sync=True
    )
    padding = traitlets.Any(0, help="how much is added around the input").tag(sync=True)
    ceil_mode = traitlets.Bool(False, help="whether a last window may stick out").tag(sync=True)
    gradient = traitlets.Bool(False, help="whether the gradient that autograd routes back is shown").tag(sync=True)
    count_include_pad = traitlets.Bool(True, help="whether padding counts in the average").tag(sync=True)
    divisor_override = traitlets.Int(None, allow_none=True, help="what is divided by instead").tag(sync=True)

    def _make(self, settings: Mapping[str, Any]) -> Sliding:
        arguments = {key: value for key, value in settings.items() if key != "gradient"}
        return avg_pool(self._x, **arguments, dims=self._dims)


def max_pool2d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> MaxPooling:
    """Watch a window pick the largest number; the picked one is marked.

    Called like :func:`torch.nn.functional.max_pool2d`. With ``return_indices=True`` the flat place of each maximum is named too; they
    are ``.indices``, while ``.output`` stays the maxima alone.

    Example:
        >>> import torch, dlviz
        >>> view = dlviz.max_pool2d(torch.arange(16.0).view(1, 4, 4), 2)
        >>> view.output.tolist(), view.indices.tolist()
        ([[[5.0, 7.0], [13.0, 15.0]]], [[[5, 7], [13, 15]]])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
    """
    return _max("max_pool2d", x, (kernel_size, *positional), arguments)


def max_pool1d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> MaxPooling:
    """Watch a window pick the largest number of a series: as :func:`max_pool2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.max_pool1d(torch.tensor([[[3.0, 1, 2, 5]]]), 2).output.tolist()
        [[[3.0, 5.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html
    """
    return _max("max_pool1d", x, (kernel_size, *positional), arguments)


def _max(name: str, x: Any, positional: tuple[Any, ...], arguments: dict[str, Any]) -> MaxPooling:
    return MaxPooling(name, _image(name, x), None, None, **named(MaxPooling, positional, arguments))


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
    given = named(AveragePooling, (kernel_size, *positional), arguments)
    return AveragePooling("avg_pool2d", _image("avg_pool2d", x), None, None, **given)


def avg_pool1d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> AveragePooling:
    """Watch a window take the average of a series: as :func:`avg_pool2d`, with one spatial dimension and no ``divisor_override``.

    Example:
        >>> import torch, dlviz
        >>> dlviz.avg_pool1d(torch.tensor([[[3.0, 1, 2, 6]]]), 2).output.tolist()
        [[[2.0, 4.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html
    """
    given = named(AveragePooling, (kernel_size, *positional), arguments, without="divisor_override")
    if "divisor_override" in given:
        raise TypeError("avg_pool1d takes no divisor_override: torch's own has none")
    return AveragePooling("avg_pool1d", _image("avg_pool1d", x), None, None, **given)


def _image(name: str, x: Any) -> Tensor:
    if not isinstance(x, Tensor):
        raise DlvizError(message("convolution.refused.operand", name=name, what="x", got=type(x).__name__))
    return x.detach()
