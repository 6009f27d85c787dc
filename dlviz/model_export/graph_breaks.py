"""Where torch.compile would leave its graph: the breaks that dynamo finds, with their reasons and lines."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from dlviz.model_export.quiet import first_paragraph, quiet
from dlviz.model_export.source import CodeLine, is_skipped
from dlviz.torchkit.modules import modules


@dataclass(frozen=True)
class GraphBreak:
    """A place where a compiled model returns to Python.

    Attributes:
        line: the line of code; ``None`` if dynamo names none.
        reason: dynamo's own words, their first paragraph.
        kind: "branch", "number", "print" or "other".
    """

    line: CodeLine | None
    reason: str
    kind: str


@dataclass(frozen=True)
class Compiled:
    """What torch.compile makes of a model, for one input.

    Attributes:
        graphs: how many graphs.
        operations: calls in all of them together.
        breaks: where one graph ends and the next begins.
        error: what dynamo raised; "" if it compiled.
    """

    graphs: int
    operations: int
    breaks: tuple[GraphBreak, ...]
    error: str = ""


class CompiledModel:
    """A model compiled by dynamo, whose graphs eager PyTorch runs.

    What dynamo keeps for the model's own functions stays untouched: copies of their code are compiled. The caller restores the modules'
    attributes.

    Source:
        https://docs.pytorch.org/docs/stable/torch.compiler_troubleshooting.html
    """

    def __init__(self, model: nn.Module) -> None:
        from torch._dynamo.backends.debugging import ExplainWithBackend  # takes seconds to import

        self._explain: Any = ExplainWithBackend("eager")
        self._functions: list[tuple[types.FunctionType, types.FunctionType]] = []
        for module in modules(model):
            forward = getattr(type(module), "forward", None)
            if not isinstance(forward, types.FunctionType) or is_skipped(forward.__code__.co_filename):
                continue
            if "forward" not in vars(module):
                made = _copy(forward)
                self._functions.append((made, forward))
                vars(module)["forward"] = types.MethodType(made, module)
        self.run = torch.compile(model, backend=self._explain)

    def graphs(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Compiled:
        """Run the model on its first input, and return what dynamo made of it."""
        try:
            with quiet(), torch.no_grad():
                self.run(*args, **kwargs)
        except Exception as error:  # dynamo, and a learner's forward, may raise anything
            return Compiled(0, 0, (), first_paragraph(error))
        return _found(self._explain)

    def close(self) -> None:
        """Release what was compiled: dynamo keeps it with the code, and enters it into the global variables."""
        from torch._dynamo.eval_frame import remove_from_cache

        for function, original in self._functions:
            variables = function.__globals__
            added = {name: value for name, value in variables.items() if name not in original.__globals__}
            for one in (function, *added.values()):
                if isinstance(one, types.FunctionType):
                    remove_from_cache(one)
            # Dynamo deletes each of these variables itself once its code is gone, which the values would prevent.
            variables.update(dict.fromkeys(added.keys() & variables.keys()))


def _copy(function: types.FunctionType) -> types.FunctionType:
    """Return a function with code and global variables of its own, where dynamo keeps what it compiled."""
    made = types.FunctionType(
        function.__code__.replace(),
        dict(function.__globals__),
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _found(explain: Any) -> Compiled:
    output = explain.output()
    breaks: dict[tuple[Any, str], GraphBreak] = {}
    for reason in output.break_reasons:
        frames = [CodeLine(frame.filename, frame.lineno or 0) for frame in reason.user_stack]
        own = [line for line in frames if not is_skipped(line.file)] or frames
        text = str(reason.reason)
        line = own[-1] if own else None
        breaks.setdefault((line, text), GraphBreak(line, " ".join(text.split("\n")[0].split()), _kind(text)))
    return Compiled(output.graph_count, output.op_count, tuple(breaks.values()))


def _kind(reason: str) -> str:
    if "generic_jump" in reason or "branching" in reason.lower():
        return "branch"
    if ".item()" in reason or "tolist" in reason:
        return "number"
    return "print" if "`print`" in reason else "other"
