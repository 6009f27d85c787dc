"""Small autoencoders for the tests, plain and variational, with batch norm and dropout, which differ between train and eval mode."""

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal


class Coder(nn.Module):
    """Encoder and decoder of images (N, 1, 6, 6) with codes of `size` numbers, random weights in float64."""

    def __init__(self, size: int = 2, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(36, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.5), nn.Linear(12, 2 * size)
        )
        self.decoder = nn.Sequential(
            nn.Linear(size, 12),
            nn.BatchNorm1d(12),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(12, 36),
            nn.Unflatten(1, (1, 6, 6)),
        )
        self.double()
        for norm in (self.encoder[2], self.decoder[1]):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)

    def mean(self, x: Tensor) -> Tensor:
        return self.encoder(x).chunk(2, dim=1)[0]

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        return mean, log_var

    def distribution(self, x: Tensor) -> Independent:
        mean, log_var = self.encode(x)
        return Independent(Normal(mean, (log_var / 2).exp()), 1)

    def decode(self, code: Tensor) -> Tensor:
        return self.decoder(code)


def images(count: int = 30, seed: int = 1) -> Tensor:
    return torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
