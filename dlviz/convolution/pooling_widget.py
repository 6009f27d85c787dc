"""`dlviz.max_pool1d`, `max_pool2d`, `avg_pool1d` and `avg_pool2d`."""

from collections.abc import Mapping
from typing import Any

import traitlets
from torch import Tensor

from dlviz.convolution.operations import avg_pool, max_pool
from dlviz.convolution.record import SlidingWindow
from dlviz.convolution.sliding_widget import SlidingWindowWidget, bind_arguments
from dlviz.kit.validation import check_type


class MaxPooling(SlidingWindowWidget):
    """Widget that shows a max pooling. The maximum is marked, and only it contributes to the output.

    With ``gradient`` the input shows the gradient of the shown output, or of the sum of all outputs.
    """

    _arguments = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    _switches = ("gradient",)
    kernel_size = traitlets.Any(help="size of the window").tag(sync=True)
    stride = traitlets.Any(None, allow_none=True, help="step of the window; its own size by default").tag(sync=True)
    padding = traitlets.Any(0, help="padding around the input").tag(sync=True)
    dilation = traitlets.Any(1, help="distance between elements of the window").tag(sync=True)
    ceil_mode = traitlets.Bool(False, help="whether a last window may extend beyond the input").tag(sync=True)
    gradient = traitlets.Bool(False, help="whether the gradient is shown").tag(sync=True)
    return_indices = traitlets.Bool(False, help="whether the flat index of each maximum is shown").tag(sync=True)

    @property
    def indices(self) -> Tensor:
        """The flat indices of the maxima, as torch returns them with ``return_indices=True``."""
        indices = self.data.indices
        assert indices is not None
        return self._like_input(indices)

    def _compute(self, settings: Mapping[str, Any]) -> SlidingWindow:
        arguments = {key: value for key, value in settings.items() if key not in ("return_indices", "gradient")}
        return max_pool(self._x, **arguments, dims=self._dims)


class AveragePooling(SlidingWindowWidget):
    """Widget that shows an average pooling, and with ``gradient`` the gradient with respect to the input."""

    _arguments = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    _switches = ("gradient",)
    kernel_size = traitlets.Any(help="size of the window").tag(sync=True)
    stride = traitlets.Any(None, allow_none=True, help="step of the window; its own size by default").tag(sync=True)
    padding = traitlets.Any(0, help="padding around the input").tag(sync=True)
    ceil_mode = traitlets.Bool(False, help="whether a last window may extend beyond the input").tag(sync=True)
    gradient = traitlets.Bool(False, help="whether the gradient is shown").tag(sync=True)
    count_include_pad = traitlets.Bool(True, help="whether padding counts in the average").tag(sync=True)
    divisor_override = traitlets.Int(None, allow_none=True, help="divisor to use instead of the window's size").tag(
        sync=True
    )

    def _compute(self, settings: Mapping[str, Any]) -> SlidingWindow:
        arguments = {key: value for key, value in settings.items() if key != "gradient"}
        return avg_pool(self._x, **arguments, dims=self._dims)


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
    return _max("max_pool2d", x, (kernel_size, *positional), arguments)


def max_pool1d(x: Tensor, kernel_size: Any, *positional: Any, **arguments: Any) -> MaxPooling:
    """Show a window sliding over a sequence: like :func:`max_pool2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.max_pool1d(torch.tensor([[[3.0, 1, 2, 5]]]), 2).output.tolist()
        [[[3.0, 5.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html
    """
    return _max("max_pool1d", x, (kernel_size, *positional), arguments)


def _max(name: str, x: Any, positional: tuple[Any, ...], arguments: dict[str, Any]) -> MaxPooling:
    return MaxPooling(name, _checked_input(name, x), None, None, **bind_arguments(MaxPooling, positional, arguments))


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
    return AveragePooling("avg_pool2d", _checked_input("avg_pool2d", x), None, None, **given)


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
    return AveragePooling("avg_pool1d", _checked_input("avg_pool1d", x), None, None, **given)


def _checked_input(name: str, x: Any) -> Tensor:
    check_type(x, Tensor, "convolution.refused.operand", name=name, what="x")
    return x.detach()
