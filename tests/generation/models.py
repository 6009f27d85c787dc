"""Small language models for the tests: a GPT with a key/value cache, and tables of logits."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LETTERS = "abcdefghijklmnopqrstuvwxyz .\n"


def encode(text: str) -> list[int]:
    return [LETTERS.index(letter) for letter in text]


def decode(ids: list[int]) -> str:
    return "".join(LETTERS[one] for one in ids)


class GPT(nn.Module):
    """Transformer decoder with pre-norm, learned positions, and a cache of keys and values."""

    def __init__(self, size: int = len(LETTERS), width: int = 16, layers: int = 2, context: int = 64) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(size, width), nn.Embedding(context, width)
        self.projections = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(layers))
        self.outputs = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.norm, self.dropout, self.head = nn.LayerNorm(width), nn.Dropout(0.5), nn.Linear(width, size)

    def step(
        self, ids: Tensor, cache: list[tuple[Tensor, Tensor]] | None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        past = 0 if cache is None else cache[0][0].shape[2]
        x = self.tokens(ids) + self.positions(torch.arange(past, past + ids.shape[1]))
        kept = []
        for layer, (project, output) in enumerate(zip(self.projections, self.outputs, strict=True)):
            parts = project(self.norm(x)).chunk(3, -1)
            q, k, v = (part.unflatten(-1, (2, -1)).transpose(1, 2) for part in parts)
            if cache is not None:
                k, v = torch.cat([cache[layer][0], k], 2), torch.cat([cache[layer][1], v], 2)
            kept.append((k, v))
            heads = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
            x = x + self.dropout(output(heads.transpose(1, 2).flatten(2)))
        return self.head(self.norm(x)), kept

    def forward(self, ids: Tensor) -> Tensor:
        return self.step(ids, None)[0]


def gpt(seed: int = 0, **options: int) -> GPT:
    torch.manual_seed(seed)
    return GPT(**options).double()


def table(*logits: float):
    """Return a model that gives the same logits after every text."""
    return lambda ids: torch.tensor(logits)
