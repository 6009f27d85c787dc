"""What reaches the graph without a gradient: data, integers, and values that were cut from the graph."""

from dataclasses import dataclass

from torch import Tensor

from dlviz.autograd.names import Names
from dlviz.autograd.source_lines import Source, locate
from dlviz.autograd.tape import Op, Tape


@dataclass(frozen=True, slots=True)
class Cut:
    """A place where a graph ends although its value goes on.

    Attributes:
        kind: "detach", "no_grad", "integer" or "item".
        op: the operation that cut.
        source: the learner's line.
        parents: indices of the nodes whose value it took.
        leaves: names of the leaves whose value it took.
    """

    kind: str
    op: str
    source: Source | None
    parents: tuple[int, ...]
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """A tensor without a gradient that node number `user` read. `cut` tells where it lost its graph, if it had one."""

    user: int
    label: str
    value: Tensor
    cut: Cut | None


def find_inputs(
    users: list[tuple[int, Op]], tape: Tape, names: Names, by_sequence: dict[int, int]
) -> tuple[list[Input], list[Cut]]:
    """The inputs of each recorded node, and every cut on the tape that takes a value from this graph."""
    cuts: dict[int, Cut] = {}

    def cut_of(op: Op) -> Cut:
        if id(op) not in cuts:
            source = locate(op.spot) if op.spot is not None else None
            leaves = tuple(names.of(p) for p in op.parents if isinstance(p, Tensor) and p.requires_grad)
            cuts[id(op)] = Cut(op.cut or "", op.name, source, _parents(op, by_sequence), leaves)
        return cuts[id(op)]

    inputs = []
    for user, op in users:
        for value, before in op.inputs:
            label = names.of(value)
            source = _first_cut(before)
            if source is None and (names.is_buffer(value) or (not label and value.dim() == 0)):
                continue  # a module's own bookkeeping, or a number that torch made itself
            inputs.append(Input(user, label, value, cut_of(source) if source is not None else None))
    for op in tape.cuts:
        cut_of(op)
    used = {id(item.cut) for item in inputs}
    return inputs, [cut for cut in cuts.values() if cut.parents or id(cut) in used]


def _first_cut(op: Op | None) -> Op | None:
    """Back through operations without a graph to the one that lost it."""
    seen: set[int] = set()
    stack = [op] if op is not None else []
    while stack:
        here = stack.pop()
        if here.cut is not None:
            return here
        if id(here) not in seen:
            seen.add(id(here))
            stack.extend(parent for parent in here.parents if isinstance(parent, Op))
    return None


def _parents(op: Op, by_sequence: dict[int, int]) -> tuple[int, ...]:
    return tuple(by_sequence[p] for p in op.parents if isinstance(p, int) and p in by_sequence)
