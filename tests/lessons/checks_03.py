"""Checks of lesson 03, run by nbval after the cell of the same id."""

import warnings

import torch
from torch import nn

from dlviz.exercises.catalog import items


def _captured(run):
    """Return the text of the RuntimeError that `run` raises."""
    try:
        run()
    except RuntimeError as error:
        return str(error)
    raise AssertionError("no error was raised")


def nudge(loss_at, ratio):
    assert loss_at(3) == 16
    assert round(loss_at(3.01), 4) == 15.8404
    assert abs(ratio + 16) < 0.01


def record_a_graph(a, recorded):
    assert [node.op for node in recorded.graph.nodes if not node.is_leaf] == ["mul", "add", "mul"]
    assert recorded.graph.node("e").value.item() == -6
    assert recorded.graph.node("d").value.item() == 4
    assert recorded.graph.root.item() == 8
    assert a.grad is None  # nothing has flowed back yet


def look_at_grad_fn(L, d, a):
    assert (L.grad_fn.name(), d.grad_fn.name(), a.grad_fn) == ("MulBackward0", "AddBackward0", None)
    assert not isinstance(L.grad_fn, nn.Module)
    for other in (torch.autograd.Function, torch.utils.data.Dataset, torch.utils.data.DataLoader):
        assert not issubclass(other, nn.Module)


def step_backward(chain):
    gradient = {name: chain.graph.node(name).gradient.item() for name in ("L", "d", "e", "a", "b", "c")}
    assert gradient == {"L": 1, "d": 2, "e": 2, "a": -6, "b": 4, "c": 2}
    assert chain.step == 0


def read_gradients(a, b, c, d):
    assert (a.grad.item(), b.grad.item(), c.grad.item()) == (-6, 4, 2)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert d.grad is None
    assert "leaf" in str(warned[0].message)


def exercise_hand_gradient(hand_gradient):
    w, b = torch.tensor(1.0), torch.tensor(0.0)
    gradients = hand_gradient(w, b, torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0]))
    assert [gradient.item() for gradient in gradients] == [-8, -5]


def compare_with_differences(x, difference):
    assert x.grad.item() == 12
    with torch.no_grad():
        steps = (0.1, 0.01, 1e-4, 1e-5, 1e-6)
        off = {h: abs((((x + h) ** 3 - (x - h) ** 3) / (2 * h)).item() - 12) for h in steps}
        measured = ((x + 1e-3) ** 3 - (x - 1e-3) ** 3) / 2e-3
    assert abs(measured.item() - 12) > abs(x.grad.item() - 12)
    assert off[0.1] > 10 * off[0.01]  # falls first
    assert max(off[h] for h in steps[2:]) > 10 * off[0.01]  # and rises again, at the latest somewhere below 1e-4
    assert not difference.requires_grad


def exercise_finite_difference(finite_difference):
    found = finite_difference(lambda x: x[0] * x[1], torch.tensor([2.0, 3.0]), 1)
    assert found.tolist() == [3, 2]


def two_uses(paths, w):
    assert 3 in [g.item() for g in paths.graph.node("left").grad_inputs if g is not None]
    assert 4 in [g.item() for g in paths.graph.node("right").grad_inputs if g is not None]
    assert w.grad.item() == 3 + 4
    assert paths.graph.nodes[paths.selected].label == "w"


def exercise_two_paths(two_paths):
    assert two_paths(torch.tensor(1.0), torch.tensor([1.0, 2.0]), torch.tensor([0.0, 5.0])).item() == -10


def backward_twice(first, w, again):
    assert first == 5
    assert w.grad.item() == 10  # 5 was there, 5 arrived
    assert again.graph.backward.passes == 2


def exercise_accumulated(gradients_seen):
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert gradients_seen(x, 3 * x, 2) == [-15, -75]
    starter = items()["03.accumulated"].wrong_answers["accumulated"]
    assert starter(x, 3 * x, 2) == [-15, -90]  # what the text says of the code as it was found


