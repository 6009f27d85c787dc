"""Lesson 13, autoencoders: its exercises."""

import torch
from torch.nn import functional as F

from dlviz.exercises.function import Function
from dlviz.exercises.lesson13.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair

# 13.errors: one number for each image


def errors(images, reconstructions):
    """Return the reconstruction error (N,) of each image: the mean squared difference over all its numbers."""
    differences = images - reconstructions
    return differences.square().flatten(1).mean(dim=1)


def _images(i):
    shape = ((4, 1, 8, 8), (3, 3, 2, 2), (5, 1, 4, 6), (2, 3, 5, 5), (6, 7))[i]
    return {"images": torch.rand(shape), "reconstructions": torch.rand(shape)}


ERRORS = Function(
    id="13.errors",
    reference=errors,
    case=_images,
    mistakes={
        "one_number": {".flatten(1).mean(dim=1)": ".mean()"},
        "sum_of_the_pixels": {"mean(dim=1)": "sum(dim=1)"},
        "over_the_batch": {".flatten(1).mean(dim=1)": ".mean(dim=0)"},
        "last_dimension": {".flatten(1).mean(dim=1)": ".mean(dim=-1)"},
        "second_dimension": {".flatten(1).mean(dim=1)": ".mean(dim=1)"},
        "no_mean": {".flatten(1).mean(dim=1)": ""},
        "mean_before_the_square": {".square().flatten(1).mean(dim=1)": ".flatten(1).mean(dim=1).square()"},
        "squares_missing": {".square()": ""},
        "absolute": {".square()": ".abs()"},
        "root_taken": {".mean(dim=1)": ".mean(dim=1).sqrt()"},
    },
)

# 13.pca: the best linear code


def pca_reconstruct(x, size):
    """Return the reconstruction (N, D) of the rows of x (N, D) from `size` numbers each, by PCA of x."""
    center = x.mean(dim=0)
    axes = torch.linalg.svd(x - center, full_matrices=False).Vh[:size]
    codes = (x - center) @ axes.T
    return center + codes @ axes


def _without_sizes(x, size):
    """Return the product of U and Vh without S."""
    found = torch.linalg.svd(x - x.mean(dim=0), full_matrices=False)
    return x.mean(dim=0) + found.U[:, :size] @ found.Vh[:size]


def _rows(i):
    d = (4, 5, 6, 5, 7)[i]
    spread = torch.linspace(3, 0.3, d)  # axes that differ in length, so that the components are well defined
    turned = torch.linalg.qr(torch.randn(d, d)).Q
    return {"x": torch.randn(14 + 3 * i, d) * spread @ turned + 2 * torch.randn(d), "size": (1, 2, 3, 1, 4)[i]}


PCA = Function(
    id="13.pca",
    reference=pca_reconstruct,
    case=_rows,
    mistakes={
        "not_centered": {"x.mean(dim=0)": "torch.zeros(x.shape[1])"},
        "center_not_added": {"center + codes": "codes"},
        "codes_not_centered": {"(x - center) @ axes.T": "x @ axes.T"},
        "mean_of_the_rows": {"mean(dim=0)": "mean(dim=1, keepdim=True)"},
        "last_components": {"[:size]": "[-size:]"},
        "all_components": {"[:size]": ""},
        "one_component": {"[:size]": "[size - 1 : size]"},
        "codes_returned": {"center + codes @ axes": "codes"},
        "columns_as_axes": {".Vh[:size]": ".Vh[:, :size].T"},
        "svd_not_centered": {"svd(x - center": "svd(x"},
        "one_mean_for_all": {"x.mean(dim=0)": "x.mean()"},
        "sizes_missing": lambda x, size: _without_sizes(x, size),
    },
)

# 13.denoise: noisy input, clean target


