"""Lesson 14, generative adversarial networks: its predictions."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.data import gaussian_ring
from dlviz.exercises.prediction import Prediction
from dlviz.torchkit.energy_distance import energy_distance


def _mlp(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


def _half():
    logits = torch.zeros(4, 1)
    bce = F.binary_cross_entropy_with_logits
    return round((bce(logits, torch.ones(4, 1)) + bce(logits, torch.zeros(4, 1))).item(), 2)


def _gradients():
    """Return what the loss of the discriminator and log(1 − D) send to the generator through the same fakes, flattened."""
    generator, discriminator = _mlp(2, 2), _mlp(2, 1)
    fake = generator(torch.randn(64, 2))
    real_logits, fake_logits = discriminator(torch.randn(64, 2)), discriminator(fake)
    losses = (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean(), -F.softplus(fake_logits).mean())
    parameters = list(generator.parameters())
    return [
        torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters, retain_graph=True)]) for loss in losses
    ]


def _into_generator():
    of_d, of_g = _gradients()
    cosine = F.cosine_similarity(of_d, of_g, dim=0)
    return "none" if not of_d.any() else "helps" if cosine > 0.1 else "hinders"


def _added():
    of_d, of_g = _gradients()
    ratio = ((of_d + of_g).norm() / of_g.norm()).item()
    return "zero" if ratio < 1e-3 else "double" if ratio > 1.5 else "same"


def _saturated():
    logits = torch.logit(torch.tensor([0.01], dtype=torch.float64)).requires_grad_()
    nonsaturating, saturating = (
        torch.autograd.grad(loss.sum(), logits)[0].abs() for loss in (F.softplus(-logits), -F.softplus(logits))
    )
    return round((nonsaturating / saturating).item())


def _fakes_after(steps, view=lambda x: x, width=2, betas=(0.9, 0.999)):
    """Train a generator on the ring against a discriminator that sees `view` of each point; return fakes and mean losses."""
    ring = gaussian_ring(2000)
    generator, discriminator = _mlp(2, 2), _mlp(width, 1)
    of_g, of_d = (torch.optim.Adam(net.parameters(), lr=0.001, betas=betas) for net in (generator, discriminator))
    losses = []
    for _ in range(steps):
        fake = generator(torch.randn(128, 2))
        real = ring.points[torch.randint(2000, (128,))]
        loss_d = F.softplus(-discriminator(view(real))).mean() + F.softplus(discriminator(view(fake.detach()))).mean()
        of_d.zero_grad()
        loss_d.backward()
        of_d.step()
        loss_g = F.softplus(-discriminator(view(fake))).mean()
        of_g.zero_grad()
        loss_g.backward()
        of_g.step()
        losses.append((loss_d.item(), loss_g.item()))
    with torch.no_grad():
        return ring, generator(torch.randn(400, 2)), torch.tensor(losses[-100:]).mean(0).tolist()


def _one_thread(truth):
    """Return a truth that computes with one thread, which is fastest for tensors as small as these."""

    def computed():
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return truth()
        finally:
            torch.set_num_threads(threads)

    return computed


def _collapse():
    covered = []
    for seed in range(3):
        torch.manual_seed(seed)
        ring, fakes, _ = _fakes_after(350)
        covered.append(int((torch.cdist(fakes, ring.centers) <= 0.3).any(0).sum()))
    median = sorted(covered)[1]
    return "all" if median == 8 else "most" if median > 4 else "few"


def _same_losses():
    ring, fakes, losses = _fakes_after(600, lambda x: x.norm(dim=1, keepdim=True), 1, betas=(0.0, 0.999))
    ideal = all(abs(loss - wanted) < 0.1 for loss, wanted in zip(losses, (math.log(4), math.log(2)), strict=True))
    return "no" if ideal and energy_distance(fakes, ring.points) > 0.5 else "yes"


def _best():
    return (3 * torch.ones(()) / (3 + 1)).item()


PREDICTIONS = (
    Prediction(id="14.half", truth=_half, tolerance=0.015),
    Prediction(id="14.into-generator", truth=_into_generator, options=("helps", "hinders", "none")),
    Prediction(id="14.added", truth=_added, options=("same", "double", "zero")),
    Prediction(id="14.saturated", truth=_saturated),
    Prediction(id="14.collapse", truth=_one_thread(_collapse), options=("all", "most", "few")),
    Prediction(id="14.same-losses", truth=_one_thread(_same_losses), options=("yes", "no")),
    Prediction(id="14.best", truth=_best),
)
