"""Tensors that reach the graph without a gradient: data, integers, and values that were cut from the graph."""

from dataclasses import dataclass

from torch import Tensor

from dlviz.autograd.names import VariableNames
from dlviz.autograd.source_lines import SourceLine, source_line
from dlviz.autograd.tape import RecordedOp, Tape


@dataclass(frozen=True, slots=True)
class Cut:
    """An operation that takes a value out of the graph.

    Attributes:
        kind: "detach", "no_grad", "inference", "integer" or "item".
        op: the operation.
        source: the line that called it.
        parents: indices of the nodes whose outputs it read.
        leaves: names of the leaves that it read.
    """

    kind: str
    op: str
    source: SourceLine | None
    parents: tuple[int, ...]
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """A tensor without a gradient that a node read.

    Attributes:
        consumer: index of the node.
        label: the tensor's name, or "".
        value: the tensor.
        cut: the operation that cut it from the graph, if one did.
    """

    consumer: int
    label: str
    value: Tensor
    cut: Cut | None


def find_inputs(
    consumers: list[tuple[int, RecordedOp]], tape: Tape, names: VariableNames, by_sequence: dict[int, int]
) -> tuple[list[Input], list[Cut]]:
    """Return the inputs of each recorded node, and every cut on the tape that takes a value from this graph.

    Args:
        consumers: ``(index, recorded operation)`` of each node that the tape recorded.
        tape: the tape.
        names: names of tensors.
        by_sequence: node index by sequence number.
    """
    cuts: dict[int, Cut] = {}

    def cut_of(op: RecordedOp) -> Cut:
        if id(op) not in cuts:
            source = source_line(op.location) if op.location is not None else None
            leaves = tuple(names.tensor_name(p) for p in op.parents if isinstance(p, Tensor) and p.requires_grad)
            parents = tuple(by_sequence[p] for p in op.parents if isinstance(p, int) and p in by_sequence)
            cuts[id(op)] = Cut(op.cut or "", op.name, source, parents, leaves)
        return cuts[id(op)]

    inputs = []
    for consumer, op in consumers:
        for value, producer in op.inputs:
            label = names.tensor_name(value)
            cut = _first_cut(producer)
            if cut is None and (names.is_buffer(value) or (not label and value.dim() == 0)):
                continue  # a module's buffer, or a number that torch created itself
            inputs.append(Input(consumer, label, value, cut_of(cut) if cut is not None else None))
    for op in tape.cuts:
        cut_of(op)
    used = {id(item.cut) for item in inputs}
    return inputs, [cut for cut in cuts.values() if cut.parents or id(cut) in used]


def _first_cut(op: RecordedOp | None) -> RecordedOp | None:
    """Follow operations without a graph back to the one that cut the value."""
    seen: set[int] = set()
    stack = [op] if op is not None else []
    while stack:
        current = stack.pop()
        if current.cut is not None:
            return current
        if id(current) not in seen:
            seen.add(id(current))
            stack.extend(parent for parent in current.parents if isinstance(parent, RecordedOp))
    return None
