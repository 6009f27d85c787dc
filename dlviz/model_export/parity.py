"""Whether the outputs of a model and of the programs made from it are equal: on the example, on random inputs, and for other sizes."""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlviz.model_export.eager_trace import EagerCall, EagerTracer
from dlviz.model_export.example import Example
from dlviz.model_export.program import Program
from dlviz.model_export.quiet import first_paragraph, quiet
from dlviz.model_export.random_inputs import Case
from dlviz.model_export.source import CodeLine
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.model_copies import generators_restored, on_copies
from dlviz.torchkit.nested import clone_tensors, map_tensors

#: Relative error up to which two outputs count as equal: what the order of a sum changes in a deep network.
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 5e-2}

#: Runs a model or a program on flattened arguments.
Run = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True)
class Comparison:
    """The outputs of one program for one input, compared with those of the model.

    Attributes:
        max_error: largest absolute difference; NaN if the outputs cannot be compared.
        relative: `max_error` divided by the largest number of the model's output.
        is_equal: whether shapes are equal and `relative` is within the tolerance of the dtype.
        error: what the program raised, or how the outputs differ otherwise; "" if there is nothing to say.
    """

    max_error: float
    relative: float
    is_equal: bool
    error: str = ""


@dataclass(frozen=True)
class Parity:
    """The comparison on all inputs.

    Attributes:
        cases: the inputs.
        shapes: of each input, the shapes of its tensors.
        errors: of each input, what the model itself raised; "" if it ran.
        runtimes: for each program, a comparison for each input; ``None`` where the model itself raised.
    """

    cases: tuple[Case, ...]
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    errors: tuple[str, ...]
    runtimes: Mapping[str, tuple[Comparison | None, ...]]

    def worst(self, runtime: str) -> int | None:
        """Return the index of the input with the largest error of a program, or on which it raised one; ``None`` without any."""
        found = [(_size(one), -k) for k, one in enumerate(self.runtimes[runtime]) if one is not None]
        return -max(found)[1] if found and max(found)[0] else None

    def is_equal(self, runtime: str) -> bool:
        """Return whether all outputs of a program are equal to those of the model."""
        return all(one.is_equal for one in self.runtimes[runtime] if one is not None)


def _size(one: Comparison) -> float:
    return math.inf if math.isnan(one.relative) else one.relative


def compare(cases: Sequence[Case], eager: Run, runtimes: Mapping[str, Run], models: Sequence[nn.Module] = ()) -> Parity:
    """Run the model and the programs on all inputs, each in the same order, and compare their outputs.

    Every input has its own seed of all random generators, with which each run on it begins. What a run changes in a module, the runs
    after it find, as in real use; every program begins with the modules as they were.

    Args:
        cases: the inputs.
        eager: runs the model.
        runtimes: run the programs.
        models: the modules that they run.
    """
    expected = _outputs(eager, cases, models)
    found = {}
    for name, run in runtimes.items():
        outputs = _outputs(run, cases, models)
        found[name] = tuple(
            None if isinstance(one, Exception) else comparison(one, other)
            for one, other in zip(expected, outputs, strict=True)
        )
    return Parity(
        tuple(cases),
        tuple(tuple(tuple(leaf.shape) for leaf in case.leaves if isinstance(leaf, Tensor)) for case in cases),
        tuple(first_paragraph(one) if isinstance(one, Exception) else "" for one in expected),
        found,
    )


def _outputs(run: Run, cases: Sequence[Case], models: Sequence[nn.Module]) -> list[Any]:
    with ExitStack() as stack:
        for model in models:
            stack.enter_context(on_copies(model))
        return [_output(run, case.leaves, seed) for seed, case in enumerate(cases)]


def _output(run: Run, leaves: Sequence[Any], seed: int) -> Any:
    """Return the flattened output, or the error that was raised."""
    copies = [leaf.detach().clone() if isinstance(leaf, Tensor) else leaf for leaf in leaves]
    try:
        with quiet(), torch.no_grad(), _seeded(seed):
            return torch.utils._pytree.tree_leaves(run(copies))
    except Exception as error:  # a learner's forward, and every runtime, may raise anything
        return error


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed every random generator inside the block, and restore them afterwards."""
    with generators_restored():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        yield


def comparison(expected: Sequence[Any], output: Any) -> Comparison:
    """Compare two flattened outputs.

    Example:
        >>> comparison([torch.ones(2)], [torch.tensor([1.0, 1.5])])
        Comparison(max_error=0.5, relative=0.5, is_equal=False, error='')
    """
    if isinstance(output, Exception):
        return Comparison(math.nan, math.nan, False, f"{type(output).__name__}: {first_paragraph(output)}")
    if len(expected) != len(output):
        return Comparison(math.nan, math.nan, False, f"{len(output)} outputs ≠ {len(expected)}")
    worst = Comparison(0.0, 0.0, True)
    for one, other in zip(expected, output, strict=True):
        found = _compare(one, other)
        if (not found.is_equal and (worst.is_equal or _size(found) > _size(worst))) or (
            found.is_equal == worst.is_equal and _size(found) > _size(worst)
        ):
            worst = found
    return worst


def _compare(one: Any, other: Any) -> Comparison:
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        text = f"{type(other).__name__} ≠ {type(one).__name__}"
        return Comparison(0.0, 0.0, True) if _is_same(one, other) else Comparison(math.nan, math.nan, False, text)
    if one.shape != other.shape:
        return Comparison(math.nan, math.nan, False, f"{tuple(other.shape)} ≠ {tuple(one.shape)}")
    a, b = as_plain_tensor(one), as_plain_tensor(other)
    if a is None or b is None:
        return Comparison(math.nan, math.nan, False, kind_of_data(one if a is None else other))
    # On the CPU, because not every device has double precision.
    precise = torch.complex128 if a.is_complex() or b.is_complex() else torch.float64
    a, b = a.cpu().to(precise), b.cpu().to(precise)
    finite = torch.isfinite(a) & torch.isfinite(b)
    if not bool(((a == b) | (a.isnan() & b.isnan()) | finite).all()):
        return Comparison(math.nan, math.nan, False, "NaN, ∞")
    differences = (a - b).abs()[finite]
    most = float(differences.max()) if differences.numel() else 0.0
    scale = float(a[finite].abs().max()) if differences.numel() else 0.0
    relative = most / scale if scale else (0.0 if not most else math.inf)
    return Comparison(most, relative, relative <= TOLERANCE.get(one.dtype, 0.0))


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two outputs, of which one is no tensor, are the same."""
    if one is other:
        return True
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # an object of another library may raise anything, and an array has no single truth
        return repr(one) == repr(other)


