"""All that is known of a model's export: its eager calls, the exported program, sizes that may vary, outputs, graph breaks, saving."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.model_export.branches import Branch, branch_at
from dlviz.model_export.dynamic_sizes import named_sizes
from dlviz.model_export.eager_trace import EagerCall, EagerTracer
from dlviz.model_export.example import Example
from dlviz.model_export.graph_breaks import Compiled, CompiledModel
from dlviz.model_export.matching import match
from dlviz.model_export.onnx_program import to_onnx
from dlviz.model_export.parity import Parity, Parting, Sides, compare, first_difference, sides
from dlviz.model_export.program import Program, Refusal, export_draft, export_fixed, export_program
from dlviz.model_export.quiet import first_paragraph, quiet
from dlviz.model_export.random_inputs import cases
from dlviz.model_export.saving import Saving, check_saving, read_state
from dlviz.model_export.shapes import InputSize, Shapes, input_shapes
from dlviz.model_export.source import CodeLine
from dlviz.model_export.torch_caches import caches_restored
from dlviz.torchkit.callables import untouched
from dlviz.torchkit.forward_trace import eval_mode
from dlviz.torchkit.model_copies import generators_restored, on_copies
from dlviz.torchkit.modules import TORCHS_OWN, named_modules


@dataclass(frozen=True)
class Record:
    """What an export of a model gave.

    Attributes:
        calls: the calls of the eager forward pass on the example.
        asked: for a call whose output becomes a number of Python's, the line of code that asks for it.
        program: the exported program, or the draft of one that torch refused; ``None`` if there is neither.
        refusal: what torch refused; ``None`` if it exported the model.
        matched: for each operation of the program the index of its call, −1 if it comes from none.
        shapes: which sizes of the inputs may vary.
        branches: the statements that depend on numbers in a tensor.
        parity: outputs of model, program, and other runtimes.
        parting: where model and program part ways on the worst input; ``None`` if they do not.
        sides: for each torch.cond of the program, which side the inputs took.
        initialized: paths of the lazy layers that the first run initialized.
        is_random: whether the model draws random numbers in evaluation mode.
        changed: attributes that the model changes while it runs, such as "counter"; buffers do not count.
        needed: for each size that does not vary, what the model itself raises with one more; "" if it runs.
        was_training: whether the model was in training mode when it was passed; the export is of its evaluation mode.
        compiled: what torch.compile makes of the model; ``None`` if that was not asked for.
        onnx: why there is no ONNX program; "" if there is one.
        saving: what was found about its state_dict.
    """

    calls: tuple[EagerCall, ...]
    asked: Mapping[int, CodeLine]
    program: Program | None
    refusal: Refusal | None
    matched: tuple[int, ...]
    shapes: Shapes
    branches: tuple[Branch, ...]
    parity: Parity
    parting: Parting | None
    sides: tuple[Sides, ...]
    initialized: tuple[str, ...]
    is_random: bool
    changed: tuple[str, ...]
    needed: tuple[tuple[InputSize, str], ...]
    was_training: bool
    compiled: Compiled | None
    onnx: str
    saving: Saving

    @property
    def deciding(self) -> Mapping[int, CodeLine]:
        """Indices of the eager calls on whose numbers a refused statement depends, with its line."""
        lines = {one.line for one in self.branches}
        return {call: line for call, line in self.asked.items() if line in lines}

    @property
    def dropped(self) -> list[int]:
        """Indices of the eager calls from which no operation of the program comes."""
        return [k for k in range(len(self.calls)) if k not in set(self.matched)] if self.program is not None else []

    @property
    def added(self) -> list[int]:
        """Indices of the program's operations on tensors that come from no eager call."""
        operations = self.program.operations if self.program is not None else ()
        return [k for k, one in enumerate(operations) if self.matched[k] < 0 and one.kind == "tensor"]


def record(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    dynamic: Any = None,
    runtimes: Sequence[str] = ("onnx", "compile"),
    state: Any = None,
    seed: int = 0,
) -> Record:
    """Export a model with ``torch.export`` and compare the program with it.

    The model stays as it is: mode, tensors, gradients, hooks, and what torch.compile keeps for it.

    Args:
        model: any module.
        args, kwargs: an example of its arguments.
        dynamic: names of the sizes that may vary, as :func:`dlviz.export_check` takes them.
        runtimes: what else is compared: "onnx", if its packages are installed, and "compile".
        state: a state_dict, or the path of a file with one, that is compared with the model.
        seed: of the random inputs.

    Raises:
        DlvizError: the model itself does not run on the example.
    """
    example = Example(model, tuple(args), dict(kwargs or {}))
    # What does not fit is refused before the export, which takes seconds.
    state = None if state is None else read_state(state)
    with caches_restored():
        return _record(example, named_sizes(dynamic, example), runtimes, state, seed)


