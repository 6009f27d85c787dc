"""The states that a model has been in, kept so that its training can be looked at backwards."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

#: So many are kept; of more, every second one that has no name of its own is forgotten.
MOST = 120
#: Fewer of a large model: all of them together take up to so many bytes.
MEMORY = 128_000_000


@dataclass(frozen=True, eq=False)
class Moment:
    """One state: its number, its label ("" for none), parameters and buffers, and how well it did on the points as they were."""

    number: int
    label: str
    state: Mapping[str, Tensor]
    loss: float | None
    accuracy: float | None


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Copies of all parameters and buffers, by name."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in named}


def versions(model: nn.Module) -> list[tuple[int, int]]:
    """Changes whenever a parameter or buffer is written to or replaced. (Inference tensors keep no version.)"""
    return [(id(t), 0 if t.is_inference() else t._version) for t in (*model.parameters(), *model.buffers())]


def room(state: Mapping[str, Tensor]) -> int:
    """How many states of this size are kept.

    Example:
        >>> room({"weight": torch.zeros(16, 2)}), room({"weight": torch.zeros(1000, 1000)})
        (120, 32)
    """
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    return max(2, min(MOST, MEMORY // max(1, size)))


def thinned(moments: list[Moment], most: int = MOST) -> list[Moment]:
    """At most `most` moments: first and last stay, then those with a label, of the others every second one goes as often as it takes."""
    while len(moments) > most:
        inner = [moment for moment in moments[1:-1] if not moment.label] or moments[1:-1]
        gone = {moment.number for moment in inner[::2]}
        moments = [moment for moment in moments if moment.number not in gone]
    return moments


def spread(count: int, most: int) -> list[int]:
    """Up to `most` of `count` places, evenly spread, first and last among them.

    Example:
        >>> spread(10, 4), spread(3, 5)
        ([0, 3, 6, 9], [0, 1, 2])
    """
    if count <= most:
        return list(range(count))
    return [round(k * (count - 1) / (most - 1)) for k in range(most)] if most > 1 else [count - 1]
