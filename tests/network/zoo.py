"""Models of many kinds, each with an input, that `dlviz.layers` must show without changes to them."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Plain(nn.Module):
    """LeNet-like, its ReLUs and poolings as functions."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3)
        self.fc = nn.Linear(6 * 2 * 2, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.view(x.size(0), -1))


class Residual(nn.Module):
    """Two blocks with a skip, batch norm and in-place ReLUs; global pooling by a mean."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(inplace=True)
            )
            for _ in range(2)
        )
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x.clone())
        return self.head(x.mean(dim=(2, 3)))


class Depthwise(nn.Sequential):
    """A convolution for each channel, then one over channels."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(4, 8, 3, padding=1, groups=4),
            nn.ReLU6(),
            nn.Conv2d(8, 6, 1),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )


class Dilated(nn.Sequential):
    """Kernels with holes, circular padding, average pooling."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 3, 3, dilation=2, padding=2, padding_mode="circular"),
            nn.Tanh(),
            nn.Conv2d(3, 2, (3, 1), stride=(2, 1), dilation=(1, 2)),
            nn.AvgPool2d(2, ceil_mode=True),
        )


class Transposed(nn.Sequential):
    """A decoder: smaller to larger."""

    def __init__(self):
        super().__init__(
            nn.Unflatten(1, (4, 2, 2)),
            nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1),
            nn.LeakyReLU(0.1),
            nn.ConvTranspose2d(3, 1, 2, stride=2, groups=1),
            nn.Sigmoid(),
        )


class Concatenating(nn.Module):
    """Branches with different kernels, concatenated."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 3, 1), nn.Conv2d(2, 4, 5, padding=2)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x):
        joined = torch.cat([self.a(x), self.b(x), self.pool(x)], dim=1)
        return joined[:, 1:8]


class Reused(nn.Module):
    """One layer, called three times."""

    def __init__(self):
        super().__init__()
        self.step = nn.Linear(6, 6)

    def forward(self, x):
        for _ in range(3):
            x = torch.tanh(self.step(x))
        return x


class Dictionary(nn.Module):
    """Returns a dictionary of a tensor and a tuple."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())
        self.classes, self.box = nn.Linear(4 * 36, 3), nn.Linear(4 * 36, 4)

    def forward(self, x):
        h = self.body(x)
        z = self.classes(h)
        return {"logits": z, "box": (self.box(h), F.softmax(z, dim=1))}


class Functional(nn.Module):
    """No submodule at all: parameters and functions."""

    def __init__(self):
        super().__init__()
        self.kernel, self.bias = nn.Parameter(torch.randn(3, 1, 3, 3)), nn.Parameter(torch.zeros(3))

    def forward(self, x):
        x = F.conv2d(x, self.kernel, self.bias, padding="same")
        x = F.avg_pool2d(F.pad(x, (1, 1, 0, 0)), 2)
        return F.adaptive_max_pool2d(F.interpolate(x, scale_factor=2.0), 3)


class Normalized(nn.Module):
    """Batch norm and dropout, in training mode."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.drop, self.fc = nn.Dropout(0.5), nn.Linear(4 * 36, 2)

    def forward(self, x):
        return self.fc(self.drop(F.relu_(self.norm(self.conv(x)))).flatten(1))


class Sentences(nn.Module):
    """Whole numbers in, an LSTM's tuple inside."""

    def __init__(self):
        super().__init__()
        self.words, self.lstm = nn.Embedding(11, 5), nn.LSTM(5, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, tokens):
        states, _ = self.lstm(self.words(tokens))
        return self.head(states[:, -1])


class Attending(nn.Module):
    """A transformer's layer, its attention as one call."""

    def __init__(self):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        h = self.norm(x)
        mixed, weights = self.attention(h, h, h)
        return x + mixed, weights


class Case(NamedTuple):
    """A model's class and its input."""

    make: Callable[[], nn.Module]
    x: Callable[[], Tensor]
    evaluates: bool = True


ZOO = {
    "plain": Case(Plain, lambda: torch.randn(3, 1, 14, 14)),
    "residual": Case(Residual, lambda: torch.randn(2, 3, 8, 8)),
    "depthwise": Case(Depthwise, lambda: torch.randn(2, 4, 7, 7)),
    "dilated": Case(Dilated, lambda: torch.randn(2, 1, 9, 9)),
    "transposed": Case(Transposed, lambda: torch.randn(2, 16)),
    "concatenating": Case(Concatenating, lambda: torch.randn(2, 2, 6, 6)),
    "reused": Case(Reused, lambda: torch.randn(4, 6)),
    "dictionary": Case(Dictionary, lambda: torch.randn(2, 1, 8, 8)),
    "functional": Case(Functional, lambda: torch.randn(2, 1, 8, 8)),
    "normalized": Case(Normalized, lambda: torch.randn(4, 1, 8, 8), evaluates=False),
    "sentences": Case(Sentences, lambda: torch.randint(0, 11, (3, 7))),
    "attending": Case(Attending, lambda: torch.randn(2, 5, 8)),
}


def model_and_input(name: str) -> tuple[nn.Module, Tensor]:
    """Return a model of the zoo and its input, the same every time."""
    torch.manual_seed(0)
    case = ZOO[name]
    model = case.make()
    return (model.eval() if case.evaluates else model), case.x()
