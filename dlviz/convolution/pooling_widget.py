"""`dlviz.max_pool1d`, `max_pool2d`, `avg_pool1d` and `avg_pool2d`."""

from collections.abc import Mapping
from typing import Any, TypeVar

import traitlets
from torch import Tensor

from dlviz.convolution.operations import avg_pool, max_pool
from dlviz.convolution.record import SlidingWindow
from dlviz.convolution.sliding_widget import SlidingWindowWidget, bind_arguments
from dlviz.kit.validation import check_type

_Pooling = TypeVar("_Pooling", bound="Pooling")


class Pooling(SlidingWindowWidget):
    """Base of the pooling widgets. With ``gradient`` the input shows the gradient of the shown output, or of the sum of all outputs."""

    _switches = ("gradient",)
    kernel_size = traitlets.Any(help="size of the window").tag(sync=True)
    stride = traitlets.Any(None, allow_none=True, help="step of the window; its own size by default").tag(sync=True)
    padding = traitlets.Any(0, help="padding around the input").tag(sync=True)
    ceil_mode = traitlets.Bool(False, help="whether a last window may extend beyond the input").tag(sync=True)
    gradient = traitlets.Bool(False, help="whether the gradient is shown").tag(sync=True)

    def _pool_arguments(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments that change what torch computes."""
        return {key: value for key, value in settings.items() if key not in ("return_indices", "gradient")}


class MaxPooling(Pooling):
    """Widget that shows a max pooling. The maximum is marked, and only it contributes to the output."""

    _arguments = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    dilation = traitlets.Any(1, help="distance between elements of the window").tag(sync=True)
    return_indices = traitlets.Bool(False, help="whether the flat index of each maximum is shown").tag(sync=True)

    @property
    def indices(self) -> Tensor:
        """The flat indices of the maxima, as torch returns them with ``return_indices=True``."""
        indices = self.data.indices
        assert indices is not None
        return self._like_input(indices)

    def _compute(self, settings: Mapping[str, Any]) -> SlidingWindow:
        return max_pool(self._x, **self._pool_arguments(settings), dims=self._dims)


class AveragePooling(Pooling):
    """Widget that shows an average pooling."""

    _arguments = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    count_include_pad = traitlets.Bool(True, help="whether padding counts in the average").tag(sync=True)
    divisor_override = traitlets.Int(None, allow_none=True, help="divisor to use instead of the window's size").tag(
        sync=True
    )

    def _compute(self, settings: Mapping[str, Any]) -> SlidingWindow:
        return avg_pool(self._x, **self._pool_arguments(settings), dims=self._dims)


def max_pool2d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> MaxPooling:
    """Show a window sliding over an image and selecting the largest number.

    Takes the arguments of :func:`torch.nn.functional.max_pool2d`. With ``return_indices=True`` the flat index of each maximum is shown
    too; they are in ``.indices``, while ``.output`` holds only the maxima.

    Example:
        >>> import torch, dlviz
        >>> view = dlviz.max_pool2d(torch.arange(16.0).view(1, 4, 4), 2)
        >>> view.output.tolist(), view.indices.tolist()
        ([[[5.0, 7.0], [13.0, 15.0]]], [[[5, 7], [13, 15]]])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
    """
    return _pool(MaxPooling, "max_pool2d", x, bind_arguments(MaxPooling, (kernel_size, *positional), arguments))


def max_pool1d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> MaxPooling:
    """Show a window sliding over a sequence: like :func:`max_pool2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.max_pool1d(torch.tensor([[[3.0, 1, 2, 5]]]), 2).output.tolist()
        [[[3.0, 5.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html
    """
    return _pool(MaxPooling, "max_pool1d", x, bind_arguments(MaxPooling, (kernel_size, *positional), arguments))


def avg_pool2d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> AveragePooling:
    """Show a window sliding over an image and averaging its numbers.

    Takes the arguments of :func:`torch.nn.functional.avg_pool2d`.

    Example:
        >>> import torch, dlviz
        >>> dlviz.avg_pool2d(torch.arange(16.0).view(1, 4, 4), 2).output.tolist()
        [[[2.5, 4.5], [10.5, 12.5]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
    """
    given = bind_arguments(AveragePooling, (kernel_size, *positional), arguments)
    return _pool(AveragePooling, "avg_pool2d", x, given)


def avg_pool1d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> AveragePooling:
    """Show a window averaging a sequence: like :func:`avg_pool2d`, with one spatial dimension and no ``divisor_override``.

    Example:
        >>> import torch, dlviz
        >>> dlviz.avg_pool1d(torch.tensor([[[3.0, 1, 2, 6]]]), 2).output.tolist()
        [[[2.0, 4.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html
    """
    given = bind_arguments(AveragePooling, (kernel_size, *positional), arguments, keyword_only="divisor_override")
    if "divisor_override" in given:
        raise TypeError("avg_pool1d takes no divisor_override: torch's own has none")
    return _pool(AveragePooling, "avg_pool1d", x, given)


def _pool(widget: type[_Pooling], name: str, x: Any, arguments: dict[str, Any]) -> _Pooling:
    check_type(x, Tensor, "convolution.refused.operand", name=name, what="x")
    return widget(name, x.detach(), None, None, **arguments)
