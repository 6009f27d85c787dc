"""Calls of a language model for the next token: any callable from ids to logits, run without leaving a trace in it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.callables import all_modules, untouched
from dlviz.torchkit.model_copies import initialize_lazy
from dlviz.torchkit.modules import count_parameters, modules, parameters


class NextToken:
    """A model that is asked for the logits of the next token.

    Args:
        model: a callable from ids, int64 (1, T), to logits (1, T, V), (T, V), (1, V) or (V,), or to an object, mapping or tuple that
            holds them.
        context: how many ids it reads at most, the last ones; ``None`` for all.
        others: other callables that use the same tensors.

    Attributes:
        vocabulary: V, once the model has been called; 0 before.
        was_training: whether any module of the model was in training mode.

    Raises:
        DlvizError: the model cannot be called.
    """

    def __init__(self, model: Callable[[Tensor], Any], context: int | None = None, *others: Any) -> None:
        if not callable(model):
            raise DlvizError(message("generation.refused.model", got=type(model).__name__))
        self.model, self.context, self.vocabulary = model, context, 0
        self._longest = 0
        self._modules = all_modules(one for one in (model, *others) if one is not None)
        self.was_training = any(part.training for module in self._modules for part in modules(module))
        first = next((one for module in self._modules for one in parameters(module)), None)
        self._device = torch.device("cpu") if first is None else first.device
        #: Number of the parameters, 0 if they are unknown.
        self.parameters = sum(map(count_parameters, self._modules))

    def initialize(self, ids: Sequence[int]) -> None:
        """Initialize lazy layers of the model by a first call with some ids."""
        if isinstance(self.model, nn.Module):
            initialize_lazy(self.model, [self.input(ids)])

    def untouched(self) -> AbstractContextManager[None]:
        """Run the model inside the block in eval mode, without gradients, on copies of its tensors; random generators are restored."""
        return untouched(self._modules)

    def input(self, ids: Sequence[int]) -> Tensor:
        """Return the ids that the model reads, int64 (1, T), T at most the context."""
        read = ids if self.context is None else ids[-self.context :]
        return torch.tensor([list(read)], dtype=torch.int64, device=self._device)

    def logits(self, ids: Sequence[int]) -> Tensor:
        """Return the logits of the token after `ids`, (V,) on the CPU; half precision becomes float32. Call it inside :meth:`untouched`.

        Raises:
            DlvizError: the model raises, or returns something else.
        """
        x = self.input(ids)
        return self.checked(self.call(self.model, x), x.shape[1], ids)

    def call(self, function: Callable[..., Any], x: Tensor, *args: Any) -> Any:
        """Return what the model, or another function of it, returns for ids (1, T).

        Raises:
            DlvizError: it raises.
        """
        try:
            return function(x, *args)
        except Exception as error:  # a learner's model may raise anything
            largest = int(x.max()) if x.numel() else 0
            error_text = f"{type(error).__name__}: {first_line(error)}"
            name = "the model" if function is self.model else "cached"
            values = {"name": name, "shape": tuple(x.shape), "largest": largest, "error": error_text}
            is_too_long = 0 < self._longest < x.shape[1]
            hint = message("generation.refused.too_long", longest=self._longest) if is_too_long else ""
            raise DlvizError(message("generation.refused.torch", **values) + hint) from error

    def checked(self, output: Any, length: int, ids: Sequence[int]) -> Tensor:
        """Return the last row of the logits in what the model returned.

        Raises:
            DlvizError: it holds no logits of a shape that fits, or fewer than an id needs.
        """
        given = _logits_in(output)
        logits = as_plain_tensor(given)
        if logits is None or not logits.is_floating_point():
            raise DlvizError(message("generation.refused.output", got=_kind(given), length=length))
        shape = tuple(logits.shape)
        is_batch_of_one = len(shape) < 3 or (len(shape) == 3 and shape[0] == 1)
        if not shape or not is_batch_of_one or shape[-1] < 2 or (len(shape) > 1 and shape[-2] not in (1, length)):
            raise DlvizError(message("generation.refused.shape", got=shape, length=length))
        if self.vocabulary not in (0, shape[-1]):
            raise DlvizError(message("generation.refused.vocabulary", first=self.vocabulary, got=shape[-1]))
        self.vocabulary, self._longest = shape[-1], max(self._longest, length)
        if max(ids) >= self.vocabulary:
            raise DlvizError(message("generation.refused.id", got=max(ids), last=self.vocabulary - 1))
        row = logits.reshape(-1, shape[-1])[-1]
        return row.to("cpu", row.dtype if row.dtype == torch.float64 else torch.float32, copy=True)


def _logits_in(output: Any) -> Any:
    """Return the logits in a model's output: the tensor itself, or the attribute, item or first element that holds them."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        return output.get("logits")
    found = getattr(output, "logits", None)
    if found is not None or output is None:
        return found
    holds_more = isinstance(output, (tuple, list)) and bool(output) and not isinstance(output[0], (int, float, list))
    return output[0] if holds_more else output


def _kind(given: Any) -> str:
    if isinstance(given, Tensor) and as_plain_tensor(given) is not None:
        return f"{tuple(given.shape)} {given.dtype}"
    return kind_of_data(given)
