"""Lesson 09: which mistake is named for answers that people write first."""

import pytest
import torch

from dlviz.exercises import exercise


def in_pieces(net, optimizer, x, y, size, kept, loss_of):
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        guess, state = net(past, state)
        loss = loss_of((guess - future).pow(2).mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state = kept(state)
    return state


def loss_detached(net, optimizer, x, y, size):
    return in_pieces(net, optimizer, x, y, size, torch.Tensor.detach, torch.Tensor.detach)


def state_set_to_none(net, optimizer, x, y, size):
    return in_pieces(net, optimizer, x, y, size, lambda state: None, lambda loss: loss)


def without_gradients(net, optimizer, x, y, size):
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        with torch.no_grad():
            guess, state = net(past, state)
        loss = (guess - future).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return state


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (loss_detached, "guess_detached"),
        (without_gradients, "guess_detached"),
        (state_set_to_none, "state_reset"),
    ],
)
def test_a_mistake_of_training_in_pieces_is_named(answer, mistake):
    result = exercise("09.detach").judge(answer, 0)
    assert (result.verdict, result.misconception) == ("wrong", mistake)
    assert "You detached the guess" not in result.message


def detached_and_dropped(net, optimizer, x, y, size):
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        guess, state = net(past, state)
        state.detach()
        loss = (guess - future).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return state


def test_a_detached_state_that_is_not_kept_is_explained():
    result = exercise("09.detach").judge(detached_and_dropped, 0)
    assert result.misconception == "state_attached"
    assert "use what it returns" in result.message


def rectified(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.relu(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


def without_biases(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + h @ w_hh.T)


def clipped_by_the_larger(a, b, limit):
    factor = min(1, limit / max(a.norm(), b.norm()))
    return factor * a, factor * b


def clipped_by_max(a, b, limit):
    factor = max(1, limit / (a.norm() ** 2 + b.norm() ** 2) ** 0.5)
    return factor * a, factor * b


def clipped_as_parameters(a, b, limit):
    torch.nn.utils.clip_grad_norm_([a, b], limit)  # a and b have no .grad, so nothing is changed
    return a, b


def new_biases(lstm, bias):
    with torch.no_grad():
        for name, values in lstm.named_parameters():
            if name.startswith("bias"):
                values.zero_()
            if name.startswith("bias_ih"):
                values[lstm.hidden_size : 2 * lstm.hidden_size] = bias


def detached_in_place(net, optimizer, x, y, size):
    return in_pieces(net, optimizer, x, y, size, torch.Tensor.detach_, lambda loss: loss)


def forgotten_in_place(a, c):
    i, f, g, o = a.chunk(4, dim=1)
    c *= f.sigmoid()
    c += i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gates_in_place(a, c):
    i, f, g, o = a.split(c.shape[1], dim=1)
    c = f.sigmoid() * c + i.sigmoid_() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def of_every_letter(logits, targets):
    return -torch.log2(logits.softmax(dim=-1)[targets != -100]).mean()


@pytest.mark.parametrize(
    ("id", "answer", "mistake"),
    [
        ("09.cell", rectified, "squashed_by_relu"),
        ("09.cell", without_biases, "no_bias"),
        ("09.clip", clipped_by_the_larger, "larger_of_the_norms"),
        ("09.clip", clipped_by_max, "never_shorter"),
        ("09.clip", clipped_as_parameters, "unchanged"),
        ("09.detach", detached_in_place, "detached_in_place"),
        ("09.lstm", forgotten_in_place, "changed_in_place"),
        ("09.lstm", gates_in_place, "gate_changed_in_place"),
        ("09.forget", new_biases, "other_gates_zeroed"),
        ("09.bits", of_every_letter, "all_letters"),
    ],
)
def test_a_likely_mistake_is_named(id, answer, mistake):
    result = exercise(id).judge(answer, 0)
    assert (result.verdict, result.misconception) == ("wrong", mistake)
