"""Generated sequences follow their formulas and their seed, and an invalid argument is named."""

import math
import random

import numpy as np
import pytest
import torch

from dlviz.data import recall, waves

SEEDS = range(20)
BOTH = pytest.mark.parametrize("call", [recall, waves])


def tensors(data):
    return list(vars(data).values())


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


@pytest.mark.parametrize(("n", "steps", "symbols"), [(1, 1, 2), (7, 20, 8), (50, 3, 26)])
def test_a_recall_sequence_is_a_symbol_followed_by_zeros(n, steps, symbols):
    x, y = recall(n, steps=steps, symbols=symbols)
    assert (x.shape, x.dtype) == ((n, 1 + steps, symbols), torch.float32)
    assert (y.shape, y.dtype) == ((n,), torch.int64)
    assert torch.equal(x[:, 0], torch.nn.functional.one_hot(y, symbols).float())
    assert not x[:, 1:].any()


def test_symbols_are_equally_frequent():
    for symbols in (2, 8, 11):
        counts = recall(20_000, steps=1, symbols=symbols).y.bincount(minlength=symbols)
        assert torch.allclose(counts / 20_000, torch.tensor(1 / symbols), atol=0.015)


def test_other_noise_keeps_the_symbols_and_is_added_everywhere():
    (clean, y), (noisy, same_y) = recall(500, noise=0), recall(500, noise=0.2)
    assert torch.equal(y, same_y)
    assert (noisy - clean)[:, 0].std().item() == pytest.approx(0.2, rel=0.05)
    assert (noisy - clean)[:, 1:].std().item() == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize(("n", "steps"), [(1, 1), (9, 40), (30, 7)])
def test_a_window_is_a_sine_wave_and_its_target_the_next_value(n, steps):
    data = waves(n, steps=steps, noise=0)
    x, y = data
    assert (x.shape, y.shape, x.dtype, y.dtype) == ((n, steps, 1), (n, 1), torch.float32, torch.float32)
    wave = torch.cat((x[:, :, 0], y), dim=1).double()
    assert wave.abs().max() <= 1
    # A sampled sine satisfies x[t + 1] = 2 cos(2π / period) x[t] - x[t - 1], and no other series of that period does.
    turn = 2 * (2 * math.pi / data.periods.double()).cos()[:, None]
    if steps > 1:
        assert torch.allclose(wave[:, 2:], turn * wave[:, 1:-1] - wave[:, :-2], atol=1e-5)
    assert ((data.periods >= 8) & (data.periods <= 24)).all()


def test_periods_and_phases_are_uniform():
    data = waves(4000, noise=0)
    counts = torch.histc(data.periods, bins=4, min=8, max=24)
    assert torch.allclose(counts / 4000, torch.tensor(0.25), atol=0.03)
    assert data.x[:, 0].mean().abs() < 0.05
    # The mean of sin² over a uniform phase is 1/2.
    assert data.x[:, 0].square().mean().item() == pytest.approx(0.5, abs=0.05)


def test_noise_is_added_to_the_window_and_never_to_the_target():
    clean, near, far = (waves(500, noise=noise) for noise in (0, 0.1, 0.2))
    assert torch.equal(clean.y, far.y)
    assert torch.allclose(2 * (near.x - clean.x), far.x - clean.x, atol=1e-5)
    assert (near.x - clean.x).std().item() == pytest.approx(0.1, rel=0.05)


@BOTH
def test_a_seed_is_reproducible_and_another_seed_gives_other_data(call):
    drawn = [call(20, noise=0.1, seed=seed) for seed in SEEDS]
    assert all(same(data, call(20, noise=0.1, seed=seed)) for seed, data in zip(SEEDS, drawn, strict=True))
    assert len({data.x.numpy().tobytes() for data in drawn}) == len(SEEDS)
    assert same(call(np.int64(20), steps=np.int64(5), seed=np.int64(3)), call(20, steps=5, seed=3))


@BOTH
def test_global_generators_are_neither_used_nor_changed(call):
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    data = call(50)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]
    torch.manual_seed(4)
    assert same(call(50), data)


@BOTH
def test_device_and_default_dtype(call):
    expected = call(10)
    torch.set_default_dtype(torch.float64)
    try:
        assert same(call(10), expected)
        assert {value.dtype for value in tensors(call(10))} <= {torch.float32, torch.int64}
    finally:
        torch.set_default_dtype(torch.float32)
    assert {value.device.type for value in tensors(call(10, device="meta"))} == {"meta"}
    with torch.device("meta"):
        assert {value.device.type for value in tensors(call(10))} == {"meta"}


@BOTH
def test_each_call_returns_new_tensors_and_fields_cannot_be_assigned(call):
    data = call(10)
    for value in tensors(data):
        value.zero_()
    assert all(value.any() for value in tensors(call(10)))
    with pytest.raises(AttributeError):
        data.x = None


def test_reprs_show_shapes_only():
    assert repr(recall(9, device="meta")) == "Recall(x (9, 21, 8) float32, y (9,) int64)"
    assert repr(waves(9, device="meta")) == "Waves(x (9, 40, 1) float32, y (9, 1) float32)"


@BOTH
@pytest.mark.parametrize(
    ("kw", "words"),
    [
        ({"n": 0}, "n must be a whole number, .* got 0"),
        ({"n": 10.0}, r"got 10\.0"),
        ({"n": True}, "got True"),
        ({"steps": 0}, "steps must be a whole number, 1 or more, but got 0"),
        ({"steps": 2.5}, r"got 2\.5"),
        ({"steps": "20"}, "got '20'"),
        ({"noise": -0.1}, r"noise is a standard deviation, .* got -0\.1"),
        ({"noise": math.nan}, "got nan"),
        ({"seed": 1.5}, r"seed must be a whole number .* got 1\.5"),
        ({"seed": 2**64}, "got 18446744073709551616"),
    ],
)
def test_an_invalid_argument_is_named_in_the_error(call, kw, words):
    with pytest.raises(ValueError, match=words) as caught:
        call(**{"n": 10, **kw})
    assert str(caught.value).startswith(f"{call.__name__}: {next(iter(kw))} ")


@pytest.mark.parametrize("symbols", [1, 0, -3, 8.0, "8", None, True])
def test_an_invalid_number_of_symbols_is_refused(symbols):
    with pytest.raises(ValueError, match=r"^recall: symbols must be a whole number, 2 or more, but got"):
        recall(10, symbols=symbols)
