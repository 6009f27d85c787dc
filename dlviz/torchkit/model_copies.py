"""Running a learner's model without leaving a trace in it: on copies of its tensors, from given states of the random generators."""

import copy
import random
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from dlviz.torchkit.modules import TORCHS_OWN, modules, named_modules, plain_items
from dlviz.torchkit.nested import tensors_in

#: Containers whose items are restored; a container of another type may have rules of its own.
_RESTORED = (list, dict, OrderedDict, set)


@contextmanager
def on_copies(model: nn.Module, state_dict: Mapping[str, Tensor] | None = None) -> Iterator[None]:
    """Give a model copies of its tensors to run on, and restore every module's own tensors and attributes afterwards.

    A forward pass may write into parameters (``nn.Embedding(max_norm=…)``), buffers (batch norm) and plain attributes.

    Args:
        model: any module.
        state_dict: tensors to use instead of copies of the model's own, by their paths.

    Example:
        >>> net = nn.Linear(1, 1)
        >>> with torch.no_grad(), on_copies(net):
        ...     _ = net.weight.fill_(9.0)
        >>> bool((net.weight == 9).any())
        False
    """
    every = [module for module in _with_unregistered(model) if not _is_uninitialized(module)]
    copies = _Copies()
    for path, module in named_modules(model, remove_duplicate=False) if state_dict else ():
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            other = state_dict.get(f"{path}.{name}" if path else name) if state_dict else None
            if tensor is not None and other is not None and other is not tensor:
                copies.replace(tensor, other)
    restored = [_Attributes(module) for module in every]
    compiled = [_CompiledTensors(module, copies) for module in every if isinstance(module, torch.jit.ScriptModule)]
    try:
        for module in every:
            if not isinstance(module, torch.jit.ScriptModule):
                for registry in (module._parameters, module._buffers):
                    registry.update({name: copies.of(tensor) for name, tensor in registry.items()})  # type: ignore[arg-type]
                own = {name: value for name, value in vars(module).items() if name not in TORCHS_OWN}
                vars(module).update({name: copies.of(value) for name, value in own.items()})
        yield
    finally:
        for tensors in compiled:
            tensors.restore()
        for attributes in reversed(restored):
            attributes.restore()


def _with_unregistered(model: nn.Module) -> Iterator[nn.Module]:
    """Yield every module once, those in plain Python containers included."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        for module in modules(waiting.pop()):
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield module
            for value in vars(module).values():
                if type(value) in (list, dict, tuple):
                    waiting += [item for _, item in plain_items(value, "") if isinstance(item, nn.Module)]


class _Copies:
    """A copy of every tensor, made when it is first asked for; of one tensor there is one copy."""

    def __init__(self) -> None:
        #: Original and copy by the original's id, which no other tensor gets while the original is kept.
        self._copies: dict[int, tuple[Tensor, Tensor]] = {}

    def replace(self, tensor: Tensor, other: Tensor) -> None:
        """Use `other` as the copy of a tensor."""
        self._copies[id(tensor)] = (tensor, other)

    def replacement(self, tensor: Tensor) -> Tensor | None:
        """Return what the tensor is replaced by, ``None`` if it is not."""
        return self._copies.get(id(tensor), (tensor, None))[1]

    def of(self, value: Any) -> Any:
        """Return a copy of a tensor, or of plain containers in which one stands; anything else as it is."""
        if isinstance(value, Tensor):
            if id(value) not in self._copies:
                self._copies[id(value)] = (value, _copy(value))
            return self._copies[id(value)][1]
        if type(value) in (list, tuple) and any(isinstance(item, _HOLDERS) for item in value):
            items = [self.of(item) for item in value]
            same = all(item is old for item, old in zip(items, value, strict=True))
            return value if same else type(value)(items)
        if type(value) is dict and any(isinstance(item, _HOLDERS) for item in value.values()):
            pairs = {key: self.of(item) for key, item in value.items()}
            return value if all(pairs[key] is value[key] for key in value) else pairs
        return value


_HOLDERS = (Tensor, list, tuple, dict)


def _copy(tensor: Tensor) -> Tensor:
    """Return a tensor with the same values; of a kind that cannot be copied the tensor itself."""
    if is_lazy(tensor):
        return tensor
    try:
        if isinstance(tensor, nn.Parameter):
            made = copy.deepcopy(tensor, {id(tensor.grad): None})
            vars(made).update({**vars(tensor), **vars(made)})
            return made
        return tensor.detach().clone().requires_grad_(tensor.requires_grad)
    except (RuntimeError, TypeError, NotImplementedError):
        return tensor


def argument_copies(args: Iterable[Any], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments for one call that may change them: lists, dictionaries and objects such as a cache of keys and values as copies.

    A tensor that requires a gradient stays itself, so that autograd reaches it; of any other there is one copy, however often it is given.
    Modules stay themselves, and so does what cannot be copied.

    Example:
        >>> x, memory = torch.zeros(2), [1]
        >>> (a, b, c), _ = argument_copies([x, x, memory], {})
        >>> a is b, a is x, c is memory, c
        (True, False, False, [1])
    """
    args, kwargs = tuple(args), dict(kwargs)
    memo: dict[int, Any] = {id(one): _argument_copy(one) for one in tensors_in(args, kwargs)}
    memo |= {id(one): one for _, one in plain_items([args, kwargs], "") if isinstance(one, nn.Module)}

    def copied(value: Any) -> Any:
        if isinstance(value, torch.Generator):
            return torch.Generator(value.device).set_state(value.get_state())
        try:
            with _ClonedTensors():
                return copy.deepcopy(value, memo)
        except Exception:  # a learner's object may raise anything
            return value

    return tuple(map(copied, args)), {name: copied(value) for name, value in kwargs.items()}