def train_denoiser(clean, noise, lr):
    """Return the weights (D, D) of a linear denoiser, trained on `clean` (N, D) with `noise` (T, N, D)."""
    features = clean.shape[1]
    weights = torch.zeros(features, features, requires_grad=True)
    for added in noise:
        noisy = clean + added
        loss = F.mse_loss(noisy @ weights, clean)
        loss.backward()
        with torch.no_grad():
            weights -= lr * weights.grad
        weights.grad = None
    return weights.detach()


def _noisy_rows(i):
    n, d, steps = 8 + i, 3 + i % 3, 4 + i
    clean = torch.randn(n, 2) @ torch.randn(2, d)
    return {"clean": clean, "noise": 0.7 * torch.randn(steps, n, d), "lr": (0.2, 0.3, 0.1, 0.2, 0.25)[i]}


def _denoised(function):
    """Return the error of new noisy rows, denoised by a function's weights; doing nothing has the error 1."""
    basis = torch.linspace(2, 0.5, 12)[:, None] * torch.linalg.qr(torch.randn(12, 12)).Q  # no direction is empty
    clean, new = torch.randn(200, 12) @ basis, torch.randn(200, 12) @ basis
    weights = function(clean, torch.randn(300, 200, 12), 0.3)
    return round(F.mse_loss((new + torch.randn(200, 12)) @ weights, new).item(), 3)


DENOISE = Repair(
    id="13.denoise",
    reference=train_denoiser,
    case=_noisy_rows,
    broken="noisy_target",
    metric=_denoised,
    mistakes={
        "noisy_target": {"weights, clean)": "weights, noisy)"},
        "clean_input": {"noisy @ weights": "clean @ weights"},
        "exchanged": {"noisy @ weights, clean": "clean @ weights, noisy"},
        "noise_predicted": {"weights, clean)": "weights, added)"},
        "one_noise": {"clean + added": "clean + noise[0]"},
        "gradients_add_up": {"        weights.grad = None\n": ""},
    },
)

# 13.reparameterize: a random code that has a gradient


def reparameterize(mean, log_var, eps):
    """Return codes (N, K) with this mean and log variance, (N, K) each, from standard normal `eps` (N, K)."""
    std = torch.exp(log_var / 2)
    return mean + std * eps


def _clouds(i):
    n, k = 2 + i, 2 + i % 2
    mean, log_var, eps = torch.randn(3, n, k).unbind()
    return {"mean": mean.clone().requires_grad_(), "log_var": (1.5 * log_var).requires_grad_(), "eps": eps}


REPARAMETERIZE = Function(
    id="13.reparameterize",
    reference=reparameterize,
    case=_clouds,
    mistakes={
        "variance_used": {"log_var / 2": "log_var"},
        "doubled": {"log_var / 2": "2 * log_var"},
        "exponential_missing": {"torch.exp(log_var / 2)": "log_var"},
        "root_of_the_logarithm": {"torch.exp(log_var / 2)": "torch.exp(log_var.sqrt())"},
        "root_for_exponential": {"torch.exp(log_var / 2)": "log_var.sqrt()"},
        "half_the_logarithm": {"torch.exp(log_var / 2)": "log_var / 2"},
        "half_the_variance": {"torch.exp(log_var / 2)": "torch.exp(log_var) / 2"},
        "noise_missing": {" + std * eps": ""},
        "not_scaled": {"std * eps": "eps"},
        "mean_scaled": {"mean + std * eps": "std * (mean + eps)"},
        "std_added": {"mean + std * eps": "mean + std + eps"},
        "own_noise": {"std * eps": "std * torch.randn_like(std)"},
        "drawn_by_torch": {"mean + std * eps": "torch.normal(mean, std)"},
    },
)

# 13.kl: the sign of a penalty


def kl_to_prior(mean, log_var):
    """Return the KL divergence (N,) to N(0, 1), in nats, of clouds with this mean and log variance (N, K)."""
    var = torch.exp(log_var)
    per_dimension = (mean**2 + var - 1 - log_var) / 2
    return per_dimension.sum(dim=1)


def _distributions(i):
    mean, log_var = torch.randn(2, 3 + i, 2 + i % 3).unbind()
    return {"mean": mean.clone().requires_grad_(), "log_var": log_var.clone().requires_grad_()}


