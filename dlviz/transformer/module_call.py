"""A module with its arguments, called again at every update, and the records of its snapshots."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import thin
from dlviz.torchkit.array_data import as_tensor, check_data
from dlviz.transformer.record import Record, record

Encode = Callable[[str], Any]

#: Most snapshots that are kept, and most numbers in all of them.
MAX_SNAPSHOTS = 60
MAX_NUMBERS = 30_000_000


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The record of a module at one step of its training.

    Attributes:
        index: how many snapshots were taken before.
        label: what the learner called it.
        record: the calls.
    """

    index: int
    label: str
    record: Record


class ModuleCall:
    """A module or function with its arguments.

    Args:
        module: what is called.
        args, kwargs: its arguments; the first one is a text if there is `encode`.
        encode: function from a text to the module's first argument, or ``None``.

    Attributes:
        kind: name of the module's class, or of the function.
        text: the text that is encoded, "" without one.
        snapshots: the snapshots, oldest first.

    Raises:
        DlvizError: an argument does not fit, or no attention was found.
    """

    def __init__(
        self, module: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], encode: Encode | None
    ) -> None:
        if encode is not None and not callable(encode):
            raise DlvizError(message("transformer.refused.encoder", got=type(encode).__name__))
        self.module, self.args, self.kwargs, self.encode = module, tuple(args), dict(kwargs), encode
        self.kind = kind_of(module)
        self.text = args[0] if encode is not None and args and isinstance(args[0], str) else ""
        self.snapshots: list[Snapshot] = []

    def call(self, text: str) -> Record:
        """Return the record of the module as it is now.

        Args:
            text: replaces the first argument, encoded; "" to keep it.
        """
        args = self.args
        if self.encode is not None and text:
            args = (self._encoded(text), *args[1:])
        found = record(self.module, *args, **self.kwargs)
        if not found.calls:
            raise DlvizError(message("transformer.refused.none", kind=self.kind))
        return found

    def take_snapshot(self, label: str, text: str) -> None:
        """Call the module again and keep the record; without a label it is numbered."""
        index = self.snapshots[-1].index + 1 if self.snapshots else 0
        numbered = message("transformer.snapshot", number=index) if index else message("transformer.first_snapshot")
        found = self.call(text)
        most = max(2, min(MAX_SNAPSHOTS, MAX_NUMBERS // max(1, _numbers(found))))
        self.snapshots = thin([*self.snapshots, Snapshot(index, label or numbered, found)], most)

    def _encoded(self, text: str) -> Any:
        assert self.encode is not None
        try:
            return self.encode(text)
        except Exception as error:  # a learner's function may raise anything
            shown = f"{type(error).__name__}: {error}"
            raise DlvizError(message("transformer.refused.encode", text=text, error=shown)) from error


def kind_of(module: Any) -> str:
    """Return the name of a module's class or of a function."""
    if module is from_tensors:
        return "scaled_dot_product_attention"
    return type(module).__name__ if isinstance(module, nn.Module) else getattr(module, "__name__", "function")


def _numbers(found: Record) -> int:
    """Return how many numbers a record holds."""
    return sum(
        tensor.numel() for call in found.calls for tensor in (call.query, call.key, call.value, call.heads, call.output)
    )


def from_tensors(
    query: Any,
    key: Any = None,
    value: Any = None,
    mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return ``F.scaled_dot_product_attention`` of tensors, arrays or lists of numbers.

    Raises:
        DlvizError: one of them is something else, or torch refuses them.
    """
    data = {"q": query, "k": query if key is None else key, "v": query if value is None else value}
    q, k, v = (check_data(one, "transformer.refused.data", caller="attention", name=name) for name, one in data.items())
    given = None if mask is None else check_data(mask, "transformer.refused.data", caller="attention", name="mask")
    for name, tensor in {"q": q, "k": k, "v": v}.items():
        if not tensor.is_floating_point() or tensor.dim() < 2:
            got = f"{tuple(tensor.shape)} {tensor.dtype}"
            raise DlvizError(message("transformer.refused.tensor", name=name, got=got))
    try:
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=given, dropout_p=dropout_p, is_causal=is_causal, scale=scale, enable_gqa=enable_gqa
        )
    except RuntimeError as error:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (q, k, v))
        raise DlvizError(message("transformer.refused.torch", shapes=shapes, torch=str(error).split("\n")[0])) from None


def is_data(value: Any) -> bool:
    """Return whether the first argument of ``dlviz.attention`` is a tensor of queries and not a module."""
    return not callable(value) and as_tensor(value) is not None
