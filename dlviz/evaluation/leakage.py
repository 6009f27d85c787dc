"""What makes the score of a split doubtful, found in the data itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.messages import message

#: A warning names so many examples, groups or classes.
_NAMED = 3


@dataclass(frozen=True, eq=False, repr=False)
class Finding:
    """One warning.

    Attributes:
        kind: "duplicates", "groups" or "missing".
        text: what was found, in a sentence.
        indices: the examples in question: of duplicates and groups those of the later part, of a missing class all of it.
    """

    kind: str
    text: str
    indices: Tensor

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        """The sentence; of the indices how many there are."""
        return f"Finding({self.kind!r}, {self.text!r}, {len(self.indices)} indices)"


def first_copies(x: Tensor | Sequence[Any]) -> Tensor:
    """For every example the number of the first one that is exactly like it, (N,); its own, if there is none before it.

    Example:
        >>> first_copies(torch.tensor([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])).tolist()
        [0, 1, 0]
    """
    first: dict[bytes, int] = {}
    return torch.tensor([first.setdefault(key, number) for number, key in enumerate(_keys(x))], dtype=torch.long)


def _keys(x: Tensor | Sequence[Any]) -> Iterator[bytes]:
    if not isinstance(x, Tensor):
        return (_print(repr(one).encode()) for one in x)
    if not x.numel():
        return (str(number).encode() for number in range(len(x)))
    # −0.0 equals 0.0 but is written otherwise; adding 0 makes them one.
    plain = x.detach() if x.dtype is torch.bool else x.detach() + 0
    rows = plain.cpu().contiguous().reshape(len(x), -1).view(torch.uint8).numpy()
    return (_print(row) for row in rows)


def _print(content: Any) -> bytes:
    """Sixteen bytes that stand for it: all of a million images would not fit a dictionary."""
    return blake2b(content, digest_size=16).digest()


def findings(
    parts: Mapping[str, Tensor], y: Tensor, copies_of: Tensor, groups: Tensor | None = None, names: Sequence[str] = ()
) -> list[Finding]:
    """Every warning about a split.

    Args:
        parts: numbers of the examples in each part.
        y: the classes (N,).
        copies_of: what :func:`first_copies` found.
        groups: (N,) the group of each example.
        names: what the groups are called.

    Example:
        >>> parts = {"train": torch.tensor([0, 1]), "test": torch.tensor([2])}
        >>> [one.kind for one in findings(parts, torch.tensor([0, 1, 0]), torch.tensor([0, 1, 0]))]
        ['duplicates', 'missing']
    """
    found = []
    for a, b in combinations(parts, 2):
        found += _duplicates(a, b, parts, copies_of)
        if groups is not None:
            found += _shared_groups(a, b, parts, groups, names)
    return found + [one for name in parts for one in _missing(name, parts[name], y)]


def _duplicates(a: str, b: str, parts: Mapping[str, Tensor], copies_of: Tensor) -> list[Finding]:
    copies = parts[b][torch.isin(copies_of[parts[b]], copies_of[parts[a]])].sort().values
    if not len(copies):
        return []
    firsts = dict(zip(copies_of[parts[a]].flip(0).tolist(), parts[a].flip(0).tolist(), strict=True))
    pairs = [f"{number} = {firsts[int(copies_of[number])]}" for number in copies[:_NAMED].tolist()]
    text = message(_one("duplicates", copies), count=_count(copies), a=a, b=b, which=_listed(pairs, copies))
    return [Finding("duplicates", text, copies)]


def _shared_groups(a: str, b: str, parts: Mapping[str, Tensor], groups: Tensor, names: Sequence[str]) -> list[Finding]:
    mine = groups[parts[b]]
    inside = torch.isin(mine, groups[parts[a]])
    shared = mine[inside].unique()
    if not len(shared):
        return []
    called = [names[code] for code in shared[:_NAMED].tolist()]
    numbers = parts[b][inside].sort().values
    text = message(
        _one("groups", shared), count=_count(shared), a=a, b=b, which=_listed(called, shared), examples=_count(numbers)
    )
    return [Finding("groups", text, numbers)]


def _missing(name: str, numbers: Tensor, y: Tensor) -> list[Finding]:
    gone = y.unique()
    gone = gone[~torch.isin(gone, y[numbers])]
    if not len(gone):
        return []
    called = [str(label) for label in gone[:_NAMED].tolist()]
    examples = torch.isin(y, gone).nonzero().squeeze(1)
    text = message(_one("missing", gone), part=name, which=_listed(called, gone), count=_count(gone))
    return [Finding("missing", text, examples)]


def _one(kind: str, several: Tensor) -> str:
    """The key of a sentence about one or about several."""
    return f"evaluation.warning.{kind}_one" if len(several) == 1 else f"evaluation.warning.{kind}"


def _count(several: Tensor) -> str:
    return f"{len(several):,}"


def _listed(named: Sequence[str], all_of_them: Tensor) -> str:
    rest = len(all_of_them) - len(named)
    return ", ".join(named) + (message("evaluation.warning.more", count=f"{rest:,}") if rest else "")
