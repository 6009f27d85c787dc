"""Looking at, or exchanging, what the layers of a net return while it runs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dlviz.torchkit.forward_trace import function_name, kind_of
from dlviz.torchkit.modules import named_children, named_modules

#: Functions whose outputs count as layers where forward calls them without a module.
_ACTIVATIONS = {"relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardswish", "tanh", "sigmoid"}
_FUNCTIONS = _ACTIVATIONS | {"max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d"}


@contextmanager
def visiting(holder: nn.Module, visit: Callable[[str, str, Tensor], Tensor], *, functions: bool) -> Iterator[None]:
    """Send the output of every module through `visit`, which gets its name and kind; with `functions` those in ``forward`` too."""
    counts: dict[str, int] = {}
    mode = _FunctionVisitor(visit, counts)

    def leave(path: str, is_leaf: bool, module: nn.Module, args: Any, output: Any) -> Any:
        mode.depth -= is_leaf
        is_pair = isinstance(output, (tuple, list)) and not hasattr(output, "_fields") and len(output) > 0
        first = output[0] if is_pair else output
        if not isinstance(first, Tensor) or not path:
            return output
        with mode.suspended():
            made = visit(_numbered(counts, path), kind_of(module), first)
        if made is first:
            return output
        return type(output)([made, *output[1:]]) if is_pair else made

    def enter(is_leaf: bool, module: nn.Module, args: Any) -> None:
        mode.depth += is_leaf

    with ExitStack() as stack:
        for path, module in named_modules(holder):
            if not isinstance(module, torch.jit.ScriptModule):  # which takes no hooks
                is_leaf = not named_children(module) and module is not holder
                name = path.replace("_orig_mod.", "").removeprefix("_orig_mod")  # of a compiled module
                before = nn.Module.register_forward_pre_hook(module, partial(enter, is_leaf))
                after = nn.Module.register_forward_hook(module, partial(leave, name, is_leaf))
                stack.callback(before.remove)
                stack.callback(after.remove)
        stack.enter_context(mode if functions else nullcontext())
        yield


def _numbered(counts: dict[str, int], name: str) -> str:
    """Return the name of this call: "relu" of the first, "relu (2)" of the second."""
    counts[name] = counts.get(name, 0) + 1
    return name if counts[name] == 1 else f"{name} ({counts[name]})"


class _FunctionVisitor(TorchFunctionMode):
    """Sends the outputs of :data:`_FUNCTIONS` through `visit`, where no module without submodules calls them.

    Attributes:
        depth: how many such modules are running, and calls of `visit`.
    """

    def __init__(self, visit: Callable[[str, str, Tensor], Tensor], counts: dict[str, int]) -> None:
        super().__init__()
        self._visit, self._counts = visit, counts
        self.depth = 0

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let functions inside the block pass."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = function_name(function) if self.depth == 0 else ""
        if name not in _FUNCTIONS:
            return function(*args, **(kwargs or {}))
        with self.suspended():  # one function may call another of them
            output = function(*args, **(kwargs or {}))
            return (
                self._visit(_numbered(self._counts, f"F.{name}"), name, output)
                if isinstance(output, Tensor)
                else output
            )
