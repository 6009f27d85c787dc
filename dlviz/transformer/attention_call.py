"""One attention call of a forward pass: queries, keys and values, and every stage from scores to heads."""

from dataclasses import dataclass, field
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

#: How a mask was given, the parts of ``AttentionCall.mask_source``: by ``is_causal=True``; boolean with True = may attend
#: (``scaled_dot_product_attention``) or True = is left out (``MultiheadAttention``); floating point, added to the scores; for whole
#: keys, boolean with True = is left out or added; written into the scores by ``masked_fill``, ``where`` or an assignment.
MASK_SOURCES = ("causal", "keep", "drop", "added", "padding", "padding_added", "filled")

#: What a float mask adds to hide a key is -inf, the smallest finite number, -1e9 or -10000 in code that people write.
HIDDEN = -1e4


@dataclass(frozen=True, eq=False)
class AttentionCall:
    """Queries, keys and values of one attention call, and what torch returned for them.

    Attributes:
        name: path of the module that called it, "" outside a module; of a second call "layers.0.attn (2)".
        kind: how it was called: "multihead" (``nn.MultiheadAttention``), "sdpa" (``F.scaled_dot_product_attention``) or "softmax"
            (written by hand).
        query: (N, H, L, D).
        key: (N, G, S, D); G divides H, and is less with grouped queries.
        value: (N, G, S, D_v).
        mask: ``None``, or what torch was given, broadcast over (N, H, L, S): boolean with ``True`` = may attend, or float, which is added.
        mask_source: how the mask was given: keys of :data:`MASK_SOURCES` joined by "+", "" without a mask.
        scale: what q·k is multiplied by.
        dropout: probability with which torch dropped weights in this call, 0 outside training.
        heads: what torch computed for each head, weights · value, (N, H, L, D_v).
        output: after the heads are joined and, where there is one, multiplied by the output projection, (N, L, E).
        output_projection: (weight, bias) of that projection, else ``None``.
        given_weights: the weights that torch itself returned or computed on the way, (N, H, L, S), or (N, L, S) where it averaged over
            heads, else ``None``. Weights that ``nn.MultiheadAttention`` returns carry its dropout.
        fill: what a boolean mask writes into the scores it leaves out; ``-inf``, or a finite number in attention written by hand.
        prescale: what the query (or query and key) had been multiplied by before the product; 1 where it was not.
        extra_keys: how many of the last keys no input gave: ``bias_k`` and the zeros of ``add_zero_attn``.
    """

    name: str
    kind: str
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    mask_source: str
    scale: float
    dropout: float
    heads: Tensor
    output: Tensor
    output_projection: tuple[Tensor, Tensor | None] | None = None
    given_weights: Tensor | None = field(default=None, repr=False)
    fill: float = -torch.inf
    prescale: float = 1.0
    extra_keys: int = 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, L, S)."""
        n, h, length, _ = self.query.shape
        return n, h, length, self.key.shape[2]

    @cached_property
    def products(self) -> Tensor:
        """q·k of every query and key, (N, H, L, S)."""
        return self.query @ self.grouped(self.key).transpose(-2, -1)

    @property
    def scores(self) -> Tensor:
        """q·k times the scale, before the mask, (N, H, L, S)."""
        return self.products * self.scale

    @cached_property
    def masked_scores(self) -> Tensor:
        """What softmax is applied to, (N, H, L, S)."""
        return masked(self.scores, self.mask, self.fill)

    @cached_property
    def weights(self) -> Tensor:
        """Attention weights before dropout, (N, H, L, S); each row sums to 1, except a row without any key."""
        if self.kind == "softmax" and self.given_weights is not None:
            return self.given_weights
        weights = self.masked_scores.softmax(-1)
        if self.dead_result == "zero":
            weights = weights.masked_fill(self.dead_rows[..., None], 0.0)
        return weights

    @property
    def is_causal(self) -> bool:
        """Whether the mask lets each query attend to its own position and those before it, and to nothing else."""
        return self.mask is not None and is_causal(self.mask, self.shape[2], self.shape[3])

    @cached_property
    def dead_rows(self) -> Tensor:
        """Which queries may attend to no key at all, (N, H, L)."""
        if self.mask is None:
            return torch.zeros(self.shape[:3], dtype=torch.bool, device=self.query.device)
        allowed = self.mask if self.mask.dtype == torch.bool else self.mask > HIDDEN
        return ~allowed.any(-1).expand(self.shape[:3])

    @cached_property
    def dead_result(self) -> str:
        """What torch returned for queries without a key, "" if there are none: "nan", "zero", or where their scores are not -inf
        "average" (all keys have the same weight) or "finite" (the keys have weights as if there were no mask).
        """
        dead = self.heads[self.dead_rows]
        if not len(dead):
            return ""
        if bool(dead.isnan().any()) or not bool(dead.any()):
            return "nan" if bool(dead.any()) else "zero"
        weights = self.masked_scores.softmax(-1)[self.dead_rows]
        return "average" if bool((weights.amax(-1) - weights.amin(-1) < 1e-6).all()) else "finite"

    @property
    def joined(self) -> Tensor:
        """The heads side by side, (N, L, H · D_v)."""
        return self.heads.transpose(1, 2).flatten(2)

    @cached_property
    def max_error(self) -> float:
        """Largest difference of the stages from what torch computed, over the rows that have a key.

        Compared are weights · value with the heads (not with dropout), the joined heads after the output projection with the output,
        and, in attention written by hand, softmax of the masked scores with the weights.
        """
        alive = ~self.dead_rows
        pairs = []
        if not self.dropout:
            pairs.append(((self.weights @ self.grouped(self.value))[alive], self.heads[alive]))
        if self.output_projection is not None:
            rows = alive.all(1)
            pairs.append((F.linear(self.joined, *self.output_projection)[rows], self.output[rows]))
        if self.kind == "softmax":
            pairs.append((self.masked_scores.softmax(-1)[alive], self.weights[alive]))
        return max((float((a - b).abs().max()) for a, b in pairs if a.numel()), default=float("nan"))

    def grouped(self, x: Tensor) -> Tensor:
        """Return keys or values with one copy for each query head, (N, H, S, …)."""
        groups = x.shape[1]
        return x if groups == self.query.shape[1] else x.repeat_interleave(self.query.shape[1] // groups, 1)


def masked(scores: Tensor, mask: Tensor | None, fill: float = -torch.inf) -> Tensor:
    """Return scores after a mask: boolean with True = may attend, or float, which is added.

    Example:
        >>> masked(torch.zeros(2, 2), torch.ones(2, 2, dtype=torch.bool).tril()).tolist()
        [[0.0, -inf], [0.0, 0.0]]
    """
    if mask is None:
        return scores
    return scores.masked_fill(~mask, fill) if mask.dtype == torch.bool else scores + mask


def in_dtype(dtype: torch.dtype, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return copies of a linear layer's weight and bias in the dtype that ``torch.autocast`` computes in."""
    return weight.to(dtype, copy=True), None if bias is None else bias.to(dtype, copy=True)


def causal_mask(length: int, keys: int, device: torch.device | None = None) -> Tensor:
    """Return the mask (L, S) of ``is_causal=True``: query i may attend to the keys 0 … i."""
    return torch.ones(length, keys, dtype=torch.bool, device=device).tril()


def is_causal(mask: Tensor, length: int, keys: int) -> bool:
    """Return whether a mask, broadcast over (N, H, L, S), hides from each query what comes after it and nothing else.

    With more keys than queries the queries are the last positions, as in generation with a cache.

    Example:
        >>> is_causal(causal_mask(3, 3), 3, 3), is_causal(torch.zeros(3, 3), 3, 3)
        (True, False)
    """
    if length > keys or keys < 2 or mask.shape[-2:] != (length, keys):
        return False
    after = torch.ones(length, keys, dtype=torch.bool, device=mask.device).triu(keys - length + 1)
    if mask.dtype == torch.bool:
        return bool((mask == ~after).all())
    hidden = mask <= HIDDEN
    return bool((hidden == after).all() and (mask[hidden.logical_not()] == 0).all())
