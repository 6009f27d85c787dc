"""A model is checked from outside, and its state is restored."""

import torch
from torch import nn

from dlviz.exercises import exercise

from .answers import FAULTY, a_sequence

MLP = exercise("05.mlp")


def test_the_learners_own_model_keeps_gradients_buffers_and_modes():
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.BatchNorm1d(10, affine=False)
    )
    model[2].eval()
    model(torch.rand(3, 1, 8, 8)).sum().backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    MLP.check(model)
    assert all(torch.equal(p.grad, was) for p, was in zip(model.parameters(), gradients, strict=True))
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model] == [True, True, False, True, True]


def test_an_error_in_init_or_forward_is_reported_not_raised():
    class NoSuper(nn.Module):
        def __init__(self):
            self.hidden = nn.Linear(64, 32)

    class NoFlatten(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(64, 10)

        def forward(self, images):
            return self.hidden(images)

    assert "AttributeError" in MLP.check(NoSuper).message
    assert "RuntimeError" in MLP.check(NoFlatten).message
    assert "self.hidden(images)" in MLP.check(NoFlatten).message


def test_an_answer_that_is_not_a_model_is_explained():
    assert "class itself" in MLP.check(torch.rand(3)).message
    assert "nn.Module" in MLP.check(lambda: 3).message


def test_the_parameters_at_fault_are_listed_by_name():
    assert "hidden.weight, hidden.bias" in MLP.check(FAULTY["frozen"]).message


def test_a_model_instance_passes_like_its_class():
    assert MLP.check(a_sequence).passed
    assert MLP.check(a_sequence()).passed
