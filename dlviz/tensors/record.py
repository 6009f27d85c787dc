"""What torch says of a tensor beside its numbers: shape, strides, dtype, where it lives and what it shares."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Facts:
    """One tensor, described.

    Attributes:
        name: what the learner calls it.
        shape: its sizes.
        stride: for each dimension how many places in storage one step is; ``None`` where the layout has no strides.
        offset: the place in storage of its first element; ``None`` likewise.
        dtype: such as "float32".
        device: such as "cpu" or "cuda:0".
        layout: "strided", "sparse_coo" and so on.
        requires_grad: whether autograd tracks it; ``maker`` names the grad_fn of a non-leaf.
        contiguous: whether row-major order is its order in storage.
        storage: how many elements of this dtype its storage holds; ``None`` where it has none.
        is_view: whether torch made it as a view of another tensor.
        is_conj: whether its numbers are the conjugates of what is stored.
        is_neg: whether its numbers are the negatives of what is stored.
        itemsize: bytes an element.
    """

    name: str
    shape: tuple[int, ...]
    stride: tuple[int, ...] | None
    offset: int | None
    dtype: str
    device: str
    layout: str
    requires_grad: bool
    maker: str
    contiguous: bool
    storage: int | None
    is_view: bool
    is_conj: bool
    is_neg: bool
    itemsize: int

    @property
    def numel(self) -> int:
        """How many elements the shape counts."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    def address(self, index: tuple[int, ...]) -> int:
        """The place in storage of the element at `index`: offset + Σ index × stride.

        Example:
            >>> facts(torch.arange(12).view(3, 4).T, "x").address((1, 2))
            9
        """
        assert self.stride is not None
        assert self.offset is not None
        return self.offset + sum(i * step for i, step in zip(index, self.stride, strict=True))


def facts(x: Tensor, name: str) -> Facts:
    """Describe `x`. Nothing is computed and nothing is kept.

    Example:
        >>> about = facts(torch.zeros(2, 3).T, "x")
        >>> about.shape, about.stride, about.contiguous
        ((3, 2), (1, 3), False)

    Source:
        https://docs.pytorch.org/docs/stable/tensor_attributes.html
    """
    strided = x.layout is torch.strided and not x.is_nested
    return Facts(
        name=name,
        shape=_shape(x),
        stride=tuple(x.stride()) if strided else None,
        offset=int(x.storage_offset()) if strided else None,
        dtype=str(x.dtype).removeprefix("torch."),
        device=str(x.device),
        layout="nested" if x.is_nested else str(x.layout).removeprefix("torch."),
        requires_grad=x.requires_grad,
        maker=type(x.grad_fn).__name__ if x.grad_fn is not None else "",
        contiguous=strided and x.is_contiguous(),
        storage=x.untyped_storage().nbytes() // max(1, x.element_size()) if strided else None,
        is_view=x._is_view(),
        is_conj=x.is_conj(),
        is_neg=x.is_neg(),
        itemsize=x.element_size(),
    )


def _shape(x: Tensor) -> tuple[int, ...]:
    if not x.is_nested:
        return tuple(x.shape)
    # A ragged dimension has no one size.
    rows = x.unbind()
    return (len(rows),)