def _record(
    example: Example, named: Mapping[int, Mapping[int, str]] | None, runtimes: Sequence[str], state: Any, seed: int
) -> Record:
    model = example.model
    was_training = model.training
    tracer, is_random, changed = _eager_run(example)
    program, refusal = _exported(example, named)
    shapes = (
        Shapes((), (), ()) if program is None else input_shapes(program, example, named if refusal is None else None)
    )
    matched = match(tracer.calls, program.operations) if program is not None else []
    inputs = cases(program, shapes, example, tracer.index_limits, seed)

    eager = example.runner(model)
    runs = {} if program is None else {"exported": example.runner(program.module)}
    onnx = ""
    if program is not None and not program.is_draft and "onnx" in runtimes:
        converted = to_onnx(program)
        if isinstance(converted, str):
            onnx = converted
        else:
            runs["onnx"] = converted.run
    compiled = None
    with _compilable(model), ExitStack() as stack:
        if "compile" in runtimes:
            made = CompiledModel(model)
            stack.callback(made.close)
            with on_copies(model):
                compiled = made.graphs(*example.unflatten(example.leaves))
            if not compiled.error:
                runs["compiled"] = example.runner(made.run)
        parity = compare(inputs, eager, runs, [model] if program is None else [model, program.module])
    parting = None
    worst = parity.worst("exported") if program is not None and not parity.is_equal("exported") else None
    with _compilable(model):
        if program is not None and worst is not None:
            parting = first_difference(example, program, tracer.calls, matched, inputs[: worst + 1])
        taken = sides(program, inputs) if program is not None else ()
        saving = check_saving(model, inputs[0], eager, state)
    return Record(
        calls=tuple(tracer.calls),
        asked=tracer.asked,
        program=program,
        refusal=refusal,
        matched=tuple(matched),
        shapes=shapes,
        branches=_branches(refusal, program),
        parity=parity,
        parting=parting,
        sides=taken,
        initialized=tuple(tracer.initialized),
        is_random=is_random,
        changed=changed,
        needed=tuple((one, _error_with_more(example, one)) for one in shapes.fixed),
        was_training=was_training,
        compiled=compiled,
        onnx=onnx,
        saving=saving,
    )


def _eager_run(example: Example) -> tuple[EagerTracer, bool, tuple[str, ...]]:
    """Run the model, and return its calls, whether it draws random numbers, and the attributes that it changes.

    Raises:
        DlvizError: the model raises an error.
    """
    # Once dynamo is imported, torch.cond is run as plain Python here, where its calls can be seen.
    import_module("torch._dynamo")
    tracer = EagerTracer(example.model)
    with untouched([example.model]), quiet():
        try:
            tracer.trace(*example.unflatten(example.leaves))
        except Exception as error:  # a learner's forward may raise anything
            name = type(error).__name__
            raise DlvizError(message("model_export.refused.forward", error=name, text=first_paragraph(error))) from None
        generator, attributes = torch.get_rng_state(), _plain_attributes(example.model)
        example.runner(example.model)(example.leaves)
        after = _plain_attributes(example.model)
        changed = tuple(name for name, value in after.items() if attributes.get(name) != value)
        return tracer, not torch.equal(generator, torch.get_rng_state()), changed


@contextmanager
def _compilable(model: nn.Module) -> Iterator[None]:
    """Run a model inside the block as :func:`untouched` does, but let torch.compile work, which torch.cond uses even in an export."""
    with torch.no_grad(), generators_restored(), eval_mode(model), on_copies(model):
        yield


def _plain_attributes(model: nn.Module) -> dict[str, Any]:
    """Return the attributes of all modules that hold a number, a text, or a tensor that is not registered, by their path."""
    found: dict[str, Any] = {}
    for path, module in named_modules(model):
        for name, value in vars(module).items():
            if name not in TORCHS_OWN and isinstance(value, (int, float, str, Tensor, type(None))):
                found[f"{path}.{name}" if path else name] = (
                    (id(value), value._version) if isinstance(value, Tensor) else value
                )
    return found


def _error_with_more(example: Example, size: InputSize) -> str:
    """Return what the model itself raises if an input has one more in a dimension; "" if it runs."""
    place = [k for k, leaf in enumerate(example.leaves) if isinstance(leaf, Tensor)][size.place]
    leaves = list(example.leaves)
    leaves[place] = (
        torch.cat([leaves[place], leaves[place].narrow(size.dim, 0, 1)], size.dim) if size.example else leaves[place]
    )
    with untouched([example.model]), quiet():
        try:
            example.runner(example.model)(leaves)
        except Exception as error:  # a learner's forward may raise anything
            return f"{type(error).__name__}: {first_paragraph(error)}"
    return ""


def _exported(example: Example, named: Mapping[int, Mapping[int, str]] | None) -> tuple[Program | None, Refusal | None]:
    """Return the program, and what torch refused: then the program is one with sizes of torch's own choice, or a draft."""
    refused: list[Refusal] = []
    attempts: list[Callable[[], Program | Refusal]] = [
        lambda: export_program(example),
        lambda: refused[-1] if refused[-1].is_data_dependent else export_fixed(example, refused[-1]),
        lambda: export_draft(example),
        lambda: export_draft(example, is_fixed=True),
    ]
    if named is not None:
        attempts.insert(0, lambda: export_program(example, named))
    program = None
    while program is None and attempts:
        with _compilable(example.model):
            made = attempts.pop(0)()
        if isinstance(made, Program):
            program = made
        else:
            refused.append(made)
    if named is None and program is not None and not program.is_draft:
        return program, None  # at most sizes that nobody named were refused
    first = refused[:1] if named is not None else [one for one in refused if one.is_data_dependent]
    return program, next(iter(first or refused), None)


def _branches(refusal: Refusal | None, program: Program | None) -> tuple[Branch, ...]:
    """Return the statements on which export stumbles, each once."""
    found: dict[Any, Branch] = {}
    failures = program.failures if program is not None else ()
    for failure in failures:
        if failure.line is not None:
            taken = {"True": True, "False": False}.get(failure.result)
            found.setdefault(failure.line, branch_at(failure.line, taken))
    if refusal is not None and refusal.line is not None:
        found.setdefault(refusal.line, branch_at(refusal.line))
    return tuple(found.values())
