"""Checks of lesson 13, run by nbval after the cell of the same id."""

import math

import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from dlviz.kit.messages import message

#: What the text tells the learner to open or to press.
NAMED_IN_THE_TEXT = {
    "latent_space.errors_title": "Which ones does it reconstruct badly?",
    "latent_space.divergence_title": "Which dimensions are used?",
    "latent_space.prior_title": "What do samples look like?",
    "latent_space.control.decoded_grid": "decoded grid",
    "latent_space.open_path": "Path to another example …",
}


def digits(x_train, x_test, error_of_mean):
    assert (tuple(x_train.shape), tuple(x_test.shape)) == ((1438, 64), (359, 64))
    assert (x_train.min(), x_train.max()) == (0, 1)
    assert abs(error_of_mean - 0.073) < 0.001


def exercise_errors(errors):
    x, x_hat = torch.tensor([[1.0, 0.0, 0.5]]), torch.tensor([[0.5, 0.0, 1.0]])
    assert abs(errors(x, x_hat).item() - 0.167) < 0.001


def wide(wide, narrow, error, x_test, on_their_heads):
    images = x_test.view(-1, 8, 8)
    assert torch.equal(on_their_heads.view(-1, 8, 8), images.rot90(2, (1, 2)))
    assert error(wide, x_test) < 0.001
    assert error(wide, on_their_heads) < 0.004
    assert abs(error(narrow, x_test) - 0.013) < 0.002
    assert 2 < error(narrow, on_their_heads) / error(narrow, x_test) < 5


def exercise_pca(pca_reconstruct, x_train):
    points = torch.tensor([[5.0, 0.0], [-5.0, 0.0], [6.0, 8.0], [-6.0, -8.0], [3.0, 4.0], [-3.0, -4.0]])
    axis = torch.linalg.svd(points, full_matrices=False).Vh[0]
    assert torch.allclose(pca_reconstruct(points, 1)[0], (points[0] @ axis) * axis, atol=1e-5)
    axis = torch.tensor([0.6, 0.8])  # the example by hand
    assert torch.allclose((points[0] @ axis) * axis, torch.tensor([1.8, 2.4]))
    x = x_train.cpu()
    assert abs(F.mse_loss(pca_reconstruct(x, 2), x) - 0.0525) < 0.0002


def train_linear(linear, error, x_train, mean_digit, components):
    for size, expected in ((2, 0.0525), (8, 0.0240)):
        centered = x_train - mean_digit
        best = (centered - centered @ components[:size].T @ components[:size]).square().mean().item()
        assert abs(best - expected) < 0.0002
        assert best * 0.999 < error(linear[size], x_train) < best * 1.01


def same_subspace(linear, components, inside, nearest):
    assert inside.shape == nearest.shape == (8,)
    assert inside.min() > 0.995
    assert 35 < nearest.mean() < 60
    for size in (2, 8):  # the whole subspaces, by the largest angle between them
        basis = torch.linalg.qr(linear[size].decoder[0].weight.detach()).Q
        assert torch.linalg.svdvals(components[:size] @ basis).min() > 0.99  # less than 8 degrees


def train_curved(curved, linear, error, x_test, curved_map):
    assert abs(error(linear[2], x_test) - 0.052) < 0.001
    assert 0.026 < error(curved, x_test) < 0.037
    assert curved_map.codes.shape == (359, 2)
    assert torch.allclose(curved_map.codes.cpu(), curved.encoder(x_test).cpu(), atol=1e-3)
    assert abs(curved_map.errors.mean().item() - error(curved, x_test)) < 1e-4


def halfway(halfway, distance_to_digits, curved, narrow, x_test):
    new = distance_to_digits(x_test)
    assert abs(new - 0.0176) < 0.0002
    for model, least, most in ((curved, 1.15, 1.6), (narrow, 1.55, 2.2)):
        rebuilt = distance_to_digits(model(x_test).detach())
        assert rebuilt < new
        assert least < distance_to_digits(halfway(model)) / rebuilt < most


def train_denoiser(denoiser, plain, errors_of, x_test, noisy):
    nothing = F.mse_loss(noisy, x_test).item()
    assert abs(nothing - 0.12) < 0.01
    assert 0.028 < errors_of(denoiser)[0] < 0.04
    assert errors_of(plain)[0] > 2 * errors_of(denoiser)[0]
    assert errors_of(plain)[0] < nothing
    assert 0.013 < errors_of(denoiser)[1] < 0.024
    assert errors_of(plain)[1] < 0.004


def draw_codes(drawn, distance_to_digits, x_test):
    assert drawn.shape == (1000, 64)
    assert distance_to_digits(drawn) / distance_to_digits(x_test) > 2
    assert drawn.min() < -0.2
    assert drawn.max() > 1.2


def two_graphs(two_graphs, mean, log_var, eps, from_outside, drawn_inside):
    assert len(two_graphs.graphs) == 2
    outside = torch.autograd.grad(from_outside(), (mean, log_var))
    assert torch.allclose(outside[0], 2 * eps)
    assert outside[1].abs().min() > 0
    assert not any(gradient.any() for gradient in torch.autograd.grad(drawn_inside(), (mean, log_var)))
    assert mean.grad is None
    assert not Normal(mean, log_var.exp()).sample().requires_grad
    assert Normal(mean, log_var.exp()).rsample().requires_grad


