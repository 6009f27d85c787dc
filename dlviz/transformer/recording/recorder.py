"""The function mode that finds attention calls while a module runs."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.torchkit.forward_trace import function_name
from dlviz.torchkit.model_copies import GeneratorStates
from dlviz.torchkit.modules import named_modules
from dlviz.torchkit.nested import tensors_in
from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.edits import Edits, edited_call
from dlviz.transformer.recording import follow
from dlviz.transformer.recording.einsum_operands import MatrixProduct
from dlviz.transformer.recording.found_calls import FoundCalls, HeadsTag
from dlviz.transformer.recording.head_layout import rearranged
from dlviz.transformer.recording.multihead import multihead_arguments, multihead_call, multihead_return
from dlviz.transformer.recording.provenance import (
    ARRANGING,
    KEEPING,
    PRODUCTS,
    Exponentials,
    Scaled,
    Scores,
    Weights,
    arrange,
    attention_call,
    number_in,
    projection_of,
    scores_of,
    values_product,
)
from dlviz.transformer.recording.sdpa import sdpa_call

#: Names of the functions that compute attention at once.
CALLS = ("multi_head_attention_forward", "scaled_dot_product_attention")
_JOINING = ("cat", "stack", "concat", "concatenate")


@dataclass(frozen=True, eq=False)
class MaskTag:
    """Tag of the float mask that a module of torch makes from a boolean one.

    Attributes:
        hidden: the boolean mask, ``True`` = is left out; ``None`` while there are only zeros.
    """

    hidden: Tensor | None


@dataclass(frozen=True, eq=False)
class Lost:
    """What looked like attention up to a function that is no part of it.

    Attributes:
        sentence: what is said about it.
        product: the queries and keys, ``None`` if they are not known.
        size: how many scores there are.
    """

    sentence: str
    product: MatrixProduct | None = None
    size: int = 0


class AttentionRecorder(TorchFunctionMode):
    """Torch function mode that records attention calls.

    Args:
        module: the module that is going to run.
        edits: what differs, by the number of the call, with the order of its heads.

    Attributes:
        found: the calls that were found so far.
    """

    def __init__(self, module: Any, edits: Mapping[int, tuple[Edits, Tensor | None]] | None = None) -> None:
        super().__init__()
        self._edits = dict(edits or {})
        self.found = FoundCalls()
        self._tags: Any = WeakTensorKeyDictionary()
        named = list(named_modules(module)) if isinstance(module, nn.Module) else []
        self._modules = [one for _, one in named]
        self._names = {
            id(one): ".".join(part for part in name.split(".") if part != "_orig_mod") for name, one in named
        }
        self._running: list[nn.Module] = []
        #: Sentences about what was not followed to its end, by kind.
        self._lost: dict[str, str] = {}
        #: What became of scores that were not followed, and which of that was attention after all.
        self._lost_scores: Any = WeakTensorKeyDictionary()
        self._unseen: list[Lost] = []
        self._seen: list[MatrixProduct] = []

    @contextmanager
    def paths(self) -> Iterator[None]:
        """Follow which module is running, to name the calls."""
        thread = threading.get_ident()

        def enter(module: nn.Module, _: Any) -> None:
            if threading.get_ident() == thread:
                self._running.append(module)

        def leave(module: nn.Module, _: Any, __: Any) -> None:
            if threading.get_ident() == thread and self._running:
                self._running.pop()

        with ExitStack() as stack:
            for module in self._modules:
                if not isinstance(module, torch.jit.ScriptModule):  # which takes no hooks
                    stack.callback(nn.Module.register_forward_pre_hook(module, enter).remove)
                    stack.callback(nn.Module.register_forward_hook(module, leave, always_call=True).remove)
            if not self._modules:  # a function, whose modules are not known before they run
                stack.callback(nn.modules.module.register_module_forward_pre_hook(enter).remove)
                stack.callback(nn.modules.module.register_module_forward_hook(leave, always_call=True).remove)
            yield

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        # Inside torch.vmap a tensor stands for a whole batch, and has no numbers of its own.
        if any(isinstance(x, Tensor) and torch._C._functorch.is_batchedtensor(x) for x in args):
            return function(*args, **kwargs)
        start = GeneratorStates.now() if function is F.multi_head_attention_forward else None
        output = function(*args, **kwargs)
        try:
            if start is not None:
                return self._multihead(args, kwargs, output, start)
            if function is F.scaled_dot_product_attention:
                return self._sdpa(args, kwargs, output)
            return self._follow(function_name(function), function, args, kwargs, output)
        except DlvizError:
            raise
        except Exception as error:  # what cannot be followed must not stop a module that runs on its own
            self._forget(function_name(function), args, kwargs, output, error)
            return output

    def _forget(self, name: str, args: Any, kwargs: Mapping[str, Any], output: Any, error: Exception) -> None:
        """Leave the result of a function without a tag, and remember that attention may be lost there."""
        changed = [output, *(args[:1] if name == "setitem" else ())]
        for one in tensors_in(changed):
            self._tags.pop(one, None)
        tags = [self._tags.get(one) for one in tensors_in(args, kwargs)]
        if name in CALLS or any(isinstance(tag, (Scores, Exponentials, Weights)) for tag in tags):
            shown = f"{type(error).__name__}: {first_line(error)}"
            sentence = message("transformer.refused.lost_call", function=name, error=shown)
            self._lost.setdefault("call", sentence)
            self._unseen += [Lost(sentence)] if name in CALLS else []

    def _multihead(self, args: Any, kwargs: Mapping[str, Any], output: Any, start: GeneratorStates) -> Any:
        given = multihead_arguments(args, kwargs)
        for name in ("attn_mask", "key_padding_mask"):
            tag = None if given[name] is None else self._tags.get(given[name])
            if isinstance(tag, MaskTag) and tag.hidden is not None:
                given[name] = tag.hidden
        drops = given["training"] and given["dropout_p"]
        call, edited = self._edited(multihead_call(self._name(), given, output, start if drops else None))
        self.found.add(call)
        return multihead_return(call, given) if edited else output

    def _sdpa(self, args: Any, kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
        call = sdpa_call(self._name(), args, kwargs, output)
        pair = [*args, *(kwargs[name] for name in ("query", "key") if name in kwargs)][:2]
        call, edited = self._edited(replace(call, prescale=self._prescale(pair)))
        output = call.heads.reshape(output.shape) if edited else output
        self._tags[output] = HeadsTag(self.found.add(call), _positions(output.shape, output.device))
        return output

    def _follow(self, name: str, function: Any, args: Any, kwargs: Mapping[str, Any], output: Any) -> Any:
        """Tag the result of a function by the tags of its arguments, and record a product with attention weights."""
        if name in _JOINING:
            self._joined(function, args, kwargs, output)
            return output
        tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        weights = (x for x in tensors if name in PRODUCTS and isinstance(self._tags.get(x), Weights))
        tagged = next(weights, next((x for x in tensors if x in self._tags), None))
        tag = None if tagged is None else self._tags[tagged]
        made: Any = None
        if isinstance(tag, Weights) and name in PRODUCTS:
            return self._product_with_values(name, tag, tagged, args, kwargs, output)
        if isinstance(tag, HeadsTag):
            made = self._heads_after(name, function, tag, tagged, args, kwargs, output)
        elif tagged is not None and isinstance(tag, Scores) and name not in PRODUCTS:
            made = follow.scores_after(name, function, tag, tagged, args, kwargs, output)
        elif isinstance(tag, Exponentials):
            divisor = self._tags.get(args[1]) if len(args) > 1 and isinstance(args[1], Tensor) else None
            made = follow.exponentials_after(name, function, tag, args, kwargs, output, divisor)
        elif isinstance(tag, Weights):
            made = follow.weights_after(name, function, tag, args, kwargs, output)
        elif isinstance(tag, MaskTag):
            hides = name == "masked_fill" and tag.hidden is None and len(args) > 2 and number_in(args[2]) == -torch.inf
            made = MaskTag(args[1].clone()) if hides else None
        elif name in PRODUCTS:
            made = scores_of(name, args, kwargs, self._prescale(tensors))
        elif name == "zeros_like":
            made = MaskTag(None) if self._in_torch() else None
        elif tensors:
            made = follow.scaled_after(name, function, tensors, args, kwargs, tag)
        if made is None and isinstance(tag, (Scores, Exponentials, Weights)):
            self._lose(tag, name, args, kwargs, output)
        elif self._lost_scores and isinstance(output, Tensor) and name not in PRODUCTS:
            self._lost_after(name, tensors, output)
        target = tagged if name == "setitem" else output
        for i, one in enumerate(target if isinstance(target, (list, tuple)) else [target]):
            if not isinstance(one, Tensor):
                continue
            if made is not None:
                self._tags[one] = made[i] if isinstance(made, list) else made
            elif one is tagged:  # changed in place, in a way that is not followed
                del self._tags[one]
        return output

    def _product_with_values(
        self, name: str, tag: Weights, weights: Any, args: Any, kwargs: Mapping[str, Any], output: Any
    ) -> Any:
        found = values_product(name, weights, args, kwargs, is_transposed=tag.is_transposed)
        call = None if found is None else attention_call(self._name(), tag, found, output)
        if found is None or call is None:
            sentence = message("transformer.refused.lost_values", function=name)
            self._lost.setdefault("values", sentence)
            self._unseen.append(Lost(sentence, tag.scores.product))
            return output
        self._seen.append(tag.scores.product)
        call, edited = self._edited(call)
        std = [output.shape[found.order.index(i)] for i in range(output.dim())] if found.order else output.shape
        order = found.order or range(output.dim())
        if edited:
            output = call.heads.reshape(std).permute(*order).to(output.dtype)
        self._tags[output] = HeadsTag(self.found.add(call), _positions(std, output.device).permute(*order))
        return output

    def _heads_after(
        self, name: str, function: Any, tag: HeadsTag, tagged: Any, args: Any, kwargs: Mapping[str, Any], output: Any
    ) -> Any:
        """Return the tags of reshaped heads, or give the call its output projection."""
        if name in KEEPING:
            return tag
        if name in ARRANGING and args and args[0] is tagged:
            index = arrange(function, tag.index, args, kwargs)
            if isinstance(index, (list, tuple)):
                return [HeadsTag(tag.call, one) for one in index]
            made = HeadsTag(tag.call, index)
            self.found.lay_out(made)
            return made
        layer = projection_of(name, tagged, args, kwargs)
        if layer is not None:
            self.found.project(tag, layer, output)
        return None

    def _joined(self, function: Any, args: Any, kwargs: Mapping[str, Any], output: Any) -> None:
        """Tag heads that are concatenated."""
        parts = args[0] if args else kwargs.get("tensors")
        tags = [self._tags.get(one) for one in parts] if isinstance(parts, (list, tuple)) else []
        if not tags or not all(isinstance(tag, HeadsTag) for tag in tags) or not isinstance(output, Tensor):
            return
        options = {key: value for key, value in kwargs.items() if key != "tensors"}
        made = self.found.concatenated(self._name(), tags, lambda indices: function(indices, *args[1:], **options))
        if made is not None:
            self._tags[output] = made

    def _edited(self, call: AttentionCall) -> tuple[AttentionCall, bool]:
        """Return the call that is next in number with its edits, and whether there are any."""
        if self.found.count not in self._edits:
            return call, False
        edits, order = self._edits[self.found.count]
        try:
            if order is None:
                return edited_call(call, edits), True
            made = edited_call(rearranged(call, order), edits)
            back = torch.argsort(order.flatten()).view(call.shape[:2])
            return rearranged(made, back), True
        except DlvizError:
            raise
        except Exception as error:  # else the call would be shown without its edits
            shown = f"{type(error).__name__}: {first_line(error)}"
            raise DlvizError(
                message("transformer.refused.edit_failed", number=self.found.count, error=shown)
            ) from error

    def _prescale(self, tensors: Sequence[Tensor]) -> float:
        tags = [self._tags.get(one) for one in tensors]
        # A factor above 1 scales embeddings, not scores.
        scaled = [tag.factor for tag in tags if isinstance(tag, Scaled)]
        # A query x @ W with a tensor W looks like scores.
        scaled += [tag.scale for tag in tags if isinstance(tag, Scores)]
        return math.prod(factor for factor in scaled if factor < 1)

    def lost(self) -> str:
        """Return a sentence about what looked like attention and was not followed to its end; "" if nothing did."""
        kinds = ("call", "dim", "weights", "values", "scores")
        return next((self._lost[kind] for kind in kinds if kind in self._lost), "")

    def unseen(self) -> str:
        """Return a sentence about attention that was computed, but not found; "" if there was none."""
        seen = {id(product) for product in self._seen}
        return next((one.sentence for one in self._unseen if id(one.product) not in seen), "")

    def _lose(self, tag: Scores | Exponentials | Weights, name: str, args: Any, kwargs: Any, output: Any) -> None:
        if not isinstance(output, Tensor) or not output.is_floating_point() or name in PRODUCTS:
            return
        kind = "dim" if name == "softmax" else "weights" if isinstance(tag, Weights) else "scores"
        dim = follow.argument(args, kwargs, 1, "dim")
        sentence = message(f"transformer.refused.lost_{kind}", function=name, dim=dim)
        self._lost.setdefault(kind, sentence)
        scores = tag if isinstance(tag, Scores) else tag.scores
        lost = Lost(sentence, scores.product, scores.shape.numel())
        if kind != "scores":
            self._unseen.append(lost)
        elif output.numel() == lost.size:
            self._lost_scores[output] = lost

    def _lost_after(self, name: str, tensors: Sequence[Tensor], output: Tensor) -> None:
        """Remember scores that were lost until a softmax shows that they were attention's."""
        lost = next((self._lost_scores[one] for one in tensors if one in self._lost_scores), None)
        if lost is None or output.numel() != lost.size:
            return
        if name == "softmax":
            self._unseen.append(lost)
        else:
            self._lost_scores[output] = lost

    def _in_torch(self) -> bool:
        """Whether the innermost running module is one of torch's own."""
        return bool(self._running) and type(self._running[-1]).__module__.startswith("torch.nn.")

    def _name(self) -> str:
        if not self._running:
            return ""
        module = self._running[-1]
        return self._names.get(id(module), type(module).__name__)


def _positions(shape: Sequence[int], device: torch.device) -> Tensor:
    return torch.arange(math.prod(shape), device=device).view(*shape)
