"""An order of steps is judged by training a real model with it."""

import numpy as np
import torch

from dlviz.exercises import exercise
from dlviz.exercises.trace import TrainingLoop, run_loop

ORDER = exercise("03.order")


def test_an_order_that_torch_refuses_is_reported_with_the_round_and_the_step():
    assert "round 1, backward" in ORDER.check(["backward", "forward", "step"]).message
    twice = ORDER.check(["zero_grad", "forward", "backward", "backward", "step"]).message
    assert "round 1, backward" in twice
    assert "second time" in twice


def test_unknown_steps_and_invalid_answers_are_explained():
    assert "'train'" in ORDER.check(["train"]).message
    assert "zero_grad" in ORDER.check(["train"]).message
    assert "list of steps" in ORDER.check("step").message
    assert "list of steps" in ORDER.check(3).message


def test_a_list_of_anything_but_steps_is_explained():
    for odd in ([torch.ones(2)], [np.ones(2)], [3], [["step"]], [None], ["step" * 1000]):
        content = ORDER.check(odd).message
        assert "is not one of the steps" in content
        assert len(content) < 250
    for odd in (torch.ones(3), np.array(["step"])):
        assert "list of steps" in ORDER.check(odd).message


def test_an_empty_list_is_not_attempted():
    assert ORDER.check([]).verdict == ORDER.check(["forward", ...]).verdict == "not attempted"


def test_the_right_order_trains():
    run = run_loop(ORDER.reference, seed=1)
    far = [abs(weights[0].item() - 3) for weights in run.weights]
    assert far == sorted(far, reverse=True)


def test_a_loop_of_the_same_seed_is_the_same():
    a, b = TrainingLoop(4), TrainingLoop(4)
    assert a.x.equal(b.x)
    assert not a.x.equal(TrainingLoop(5).x)
