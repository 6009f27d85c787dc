"""Lesson 06: its optimizers by hand take torch's steps, for random settings, and common first answers are named."""

import copy
import math
from functools import partial
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop

from dlviz.exercises import catalog, exercise
from dlviz.exercises.lesson06 import exercises
from dlviz.exercises.trace import ScheduledLoop
from dlviz.optimizers import TEST_FUNCTIONS

from . import mutants
from .answers import ACCEPTED

LESSONS = Path(__file__).parents[2] / "lessons"
CELLS = [cell for path in sorted(LESSONS.glob("06*.ipynb")) for cell in nbformat.read(path, 4).cells]


def lesson_functions() -> dict:
    """Return the functions defined in both notebooks of the lesson."""
    space = {"torch": torch, "copy": copy}
    for id in ("adagrad-by-hand", "hundred-steps", "hundred-steps-of-torch", "adam-by-hand", "adamw-by-hand"):
        (cell,) = (cell for cell in CELLS if cell.id == id)
        exec(cell.source, space)
    return space


HAND = lesson_functions()


def random_settings(seed: int) -> dict[str, float]:
    """Return random settings from a wide range of learning rates, decays and momenta.

    High learning rates and Adam with small betas are left out: their paths are chaotic, and rounding errors of the first step
    grow to the size of the weights within a hundred steps.
    """
    lr, decay, mu, one, two, alpha = torch.rand(6, generator=torch.Generator().manual_seed(seed)).tolist()
    return {
        "lr": 10 ** (-3.5 + 1.5 * lr), "decay": 0.2 * decay, "mu": 0.99 * mu,
        "one": 0.5 + 0.45 * one, "two": 0.95 + 0.0495 * two, "alpha": 0.9 + 0.099 * alpha,
    }  # fmt: skip


def pairs(s):
    """Return for each optimizer: the step by hand, its number of state tensors, torch's class, and its arguments."""
    lr, betas = s["lr"], (s["one"], s["two"])
    return {
        "sgd": (lambda p, g, t: (p - lr * g,), 0, SGD, {}),
        "momentum": (lambda p, g, b, t: exercises.momentum(p, g, b, lr, s["mu"]), 1, SGD, {"momentum": s["mu"]}),
        "adagrad": (lambda p, g, v, t: HAND["adagrad"](p, g, v, lr, 1e-10), 1, Adagrad, {}),
        "rmsprop": (
            lambda p, g, v, t: exercises.rmsprop(p, g, v, lr, s["alpha"], 1e-8), 1, RMSprop, {"alpha": s["alpha"]}
        ),
        "adam": (lambda p, g, m, v, t: exercises.adam(p, g, m, v, t, lr, *betas, 1e-8), 2, Adam, {"betas": betas}),
        "adam of the second notebook": (
            lambda p, g, m, v, t: HAND["adam"](p, g, m, v, t, lr, *betas, 1e-8), 2, Adam, {"betas": betas}
        ),
        "adamw": (
            lambda p, g, m, v, t: HAND["adamw"](p, g, m, v, t, lr, *betas, 1e-8, s["decay"]),
            2, AdamW, {"betas": betas, "weight_decay": s["decay"]},
        ),
        # L2 is added to the gradient, whatever the optimizer.
        "sgd with L2": (
            lambda p, g, b, t: exercises.momentum(p, g + s["decay"] * p, b, lr, s["mu"]),
            1, SGD, {"momentum": s["mu"], "weight_decay": s["decay"]},
        ),
        "adam with L2": (
            lambda p, g, m, v, t: exercises.adam(p, g + s["decay"] * p, m, v, t, lr, *betas, 1e-8),
            2, Adam, {"betas": betas, "weight_decay": s["decay"]},
        ),
    }  # fmt: skip


