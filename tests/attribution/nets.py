"""Small random nets in float64, for images, rows and tokens; each splits into parts, so that gradients can be taken by hand."""

import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS = (
    nn.ReLU,
    lambda: nn.ReLU(inplace=True),
    nn.Tanh,
    nn.GELU,
    lambda: nn.LeakyReLU(0.1, inplace=True),
    nn.SiLU,
)


def made_random(net: nn.Module) -> nn.Module:
    """Return the net in float64 with random numbers in its batch norms too."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
    return net.double()


class ImageNet(nn.Module):
    """Convolutions, then a head; it starts in train mode, with dropout and batch norm."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        choice = random.Random(seed)
        self.channels, self.size, self.classes = (
            choice.choice((1, 2, 3, 5)),
            choice.choice((8, 9, 12)),
            choice.choice((2, 4)),
        )
        middle, last = choice.choice((3, 6)), choice.choice((2, 5))
        self.features = nn.Sequential(
            nn.Conv2d(self.channels, middle, 3, padding=1),
            choice.choice((nn.BatchNorm2d(middle), nn.Identity())),
            choice.choice(ACTIVATIONS)(),
            choice.choice((nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Identity())),
            nn.Conv2d(middle, last, 3, padding=choice.choice((0, 1))),
            choice.choice(ACTIVATIONS)(),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(4 * last, 6),
            nn.ReLU(),
            nn.Linear(6, self.classes),
        )
        made_random(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def inputs(self, count: int = 2) -> Tensor:
        return torch.randn(count, self.channels, self.size, self.size, dtype=torch.float64)


class RowNet(nn.Sequential):
    """Linear layers on rows of a table."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        choice = random.Random(seed)
        features, hidden, classes = choice.choice((2, 5, 9)), choice.choice((4, 11)), choice.choice((1, 3))
        super().__init__(
            nn.Linear(features, hidden),
            choice.choice((nn.BatchNorm1d(hidden), nn.Dropout(0.3))),
            choice.choice(ACTIVATIONS)(),
            nn.Linear(hidden, classes),
        )
        self.features, self.classes = features, classes
        made_random(self)

    def inputs(self, count: int = 2) -> Tensor:
        return torch.randn(count, self.features, dtype=torch.float64)


class TokenNet(nn.Module):
    """Embeddings with positions added in place, then convolution or attention, and the mean over the tokens."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        choice = random.Random(seed)
        self.size, self.length, self.classes = choice.choice((4, 8)), choice.choice((3, 6)), choice.choice((2, 3))
        self.embedding = nn.Embedding(20, self.size, padding_idx=0)
        self.position = nn.Embedding(self.length, self.size)
        self.is_attention = choice.random() < 0.5
        self.mixing = (
            nn.TransformerEncoderLayer(self.size, 2, 8, dropout=0.2, batch_first=True)
            if self.is_attention
            else nn.Conv1d(self.size, self.size, 3, padding=1)
        )
        self.head = nn.Linear(self.size, self.classes)
        made_random(self)

    def forward(self, ids: Tensor) -> Tensor:
        return self.from_embeddings(self.embedding(ids))

    def from_embeddings(self, x: Tensor) -> Tensor:
        x += self.position(torch.arange(x.shape[1]))
        mixed = self.mixing(x) if self.is_attention else F.relu(self.mixing(x.transpose(1, 2))).transpose(1, 2)
        return self.head(mixed.mean(1))

    def inputs(self, count: int = 2) -> Tensor:
        return torch.randint(1, 20, (count, self.length))
