"""Schedules against the formulas of the papers, computed in another way."""

import math

import numpy as np
import pytest
import torch

import dlviz
from dlviz.diffusion import Schedule, cosine_schedule, linear_schedule
from dlviz.kit.errors import DlvizError


@pytest.mark.parametrize("steps", [1, 2, 50, 1000])
def test_alphas_bar_of_the_linear_schedule_is_the_product_of_all_alphas_so_far(steps):
    schedule = linear_schedule(steps)
    product = 1.0
    for t in range(steps):
        beta = 1e-4 + (0.02 - 1e-4) * (t / (steps - 1) if steps > 1 else 0)
        product *= 1 - beta
        assert float(schedule.betas[t]) == pytest.approx(beta, abs=1e-15)
        assert float(schedule.alphas_bar[t]) == pytest.approx(product, abs=1e-13)


@pytest.mark.parametrize("steps", [1, 2, 50, 1000])
def test_alphas_bar_of_the_cosine_schedule_is_the_papers_until_betas_are_clipped(steps):
    schedule = cosine_schedule(steps)

    def f(step):
        return math.cos((step / steps + 0.008) / 1.008 * math.pi / 2) ** 2

    for t in range(steps):
        if 1 - f(t + 1) / f(t) < 0.999:
            assert float(schedule.alphas_bar[t]) == pytest.approx(f(t + 1) / f(0), abs=1e-12)
    assert float(schedule.betas.max()) <= 0.999
    assert float(schedule.betas[-1]) == pytest.approx(0.999)


def test_the_first_step_has_the_noise_of_the_first_beta():
    schedule = linear_schedule(10, 0.05, 0.5)
    assert float(schedule.alphas_bar[0]) == pytest.approx(0.95, abs=1e-15)
    assert float(schedule.noise[0]) == pytest.approx(math.sqrt(0.05), abs=1e-15)
    assert len(schedule.alphas_bar) == schedule.steps == 10


def test_signal_noise_and_log_snr_follow_from_the_betas():
    schedule = Schedule([0.1, 0.2, 0.3])
    bar = np.cumprod([0.9, 0.8, 0.7])
    assert np.allclose(schedule.signal, np.sqrt(bar), atol=1e-15)
    assert np.allclose(schedule.noise, np.sqrt(1 - bar), atol=1e-15)
    assert np.allclose(schedule.log_snr, np.log(bar / (1 - bar)), atol=1e-13)
    assert {one.dtype for one in (schedule.betas, schedule.alphas, schedule.signal, schedule.log_snr)} == {
        torch.float64
    }


def test_the_papers_betas_leave_most_of_the_data_after_fifty_steps_unless_they_are_scaled():
    assert float(linear_schedule(50).signal[-1]) == pytest.approx(0.776, abs=1e-3)
    assert float(linear_schedule(50, 20 * 1e-4, 20 * 0.02).signal[-1]) < 0.01
    assert float(linear_schedule(1000).signal[-1]) < 0.01


def test_betas_are_a_copy():
    betas = torch.full((3,), 0.1)
    schedule = Schedule(betas)
    betas.fill_(0.5)
    assert schedule.betas.tolist() == pytest.approx([0.1] * 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Schedule([0.1, 0.0]), r"betas\[1\] is 0.0"),
        (lambda: Schedule([0.1, 1.0]), r"betas\[1\] is 1.0"),
        (lambda: Schedule([math.nan]), "above 0 and below 1"),
        (lambda: Schedule("linear"), r"numbers \(T,\), but got str"),
        (lambda: Schedule(torch.ones(2, 2)), r"shape \(2, 2\)"),
        (lambda: Schedule([]), "1 to 10000 noise steps"),
        (lambda: linear_schedule(0), "1 to 10000 noise steps, but got 0"),
        (lambda: linear_schedule(10, 0.0), "start must be"),
        (lambda: linear_schedule(10, end=1), "end must be"),
        (lambda: cosine_schedule(2.5), "but got 2.5"),
        (lambda: dlviz.denoise(lambda x, t: x, torch.zeros(2, 2), "quadratic"), '"linear", "cosine"'),
        (lambda: dlviz.denoise(lambda x, t: x, torch.zeros(2, 2), [0.1, 0.2], steps=3), "has 2 steps of its own"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_schedule_is_refused(make, words):
    with pytest.raises(DlvizError, match=words):
        make()
