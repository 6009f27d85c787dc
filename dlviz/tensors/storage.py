"""Storage: who shares it, and what lies in it, element after element."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


def has_storage(x: Tensor) -> bool:
    """True for strided tensors: those whose elements lie in one block, at offset + Σ index × stride."""
    return x.layout is torch.strided and not x.is_nested


def check_layout(caller: str, name: str, x: Tensor) -> None:
    """Refuse what does not store all its elements, where every one of them is to be shown.

    Raises:
        DlvizError: `x` is sparse or nested.
    """
    if not has_storage(x):
        layout = "nested" if x.is_nested else str(x.layout).removeprefix("torch.")
        raise DlvizError(message("tensors.refused.layout", caller=caller, name=name, layout=layout))


def same_storage(a: Tensor, b: Tensor) -> bool:
    """True if writing into one can change the other's storage.

    Example:
        >>> x = torch.zeros(2, 3)
        >>> same_storage(x, x.T), same_storage(x, x.T.contiguous())
        (True, False)
    """
    return has_storage(a) and has_storage(b) and a.untyped_storage()._cdata == b.untyped_storage()._cdata


def tape(x: Tensor) -> Tensor:
    """The whole storage under `x` as a vector of its dtype, sharing it; also what `x` itself does not reach.

    Of a lazily conjugated or negated tensor these are the numbers that are stored, not those that it shows.

    Example:
        >>> tape(torch.arange(6).view(2, 3)[:, 1:])
        tensor([0, 1, 2, 3, 4, 5])
    """
    count = x.untyped_storage().nbytes() // x.element_size()
    return torch.empty(0, dtype=x.dtype, device=x.device).set_(x.untyped_storage(), 0, (count,), (1,))


def groups(tensors: Sequence[Tensor]) -> list[int]:
    """For each tensor the number of its tape: one for all that share a storage and an element size; -1 for those without.

    Example:
        >>> x = torch.zeros(2, 3)
        >>> groups([x, x.T, x.clone(), x[0]])
        [0, 0, 1, 0]
    """
    numbers: dict[tuple[int, int], int] = {}
    found = []
    for x in tensors:
        if has_storage(x):
            found.append(numbers.setdefault((x.untyped_storage()._cdata, x.element_size()), len(numbers)))
        else:
            found.append(-1)
    return found
