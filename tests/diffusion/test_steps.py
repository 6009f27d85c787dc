"""The steps of a diffusion model against formulas that are written out here, and against their own inverses."""

import math
from itertools import pairwise

import pytest
import torch

from dlviz.diffusion import add_noise, ddim_step, ddpm_step, from_noise, score, subsequence, to_noise
from dlviz.diffusion.steps import PREDICTIONS
from dlviz.kit.errors import DlvizError
from tests.diffusion.models import random_schedule


@pytest.fixture(params=range(5))
def case(request):
    generator = torch.Generator().manual_seed(request.param)
    schedule = random_schedule(12, generator)
    x0, noise, eps = torch.randn(3, 7, 2, generator=generator, dtype=torch.float64)
    return schedule, x0, noise, eps


def test_noise_is_added_with_the_product_of_all_alphas_up_to_the_step(case):
    schedule, x0, noise, _ = case
    product = 1.0
    for t in range(schedule.steps):
        product *= 1 - float(schedule.betas[t])
        expected = math.sqrt(product) * x0 + math.sqrt(1 - product) * noise
        assert torch.allclose(add_noise(x0, t, noise, schedule), expected, atol=1e-12, rtol=0)


def test_a_tensor_of_steps_has_one_for_each_row(case):
    schedule, x0, noise, eps = case
    t = torch.tensor([0, 11, 3, 3, 5, 1, 10])
    x = add_noise(x0, t, noise, schedule)
    for row, step in enumerate(t.tolist()):
        part = slice(row, row + 1)
        assert torch.equal(x[part], add_noise(x0[part], step, noise[part], schedule))
        assert torch.equal(score(eps, t, schedule)[part], score(eps[part], step, schedule))
    images = torch.randn(7, 3, 4, 4)
    assert torch.equal(add_noise(images, t, images, schedule)[1:2], add_noise(images[1:2], 11, images[1:2], schedule))


def test_steps_one_by_one_have_the_distribution_of_one_step_from_the_data(case):
    """Variance and mean of x_t after single steps √α x + √β ε, against ᾱ."""
    schedule, *_ = case
    mean, variance = 1.0, 0.0
    one = torch.ones(1, 1, dtype=torch.float64)
    for t in range(schedule.steps):
        beta = float(schedule.betas[t])
        mean, variance = mean * math.sqrt(1 - beta), variance * (1 - beta) + beta
        assert float(add_noise(one, t, 0 * one, schedule)) == pytest.approx(mean, abs=1e-12)
        assert float(add_noise(0 * one, t, one, schedule)) == pytest.approx(math.sqrt(variance), abs=1e-12)


@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_what_a_network_predicts_and_the_noise_convert_into_each_other(case, predicts):
    schedule, x0, noise, _ = case
    for t in (0, 5, 11):
        x = add_noise(x0, t, noise, schedule)
        a, b = float(schedule.signal[t]), float(schedule.noise[t])
        exact = {"noise": noise, "x0": x0, "v": a * noise - b * x0, "score": -noise / b}[predicts]
        assert torch.allclose(from_noise(noise, x, t, schedule, predicts), exact, atol=1e-12, rtol=1e-12)
        assert torch.allclose(to_noise(exact, x, t, schedule, predicts), noise, atol=1e-12, rtol=1e-12)


def test_the_score_is_the_gradient_of_the_log_density_of_noisy_data(case):
    """For a single example x0 the density of x_t is N(√ᾱ x0, (1 − ᾱ) I), whose log autograd differentiates."""
    schedule, x0, noise, _ = case
    t = 4
    x = add_noise(x0, t, noise, schedule).requires_grad_()
    normal = torch.distributions.Normal(schedule.signal[t] * x0, schedule.noise[t])
    (gradient,) = torch.autograd.grad(normal.log_prob(x).sum(), x)
    assert torch.allclose(score(noise, t, schedule), gradient, atol=1e-12, rtol=0)


def test_a_ddpm_step_is_the_posterior_of_the_previous_state(case):
    """Mean and variance of x_{t−1} given x_t and x̂0, by Bayes' rule for Gaussians."""
    schedule, x, noise, eps = case
    for t in range(1, schedule.steps):
        beta, bar, before = (float(v) for v in (schedule.betas[t], schedule.alphas_bar[t], schedule.alphas_bar[t - 1]))
        x0 = (x - math.sqrt(1 - bar) * eps) / math.sqrt(bar)
        # The prior of x_{t−1} is N(√ᾱ_{t−1} x̂0, 1 − ᾱ_{t−1}); x_t is N(√α x_{t−1}, β).
        precision = 1 / (1 - before) + (1 - beta) / beta
        mean = (math.sqrt(before) * x0 / (1 - before) + math.sqrt(1 - beta) * x / beta) / precision
        expected = mean + noise / math.sqrt(precision)
        assert torch.allclose(ddpm_step(x, t, eps, schedule, noise), expected, atol=1e-12, rtol=1e-12)


