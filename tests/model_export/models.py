"""Models with one property each that matters for an export."""

import random

import torch
from torch import nn
from torch.nn import functional as F


class Classifier(nn.Module):
    """Reads tokens: an embedding, a convolution with batch norm, dropout, a mean over time, and a head."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 6)
        self.conv = nn.Conv1d(6, 5, 3, padding=1)
        self.norm = nn.BatchNorm1d(5)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))

    def forward(self, tokens):
        h = self.embed(tokens).transpose(1, 2)
        h = torch.relu(self.norm(self.conv(h)))
        return self.head(self.drop(h).mean(-1))


class Nested(nn.Module):
    """Takes a keyword and returns a dictionary; one layer is used twice, one does nothing, one becomes many operations."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.same = nn.Identity()
        self.twice = nn.Linear(8, 8)

    def forward(self, x, scale=1.0, other=None):
        h, weights = self.attention(x, x, x)
        h = self.twice(self.twice(self.same(h)))
        h = h if other is None else h + other
        return {"h": h * scale, "rest": (weights, x[:, :2])}


class Branch(nn.Module):
    """Chooses a layer by the sign of a sum."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 3)
        self.b = nn.Linear(4, 3)

    def forward(self, x):
        if x.sum() > 0:
            return self.a(x)
        y = self.b(x)
        return 2 * y


class Assigned(nn.Module):
    """An if without an else, which changes a variable."""

    def forward(self, x):
        y = x + 1
        if y.max() > 2:
            y = y / 2
        return y * 3


class Choice(nn.Module):
    def forward(self, x):
        return x if x.mean() > 0 else -x


class Loop(nn.Module):
    def forward(self, x):
        while x.norm() > 1:
            x = x / 2
        return x


class Number(nn.Module):
    def forward(self, x):
        scale = float(x.max())
        return x * scale


class Numpy(nn.Module):
    def forward(self, x):
        return torch.from_numpy(x.detach().numpy() * 2)


class Counter(nn.Module):
    """Remembers in a plain attribute how often it ran."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.linear(x) * self.calls


class PythonRandom(nn.Module):
    """Draws from Python's generator, whose number a program keeps for ever."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        return self.linear(x) + random.random()


class AlwaysDropout(nn.Module):
    """Forgets to pass ``self.training``."""

    def forward(self, x):
        return F.dropout(x, 0.5)


class Multiple(nn.Module):
    """Cuts the width into fours."""

    def forward(self, x):
        return x.view(x.shape[0], -1, 4).sum(1)


class Limited(nn.Module):
    """Has positions for at most 6 tokens."""

    def __init__(self):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(6, 3))

    def forward(self, x):
        return x + self.positions[: x.shape[1]]


class Printing(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        y = self.linear(x)
        print("forward")
        return y + 1