def _argument_copy(tensor: Tensor) -> Tensor:
    is_parameter = isinstance(tensor, nn.Parameter) or isinstance(tensor._base, nn.Parameter)
    if tensor.requires_grad or is_parameter or type(tensor) is not Tensor or tensor.is_nested:
        return tensor
    # Torch writes into no tensor whose numbers are one in memory, and a copy of it would be larger.
    is_expanded = tensor.layout == torch.strided and 0 in tensor.stride()
    return tensor if is_expanded else tensor.clone()


class _ClonedTensors(TorchFunctionMode):
    """Copies tensors within ``copy.deepcopy`` so that they stay linked in the graph of autograd, where torch copies only leaves."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is not Tensor.__deepcopy__:
            return function(*args, **(kwargs or {}))
        tensor, memo = args
        return memo.setdefault(id(tensor), tensor.clone())


class _Attributes:
    """The attributes of a module, and the items of the plain containers among them."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._attributes = dict(vars(module))
        self._items = [(value, copy.copy(value)) for value in vars(module).values() if type(value) in _RESTORED]

    def restore(self) -> None:
        own = vars(self._module)
        own.clear()
        own.update(self._attributes)
        for container, items in self._items:
            container.clear()
            container.extend(items) if isinstance(container, list) else container.update(items)


class _CompiledTensors:
    """The tensors of a scripted or traced module, which cannot be exchanged: their values are saved and written back."""

    def __init__(self, module: torch.jit.ScriptModule, copies: _Copies) -> None:
        own = [*module._parameters.items(), *module._buffers.items()]
        self._saved = [(tensor, tensor.detach().clone()) for _, tensor in own if tensor is not None]
        for tensor, _ in self._saved:
            replacement = copies.replacement(tensor)
            if replacement is not None:
                tensor.data.copy_(replacement)

    def restore(self) -> None:
        for tensor, values in self._saved:
            if not torch.equal(tensor, values):
                tensor.data.copy_(values)


@dataclass(frozen=True)
class GeneratorStates:
    """States of the random generators of torch, on every device in use, of Python and of NumPy's global one."""

    cpu: Tensor
    cuda: tuple[Tensor, ...]
    python: Any
    numpy: Any

    @classmethod
    def now(cls) -> "GeneratorStates":
        """Return the present states."""
        cuda = tuple(torch.cuda.get_rng_state_all()) if torch.cuda.is_initialized() else ()
        return cls(torch.get_rng_state(), cuda, random.getstate(), np.random.get_state())

    def set(self) -> None:
        """Make these the present states."""
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)
        random.setstate(self.python)
        np.random.set_state(self.numpy)


@contextmanager
def generators_restored(start: GeneratorStates | Tensor | None = None) -> Iterator[None]:
    """Restore every random generator afterwards.

    Args:
        start: states to start from; a tensor is the state of torch's generator on the CPU.
    """
    before = GeneratorStates.now()
    try:
        if isinstance(start, GeneratorStates):
            start.set()
        elif start is not None:
            torch.set_rng_state(start)
            if torch.cuda.is_initialized():
                torch.cuda.manual_seed_all(int(start[:8].sum()))
        yield
    finally:
        before.set()


def initialize_lazy(model: nn.Module, args: Iterable[Any], kwargs: Mapping[str, Any] | None = None) -> list[str]:
    """Initialize the model's lazy layers by a first call, as plain torch does, and return their paths.

    Nothing else changes: neither the running statistics of a batch norm, nor the arguments, nor the random generators. A call that
    raises leaves the layers that it did not reach as they were.

    Example:
        >>> net = nn.Sequential(nn.LazyLinear(3))
        >>> initialize_lazy(net, [torch.zeros(1, 2)]), net[0].weight.shape
        (['0'], torch.Size([3, 2]))

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.modules.lazy.LazyModuleMixin.html
    """
    lazy = [(path, module) for path, module in named_modules(model) if _is_uninitialized(module)]
    if not lazy:
        return []
    handles = []
    saved: list[tuple[Tensor, Tensor]] = []

    def save(module: nn.Module, _: Any) -> None:
        saved.extend((buffer, buffer.clone()) for buffer in module._buffers.values() if buffer is not None)

    try:
        for _, module in lazy:  # after torch's own hook, which initializes the module
            handles.append(module.register_forward_pre_hook(save))
        own, keywords = argument_copies(args, kwargs or {})
        with generators_restored(), torch.no_grad(), on_copies(model):
            model(*own, **keywords)
    except Exception:  # a learner's forward may raise anything; the call that is shown raises it again
        pass
    finally:
        for handle in handles:
            handle.remove()
        for buffer, values in saved:
            buffer.data.copy_(values)
    return [path for path, module in lazy if not _is_uninitialized(module)]


def _is_uninitialized(module: nn.Module) -> bool:
    if isinstance(module, torch.jit.ScriptModule):
        return False
    return isinstance(module, LazyModuleMixin) and any(
        tensor is not None and is_lazy(tensor) for tensor in (*module._parameters.values(), *module._buffers.values())
    )