class Point(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.p = nn.Parameter(torch.tensor(start, dtype=torch.float64))


def tasks(seed):
    """Yield test functions and a real network, each with its name, loss and model."""
    torch.manual_seed(seed)
    for name in ("ravine", "himmelblau"):
        yield name, (lambda m, f=TEST_FUNCTIONS[name].function: f(m.p)), Point(TEST_FUNCTIONS[name].start)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * 4 * 4, 5)).double()
    x, y = torch.randn(20, 1, 6, 6, dtype=torch.float64), torch.randint(5, (20,))
    yield "network", (lambda m: F.cross_entropy(m(x), y)), net


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", pairs(random_settings(0)))
def test_a_hundred_steps_by_hand_are_torchs_within_1e_10(name, seed):
    settings = random_settings(seed)
    step, kept, kind, more = pairs(settings)[name]
    for task, loss, model in tasks(seed):
        mine = HAND["by_hand"](step, kept, loss, model)
        theirs = HAND["by_torch"](kind, {"lr": settings["lr"], **more}, loss, model)
        ends = [torch.cat([p.detach().flatten() for p in one.parameters()]) for one in (model, mine, theirs)]
        assert ends[2].isfinite().all(), task
        assert (ends[2] - ends[0]).abs().max() > 1e-3, task
        assert HAND["largest_gap"](mine, theirs) < 1e-10, task


@pytest.mark.parametrize("mistake", exercises.ADAM.wrong_answers.values(), ids=exercises.ADAM.wrong_answers)
def test_the_comparison_would_catch_each_known_mistake_in_adam(mistake):
    _, loss, model = list(tasks(0))[2]
    mine = HAND["by_hand"](lambda p, g, m, v, t: mistake(p, g, m, v, t, 0.01, 0.9, 0.99, 0.01), 2, loss, model)
    theirs = HAND["by_torch"](Adam, {"lr": 0.01, "betas": (0.9, 0.99), "eps": 0.01}, loss, model)
    assert not HAND["largest_gap"](mine, theirs) < 1e-6


@pytest.mark.parametrize("kind", [SGD, Adagrad, RMSprop, Adam, AdamW])
def test_the_same_seed_replays_bitwise(kind):
    ends = []
    for _ in range(2):
        _, loss, model = list(tasks(3))[2]
        ends.append(HAND["by_torch"](kind, {"lr": 0.01}, loss, model))
    assert HAND["largest_gap"](*ends) == 0


def test_every_other_order_of_a_scheduled_round_is_rejected():
    order = catalog.items()["06.order"]
    right = {order.reference, *map(tuple, ACCEPTED["06.order"])}
    wrong = mutants.of_order(ScheduledLoop.steps, right)
    assert len(wrong) == 325 - 4
    assert not [steps for steps in wrong if order.judge(steps, 3).passed]
    assert '"schedule"' in order.judge(["halve"], 3).message


def fitted(*lines):
    """Return the loop of 06.updates with these lines after the loss."""
    code = """
def fit(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lr)
    readings = []
    for _ in range(rounds):
        loss = (w * x - y).pow(2).mean()
        LINES
        readings.append((w.grad.item(), w.item()))
    return readings
"""
    names = {"torch": torch}
    exec(code.replace("LINES", "; ".join(lines)), names)
    return names["fit"]


def fit_with(optimizer=SGD, loss=lambda errors: errors.pow(2).mean(), pair=lambda w: (w.grad.item(), w.item())):
    """Return the solution of 06.updates with another optimizer, another loss or another pair."""

    def fit(x, y, lr, rounds):
        w = torch.zeros((), requires_grad=True)
        training = optimizer([w], lr=lr)
        readings = []
        for _ in range(rounds):
            training.zero_grad()
            loss(w * x - y).backward()
            training.step()
            readings.append(pair(w))
        return readings

    return fit


