"""Sampling: against loops that are written out here, and on a Gaussian against closed forms."""

import math
from itertools import pairwise

import pytest
import torch

from dlviz.diffusion import cosine_schedule, ddpm_step, linear_schedule, sample, subsequence
from dlviz.diffusion.noise_model import NoiseModel
from dlviz.kit.errors import DlvizError
from tests.diffusion.models import Net, gaussian_noise

SCHEDULES = {"linear": linear_schedule(20, 0.005, 0.4), "cosine": cosine_schedule(20)}
MEAN, S = torch.tensor([1.5, -0.5], dtype=torch.float64), 0.4


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("n", [20, 5, 1])
def test_ddim_on_a_gaussian_is_a_linear_map_in_every_step(name, n):
    """The exact noise of N(m, s² I) is linear in x, and so is every step."""
    schedule = SCHEDULES[name]
    path = sample(
        gaussian_noise(MEAN, S, schedule), (50, 2), schedule, steps=n, sampler="ddim", seed=3, return_path=True
    )
    bars = [float(schedule.alphas_bar[t]) for t in reversed(subsequence(20, n))] + [1.0]
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(3))
    assert torch.equal(path[0], x)
    for k, (bar, before) in enumerate(pairwise(bars)):
        # x̂0 = m + c (x − √ᾱ m) and ε̂ = d (x − √ᾱ m), both linear in x.
        variance = bar * S**2 + 1 - bar
        c, d = math.sqrt(bar) * S**2 / variance, math.sqrt(1 - bar) / variance
        x = math.sqrt(before) * MEAN + (math.sqrt(before) * c + math.sqrt(1 - before) * d) * (x - math.sqrt(bar) * MEAN)
        assert torch.allclose(path[k + 1], x, atol=1e-12, rtol=1e-12)


def test_ddpm_on_a_gaussian_has_the_mean_and_variance_of_the_recursion():
    schedule, count = SCHEDULES["linear"], 20_000
    path = sample(gaussian_noise(MEAN, S, schedule), (count, 2), schedule, seed=1, return_path=True)
    mean, variance = torch.zeros(2), 1.0
    for k, t in enumerate(reversed(range(20))):
        beta, bar = float(schedule.betas[t]), float(schedule.alphas_bar[t])
        before = float(schedule.alphas_bar[t - 1]) if t else 1.0
        spread = bar * S**2 + 1 - bar
        # The mean step is (x − β/√(1−ᾱ) ε̂)/√α with ε̂ = √(1−ᾱ) (x − √ᾱ m) / spread.
        factor = (1 - beta / spread) / math.sqrt(1 - beta)
        shift = beta * math.sqrt(bar) / spread / math.sqrt(1 - beta) * MEAN
        mean, variance = factor * mean + shift, factor**2 * variance + beta * (1 - before) / (1 - bar)
        got = path[k + 1]
        assert torch.allclose(got.mean(0), mean, atol=5 * math.sqrt(variance / count))
        assert torch.allclose(got.var(0), torch.full((2,), variance), rtol=5 * math.sqrt(2 / count))
    # The posterior variance is that of a known x0, so 20 steps leave the samples somewhat too narrow.
    assert torch.allclose(mean, MEAN, atol=0.05)
    assert math.sqrt(variance) == pytest.approx(S, rel=0.25)


@pytest.mark.parametrize("predicts", ["noise", "x0", "v", "score"])
def test_the_ddpm_sampler_is_algorithm_2(predicts):
    """The loop of the paper, with the same random numbers, and a network that predicts each of the four."""
    schedule = SCHEDULES["linear"]
    net = Net(dtype=torch.float64)
    got = sample(net, (6, 2), schedule, predicts=predicts, seed=5)
    net.eval()
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(6, 2, generator=generator)
    with torch.no_grad():
        for t in reversed(range(20)):
            output = net(x, torch.full((6,), t))
            a, b = schedule.signal[t], schedule.noise[t]
            eps = {"noise": output, "x0": (x - a * output) / b, "v": a * output + b * x, "score": -b * output}[predicts]
            x = ddpm_step(x, t, eps, schedule, torch.randn(6, 2, generator=generator))
    assert torch.allclose(got, x, atol=1e-12, rtol=1e-12)


