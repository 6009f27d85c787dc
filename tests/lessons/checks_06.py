"""Checks of lesson 06, run by nbval after the cell of the same id."""

from itertools import pairwise

import torch
from torch.nn import functional as F
from torch.optim import SGD, Adagrad, Adam, RMSprop

import dlviz


def setup(device):
    assert torch.zeros(1, device=device).device.type == device.type


def data_and_network(network, train_x, train_y):
    assert tuple(train_x.shape) == (1438, 1, 8, 8)
    assert sum(p.numel() for p in network().parameters()) == 2410
    assert len(train_y.unique()) == 10


def backward_three_times(readings, w):
    assert readings == [-45, -90, -135]  # it adds
    assert w.item() == 0  # and moves nothing


def exercise_updates(fit):
    (first, second) = fit(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0]), 0.1, 2)
    assert (round(first[0], 4), round(first[1], 4)) == (-10, 1)
    assert (round(second[0], 4), round(second[1], 4)) == (-5, 1.5)


def race_momentum(race):
    def ravine(p):
        return (p[0] ** 2 + 20 * p[1] ** 2) / 2

    steepest = torch.linalg.eigvalsh(torch.func.hessian(ravine)(torch.zeros(2))).max().item()
    assert abs(race.threshold["SGD"] - 2 / steepest) < 1e-6
    assert abs(race.threshold["momentum 0.5"] - 2 * (1 + 0.5) / steepest) < 1e-6
    assert abs(race.threshold["momentum 0.9"] - 2 * (1 + 0.9) / steepest) < 1e-6

    ended = {}
    for scale in (1, 2.15, 4.64):  # lr 0.05, 0.11, 0.23
        race.scale = scale
        ended[scale] = [losses[-1].item() < losses[0].item() for losses in race.losses.values()]
    race.scale = 1
    assert ended == {1: [True, True, True], 2.15: [False, True, True], 4.64: [False, False, False]}
    path = race.paths
    assert (path["momentum 0.9"][:, 0] > 0.1).any()  # it rolls past the minimum, from x = -2.5
    last = {name: int((positions.norm(dim=1) > 0.01).nonzero()[-1]) for name, positions in path.items()}
    assert last["momentum 0.5"] < last["momentum 0.9"]  # and 0.5 gets there first
    assert last["momentum 0.5"] < last["SGD"]


def exercise_momentum(momentum):
    assert momentum(10, 4, 2, 0.5, 0.5) == (7.5, 5)


def adagrad_by_hand(adagrad):
    p, g, s = torch.zeros(2), torch.tensor([0.001, 1000.0]), torch.zeros(2)
    p, s = adagrad(p, g, s, lr=0.1, eps=1e-10)
    assert torch.allclose(p, torch.tensor([-0.1, -0.1]))  # a million to one, and the same step
    q, s = adagrad(p, g, s, lr=0.1, eps=1e-10)
    assert torch.allclose(q - p, torch.tensor([-0.1, -0.1]) / 2**0.5)  # shorter, with the root of t


def exercise_rmsprop(rmsprop):
    p, v = rmsprop(torch.tensor(10.0), torch.tensor(4.0), torch.tensor(2.0), 3, 0.5, 0)
    assert (p.item(), v.item()) == (6, 9)


def first_steps(device):
    for gradient in (5000.0, 0.005):
        p = torch.zeros(1, requires_grad=True, device=device)
        p.grad = torch.full_like(p, gradient)
        Adam([p], lr=0.1).step()
        assert abs(p.item() + 0.1) < 1e-4


def exercise_adam(adam):
    p, m, v = adam(*torch.tensor([10.0, 8.0, 1.0, 32.0]), 2, 4, 0.5, 0.5, 0)
    assert (p.item(), m.item(), v.item()) == (7, 4.5, 48)


def race_four(straight):
    first = straight.paths["Adam"][1] - straight.paths["Adam"][0]
    assert torch.allclose(first.abs(), torch.full((2,), 0.1, dtype=torch.float64))  # lr along both axes
    assert (straight.opened, straight.step) == ("Adam", 3)


def count_the_steps(on_straight):
    fastest = {name: min(counts) for name, counts in on_straight.items()}
    assert fastest["RMSprop"] < fastest["momentum"] < fastest["SGD"] < fastest["Adam"]
    assert max(on_straight["SGD"]) == max(on_straight["momentum"]) == 151 > max(on_straight["Adam"])
    assert 90 <= min(on_straight["Adam"]) <= max(on_straight["Adam"]) <= 105
    assert fastest["RMSprop"] == 8
    assert on_straight["SGD"][1] == 56


