"""A plane through the parameters of a real network, and the network's loss at the points of that plane.

Source:
    Li, Xu, Taylor, Studer, Goldstein, Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018, https://arxiv.org/abs/1712.09913
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.optimizers.loss_functions import describe, first_line, is_real_scalar
from dlviz.torchkit import modules

State = Mapping[str, Tensor]
#: Upper bound on the number of parameters in one batch of networks, all networks together.
_MAX_BATCH_NUMEL = 4_000_000


@dataclass(frozen=True)
class ParameterPlane:
    """The plane center + a·first + b·second in parameter space.

    Attributes:
        center: the parameters at (0, 0).
        first: the direction of a.
        second: the direction of b.
    """

    center: State
    first: State
    second: State

    def at(self, a: float | Tensor, b: float | Tensor) -> dict[str, Tensor]:
        """Return the parameters at (a, b)."""
        return {name: value + a * self.first[name] + b * self.second[name] for name, value in self.center.items()}

    def project(self, state: State) -> tuple[tuple[float, float], float, float]:
        """Project parameters on the plane.

        Returns:
            The nearest point (a, b), the distance of `state` from the plane, and its distance from the center.
        """
        offset = _flatten({name: state[name].detach() - value for name, value in self.center.items()})
        basis = torch.stack([_flatten(self.first), _flatten(self.second)], 1)
        solution = torch.linalg.lstsq(basis, offset.unsqueeze(1)).solution
        residual = offset - (basis @ solution).squeeze(1)
        return (float(solution[0]), float(solution[1])), float(residual.norm()), float(offset.norm())


def random_plane(model: nn.Module, seed: int) -> ParameterPlane:
    """Return a plane through the model's parameters, along two random directions whose every filter has the norm of the model's own.

    Biases and the parameters of normalization layers stay constant, as in the paper.

    Example:
        >>> plane = random_plane(nn.Linear(3, 2), seed=0)
        >>> weight = plane.center["weight"]
        >>> torch.allclose(plane.first["weight"].norm(dim=1), weight.norm(dim=1))
        True
    """
    center = parameters(model)
    generator = torch.Generator().manual_seed(seed)
    return ParameterPlane(center, _random_direction(center, generator), _random_direction(center, generator))


def plane_through(states: Sequence[State], seed: int) -> ParameterPlane:
    """Return a plane through given parameters: the first at (0, 0), the second at (1, 0), and a third at (0, 1).

    With two states the second direction is random, orthogonal to the first and of the same norm.
    """
    center = dict(states[0])
    first = {name: states[1][name] - value for name, value in center.items()}
    if len(states) == 3:
        return ParameterPlane(center, first, {name: states[2][name] - value for name, value in center.items()})
    flat = _flatten(first)
    other = _flatten(_random_direction(center, torch.Generator().manual_seed(seed)))
    other = other - (other @ flat) / (flat @ flat) * flat
    other = other * (flat.norm() / other.norm())
    parts = other.split([value.numel() for value in center.values()])
    second = {
        name: part.reshape(value.shape).to(value.dtype)
        for (name, value), part in zip(center.items(), parts, strict=True)
    }
    return ParameterPlane(center, first, second)


def parameters(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the model's parameters by name."""
    return {name: parameter.detach().clone() for name, parameter in modules.named_parameters(model)}


def evaluate_plane(
    model: nn.Module, loss: Callable[[nn.Module], Tensor], plane: ParameterPlane, x: Tensor, y: Tensor
) -> Tensor:
    """Compute the loss at the points of a grid on the plane: (len(y), len(x)), float64.

    It is computed on a copy of the model, in the model's own train or eval mode, with the same random numbers (dropout) and the same
    buffers (running means) at every point.

    Raises:
        DlvizError: the loss cannot be computed, is not one number, or does not depend on its argument.
    """
    with_loss = _ModelWithLoss(copy.deepcopy(model), loss)
    buffers = {f"model.{name}": buffer.detach().clone() for name, buffer in modules.named_buffers(model)}
    seed = int(torch.randint(2**31, (), generator=torch.Generator().manual_seed(0)))
    device = next(iter(plane.center.values())).device
    points = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2).to(device)

    def evaluate(point: Tensor) -> Tensor:
        state = {f"model.{name}": value.to(plane.center[name].dtype) for name, value in plane.at(*point).items()}
        return functional_call(with_loss, state | {name: buffer.clone() for name, buffer in buffers.items()}, ())

    def evaluate_seeded(point: Tensor) -> Tensor:
        torch.manual_seed(seed)
        return evaluate(point)

    with torch.no_grad(), torch.random.fork_rng():
        try:
            first = evaluate_seeded(points[0])
        except Exception as error:
            raise DlvizError(message("optimizers.refused.model_loss", error=first_line(error))) from None
        if not is_real_scalar(first):
            raise DlvizError(message("optimizers.refused.scalar", caller="surface", name="loss", got=describe(first)))
        numel = sum(value.numel() for value in plane.center.values())
        chunk_size = max(1, min(64, _MAX_BATCH_NUMEL // max(1, numel)))
        try:
            # vmap refuses random numbers and writes to a buffer; such models are computed point by point.
            values = torch.func.vmap(lambda point: evaluate(point).reshape(()), chunk_size=chunk_size)(points)
        except Exception:
            values = torch.stack([evaluate_seeded(point).reshape(()) for point in points])
    if len(values) > 1 and bool((values == values[0]).all()):
        raise DlvizError(message("optimizers.refused.ignored"))
    return values.reshape(len(y), len(x)).to("cpu", torch.float64)


class _ModelWithLoss(nn.Module):
    """Model and loss as one module, so that ``functional_call`` can replace the model's parameters."""

    def __init__(self, model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> None:
        super().__init__()
        self.model, self.loss = model, loss
        self.training = model.training

    def forward(self) -> Any:
        return self.loss(self.model)


def _random_direction(center: State, generator: torch.Generator) -> dict[str, Tensor]:
    direction = {}
    for name, value in center.items():
        # Drawn on the CPU, so that a seed gives the same direction on every device.
        sample = torch.randn(value.shape, generator=generator).to(value)
        if value.dim() < 2:
            direction[name] = torch.zeros_like(value)
            continue
        dims = tuple(range(1, value.dim()))
        norm = torch.linalg.vector_norm(sample, dim=dims, keepdim=True)
        direction[name] = sample * (torch.linalg.vector_norm(value, dim=dims, keepdim=True) / (norm + 1e-10))
    return direction


def _flatten(state: State) -> Tensor:
    return torch.cat([value.detach().reshape(-1).to("cpu", torch.float64) for value in state.values()])
