"""Checks of lesson 06b, run by nbval after the cell of the same id."""

import copy
import math

import torch
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW

import dlviz


def setup(device):
    assert torch.zeros(1, device=device).device.type == device.type


def data_and_network(network, train_x, train_y, val_x, val_y, test_x):
    assert (len(train_x), len(val_x), len(test_x)) == (1150, 288, 359)
    assert sum(p.numel() for p in network().parameters()) == 2410
    assert len(train_y.unique()) == len(val_y.unique()) == 10


def steer_loop(run, network, loader, epochs, device):
    assert [layer.name for layer in run.layers] == ["1", "2", "3"]  # two Linears and the ReLU between them
    assert len(run.history["loss"].values) == epochs * 36

    dlviz.seed(0)
    net = network()
    optimizer = SGD(net.parameters(), lr=0.02)
    order = torch.Generator().manual_seed(0)
    batches = torch.utils.data.DataLoader(loader.dataset, batch_size=32, shuffle=True, generator=order)
    own = dlviz.live("restarted")
    own.knobs(lr=optimizer, momentum=optimizer, batch_size=batches)
    own.restarts(net, optimizer, order, seed=0)
    turns = [{}, {"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}]
    for epoch in own.epochs(2):
        for batch_x, batch_y in own.steps(batches):
            loss = F.cross_entropy(net(batch_x), batch_y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            own.log(loss=loss)
        if epoch == 1 and turns:
            own.settings = {**own.settings, **turns.pop(0)}
            own.restart()
    first, same, faster = (past.history["loss"].values for past in own.past_runs)
    heavy = own.history["loss"].values
    assert len(heavy) == 2 * 36
    assert list(first) == list(same)  # the same seed: every loss, bit for bit
    assert sum(heavy[-36:]) < sum(faster[-36:]) < sum(first[-36:])


def forgotten(train, accuracy, momentum_of, adam_of, val_x, val_y):
    assert accuracy(train(momentum_of(0.05)), val_x, val_y) > 0.9
    assert accuracy(train(momentum_of(0.05), zero_grad=False), val_x, val_y) < 0.2  # guessing
    assert abs(accuracy(train(adam_of(0.003)), val_x, val_y) - 0.89) < 0.02
    assert abs(accuracy(train(adam_of(0.003), zero_grad=False), val_x, val_y) - 0.65) < 0.1


def noise(noise, full):
    assert 1.6 < noise[8] / noise[32] < 2.4
    assert 1.6 < noise[32] / noise[128] < 2.4
    measured = torch.tensor([noise[size] for size in (8, 32, 128)]) / full.norm().item()
    assert (measured - torch.tensor([3.2, 1.6, 0.8])).abs().max() < 0.2
    assert noise[8] > full.norm()  # more noise than gradient, and it trains


def decay(decayed):
    assert decayed(SGD) == decayed(AdamW) == [0.9, 0.9]
    assert decayed(Adam) == [0.9, 0.26]

    p = torch.ones(2, requires_grad=True)
    optimizer = Adam([p], lr=1e-3, weight_decay=0.1)
    values = [1.0]
    for t in range(1000):
        p.grad = torch.tensor([1.0, 0.01]) * (-1) ** t
        optimizer.step()
        values.append(p[1].item())
    assert abs((values[0] - values[100]) / 100 - 1e-3) < 0.05e-3  # at first nearly the learning rate
    assert abs((values[900] - values[1000]) / 100 - 0.5e-3) < 0.05e-3  # in the end half of it


def adamw_by_hand(adamw, network, train_x, train_y):
    mine = network().double()
    theirs = copy.deepcopy(mine)
    start = [p.detach().clone() for p in mine.parameters()]
    optimizer = AdamW(theirs.parameters(), lr=0.01, weight_decay=0.1)
    state = {p: (torch.zeros_like(p), torch.zeros_like(p)) for p in mine.parameters()}
    for t in range(1, 101):
        for net in (mine, theirs):
            net.zero_grad()
            F.cross_entropy(net(train_x[:100].double()), train_y[:100]).backward()
        optimizer.step()
        with torch.no_grad():
            for p in mine.parameters():
                new, *state[p] = adamw(p, p.grad, *state[p], t, 0.01, 0.9, 0.999, 1e-8, 0.1)
                p.copy_(new)
    gaps = [(p - q).abs().max() for p, q in zip(mine.parameters(), theirs.parameters(), strict=True)]
    moved = [(p - q).abs().max() for p, q in zip(start, theirs.parameters(), strict=True)]
    assert max(gaps) < 1e-10
    assert max(moved) > 0.1


def adamw_compare(mine, theirs):
    assert (mine - theirs).abs().max() < 1e-12
    assert (theirs - 1).abs().max() > 0.1  # it has moved


def range_result(lrs, losses):
    assert 0.1 < lrs[losses.argmin()].item() < 2
    assert losses[lrs < 0.003].min() > 2  # too small: nothing happens in so few steps
    assert losses[lrs > 3].max() > losses[0]  # too large: worse than at the start


def exercise_schedule(lr_at):
    planned = [round(lr_at(t, 8, 4, 1), 3) for t in range(8)]
    assert planned == [0.25, 0.5, 0.75, 1, 1, 0.854, 0.5, 0.146]


def plans_chart(plans, lr_at):
    falling, curve, warmed = (plans.history[name].values for name in ("step_decay", "cosine", "warmup"))
    assert [falling[i] for i in (0, 29, 30, 60)] == [0.1, 0.1, 0.05, 0.025]
    assert [round(curve[i], 3) for i in (0, 50, 99)] == [0.1, 0.05, 0]
    assert [round(warmed[i], 3) for i in (0, 10, 99)] == [0.01, 0.1, 0]
    assert max(range(100), key=lambda t: warmed[t]) == 10
    assert max(range(100), key=lambda t: lr_at(t, 100, 10, 0.1)) == 9  # one step earlier
    assert max(abs(curve[t] - lr_at(t, 100, 0, 0.1)) for t in range(100)) < 1e-6  # the formula is torch's


def come_to_rest(constant, resting):
    assert sum(resting) < 0.8 * sum(constant)


def tune(scores):
    assert abs(scores["momentum", 0.1] - scores["momentum", 0.01] - 0.10) < 0.02
    assert abs(scores["Adam", 0.03] - scores["Adam", 0.001] - 0.14) < 0.02
    assert max(scores, key=scores.get)[1] > 0.01


def interval(interval, results):
    assert len(results["momentum"]) == len(results["Adam"]) == 10
    assert min(sum(results[name]) / 10 for name in ("momentum", "Adam")) > 0.93
    mean, half = interval(results["difference"])
    assert abs(mean) < 0.02  # far less than between learning rates
    assert 0 < half < 0.03
    mean, half = interval([94.0, 96.0, 98.0], q=4.30)
    assert abs(mean - 96) < 1e-4
    assert abs(half - 4.30 * 2 / math.sqrt(3)) < 1e-3
