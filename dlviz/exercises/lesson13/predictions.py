"""Lesson 13, autoencoders: its predictions."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.data import digit_anomalies, digits
from dlviz.exercises.prediction import Prediction


def _mlp(*sizes: int) -> nn.Sequential:
    """Return linear layers of these sizes with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _trained(encoder: nn.Module, decoder: nn.Module, x: Tensor, epochs: int) -> nn.Sequential:
    """Return the two modules in a row, trained to reconstruct the rows of x."""
    model = nn.Sequential(encoder, decoder)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            loss = F.mse_loss(model(x[batch]), x[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.requires_grad_(False)


def _pixels(split: str) -> Tensor:
    return digits(split).images.flatten(1)


def _wide() -> str:
    model = _trained(nn.Linear(64, 64), nn.Linear(64, 64), _pixels("train"), 20)
    turned = _pixels("test").flip(1)  # the pixels in reverse order: the image is upside down
    return "copied" if F.mse_loss(model(turned), turned) < 0.02 else "upright"


def _linear() -> str:
    x = _pixels("train")
    model = nn.Sequential(nn.Linear(64, 8), nn.Linear(8, 64))
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=500, line_search_fn="strong_wolfe", tolerance_change=1e-12, tolerance_grad=1e-9
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = 100 * F.mse_loss(model(x), x)
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[arg-type, no-untyped-call]
    error = F.mse_loss(model(x), x).item()
    spectrum = torch.linalg.svdvals(x - x.mean(0)).square()
    pca = (spectrum[8:].sum() / x.numel()).item()
    return "lower" if error < 0.99 * pca else "higher" if error > 1.01 * pca else "same"


def _hole() -> str:
    x, new = _pixels("train"), _pixels("test")
    encoder, decoder = _mlp(64, 128, 8), _mlp(8, 128, 64)
    _trained(encoder, decoder, x, 40)
    codes = encoder(x)
    drawn = decoder(codes.mean(0) + codes.std(0) * torch.randn(500, 8))
    ratio = (_distance(drawn, x) / _distance(new, x)).item()
    return "far" if ratio > 1.7 else "near" if ratio > 0.7 else "copies"


def _distance(images: Tensor, x: Tensor) -> Tensor:
    return torch.cdist(images, x).amin(1).square().mean()


def _sampled() -> str:
    mean, std = torch.zeros(3, requires_grad=True), torch.ones(3)
    torch.normal(mean, std).sum().backward()
    return "none" if mean.grad is None else "one" if mean.grad.any() else "zero"


def _collapse() -> str:
    x = _pixels("train")
    encoder, decoder = _mlp(64, 128, 16), _mlp(8, 128, 64)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.003)
    for _ in range(30):
        for batch in torch.randperm(len(x)).split(64):
            mean, log_var = encoder(x[batch]).chunk(2, dim=1)
            z = mean + torch.exp(log_var / 2) * torch.randn_like(mean)
            kl = ((mean**2 + log_var.exp() - 1 - log_var) / 2).sum(1)
            loss = ((decoder(z) - x[batch]).square().sum(1) + 3 * kl).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        spread = decoder(torch.randn(500, 8)).std(0).mean() / x.std(0).mean()
    return "mean" if spread < 0.1 else "digits"


def _larger() -> str:
    found = digit_anomalies()
    x, unseen = found.train.flatten(1), found.anomalies.flatten(1)[found.labels == 0]
    missed = []
    for size in (8, 32):
        model = _trained(_mlp(64, 128, size), _mlp(size, 128, 64), x[:1000], 60)
        threshold = (model(x[1000:]) - x[1000:]).square().mean(1).quantile(0.95)
        missed.append(((model(unseen) - unseen).square().mean(1) <= threshold).float().mean().item())
    return "more" if missed[1] > missed[0] + 0.03 else "fewer" if missed[1] < missed[0] - 0.03 else "same"


def _faint() -> str:
    found = digit_anomalies()
    x, normal = found.train.flatten(1), found.normal.flatten(1)
    model = _trained(_mlp(64, 128, 8), _mlp(8, 128, 64), x[:1000], 40)
    threshold = (model(x[1000:]) - x[1000:]).square().mean(1).quantile(0.95)
    flagged = ((model(normal / 2) - normal / 2).square().mean(1) > threshold).float().mean().item()
    return "none" if flagged < 0.05 else "most" if flagged > 0.6 else "half"


PREDICTIONS = (
    Prediction(id="13.wide", truth=_wide, options=("upright", "copied", "mean")),
    Prediction(id="13.linear", truth=_linear, options=("lower", "same", "higher")),
    Prediction(id="13.hole", truth=_hole, options=("copies", "near", "far")),
    Prediction(id="13.sampled", truth=_sampled, options=("one", "zero", "none")),
    Prediction(id="13.collapse", truth=_collapse, options=("digits", "mean", "noise")),
    Prediction(id="13.larger", truth=_larger, options=("fewer", "same", "more")),
    Prediction(id="13.faint", truth=_faint, options=("most", "half", "none")),
)
