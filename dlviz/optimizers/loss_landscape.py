"""A plane through the parameters of a real network, and the network's loss all over it.

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

State = Mapping[str, Tensor]
#: So many numbers a batch of networks may have, all together.
_BATCH = 4_000_000


@dataclass(frozen=True)
class Plane:
    """All of center + a·first + b·second.

    Attributes:
        center: the parameters at (0, 0).
        first: the direction of a.
        second: the direction of b.
    """

    center: State
    first: State
    second: State

    def at(self, a: float | Tensor, b: float | Tensor) -> dict[str, Tensor]:
        """The parameters at (a, b)."""
        return {name: one + a * self.first[name] + b * self.second[name] for name, one in self.center.items()}

    def place(self, state: State) -> tuple[tuple[float, float], float, float]:
        """Where on the plane lies nearest to `state`, how far from there it is, and how far from the center."""
        way = _flat({name: state[name].detach() - one for name, one in self.center.items()})
        basis = torch.stack([_flat(self.first), _flat(self.second)], 1)
        found = torch.linalg.lstsq(basis, way.unsqueeze(1)).solution
        off = way - (basis @ found).squeeze(1)
        return (float(found[0]), float(found[1])), float(off.norm()), float(way.norm())


def around(model: nn.Module, seed: int) -> Plane:
    """A plane through the model as it is, along two random directions whose every filter is as long as the model's own.

    Biases and the parameters of normalization layers stay as they are, as in the paper.

    Example:
        >>> plane = around(nn.Linear(3, 2), seed=0)
        >>> weight = plane.center["weight"]
        >>> torch.allclose(plane.first["weight"].norm(dim=1), weight.norm(dim=1))
        True
    """
    center = parameters(model)
    generator = torch.Generator().manual_seed(seed)
    return Plane(center, _direction(center, generator), _direction(center, generator))


def through(states: Sequence[State], seed: int) -> Plane:
    """A plane through given parameters: the first at (0, 0), the second at (1, 0), and a third at (0, 1).

    Of two states the second direction is a random one, at a right angle to the first and as long.
    """
    center = dict(states[0])
    first = {name: states[1][name] - one for name, one in center.items()}
    if len(states) == 3:
        return Plane(center, first, {name: states[2][name] - one for name, one in center.items()})
    free = _direction(center, torch.Generator().manual_seed(seed))
    flat, other = _flat(first), _flat(free)
    other = other - (other @ flat) / (flat @ flat) * flat
    other = other * (flat.norm() / other.norm())
    parts = other.split([one.numel() for one in center.values()])
    second = {
        name: part.reshape(one.shape).to(one.dtype) for (name, one), part in zip(center.items(), parts, strict=True)
    }
    return Plane(center, first, second)


def parameters(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the model's parameters by name."""
    return {name: one.detach().clone() for name, one in model.named_parameters()}


def losses(model: nn.Module, loss: Callable[[nn.Module], Tensor], plane: Plane, x: Tensor, y: Tensor) -> Tensor:
    """The loss all over the plane: (len(y), len(x)), float64.

    It is computed on a copy of the model, in the mode that the model is in, with the same random numbers (dropout) and the same buffers
    (running means) at every place.

    Raises:
        DlvizError: the loss cannot be computed, is no single number, or does not depend on the model that it is given.
    """
    whole = _Whole(copy.deepcopy(model), loss)
    buffers = {f"model.{name}": one.detach().clone() for name, one in model.named_buffers()}
    seed = int(torch.randint(2**31, (), generator=torch.Generator().manual_seed(0)))
    first = next(iter(plane.center.values()))
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2).to(first.device)

    def one(place: Tensor) -> Tensor:
        state = {f"model.{name}": value.to(plane.center[name].dtype) for name, value in plane.at(*place).items()}
        held = {name: buffer.clone() for name, buffer in buffers.items()}
        return functional_call(whole, state | held, ())

    def alone(place: Tensor) -> Tensor:
        torch.manual_seed(seed)
        return one(place)

    size = sum(value.numel() for value in plane.center.values())
    with torch.no_grad(), torch.random.fork_rng():
        try:
            begun = alone(places[0])
        except Exception as error:
            said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            raise DlvizError(message("optimizers.refused.model_loss", error=said)) from None
        if not isinstance(begun, Tensor) or begun.numel() != 1 or not begun.dtype.is_floating_point:
            raise DlvizError(message("optimizers.refused.scalar", caller="surface", name="loss", got=_about(begun)))
        batch = min(64, _BATCH // max(1, size))
        try:
            # Whoever draws random numbers or writes to a buffer is refused by vmap, and is computed place by place.
            found = torch.func.vmap(lambda place: one(place).reshape(()), chunk_size=max(1, batch))(places)
        except Exception:
            found = torch.stack([alone(place).reshape(()) for place in places])
    if len(found) > 1 and bool((found == found[0]).all()):
        raise DlvizError(message("optimizers.refused.ignored"))
    return found.reshape(len(y), len(x)).to("cpu", torch.float64)


class _Whole(nn.Module):
    """Model and loss as one module: what ``functional_call`` can be given other parameters for."""

    def __init__(self, model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> None:
        super().__init__()
        self.model, self.loss = model, loss
        self.training = model.training

    def forward(self) -> Any:
        return self.loss(self.model)


def _direction(center: State, generator: torch.Generator) -> dict[str, Tensor]:
    found = {}
    for name, one in center.items():
        # Drawn on the CPU, so that a seed means the same everywhere.
        drawn = torch.randn(one.shape, generator=generator).to(one)
        if one.dim() < 2:
            found[name] = torch.zeros_like(one)
            continue
        rest = tuple(range(1, one.dim()))
        length = torch.linalg.vector_norm(drawn, dim=rest, keepdim=True)
        found[name] = drawn * (torch.linalg.vector_norm(one, dim=rest, keepdim=True) / (length + 1e-10))
    return found


def _flat(state: State) -> Tensor:
    return torch.cat([one.detach().reshape(-1).to("cpu", torch.float64) for one in state.values()])


def _about(found: Any) -> str:
    return f"a tensor of shape {tuple(found.shape)}, {found.dtype}" if isinstance(found, Tensor) else repr(found)[:80]
