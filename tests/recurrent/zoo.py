"""Random recurrent modules with inputs, of every kind and option."""

import random
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

KINDS = ("RNN", "LSTM", "GRU")


def any_module(seed: int, kind: str | None = None) -> tuple[nn.Module, Any, Any, int]:
    """Return a module or cell in float64, an input, initial states or None, and the index of one of its sequences."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    kind = kind or KINDS[seed % 3]
    inputs, hidden, steps, count = draw.randint(1, 6), draw.randint(2, 9), draw.randint(1, 12), draw.randint(1, 4)
    bias = draw.random() < 0.8
    if draw.random() < 0.2:
        return *any_cell(draw, kind, inputs, hidden, steps, count, bias), draw.randrange(count)
    options: dict[str, Any] = {"bias": bias, "num_layers": draw.randint(1, 3), "bidirectional": draw.random() < 0.4}
    options["batch_first"] = draw.random() < 0.5
    options["dropout"] = 0.5 if options["num_layers"] > 1 and draw.random() < 0.3 else 0.0
    if kind == "RNN":
        options["nonlinearity"] = draw.choice(("tanh", "relu"))
    if kind == "LSTM" and draw.random() < 0.4:
        options["proj_size"] = draw.randint(1, hidden - 1)
    module = getattr(nn, kind)(inputs, hidden, **options).double()
    form = draw.choice(("batched", "unbatched", "packed", "packed"))
    count = 1 if form == "unbatched" else count
    hx = states(module, count, form == "unbatched") if draw.random() < 0.5 else None
    shape = (count, steps, inputs) if options["batch_first"] else (steps, count, inputs)
    x: Any = torch.randn(shape).double()
    if form == "unbatched":
        x = torch.randn(steps, inputs).double()
    elif form == "packed":
        lengths = [draw.randint(1, steps) for _ in range(count)]
        x = pack_padded_sequence(x, lengths, batch_first=options["batch_first"], enforce_sorted=False)
    return module, x, hx, draw.randrange(count)


def any_cell(
    draw: random.Random, kind: str, inputs: int, hidden: int, steps: int, count: int, bias: bool
) -> tuple[Any, ...]:
    """Return a cell and a sequence for it."""
    options = {"nonlinearity": draw.choice(("tanh", "relu"))} if kind == "RNN" else {}
    module = getattr(nn, f"{kind}Cell")(inputs, hidden, bias=bias, **options).double()
    h = torch.randn(count, hidden).double()
    hx = (h, torch.randn(count, hidden).double()) if kind == "LSTM" else h
    return module, torch.randn(steps, count, inputs).double(), hx if draw.random() < 0.5 else None


def states(module: nn.RNNBase, count: int, unbatched: bool) -> Any:
    """Return a random h0, and c0 of an LSTM."""
    layers = module.num_layers * (2 if module.bidirectional else 1)
    h = torch.randn(layers, count, module.proj_size or module.hidden_size).double()
    c = torch.randn(layers, count, module.hidden_size).double()
    h, c = (h[:, 0], c[:, 0]) if unbatched else (h, c)
    return (h, c) if module.mode == "LSTM" else h


def single_sequence(module: nn.Module, x: Any, hx: Any, sequence: int) -> tuple[Tensor, Any]:
    """Return the sequence unbatched, (T, inputs), and its states (layers · directions, size)."""
    if not isinstance(module, nn.RNNBase):
        start = None if hx is None else tuple(s[sequence] for s in hx) if isinstance(hx, tuple) else hx[sequence]
        return x[:, sequence], start
    if isinstance(x, Tensor):
        alone = x if x.dim() == 2 else x[sequence] if module.batch_first else x[:, sequence]
    else:
        padded, lengths = torch.nn.utils.rnn.pad_packed_sequence(x, batch_first=True)
        alone = padded[sequence, : lengths[sequence]]
    unbatched = isinstance(x, Tensor) and x.dim() == 2
    if hx is None or unbatched:
        return alone, hx
    return alone, tuple(s[:, sequence] for s in hx) if isinstance(hx, tuple) else hx[:, sequence]


def run(module: nn.Module, x: Tensor, hx: Any) -> Tensor:
    """Return torch's output for one sequence (T, inputs), attached to the autograd graph."""
    if isinstance(module, nn.RNNBase):
        return module(x, hx)[0]
    rows, state = [], hx
    for step in x:
        state = module(step, state)
        rows.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(rows)
