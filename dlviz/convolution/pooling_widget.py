"""`dlviz.max_pool1d`, `max_pool2d`, `avg_pool1d` and `avg_pool2d`."""

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import traitlets
from torch import Tensor, nn

from dlviz.convolution.operations import Sizes, avg_pool, max_pool, window_axes
from dlviz.convolution.record import SlidingWindow
from dlviz.convolution.scene import MAX_CHANNELS
from dlviz.convolution.sliding_widget import SlidingWindowWidget, check_input, like, module_arguments
from dlviz.convolution.window_axis import WindowAxis
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type

#: With at most so many windows, a pooling opens on the most telling one.
_MAX_TELLING = 256

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

    def _axes(self, settings: Mapping[str, Any]) -> tuple[WindowAxis, ...]:
        names = ("kernel_size", "stride", "padding", "dilation")
        kernel, stride, padding, dilation = (
            settings.get(name, self.traits()[name].default_value if self.has_trait(name) else 1) for name in names
        )
        spatial = self._x.shape[-self._dims :]
        return window_axes(spatial, kernel, stride, padding, dilation, ceil_mode=bool(settings.get("ceil_mode")))

    def _drawn_channels(
        self, settings: Mapping[str, Any], x: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None, int]:
        return x[:, :MAX_CHANNELS], None, None, x.shape[1]


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

    def _compute(
        self, settings: Mapping[str, Any], x: Tensor, weight: Tensor | None, bias: Tensor | None
    ) -> SlidingWindow:
        return max_pool(x, **self._pool_arguments(settings), dims=self._dims)


class AveragePooling(Pooling):
    """Widget that shows an average pooling."""

    _arguments = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    count_include_pad = traitlets.Bool(True, help="whether padding counts in the average").tag(sync=True)
    divisor_override = traitlets.Int(None, allow_none=True, help="divisor to use instead of the window's size").tag(
        sync=True
    )

    def _compute(
        self, settings: Mapping[str, Any], x: Tensor, weight: Tensor | None, bias: Tensor | None
    ) -> SlidingWindow:
        return avg_pool(x, **self._pool_arguments(settings), dims=self._dims)


#: For each public function the module that it accepts.
_MODULES: dict[str, type[nn.Module]] = {
    "max_pool1d": nn.MaxPool1d,
    "max_pool2d": nn.MaxPool2d,
    "avg_pool1d": nn.AvgPool1d,
    "avg_pool2d": nn.AvgPool2d,
}