def updated_without_an_optimizer(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for _ in range(rounds):
        (w * x - y).pow(2).mean().backward()
        w = w - lr * w.grad
        readings.append((w.grad.item(), w.item()))
    return readings


def updated_in_the_graph(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for _ in range(rounds):
        (w * x - y).pow(2).mean().backward()
        w -= lr * w.grad
        readings.append((w.grad.item(), w.item()))
    return readings


def updated_and_cleared(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for _ in range(rounds):
        (w * x - y).pow(2).mean().backward()
        with torch.no_grad():
            w -= lr * w.grad
        w.grad.zero_()
        readings.append((w.grad.item(), w.item()))
    return readings


def updated_without_a_list(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    torch.optim.SGD(w, lr=lr)


def rmsprop_with_eps_beside(p, g, v, lr, alpha, eps):
    v = alpha * v + (1 - alpha) * g * g
    return p - lr * g / torch.sqrt(v) + eps, v


def adam_from_the_old_means(p, g, m, v, t, lr, beta1, beta2, eps):
    p = p - lr * m / (1 - beta1**t) / (torch.sqrt(v / (1 - beta2**t)) + eps)
    return p, *means(g, m, v, beta1, beta2)


def lr_without_parentheses(t, total, warmup, peak):
    if t < warmup:
        return peak * t + 1 / warmup
    return peak * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2


def lr_without_the_peak(t, total, warmup, peak):
    if t < warmup:
        return (t + 1) / warmup
    return peak * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2


def lr_of_both_formulas(t, total, warmup, peak):
    rising = peak * (t + 1) / warmup
    falling = peak * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2
    return rising if t < warmup else falling


def warmup_with(compare, warm=1, wave=0):
    def lr_at(t, total, warmup, peak):
        if compare(t, warmup):
            return peak * (t + 1) / (warmup + warm)
        return peak * (1 + math.cos(math.pi * (t - warmup + wave) / (total - warmup))) / 2

    return lr_at


def means(g, m, v, beta1, beta2):
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


def adam_corrected_by(correction):
    def adam(p, g, m, v, t, lr, beta1, beta2, eps):
        m, v = means(g, m, v, beta1, beta2)
        return p - lr * correction(m, beta1, t) / (correction(v, beta2, t).sqrt() + eps), m, v

    return adam


def adam_with_the_root_first(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = means(g, m, v, beta1, beta2)
    return p - lr * m / (1 - beta1**t) / (torch.sqrt(v) / (1 - beta2**t) + eps), m, v


def half_wave(progress):
    return (1 + math.cos(math.pi * progress)) / 2


def lr_by(rising, falling):
    """Return a schedule with these factors of the peak: of (t, warmup) in the warmup, of the progress after it."""

    def lr_at(t, total, warmup, peak):
        return peak * (rising(t, warmup) if t < warmup else falling((t - warmup) / (total - warmup)))

    return lr_at


def lr_with_whole_numbers(rising):
    def lr_at(t, total, warmup, peak):
        return rising(peak, t, warmup) if t < warmup else peak * half_wave((t - warmup) / (total - warmup))

    return lr_at


def adam_in_another_order(p, g, m, v, *settings):
    p, m, v = exercises.adam(p, g, m, v, *settings)
    return p, v, m


def rmsprop_in_another_order(*arguments):
    return exercises.rmsprop(*arguments)[::-1]


def rmsprop_adding_squares(p, g, v, lr, alpha, eps):
    v = alpha * v + g**2
    return p - lr * g / (v.sqrt() + eps), v


def momentum_as_velocity(p, g, b, lr, mu):
    b = mu * b - lr * g
    return p + b, b


def momentum_with_the_other_sign(p, g, b, lr, mu):
    b = mu * b - g
    return p + lr * b, b


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize(
    ("id", "answer", "mistake"),
    [
        ("06.updates", fitted("optimizer.zero_grad", "loss.backward()", "optimizer.step"), "backward_alone"),
        ("06.updates", fitted("optimizer.zero_grad()", "loss.backward()", "optimizer.step"), "never_stepped"),
        ("06.updates", fitted("optimizer.zero_grad", "loss.backward()", "optimizer.step()"), "never_zeroed"),
        (
            "06.updates",
            fitted("optimizer.step()", "optimizer.zero_grad()", "loss.backward()"),
            "stepped_with_old_gradients",
        ),
        ("06.updates", fitted("loss.backward()", "optimizer.step()", "optimizer.zero_grad()"), "nothing_to_read"),
        ("06.updates", updated_without_an_optimizer, "nothing_to_read"),
        ("06.updates", updated_in_the_graph, "moved_in_the_graph"),
        ("06.updates", updated_and_cleared, "cleared_before_reading"),
        ("06.updates", updated_without_a_list, "parameter_without_list"),
        ("06.updates", fitted("w.zero_grad()", "loss.backward()", "optimizer.step()"), "zero_grad_of_the_tensor"),
        ("06.updates", fit_with(loss=lambda errors: errors.pow(2).sum()), "summed"),
        ("06.updates", fit_with(optimizer=Adam), "adam"),
        ("06.updates", fit_with(optimizer=partial(SGD, momentum=0.9)), "with_momentum"),
        ("06.updates", fit_with(pair=lambda w: [w.item(), w.grad.item()]), "swapped"),
        ("06.updates", fit_with(pair=lambda w: (w.grad, w)), "tensors"),
        ("06.updates", fit_with(pair=lambda w: (w.grad, w.data)), "tensors"),
        ("06.updates", fit_with(pair=lambda w: (w.grad.clone(), w.detach().clone())), "copied_tensors"),
        ("06.momentum", lambda p, g, b, lr, mu: (p - lr * (b + mu * g), b + mu * g), "mu_at_the_gradient"),
        ("06.momentum", momentum_as_velocity, "velocity"),
        ("06.momentum", momentum_with_the_other_sign, "negative_buffer"),
        ("06.rmsprop", rmsprop_in_another_order, "swapped"),
        ("06.rmsprop", rmsprop_adding_squares, "square_not_weighted"),
        ("06.rmsprop", rmsprop_with_eps_beside, "eps_beside_the_fraction"),
        ("06.adam", adam_in_another_order, "swapped"),
        ("06.adam", adam_from_the_old_means, "old_means_corrected"),
        ("06.adam", adam_corrected_by(lambda mean, beta, t: mean / (1 - beta ** (t + 1))), "corrected_one_step_late"),
        ("06.adam", adam_corrected_by(lambda mean, beta, t: mean / (1 - beta * t)), "multiplied_by_t"),
        ("06.adam", adam_corrected_by(lambda mean, beta, t: mean / 1 - beta**t), "no_parentheses"),
        ("06.adam", adam_corrected_by(lambda mean, beta, t: mean / (1 - beta**2)), "exponent_fixed"),
        ("06.adam", adam_with_the_root_first, "root_before_correction"),
        ("06.schedule", lr_by(lambda t, n: (t + 1) / n, lambda x: math.cos(math.pi / 2 * x)), "quarter_wave"),
        (
            "06.schedule",
            lr_by(lambda t, n: (t + 1) / n, lambda x: (1 + math.cos(math.pi * x / 2)) / 2),
            "stops_half_way",
        ),
        ("06.schedule", lr_by(lambda t, n: (t + 1) // n, half_wave), "whole_division_in_the_warmup"),
        ("06.schedule", lr_with_whole_numbers(lambda peak, t, n: peak * (t + 1) // n), "whole_division_in_the_warmup"),
        ("06.schedule", lr_by(lambda t, n: (t + 1) / n, lambda x: half_wave(x // 1)), "whole_division_in_the_fraction"),
        ("06.schedule", warmup_with(lambda t, warmup: t <= warmup, warm=0), "one_step_too_long"),
        ("06.schedule", warmup_with(lambda t, warmup: t < warmup), "warmup_below_peak"),
        ("06.schedule", warmup_with(lambda t, warmup: t < warmup, warm=0, wave=1), "cosine_one_step_early"),
        ("06.schedule", lr_without_parentheses, "no_parentheses_in_the_warmup"),
        ("06.schedule", lr_without_the_peak, "peak_missing_in_the_warmup"),
        ("06.schedule", lr_of_both_formulas, "divides_by_no_warmup"),
        ("06.order", ["step", "zero_grad", "forward", "backward", "schedule"], "stepped_with_old_gradients"),
        ("06.order", ["zero_grad", "forward", "backward", "schedule"], "never_stepped"),
    ],
)
def test_a_common_first_answer_is_named(id, answer, mistake):
    assert exercise(id).judge(answer, 3).misconception == mistake


@pytest.mark.parametrize("lines", [("zero_grad", "step"), ("zero_grad()", "step"), ("zero_grad", "step()")])
def test_a_method_that_is_not_called_is_told_about_its_parentheses(lines):
    zero_grad, step = (f"optimizer.{line}" for line in lines)
    result = exercise("06.updates").judge(fitted(zero_grad, "loss.backward()", step), 3)
    assert "()" in result.message
    assert "This is the code" not in result.message