def test_ddim_with_eta_one_is_ddpm(case):
    schedule, x, noise, eps = case
    for t in range(schedule.steps):
        ddim = ddim_step(x, t, t - 1, eps, schedule, 1.0, noise)
        assert torch.allclose(ddim, ddpm_step(x, t, eps, schedule, noise), atol=1e-12, rtol=1e-12)


def test_ddim_without_noise_keeps_the_predicted_noise_and_changes_its_share(case):
    schedule, x0, noise, _ = case
    for t, before in ((11, 3), (5, 0), (1, 0)):
        x = add_noise(x0, t, noise, schedule)
        moved = ddim_step(x, t, before, noise, schedule)
        assert torch.allclose(moved, add_noise(x0, before, noise, schedule), atol=1e-12, rtol=1e-12)
        assert torch.allclose(ddim_step(x, t, -1, noise, schedule), x0, atol=1e-12, rtol=1e-12)


def test_the_last_step_adds_no_noise(case):
    schedule, x, noise, eps = case
    assert torch.equal(ddpm_step(x, 0, eps, schedule), ddpm_step(x, 0, eps, schedule, 100 * noise))
    for t in (0, 7):
        assert torch.equal(ddim_step(x, t, -1, eps, schedule, 1.0), ddim_step(x, t, -1, eps, schedule, 1.0, noise))
    with pytest.raises(DlvizError, match=r"pass noise, standard normal numbers of shape \(7, 2\)"):
        ddpm_step(x, 1, eps, schedule)


def test_dtypes_stay():
    generator = torch.Generator().manual_seed(0)
    schedule, x = random_schedule(4, generator), torch.randn(2, 2)
    assert add_noise(x, 1, x, schedule).dtype == torch.float32
    assert ddim_step(x, 3, 1, x, schedule, 0.5, x).dtype == ddpm_step(x, 3, x, schedule, x).dtype == torch.float32
    assert score(x.half(), torch.tensor([0, 1]), schedule).dtype == torch.float16


@pytest.mark.parametrize("steps", [1, 2, 7, 10, 1000])
def test_a_subsequence_increases_ends_at_the_last_step_and_has_n_steps(steps):
    for n in {1, 2, 3, 7, 10, 999, steps} & set(range(1, steps + 1)):
        found = subsequence(steps, n)
        assert len(set(found)) == n
        assert found == sorted(found)
        assert found[-1] == steps - 1
        assert {b - a for a, b in pairwise([-1, *found])} <= {steps // n, math.ceil(steps / n)}
    assert subsequence(steps, steps) == list(range(steps))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s, x: add_noise(x, s.steps, x, s), "from 0 to 3.*but got 4. Step number k has the index k − 1"),
        (lambda s, x: add_noise(x, -1, x, s), "from 0 to 3"),
        (lambda s, x: add_noise(x, torch.tensor([0.5, 1.0]), x, s), "torch.float32"),
        (lambda s, x: ddim_step(x, 2, 2, x, s), "below t = 2"),
        (lambda s, x: ddim_step(x, 2, -2, x, s), "from −1 for the data to 1"),
        (lambda s, x: ddim_step(x, 2, 1, x, s, 1.5, x), "eta must be"),
        (lambda s, x: to_noise(x, x, 0, s, "epsilon"), "predicts must be"),
        (lambda s, x: subsequence(4, 5), "from 1 to 4, but got 5"),
        (lambda s, x: add_noise(x, torch.tensor([0, 1, 2]), x, s), "for each of the 2 rows, but has 3"),
        (lambda s, x: add_noise(x, 1, x[:1], s), r"noise must have the shape of the data, \(2, 2\), but has \(1, 2\)"),
        (lambda s, x: to_noise(x[:, :1], x, 1, s, "v"), r"output must have .* but has \(2, 1\)"),
        (lambda s, x: ddim_step(x, 2, 1, x[0], s), r"eps must have .* but has \(2,\)"),
        (lambda s, x: ddpm_step(x, 2, x[:1], s, x), r"eps must have"),
        (lambda s, x: ddpm_step(x, 2, x, s, x[:1]), r"noise must have"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_refused(call, words):
    schedule = random_schedule(4, torch.Generator().manual_seed(0))
    with pytest.raises(DlvizError, match=words):
        call(schedule, torch.zeros(2, 2))
