"""A model is checked from outside, and its state is restored."""

import pytest
import torch
from torch import nn

from dlviz.exercises import exercise
from dlviz.exercises.model_checks import same_function
from dlviz.kit.messages import message

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


def two_layers():
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))


class OutputFirst(nn.Module):
    """The same network, whose layers are registered in another order."""

    def __init__(self, activation=torch.relu, last=None):
        super().__init__()
        self.output = nn.Linear(5, 3)
        self.hidden = nn.Linear(4, 5)
        self.activation, self.last = activation, last or nn.Identity()

    def forward(self, x):
        return self.last(self.output(self.activation(self.hidden(x))))


class Swapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.a(torch.relu(self.b(x)))


BATCH = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (two_layers(), None),
        (two_layers().double().float().eval(), None),
        (OutputFirst(), None),
        (OutputFirst(last=nn.ReLU()), "ReLU"),
        (OutputFirst(last=nn.Softmax(1)), "softmax"),
        (OutputFirst(last=nn.LogSoftmax(1)), "log_softmax"),
        (OutputFirst(last=nn.Sigmoid()), "sigmoid"),
        (OutputFirst(last=nn.Tanh()), "tanh"),
        (OutputFirst(activation=torch.tanh), "function"),
        (OutputFirst(activation=nn.Identity()), "function"),
        (nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), "shapes"),
        (nn.Sequential(nn.Linear(4, 5), nn.ReLU()), "shapes"),
        (nn.Identity(), "shapes"),
    ],
)
def test_a_model_is_compared_with_the_solution_on_the_solutions_parameters(model, fault):
    before = [p.clone() for p in model.parameters()]
    found = same_function(two_layers)(model, BATCH)
    assert (found and (found[1].get("activation") or found[0])) == fault
    assert all(torch.equal(p, was) for p, was in zip(model.parameters(), before, strict=True))
    assert all(p.requires_grad for p in model.parameters())
    if found:
        assert message(f"exercises.model.{found[0]}", **found[1])


def test_layers_of_one_shape_in_another_order_are_found():
    in_order = lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))  # noqa: E731
    assert same_function(in_order)(Swapped(), BATCH)[0] == "function"


def test_a_fault_of_the_check_is_not_called_one_of_the_learners_code():
    class Detached(nn.Module):
        """Model whose output no backward pass goes through."""

        def __init__(self):
            super().__init__()
            self.inside = a_sequence()

        def forward(self, images):
            out = self.inside(images)
            out.sum().backward()
            return out

    content = MLP.check(Detached).message
    assert "Your code stopped" not in content
    assert "could not judge MLP" in content


def test_a_class_that_needs_arguments_and_one_that_exits_are_explained():
    class Sized(nn.Module):
        def __init__(self, size):
            super().__init__()

    class Exits(nn.Module):
        def forward(self, images):
            raise SystemExit

    assert "MLP()" in MLP.check(Sized).message
    assert "size" in MLP.check(Sized).message
    assert "exit()" in MLP.check(Exits).message


def test_lazy_layers_are_initialized():
    lazy = nn.Sequential(
        nn.LazyBatchNorm2d(affine=False), nn.Flatten(), nn.LazyLinear(32), nn.ReLU(), nn.LazyLinear(10)
    )
    assert "could not judge" not in MLP.check(lazy).message
