"""Lesson 14, generative adversarial networks: its exercises."""

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.exercises.function import Function
from dlviz.exercises.lesson14.predictions import PREDICTIONS
from dlviz.exercises.usage import Usage, without_graph

# 14.losses: the discriminator's loss has two terms, the generator's asks for the label of a real sample


def gan_losses(real_logits, fake_logits):
    """Return the losses of discriminator and generator, two tensors ().

    real_logits (N, 1) and fake_logits (M, 1) are the discriminator's logits of real samples and of fakes.
    """
    bce = F.binary_cross_entropy_with_logits
    of_real = bce(real_logits, torch.ones_like(real_logits))
    of_fakes = bce(fake_logits, torch.zeros_like(fake_logits))
    loss_g = bce(fake_logits, torch.ones_like(fake_logits))
    return of_real + of_fakes, loss_g


def one_mean_for_all(real_logits, fake_logits):
    terms = torch.cat([F.softplus(-real_logits), F.softplus(fake_logits)])
    return terms.mean(), F.softplus(-fake_logits).mean()


def _logits(i):
    real, fake = 1 + torch.randn(3 + i, 1), 2 * torch.randn(2 + 2 * i, 1) - 1
    return {"real_logits": real.requires_grad_(), "fake_logits": fake.requires_grad_()}


LOSSES = Function(
    id="14.losses",
    reference=gan_losses,
    case=_logits,
    mistakes={
        "labels_exchanged": {
            "ones_like(real_logits)": "zeros_like(real_logits)",
            "zeros_like(fake_logits)": "ones_like(fake_logits)",
            "loss_g = bce(fake_logits, torch.ones_like(fake_logits))": (
                "loss_g = bce(fake_logits, torch.zeros_like(fake_logits))"
            ),
        },
        "discriminators_labels_exchanged": {
            "ones_like(real_logits)": "zeros_like(real_logits)",
            "zeros_like(fake_logits)": "ones_like(fake_logits)",
        },
        "arguments_exchanged": lambda real_logits, fake_logits: gan_losses(fake_logits, real_logits),
        "generator_asks_for_fake": {
            "loss_g = bce(fake_logits, torch.ones_like(fake_logits))": (
                "loss_g = bce(fake_logits, torch.zeros_like(fake_logits))"
            )
        },
        "sigmoid_twice": {
            "bce(real_logits,": "bce(real_logits.sigmoid(),",
            "of_fakes = bce(fake_logits,": "of_fakes = bce(fake_logits.sigmoid(),",
            "loss_g = bce(fake_logits,": "loss_g = bce(fake_logits.sigmoid(),",
        },
        "saturating": {
            "loss_g = bce(fake_logits, torch.ones_like(fake_logits))": "loss_g = -of_fakes",
        },
        "minus_the_others_loss": {
            "loss_g = bce(fake_logits, torch.ones_like(fake_logits))": "loss_g = -(of_real + of_fakes)",
        },
        "halved": {"return of_real + of_fakes": "return (of_real + of_fakes) / 2"},
        "one_mean_for_all": one_mean_for_all,
        "summed": {"bce = F.binary_cross_entropy_with_logits": "bce = nn.BCEWithLogitsLoss(reduction='sum')"},
        "sign_missing": {"return of_real + of_fakes, loss_g": "return -of_real - of_fakes, -loss_g"},
        "real_forgotten": {"return of_real + of_fakes": "return of_fakes"},
        "fakes_forgotten": {"return of_real + of_fakes": "return of_real"},
        "exchanged": {"return of_real + of_fakes, loss_g": "return loss_g, of_real + of_fakes"},
    },
)

# 14.detach: a step of the discriminator leaves the generator alone


def train_discriminator(generator, discriminator, optimizer, real, z):
    """Make one step of the discriminator, and return its loss ().

    real (N, 2) are real points, and the generator makes fakes of the noise z (N, K). The generator gets no gradients.
    """
    fake = generator(z).detach()
    loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


class _Pair:
    """Small generator and discriminator with gradients left from before, and counts of the generator's calls and backward passes."""

    def __init__(self, inputs):
        torch.manual_seed(0)
        self.generator = nn.Sequential(nn.Linear(inputs, 4), nn.Tanh(), nn.Linear(4, 2))
        self.discriminator = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
        self.passes = self.calls = 0
        for p in (*self.generator.parameters(), *self.discriminator.parameters()):
            p.grad = torch.full_like(p, 0.5)
        self.generator[2].weight.register_hook(self._count_pass)
        self.generator.register_forward_pre_hook(self._count_call)

    def _count_pass(self, _):
        self.passes += 1

    def _count_call(self, *_):
        self.calls += 1


