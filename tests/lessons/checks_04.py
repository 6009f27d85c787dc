"""Checks of lesson 04, run by nbval after the cell of the same id."""

import pytest
import torch
from torch import nn


def make_points(x, y):
    assert x.shape == y.shape == (100, 1)  # 100 examples of one feature, and a target for each


def draw_helper(draw):
    points = torch.tensor([[0.0], [1.0]])
    assert draw(points, points).data.count("<circle") == 2
    assert "#c33" in draw(points, points, lambda x: 2 * x).data


def count_parameters(w, b):
    assert [tuple(p.shape) for p in nn.Linear(1, 1).parameters()] == [(1, 1), (1,)]
    assert w.numel() + b.numel() == 2


def mse(mse, two_x, two_y):
    assert mse(1 * two_x + 0, two_y).item() == 6.5


def landscape(valley, loss_at, xs, ys):
    row, column = divmod(valley.values.argmin().item(), len(valley.x))
    assert abs(valley.x[column] - 2) < 0.1  # across: w
    assert abs(valley.y[row] - 1) < 0.1  # up: b
    assert 0.25 < valley.values.min() < 0.28  # not 0: the noise, 0.5 ** 2, is left
    assert valley.values.numel() == 10201
    assert torch.allclose(loss_at(torch.zeros(2)), ys.pow(2).mean())


def one_step(w, b, mse, two_x, two_y):
    assert torch.isclose(w.grad, w.new_tensor(-8.0))
    assert torch.isclose(b.grad, b.new_tensor(-5.0))
    assert torch.isclose(w, w.new_tensor(1.8))
    assert torch.isclose(b, b.new_tensor(0.5))
    assert round(mse(w * two_x + b, two_y).item(), 3) == 0.65


def check_one_step(w):
    assert w.grad.item() == -16
    assert round(w.item(), 3) == 2.6


def exercise_step(step, two_x, two_y):
    found = step(
        torch.tensor(1.0, requires_grad=True), torch.tensor(0.0, requires_grad=True), two_x.cpu(), two_y.cpu(), 0.1
    )
    assert [round(number.item(), 3) for number in found] == [1.8, 0.5]


def loop_by_hand(w, b, loss):
    assert round(w.item(), 2) == 2.0
    assert round(b.item(), 2) == 1.04
    assert 0.268 < loss.item() < 0.271


def mini_batch_loop(run, epochs, path, w, b):
    values = run.history["loss"].values
    assert len(values) == epochs * 5  # an epoch of 100 points is five steps
    turned = [mark for mark in run.history.marks if mark.kind == "hyperparameter"]
    assert (turned[0].step, turned[0].new) == (151, 0.02)
    assert 10 < sum(values[:10]) / 10 < 13
    assert 5 < sum(values[140:150]) / 10 < 7  # 150 steps, and hardly anywhere
    assert sum(values[240:250]) / 10 < 0.4  # 100 more
    assert abs(w.item() - 2) < 0.1
    assert abs(b.item() - 1) < 0.1


def walk(walk, path, x, y):
    assert walk.path.shape == (len(path) + 1, 2)  # and the start
    assert walk.path[0].tolist() == [0, 0]
    assert torch.tensor(path[-50:]).std(0).max() > 0.001  # every mini-batch has a best line of its own
    spread = {}
    for lr in (0.02, 0.1):
        order = torch.Generator().manual_seed(0)
        p = torch.tensor([2.0, 1.0], requires_grad=True, device=x.device)
        optimizer = torch.optim.SGD([p], lr=lr)
        weights = []
        for _ in range(60):
            for rows in torch.randperm(100, generator=order).split(20):
                optimizer.zero_grad()
                (p[0] * x[rows] + p[1] - y[rows]).pow(2).mean().backward()
                optimizer.step()
                weights.append(p[0].item())
        spread[lr] = torch.tensor(weights[-200:]).std().item()
    assert spread[0.02] < 0.01
    assert spread[0.1] > 3 * spread[0.02]