def test_a_network_of_fractions_gets_the_step_as_a_part_of_all_steps():
    schedule, seen = SCHEDULES["linear"], []

    def model(x, t):
        seen.append(t)
        return torch.zeros_like(x)

    sample(model, (3, 2), schedule, time="fraction", steps=4)
    assert [t.tolist() for t in seen] == [[1.0] * 3, [0.75] * 3, [0.5] * 3, [0.25] * 3]
    seen.clear()
    sample(model, (3, 2), schedule, steps=4)
    assert [t.tolist() for t in seen] == [[19] * 3, [14] * 3, [9] * 3, [4] * 3]
    assert {t.dtype for t in seen} == {torch.int64}


def test_guidance_one_is_the_conditional_network_and_zero_the_unconditional_one():
    schedule, net = SCHEDULES["cosine"], Net(classes=3, dtype=torch.float64)
    y, x, t = torch.tensor([0, 1, 1, 0]), torch.randn(4, 2), torch.tensor([0, 5, 19, 7])
    model = NoiseModel(net, schedule, null=2)
    net.eval()
    with torch.no_grad():
        conditional, unconditional = net(x, t, y), net(x, t, torch.full((4,), 2))
    for w in (0.0, 1.0, 3.0, -1.0):
        with model.running(guidance=w) as predict:
            got = predict(x, t, y)
        assert torch.allclose(got, unconditional + w * (conditional - unconditional), atol=1e-12, rtol=0)
        if w in (0.0, 1.0):
            assert torch.equal(got, (unconditional, conditional)[int(w)])
    guided = sample(net, (4, 2), schedule, y=y, null=2, guidance=0.0)
    assert torch.equal(guided, sample(net, (4, 2), schedule, y=torch.full((4,), 2)))


def test_clipped_data_stay_in_their_limits_and_the_noise_follows():
    schedule = SCHEDULES["cosine"]
    net = Net(dtype=torch.float64)
    got = sample(net, (40, 2), schedule, clip=(-1, 1), sampler="ddim")
    assert float(got.abs().max()) <= 1 + 1e-12
    assert float(sample(net, (40, 2), schedule, sampler="ddim").abs().max()) > 1
    wide = sample(net, (40, 2), schedule, clip=(-1e9, 1e9))
    assert torch.allclose(wide, sample(net, (40, 2), schedule), atol=1e-6, rtol=1e-6)


def test_the_same_seed_gives_the_same_samples_and_no_generator_is_touched():
    schedule, net = SCHEDULES["linear"], Net(dtype=torch.float64)
    net.train()
    before, state = torch.get_rng_state(), {k: v.clone() for k, v in net.state_dict().items()}
    first, again, other = (sample(net, (5, 2), schedule, seed=seed) for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())
    assert net.training
    assert net.norm.training
    assert all(torch.equal(state[k], v) for k, v in net.state_dict().items())


def test_a_function_around_a_network_runs_it_in_evaluation_mode_too():
    schedule, net = SCHEDULES["linear"], Net(dtype=torch.float64)
    state = {k: v.clone() for k, v in net.state_dict().items()}
    got = sample(lambda x, t: net(x, t), (5, 2), schedule)
    assert torch.equal(got, sample(net, (5, 2), schedule))
    assert net.training
    assert all(torch.equal(state[k], v) for k, v in net.state_dict().items())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sampler": "euler"}, "sampler must be"),
        ({"time": "seconds"}, "time must be"),
        ({"predicts": 3}, "predicts must be"),
        ({"eta": 2}, "eta must be"),
        ({"guidance": 2.0}, "needs labels and null"),
        ({"seed": -1}, "seed must be"),
        ({"steps": 21}, "from 1 to 20, but got 21"),
        ({"clip": (1, -1)}, "low < high"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_refused(options, words):
    with pytest.raises(DlvizError, match=words):
        sample(Net(dtype=torch.float64), (2, 2), SCHEDULES["linear"], **options)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda x, t: x[:1], r"shape of x_t, \(4, 2\), but got .*\(1, 2\)"),
        (lambda x, t: None, "but got NoneType"),
        (lambda x, t: x.long(), "torch.int64"),
        (lambda x: x, "TypeError"),
        (torch.nn.Linear(3, 2), "TypeError"),
    ],
    ids=["fewer rows", "nothing", "integers", "no step", "another call"],
)
def test_a_network_of_another_kind_is_refused_with_the_call_that_would_fit(model, words):
    with pytest.raises(DlvizError, match=words):
        sample(model, (4, 2), SCHEDULES["linear"])