def _pulled(function):
    """Return where the mean 1 is after 100 steps of gradient descent on the divergence alone."""
    mean, log_var = torch.ones(1, 1, requires_grad=True), torch.zeros(1, 1)
    for _ in range(100):
        (gradient,) = torch.autograd.grad(function(mean, log_var).sum(), mean)
        mean = (mean - 0.05 * gradient).detach().requires_grad_()
    return round(mean.item(), 3)


KL = Repair(
    id="13.kl",
    reference=kl_to_prior,
    case=_distributions,
    broken="wrong_sign",
    metric=_pulled,
    mistakes={
        "wrong_sign": {"mean**2 + var - 1 - log_var": "1 + log_var - mean**2 - var"},
        "half_missing": {" / 2": ""},
        "mean_over_the_dimensions": {".sum(dim=1)": ".mean(dim=1)"},
        "one_number": {".sum(dim=1)": ".sum()"},
        "per_dimension": {".sum(dim=1)": ""},
        "std_for_variance": {"torch.exp(log_var)": "torch.exp(log_var / 2)"},
        "mean_not_squared": {"mean**2": "mean"},
        "one_missing": {" - 1": ""},
        "logarithm_added": {"1 - log_var": "1 + log_var"},
        "one_added": {"- 1 - log_var": "+ 1 - log_var"},
        "logarithm_missing": {" - log_var": ""},
        "variance_squared": {"mean**2 + var": "mean**2 + var**2"},
        "only_the_mean_repaired": {"var - 1 - log_var": "1 + log_var - var"},
        "everything_added": {"- 1 - log_var": "+ 1 + log_var"},
    },
)

# 13.detect: a threshold, false alarms and misses


def detect(calibration, normal, anomalies, rate):
    """Return the threshold, the share of false alarms and the share of misses, as tensors without dimensions.

    The share `rate` of the errors `calibration` may lie above the threshold. `normal` and `anomalies` are the
    errors of new examples; an error above the threshold is an alarm.
    """
    threshold = torch.quantile(calibration, 1 - rate)
    false_alarms = (normal > threshold).float().mean()
    misses = (anomalies <= threshold).float().mean()
    return threshold, false_alarms, misses


def _error_sets(i):
    calibration, normal = torch.randn(60 + i).exp(), (0.2 + torch.randn(41 + 2 * i)).exp()
    anomalies = (1 + torch.randn(23 + i)).exp()
    return {
        "calibration": calibration,
        "normal": normal,
        "anomalies": anomalies,
        "rate": (0.1, 0.25, 0.2, 0.3, 0.15)[i],
    }


DETECT = Function(
    id="13.detect",
    reference=detect,
    case=_error_sets,
    mistakes={
        "other_end": {"1 - rate": "rate"},
        "percent": lambda calibration, normal, anomalies, rate: detect(calibration, normal, anomalies, rate / 100),
        "from_the_new_examples": {"torch.quantile(calibration": "torch.quantile(normal"},
        "from_the_anomalies": {"torch.quantile(calibration": "torch.quantile(anomalies"},
        "fixed_rate": {"1 - rate": "0.95"},
        "largest_error": {"torch.quantile(calibration, 1 - rate)": "calibration.max()"},
        "two_deviations": {
            "torch.quantile(calibration, 1 - rate)": "calibration.mean() + 2 * calibration.std()",
        },
        "found_for_missed": {"anomalies <= threshold": "anomalies > threshold"},
        "below_for_above": {"normal > threshold": "normal <= threshold"},
        "exchanged": {"threshold, false_alarms, misses": "threshold, misses, false_alarms"},
        "counted": {
            "(normal > threshold).float().mean()": "(normal > threshold).float().sum()",
            "(anomalies <= threshold).float().mean()": "(anomalies <= threshold).float().sum()",
        },
    },
)

ITEMS = (*PREDICTIONS, ERRORS, PCA, DENOISE, REPARAMETERIZE, KL, DETECT)
