"""Recorded outputs are torch's, and the learner's model stays as it was."""

import pytest
import torch
from torch import nn

from dlviz.decision_boundary import equation, forward_pass, project


class CustomNet(nn.Module):
    """Functions between layers, a skip, a batch norm and dropout."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)
        self.second, self.last = nn.Linear(6, 6), nn.Linear(6, 1)

    def forward(self, x):
        h = torch.relu(self.norm(self.first(x)))
        h = h + self.drop(torch.tanh(self.second(h)))
        return self.last(h).squeeze(1)


def hooked(model, x):
    """Return the output of every leaf module, recorded by plain hooks."""
    seen = {}
    for name, module in model.named_modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _m, _a, out, name=name: seen.__setitem__(name, out.detach().clone()))
    model(x)
    return seen


def test_calls_of_modules_and_functions_are_in_execution_order():
    calls = forward_pass(CustomNet(), torch.randn(5, 2)).calls
    assert [call.name for call in calls] == [
        "x", "first", "norm", "relu", "second", "tanh", "drop", "add", "last",
    ]  # fmt: skip
    assert [call.sources for call in calls] == [(), (0,), (1,), (2,), (3,), (4,), (5,), (3, 6), (7,)]


def test_every_output_is_bitwise_the_hooks():
    torch.manual_seed(0)
    model, x = CustomNet(), torch.randn(50, 2)
    model(torch.randn(20, 2))  # so that the running statistics are not the first ones
    calls = {call.name: call.output for call in forward_pass(model, x).calls}
    seen = hooked(model.eval(), x)
    assert len(seen) == 5
    for name, output in seen.items():
        assert torch.equal(calls[name], output)


def test_the_learners_model_does_not_change():
    torch.manual_seed(0)
    model, x = CustomNet(), torch.randn(8, 2)
    model.drop.eval()  # modes of single modules stay too
    model(x).sum().backward()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    grads = [p.grad.clone() for p in model.parameters()]
    modes = [module.training for module in model.modules()]
    random = torch.get_rng_state()
    forward_pass(model, x)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(torch.equal(p.grad, grad) for p, grad in zip(model.parameters(), grads, strict=True))
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_forward_with_random_numbers_and_a_counter_leaves_no_trace():
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls.add_(1)
            return x + torch.rand(2)

    model, x = Noisy(), torch.zeros(3, 2)
    before = torch.get_rng_state()
    first = forward_pass(model, x, rng_state=before).output
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(forward_pass(model, x, rng_state=before).output, first)
    assert model.calls == 0


def test_an_error_leaves_no_hook_and_no_mode_behind():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        forward_pass(model, torch.zeros(1, 2))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(module.training for module in model.modules())
    assert torch.relu(torch.tensor(-1.0)) == 0  # functions are no longer traced


def test_in_place_layers_do_not_change_recorded_outputs():
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(inplace=True))
    x = torch.randn(30, 2)
    linear = forward_pass(model, x).calls[1].output
    assert torch.equal(linear, model[0](x).detach())
    assert (linear < 0).any()


def test_another_state_runs_without_changing_the_model():
    model, x = nn.Linear(2, 1), torch.ones(1, 2)
    other = {"weight": torch.tensor([[2.0, 3.0]]), "bias": torch.tensor([1.0])}
    made = forward_pass(model, x, other)
    assert made.output.item() == 6
    assert torch.equal(made.calls[1].weight, other["weight"])
    assert model(x).item() != 6


def test_equations_hold_the_real_weights():
    model = nn.Sequential(
        nn.Linear(2, 2), nn.Dropout(0.1), nn.LeakyReLU(), nn.Linear(2, 1, bias=False), nn.LayerNorm(1)
    )
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.8, -1.2], [-0.5, 0.25]]))
        model[0].bias.copy_(torch.tensor([0.3, -2.0]))
        model[3].weight.copy_(torch.tensor([[1.5, -0.125]]))
    calls = forward_pass(model, torch.zeros(1, 2)).calls
    assert equation(calls, 0, 1) == "x₁"
    assert equation(calls, 1, 1) == "−0.5·x₀ + 0.25·x₁ − 2"
    assert equation(calls, 3, 0) == "leaky_relu(0.8·x₀ − 1.2·x₁ + 0.3)"
    assert equation(calls, 4, 0) == "1.5·h₀ − 0.125·h₁"
    assert equation(calls, 5, 0) == "LayerNorm(3)[0]"


def test_an_equation_shows_the_largest_of_many_terms():
    model = nn.Sequential(nn.Linear(2, 20), nn.Linear(20, 1))
    with torch.no_grad():
        model[1].weight.copy_(torch.arange(20.0) * torch.tensor([1.0, -1.0]).repeat(10))
        model[1].bias.zero_()
    calls = forward_pass(model, torch.zeros(1, 2)).calls
    assert equation(calls, 2, 0) == "14·h₁₄ − 15·h₁₅ + 16·h₁₆ − 17·h₁₇ + 18·h₁₈ − 19·h₁₉ + … 14 more + 0"


@pytest.mark.parametrize("units", [3, 16, 80])
def test_a_wide_layer_is_projected_onto_its_principal_components(units):
    torch.manual_seed(units)
    plane, points = torch.randn(300, units) @ torch.randn(units, units), torch.randn(7, units)
    projection = project(plane, points)
    _, size, axes = torch.linalg.svd((plane - plane.mean(0)).double(), full_matrices=False)
    wanted = (plane - plane.mean(0)).double() @ axes[:2].T
    assert torch.allclose(
        projection.grid.double().abs(), wanted.abs(), rtol=1e-3, atol=1e-3 * float(wanted.abs().max())
    )
    assert torch.allclose(
        torch.tensor(projection.explained_variance_ratio).double(), (size**2 / (size**2).sum())[:2], atol=1e-6
    )
    moved = (points - plane.mean(0)).double() @ axes[:2].T
    assert torch.allclose(
        projection.points.double().abs(), moved.abs(), rtol=1e-3, atol=1e-3 * float(wanted.abs().max())
    )


def test_two_units_are_the_axes_and_one_unit_is_a_line():
    plane, points = torch.randn(9, 2), torch.randn(3, 2)
    assert torch.equal(project(plane, points).grid, plane)
    assert torch.equal(project(plane[:, :1], points[:, :1]).points, torch.stack((points[:, 0], torch.zeros(3)), 1))
