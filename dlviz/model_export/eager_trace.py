"""The eager forward pass as a list of calls: every leaf module and every torch function between them, with its line of code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.model_export.source import CodeLine, calling_lines
from dlviz.torchkit.forward_trace import CallTracer, kind_of
from dlviz.torchkit.modules import modules, named_buffers, named_parameters
from dlviz.torchkit.nested import tensors_in


@dataclass(frozen=True)
class EagerCall:
    """A call of the eager forward pass.

    Attributes:
        name: the module's path, or the function's name.
        module: path of the module that is called, or in which the function is called; "" is the model.
        kind: the class of the module; "" for a function.
        shapes: of each tensor in the output.
        lines: lines of code that led to the call, the innermost last.
        outputs: the tensors of the output, if they were asked for.
    """

    name: str
    module: str
    kind: str
    shapes: tuple[tuple[int, ...], ...]
    lines: tuple[CodeLine, ...]
    outputs: tuple[Tensor, ...] = ()

    @property
    def is_function(self) -> bool:
        """Whether it is the call of a function, and not of a module."""
        return not self.kind


class EagerTracer(CallTracer):
    """Recorder of an eager forward pass.

    Attributes:
        calls: what was called, in order.
        asked: for a call whose output becomes a number of Python's, as an if asks for it, the line of code that asks.
        index_limits: for an input that an embedding looks up, by its place among the input tensors, how many rows the embedding has.
    """

    def __init__(self, model: nn.Module, keep_outputs: bool = False) -> None:
        super().__init__(model)
        self.calls: list[EagerCall] = []
        self.asked: dict[int, CodeLine] = {}
        self.index_limits: dict[int, int] = {}
        self._keep_outputs = keep_outputs
        self._inputs: list[Tensor] = []
        self._inside: list[str] = []
        #: The call that made each tensor, by the tensor's id.
        self._makers: dict[int, int] = {}

    def trace(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the model and return its output."""
        leaves = torch.utils._pytree.tree_leaves((tuple(args), dict(kwargs)))
        self._inputs = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        for tensor in self._inputs:
            self.tag(tensor, "")
        return self.run(args, kwargs)

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Watch leaf modules, and keep track of the module that is running."""
        for named in (named_parameters, named_buffers):
            for _, tensor in named(self.model):
                self.tag(tensor, "")
        with super().hooks(), ExitStack() as stack:
            for module in modules(self.model):
                if not self.is_leaf(module):
                    path = self.path(module)
                    enter = nn.Module.register_forward_pre_hook(module, partial(self._go_in, path))
                    leave = nn.Module.register_forward_hook(module, self._go_out, always_call=True)
                    stack.callback(enter.remove)
                    stack.callback(leave.remove)
            yield

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        lines = calling_lines(_RUN) if function in _ASKING else ()
        if lines and id(args[0]) in self._makers:
            self.asked.setdefault(self._makers[id(args[0])], lines[-1])
        return super().__torch_function__(function, types, args, kwargs)

    def _go_in(self, path: str, *_: Any) -> None:
        self._inside.append(path)

    def _go_out(self, *_: Any) -> None:
        self._inside.pop()

    def on_call(
        self,
        name: str,
        module: nn.Module | None,
        function: Callable[..., Any] | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        sources: tuple[Any, ...],
        output: Any,
    ) -> None:
        """Record a call."""
        tensors = tensors_in(output)
        for tensor in tensors:
            self.tag(tensor, "")
            self._makers[id(tensor)] = len(self.calls)
        if module is None:
            inside = self._inside[-1] if self._inside else ""
            self._note_embedding(
                args[:1] if name == "embedding" else (), args[1] if len(args) > 1 else kwargs.get("weight")
            )
        else:
            inside = self.path(module)
            self._note_embedding(args[:1] if isinstance(module, nn.Embedding) else (), getattr(module, "weight", None))
        self.calls.append(
            EagerCall(
                self.unique_name(name) if module is None else name,
                inside,
                "" if module is None else kind_of(module),
                tuple(tuple(tensor.shape) for tensor in tensors),
                calling_lines(_RUN),
                tuple(tensor.detach().clone() for tensor in tensors) if self._keep_outputs else (),
            )
        )

    def _note_embedding(self, looked_up: Sequence[Any], weight: Any) -> None:
        for value in looked_up:
            for place, tensor in enumerate(self._inputs):
                if tensor is value and isinstance(weight, Tensor):
                    self.index_limits[place] = min(weight.shape[0], self.index_limits.get(place, weight.shape[0]))


_RUN = CallTracer.run.__code__
#: Functions that make Python's numbers of a tensor.
_ASKING = {
    *(Tensor.__bool__, Tensor.__int__, Tensor.__float__, Tensor.__index__),
    *(Tensor.item, Tensor.tolist, Tensor.numpy),
}
