"""The learner's two networks: modules, or functions that call some; what can be read off them without a question."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit import callables
from dlviz.torchkit.modules import modules, parameters

#: Operations that leave numbers from 0 to 1 there, by the names of their derivatives.
_PASSING = {
    *("Alias", "Clamp", "Clone", "Mean", "Permute", "ReshapeAlias", "Select", "Slice", "Squeeze", "T"),
    *("ToCopy", "Transpose", "UnsafeView", "Unsqueeze", "View"),
}


class FunctionModule(nn.Module):
    """Module around a function that calls modules, such as a lambda that gives a conditional generator its labels.

    Args:
        function: the learner's function.
        used: the modules that it calls.
    """

    def __init__(self, function: Callable[..., Any], used: list[nn.Module]) -> None:
        super().__init__()
        self.function = function
        self.used = nn.ModuleList(used)

    def forward(self, *args: Any) -> Any:
        """Call the function."""
        return self.function(*args)


def check_module(name: str, module: Any) -> nn.Module:
    """Return a module; of a compiled one the original, which takes copies of its tensors; of a function a module around it.

    Raises:
        DlvizError: it is none, or a function that calls none, or its parameters have no numbers.
    """
    if isinstance(module, nn.Module):
        plain: Any = getattr(module, "_orig_mod", module)
    else:
        used = callables.modules_of(module) if _is_function(module) else []
        if not used:
            kind = "gan.refused.module_function" if _is_function(module) else "gan.refused.module"
            raise DlvizError(message(kind, name=name, got=type(module).__name__))
        plain = FunctionModule(module, used)
    if any(parameter.is_meta for parameter in parameters(plain)):
        raise DlvizError(message("gan.refused.meta", name=name))
    found: nn.Module = plain
    return found


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def noise_shape(generator: nn.Module) -> tuple[int, ...] | None:
    """Return the shape of one noise vector, read off the generator's first linear or transposed convolutional layer.

    Example:
        >>> noise_shape(nn.Sequential(nn.Linear(2, 8), nn.ReLU())), noise_shape(nn.ConvTranspose2d(16, 1, 4))
        ((2,), (16, 1, 1))
    """
    for module in modules(generator):
        if isinstance(module, nn.Linear):
            # A lazy layer does not know its size yet.
            return (module.in_features,) if module.in_features else None
        for d, kind in enumerate((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), 1):
            if isinstance(module, kind):
                return (int(module.in_channels), *[1] * d) if module.in_channels else None
    return None


def fitting_shape(generator: nn.Module, shapes: Sequence[tuple[int, ...]], sample: Tensor) -> tuple[int, ...]:
    """Return the first shape of a noise vector of which the generator makes samples of the size of `sample`; if there is none, the first.

    A generator that begins with a transposed convolution takes (k, 1, 1), or (k,) if its forward() adds the two dimensions itself.

    Args:
        generator: the learner's module.
        shapes: the shapes to try, the likeliest first.
        sample: a real sample.
    """
    # A trial would give a lazy layer its size for good.
    if len(shapes) == 1 or any(map(is_lazy, parameters(generator))):
        return shapes[0]
    like = next((p for p in parameters(generator) if p.is_floating_point()), sample)
    for shape in shapes:
        try:
            with torch.inference_mode(False), callables.untouched([generator]):
                made = generator(torch.zeros(2, *shape, dtype=like.dtype, device=like.device))
            if len(made) == 2 and made[0].numel() == sample.numel():
                return shape
        except Exception:  # a learner's forward may raise anything; the call whose fakes are drawn raises it again
            pass
    return shapes[0]


def output_kind(discriminator: nn.Module, samples: Tensor) -> str:
    """Return "probs" if the discriminator's last operation is a sigmoid or a softmax, else "logits".

    Args:
        discriminator: the learner's module.
        samples: some samples to run it on.

    Example:
        >>> output_kind(nn.Sequential(nn.Linear(2, 1), nn.Sigmoid()), torch.zeros(3, 2)), output_kind(nn.Linear(2, 1), torch.zeros(3, 2))
        ('probs', 'logits')
    """
    try:
        with torch.inference_mode(False), callables.untouched([discriminator]), torch.enable_grad():
            node = discriminator(samples.detach().clone().requires_grad_()).grad_fn
    except Exception:  # a learner's forward may raise anything; the call whose output is drawn raises it again
        return "logits"
    while node is not None:
        name = re.sub(r"Backward\d*$", "", node.name())
        if name in ("Sigmoid", "Softmax"):
            return "probs"
        node = node.next_functions[0][0] if name in _PASSING and node.next_functions else None
    return "logits"
