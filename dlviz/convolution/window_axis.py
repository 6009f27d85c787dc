"""One spatial dimension of a sliding window: which input positions each output position reads, and the reverse."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

#: Input position of a padded position that holds the padding value and repeats no input.
NO_INPUT = -1


@dataclass(frozen=True)
class WindowAxis:
    """A dimension along which a window slides.

    Attributes:
        input_size: length of the input.
        kernel_size: length of the window.
        stride: step of the window.
        dilation: distance between elements of the window.
        pad_before, pad_after: padding at each end.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        ceil_mode: whether a last window may extend beyond the padding, as in pooling.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    input_size: int
    kernel_size: int
    stride: int = 1
    dilation: int = 1
    pad_before: int = 0
    pad_after: int = 0
    padding_mode: str = "zeros"
    ceil_mode: bool = False

    @property
    def extent(self) -> int:
        """Length of the dilated window."""
        return self.dilation * (self.kernel_size - 1) + 1

    @property
    def padded_size(self) -> int:
        """Length of the padded input."""
        return self.pad_before + self.input_size + self.pad_after

    @cached_property
    def output_size(self) -> int:
        """Number of window positions.

        Example:
            >>> axes = WindowAxis(7, 3, stride=2), WindowAxis(8, 3, stride=2), WindowAxis(8, 3, stride=2, ceil_mode=True)
            >>> [axis.output_size for axis in axes]
            [3, 3, 4]
        """
        room = self.padded_size - self.extent
        if not self.ceil_mode:
            return room // self.stride + 1
        count = -(-room // self.stride) + 1
        # The last window has to begin inside the input or the padding before it.
        return count - 1 if (count - 1) * self.stride >= self.input_size + self.pad_before else count

    @property
    def unused(self) -> int:
        """Number of padded positions at the end that no window reaches."""
        return max(0, self.padded_size - ((self.output_size - 1) * self.stride + self.extent))

    def near(self, start: int, size: int) -> tuple["WindowAxis", int, int]:
        """Return the axis of a part of the input that is enough for outputs from `start`, `size` of them.

        Returns:
            The axis, the first input position of the part, and the output position that is 0 there.

        Example:
            >>> axis, first, output = WindowAxis(1000, 3, stride=2, pad_before=1, pad_after=1).near(100, 10)
            >>> axis.input_size, first, output
            (27, 198, 99)
        """
        pads = self.pad_before + self.pad_after
        if pads and self.padding_mode == "circular":
            return self, 0, 0  # each end repeats the other
        margin = self.extent + pads
        skipped = max(0, min(start - -(-self.pad_before // self.stride), (self.input_size - margin) // self.stride))
        first = skipped * self.stride
        last = min(self.input_size, (start + size) * self.stride + margin)
        return replace(self, input_size=last - first), first, skipped

    def input_position(self, padded: int) -> int:
        """Return the input position that a padded position repeats, or :data:`NO_INPUT`.

        Example:
            >>> axis = WindowAxis(3, 1, pad_before=2, pad_after=2, padding_mode="reflect")
            >>> [axis.input_position(p) for p in range(7)]
            [2, 1, 0, 1, 2, 1, 0]
        """
        i, last = padded - self.pad_before, self.input_size - 1
        if 0 <= i <= last:
            return i
        if self.padding_mode == "zeros":
            return NO_INPUT
        if self.padding_mode == "replicate":
            return min(max(i, 0), last)
        if self.padding_mode == "circular":
            return i % self.input_size
        return -i if i < 0 else 2 * last - i

    def window(self, output: int) -> Iterator[tuple[int, int]]:
        """Yield (kernel position, padded position) for an output position; with `ceil_mode` some lie beyond the padding."""
        for k in range(self.kernel_size):
            yield k, output * self.stride + k * self.dilation

    def outputs(self, i: int) -> list[tuple[int, int]]:
        """Return every (output position, kernel position) that reads input position `i`.

        Example:
            >>> WindowAxis(5, 3, pad_before=1, pad_after=1).outputs(0)
            [(0, 1), (1, 0)]
        """
        return [
            (output, k)
            for output in range(self.output_size)
            for k, padded in self.window(output)
            if padded < self.padded_size and self.input_position(padded) == i
        ]


@dataclass(frozen=True)
class TransposedAxis:
    """A dimension of a transposed convolution: the kernel is added to the output once for each input position.

    Attributes:
        input_size, kernel_size, stride, dilation: as for a convolution.
        padding: number of positions removed at both ends of the output.
        output_padding: number of positions added at the end of the output.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
    """

    input_size: int
    kernel_size: int
    stride: int = 1
    dilation: int = 1
    padding: int = 0
    output_padding: int = 0

    @property
    def output_size(self) -> int:
        """Length of the output.

        Example:
            >>> TransposedAxis(3, 3, stride=2, padding=1, output_padding=1).output_size
            6
        """
        covered = (self.input_size - 1) * self.stride + self.dilation * (self.kernel_size - 1) + 1
        return covered - 2 * self.padding + self.output_padding

    def near(self, start: int, size: int) -> tuple["TransposedAxis", int, int]:
        """Return the axis of a part of the input that is enough for outputs from `start`: see :meth:`WindowAxis.near`."""
        reach = self.dilation * (self.kernel_size - 1)
        first = max(0, min((start + self.padding - reach) // self.stride, start // self.stride))
        beyond = (2 * self.padding + reach) // self.stride + 2
        last = min(self.input_size, (start + size + self.padding) // self.stride + beyond)
        return replace(self, input_size=last - first), first, first * self.stride

    def outputs(self, i: int) -> list[tuple[int, int]]:
        """Return every (output position, kernel position) that input position `i` is added to."""
        pairs = [(i * self.stride + k * self.dilation - self.padding, k) for k in range(self.kernel_size)]
        return [(output, k) for output, k in pairs if 0 <= output < self.output_size]

    def window(self, output: int) -> list[tuple[int, int]]:
        """Return every (kernel position, input position) that is added to an output position."""
        return [(k, i) for i in range(self.input_size) for position, k in self.outputs(i) if position == output]

    @property
    def equivalent(self) -> WindowAxis:
        """The convolution with the same result: zeros inserted into the input, and a flipped kernel."""
        dilated_size = (self.input_size - 1) * self.stride + 1
        pad = self.dilation * (self.kernel_size - 1) - self.padding
        return WindowAxis(
            dilated_size,
            self.kernel_size,
            dilation=self.dilation,
            pad_before=pad,
            pad_after=pad + self.output_padding,
        )
