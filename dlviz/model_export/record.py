"""All that is known of a model's export: its eager calls, the exported program, sizes that may vary, outputs, graph breaks, saving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.model_export.branches import Branch, branch_at
from dlviz.model_export.eager_trace import EagerCall, EagerTracer
from dlviz.model_export.graph_breaks import Compiled, CompiledModel
from dlviz.model_export.matching import match
from dlviz.model_export.onnx_program import missing_packages, to_onnx
from dlviz.model_export.parity import Parity, Parting, compare, first_difference
from dlviz.model_export.program import Program, Refusal, export_draft, export_program
from dlviz.model_export.quiet import first_paragraph, quiet
from dlviz.model_export.random_inputs import cases
from dlviz.model_export.saving import Saving, check_saving
from dlviz.model_export.shapes import Shapes, input_shapes
from dlviz.torchkit.callables import untouched
from dlviz.torchkit.forward_trace import eval_mode
from dlviz.torchkit.model_copies import generators_restored, on_copies


@dataclass(frozen=True)
class Record:
    """What an export of a model gave.

    Attributes:
        calls: the calls of the eager forward pass on the example.
        program: the exported program, or the draft of one that torch refused; ``None`` if there is neither.
        refusal: what torch refused; ``None`` if it exported the model.
        matched: for each operation of the program the index of its call, −1 if it comes from none.
        shapes: which sizes of the inputs may vary.
        branches: the statements that depend on numbers in a tensor.
        parity: outputs of model, program, and other runtimes.
        parting: where model and program part ways on the worst input; ``None`` if they do not.
        is_random: whether the model draws random numbers in evaluation mode.
        was_training: whether the model was in training mode when it was passed; the export is of its evaluation mode.
        compiled: what torch.compile makes of the model; ``None`` if that was not asked for.
        onnx: why there is no ONNX program; "" if there is one.
        saving: what was found about its state_dict.
    """

    calls: tuple[EagerCall, ...]
    program: Program | None
    refusal: Refusal | None
    matched: tuple[int, ...]
    shapes: Shapes
    branches: tuple[Branch, ...]
    parity: Parity
    parting: Parting | None
    is_random: bool
    was_training: bool
    compiled: Compiled | None
    onnx: str
    saving: Saving

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
    dynamic: Mapping[str, Mapping[int, str]] | None = None,
    runtimes: Sequence[str] = ("onnx", "compile"),
    state: Any = None,
    seed: int = 0,
) -> Record:
    """Export a model with ``torch.export`` and compare the program with it.

    The model stays as it is: mode, tensors, gradients, hooks, and what torch.compile keeps for it.

    Args:
        model: any module.
        args, kwargs: an example of its arguments.
        dynamic: names of the dimensions that may vary, by input and dimension; by default torch finds out which may.
        runtimes: what else is compared: "onnx", if its packages are installed, and "compile".
        state: a state_dict, or the path of a file with one, that is compared with the model.
        seed: of the random inputs.

    Raises:
        DlvizError: the model itself does not run on the example.
    """
    kwargs = dict(kwargs or {})
    leaves, structure = torch.utils._pytree.tree_flatten((tuple(args), kwargs))

    def unflatten(values: Sequence[Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        return torch.utils._pytree.tree_unflatten(list(values), structure)

    def eager(values: Sequence[Any]) -> Any:
        positional, named = unflatten(values)
        return model(*positional, **named)

    tracer = EagerTracer(model)
    was_training = model.training
    with untouched([model]):
        try:
            with quiet():
                tracer.trace(args, kwargs)
        except Exception as error:
            name = type(error).__name__
            raise DlvizError(message("model_export.refused.forward", error=name, text=first_paragraph(error))) from None
        is_random = _is_random(eager, leaves)
    names, by_place = _dynamic(dynamic, leaves, model)
    with untouched([model]):
        made = export_program(model, args, kwargs, by_place)
    refusal = made if isinstance(made, Refusal) else None
    if isinstance(made, Refusal):
        with untouched([model]):
            made = export_program(model, args, kwargs) if by_place is not None else export_draft(model, args, kwargs)
    program = made if isinstance(made, Program) else None
    shapes = Shapes((), (), ()) if program is None else input_shapes(program, args, kwargs, names)
    matched = match(tracer.calls, program.operations) if program is not None else []
    generator = torch.Generator().manual_seed(seed)
    compared = cases(program, shapes, leaves, tracer.index_limits, generator)

    runs: dict[str, Any] = {}
    onnx = ""
    if program is not None:
        module = program.module
        runs["exported"] = lambda values: module(*unflatten(values)[0], **unflatten(values)[1])
        if "onnx" in runtimes:
            lacking = missing_packages()
            converted = to_onnx(program) if not lacking and not program.is_draft else ""
            onnx = message("model_export.onnx.missing", names=", ".join(lacking)) if lacking else ""
            if isinstance(converted, str):
                onnx = onnx or converted
            else:
                runs["onnx"] = converted.run
    compiled = None
    with torch.no_grad(), generators_restored(), eval_mode(model), on_copies(model):
        if "compile" in runtimes:
            compiled_model = CompiledModel(model)
            with on_copies(model):
                compiled = compiled_model.graphs(args, kwargs)
            if not compiled.error:
                runs["compiled"] = lambda values: compiled_model.run(*unflatten(values)[0], **unflatten(values)[1])
        parity = compare(compared, eager, runs, [model, *([program.module] if program is not None else [])])
    parting = None
    if program is not None and not parity.is_equal("exported"):
        with untouched([model]):
            worst = parity.worst("exported")
            assert worst is not None
            parting = first_difference(model, program, tracer.calls, matched, compared[worst], unflatten)
    with untouched([model]):
        saving = check_saving(model, compared[0], eager, state)
    return Record(
        tuple(tracer.calls),
        program,
        refusal,
        tuple(matched),
        shapes,
        _branches(refusal, program, compiled),
        parity,
        parting,
        is_random,
        was_training,
        compiled,
        onnx,
        saving,
    )


def _is_random(eager: Any, leaves: Sequence[Any]) -> bool:
    """Return whether two runs on the same input, one after the other, draw from a random generator."""
    before = torch.get_rng_state()
    with quiet(), torch.no_grad():
        eager(leaves)
    return not torch.equal(before, torch.get_rng_state())


def _dynamic(
    dynamic: Mapping[str, Mapping[int, str]] | None, leaves: Sequence[Any], model: nn.Module
) -> tuple[dict[str, str], dict[int, dict[int, Any]] | None]:
    """Return the names of dimensions by "x[0]", and for each input tensor torch's description of what may vary."""
    if dynamic is None:
        return {}, None
    raise NotImplementedError


def _branches(refusal: Refusal | None, program: Program | None, compiled: Compiled | None) -> tuple[Branch, ...]:
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
