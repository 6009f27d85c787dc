"""A module with its arguments, called again at every update, and the records of its snapshots."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import thin
from dlviz.torchkit.array_data import as_plain_tensor, as_tensor, kind_of_data
from dlviz.torchkit.modules import parameters
from dlviz.transformer.edits import Edits
from dlviz.transformer.record import Record, record, record_edited

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
        self.module, self.encode = module, encode
        dtype = _dtype(module)
        self.args = tuple(_as_argument(one, dtype) for one in args)
        self.kwargs = {name: _as_argument(one, dtype) for name, one in kwargs.items()}
        self.kind = kind_of(module)
        self.text = args[0] if encode is not None and args and isinstance(args[0], str) else ""
        self.snapshots: list[Snapshot] = []
        self._heads: list[int] = []

    def call(self, text: str = "", edits: Mapping[int, Edits] | None = None) -> Record:
        """Return the record of the module as it is now.

        Args:
            text: is encoded in place of the first argument; "" for the original one.
            edits: what differs in each call.
        """
        args = self.args
        if self.encode is not None and (text or self.text):
            args = (self._encoded(text or self.text), *args[1:])
        try:
            found = (
                record_edited(edits, self.module, *args, **self.kwargs)
                if edits
                else record(self.module, *args, **self.kwargs)
            )
        except DlvizError:
            raise
        except Exception as error:  # a learner's module may raise anything
            shown = f"{type(error).__name__}: {error}"
            is_text = self.encode is None and any(isinstance(one, str) for one in args)
            hint = message("transformer.refused.no_encode") if is_text else ""
            raise DlvizError(message("transformer.refused.raised", kind=self.kind, error=shown) + hint) from error
        for one in found.calls:
            if 0 in one.shape:
                raise DlvizError(message("transformer.refused.empty", shape=one.shape))
        heads = [one.shape[1] for one in found.calls]
        self._heads = self._heads or heads
        if heads != self._heads:
            raise DlvizError(message("transformer.refused.changed", kind=self.kind, first=self._heads, got=heads))
        return found

    def take_snapshot(self, label: str) -> None:
        """Call the module again and keep the record; without a label it is numbered."""
        index = self.snapshots[-1].index + 1 if self.snapshots else 0
        numbered = message("transformer.snapshot", number=index) if index else message("transformer.first_snapshot")
        found = self.call()
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


def _dtype(module: Any) -> torch.dtype | None:
    """Return the floating-point type of a module's parameters; ``None`` without any."""
    own = parameters(module) if isinstance(module, nn.Module) else ()
    return next((one.dtype for one in own if one.is_floating_point()), None)


def _as_argument(value: Any, dtype: torch.dtype | None) -> Any:
    """Return an argument for a module: of an array or nested lists a tensor, whose floats have the module's type."""
    is_nested = isinstance(value, list) and bool(value) and isinstance(value[0], list)
    if dtype is None or not (is_nested or isinstance(value, np.ndarray)):
        return value
    tensor = as_tensor(value)
    if tensor is None:
        return value
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


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
    attn_mask: Any = None,
) -> Tensor:
    """Return ``F.scaled_dot_product_attention`` of tensors, arrays or lists of numbers; without a key or value that of self-attention.

    The mask may be called ``attn_mask``, as torch calls it. Whole numbers in lists are read as floats.

    Raises:
        DlvizError: one of them is something else, or torch refuses them.
    """
    key = query if key is None else key
    data = {"q": query, "k": key, "v": key if value is None else value}
    tensors = {name: _floats(one, name) for name, one in data.items()}
    mask = attn_mask if mask is None else mask
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or tensor.dim() < 2 or not tensor.numel():
            got = f"{tuple(tensor.shape)} {tensor.dtype}"
            raise DlvizError(message("transformer.refused.tensor", name=name, got=got))
    options: dict[str, Any] = {"dropout_p": _number(dropout_p), "is_causal": is_causal, "enable_gqa": enable_gqa}
    if options["dropout_p"] is None or not 0 <= options["dropout_p"] <= 1:
        raise DlvizError(message("transformer.refused.dropout", got=repr(dropout_p)))
    options["scale"] = None if scale is None else _number(scale)
    if scale is not None and options["scale"] is None:
        raise DlvizError(message("transformer.refused.scale", got=repr(scale)))
    options["attn_mask"] = None if mask is None else _mask(mask, tensors, is_causal)
    try:
        return F.scaled_dot_product_attention(tensors["q"], tensors["k"], tensors["v"], **options)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors.values())
        first = str(error).strip().split("\n")[0]
        raise DlvizError(message("transformer.refused.torch", shapes=shapes, torch=first)) from None


def _plain(value: Any, name: str) -> Tensor:
    """Return numbers as a tensor.

    Raises:
        DlvizError: they are no numbers.
    """
    tensor = as_plain_tensor(value)
    if tensor is None:
        raise DlvizError(message("transformer.refused.data", name=name, got=kind_of_data(value)))
    return tensor


def _number(value: Any) -> float | None:
    """Return a number of Python, NumPy or torch; ``None`` for anything else."""
    single = value.item() if getattr(value, "ndim", None) == 0 else value
    return float(single) if isinstance(single, Real) and not isinstance(single, bool) else None


def _mask(value: Any, tensors: Mapping[str, Tensor], is_causal: bool) -> Tensor:
    """Return a mask for q and k.

    Raises:
        DlvizError: it holds neither booleans nor floats, does not broadcast to queries by keys, or is given beside ``is_causal=True``.
    """
    mask = _plain(value, "mask")
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise DlvizError(message("transformer.refused.mask_type", got=mask.dtype))
    queries, keys = tensors["q"].shape[-2], tensors["k"].shape[-2]
    wanted = (*tensors["q"].shape[:-2], queries, keys)
    own = (1,) * max(0, len(wanted) - mask.dim()) + tuple(mask.shape)
    if len(own) > len(wanted) or any(a not in (1, b) for a, b in zip(own[-2:], wanted[-2:], strict=True)):
        raise DlvizError(message("transformer.refused.mask_shape", got=tuple(mask.shape), queries=queries, keys=keys))
    if is_causal:
        raise DlvizError(message("transformer.refused.mask_and_causal"))
    return mask


def _floats(value: Any, name: str) -> Tensor:
    """Return numbers as a tensor, those of a list as floats."""
    tensor = _plain(value, name)
    return tensor if isinstance(value, (Tensor, np.ndarray)) or tensor.is_floating_point() else tensor.float()


def is_data(value: Any) -> bool:
    """Return whether the first argument of ``dlviz.attention`` is a tensor of queries and not a module."""
    return isinstance(value, Tensor) or (not callable(value) and as_tensor(value) is not None)
