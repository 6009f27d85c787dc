"""Losses of two numbers: the named ones, and the learner's own, evaluated over a grid."""

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
class Loss:
    """A function of a tensor of two numbers and how it is usually looked at.

    Attributes:
        name: what it is called in the picture.
        function: takes a float64 tensor of shape (2,), returns a scalar.
        limits: ((x low, x high), (y low, y high)) of the usual picture; ``None`` for a learner's own.
        start: where races on it usually start.
        minima: where it is least, as far as that is known.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    limits: Box | None = None
    start: tuple[float, float] | None = None
    minima: tuple[tuple[float, float], ...] = ()


_HIMMELBLAU = ((3.0, 2.0), (-2.805118, 3.131312), (-3.77931, -3.283186), (3.584428, -1.848126))
#: The named losses. https://en.wikipedia.org/wiki/Test_functions_for_optimization
NAMED = {
    loss.name: loss
    for loss in (
        Loss("bowl", bowl, ((-3, 3), (-3, 3)), (-2.5, 2.0), ((0, 0),)),
        Loss("ravine", ravine, ((-3, 3), (-2, 2)), (-2.5, 1.0), ((0, 0),)),
        Loss("rosenbrock", rosenbrock, ((-2, 2), (-1, 3)), (-1.5, 2.0), ((1, 1),)),
        Loss("saddle", saddle, ((-2, 2), (-2, 2)), (-1.5, 0.01)),
        Loss("himmelblau", himmelblau, ((-5, 5), (-5, 5)), (-0.5, -1.0), _HIMMELBLAU),
        Loss("beale", beale, ((-1, 4.5), (-2, 2)), (1.0, 1.5), ((3, 0.5),)),
    )
}


def chosen(caller: str, given: Any) -> Loss:
    """`given` as a loss: one of :data:`NAMED`, or the learner's own function.

    Raises:
        DlvizError: it is neither.

    Example:
        >>> chosen("race", "ravine").minima
        ((0, 0),)
    """
    if isinstance(given, str) and given in NAMED:
        return NAMED[given]
    if not callable(given):
        raise DlvizError(message("optimizers.refused.loss", caller=caller, got=repr(given), names=", ".join(NAMED)))
    name = getattr(given, "__name__", type(given).__name__)
    return Loss("loss" if name == "<lambda>" else name, given)


def value(caller: str, loss: Loss, point: Tensor) -> Tensor:
    """The loss at a point, checked once before anything is drawn.

    Raises:
        DlvizError: the function refuses two numbers, or does not return one real number that follows from them.
    """
    try:
        found = loss.function(point)
    except Exception as error:
        raise DlvizError(
            message("optimizers.refused.raised", caller=caller, name=loss.name, error=_line(error))
        ) from None
    if not isinstance(found, Tensor) or found.numel() != 1 or not found.dtype.is_floating_point:
        got = f"a tensor of shape {tuple(found.shape)}, {found.dtype}" if isinstance(found, Tensor) else repr(found)
        raise DlvizError(message("optimizers.refused.scalar", caller=caller, name=loss.name, got=got))
    return found.reshape(())


def grid(loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    """The loss at every point of a grid: (len(y), len(x)), row by row.

    Example:
        >>> grid(NAMED["bowl"], torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0]))
        tensor([[0., 2.],
                [1., 3.]])
    """
    points = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)
    # A loss may draw random numbers: they are not the learner's to lose.
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            flat = torch.func.vmap(lambda p: loss.function(p).reshape(()))(points)
        except Exception:  # vmap refuses .item(), branches on a number and random numbers; one by one they are fine
            flat = torch.stack([loss.function(p).reshape(()) for p in points])
    return flat.reshape(len(y), len(x)).to(x.dtype)


def _line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"
