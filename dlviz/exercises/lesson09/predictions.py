"""Lesson 09, recurrent networks: its predictions."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from dlviz.data import recall
from dlviz.exercises.prediction import Prediction


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


def _clipped():
    weight = torch.zeros(2, requires_grad=True)
    weight.grad = torch.tensor([30.0, 40.0])
    nn.utils.clip_grad_norm_(weight, 5.0)
    return tuple(round(number) for number in weight.grad.tolist())


def _recall():
    learned = []
    for kind in (nn.RNN, nn.LSTM):
        rnn, head = kind(8, 32, batch_first=True), nn.Linear(32, 8)
        parameters = [*rnn.parameters(), *head.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=0.003)
        for step in range(250):
            x, y = recall(32, seed=step)
            scores = head(rnn(x)[0][:, -1])
            optimizer.zero_grad()
            F.cross_entropy(scores, y).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
        x, y = recall(500, seed=250)
        learned.append(bool((head(rnn(x)[0][:, -1]).argmax(1) == y).float().mean() > 0.9))
    return {(True, False): "plain", (False, True): "lstm", (True, True): "both", (False, False): "neither"}[*learned]


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
    short, long = torch.randn(2, 3), torch.randn(14, 3)
    rnn = nn.RNN(3, 4, batch_first=True)
    alone, _ = rnn(short[None])
    padded, _ = rnn(pad_sequence([short, long], batch_first=True))
    return "same" if torch.allclose(padded[0, -1], alone[0, -1], atol=1e-4) else "other"


PREDICTIONS = (
    Prediction(id="09.parameters", truth=lambda: sum(p.numel() for p in nn.RNN(8, 16).parameters())),
    Prediction(id="09.letter", truth=_letter, options=("same", "other")),
    Prediction(id="09.half", truth=_half, options=("third", "thousandth", "millionth")),
    Prediction(id="09.clipped", truth=_clipped),
    Prediction(id="09.recall", truth=_recall, options=("plain", "lstm", "both", "neither")),
    Prediction(id="09.second", truth=_second, options=("works", "error")),
    Prediction(id="09.padded", truth=_padded, options=("same", "other")),
    Prediction(id="09.temperature", truth=lambda: (torch.tensor([0.75, 0.25]).log() / 0.5).softmax(0)[0]),
)
