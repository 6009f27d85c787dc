"""One attention call of a forward pass: queries, keys and values, and every stage from scores to heads."""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor


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
        mask_source: how the mask was given, such as "causal", "attn_mask, True = drop" or "key_padding_mask".
        scale: what q·k is multiplied by.
        dropout: probability with which torch dropped weights in this call, 0 outside training.
        heads: what torch computed for each head, weights · value, (N, H, L, D_v).
        output: after the heads are joined and, where there is one, multiplied by the output projection, (N, L, E).
        output_projection: (weight, bias) of that projection, else ``None``.
        given_weights: the weights that torch itself returned or computed on the way, else ``None``.
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
        if self.mask is None:
            return self.scores
        if self.mask.dtype == torch.bool:
            return self.scores.masked_fill(~self.mask, -torch.inf)
        return self.scores + self.mask

    @cached_property
    def weights(self) -> Tensor:
        """Attention weights before dropout, (N, H, L, S); each row sums to 1, except a row without any key."""
        return self.masked_scores.softmax(-1)

    @property
    def dead_rows(self) -> Tensor:
        """Which queries may attend to no key at all, (N, H, L)."""
        return (self.masked_scores == -torch.inf).all(-1)

    @property
    def max_error(self) -> float:
        """Largest difference of weights · value from what torch returned, over the rows that have a key; NaN with dropout."""
        if self.dropout:
            return float("nan")
        alive = ~self.dead_rows
        off = (self.weights @ self.grouped(self.value) - self.heads).abs()[alive]
        return float(off.max()) if off.numel() else 0.0

    def grouped(self, x: Tensor) -> Tensor:
        """Return keys or values with one copy for each query head, (N, H, S, …)."""
        groups = x.shape[1]
        return x if groups == self.query.shape[1] else x.repeat_interleave(self.query.shape[1] // groups, 1)
