"""Gradients and memory as one process of a parallel run sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dlviz.torchkit.modules import named_parameters

#: Steps whose gradients are kept, leading entries of a parameter that are drawn, and further ones that are only compared.
GRADIENT_STEPS, LEADING, _SPACED = 8, 64, 1024
#: Names that torch's wrappers put before those of the model that they hold.
_WRAPPERS = ("module.", "_orig_mod.", "_fsdp_wrapped_module.")

#: Bytes of "parameters", "gradients" and "optimizer".
Memory = dict[str, int]


@dataclass(frozen=True)
class Parameter:
    """A parameter.

    Attributes:
        name: its path in the model.
        shape: of the whole parameter, also where this process holds a part.
        first, last: the entries that this process holds, as a range of the whole flattened parameter.
    """

    name: str
    shape: tuple[int, ...]
    first: int
    last: int

    @property
    def numel(self) -> int:
        """Entries of the whole parameter."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def entries(self) -> np.ndarray:
        """Sampled entries that this process holds, as indices into the whole flattened parameter."""
        whole = sample(self.numel)
        return whole[(whole >= self.first) & (whole < self.last)]


def sample(numel: int) -> np.ndarray:
    """Return the sampled entries of a flattened parameter: all, or the leading ones and others evenly spaced.

    Example:
        >>> len(sample(100)), len(sample(10**6)), int(sample(10**6)[-1])
        (100, 1088, 999999)
    """
    if numel <= LEADING + _SPACED:
        return np.arange(numel)
    return np.concatenate([np.arange(LEADING), np.linspace(LEADING, numel - 1, _SPACED).astype(np.int64)])


@dataclass
class Gradients:
    """Sampled entries of the gradients of the first steps, in float64.

    Attributes:
        parameters: those that an optimizer updates, in the order of the model.
        local: for each step, by parameter, what ``.grad`` would hold if this process had computed alone.
        final: for each step, what ``.grad`` held when the optimizer began.
    """

    parameters: dict[str, Parameter] = field(default_factory=dict)
    local: list[dict[str, np.ndarray]] = field(default_factory=list)
    final: list[dict[str, np.ndarray]] = field(default_factory=list)


class Capture:
    """Collects :class:`Gradients` by hooks on tensors, which see a gradient before any communication."""

    def __init__(self) -> None:
        self.gradients = Gradients()
        self._names: dict[int, str] = {}
        self._tensors: list[Tensor] = []  # so that no new tensor gets the identity of an old one
        self._handles: list[Any] = []
        self._accumulated: dict[str, np.ndarray] = {}

    def add_model(self, model: nn.Module) -> None:
        """Watch the parameters of a model."""
        for path, parameter in named_parameters(model):
            self._add(parameter, path)

    def _add_optimizer(self, optimizer: Optimizer) -> None:
        """Watch the parameters of an optimizer that no model holds."""
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                self._add(parameter, f"tensor{len(self._names)}")

    def _add(self, parameter: Tensor, path: str) -> None:
        if id(parameter) in self._names or not parameter.requires_grad:
            return
        while path.startswith(_WRAPPERS):
            path = path.partition(".")[2]
        # Two models may have parameters of the same name.
        name, number = path, 2
        while name in self.gradients.parameters:
            name, number = f"{path} ({number})", number + 1
        self._names[id(parameter)] = name
        self._tensors.append(parameter)
        first, last = _held_range(parameter)
        self.gradients.parameters[name] = Parameter(name, tuple(parameter.shape), first, last)
        if not _is_distributed(parameter):
            self._handles.append(parameter.register_hook(lambda gradient: self._add_local(name, parameter, gradient)))

    def _add_local(self, name: str, parameter: Tensor, gradient: Tensor) -> None:
        """Note what a backward pass computed, added to what ``.grad`` has accumulated of this process since it was last set to zero."""
        values = self._values(name, gradient)
        is_first = parameter.grad is None or not parameter.grad.any()
        self._accumulated[name] = values if is_first else self._accumulated.get(name, 0.0) + values

    def _values(self, name: str, gradient: Tensor) -> np.ndarray:
        parameter = self.gradients.parameters[name]
        local = local_part(gradient.detach())
        if local.is_complex():
            local = local.abs()
        if local.layout is not torch.strided:
            local = local.to_dense()
        entries = torch.from_numpy(parameter.entries - parameter.first).to(local.device)
        return local.reshape(-1)[entries].to("cpu", torch.float64).numpy()

    def begin_step(self) -> None:
        """Begin to note the gradients of the next step."""
        self.gradients.local.append({})
        self.gradients.final.append({})

    def add(self, optimizer: Optimizer) -> None:
        """Note the gradients that an optimizer is about to use."""
        self._add_optimizer(optimizer)
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                name = self._names.get(id(parameter))
                if name is None or parameter.grad is None:
                    continue
                self.gradients.final[-1][name] = self._values(name, parameter.grad)
                if name in self._accumulated:
                    self.gradients.local[-1][name] = self._accumulated[name]

    def end(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._tensors.clear()
        self._names.clear()


def _is_distributed(tensor: Tensor) -> bool:
    """Return whether a tensor is a ``DTensor``, of which this process holds a part."""
    return hasattr(tensor, "to_local")


def local_part(tensor: Tensor) -> Tensor:
    """Return the part of a tensor that this process holds."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def _held_range(tensor: Tensor) -> tuple[int, int]:
    """Return which entries of the flattened tensor this process holds; none where they are no contiguous range."""
    if not hasattr(tensor, "device_mesh"):
        return 0, tensor.numel()
    parts: Any = tensor
    placements, mesh = parts.placements, parts.device_mesh
    if all(placement.is_replicate() for placement in placements):
        return 0, tensor.numel()
    if len(placements) != 1 or not placements[0].is_shard(0):
        return 0, 0
    # As torch.chunk: every process but the last ones holds the same number of rows, rounded up.
    rows = -(-tensor.shape[0] // mesh.size())
    row = tensor.numel() // max(1, tensor.shape[0])
    first = min(rows * mesh.get_local_rank(), tensor.shape[0]) * row
    return first, first + local_part(tensor).numel()


def measure_memory(tensors: Sequence[Tensor], optimizers: list[Optimizer]) -> Memory:
    """Return the bytes that this process holds.

    Args:
        tensors: parameters of the models; those of the optimizers are counted too.
        optimizers: with their state.
    """
    every = {id(tensor): tensor for tensor in tensors}
    state: dict[int, Tensor] = {}
    for optimizer in optimizers:
        every |= {id(tensor): tensor for group in optimizer.param_groups for tensor in group["params"]}
        for values in optimizer.state.values():
            state |= {id(value): value for value in values.values() if isinstance(value, Tensor)}
    gradients = [tensor.grad for tensor in every.values() if tensor.grad is not None]
    return {
        "parameters": _bytes(list(every.values())),
        "gradients": _bytes(gradients),
        "optimizer": _bytes(list(state.values())),
    }


def _bytes(tensors: list[Tensor]) -> int:
    parts = [part for tensor in tensors for part in _dense_parts(local_part(tensor.detach()))]
    return sum(part.numel() * part.element_size() for part in parts)


def _dense_parts(tensor: Tensor) -> list[Tensor]:
    """Return the tensors that hold the numbers of a tensor: of a sparse one its indices and values."""
    return [tensor._indices(), tensor._values()] if tensor.layout is torch.sparse_coo else [tensor]