def _use_train_discriminator(function, real, z):
    """Return the loss, the discriminator's parameters, and what happened to the generator."""
    pair = _Pair(z.shape[1])
    optimizer = torch.optim.SGD(pair.discriminator.parameters(), lr=0.5)
    loss = function(pair.generator, pair.discriminator, optimizer, real, z)
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in pair.generator.parameters()]
    parameters = [*pair.discriminator.parameters(), *pair.generator.parameters()]
    tracked = sum(p.requires_grad for p in parameters)
    return [without_graph(loss), *(p.detach() for p in parameters), *gradients, pair.passes, tracked]


def _points(i):
    return {"real": 1 + torch.randn(6, 2), "z": torch.randn(6, 1 + i % 3)}


DETACH = Usage(
    id="14.detach",
    reference=train_discriminator,
    case=_points,
    use=_use_train_discriminator,
    broken="detach_missing",
    mistakes={
        "detach_missing": {".detach()": ""},
        "generator_zeroed": {".detach()": "", "return loss": "generator.zero_grad(); return loss"},
        "opinion_detached": {".detach()": "", "discriminator(fake))": "discriminator(fake).detach())"},
        "everything_detached": {
            ".detach()": "",
            "discriminator(real))": "discriminator(real).detach())",
            "discriminator(fake))": "discriminator(fake).detach())",
            "loss.backward()": "loss.requires_grad_().backward()",
        },
        "generator_frozen": {".detach()": "", "fake = ": "generator.requires_grad_(False); fake = "},
        "gradients_kept": {"optimizer.zero_grad()": ""},
        "fakes_left_out": {" + F.softplus(discriminator(fake)).mean()": ""},
    },
)

# 14.retain: one set of fakes, two backward passes, and no graph that has to be kept


def train_both(generator, discriminator, optimizer_g, optimizer_d, real, z):
    """Make one step of the discriminator, then one of the generator with the same fakes; return both losses.

    real (N, 2) are real points, and the generator makes fakes of the noise z (N, K).
    """
    fake = generator(z)
    loss_d = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()

    loss_g = F.softplus(-discriminator(fake)).mean()
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    return loss_d, loss_g


def graph_retained(generator, discriminator, optimizer_g, optimizer_d, real, z):
    """Make one step of the discriminator, then one of the generator with the same fakes; return both losses.

    real (N, 2) are real points, and the generator makes fakes of the noise z (N, K).
    """
    optimizer_d.zero_grad()
    optimizer_g.zero_grad()
    fake = generator(z)
    loss_d = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
    loss_d.backward(retain_graph=True)
    optimizer_d.step()

    loss_g = F.softplus(-discriminator(fake)).mean()
    loss_g.backward()
    optimizer_g.step()
    return loss_d, loss_g


def both_backward_first(generator, discriminator, optimizer_g, optimizer_d, real, z):
    fake = generator(z)
    loss_d = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()
    loss_g = F.softplus(-discriminator(fake)).mean()
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    optimizer_g.step()
    return loss_d, loss_g


def _is_kept(loss):
    """Return whether a backward pass left the graph of a loss whole; of a detached loss nobody can tell."""
    if getattr(loss, "grad_fn", None) is None:
        return False
    try:
        loss.backward()
    except RuntimeError as error:
        return "second time" not in str(error)  # a kept graph complains that the optimizer changed a weight
    return True


def _use_train_both(function, real, z):
    """Return, after two rounds, the losses, the parameters, the generator's backward passes and calls, and the graphs kept."""
    pair = _Pair(z.shape[1])
    optimizers = (torch.optim.SGD(part.parameters(), lr=0.5) for part in (pair.generator, pair.discriminator))
    optimizer_g, optimizer_d = optimizers
    losses = []
    for half in (0, 1):
        batch = real[half::2], z[half::2]
        returned = function(pair.generator, pair.discriminator, optimizer_g, optimizer_d, *batch)
        losses += (*(returned if isinstance(returned, (tuple, list)) else [returned]), None)[:2]
    parameters = (*pair.discriminator.parameters(), *pair.generator.parameters())
    results = [*map(without_graph, losses), *(p.detach() for p in parameters), pair.passes, pair.calls]
    return [*results, sum(map(_is_kept, losses))]


def _two_batches(i):
    return {"real": 1 + torch.randn(10, 2), "z": torch.randn(10, 1 + i % 3)}


