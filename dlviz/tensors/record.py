"""What torch reports about a tensor besides its numbers: shape, strides, dtype, device, and the storage it shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True)
class TensorMetadata:
    """Everything about one tensor except its numbers.

    Attributes:
        name: the name shown for it.
        shape: its sizes.
        stride: for each dimension the distance in storage between neighbors; ``None`` if the layout has no strides.
        offset: the storage offset of the first element; ``None`` if the layout has no strides.
        dtype: such as "float32".
        device: such as "cpu" or "cuda:0".
        layout: "strided", "sparse_coo", "nested" and so on.
        requires_grad: whether autograd tracks it.
        grad_fn: the class name of the ``grad_fn`` of a non-leaf, else "".
        is_contiguous: whether row-major order is the order in storage.
        storage_size: number of elements of this dtype in the storage; ``None`` without a storage.
        is_view: whether torch made it as a view of another tensor.
        is_conj: whether the stored numbers are the conjugates of its elements.
        is_neg: whether the stored numbers are the negatives of its elements.
        itemsize: bytes per element.
    """

    name: str
    shape: tuple[int, ...]
    stride: tuple[int, ...] | None
    offset: int | None
    dtype: str
    device: str
    layout: str
    requires_grad: bool
    grad_fn: str
    is_contiguous: bool
    storage_size: int | None
    is_view: bool
    is_conj: bool
    is_neg: bool
    itemsize: int

    @property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    def address(self, index: tuple[int, ...]) -> int:
        """Return the position in storage of the element at `index`: offset + Σ index × stride.

        Example:
            >>> tensor_metadata(torch.arange(12).view(3, 4).T, "x").address((1, 2))
            9
        """
        assert self.stride is not None
        assert self.offset is not None
        return self.offset + sum(i * step for i, step in zip(index, self.stride, strict=True))

    def addresses(self) -> frozenset[int]:
        """Return the positions in storage that the tensor's elements occupy.

        Example:
            >>> sorted(tensor_metadata(torch.arange(6)[::2], "x").addresses())
            [0, 2, 4]
        """
        assert self.stride is not None
        assert self.offset is not None
        found = {self.offset}
        for size, step in zip(self.shape, self.stride, strict=True):
            found = {address + i * step for address in found for i in range(size)}
        return frozenset(found)


def tensor_metadata(x: Tensor, name: str) -> TensorMetadata:
    """Describe `x` without reading its numbers or keeping a reference to it.

    Example:
        >>> found = tensor_metadata(torch.zeros(2, 3).T, "x")
        >>> found.shape, found.stride, found.is_contiguous
        ((3, 2), (1, 3), False)

    Source:
        https://docs.pytorch.org/docs/stable/tensor_attributes.html
    """
    strided = has_storage(x)
    return TensorMetadata(
        name=name,
        # A ragged dimension of a nested tensor has no single size.
        shape=(len(x.unbind()),) if x.is_nested else tuple(x.shape),
        stride=tuple(x.stride()) if strided else None,
        offset=int(x.storage_offset()) if strided else None,
        dtype=str(x.dtype).removeprefix("torch."),
        device=str(x.device),
        layout=_layout(x),
        requires_grad=x.requires_grad,
        grad_fn=type(x.grad_fn).__name__ if x.grad_fn is not None else "",
        is_contiguous=strided and x.is_contiguous(),
        storage_size=x.untyped_storage().nbytes() // max(1, x.element_size()) if strided else None,
        is_view=x._is_view(),
        is_conj=x.is_conj(),
        is_neg=x.is_neg(),
        itemsize=x.element_size(),
    )


def _layout(x: Tensor) -> str:
    return "nested" if x.is_nested else str(x.layout).removeprefix("torch.")


def has_storage(x: Tensor) -> bool:
    """Return whether `x` is strided, so that its elements lie in one storage at offset + Σ index × stride."""
    return x.layout is torch.strided and not x.is_nested


def check_not_nested(caller: str, name: str, x: Tensor) -> Tensor:
    """Return a tensor whose dimensions each have one size.

    Raises:
        DlvizError: `x` is nested.
    """
    if x.is_nested:
        raise DlvizError(message("tensors.refused.nested", caller=caller, name=name))
    return x


def check_strided(caller: str, name: str, x: Tensor) -> Tensor:
    """Return a tensor that stores all its elements.

    Raises:
        DlvizError: `x` is sparse or nested.
    """
    check_not_nested(caller, name, x)
    if not has_storage(x):
        raise DlvizError(message("tensors.refused.layout", caller=caller, name=name, layout=_layout(x)))
    return x


def same_storage(a: Tensor, b: Tensor) -> bool:
    """Return whether both tensors use the same storage, so that writing into one can change the other.

    Example:
        >>> x = torch.zeros(2, 3)
        >>> same_storage(x, x.T), same_storage(x, x.T.contiguous())
        (True, False)
    """
    return has_storage(a) and has_storage(b) and a.untyped_storage()._cdata == b.untyped_storage()._cdata


def flat_storage(x: Tensor) -> Tensor:
    """Return the whole storage of `x` as a vector of its dtype, including elements that `x` itself does not reach.

    The vector shares the storage. For a lazily conjugated or negated tensor it holds the stored numbers, not the displayed ones.

    Example:
        >>> flat_storage(torch.arange(6).view(2, 3)[:, 1:])
        tensor([0, 1, 2, 3, 4, 5])
    """
    count = x.untyped_storage().nbytes() // x.element_size()
    return torch.empty(0, dtype=x.dtype, device=x.device).set_(x.untyped_storage(), 0, (count,), (1,))


def storage_ids(tensors: Sequence[Tensor]) -> list[int]:
    """Number the storages: tensors with the same storage and element size get the same number, those without storage -1.

    Example:
        >>> x = torch.zeros(2, 3)
        >>> storage_ids([x, x.T, x.clone(), x[0]])
        [0, 0, 1, 0]
    """
    numbers: dict[tuple[int, int], int] = {}
    return [
        numbers.setdefault((x.untyped_storage()._cdata, x.element_size()), len(numbers)) if has_storage(x) else -1
        for x in tensors
    ]
