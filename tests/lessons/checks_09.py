"""Checks of lesson 09, run by nbval after the cell of the same id."""

import torch
from torch import nn


def count_parameters(counted):
    assert sum(p.numel() for p in counted.parameters()) == 16 * 8 + 16 * 16 + 2 * 16 == 416
    state, states = 0.0, []
    for x in (1, 0, 2):  # the example of section 1
        state = 0.5 * state + x
        states.append(state)
    assert states == [1, 0.5, 2.25]
    assert 0.5 * (0.5 * 2 + 0) + 1 == 1.5
    h, kept = torch.zeros(2), []
    for x in (1.0, 0.0):  # the example of section 2: the second unit takes what the first held
        h = torch.tanh(torch.tensor([1.0, 0.0]) * x + torch.tensor([[0.0, 0.0], [1.0, 0.0]]) @ h)
        kept.append([round(value, 2) for value in h.tolist()])
    assert kept == [[0.76, 0], [0, 0.64]]


def exercise_cell(cell):
    one = torch.tensor([[1.0]])
    new = cell(one, 2 * one, 0.5 * one, 0.25 * one, torch.zeros(1), torch.zeros(1))
    assert round(new.item(), 3) == 0.762  # the example of the text


def read_a_name(names, letters, languages, outputs, last):
    assert (len(names), len(letters), len(languages)) == (2880, 57, 16)
    assert (min(map(len, names)), max(map(len, names))) == (2, 15)
    assert outputs.shape == (4, 12)
    assert torch.equal(outputs[-1], last[0])


def unroll_anna(states, reader, encode):
    text = states.text
    states.text = "anna"
    h = states.states["h"]  # (4, 12), a row for each letter
    assert not torch.allclose(h[1], h[2], atol=1e-2)  # the same n, another state
    assert torch.allclose(h.to(encode("a").device), reader(encode("anna"))[0], atol=1e-3)
    states.text = text


def context_and_knowledge(first, second, after_otto, before, reader):
    assert torch.allclose(first, second)  # a new sequence begins at h = 0: nothing is left of the one before
    assert not torch.allclose(after_otto[0], first[0], atol=1e-2)  # unless the state is handed on
    # Reading changes no weight.
    assert all(torch.equal(p, was) for p, was in zip(reader.parameters(), before, strict=True))


def powers(first_to_last):
    assert first_to_last(3, 4) == 81
    assert first_to_last(0.5, 20) < 1e-6  # it vanishes
    assert first_to_last(1.5, 40) > 1e7  # it explodes
    assert round(first_to_last(0.9, 60), 3) == 0.002
    assert 250 < first_to_last(1.1, 60) < 350
    w = torch.tensor(3.0, requires_grad=True)
    (w * (w * 1)).backward()
    assert w.grad == 6  # two contributions of 3


def product_of_jacobians(product, by_autograd, W):
    assert torch.allclose(product, by_autograd, atol=1e-4)
    stretch = torch.linalg.matrix_norm(W, 2)
    assert torch.linalg.matrix_norm(product, 2) <= stretch**10 * 1.001  # the bound of the text
    a = torch.atanh(torch.tensor(0.6)).requires_grad_()
    torch.tanh(a).backward()
    assert round(a.grad.item() * 0.5, 2) == 0.32  # the factor of one unit in the text
    assert round(0.32**10, 5) == 1e-5


def untrained_reach(memory, untrained, sequence, s):
    memory.reset()
    assert memory.grad_norm_by_lag[0] > 0.1
    assert memory.grad_norm_by_lag[39] < 1e-5  # after 39 steps the symbol is gone

    strength = memory.grad_norm_by_lag
    assert 0.5 < (strength[39] / strength[0]).item() ** (1 / 39) < 0.65  # the factor of one step
    assert abs(s - 1.1265) < 1e-3  # above 1, and the gradient vanishes
    assert round(1.1265**39) == 104

    x = sequence.clone().requires_grad_()
    untrained(x)[0][0, -1].sum().backward()
    assert x.grad[0, 0].norm() < 1e-4 < 1e-2 < x.grad[0, 39].norm()  # the same, asked of backward
    untrained.zero_grad()


def exercise_clip(clip):
    a, b = clip(torch.tensor([30.0]), torch.tensor([[40.0]]), 5)
    assert (round(a.item(), 3), round(b.item(), 3)) == (3, 4)  # the example of the text
    weight = torch.zeros(2, requires_grad=True)
    weight.grad = torch.tensor([30.0, 40.0])
    nn.utils.clip_grad_norm_(weight, 5.0)
    assert torch.allclose(weight.grad, torch.tensor([3.0, 4.0]), atol=1e-3)


def explode_and_clip(norm_before, norm_after):
    assert norm_before > 1e8
    assert abs(norm_after - 1) < 1e-3


def sunspots(series, x, y, spots):
    assert series.shape == (309, 1)
    assert torch.equal(x[1:], y[:-1])
    steps = spots.history["sunspots"].steps
    assert (1700 + steps[0], 1700 + steps[-1]) == (1701, 2008)  # the years that the chart shows


def a_second_backward(Forecast, x, device):
    torch.manual_seed(0)
    net = Forecast().to(device)
    past = x[:10].clone().requires_grad_()
    _, state = net(past)
    attached, _ = net(x[10:20], state)
    detached, _ = net(x[10:20], state.detach())
    assert torch.equal(attached, detached)  # the numbers continue
    assert torch.autograd.grad(attached.sum(), past, retain_graph=True)[0].any()
    assert torch.autograd.grad(detached.sum(), past, allow_unused=True)[0] is None  # the gradient ends here

    attached.sum().backward()
    message = ""
    try:
        net(x[20:30], state)[0].sum().backward()
    except RuntimeError as error:
        message = str(error)
    assert "backward through the graph a second time" in message


def rivals_of_the_series(networks, linear, repeated, nine):
    assert nine.shape == (300, 10)
    assert max(networks) < 0.85 * repeated
    assert abs(sum(networks) / 3 - linear) < 5