RETAIN = Usage(
    id="14.retain",
    reference=train_both,
    case=_two_batches,
    use=_use_train_both,
    broken="graph_retained",
    mistakes={
        "graph_retained": graph_retained,
        "still_retained": {
            "discriminator(fake.detach())": "discriminator(fake)",
            "loss_d.backward()": "loss_d.backward(retain_graph=True)",
        },
        "retained_beside_detach": {"loss_d.backward()": "loss_d.backward(retain_graph=True)"},
        "generator_stays": {"fake = generator(z)": "fake = generator(z).detach()"},
        "detached_for_the_other": {
            "discriminator(fake.detach())": "discriminator(fake)",
            "-discriminator(fake)": "-discriminator(fake.detach())",
        },
        "fakes_made_twice": {"-discriminator(fake)": "-discriminator(generator(z))"},
        "both_backward_first": both_backward_first,
        "discriminator_not_zeroed": {"optimizer_d.zero_grad()": ""},
        "generator_not_zeroed": {"optimizer_g.zero_grad()": ""},
    },
)

# 14.gradients: what reaches a fake's logit


def generator_gradients(logits):
    """Return the derivatives, by each logit of a fake, of log(1 − D) and of −log(D), where D = sigmoid(logit).

    logits has shape (N,), and so have both results.
    """
    d = logits.sigmoid()
    saturating = -d
    nonsaturating = d - 1
    return saturating, nonsaturating


def _fake_logits(i):
    return {"logits": torch.tensor([0.0, -4.5951]) if i == 0 else 2 * torch.randn(2 + i)}


GRADIENTS = Function(
    id="14.gradients",
    reference=generator_gradients,
    case=_fake_logits,
    mistakes={
        "by_the_probability": {"= -d": "= -1 / (1 - d)", "= d - 1": "= -1 / d"},
        "exchanged": {"return saturating, nonsaturating": "return nonsaturating, saturating"},
        "sign_missing": {"= -d": "= d", "= d - 1": "= 1 - d"},
        "sign_of_the_second": {"= d - 1": "= 1 - d"},
        "sigmoids_derivative": {"= -d": "= -d * (1 - d)", "= d - 1": "= -d * (1 - d)"},
        "mean": {"= -d": "= -d / len(d)", "= d - 1": "= (d - 1) / len(d)"},
        "losses": {"= -d": "= torch.log(1 - d)", "= d - 1": "= -torch.log(d)"},
        "logits_taken_for_probabilities": {"d = logits.sigmoid()": "d = logits"},
    },
)

# 14.modes: what the losses do not say


def coverage(fakes, centers, radius):
    """Return how many modes are covered, and the share of fakes near a mode, two tensors ().

    fakes (M, 2) are points and centers (K, 2) the middles of the modes. A fake is near a mode if its distance from the
    center is at most radius, and a mode is covered if at least one fake is near it.
    """
    near = torch.cdist(fakes, centers) <= radius
    return near.any(dim=0).sum(), near.any(dim=1).float().mean()


def nearest_mode(fakes, centers, radius):
    distances = torch.cdist(fakes, centers)
    covered = distances.argmin(dim=1).unique().numel()
    return torch.tensor(covered), (distances <= radius).any(dim=1).float().mean()


def _fakes(i):
    """Return six modes. The first two share a fake, the third is the nearest one of a fake too far away, the fourth has one fake."""
    radius = (0.5, 0.8, 0.4, 0.7, 0.6)[i]
    centers = torch.stack([2.0 * torch.arange(6), torch.randn(6)], dim=1)
    centers[1] = centers[0] + torch.tensor([radius, 0.0])
    sizes = torch.tensor([3 + i, 2])
    offsets = torch.randn(int(sizes.sum()), 2)
    offsets *= radius * 0.9 / offsets.norm(dim=1, keepdim=True)
    around = centers[:2].repeat_interleave(sizes, dim=0) + offsets
    fakes = torch.cat([around, centers[:2].mean(0, keepdim=True), centers[2:3] + 0.9 * radius, centers[3:4]])
    return {"fakes": fakes[torch.randperm(len(fakes))], "centers": centers, "radius": radius}


MODES = Function(
    id="14.modes",
    reference=coverage,
    case=_fakes,
    mistakes={
        "dimensions_exchanged": {"dim=0": "dim=1", "dim=1": "dim=0"},
        "fakes_counted": {"dim=0": "dim=1"},
        "share_of_modes": {"dim=1": "dim=0"},
        "pairs_counted": {"near.any(dim=0).sum()": "near.sum()"},
        "nearest_mode": nearest_mode,
        "every_fake_near": {"near.any(dim=0)": "near.all(dim=0)"},
        "share_of_pairs": {"near.any(dim=1).float()": "near.float()"},
        "whether_covered": {".any(dim=0).sum()": ".any()"},
        "far_away": {"<= radius": "> radius"},
        "share_of_the_modes_returned": {".any(dim=0).sum()": ".any(dim=0).float().mean()"},
    },
)

ITEMS = (LOSSES, DETACH, RETAIN, GRADIENTS, MODES, *PREDICTIONS)