def exercise_reparameterize(reparameterize):
    z = reparameterize(torch.tensor([[1.0]]), torch.tensor([[0.25]]).log(), torch.tensor([[-2.0]]))
    assert abs(z.item()) < 1e-6
    assert abs(math.log(0.25) + 1.386) < 0.001


def exercise_kl(kl_to_prior):
    mean, variance = torch.tensor([[1.0], [2.0], [0.0]]), torch.tensor([[0.25], [1.0], [1.0]])
    assert torch.allclose(kl_to_prior(mean, variance.log()), torch.tensor([0.818, 2.0, 0.0]), atol=1e-3)


def vae(kl_per_dimension):
    mean, log_var = torch.randn(2, 5, 3).unbind()
    expected = kl_divergence(Normal(mean, (log_var / 2).exp()), Normal(0.0, 1.0))
    assert torch.allclose(kl_per_dimension(mean, log_var), expected, atol=1e-5)


def open_denoiser(denoiser_view, errors_of, denoiser, x_test):
    assert abs(denoiser_view.errors.mean().item() - errors_of(denoiser)[0]) < 1e-4  # against the clean digits
    assert denoiser_view.codes.shape == (359, 32)


def open_vae(cloud_map):
    assert cloud_map.codes.abs().max() < 1.5
    assert (cloud_map.std - 1).abs().mean() < 0.2  # an untrained encoder: clouds of radius 1 at 0


def train_flat_vae(cloud_map, flat_vae, x_test, curved, error):
    assert len(cloud_map.snapshots) == 16
    assert abs(cloud_map.errors.mean().item() - 0.033) < 0.003
    assert torch.allclose(cloud_map.codes.cpu(), flat_vae.encode(x_test)[0].cpu(), atol=1e-3)
    assert 0.7 < cloud_map.codes.std(0).min() < cloud_map.codes.std(0).max() < 1.4
    assert cloud_map.std.mean() < 0.25
    assert all(1.5 < kl < 3 for kl in cloud_map.kl.tolist())
    cloud_map.rates()


def train_vaes(measured):
    for beta, error, distance in ((0.01, 0.012, 0.063), (0.1, 0.016, 0.026), (0.3, 0.024, 0.022)):
        assert abs(measured[beta][0] - error) < 0.004, beta
        assert 0.7 * distance < measured[beta][2] < 1.6 * distance, beta
    assert measured[0.01][2] > 2 * measured[0.1][2] > 2 * 0.018


def collapse(measured, error_of_mean, vaes, x_train):
    assert measured[3.0][1].max() < 0.05
    assert abs(measured[3.0][0] - error_of_mean) < 0.002
    used = {beta: int((kl > 0.05).sum()) for beta, (_, kl, _) in measured.items()}
    assert used[0.01] == 8
    assert used[0.1] >= 6
    assert 3 <= used[0.3] <= 6
    assert used[1.0] < min(4, used[0.3])
    assert used[3.0] == 0
    answers = vaes[3.0].decode(torch.randn(50, 8, device=x_train.device))
    assert (answers - x_train.mean(0)).abs().max() < 0.25


def open_vae_8(eight_map, measured):
    assert {key: message(key) for key in NAMED_IN_THE_TEXT} == NAMED_IN_THE_TEXT
    assert torch.allclose(eight_map.kl.cpu(), measured[0.3][1].to(eight_map.kl).cpu(), atol=1e-3)
    assert eight_map.codes.shape == (359, 8)


def exercise_detect(detect):
    errors = torch.arange(1.0, 102.0)
    threshold, alarms, misses = detect(errors, torch.tensor([95.0, 99.0, 1.0, 2.0]), torch.tensor([96.0, 97.0]), 0.05)
    assert (threshold, alarms, misses) == (96, 0.25, 0.5)


def detector(threshold, false_alarms, alarms_if_too_low, x_normal, x_calibration, new_normal, new_anomalies):
    assert [len(x) for x in (x_normal, x_calibration, new_normal, new_anomalies)] == [1000, 293, 323, 180]
    assert 0.02 < threshold < 0.04
    assert false_alarms < 0.07
    assert alarms_if_too_low > 1.5 * false_alarms
    assert 0.06 < alarms_if_too_low < 0.18


def misses(missed, found, watch_view, threshold, false_alarms, watcher):
    share = {kind: missed[found.labels == i].float().mean().item() for i, kind in enumerate(found.kinds)}
    assert share["turned"] == share["inverted"] == 0
    assert share["patch"] == max(share.values())
    assert 0.08 < share["patch"] < 0.45
    assert watch_view.auc > 0.97
    rates = watch_view.rates(threshold.item())
    assert abs(rates.false_alarm - false_alarms.item()) < 0.004
    assert abs(rates.miss - missed.float().mean().item()) < 0.006


def faint(pale, smudge, threshold, row_errors, watcher, new_normal):
    assert (pale > threshold).float().mean() < 0.03
    normal = row_errors(watcher, new_normal).mean()
    assert 0.012 < normal < 0.016
    assert 0.5 * normal < pale.mean() < 1.15 * normal  # smaller with most seeds
    assert smudge.item() < threshold


def larger(missed_fours, model, watcher, error, new_normal):
    few, many = (sum(shares) / 3 for shares in missed_fours.values())
    assert few < 0.12
    assert 0.12 < many < 0.6
    assert many > 2 * few
    assert 3.5 < error(watcher, new_normal) / error(model, new_normal) < 7
