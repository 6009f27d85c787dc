"""The plain PyTorch loop behind a path, as text that gives the same numbers."""

import inspect
import re
from collections.abc import Sequence

from dlviz.optimizers.named_optimizers import wants_closure
from dlviz.optimizers.record import Run
from dlviz.optimizers.test_functions import NAMED, Loss

_TORCH = re.compile(r"torch\.optim\b")


def code(run: Run, loss: Loss, start: Sequence[float], steps: int) -> str:
    """The loop of one optimizer.

    Example:
        >>> from dlviz.optimizers.named_optimizers import racers
        >>> from dlviz.optimizers.record import run
        >>> loss = NAMED["bowl"]
        >>> made = run(racers([(torch.optim.SGD, {"lr": 0.5})])[0], loss, (2.0, 1.0), 2)
        >>> print(code(made, loss, (2.0, 1.0), 2).partition("/ 2\\n\\n\\n")[2])
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
    kind = run.kind
    made = f"torch.optim.{kind.__name__}" if _TORCH.match(kind.__module__) else kind.__name__
    given = ", ".join(["[p]", *(f"{name}={value!r}" for name, value in run.settings.items())])
    x, y = (float(v) for v in start)
    own = loss.name not in NAMED
    head = f"# {loss.name} is your own function of a tensor of two numbers\n" if own else f"\n\n{_source(loss)}\n\n"
    body = [f"value = {loss.name}(p)", "value.backward()"]
    if wants_closure(kind):
        inner = ["def closure():", *(f"    {line}" for line in ("optimizer.zero_grad()", *body, "return value"))]
        loop = [*inner, "", "", f"for step in range({steps}):", "    optimizer.step(closure)"]
    else:
        loop = [f"for step in range({steps}):"]
        loop += [f"    {line}" for line in ("optimizer.zero_grad()", *body, "optimizer.step()")]
    return "\n".join(
        [
            f"import torch\n{head}",
            f"p = torch.tensor([{x!r}, {y!r}], dtype=torch.float64, requires_grad=True)",
            f"optimizer = {made}({given})",
            *loop,
            f"print(p, {loss.name}(p))",
            "",
        ]
    )


def _source(loss: Loss) -> str:
    return inspect.getsource(loss.function).rstrip()