@dataclass(frozen=True)
class Sides:
    """Which side of a torch.cond the inputs took.

    Attributes:
        node: name of its node in the program's graph.
        line: its line of code; ``None`` if torch does not say.
        taken: of each input on which the program ran that far, how the condition came out.
    """

    node: str
    line: CodeLine | None
    taken: tuple[bool, ...]


def sides(program: Program, cases: Sequence[Case]) -> tuple[Sides, ...]:
    """Run a program on all inputs, and return which sides of each torch.cond they took; those inside of a side are left out."""
    lines = {one.node: one.lines for one in program.operations if one.name == "cond"}
    taken: dict[str, list[bool]] = {node: [] for node in lines}

    class Recorder(torch.fx.Interpreter):
        def run_node(self, node: Any) -> Any:
            if node.name in taken:
                taken[node.name].append(bool(self.fetch_args_kwargs_from_env(node)[0][0]))
            return super().run_node(node)

    if taken:
        _outputs(lambda leaves: Recorder(program.module).run(*leaves), cases, [program.module])
    return tuple(
        Sides(node, lines[node][-1] if lines[node] else None, tuple(found)) for node, found in taken.items() if found
    )


@dataclass(frozen=True)
class Parting:
    """The first operation whose output differs from that of the call it comes from.

    Attributes:
        call: index of the call in the eager run of the example.
        operation: index of the operation of the program; ``None`` if the model called something else than for the example.
        max_error: largest absolute difference.
        called: name of what the model called instead.
    """

    call: int
    operation: int | None
    max_error: float = math.nan
    called: str = ""


def first_difference(
    example: Example, program: Program, calls: Sequence[EagerCall], matched: Sequence[int], cases: Sequence[Case]
) -> Parting | None:
    """Return where model and program part ways on the last input; ``None`` if no call differs or the program does not run.

    Args:
        example: the model, in evaluation mode, and its arguments.
        program: its program.
        calls: the eager calls of the example.
        matched: for each operation the index of its call.
        cases: the inputs, which are run one after the other, because a model may remember.
    """
    tracer = EagerTracer(example.model, keep_outputs=True)
    values: dict[str, Any] = {}

    class Recorder(torch.fx.Interpreter):
        def run_node(self, node: Any) -> Any:
            value = super().run_node(node)
            values[node.name] = map_tensors(torch.clone, value)
            return value

    *earlier, case = cases
    _outputs(example.runner(example.model), earlier, ())
    args, kwargs = example.unflatten(case.leaves)
    try:
        with quiet(), torch.no_grad(), on_copies(program.module):
            _outputs(example.runner(program.module), earlier, ())
            with _seeded(len(earlier)):
                tracer.trace(args, kwargs)
            with _seeded(len(earlier)):
                Recorder(program.module).run(*clone_tensors(case.leaves))
    except Exception:  # the operations up to the one that raised are compared
        pass
    last = {
        call: index for index, call in enumerate(matched) if call >= 0 and program.operations[index].kind == "tensor"
    }
    for call, index in sorted(last.items()):
        names = [one.name for one in calls[: call + 1]]
        other = [one.name for one in tracer.calls[: call + 1]]
        if names != other:
            place = next(k for k, name in enumerate(names) if other[k : k + 1] != [name])
            return Parting(place, None, called=other[place] if place < len(other) else "")
        if program.operations[index].node not in values:
            continue
        produced = [
            leaf
            for leaf in torch.utils._pytree.tree_leaves(values[program.operations[index].node])
            if isinstance(leaf, Tensor)
        ]
        outputs = tracer.calls[call].outputs
        if len(produced) != 1 or not outputs or outputs[0].shape != produced[0].shape:
            continue
        found = _compare(outputs[0], produced[0])
        if not found.is_equal:
            return Parting(call, index, found.max_error)
    return None
