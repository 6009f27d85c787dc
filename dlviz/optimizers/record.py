"""Run an optimizer down a surface with torch itself, and keep everything that it had in hand at every step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from dlviz.optimizers.named_optimizers import Racer, settings, wants_closure
from dlviz.optimizers.test_functions import Box, Loss


@dataclass(frozen=True)
class Run:
    """One optimizer's way, place 0 being the start.

    Attributes:
        name: the racer's.
        kind: the optimizer's class.
        settings: the arguments that it was made with, the learning rate as it was used.
        group: every setting of its parameter group.
        points: (steps + 1, 2), float64.
        losses: (steps + 1,).
        grads: (steps + 1, 2): the gradient at every point, which the step after it goes by.
        state: of every tensor that the optimizer keeps for the two numbers, by torch's name, its values after every step.
    """

    name: str
    kind: type[Optimizer]
    settings: Mapping[str, Any]
    group: Mapping[str, Any]
    points: Tensor
    losses: Tensor
    grads: Tensor
    state: Mapping[str, Tensor]

    @property
    def rate(self) -> float:
        """The learning rate that it was run with."""
        return float(self.group["lr"])

    def ended(self, limits: Box) -> tuple[int, str] | None:
        """The step at which it diverged and how: "nan", "up" (outside the picture to the end, and higher than it began) or "left"
        (outside the picture to the end, but no higher); ``None`` if it did neither."""
        bad = ~(self.points.isfinite().all(1) & self.losses.isfinite())
        low, high = torch.tensor(limits, dtype=torch.float64).T
        outside = bad | ((self.points < low) | (self.points > high)).any(1)
        if not bool(outside[-1]):
            return None
        inside = (~outside).nonzero()
        step = int(inside[-1]) + 1 if len(inside) else 0
        if bool(bad[-1]):
            return step, "nan"
        return step, "up" if self.losses[-1] > self.losses[0] else "left"


def run(racer: Racer, loss: Loss, start: Sequence[float], steps: int, scale: float = 1.0, seed: int = 0) -> Run:
    """The loop a learner would write, in float64: zero_grad, loss, backward, step.

    Args:
        racer: which optimizer.
        loss: what it minimizes.
        start: the two numbers that it starts from.
        steps: how many steps.
        scale: what its learning rate is multiplied with.
        seed: of the random numbers that the loss may draw: every run of a race meets the same ones.

    Example:
        >>> from dlviz.optimizers.test_functions import NAMED
        >>> from dlviz.optimizers.named_optimizers import racers
        >>> run(racers([(torch.optim.SGD, {"lr": 0.5})])[0], NAMED["bowl"], (2.0, 1.0), 2).points.tolist()
        [[2.0, 1.0], [1.0, 0.0], [0.5, 0.0]]
    """
    p = torch.tensor([float(v) for v in start], dtype=torch.float64, requires_grad=True)
    optimizer = racer.make([p])
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * scale
    points, losses, grads, kept = [p.detach().clone()], [], [], [_state(optimizer, p)]

    def closure() -> Any:
        optimizer.zero_grad()
        value = loss.function(p).reshape(())
        value.backward()
        return value

    step = (lambda: optimizer.step(closure)) if wants_closure(type(optimizer)) else optimizer.step
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(steps):
            losses.append(closure().detach())
            grads.append(_gradient(p))
            step()
            points.append(p.detach().clone())
            kept.append(_state(optimizer, p))
        losses.append(closure().detach())
        grads.append(_gradient(p))
    names = dict.fromkeys(name for one in kept for name in one)
    nothing = torch.zeros_like(p.detach())
    return Run(
        racer.name,
        type(optimizer),
        settings(optimizer),
        dict(optimizer.param_groups[0]) | {"params": None},
        torch.stack(points),
        torch.stack(losses).to(torch.float64),
        torch.stack(grads),
        {name: torch.stack([one.get(name, nothing) for one in kept]) for name in names},
    )


def _gradient(p: Tensor) -> Tensor:
    return torch.zeros_like(p.detach()) if p.grad is None else p.grad.detach().clone()


def _state(optimizer: Optimizer, p: Tensor) -> dict[str, Tensor]:
    held = optimizer.state.get(p, {})
    return {
        name: one.detach().clone() for name, one in held.items() if isinstance(one, Tensor) and one.shape == p.shape
    }
