"""A small network and its training, whose lines the tests find again."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    """Convolution, a container, an operation outside of all submodules, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.blocks = nn.ModuleList([nn.Linear(16, 16), nn.Linear(16, 16)])
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = x.flatten(2).mean(1) * 2.0  # the product outside of all submodules
        for block in self.blocks:
            x = torch.relu(block(x))  # a block
        return self.head(x)


class Training:
    """A network with its optimizer and data."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.net = Net()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.1)
        self.x, self.y = torch.randn(24, 1, 4, 4), torch.arange(24) % 3
        self.loader = DataLoader(TensorDataset(self.x, self.y), 8)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.net(x), y)  # the loss
        loss.backward()
        self.optimizer.step()

    def epoch(self) -> None:
        for x, y in self.loader:
            self.step(x, y)
