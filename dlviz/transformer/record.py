"""Record of every attention call of a forward pass: torch's own functions and modules, and softmax(q kᵀ) v written by hand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dlviz.torchkit.forward_trace import uncompiled
from dlviz.torchkit.model_copies import generators_restored, initialize_lazy, on_copies
from dlviz.torchkit.modules import named_modules
from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.multihead import multihead_call


@dataclass(frozen=True, eq=False)
class Record:
    """All attention calls of one forward pass, in execution order.

    Attributes:
        calls: the calls.
        output: what the module returned.
    """

    calls: tuple[AttentionCall, ...]
    output: Any


def record(module: Callable[..., Any], *args: Any, **kwargs: Any) -> Record:
    """Call a module and record each attention call in it. The module, its modes and the random generators stay unchanged.

    Args:
        module: any module or function, called as ``module(*args, **kwargs)``.
        args, kwargs: its arguments.

    Example:
        >>> attention = nn.MultiheadAttention(4, 2, batch_first=True)
        >>> x = torch.randn(1, 3, 4)
        >>> found = record(attention, x, x, x)
        >>> [(call.kind, tuple(call.weights.shape)) for call in found.calls]
        [('multihead', (1, 2, 3, 3))]
    """
    recorder = AttentionRecorder(module)
    model = module if isinstance(module, nn.Module) else nn.Module()
    initialize_lazy(model, args, kwargs)
    with torch.no_grad(), generators_restored(), uncompiled(), on_copies(model), recorder.paths(), recorder:
        output = module(*args, **kwargs)
    return Record(tuple(recorder.calls), output)


class AttentionRecorder(TorchFunctionMode):
    """Torch function mode that records attention calls.

    Attributes:
        calls: what was found so far.
    """

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.calls: list[AttentionCall] = []
        self._names = {id(one): name for name, one in named_modules(module)} if isinstance(module, nn.Module) else {}
        self._path: list[str] = []

    @contextmanager
    def paths(self) -> Iterator[None]:
        """Follow which module is running, to name the calls."""

        def enter(module: nn.Module, _: Any) -> None:
            self._path.append(self._names.get(id(module), type(module).__name__))

        def leave(module: nn.Module, _: Any, __: Any) -> None:
            self._path.pop()

        hooks = nn.modules.module
        handles = [
            hooks.register_module_forward_pre_hook(enter),
            hooks.register_module_forward_hook(leave, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        output = function(*args, **kwargs)
        if function is F.scaled_dot_product_attention:
            self.calls.append(sdpa_call(self._name(), args, kwargs, output))
        elif function is F.multi_head_attention_forward:
            self.calls.append(multihead_call(self._name(), args, kwargs, output))
        return output

    def _name(self) -> str:
        return self._path[-1] if self._path else ""


def sdpa_call(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], output: Tensor) -> AttentionCall:
    """Return a call of ``F.scaled_dot_product_attention``."""
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    q, k, v = (_with_heads(given[one]) for one in ("query", "key", "value"))
    mask, source = given.get("attn_mask"), "attn_mask, True = keep"
    if given.get("is_causal"):
        mask, source = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril(), "causal"
    heads = _with_heads(output)
    return AttentionCall(
        name=name,
        kind="sdpa",
        query=q,
        key=k,
        value=v,
        mask=mask,
        mask_source=source if mask is not None else "",
        scale=given["scale"] if given.get("scale") is not None else q.shape[-1] ** -0.5,
        dropout=given.get("dropout_p") or 0.0,
        heads=heads,
        output=heads.transpose(1, 2).flatten(2),
    )


def _with_heads(x: Tensor) -> Tensor:
    """Return a tensor as (N, H, length, features)."""
    if x.dim() == 3:
        return x[:, None]
    return x.reshape(-1, *x.shape[-3:]) if x.dim() > 4 else x[(None,) * (4 - x.dim())]
