"""The program that torch.export makes of a model: its operations, where each comes from, and what torch says when it refuses."""

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dlviz.model_export.dynamic_sizes import torch_sizes
from dlviz.model_export.example import Example
from dlviz.model_export.quiet import first_paragraph, quiet
from dlviz.model_export.source import CodeLine, is_skipped, line_of_error, traced_lines


@dataclass(frozen=True)
class Operation:
    """An operation of an exported program.

    Attributes:
        node: name of its node in the program's graph, such as "linear_1".
        target: torch's name of the operator, such as "aten.linear.default".
        name: the operator's name alone, such as "linear".
        module: path of the module that ran it; "" is the model.
        shapes: of each tensor in its output; a size that may vary is a symbol of torch's.
        lines: lines of code that led to it, the innermost last, without torch's own.
        call: torch's name for the call of a function that ran it, the same for all operations of that call.
        kind: "tensor", or "size" and "check" for what torch adds to compute or check a size or a value.
        is_constant: whether it uses neither an input nor a parameter, directly or through other operations.
        is_idle: whether it returns its input in evaluation mode, as dropout does.
    """

    node: str
    target: str
    name: str
    module: str
    shapes: tuple[tuple[Any, ...], ...]
    lines: tuple[CodeLine, ...]
    call: str
    kind: str
    is_constant: bool
    is_idle: bool


@dataclass(frozen=True)
class Refusal:
    """What torch refused.

    Attributes:
        text: torch's own words, their first paragraph.
        error: the name of the error's class.
        line: the line of code that the error names; ``None`` if it names none.
        is_data_dependent: whether the program would have depended on numbers in a tensor.
    """

    text: str
    error: str
    line: CodeLine | None
    is_data_dependent: bool


@dataclass(frozen=True)
class Failure:
    """An expression of numbers in a tensor that a draft decided by the example.

    Attributes:
        line: the line of code.
        result: what came out, such as "True".
    """

    line: CodeLine | None
    result: str


@dataclass(frozen=True)
class Program:
    """An exported program.

    Attributes:
        exported: what ``torch.export.export`` returned.
        module: the same as a module that can be called.
        operations: its operations, in order.
        is_draft: whether it is the draft of ``torch.export.draft_export``, which holds for inputs like the example only.
        failures: what torch decided by the example in a draft.
        against_sizes: why torch exports it with fixed sizes only, in its own words; "" if sizes may vary.
    """

    exported: Any
    module: Any
    operations: tuple[Operation, ...]
    is_draft: bool = False
    failures: tuple[Failure, ...] = ()
    against_sizes: str = ""


def export_program(example: Example, named: Mapping[int, Mapping[int, str]] | None = None) -> Program | Refusal:
    """Export a model; the caller sees to it that the model is in evaluation mode and is not changed.

    Args:
        example: the model and its arguments.
        named: names of the sizes that may vary, by the place of their tensor; by default torch finds out which may.

    Source:
        https://docs.pytorch.org/docs/stable/export.html
    """
    copied = example.copy()
    return _export(torch.export.export, copied, torch_sizes(named, copied))


def export_fixed(example: Example, refusal: Refusal) -> Program | Refusal:
    """Export a model with the sizes of its example, which torch may accept where it refuses sizes that vary, as of a forward(\\*\\*kwargs).

    Args:
        example: the model and its arguments.
        refusal: what torch said against sizes that vary.
    """
    made = _export(torch.export.export, example.copy(), None)
    return replace(made, against_sizes=refusal.text) if isinstance(made, Program) else made


def export_draft(example: Example, *, is_fixed: bool = False) -> Program | Refusal:
    """Return the draft that torch makes of a model that it does not export: what depends on numbers is decided by the example.

    Args:
        example: the model and its arguments.
        is_fixed: whether all sizes are those of the example.

    Source:
        https://docs.pytorch.org/docs/stable/draft_export.html
    """
    copied = example.copy()
    with _trace_folder():
        return _export(torch.export.draft_export, copied, None if is_fixed else torch_sizes(None, copied))


def _export(export: Any, example: Example, shapes: Any) -> Program | Refusal:
    try:
        with quiet():
            exported = export(example.model, example.args, example.kwargs, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # torch and a learner's forward may raise anything
        name = type(error).__name__
        return Refusal(first_paragraph(error), name, line_of_error(error), "DataDependent" in name)
    report = getattr(exported, "_report", None)
    operations = tuple(_operations(exported.graph))
    with quiet():
        return Program(exported, exported.module(), operations, report is not None, tuple(_failures(report)))


def _failures(report: Any) -> Iterator[Failure]:
    """Yield what torch decided by the numbers of the example."""
    # Torch writes a file's name once in a process, and its number from then on.
    files = {number: file for file, number in torch._logging.structured.INTERN_TABLE.items()}
    for failure in getattr(report, "failures", ()):
        if "DATA_DEPENDENT" not in str(failure.failure_type):
            continue
        frames = failure.data.get("user_stack", ())
        lines = [CodeLine(files.get(frame["filename"], ""), frame["line"]) for frame in frames]
        lines = [line for line in lines if line.file and not is_skipped(line.file)]
        yield Failure(lines[-1] if lines else None, str(failure.data.get("result", "")))


@contextmanager
def _trace_folder() -> Iterator[None]:
    """Let torch write the log of a draft into a folder that is removed afterwards, and restore torch's own log."""
    variable, logger = torch._logging._internal.DTRACE_ENV_VAR, logging.getLogger("torch.__trace")
    before, handlers, keeper = os.environ.get(variable), list(logger.handlers), _HandlerKeeper(logger)
    logger.addHandler(keeper)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ[variable] = folder
        try:
            yield
        finally:
            for handler in keeper.seen.difference(handlers):
                handler.close()
            logger.handlers[:] = handlers
            os.environ.pop(variable)
            if before is not None:
                os.environ[variable] = before


class _HandlerKeeper(logging.Handler):
    """Keeps the handlers of a logger, so that their files can be closed: torch leaves them open."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger
        self.seen: set[logging.Handler] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.update(self._logger.handlers)


def _operations(graph: Any) -> Iterator[Operation]:
    constants: set[Any] = set()
    for node in graph.nodes:
        if node.op == "call_function":
            if all(one in constants for one in node.all_input_nodes):
                constants.add(node)
            yield _operation(node, node in constants)


def _operation(node: Any, is_constant: bool) -> Operation:
    target = str(node.target) if isinstance(node.target, torch._ops.OpOverload) else f"{node.target.__name__}"
    name = target.split(".")[1] if target.startswith("aten.") else target.split(".")[0]
    tensors = [leaf for leaf in torch.utils._pytree.tree_leaves(node.meta.get("val")) if isinstance(leaf, Tensor)]
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    module = str(stack[-1][0]).partition("@")[0] if stack else ""
    # What torch adds outside the forward pass has a stack of a name of torch's own.
    is_inside = not module.startswith("_")
    return Operation(
        node=node.name,
        target=target,
        name=name,
        module=module if is_inside else "",
        shapes=tuple(tuple(tensor.shape) for tensor in tensors),
        lines=traced_lines(node.meta.get("stack_trace")) if is_inside else (),
        call=str((node.meta.get("torch_fn") or ("",))[0]),
        kind="tensor" if tensors else "check" if "assert" in name else "size",
        is_constant=is_constant,
        is_idle=name in ("dropout", "feature_dropout", "alpha_dropout") and node.args[2:3] == (False,),
    )
