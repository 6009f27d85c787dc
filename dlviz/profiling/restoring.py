"""Runs of the learner's code that leave its models as they were."""

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dlviz.torchkit.callables import objects_of
from dlviz.torchkit.forward_trace import modes_restored
from dlviz.torchkit.model_copies import generators_restored, on_copies
from dlviz.torchkit.modules import modules, named_buffers, parameters


@contextmanager
def restored(function: Callable[..., Any]) -> Iterator[None]:
    """Restore afterwards what a function that is run inside the block has changed.

    A model runs on copies of its tensors. For another function, the models, optimizers and schedulers that it uses, as far as they can be
    found, get back their numbers, gradients and settings: they must train while they are measured. The random generators are restored too.
    """
    with ExitStack() as stack:
        stack.enter_context(generators_restored())
        if isinstance(function, nn.Module):
            stack.enter_context(modes_restored(function))
            stack.enter_context(on_copies(function))
            yield
            return
        for model in objects_of(function, nn.Module, all_attributes=True):
            stack.enter_context(modes_restored(model))
            stack.enter_context(_tensors_restored(model))
        for kind in (LRScheduler, Optimizer):
            found: list[Any] = objects_of(function, kind, all_attributes=True)
            for one in found:
                stack.callback(one.load_state_dict, copy.deepcopy(one.state_dict()))
        yield


@contextmanager
def _tensors_restored(model: nn.Module) -> Iterator[None]:
    """Restore the numbers of a model's parameters, of their gradients and of its buffers, in place, because an optimizer holds them."""
    held = [
        tensor
        for tensor in (*parameters(model), *(tensor for _, tensor in named_buffers(model)))
        if not is_lazy(tensor)
    ]
    plain = [module for module in modules(model) if not isinstance(module, torch.jit.ScriptModule)]
    registries = [(module._buffers, dict(module._buffers)) for module in plain]
    saved = [(tensor, tensor.detach().clone(), tensor.grad, _copy(tensor.grad)) for tensor in held]
    try:
        yield
    finally:
        for registry, before in registries:
            registry.update(before)
        for tensor, numbers, gradient, gradient_numbers in saved:
            tensor.data.copy_(numbers)  # .data: a graph that the learner keeps is still valid
            tensor.grad = gradient
            if gradient is not None and gradient_numbers is not None:
                gradient.data.copy_(gradient_numbers)


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()
