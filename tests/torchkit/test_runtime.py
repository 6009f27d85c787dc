"""The device of a lesson and the seed of its random numbers."""

import random

import numpy as np
import pytest
import torch

import dlviz


def test_the_device_is_the_gpu_where_there_is_one(monkeypatch):
    monkeypatch.delenv("DLVIZ_DEVICE", raising=False)
    assert dlviz.device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_the_environment_variable_takes_precedence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("DLVIZ_DEVICE", "cpu")
    assert dlviz.device() == torch.device("cpu")
    monkeypatch.setenv("DLVIZ_DEVICE", "cuda:1")
    assert dlviz.device() == torch.device("cuda:1")
    monkeypatch.setenv("DLVIZ_DEVICE", "")
    assert dlviz.device() == torch.device("cuda")


@pytest.mark.parametrize("wanted", ["gpu", "cuda:7", "CPU!"])
def test_a_missing_device_is_refused_and_the_available_ones_are_named(monkeypatch, wanted):
    monkeypatch.setenv("DLVIZ_DEVICE", wanted)
    with pytest.raises(ValueError, match=f"'{wanted}'.*Available here: cpu"):
        dlviz.device()


def test_a_seed_seeds_every_generator():
    def draws():
        return random.random(), np.random.rand(), torch.rand(1).item()

    dlviz.seed(3)
    first = draws()
    dlviz.seed(3)
    assert draws() == first
    dlviz.seed(4)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


@pytest.mark.parametrize("n", [0, 7, -1, 2**40])
def test_torch_draws_what_manual_seed_gives(n):
    assert dlviz.seed(n) is None
    ours = torch.rand(4)
    torch.manual_seed(n)
    assert torch.equal(ours, torch.rand(4))


@pytest.mark.parametrize("n", ["0", 1.5, True, 2**70])
def test_an_invalid_seed_is_refused(n):
    with pytest.raises(ValueError, match="seed: n must"):
        dlviz.seed(n)
