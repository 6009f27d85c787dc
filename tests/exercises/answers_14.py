"""Lesson 14: more right answers and more wrong ones."""

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.exercises.lesson14.exercises import (
    coverage,
    gan_losses,
    generator_gradients,
    train_both,
    train_discriminator,
)

# 14.losses


def by_softplus(real_logits, fake_logits):
    return (
        F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean(),
        F.softplus(-fake_logits).mean(),
    )


def by_logsigmoid(real_logits, fake_logits):
    loss_d = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    return [loss_d, -F.logsigmoid(fake_logits).mean()]


def by_a_module(real_logits, fake_logits):
    criterion = nn.BCEWithLogitsLoss()
    labels = torch.ones(len(fake_logits), 1)
    of_fakes = criterion(fake_logits, 0 * labels)
    return criterion(real_logits, torch.ones(len(real_logits), 1)) + of_fakes, criterion(fake_logits, labels)


def smoothed_labels(real_logits, fake_logits):
    bce = F.binary_cross_entropy_with_logits
    loss_d, loss_g = gan_losses(real_logits, fake_logits)
    return loss_d + 0 * loss_g + bce(real_logits, torch.full_like(real_logits, 0.9)), loss_g


def of_a_critic(real_logits, fake_logits):
    return fake_logits.mean() - real_logits.mean(), -fake_logits.mean()


def one_for_each_sample(real_logits, fake_logits):
    return F.softplus(-real_logits) + F.softplus(fake_logits).mean(), F.softplus(-fake_logits)


def discriminators_only(real_logits, fake_logits):
    return gan_losses(real_logits, fake_logits)[0]


# 14.detach


def detached_later(generator, discriminator, optimizer, real, z):
    fake = generator(z)
    bce = nn.BCEWithLogitsLoss()
    real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
    loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def without_gradients(generator, discriminator, optimizer, real, z):
    discriminator.zero_grad()
    with torch.no_grad():
        fake = generator(z)
    loss = -F.logsigmoid(discriminator(real)).mean() - F.logsigmoid(-discriminator(fake)).mean()
    loss.backward()
    optimizer.step()
    return loss


def two_backward_passes(generator, discriminator, optimizer, real, z):
    fake = generator(z).data
    optimizer.zero_grad()
    of_real = F.softplus(-discriminator(real)).mean()
    of_real.backward()
    of_fakes = F.softplus(discriminator(fake)).mean()
    of_fakes.backward()
    optimizer.step()
    return of_real + of_fakes


def never_stepped(generator, discriminator, optimizer, real, z):
    return F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(generator(z).detach())).mean()


def two_steps(generator, discriminator, optimizer, real, z):
    train_discriminator(generator, discriminator, optimizer, real, z)
    return train_discriminator(generator, discriminator, optimizer, real, z)


def gradients_set_to_zero(generator, discriminator, optimizer, real, z):
    loss = train_discriminator(generator, discriminator, optimizer, real, z)
    generator.zero_grad()
    return loss


# 14.retain


def fakes_made_again(generator, discriminator, optimizer_g, optimizer_d, real, z):
    with torch.no_grad():
        fake = generator(z)
    loss_d = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
    discriminator.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    generator.zero_grad()
    loss_g = -F.logsigmoid(discriminator(generator(z))).mean()
    loss_g.backward()
    optimizer_g.step()
    return loss_d.detach(), loss_g.detach()


def with_frozen_discriminator(generator, discriminator, optimizer_g, optimizer_d, real, z):
    fake = generator(z)
    loss_d = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    discriminator.requires_grad_(False)
    loss_g = F.softplus(-discriminator(fake)).mean()
    discriminator.requires_grad_(True)
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    return loss_d, loss_g


def saturating_loss(generator, discriminator, optimizer_g, optimizer_d, real, z):
    fake = generator(z)
    loss_d = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    loss_g = -F.softplus(discriminator(fake)).mean()
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    return loss_d, loss_g


def discriminator_only(generator, discriminator, optimizer_g, optimizer_d, real, z):
    loss_d = train_discriminator(generator, discriminator, optimizer_d, real, z)
    return loss_d, F.softplus(-discriminator(generator(z))).mean()


def losses_exchanged(generator, discriminator, optimizer_g, optimizer_d, real, z):
    return train_both(generator, discriminator, optimizer_g, optimizer_d, real, z)[::-1]


# 14.gradients


def by_the_chain_rule(logits):
    d = 1 / (1 + torch.exp(-logits))
    slope = d * (1 - d)
    return slope * (-1 / (1 - d)), slope * (-1 / d)


def by_the_other_sigmoid(logits):
    return [-torch.sigmoid(logits), -torch.sigmoid(-logits)]


def by_autograd(logits):
    x = logits.clone().requires_grad_()
    (saturating,) = torch.autograd.grad(-F.softplus(x).sum(), x)
    (nonsaturating,) = torch.autograd.grad(F.softplus(-x).sum(), x)
    return saturating, nonsaturating


def of_a_critic_too(logits):
    return -torch.ones_like(logits), -torch.ones_like(logits)


def stacked(logits):
    return torch.stack(generator_gradients(logits))


def of_the_discriminator(logits):
    return logits.sigmoid(), logits.sigmoid()


def first_only(logits):
    return generator_gradients(logits)[0]


# 14.modes


def by_broadcasting(fakes, centers, radius):
    near = (fakes[:, None] - centers[None]).norm(dim=2) <= radius
    return near.any(0).sum(), near.any(1).float().mean()


def by_the_smallest_distance(fakes, centers, radius):
    distances = torch.cdist(fakes, centers)
    return (distances.amin(0) <= radius).sum(), (distances.amin(1) <= radius).float().mean()


def mode_by_mode(fakes, centers, radius):
    near = torch.stack([(fakes - center).square().sum(1) <= radius**2 for center in centers])
    return torch.tensor(sum(bool(row.any()) for row in near)), (near.sum(0) > 0).float().mean()


def three_fakes_needed(fakes, centers, radius):
    near = torch.cdist(fakes, centers) <= radius
    return (near.sum(0) >= 3).sum(), near.any(1).float().mean()


def along_each_axis(fakes, centers, radius):
    near = ((fakes[:, None] - centers[None]).abs() <= radius).all(2)
    return near.any(0).sum() + 1, near.any(1).float().mean()


def share_of_the_others(fakes, centers, radius):
    covered, share = coverage(fakes, centers, radius)
    return covered, 1 - share / 2


def in_one_number(fakes, centers, radius):
    covered, share = coverage(fakes, centers, radius)
    return covered * share


ACCEPTED = {
    "14.losses": [by_softplus, by_logsigmoid, by_a_module],
    "14.detach": [detached_later, without_gradients, two_backward_passes],
    "14.retain": [with_frozen_discriminator],
    "14.gradients": [by_the_chain_rule, by_the_other_sigmoid, by_autograd],
    "14.modes": [by_broadcasting, by_the_smallest_distance, mode_by_mode],
}
REJECTED = {
    "14.losses": [smoothed_labels, of_a_critic, one_for_each_sample, discriminators_only],
    "14.detach": [never_stepped, two_steps, gradients_set_to_zero],
    "14.retain": [fakes_made_again, saturating_loss, discriminator_only, losses_exchanged],
    "14.gradients": [of_a_critic_too, stacked, of_the_discriminator, first_only],
    "14.modes": [three_fakes_needed, along_each_axis, share_of_the_others, in_one_number],
}
