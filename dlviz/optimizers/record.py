"""Run an optimizer with torch itself, and record points, losses, gradients and optimizer state at every step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from dlviz.optimizers.loss_functions import Box, LossFunction
from dlviz.optimizers.named_optimizers import NamedOptimizer, requires_closure, settings


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
    """

    name: str
    optimizer_class: type[Optimizer]
    settings: Mapping[str, Any]
    group: Mapping[str, Any]
    points: Tensor
    losses: Tensor
    grads: Tensor
    state: Mapping[str, Tensor]

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

    def closure() -> Any:
        optimizer.zero_grad()
        value = loss.function(p).reshape(())
        value.backward()
        return value

    step = (lambda: optimizer.step(closure)) if requires_closure(type(optimizer)) else optimizer.step
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(steps):
            losses.append(closure().detach())
            grads.append(_gradient(p))
            step()
            points.append(p.detach().clone())
            states.append(_state(optimizer, p))
        losses.append(closure().detach())
        grads.append(_gradient(p))
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
    )


def _gradient(p: Tensor) -> Tensor:
    return torch.zeros_like(p.detach()) if p.grad is None else p.grad.detach().clone()


def _state(optimizer: Optimizer, p: Tensor) -> dict[str, Tensor]:
    state = optimizer.state.get(p, {})
    return {
        name: value.detach().clone()
        for name, value in state.items()
        if isinstance(value, Tensor) and value.shape == p.shape
    }
