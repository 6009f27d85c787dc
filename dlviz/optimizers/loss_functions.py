"""Losses of two numbers: named test functions and the learner's own, evaluated at a point and over a grid."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

Box = tuple[tuple[float, float], tuple[float, float]]


def bowl(p):
    """Bends twice as much along y as along x."""
    x, y = p[0], p[1]
    return (x**2 + 2 * y**2) / 2


def ravine(p):
    """Bends twenty times as much along y as along x."""
    x, y = p[0], p[1]
    return (x**2 + 20 * y**2) / 2


def rosenbrock(p):
    """A long curved valley, nearly flat along its floor."""
    x, y = p[0], p[1]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def saddle(p):
    """Up along x, down along y."""
    x, y = p[0], p[1]
    return (x**2 - y**2) / 2


def himmelblau(p):
    """Four minima, all of them 0."""
    x, y = p[0], p[1]
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def beale(p):
    """Flat plains, steep corners, one minimum."""
    x, y = p[0], p[1]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@dataclass(frozen=True)
class LossFunction:
    """Function of a tensor of two numbers, with the region in which it is usually shown.

    Attributes:
        name: its name in the picture.
        function: takes a float64 tensor of shape (2,), returns a scalar.
        limits: ((x low, x high), (y low, y high)) of the usual region; ``None`` for a learner's own function.
        start: the usual start of a race.
        minima: its known minima.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    limits: Box | None = None
    start: tuple[float, float] | None = None
    minima: tuple[tuple[float, float], ...] = ()


_HIMMELBLAU = ((3.0, 2.0), (-2.805118, 3.131312), (-3.77931, -3.283186), (3.584428, -1.848126))
#: The named test functions. https://en.wikipedia.org/wiki/Test_functions_for_optimization
TEST_FUNCTIONS = {
    loss.name: loss
    for loss in (
        LossFunction("bowl", bowl, ((-3, 3), (-3, 3)), (-2.5, 2.0), ((0, 0),)),
        LossFunction("ravine", ravine, ((-3, 3), (-2, 2)), (-2.5, 1.0), ((0, 0),)),
        LossFunction("rosenbrock", rosenbrock, ((-2, 2), (-1, 3)), (-1.5, 2.0), ((1, 1),)),
        LossFunction("saddle", saddle, ((-2, 2), (-2, 2)), (-1.5, 0.01)),
        LossFunction("himmelblau", himmelblau, ((-5, 5), (-5, 5)), (-0.5, -1.0), _HIMMELBLAU),
        LossFunction("beale", beale, ((-1, 4.5), (-2, 2)), (1.0, 1.5), ((3, 0.5),)),
    )
}


def find_loss(caller: str, loss: Any) -> LossFunction:
    """Return the loss: one of :data:`TEST_FUNCTIONS` by its name, or the learner's own function.

    Raises:
        DlvizError: it is neither.

    Example:
        >>> find_loss("race", "ravine").minima
        ((0, 0),)
    """
    if isinstance(loss, str) and loss in TEST_FUNCTIONS:
        return TEST_FUNCTIONS[loss]
    if not callable(loss):
        names = ", ".join(TEST_FUNCTIONS)
        raise DlvizError(message("optimizers.refused.loss", caller=caller, got=repr(loss), names=names))
    name = getattr(loss, "__name__", type(loss).__name__)
    return LossFunction("loss" if name == "<lambda>" else name, loss)


def evaluate_point(caller: str, loss: LossFunction, point: Tensor) -> Tensor:
    """Return the loss at a point, with every check that the function needs before anything is drawn.

    Raises:
        DlvizError: the function refuses two numbers, or does not return one real number.
    """
    try:
        result = loss.function(point)
    except Exception as error:
        text = first_line(error)
        raise DlvizError(message("optimizers.refused.raised", caller=caller, name=loss.name, error=text)) from None
    if not is_real_scalar(result):
        raise DlvizError(message("optimizers.refused.scalar", caller=caller, name=loss.name, got=describe(result)))
    return result.reshape(())


def evaluate_grid(loss: LossFunction, x: Tensor, y: Tensor) -> Tensor:
    """Return the loss at every point of a grid: (len(y), len(x)).

    Example:
        >>> evaluate_grid(TEST_FUNCTIONS["bowl"], torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0]))
        tensor([[0., 2.],
                [1., 3.]])
    """
    points = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)
    # A loss may draw random numbers: the learner's generator must not advance.
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            values = torch.func.vmap(lambda p: loss.function(p).reshape(()))(points)
        except Exception:  # vmap refuses .item(), branches on a number and random numbers; single calls do not
            values = torch.stack([loss.function(p).reshape(()) for p in points])
    return values.reshape(len(y), len(x)).to(x.dtype)


def is_real_scalar(value: Any) -> bool:
    """Return whether `value` is a tensor of one real number."""
    return isinstance(value, Tensor) and value.numel() == 1 and value.dtype.is_floating_point


def describe(value: Any) -> str:
    """Return a short description of what a loss function returned, for an error message."""
    return f"a tensor of shape {tuple(value.shape)}, {value.dtype}" if isinstance(value, Tensor) else repr(value)[:80]


def first_line(error: Exception) -> str:
    """Return the error's class and the first line of its text."""
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
