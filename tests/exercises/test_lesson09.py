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