def race_longer(longer):
    def left_at(distances):
        """Return the step at which a path leaves the neighborhood of the minimum again."""
        arrived = int((distances <= 0.01).nonzero()[0])
        return arrived + int((distances[arrived:] > 0.01).nonzero()[0])

    adam, rmsprop = (longer.paths[name].norm(dim=1) for name in ("Adam", "RMSprop"))
    assert adam[150:1550].max() < 0.01  # with lr 10 it comes
    assert adam[1550:1750].max() > 4  # and goes
    assert adam[1750:1850].min() < 0.01
    assert adam[1850:].max() > 4
    assert left_at(rmsprop) == 348
    short = dlviz.race({"RMSprop": (RMSprop, {"lr": 0.03 * 4.64})}, "ravine", steps=300).paths["RMSprop"].norm(dim=1)
    assert left_at(short) == 188
    assert abs(longer.paths["RMSprop"][-1].norm().item() - 0.1 / 2**0.5) < 0.01  # half of lr along each axis
    assert (longer.paths["RMSprop"][-1].abs() - 0.05).abs().max() < 0.005
    assert (longer.paths["RMSprop"][-1] - longer.paths["RMSprop"][-2]).abs().min() > 0.09  # and steps of lr


def race_turned(turned, straight):
    assert abs(turned.threshold["SGD"] - 2 / 20) < 1e-6  # the curvature is the same
    for name in ("SGD", "momentum"):  # the same path, turned
        along, across = turned.paths[name].T
        same = torch.stack([along + across, across - along], dim=1) / 2**0.5
        assert torch.allclose(same, straight.paths[name], atol=1e-6)


def count_turned(on_turned, on_straight):
    assert abs(min(on_turned["momentum"]) - min(on_straight["momentum"])) <= 3  # for SGD nothing has changed
    assert abs(min(on_turned["SGD"]) - min(on_straight["SGD"])) <= 3
    assert min(on_turned["RMSprop"]) > 5 * min(on_straight["RMSprop"])
    assert min(on_turned["Adam"]) < 1.5 * min(on_straight["Adam"])
    assert [min(on_turned[name]) for name in ("RMSprop", "Adam")] == [69, 99]
    assert on_turned["SGD"] == on_straight["SGD"]
    assert on_turned["momentum"] == on_straight["momentum"]


def compare_with_torch(by_hand, by_torch, largest_gap, momentum, rmsprop, adam, adagrad, digits_loss, start, device):
    class Point(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.p = torch.nn.Parameter(torch.tensor([-2.5, 1.0]))

    tasks = {
        "ravine": (lambda m: (m.p[0] ** 2 + 20 * m.p[1] ** 2) / 2, Point().to(device).double()),
        "digits": (digits_loss, start),
    }
    pairs = {
        "SGD": (lambda p, g, t: (p - 0.05 * g,), 0, SGD, {"lr": 0.05}),
        "momentum": (lambda p, g, b, t: momentum(p, g, b, 0.05, 0.9), 1, SGD, {"lr": 0.05, "momentum": 0.9}),
        "Adagrad": (lambda p, g, s, t: adagrad(p, g, s, 0.05, 1e-10), 1, Adagrad, {"lr": 0.05}),
        "RMSprop": (lambda p, g, v, t: rmsprop(p, g, v, 0.01, 0.99, 1e-8), 1, RMSprop, {"lr": 0.01}),
        "Adam": (lambda p, g, m, v, t: adam(p, g, m, v, t, 0.01, 0.9, 0.999, 1e-8), 2, Adam, {"lr": 0.01}),
    }
    for name, (step, count, kind, settings) in pairs.items():
        for task, (loss, model) in tasks.items():
            mine, theirs = by_hand(step, count, loss, model), by_torch(kind, settings, loss, model)
            assert largest_gap(model, theirs) > 0.1, (name, task)  # it has moved
            assert largest_gap(mine, theirs) < 1e-10, (name, task)


def landscape(landscape, by_momentum, by_adam, train_x, train_y, network):
    net = network()
    for corner, weights in (((1, 0), by_momentum[-1]), ((0, 1), by_adam[-1])):
        net.load_state_dict(landscape.plane.at(*corner))
        with torch.no_grad():
            on_the_plane = F.cross_entropy(net(train_x[:300]), train_y[:300]).item()
            net.load_state_dict(weights)
            assert abs(on_the_plane - F.cross_entropy(net(train_x[:300]), train_y[:300]).item()) < 1e-3


def halfway(loss_between, by_momentum, by_adam, elsewhere):
    ends = [loss_between(weights[-1], weights[-1]) for weights in (by_momentum, by_adam)]
    assert loss_between(by_momentum[-1], by_adam[-1]) < 1.2 * max(ends) < 0.2  # no hill between
    line = [loss_between(by_momentum[-1], by_adam[-1], share / 8) for share in range(9)]
    assert all(later < earlier for earlier, later in pairwise(line))  # it falls all the way
    assert loss_between(by_momentum[-1], elsewhere[-1]) > 2 * max(*ends, loss_between(elsewhere[-1], elsewhere[-1]))
