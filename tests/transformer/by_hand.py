"""Attention as people write it by hand, in many spellings. Each module keeps the weights and the heads it computed."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ByHand(nn.Module):
    """Self-attention with four linear layers; a subclass spells out the middle."""

    def __init__(self, heads: int, size: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.size, self.causal = heads, size, causal
        width = heads * size
        self.to_q, self.to_k, self.to_v, self.to_out = (nn.Linear(width, width) for _ in range(4))
        self.kept: list[Tensor] = []

    def later(self, x: Tensor) -> Tensor:
        """Return which keys come after each query, (L, L)."""
        length = x.shape[-2]
        after = torch.ones(length, length, dtype=torch.bool).triu(1)
        return after if self.causal else torch.zeros_like(after)

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, self.size)).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.to_out(self.attend(x, self.to_q(x), self.to_k(x), self.to_v(x)))

    def attend(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        raise NotImplementedError

    def weights(self, x: Tensor) -> Tensor:
        """Return the weights (N, H, L, S), computed on their own."""
        q, k = self.split(self.to_q(x)), self.split(self.to_k(x))
        scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(self.size)
        return scores.masked_fill(self.later(x), -torch.inf).softmax(-1)


class MaskedFill(ByHand):
    def attend(self, x, q, k, v):
        q, k, v = map(self.split, (q, k, v))
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.size)
        weights = F.softmax(scores.masked_fill(self.later(x), float("-inf")), dim=-1)
        return (weights @ v).transpose(1, 2).reshape(x.shape)


class Bmm(ByHand):
    """Heads in the batch, as in older models of Hugging Face: the mask is added in a view with heads apart."""

    def attend(self, x, q, k, v):
        n, length, _ = x.shape
        q, k, v = (self.split(one).reshape(n * self.heads, length, self.size) for one in (q, k, v))
        scores = torch.bmm(q, k.transpose(1, 2)) * self.size**-0.5
        mask = torch.zeros(n, 1, length, length).to(x).masked_fill(self.later(x), torch.finfo(x.dtype).min)
        scores = (scores.view(n, self.heads, length, length) + mask).view(n * self.heads, length, length)
        made = torch.bmm(F.dropout(F.softmax(scores, dim=-1), p=0.5, training=False), v)
        return made.view(n, self.heads, length, self.size).transpose(1, 2).reshape(n, length, -1)


class Einsum(ByHand):
    def attend(self, x, q, k, v):
        q, k, v = (one.unflatten(-1, (self.heads, self.size)) for one in (q, k, v))
        scores = torch.einsum("blhd,bshd->bhls", q, k)
        weights = (scores.masked_fill(self.later(x), -1e30) * self.size**-0.5).softmax(dim=-1)
        return torch.einsum("bhls,bshd->blhd", weights, v).flatten(2)


class EinsumWithEllipsis(ByHand):
    def attend(self, x, q, k, v):
        q, k, v = map(self.split, (q, k, v))
        scores = torch.einsum("...qd, ...kd -> ...qk", q, k).div(math.sqrt(self.size))
        scores = scores.masked_fill_(self.later(x), -torch.inf)
        return torch.einsum("b h q k, b h k d -> b q h d", torch.softmax(scores, -1), v).flatten(-2)


class SoftmaxWrittenOut(ByHand):
    """exp and its row sums, after the largest score is taken away."""

    def attend(self, x, q, k, v):
        q, k, v = map(self.split, (q, k, v))
        scores = (q @ k.mT / math.sqrt(self.size)).masked_fill(self.later(x), -torch.inf)
        exps = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
        return ((exps / exps.sum(dim=-1, keepdim=True)) @ v).transpose(1, 2).flatten(2)


class MaskedExponentials(ByHand):
    """The mask on the exponentials, and sums without their dimension, in place."""

    def attend(self, x, q, k, v):
        q, k, v = map(self.split, (q * self.size**-0.5, k, v))
        exps = torch.matmul(q, k.transpose(2, 3)).exp_().masked_fill_(self.later(x), 0)
        exps /= exps.sum([3]).unsqueeze(-1)
        return torch.einsum("bhls,bhsd->blhd", exps, v).flatten(2)


class Where(ByHand):
    def attend(self, x, q, k, v):
        q, k, v = map(self.split, (q, k, v))
        scores = torch.matmul(q, k.mT)
        scores *= 1 / torch.tensor(self.size).to(x).sqrt()
        scores = torch.where(self.later(x).logical_not(), scores, torch.full([], -torch.inf).to(x))
        weights = nn.Dropout(0.5).eval()(torch.softmax(scores, dim=3))
        return weights.matmul(v).permute(0, 2, 1, 3).contiguous().view(x.shape)


class ScaledQuery(ByHand):
    """The scale on the query, and the mask assigned."""

    def attend(self, x, q, k, v):
        q, k, v = map(self.split, (q * self.size**-0.5, k, v))
        scores = q @ k.transpose(-1, -2)
        scores[:, :, self.later(x)] = float("-inf")
        return (nn.Softmax(dim=-1)(scores) @ v).transpose(1, 2).flatten(2)


class Baddbmm(ByHand):
    """Heads in the batch, the head first, and joined by a split of the batch."""

    def attend(self, x, q, k, v):
        n, length, _ = x.shape
        q, k, v = (
            one.view(n, length, self.heads, -1).permute(2, 0, 1, 3).reshape(-1, length, self.size) for one in (q, k, v)
        )
        mask = torch.zeros(length, length).to(x).masked_fill(self.later(x), -torch.inf)
        weights = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=self.size**-0.5).softmax(-1)
        return torch.cat(torch.bmm(weights, v).split(n, dim=0), dim=-1)


class ChunkedHeads(ByHand):
    """A list of heads, each with a softmax of its own."""

    def attend(self, x, q, k, v):
        made = []
        for one_q, one_k, one_v in zip(*(one.chunk(self.heads, -1) for one in (q, k, v)), strict=True):
            scores = one_q @ one_k.transpose(1, 2) / math.sqrt(self.size)
            weights = scores.masked_fill(self.later(x), -torch.inf).softmax(-1)
            made.append(weights @ one_v)
        return torch.cat(made, dim=-1)


class StackedHeads(ByHand):
    def attend(self, x, q, k, v):
        q, k, v = (one.chunk(self.heads, -1) for one in (q, k, v))
        mask = torch.zeros(x.shape[1], x.shape[1]).to(x).masked_fill(self.later(x), -torch.inf)
        made = [F.softmax(q[h] @ k[h].mT * self.size**-0.5 + mask, -1, dtype=x.dtype) @ v[h] for h in range(self.heads)]
        return torch.stack(made, 2).flatten(2)


class SequenceFirst(ByHand):
    """The order of torch's own older code: (L, N · H, D), and the output projection applied to (L, N, E)."""

    def forward(self, x):
        made = self.attend(x, self.to_q(x), self.to_k(x), self.to_v(x))
        return self.to_out(made).transpose(0, 1)

    def attend(self, x, q, k, v):
        n, length, width = x.shape
        q, k, v = (one.transpose(0, 1).reshape(length, n * self.heads, self.size).transpose(0, 1) for one in (q, k, v))
        scores = torch.bmm(q, k.transpose(1, 2)) / self.size**0.5
        weights = torch.nn.functional.softmax(scores.masked_fill(self.later(x)[None], -torch.inf), dim=-1)
        return torch.bmm(weights, v).transpose(0, 1).contiguous().view(length, n, width)


class MaskedRows(ByHand):
    """Rows of scores in one matrix, whose numbers a mask overwrites in place, as in Dive into Deep Learning."""

    def attend(self, x, q, k, v):
        n, length, _ = x.shape
        q, k, v = (self.split(one).reshape(-1, length, self.size) for one in (q, k, v))
        scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(self.size)
        rows = scores.reshape(-1, length)
        rows[self.later(x).repeat(n * self.heads, 1)] = -1e30
        made = torch.bmm(F.softmax(rows.reshape(scores.shape), dim=-1), v)
        return made.reshape(-1, self.heads, length, self.size).permute(0, 2, 1, 3).reshape(n, length, -1)


#: Every spelling by its name.
SPELLINGS = {one.__name__: one for one in ByHand.__subclasses__()}
