"""Sentences of different lengths as one padded tensor of ids."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

#: The word with id 0, at the places after a sentence's end.
PAD = "<pad>"


def vocabulary(sentences: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Return ``PAD``, then every different word, sorted."""
    return (PAD, *sorted({word for sentence in sentences for word in sentence}))


def padded(rows: Sequence[Sequence[str]], ids: dict[str, int], fill: int, device: torch.device | str | None) -> Tensor:
    """Return the ids of strings, (N, T) int64 with T the longest row, and `fill` after the end of shorter ones."""
    longest = max(map(len, rows))
    table = [[*(ids[one] for one in row), *[fill] * (longest - len(row))] for row in rows]
    return torch.tensor(table, dtype=torch.int64, device=device)
