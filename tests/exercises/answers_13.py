"""Lesson 13: more right answers and more wrong ones."""

import numpy as np
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from dlviz.exercises.lesson13.exercises import (
    detect,
    errors,
    kl_to_prior,
    pca_reconstruct,
    reparameterize,
    train_denoiser,
)
from dlviz.exercises.mistakes import as_functions

# 13.errors


def errors_by_mse_loss(images, reconstructions):
    return F.mse_loss(reconstructions, images, reduction="none").reshape(len(images), -1).mean(-1)


def errors_image_by_image(images, reconstructions):
    return torch.stack([((a - b) ** 2).mean() for a, b in zip(images, reconstructions, strict=True)])


def errors_over_all_dimensions(images, reconstructions):
    return (images - reconstructions).pow(2).mean(dim=tuple(range(1, images.dim())))


def errors_by_norm(images, reconstructions):
    gaps = torch.linalg.vector_norm((images - reconstructions).flatten(1), dim=1)
    return gaps**2 / images[0].numel()


def median_errors(images, reconstructions):
    return (images - reconstructions).square().flatten(1).median(1).values


def largest_errors(images, reconstructions):
    return (images - reconstructions).square().flatten(1).amax(1)


def relative_errors(images, reconstructions):
    return errors(images, reconstructions) / images.flatten(1).var(1)


# 13.pca


def pca_by_covariance(x, size):
    center = x.mean(0)
    axes = torch.linalg.eigh((x - center).T @ (x - center)).eigenvectors[:, -size:]
    return center + (x - center) @ axes @ axes.T


def pca_by_truncation(x, size):
    mean = x.mean(0, keepdim=True)
    found = torch.linalg.svd(x - mean, full_matrices=False)
    return found.U[:, :size] * found.S[:size] @ found.Vh[:size] + mean


def pca_by_numpy(x, size):
    rows = x.double().numpy()
    center = rows.mean(0)
    axes = np.linalg.svd(rows - center)[2][:size]
    return torch.tensor(center + (rows - center) @ axes.T @ axes, dtype=x.dtype)


def random_axes(x, size):
    center = x.mean(0)
    axes = torch.linalg.qr(torch.randn(x.shape[1], size)).Q
    return center + (x - center) @ axes @ axes.T


def first_features(x, size):
    kept = x.mean(0).expand_as(x).clone()
    kept[:, :size] = x[:, :size]
    return kept


def scaled_first(x, size):
    return pca_reconstruct(x / x.std(0), size) * x.std(0)


# 13.denoise


def by_an_optimizer(clean, noise, lr):
    layer = nn.Linear(clean.shape[1], clean.shape[1], bias=False)
    nn.init.zeros_(layer.weight)
    optimizer = torch.optim.SGD(layer.parameters(), lr=lr)
    for one in noise:
        optimizer.zero_grad()
        F.mse_loss(layer(clean + one), clean).backward()
        optimizer.step()
    return layer.weight.detach().T


def by_the_formula(clean, noise, lr):
    weights = torch.zeros(clean.shape[1], clean.shape[1])
    for one in noise:
        noisy = clean + one
        weights = weights - lr * 2 * noisy.T @ (noisy @ weights - clean) / clean.numel()
    return weights


def denoised_minus_noise(clean, noise, lr):
    return train_denoiser(clean, -noise, lr)


def without_noise_at_all(clean, noise, lr):
    return train_denoiser(clean, torch.zeros_like(noise), lr)


def last_step_left_out(clean, noise, lr):
    return train_denoiser(clean, noise[:-1], lr)


# 13.reparameterize


def by_root(mean, log_var, eps):
    return eps * log_var.exp().sqrt() + mean


def by_powers(mean, log_var, eps):
    return torch.addcmul(mean, (0.5 * log_var).exp(), eps)


def by_a_transform(mean, log_var, eps):
    return Normal(mean, log_var.exp() ** 0.5).mean + Normal(mean, log_var.exp() ** 0.5).stddev * eps