def line_graph(line, loss, w, b):
    assert loss.item() == 17
    assert (w.grad.item(), b.grad.item()) == (-13, -8)  # backward fills .grad
    assert (w.item(), b.item()) == (0, 0)  # and changes nothing else
    assert [node.op for node in line.graph.nodes if not node.is_leaf] == ["mean", "pow", "sub", "add", "mul"]


def train_by_hand(w, b, x, y, loss):
    assert loss.item() < 1e-4
    assert abs(w.item() - 2) < 0.01
    assert abs(b.item() - 1) < 0.01
    assert w.grad is None
    after_one_step = ((1.3 * x + 0.8 - y) ** 2).mean().item()
    assert round(after_one_step, 3) == 1.685


def not_a_leaf(w, new_w):
    assert w.is_leaf
    assert not new_w.is_leaf
    message = _captured(lambda: w.sub_(0.1))
    assert message == "a leaf Variable that requires grad is being used in an in-place operation."


def train_with_an_optimizer(w, b):
    assert (round(w.item(), 3), round(b.item(), 3)) == (1.3, 0.8)
    assert w.grad is None


def three_cuts(cuts, loss, w, frozen, mean, best):
    assert {cut.op for cut in cuts.graph.cuts} == {"detach", "mean", "argmax"}  # the names under which they are drawn
    assert (frozen.tolist(), mean.item(), best.item()) == ([2, 8], 5, 1)
    assert sorted(cut.kind for cut in cuts.graph.cuts) == ["detach", "integer", "no_grad"]
    assert loss.item() == 108
    assert cuts.graph.node("h").gradient.tolist() == [2, 13]
    assert w.grad.tolist() == [4, 26]
    uncut = w.detach().clone().requires_grad_()
    h = uncut * 2
    ((h * h).sum() + h.mean() * h.max()).backward()
    assert uncut.grad.tolist() == [16, 50]


def tracked_later(doubled):
    assert not doubled.requires_grad


def exercise_untracked(tracked):
    z, gradient = tracked(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert z.tolist() == [[25, 39], [39, 61]]
    assert gradient.tolist() == [[16, 20], [16, 20]]


def jacobian_of_a_matrix(jacobian):
    assert jacobian.shape == (2, 2, 2, 2)
    assert torch.equal(jacobian.view(4, 4).cpu(), torch.eye(4))


def backward_of_a_matrix(x):
    assert _captured((x + 1).backward) == "grad can be implicitly created only for scalar outputs"
    assert x.grad is None
    assert torch.autograd.grad(x + 1, x, torch.ones_like(x))[0].tolist() == [[1, 1], [1, 1]]


def vector_jacobian_product(x, v):
    table = torch.autograd.functional.jacobian(lambda x: torch.stack([x[0] + x[1], x[1] * x[2]]), x)
    assert table.tolist() == [[1, 1, 0], [0, 3, 2]]
    assert x.grad.tolist() == (v @ table).tolist() == [1, 31, 20]


def overwritten(overwritten):
    assert "add_" in overwritten.flow["notes"][0]["text"]


def refused_by_pytorch(loss):
    assert "modified by an inplace operation" in _captured(loss.backward)


def first_nan_made(nan, loss, w):
    lit = [node for node, mark in nan.flow["marks"] if mark == "nan"]
    assert nan.graph.nodes[lit[0]].label == "root"
    assert torch.isnan(loss)
    assert torch.isnan(w.grad[0])


def two_runs(runs, two):
    first, second = runs.graphs
    assert (first.root.item(), second.root.item()) == (128, 125)
    assert (first.node("two").gradient.item(), second.node("five").gradient.item()) == (448, 75)
    only_here = [number for number, mark in runs.flow["marks"] if mark == "changed"]
    assert len(only_here) == 4  # the first run has six multiplications, the second two
    assert all(number < len(first.nodes) for number in only_here)
    assert two.grad is None  # a function given to dlviz.graph leaves your .grad alone


def sixty_steps(loop):
    adds = sorted((node for node in loop.graph.nodes if node.op == "add"), key=lambda node: node.sequence)
    sizes = [abs(node.gradient.item()) for node in adds]
    assert len(sizes) == 60
    assert abs(sizes[0] / sizes[-1] - 0.8**59) < 1e-8