def exercise_trace(three_steps, two_x, two_y):
    first = three_steps(two_x.cpu(), two_y.cpu(), 0.1)[0]
    assert [round(number, 3) for number in first] == [17.0, 1.3, 0.8]


def arrival(arrival, race, best, xs, ys):
    solved = torch.linalg.lstsq(torch.cat([xs, torch.ones_like(xs)], dim=1), ys).solution.flatten()
    assert torch.allclose(best, solved, atol=1e-6)
    assert list(arrival) == [0.09, 0.18, 0.36]
    assert arrival == {0.09: 25, 0.18: 11, 0.36: 59}
    before = race.scale
    race.scale = 2.2
    assert race.losses["SGD"][-1] > 1000 * race.losses["SGD"][0]
    race.scale = before


def try_the_limit(slope):
    for lr, grows in ((0.19, False), (0.21, True)):
        w = torch.tensor(1.0)
        assert ((w - lr * slope(w)).abs() > 1).item() == grows


def curvatures(H, curvature, direction, u, limit, race, xs):
    expected = torch.stack(
        [torch.stack([xs.square().mean(), xs.mean()]), torch.stack([xs.mean(), torch.ones_like(xs[0, 0])])]
    )
    assert torch.allclose(H, 2 * expected)
    assert [round(c, 3) for c in curvature.tolist()] == [1.986, 5.318]
    assert curvature[0] < (u.T @ H @ u).item() < curvature[1]
    assert round((u.T @ H @ u).item(), 3) == 3.433
    assert torch.allclose((direction.T @ H @ direction).diagonal(), curvature)
    assert round((curvature[1] / curvature[0]).item(), 1) == 2.7
    assert round(limit, 3) == 0.376
    assert abs(race.threshold["SGD"] - limit) < 1e-4  # the mark on the slider


def below_and_above(below, above):
    calm, wild = below.history["loss"].values, above.history["loss"].values
    assert calm[-1] < 0.28
    assert wild[-1] > 1e6 * wild[0]


def exercise_r2(r_squared):
    target, prediction = torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([[2.0], [3.0], [4.0]])
    assert r_squared(prediction, target).item() == 0.75
    assert r_squared(target.mean().expand_as(target), target).item() == 0
    assert r_squared(-target, target).item() < 0


def r2_of_the_line(model, rival):
    assert round(model.item(), 3) == 0.269
    assert round(1 - (model / rival).item(), 3) == 0.975


def linear_layer(layer, x):
    assert [tuple(p.shape) for p in layer.parameters()] == [(1, 1), (1,)]
    assert all(p.requires_grad for p in layer.parameters())
    assert torch.allclose(layer(x), 2 * x + 1)


def tutorial_data(attempt, layer, table):
    assert "same dtype" in str(attempt(lambda: layer(table)))
    assert "(2x2 and 1x1)" in str(attempt(lambda: layer(table.float())))  # two features, where the layer takes one
    assert attempt(lambda: layer(table.float().reshape(-1, 1)).shape) == (4, 1)  # four examples of one feature


def train_on_pairs(x, y, flat_y, w, b, loss):
    assert (x - flat_y).shape == (100, 100)
    assert w.abs() < 0.01  # flat
    assert torch.isclose(b, y.mean(), atol=0.01)  # at the mean
    assert 10.7 < loss.item() < 10.9  # it fell, and stopped: it looks like training


def pairs(pairs, x, y):
    assert pairs.output.shape == (4, 4)
    assert torch.allclose(pairs.output.diagonal().to(x.device), (x - y)[:4, 0], atol=1e-3)  # the four that were meant


def exercise_broadcast(line_loss, two_x, two_y):
    assert line_loss(1.0, 0.0, two_x, two_y.squeeze(1)).item() == 6.5
    with pytest.warns(UserWarning, match="target size"):  # torch's own loss warns about unequal shapes
        nn.functional.mse_loss(two_x, two_y.squeeze(1))