def mean_detached(mean, log_var, eps):
    return mean.detach() + (log_var / 2).exp() * eps


def log_var_detached(mean, log_var, eps):
    return mean + (log_var.detach() / 2).exp() * eps


def one_eps_for_all(mean, log_var, eps):
    return mean + (log_var / 2).exp() * eps[:1]


def subtracted(mean, log_var, eps):
    return mean - (log_var / 2).exp() * eps


def softplus_std(mean, log_var, eps):
    return mean + F.softplus(log_var) * eps


# 13.kl


def by_distributions(mean, log_var):
    return kl_divergence(Normal(mean, (log_var / 2).exp()), Normal(0.0, 1.0)).sum(1)


def with_the_minus_in_front(mean, log_var):
    return -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp(), dim=-1)


def by_two_parts(mean, log_var):
    return 0.5 * (mean.square().sum(1) + (log_var.exp() - log_var - 1).sum(1))


def other_direction(mean, log_var):
    return kl_divergence(Normal(0.0, 1.0), Normal(mean, (log_var / 2).exp())).sum(1)


def absolute(mean, log_var):
    return (1 + log_var - mean**2 - 2 * log_var.exp()).sum(1).abs() / 2


def variance_only(mean, log_var):
    return kl_to_prior(torch.zeros_like(mean), log_var) + 0 * mean.sum()


# 13.detect


def by_numpy(calibration, normal, anomalies, rate):
    threshold = torch.tensor(np.quantile(calibration.numpy(), 1 - rate), dtype=torch.float32)
    alarms = torch.tensor((normal > threshold).sum().item() / len(normal))
    return threshold, alarms, torch.tensor(1 - (anomalies > threshold).sum().item() / len(anomalies))


def by_negation(calibration, normal, anomalies, rate):
    threshold = (-calibration).quantile(rate).neg()
    return threshold, 1 - (normal <= threshold).float().mean(), 1 - (anomalies > threshold).float().mean()


def pooled(calibration, normal, anomalies, rate):
    return detect(torch.cat([calibration, normal]), normal, anomalies, rate)


def shares_of_all(calibration, normal, anomalies, rate):
    threshold, alarms, misses = detect(calibration, normal, anomalies, rate)
    count = len(normal) + len(anomalies)
    return threshold, alarms * len(normal) / count, misses * len(anomalies) / count


def median_and_spread(calibration, normal, anomalies, rate):
    return detect(calibration, normal, anomalies, rate / 2)


ACCEPTED = {
    "13.errors": [errors_by_mse_loss, errors_image_by_image, errors_over_all_dimensions, errors_by_norm],
    "13.pca": [pca_by_covariance, pca_by_truncation, pca_by_numpy],
    "13.denoise": [by_an_optimizer, by_the_formula],
    "13.reparameterize": [by_root, by_powers, by_a_transform],
    "13.kl": [by_distributions, with_the_minus_in_front, by_two_parts],
    "13.detect": [by_numpy, by_negation],
}
REJECTED = {
    "13.errors": [
        median_errors,
        largest_errors,
        relative_errors,
        *as_functions(errors, {"keeps_a_dimension": {"dim=1": "dim=1, keepdim=True"}}).values(),
    ],
    "13.pca": [random_axes, first_features, scaled_first],
    "13.denoise": [denoised_minus_noise, without_noise_at_all, last_step_left_out],
    "13.reparameterize": [
        mean_detached,
        log_var_detached,
        one_eps_for_all,
        subtracted,
        softplus_std,
        *as_functions(reparameterize, {"std_detached": {"log_var / 2": "(log_var / 2).detach()"}}).values(),
    ],
    "13.kl": [other_direction, absolute, variance_only],
    "13.detect": [
        pooled,
        shares_of_all,
        median_and_spread,
        *as_functions(detect, {"two_of_three": {"threshold, false_alarms, misses": "false_alarms, misses"}}).values(),
    ],
}
