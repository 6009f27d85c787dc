"""Runs of the learner's code that leave its models and arguments as they were."""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dlviz.torchkit.callables import Kind, objects_of
from dlviz.torchkit.forward_trace import modes_restored
from dlviz.torchkit.model_copies import generators_restored, on_copies
from dlviz.torchkit.modules import modules, named_buffers, parameters
from dlviz.torchkit.nested import tensors_in


@contextmanager
def restored(function: Callable[..., Any], args: Sequence[Any] = ()) -> Iterator[None]:
    """Restore afterwards what a function that is run inside the block with some arguments has changed.

    A model runs on copies of its tensors. Of another function, the models, optimizers, schedulers, gradient scalers, random generators
    and tensors with gradients that it uses or gets, as far as they can be found, get back their numbers, gradients and settings: they
    must train while they are measured. So do the tensors among the arguments, and the random generators that all code shares.
    """
    used = partial(function, *args)
    with ExitStack() as stack:
        stack.enter_context(generators_restored())
        tensors = tensors_in(args)
        if isinstance(function, nn.Module):
            stack.enter_context(modes_restored(function))
            stack.enter_context(on_copies(function))
        else:
            models, tensors_used = _found(used, nn.Module), _found(used, Tensor)
            tensors += [tensor for tensor in tensors_used if tensor.requires_grad]
            for model in models:
                stack.enter_context(modes_restored(model))
                stack.enter_context(_buffers_restored(model))
                _restore_initialized(model, stack)
                tensors += [*parameters(model), *(tensor for _, tensor in named_buffers(model))]
            schedulers = _found(used, LRScheduler)
            optimizers = {*_found(used, Optimizer), *(scheduler.optimizer for scheduler in schedulers)}
            for optimizer in optimizers:
                tensors += [tensor for group in optimizer.param_groups for tensor in group["params"]]
            loadable: list[Any] = [*schedulers, *optimizers, *_found(used, GradScaler)]
            for one in loadable:
                stack.callback(one.load_state_dict, copy.deepcopy(one.state_dict()))
            for generator in _found(used, torch.Generator):
                stack.callback(generator.set_state, generator.get_state())
        stack.enter_context(_tensors_restored(tensors))
        yield


def _found(function: Callable[..., Any], kind: type[Kind]) -> list[Kind]:
    return objects_of(function, kind, all_attributes=True)


@contextmanager
def _buffers_restored(model: nn.Module) -> Iterator[None]:
    """Restore which tensor is which buffer of a model."""
    plain = [module for module in modules(model) if not isinstance(module, torch.jit.ScriptModule)]
    registries = [(module._buffers, dict(module._buffers)) for module in plain]
    try:
        yield
    finally:
        for registry, before in registries:
            registry.update(before)


def _restore_initialized(model: nn.Module, stack: ExitStack) -> None:
    """Let a stack restore the numbers with which a first call initializes lazy layers of a model: what is trained after it is undone."""
    kept: set[nn.Module] = set()

    def keep(module: nn.Module, _: Any) -> None:
        if module not in kept:
            kept.add(module)
            stack.enter_context(_tensors_restored(_own_tensors(module)))

    for module in modules(model):
        if any(map(is_lazy, _own_tensors(module))):  # torch's own hook, which initializes the module, comes first
            stack.callback(nn.Module.register_forward_pre_hook(module, keep).remove)


def _own_tensors(module: nn.Module) -> list[Tensor]:
    if isinstance(module, torch.jit.ScriptModule):
        return []
    return [one for one in (*module._parameters.values(), *module._buffers.values()) if one is not None]


@contextmanager
def _tensors_restored(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Restore the numbers of tensors and of their gradients, in place, because an optimizer holds them."""
    held = {id(tensor): tensor for tensor in tensors if _is_writable(tensor)}.values()
    saved = [(tensor, tensor.detach().clone(), _gradient(tensor), _copy(_gradient(tensor))) for tensor in held]
    try:
        yield
    finally:
        for tensor, numbers, gradient, gradient_numbers in saved:
            # A kind of tensor into which torch cannot copy was not written by the function either.
            with suppress(NotImplementedError), torch.no_grad(), torch.inference_mode(tensor.is_inference()):
                # With .data, a graph that the learner keeps is still valid; of a sparse tensor it does not share the numbers.
                (tensor if tensor.is_sparse else tensor.data).copy_(numbers)
            if _has_gradient(tensor):
                tensor.grad = gradient
            if gradient is not None and gradient_numbers is not None:
                gradient.data.copy_(gradient_numbers)


def _is_writable(tensor: Tensor) -> bool:
    """Return whether a tensor has numbers of its own; torch does not write into an expanded one."""
    if is_lazy(tensor):
        return False
    if tensor.is_nested or tensor.layout is not torch.strided:
        return True
    return all(stride or length < 2 for length, stride in zip(tensor.shape, tensor.stride(), strict=True))


def _has_gradient(tensor: Tensor) -> bool:
    """Return whether torch keeps a gradient of the tensor; of another one it warns when ``grad`` is read."""
    return tensor.is_leaf or tensor.retains_grad


def _gradient(tensor: Tensor) -> Tensor | None:
    return tensor.grad if _has_gradient(tensor) else None


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()
