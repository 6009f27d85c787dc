"""Run an optimizer with torch itself, and record points, losses, gradients and optimizer state at every step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.optimizers.loss_functions import Box, LossFunction, first_line
from dlviz.optimizers.named_optimizers import NamedOptimizer, requires_closure, settings

Row = TypeVar("Row")


@dataclass(frozen=True)
class Trajectory:
    """Trajectory of one optimizer; row 0 is the start.

    Attributes:
        name: name of the optimizer in the picture.
        optimizer_class: class of the optimizer.
        settings: arguments of its constructor, with the learning rate that was used.
        group: every entry of its parameter group.
        points: (steps + 1, 2), float64.
        losses: (steps + 1,).
        grads: (steps + 1, 2), the gradient at every point, which the next step uses.
        state: by torch's name, every tensor that the optimizer keeps for the two numbers, after every step: (steps + 1, 2).
        evaluations: how often the loss was computed.
    """

    name: str
    optimizer_class: type[Optimizer]
    settings: Mapping[str, Any]
    group: Mapping[str, Any]
    points: Tensor
    losses: Tensor
    grads: Tensor
    state: Mapping[str, Tensor]
    evaluations: int = 0

    @property
    def lr(self) -> float:
        """Learning rate that was used."""
        return float(self.group["lr"])

    def ended(self, limits: Box) -> tuple[int, str] | None:
        """Return the step from which on the trajectory is outside `limits`, and the reason; ``None`` if it ends inside.

        The reason is "nan", "up" (the last loss is higher than the first) or "left" (it is not).
        """
        nonfinite = ~(self.points.isfinite().all(1) & self.losses.isfinite())
        low, high = torch.tensor(limits, dtype=torch.float64).T
        outside = nonfinite | ((self.points < low) | (self.points > high)).any(1)
        if not bool(outside[-1]):
            return None
        inside = (~outside).nonzero()
        step = int(inside[-1]) + 1 if len(inside) else 0
        if bool(nonfinite[-1]):
            return step, "nan"
        return step, "up" if self.losses[-1] > self.losses[0] else "left"


def record(
    named: NamedOptimizer, loss: LossFunction, start: Sequence[float], steps: int, lr_scale: float = 1.0, seed: int = 0
) -> Trajectory:
    """Run the usual training loop in float64 (zero_grad, loss, backward, step) and record it.

    Args:
        named: the optimizer.
        loss: the function to minimize.
        start: the two numbers at the start.
        steps: number of steps.
        lr_scale: factor that the learning rate is multiplied by.
        seed: seed of the random numbers that the loss may draw: every trajectory of a race draws the same ones.

    Raises:
        DlvizError: the optimizer or the loss raises an error at some step.

    Example:
        >>> from dlviz.optimizers.loss_functions import TEST_FUNCTIONS
        >>> from dlviz.optimizers.named_optimizers import named_optimizers
        >>> sgd = named_optimizers([(torch.optim.SGD, {"lr": 0.5})])[0]
        >>> record(sgd, TEST_FUNCTIONS["bowl"], (2.0, 1.0), 2).points.tolist()
        [[2.0, 1.0], [1.0, 0.0], [0.5, 0.0]]
    """
    p = torch.tensor([float(v) for v in start], dtype=torch.float64, requires_grad=True)
    optimizer = named.make([p])
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * lr_scale
    points, losses, grads, states = [p.detach().clone()], [], [], [_state(optimizer, p)]
    evaluations = 0

    def closure() -> Any:
        nonlocal evaluations
        evaluations += 1
        optimizer.zero_grad()
        try:
            value = loss.function(p).reshape(())
            value.backward()
        except Exception as error:
            x, y = (f"{number:.4g}" for number in p.detach().tolist())
            text = first_line(error)
            raise DlvizError(message("optimizers.refused.loss_at", name=loss.name, x=x, y=y, error=text)) from None
        return value

    step = (lambda: optimizer.step(closure)) if requires_closure(type(optimizer)) else optimizer.step
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(steps):
            losses.append(closure().detach())
            grads.append(_gradient(p))
            if _is_nan(p, losses[-1], grads[-1], *states[-1].values()):
                break  # everything that follows is NaN too
            try:
                step()
            except DlvizError:
                raise
            except Exception as error:
                text = first_line(error)
                raise DlvizError(message("optimizers.refused.step", name=named.name, error=text)) from None
            points.append(p.detach().clone())
            states.append(_state(optimizer, p))
        else:
            losses.append(closure().detach())
            grads.append(_gradient(p))
    points, losses, grads = (_filled(rows, steps + 1) for rows in (points, losses, grads))
    states = _filled(states, steps + 1)
    names = dict.fromkeys(name for state in states for name in state)
    zeros = torch.zeros_like(p.detach())
    return Trajectory(
        named.name,
        type(optimizer),
        settings(optimizer),
        dict(optimizer.param_groups[0]) | {"params": None},
        torch.stack(points),
        torch.stack(losses).to(torch.float64),
        torch.stack(grads),
        {name: torch.stack([state.get(name, zeros) for state in states]) for name in names},
        evaluations,
    )


def _filled(rows: list[Row], count: int) -> list[Row]:
    """Return `count` rows, the last one repeated."""
    return rows + rows[-1:] * (count - len(rows))


def _is_nan(*tensors: Tensor) -> bool:
    return all(bool(tensor.isnan().all()) for tensor in tensors)


def _gradient(p: Tensor) -> Tensor:
    return torch.zeros_like(p.detach()) if p.grad is None else p.grad.detach().clone()


def _state(optimizer: Optimizer, p: Tensor) -> dict[str, Tensor]:
    state = optimizer.state.get(p, {})
    return {
        name: value.detach().clone()
        for name, value in state.items()
        if isinstance(value, Tensor) and value.shape == p.shape
    }
