"""Lesson 09, recurrent networks: its predictions."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from dlviz.data import names, recall
from dlviz.exercises.prediction import Prediction


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread, which is fastest for tensors as small as these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _letter():
    letters = F.one_hot(torch.tensor([0, 1, 1, 0]), 2).float()  # a n n a
    states, _ = nn.RNN(2, 4)(letters)
    return "same" if torch.allclose(states[1], states[2], atol=1e-3) else "other"


def _half():
    first = torch.ones((), requires_grad=True)
    state = first
    for _ in range(20):
        state = 0.5 * state
    state.backward()
    assert first.grad is not None
    left = first.grad.item()
    return "third" if left > 0.1 else "thousandth" if left > 1e-4 else "millionth"


@_one_thread()
def _recalls(kind: str, steps: int, forget_bias: float | None = None) -> bool:
    """Return whether a recurrent network learns to name a symbol after this many empty steps."""
    torch.manual_seed(0)
    rnn = getattr(nn, kind)(8, 32, batch_first=True)
    head = nn.Linear(32, 8)
    if forget_bias is not None:
        with torch.no_grad():
            rnn.bias_ih_l0[32:64] = forget_bias
            rnn.bias_hh_l0[32:64] = 0
    parameters = [*rnn.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.003)
    for step in range(300):
        x, y = recall(32, steps=steps, seed=step)
        loss = F.cross_entropy(head(rnn(x)[0][:, -1]), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if loss.item() < 0.03:
            break
    x, y = recall(500, steps=steps, seed=300)
    with torch.no_grad():
        return bool((head(rnn(x)[0][:, -1]).argmax(1) == y).float().mean() > 0.9)


def _recall():
    learned = _recalls("RNN", 20), _recalls("LSTM", 20)
    return {(True, False): "plain", (False, True): "lstm", (True, True): "both", (False, False): "neither"}[learned]


def _sixty():
    learned = _recalls("RNN", 60), _recalls("LSTM", 60, forget_bias=4.0)
    return {(True, False): "plain", (False, True): "lstm", (True, True): "both", (False, False): "neither"}[learned]


def _second():
    rnn, x, state = nn.RNN(1, 2), torch.zeros(6, 1), None
    for part in x.split(3):
        outputs, state = rnn(part, state)
        try:
            outputs.sum().backward()
        except RuntimeError:
            return "error"
    return "works"


def _padded():
    short, long = torch.randn(4, 3), torch.randn(14, 3)
    rnn = nn.LSTM(3, 4, batch_first=True)
    alone, _ = rnn(short[None])
    padded, _ = rnn(pad_sequence([short, long], batch_first=True))
    return "same" if torch.allclose(padded[0, -1], alone[0, -1], atol=1e-4) else "other"


def _spelled(spellings: list[str], signs: list[str]) -> list[Tensor]:
    return [torch.tensor([0, *(signs.index(letter) for letter in name.lower()), 1]) for name in spellings]


def _pairs(rows: list[Tensor], count: int) -> Tensor:
    """Return how often each pair of neighboring signs occurs in each name, (N, count · count)."""
    return torch.stack([torch.bincount(row[:-1] * count + row[1:], minlength=count * count) for row in rows]).float()


@_one_thread()
def _bigram():
    """Train a linear layer on pairs of letters and an LSTM as in the lesson, and compare them on the test names."""
    train, test = names("train"), names("test")
    signs = ["^", "$", *sorted(set("".join(train.names).lower()))]
    rows, test_rows, count = _spelled(train.names, signs), _spelled(test.names, signs), len(signs)
    x, test_x = _pairs(rows, count), _pairs(test_rows, count)

    torch.manual_seed(0)
    linear = nn.Linear(count * count, 16)
    optimizer = torch.optim.Adam(linear.parameters(), lr=0.01)
    for _ in range(8):
        for batch in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(linear(x[batch]), train.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    rnn, head = nn.LSTM(count, 64, batch_first=True), nn.Linear(64, 16)

    def read(some: list[Tensor]) -> Tensor:
        padded = F.one_hot(pad_sequence(some, batch_first=True), count).float()
        lengths = torch.tensor([len(row) for row in some])
        _, (h, _) = rnn(pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False))
        return head(h[-1])

    optimizer = torch.optim.Adam([*rnn.parameters(), *head.parameters()], lr=0.005)
    for _ in range(4):  # fewer than in the lesson: the difference has the same sign
        for batch in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(read([rows[k] for k in batch.tolist()]), train.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        scores = [(one == test.labels).float().mean() for one in (linear(test_x).argmax(1), read(test_rows).argmax(1))]
    gap = float(scores[0] - scores[1])
    return "linear" if gap > 0.01 else "lstm" if gap < -0.01 else "equal"


PREDICTIONS = (
    Prediction(id="09.parameters", truth=lambda: sum(p.numel() for p in nn.RNN(8, 16).parameters())),
    Prediction(id="09.letter", truth=_letter, options=("same", "other")),
    Prediction(id="09.half", truth=_half, options=("third", "thousandth", "millionth")),
    Prediction(id="09.second", truth=_second, options=("works", "error")),
    Prediction(id="09.recall", truth=_recall, options=("plain", "lstm", "both", "neither")),
    Prediction(id="09.sixty", truth=_sixty, options=("plain", "lstm", "both", "neither")),
    Prediction(id="09.padded", truth=_padded, options=("same", "other")),
    Prediction(id="09.bigram", truth=_bigram, options=("lstm", "equal", "linear")),
)
