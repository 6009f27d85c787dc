"""Data leakage and gaps in a split: exact copies and groups in two parts, and classes that a part lacks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.messages import message

#: Examples, groups or classes that a warning names.
_MAX_NAMED = 3


@dataclass(frozen=True, eq=False, repr=False)
class Finding:
    """Warning about a split.

    Attributes:
        kind: "duplicates", "groups" or "missing".
        text: the warning as a sentence.
        indices: the examples concerned: for duplicates and groups those of the later part, for a missing class all of its examples.
    """

    kind: str
    text: str
    indices: Tensor

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        """Return kind and sentence, with the number of indices in place of the indices."""
        return f"Finding({self.kind!r}, {self.text!r}, {len(self.indices)} indices)"


def first_copies(x: Tensor | Sequence[Any]) -> Tensor:
    """Return, for every example, the index of the first exact copy of it, (N,), which is its own index if there is none before.

    Example:
        >>> first_copies(torch.tensor([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])).tolist()
        [0, 1, 0]
    """
    first: dict[bytes, int] = {}
    return torch.tensor([first.setdefault(key, index) for index, key in enumerate(_keys(x))], dtype=torch.long)


def _keys(x: Tensor | Sequence[Any]) -> Iterator[bytes]:
    if not isinstance(x, Tensor):
        return (_digest(_text(x[index]).encode()) for index in range(len(x)))
    if not x.numel():
        return (str(index).encode() for index in range(len(x)))
    # −0.0 equals 0.0 but has other bytes; adding 0 turns it into 0.0.
    values = x.detach() if x.dtype is torch.bool else x.detach() + 0
    rows = values.cpu().contiguous().reshape(len(x), -1).view(torch.uint8).numpy()
    return (_digest(row) for row in rows)


def _text(example: Any) -> str:
    """Return all of an example as text; ``repr`` leaves out most numbers of a large array."""
    if isinstance(example, (tuple, list)):
        return f"({', '.join(map(_text, example))})"
    numbers = example.tolist() if hasattr(example, "tolist") else example
    return f"{type(example).__name__} {numbers!r}"


def _digest(content: Any) -> bytes:
    """Return a hash of sixteen bytes, because a dictionary of all images would not fit into memory."""
    return blake2b(content, digest_size=16).digest()


def findings(
    parts: Mapping[str, Tensor],
    y: Tensor,
    copies_of: Tensor,
    groups: Tensor | None = None,
    names: Sequence[str] = (),
    class_names: Sequence[str] | None = None,
) -> list[Finding]:
    """Return every warning about a split.

    Args:
        parts: indices of the examples in each part.
        y: labels (N,).
        copies_of: index of the first copy of each example, as :func:`first_copies` returns them.
        groups: (N,) group of each example.
        names: names of the groups.
        class_names: names of the classes, ``None`` where the labels themselves are shown.

    Example:
        >>> parts = {"train": torch.tensor([0, 1]), "test": torch.tensor([2])}
        >>> [finding.kind for finding in findings(parts, torch.tensor([0, 1, 0]), torch.tensor([0, 1, 0]))]
        ['duplicates', 'missing']
    """
    warnings = []
    for a, b in combinations(parts, 2):
        warnings += _duplicates(a, b, parts, copies_of)
        if groups is not None:
            warnings += _shared_groups(a, b, parts, groups, names)
    return warnings + [warning for name in parts for warning in _missing(name, parts[name], y, class_names)]


def _duplicates(a: str, b: str, parts: Mapping[str, Tensor], copies_of: Tensor) -> list[Finding]:
    copies = parts[b][torch.isin(copies_of[parts[b]], copies_of[parts[a]])].sort().values
    if not len(copies):
        return []
    firsts = dict(zip(copies_of[parts[a]].flip(0).tolist(), parts[a].flip(0).tolist(), strict=True))
    pairs = [f"{index} = {firsts[int(copies_of[index])]}" for index in copies[:_MAX_NAMED].tolist()]
    return [_finding("duplicates", copies, len(copies), pairs, a=a, b=b)]


def _shared_groups(a: str, b: str, parts: Mapping[str, Tensor], groups: Tensor, names: Sequence[str]) -> list[Finding]:
    groups_of_b = groups[parts[b]]
    is_shared = torch.isin(groups_of_b, groups[parts[a]])
    shared = groups_of_b[is_shared].unique()
    if not len(shared):
        return []
    indices = parts[b][is_shared].sort().values
    named = [names[group] for group in shared[:_MAX_NAMED].tolist()]
    return [_finding("groups", indices, len(shared), named, a=a, b=b, examples=f"{len(indices):,}")]


def _missing(part: str, indices: Tensor, y: Tensor, class_names: Sequence[str] | None) -> list[Finding]:
    classes = y.unique()
    classes = classes[~torch.isin(classes, y[indices])]
    if not len(classes):
        return []
    named = [str(label) if class_names is None else class_names[label] for label in classes[:_MAX_NAMED].tolist()]
    return [_finding("missing", torch.isin(y, classes).nonzero().squeeze(1), len(classes), named, part=part)]


def _finding(kind: str, indices: Tensor, count: int, named: Sequence[str], **values: str) -> Finding:
    """Return a warning about `count` copies, groups or classes, of which the first ones are named."""
    key = f"evaluation.warning.{kind}_one" if count == 1 else f"evaluation.warning.{kind}"
    rest = count - len(named)
    which = ", ".join(named) + (message("evaluation.warning.more", count=f"{rest:,}") if rest else "")
    return Finding(kind, message(key, count=f"{count:,}", which=which, **values), indices)
