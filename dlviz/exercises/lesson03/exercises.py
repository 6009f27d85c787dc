"""Lesson 03, autograd: its exercises."""

from dataclasses import dataclass
from typing import Any

import torch

from dlviz.exercises.function import Function
from dlviz.exercises.lesson03.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.report import Result
from dlviz.exercises.trace import Trace
from dlviz.kit.messages import message

# 03.hand-gradient: the chain rule by hand


def hand_gradient(w, b, x, y):
    """Return (dw, db), the gradients of mean((w * x + b - y) ** 2) with respect to w and b.

    w, b, dw and db have shape (); x and y have shape (N,).
    """
    error = w * x + b - y
    return (2 * error * x).mean(), (2 * error).mean()


def _line_and_points(i):
    w, b = torch.randn(2)
    return {"w": w, "b": b, "x": torch.randn(3 + i), "y": torch.randn(3 + i)}


HAND_GRADIENT = Function(
    id="03.hand-gradient",
    reference=hand_gradient,
    case=_line_and_points,
    mistakes={
        "no_factor_two": {"2 * error * x": "error * x", "(2 * error)": "error"},
        "summed": {"x).mean()": "x).sum()", "error).mean()": "error).sum()"},
        "sign_flipped": {"w * x + b - y": "y - (w * x + b)"},
        "no_inner_derivative": {"error * x": "error"},
        "means_multiplied": {"(2 * error * x).mean()": "2 * error.mean() * x.mean()"},
        "swapped": {"(2 * error * x)": "(2 * error)", "(2 * error)": "(2 * error * x)"},
        "error_squared": {"2 * error * x": "2 * error**2 * x", "(2 * error)": "(2 * error**2)"},
    },
)

# 03.two-paths: a unit that feeds several others


def two_paths(h, v, t):
    """Return the gradient of sum((v * h - t) ** 2) with respect to h.

    h and the gradient have shape (); v and t have shape (K,), one entry for each path.
    """
    along_each_path = 2 * (v * h - t) * v
    return along_each_path.sum()


def _path_weights(i):
    v, t = torch.randn(2, 2 + i % 3)
    return {"h": torch.randn(()), "v": v, "t": t}


TWO_PATHS = Function(
    id="03.two-paths",
    reference=two_paths,
    case=_path_weights,
    mistakes={
        "first_path_only": {".sum()": "[0]"},
        "last_path_only": {".sum()": "[-1]"},
        "averaged": {"sum": "mean"},
        "multiplied": {"sum": "prod"},
        "not_added": {".sum()": ""},
        "no_weight": {"(v * h - t) * v": "(v * h - t)"},
        "no_factor_two": {"2 * (v": "(v"},
        "added_too_early": {"2 * (v * h - t) * v": "2 * (v * h - t).sum() * v"},
        "sign_flipped": {"(v * h - t)": "(t - v * h)"},
    },
)

# 03.finite-difference: a gradient measured, not derived


def finite_difference(f, x, h):
    """Return the gradient of f at x, measured with central differences of step h.

    f(x) has shape (); the gradient has the shape and dtype of x.
    """
    gradient = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = h
        gradient.view(-1)[i] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


def differentiated(f, x, h):
    x = x.clone().requires_grad_()
    f(x).backward()
    return x.grad


def row_at_once(f, x, h):
    gradient = torch.zeros_like(x)
    for i in range(len(x)):
        step = torch.zeros_like(x)
        step[i] = h
        gradient[i] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


def _cubes(x):
    return (x**3).sum() + x.prod()


def _waves(x):
    return (torch.sin(x) * x.exp()).sum()


# The report shows the names: a learner can type them.
_cubes.__name__ = "lambda x: (x**3).sum() + x.prod()"
_waves.__name__ = "lambda x: (torch.sin(x) * x.exp()).sum()"


def _function(i):
    # Multiples of 1/128, also the step: adding and subtracting it in place is exact, even in float32, and so restores x.
    x = torch.randint(64, 192, [(3,), (2, 2), (1,), (2, 3), (4,)][i]).double() / 128
    return {"f": (_cubes, _waves)[i % 2], "x": x, "h": 2.0 ** -(5 + i % 3)}


FINITE_DIFFERENCE = Function(
    id="03.finite-difference",
    reference=finite_difference,
    case=_function,
    mistakes={
        "one_sided": {"f(x - step)) / (2 * h)": "f(x)) / h"},
        "divided_by_h": {"(2 * h)": "h"},
        "not_divided": {" / (2 * h)": ""},
        "multiplied_by_h": {"/ (2 * h)": "/ 2 * h"},
        "sign_flipped": {"f(x + step) - f(x - step)": "f(x - step) - f(x + step)"},
        "all_at_once": lambda f, x, h: torch.full_like(x, ((f(x + h) - f(x - h)) / (2 * h)).item()),
        "row_at_once": row_at_once,
        "differentiated": differentiated,
    },
)