def normal_equations(solved, found, path, loss_at, gradient):
    assert torch.allclose(solved, found, atol=1e-3)
    end = torch.tensor(path[-1], device=found.device)
    assert (found.flatten() - end).abs().max() < 0.1  # where the loop of section 3 arrived
    assert gradient(found.flatten().cpu().double()).abs().max() < 1e-3
    assert gradient(torch.zeros(2, dtype=torch.float64)).abs().max() > 1  # anywhere else it is not 0
    a, y = torch.tensor([[1.0, 1.0], [2.0, 1.0]]), torch.tensor([[3.0], [5.0]])
    assert (a.T @ a).tolist() == [[5, 3], [3, 2]]
    assert (a.T @ y).tolist() == [[13], [8]]
    assert torch.allclose(torch.linalg.solve(a.T @ a, a.T @ y), torch.tensor([[2.0], [1.0]]), atol=1e-4)


def parabola(a, b, c, columns, bent):
    assert abs(a.item() - 0.5) < 0.1
    assert abs(b.item() + 1) < 0.1
    assert abs(c.item() - 1) < 0.2
    best = torch.stack([a, b, c]).unsqueeze(1)
    assert (columns.T @ (columns @ best - bent)).abs().max() < 0.01  # the gradient is 0


def exercise_fit_parabola(fit_parabola):
    x = torch.tensor([[-1.0], [0.0], [1.0]])
    assert torch.allclose(fit_parabola(x, x**2), torch.tensor([[1.0], [0.0], [0.0]]), atol=1e-5)


def standardize(train_x, scaled, curvatures_of):
    condition = {}
    for name, table in {"raw": train_x, "scaled": scaled}.items():
        c = curvatures_of(table)
        condition[name] = (c.max() / c.min()).item()
    assert train_x.shape == (354, 10)
    assert 5e7 < condition["raw"] < 5.5e7
    assert 441 < condition["scaled"] < 443
    assert 2 / curvatures_of(train_x).max() < 1.5e-5
    assert 2 / curvatures_of(scaled).max() > 0.2
    assert scaled.mean(0).abs().max() < 1e-4


def fit_diabetes(fit):
    assert 52 < fit.history["rmse"].values[-1] < 52.6


def test_rows(model_mse, rival_mse, r2, together, model, tc, scaled, train_y):
    assert 57.5 < model_mse.sqrt().item() < 59.5
    assert 71 < rival_mse.sqrt().item() < 72
    assert 0.31 < r2.item() < 0.35
    assert together > 0.1  # it rises with the score
    assert model.weight[0, tc] < -10  # and has a negative weight
    columns = torch.cat([scaled, torch.ones_like(scaled[:, :1])], dim=1).cpu().double()
    exact = torch.linalg.lstsq(columns, train_y.cpu().double()).solution[tc].item()
    assert round(exact, 1) == -31.1
    assert exact < model.weight[0, tc].item() - 2  # 500 steps have not brought it there


def no_grad_is_no_remedy(loss, attempt):
    assert loss.isnan()
    assert "does not require grad" in str(attempt(loss.backward))


def mask_late(late, late_gradient, view):
    assert late.item() == 8  # the loss looks right
    assert late_gradient != late_gradient  # 0 * NaN is NaN
    assert any("NaN of the backward pass" in note["text"] for note in view.flow["notes"])


def mask_early(early, w):
    assert early.item() == 8
    assert w.grad.item() == 4  # 1 + 3


def exercise_mask(known_mse):
    x, y = torch.tensor([[1.0], [2.0], [torch.nan]]), torch.tensor([[3.0], [5.0], [7.0]])
    assert known_mse(torch.tensor(1.0), torch.tensor(0.0), x, y).item() == 6.5
