"""What a forward pass leaves on a tape: operations with their values, module calls, and in-place writes."""

from dataclasses import dataclass, field

from torch import Tensor, nn

from dlviz.autograd import torch_internals
from dlviz.autograd.source_lines import Location

#: Values beyond this many bytes in one recording are not kept; the node then reports it.
MAX_BYTES = 2**30


@dataclass(slots=True)
class RecordedOp:
    """One operation as torch ran it.

    Attributes:
        name: the operator's name.
        values: its outputs, kept by reference until an in-place operation overwrites them.
        versions: the version counter of each output.
        location: the instruction that called it.
        created_by: under ``create_graph=True``, the sequence number of the node whose backward ran it.
        is_view: whether the output is a view of an input.
        in_place: whether it wrote into an input.
        kept: whether its outputs fit the budget.
        cut: why the graph ends here ("detach", "no_grad", "inference", "integer", "item"), or ``None``.
        inputs: the tensors without a gradient that it read, each with the operation without a graph that computed it.
        parents: origins of a value without a graph: sequence numbers of nodes, leaves, and operations without a graph.
    """

    name: str
    values: tuple[Tensor, ...]
    versions: tuple[int, ...]
    location: Location | None
    created_by: int | None = None
    is_view: bool = False
    in_place: bool = False
    kept: bool = True
    cut: str | None = None
    inputs: tuple[tuple[Tensor, "RecordedOp | None"], ...] = ()
    parents: tuple["int | Tensor | RecordedOp", ...] = ()

    def value(self, output: int) -> Tensor | None:
        """Return a forward output by its number, or ``None`` if it was too large to keep or has been overwritten."""
        if output >= len(self.values):
            return None
        value = self.values[output]
        return value if torch_internals.version(value) == self.versions[output] else None


@dataclass(slots=True)
class ModuleSpan:
    """One call of one module: the nodes with sequence numbers from `start` to before `end` were created inside it."""

    module: nn.Module
    parent: int
    start: int
    end: int = torch_internals.LEAF_SEQUENCE


@dataclass(slots=True, frozen=True)
class Mutation:
    """An in-place operation: the storage it wrote, its name and location, and the sequence number at that time."""

    storage: int
    name: str
    location: Location | None
    sequence: int


@dataclass
class Tape:
    """The result of :func:`recording`, for :func:`dlviz.autograd.record` or :func:`dlviz.graph`.

    A tape keeps the forward values, up to 1 GiB, but never the graph; :meth:`clear` releases them.
    """

    model: nn.Module | None = None
    start: int = 0
    ops: dict[int, RecordedOp] = field(default_factory=dict)
    cuts: list[RecordedOp] = field(default_factory=list)
    module_spans: list[ModuleSpan] = field(default_factory=list)
    mutations: list[Mutation] = field(default_factory=list)
    max_bytes: int = MAX_BYTES

    def __repr__(self) -> str:
        return f"Tape({len(self.ops)} autograd nodes, {len(self.module_spans)} module calls)"

    def clear(self) -> None:
        """Delete everything recorded, which releases the forward values."""
        for store in (self.ops, self.cuts, self.module_spans, self.mutations):
            store.clear()
