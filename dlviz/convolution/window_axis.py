"""One spatial dimension of a sliding window: which input places each output place looks at, and the other way round."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

#: Where a padded place repeats no input: it holds the padding value.
NOWHERE = -1


@dataclass(frozen=True)
class Axis:
    """A dimension along which a window slides.

    Attributes:
        size: length of the input.
        kernel: length of the window.
        stride: how far it moves.
        dilation: how far its elements lie apart.
        before, after: how much padding stands at each end.
        mode: "zeros", "reflect", "replicate" or "circular": what the padding repeats.
        ceil: whether a last window that sticks out counts, as in pooling with ``ceil_mode``.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    mode: str = "zeros"
    ceil: bool = False

    @property
    def reach(self) -> int:
        """From the first element of the window to its last, both counted."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def padded(self) -> int:
        """Length with padding."""
        return self.before + self.size + self.after

    @cached_property
    def out(self) -> int:
        """How many places the window has.

        Example:
            >>> Axis(7, 3, stride=2).out, Axis(8, 3, stride=2).out, Axis(8, 3, stride=2, ceil=True).out
            (3, 3, 4)
        """
        room = self.padded - self.reach
        if not self.ceil:
            return room // self.stride + 1
        count = -(-room // self.stride) + 1
        # The last window has to begin inside the input or the padding before it.
        return count - 1 if (count - 1) * self.stride >= self.size + self.before else count

    @property
    def left_over(self) -> int:
        """How many padded places at the end no window reaches."""
        return max(0, self.padded - ((self.out - 1) * self.stride + self.reach))

    def source(self, place: int) -> int:
        """The input place that a padded place repeats, or :data:`NOWHERE`.

        Example:
            >>> [Axis(3, 1, before=2, after=2, mode="reflect").source(p) for p in range(7)]
            [2, 1, 0, 1, 2, 1, 0]
        """
        i = place - self.before
        if 0 <= i < self.size:
            return i
        if self.mode == "zeros":
            return NOWHERE
        if self.mode == "replicate":
            return min(max(i, 0), self.size - 1)
        if self.mode == "circular":
            return i % self.size
        return -i if i < 0 else 2 * (self.size - 1) - i

    def window(self, o: int) -> Iterator[tuple[int, int]]:
        """For output place `o` each (kernel element, padded place); a place beyond the padding is one that ``ceil`` lets stick out."""
        for k in range(self.kernel):
            yield k, o * self.stride + k * self.dilation

    def feeds(self, i: int) -> list[tuple[int, int]]:
        """Every (output place, kernel element) that input place `i` reaches.

        Example:
            >>> Axis(5, 3, before=1, after=1).feeds(0)
            [(0, 1), (1, 0)]
        """
        return [
            (o, k)
            for o in range(self.out)
            for k, place in self.window(o)
            if place < self.padded and self.source(place) == i
        ]


@dataclass(frozen=True)
class Stamp:
    """A dimension of a transposed convolution: each input place stamps the kernel into the output.

    Attributes:
        size, kernel, stride, dilation: as for a convolution.
        padding: how much is cut from both ends of what was stamped.
        extra: how much is added at the end, ``output_padding``.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
    """

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: int = 0
    extra: int = 0

    @property
    def out(self) -> int:
        """Length of the output.

        Example:
            >>> Stamp(3, 3, stride=2, padding=1, extra=1).out
            6
        """
        return (self.size - 1) * self.stride - 2 * self.padding + self.dilation * (self.kernel - 1) + self.extra + 1

    def stamps(self, i: int) -> list[tuple[int, int]]:
        """Every (output place, kernel element) that input place `i` stamps; what is cut off is left out."""
        places = [(i * self.stride + k * self.dilation - self.padding, k) for k in range(self.kernel)]
        return [(o, k) for o, k in places if 0 <= o < self.out]

    def window(self, o: int) -> list[tuple[int, int]]:
        """Every (kernel element, input place) that is stamped on output place `o`."""
        return [(k, i) for i in range(self.size) for place, k in self.stamps(i) if place == o]

    @property
    def equivalent(self) -> Axis:
        """The convolution that does the same: the input spread `stride` apart, and the kernel turned around."""
        spread = (self.size - 1) * self.stride + 1
        around = self.dilation * (self.kernel - 1) - self.padding
        return Axis(spread, self.kernel, dilation=self.dilation, before=around, after=around + self.extra)