def max_pool2d(
    x: Any,
    kernel_size: Sizes | nn.Module | Any,
    stride: Sizes | None = None,
    padding: Sizes | None = None,
    dilation: Sizes | None = None,
    ceil_mode: bool | None = None,
    return_indices: bool | None = None,
    *,
    gradient: bool = False,
    channel: int = 0,
    sample: int = 0,
    step: int | None = None,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> MaxPooling:
    """Show a window sliding over an image and selecting the largest number.

    Takes the arguments of :func:`torch.nn.functional.max_pool2d`; or a module, as ``max_pool2d(x, layer)`` or ``max_pool2d(layer, x)``.

    Args:
        x: (N, C, H, W) or (C, H, W): a tensor, an array or a list.
        kernel_size: size of the window, or an ``nn.MaxPool2d``.
        stride: step of the window; by default its size.
        padding: padding around the input, 0 by default.
        dilation: distance between elements of the window, 1 by default.
        ceil_mode: whether a last window may extend beyond the input, not by default.
        return_indices: whether the flat index of each maximum is shown too. They are in ``.indices``; ``.output`` holds only the maxima.
        gradient: whether the input shows the gradient of the shown output.
        channel, sample: the output channel, and the sample of the batch, that are shown.
        step: 0, or 1 + the row-major position of the output that is shown. Without it a small pooling opens on the window whose maximum
            differs most from its mean.
        theme: "auto", "light" or "dark".
        speed: the player's speed.
        traits: other traits of :class:`SlidingWindowWidget`.

    Returns:
        The widget. ``.output`` is the tensor that torch computed; setting a trait such as ``.stride`` computes it again.

    Raises:
        DlvizError: torch refuses, with its message, or an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> view = dlviz.max_pool2d(torch.arange(16.0).view(1, 4, 4), 2)
        >>> view.output.tolist(), view.indices.tolist()
        ([[[5.0, 7.0], [13.0, 15.0]]], [[[5, 7], [13, 15]]])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    given |= {"return_indices": return_indices}
    shown = {"gradient": gradient, "channel": channel, "sample": sample, "step": step, "theme": theme, "speed": speed}
    return _pool(MaxPooling, "max_pool2d", x, kernel_size, given, shown | traits)


def max_pool1d(
    x: Any,
    kernel_size: Sizes | nn.Module | Any,
    stride: Sizes | None = None,
    padding: Sizes | None = None,
    dilation: Sizes | None = None,
    ceil_mode: bool | None = None,
    return_indices: bool | None = None,
    *,
    gradient: bool = False,
    channel: int = 0,
    sample: int = 0,
    step: int | None = None,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> MaxPooling:
    """Show a window sliding over a sequence: like :func:`max_pool2d`, with one spatial dimension.

    Example:
        >>> import torch, dlviz
        >>> dlviz.max_pool1d(torch.tensor([[[3.0, 1, 2, 5]]]), 2).output.tolist()
        [[[3.0, 5.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    given |= {"return_indices": return_indices}
    shown = {"gradient": gradient, "channel": channel, "sample": sample, "step": step, "theme": theme, "speed": speed}
    return _pool(MaxPooling, "max_pool1d", x, kernel_size, given, shown | traits)


def avg_pool2d(
    x: Any,
    kernel_size: Sizes | nn.Module | Any,
    stride: Sizes | None = None,
    padding: Sizes | None = None,
    ceil_mode: bool | None = None,
    count_include_pad: bool | None = None,
    divisor_override: int | None = None,
    *,
    gradient: bool = False,
    channel: int = 0,
    sample: int = 0,
    step: int | None = None,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> AveragePooling:
    """Show a window sliding over an image and averaging its numbers.

    Takes the arguments of :func:`torch.nn.functional.avg_pool2d`, or an ``nn.AvgPool2d``; the others are those of :func:`max_pool2d`.

    Args:
        count_include_pad: whether padding counts in the average, as by default.
        divisor_override: divisor to use instead of the window's size.

    Example:
        >>> import torch, dlviz
        >>> dlviz.avg_pool2d(torch.arange(16.0).view(1, 4, 4), 2).output.tolist()
        [[[2.5, 4.5], [10.5, 12.5]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
    """
    given = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    given |= {"divisor_override": divisor_override}
    shown = {"gradient": gradient, "channel": channel, "sample": sample, "step": step, "theme": theme, "speed": speed}
    return _pool(AveragePooling, "avg_pool2d", x, kernel_size, given, shown | traits)


def avg_pool1d(
    x: Any,
    kernel_size: Sizes | nn.Module | Any,
    stride: Sizes | None = None,
    padding: Sizes | None = None,
    ceil_mode: bool | None = None,
    count_include_pad: bool | None = None,
    *,
    gradient: bool = False,
    channel: int = 0,
    sample: int = 0,
    step: int | None = None,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> AveragePooling:
    """Show a window averaging a sequence: like :func:`avg_pool2d`, with one spatial dimension and no ``divisor_override``.

    Example:
        >>> import torch, dlviz
        >>> dlviz.avg_pool1d(torch.tensor([[[3.0, 1, 2, 6]]]), 2).output.tolist()
        [[[2.0, 4.0]]]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html
    """
    if "divisor_override" in traits:
        raise TypeError("avg_pool1d takes no divisor_override: torch's own has none")
    given = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    shown = {"gradient": gradient, "channel": channel, "sample": sample, "step": step, "theme": theme, "speed": speed}
    return _pool(AveragePooling, "avg_pool1d", x, kernel_size, given, shown | traits)


def _pool(
    widget: type[_Pooling], name: str, x: Any, kernel_size: Any, given: Mapping[str, Any], shown: Mapping[str, Any]
) -> _Pooling:
    if isinstance(x, nn.Module):  # called as (module, x)
        x, kernel_size = kernel_size, x
    arguments = {key: value for key, value in given.items() if value is not None}
    if isinstance(kernel_size, nn.Module):
        module = getattr(kernel_size, "_orig_mod", kernel_size)  # a compiled module wraps the original one
        kind = _MODULES[name]
        check_type(module, kind, "convolution.refused.module", name=name, wanted=f"an nn.{kind.__name__}")
        arguments = module_arguments(module, widget, arguments)
    elif kernel_size is None:
        raise DlvizError(
            message("convolution.refused.kernel_size", name=name, wanted=f"an nn.{_MODULES[name].__name__}")
        )
    else:
        arguments["kernel_size"] = kernel_size
    found = check_input(x, name, "x")
    view = widget(name, like(x, found, None), None, None, **arguments, **{**shown, "step": shown["step"] or 0})
    if shown["step"] is None:
        view.step = _telling_step(view.data, view.sample, view.channel)
    return view


def _telling_step(data: SlidingWindow, sample: int, channel: int) -> int:
    """Return the step of the window whose maximum differs most from its mean; 0 for a large output, which is shown whole."""
    positions = list(np.ndindex(tuple(data.output.shape[2:])))
    if len(positions) > _MAX_TELLING:
        return 0

    def spread(position: tuple[int, ...]) -> float:
        inputs = [term.input for term in data.terms((sample, channel, *position)) if term.input is not None]
        values = [float(data.x[index]) for index in inputs]
        difference = max(values) - sum(values) / len(values) if values else 0.0
        return difference if math.isfinite(difference) else 0.0

    return 1 + max(range(len(positions)), key=lambda number: spread(positions[number]))
