"""Source code of the plain PyTorch loop that gives the numbers of a trajectory."""

import inspect
import re
from collections.abc import Sequence

from dlviz.optimizers.loss_functions import TEST_FUNCTIONS, LossFunction
from dlviz.optimizers.named_optimizers import requires_closure
from dlviz.optimizers.record import Trajectory

_TORCH = re.compile(r"torch\.optim\b")


def code(trajectory: Trajectory, loss: LossFunction, start: Sequence[float], steps: int) -> str:
    """Return the loop of one optimizer as source code.

    Example:
        >>> import torch
        >>> from dlviz.optimizers.named_optimizers import named_optimizers
        >>> from dlviz.optimizers.record import record
        >>> loss = TEST_FUNCTIONS["bowl"]
        >>> trajectory = record(named_optimizers([(torch.optim.SGD, {"lr": 0.5})])[0], loss, (2.0, 1.0), 2)
        >>> print(code(trajectory, loss, (2.0, 1.0), 2).partition("/ 2\\n\\n\\n")[2])
        p = torch.tensor([2.0, 1.0], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([p], lr=0.5)
        for step in range(2):
            optimizer.zero_grad()
            value = bowl(p)
            value.backward()
            optimizer.step()
        print(p, bowl(p))
        <BLANKLINE>
    """
    cls = trajectory.optimizer_class
    constructor = f"torch.optim.{cls.__name__}" if _TORCH.match(cls.__module__) else cls.__name__
    arguments = ", ".join(["[p]", *(f"{name}={value!r}" for name, value in trajectory.settings.items())])
    x, y = (float(v) for v in start)
    if loss.name in TEST_FUNCTIONS:
        head = f"\n\n{inspect.getsource(loss.function).rstrip()}\n\n"
    else:
        head = f"# {loss.name} is your own function of a tensor of two numbers\n"
    body = [f"value = {loss.name}(p)", "value.backward()"]
    if requires_closure(cls):
        closure = ["def closure():", *(f"    {line}" for line in ("optimizer.zero_grad()", *body, "return value"))]
        loop = [*closure, "", "", f"for step in range({steps}):", "    optimizer.step(closure)"]
    else:
        loop = [f"for step in range({steps}):"]
        loop += [f"    {line}" for line in ("optimizer.zero_grad()", *body, "optimizer.step()")]
    return "\n".join(
        [
            f"import torch\n{head}",
            f"p = torch.tensor([{x!r}, {y!r}], dtype=torch.float64, requires_grad=True)",
            f"optimizer = {constructor}({arguments})",
            *loop,
            f"print(p, {loss.name}(p))",
            "",
        ]
    )