# 03.untracked: repaired from a tutorial (C10), where requires_grad comes after y and z


def tracked(values):
    """Return z, tracked, and the gradient of z.sum() with respect to x.

    values and the gradient have shape (N, M); z has shape (N, N).
    """
    x = values.clone()
    x.requires_grad = True
    y = x + 2
    z = y.mm(y.T)
    z.sum().backward()
    return z, x.grad


UNTRACKED = Repair(
    id="03.untracked",
    reference=tracked,
    case=lambda i: {"values": torch.randn(2 + i % 2, 2 + i % 3)},
    broken="untracked",
    mistakes={
        "untracked": {
            "values):": "values):  # repair this code",
            "    x.requires_grad = True\n": "",
            "    z.sum().backward()\n": "    x.requires_grad = True\n    out = x.sum()\n    out.backward()\n",
        },
        "other_output": {"z.sum().backward()": "x.sum().backward()"},
        "still_too_late": {"x.requires_grad = True": "", "y.mm(y.T)": "y.mm(y.T); x.requires_grad = True"},
        "no_gradient": {"    z.sum().backward()\n": ""},
        "mean_instead": {"z.sum()": "z.mean()"},
    },
    metric=lambda function: function(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))[1],
)

# 03.accumulated: repaired from a tutorial (C7), whose loop neither zeroes nor steps


def gradients_seen(x, y, rounds):
    """Return a list of floats: for each round, the gradient of that round's loss alone.

    x and y have shape (rounds, N); round i uses x[i] and y[i].
    """
    w = torch.zeros((), requires_grad=True)
    readings = []
    for i in range(rounds):
        w.grad = None
        loss = (w * x[i] - y[i]).pow(2).mean()
        loss.backward()
        readings.append(w.grad.item())
    return readings


def _regression(i):
    rounds = 3 + i % 3
    # Other data in each round: with the same data, the mean of all rounds so far would be right by chance.
    x = torch.rand(rounds, 3 + i) + torch.arange(1.0, rounds + 1)[:, None]
    return {"x": x, "y": 3 * x + torch.randn(()) + 2, "rounds": rounds}


def _readings(function):
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    return function(x, 3 * x, 2)


ACCUMULATED = Repair(
    id="03.accumulated",
    reference=gradients_seen,
    case=_regression,
    broken="accumulated",
    mistakes={
        "accumulated": {"x, y, rounds):": "x, y, rounds):  # repair this code", "        w.grad = None\n": ""},
        "zeroed_too_early": {"w.grad = None": "", "loss.backward()": "loss.backward(); w.grad.zero_()"},
        "averaged_rounds": {"w.grad = None": "", "w.grad.item()": "w.grad.item() / rounds"},
        "averaged_so_far": {"w.grad = None": "", "w.grad.item()": "w.grad.item() / (i + 1)"},
        "first_round_only": {"x[i]": "x[0]", "y[i]": "y[0]"},
    },
    metric=_readings,
)

# 03.order: one round of training


@dataclass(frozen=True, kw_only=True, repr=False)
class OneRound(Trace):
    """Order of steps, each of which stands in it once: an order that trains with more steps is refused."""

    def judge(self, answer: Any, seed: int) -> Result:
        """Judge as a trace, and count the steps of an order that trains."""
        result = super().judge(answer, seed)
        if not result.passed or len(answer) == len(self.reference):
            return result
        return self.wrong(message(self.key("longer"), count=len(answer)))


ORDER = OneRound(
    id="03.order",
    reference=("zero_grad", "forward", "backward", "step"),
    mistakes={
        "never_zeroed": ("forward", "backward", "step"),
        "never_stepped": ("zero_grad", "forward", "backward"),
        "stepped_first": ("zero_grad", "forward", "step", "backward"),
        "zeroed_before_step": ("forward", "backward", "zero_grad", "step"),
        "stepped_before_backward": ("step", "zero_grad", "forward", "backward"),
        "stepped_in_between": ("forward", "step", "zero_grad", "backward"),
    },
)

CLOSER, PATHS, ACCUMULATE, MOVED, RETROACTIVE, JACOBIAN, NON_SCALAR = PREDICTIONS

# In the order of the lesson, so that the progress bar leads to the next open one.
ITEMS = (
    HAND_GRADIENT,
    CLOSER,
    FINITE_DIFFERENCE,
    PATHS,
    TWO_PATHS,
    ACCUMULATE,
    MOVED,
    ACCUMULATED,
    ORDER,
    RETROACTIVE,
    UNTRACKED,
    JACOBIAN,
    NON_SCALAR,
)
