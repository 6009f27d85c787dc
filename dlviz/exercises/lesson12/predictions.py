"""Lesson 12, a small GPT: its predictions."""

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.exercises.prediction import Prediction


def _targets():
    ids = torch.randint(5, (1, 9))
    return ids[:, 1:].numel()


def _attended(x, mask):
    return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)


def _order():
    x = 0.5 * torch.randn(10, 8)
    swapped = x.clone()
    swapped[[0, 1]] = x[[1, 0]]
    mask = torch.ones(10, 10, dtype=torch.bool).tril()
    one, other = (tokens + _attended(tokens, mask) for tokens in (x, swapped))  # the first block
    one, other = (_attended(tokens, mask)[-1] for tokens in (one, other))  # the second
    return "same" if torch.allclose(one, other, atol=1e-5) else "other"


def _depth():
    layers = [nn.Sequential(nn.Linear(32, 128), nn.GELU(), nn.Linear(128, 32)) for _ in range(12)]
    x, mask = torch.randn(16, 32), torch.ones(16, 16, dtype=torch.bool).tril()
    for mlp in layers:
        x = mlp(_attended(x, mask))
    (x * torch.randn(16, 32)).sum().backward()
    first, last = (layers[k][0].weight.grad.norm() for k in (0, -1))
    ratio = (first / last).item()
    return "equal" if ratio > 0.1 else "thousandth" if ratio > 1e-5 else "billionth"


def _width():
    sizes = []
    for width in (64, 128):
        block = nn.TransformerEncoderLayer(width, 4, 4 * width)
        sizes.append(sum(p.numel() for p in block.parameters()))
    return str(round(sizes[1] / sizes[0]))


def _top_p():
    probs = torch.tensor([0.5, 0.3, 0.15, 0.05])
    return int((probs.cumsum(0) - probs < 0.7).sum())


def _reads():
    return sum(range(1, 201))


def _future():
    """Train an attention that reads one token ahead, then let it continue texts in which each symbol stands twice."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # fastest for tensors as small as these
    token, query, head = nn.Embedding(4, 16), nn.Embedding(12, 16), nn.Linear(16, 4)
    optimizer = torch.optim.Adam([*token.parameters(), *query.parameters(), *head.parameters()], lr=0.05)

    def logits_of(ids):
        steps = ids.shape[1]
        mask = torch.ones(steps, steps, dtype=torch.bool).tril(1)
        keys, values = query.weight[:steps].expand(len(ids), -1, -1), token(ids)
        return head(F.scaled_dot_product_attention(4 * keys.roll(-1, 1), keys, values, attn_mask=mask))

    def doubled(n):
        return torch.randint(4, (n, 6)).repeat_interleave(2, dim=1)

    for _ in range(150):
        ids = doubled(16)
        loss = F.cross_entropy(logits_of(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    truth = doubled(200)
    written = logits_of(truth[:, :5])[:, -1].argmax(1)  # the second of a pair: it was just read
    torch.set_num_threads(threads)
    right = (written == truth[:, 5]).float().mean().item()
    return "high" if loss.item() > 0.5 else "good" if right > 0.9 else "bad"


PREDICTIONS = (
    Prediction(id="12.targets", truth=_targets),
    Prediction(id="12.order", truth=_order, options=("same", "other")),
    Prediction(id="12.depth", truth=_depth, options=("equal", "thousandth", "billionth")),
    Prediction(id="12.width", truth=_width, options=("2", "4", "8")),
    Prediction(id="12.top-p", truth=_top_p),
    Prediction(id="12.reads", truth=_reads),
    Prediction(id="12.future", truth=_future, options=("good", "bad", "high")),
)
