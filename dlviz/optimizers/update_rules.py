"""torch's own update rule of each optimizer, with the numbers of every step, recomputed from the recorded state and compared.

Source:
    the boxes in https://docs.pytorch.org/docs/stable/optim.html#algorithms
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dlviz.optimizers.record import Trajectory

#: A part of a line: text, or the name of an array and how many steps back it is read.
Part = str | tuple[str, int]


@dataclass
class UpdateRule:
    """Update rule of an optimizer, line by line.

    Attributes:
        lines: each line as its parts.
        arrays: (steps + 1, 2) or (steps + 1, 1) of every name in the lines; row t belongs to step t.
        result: (steps + 1, 2), the last line's result; row t is computed from row t − 1 of the recording. ``None`` if no rule is known.
    """

    lines: list[list[Part]] = field(default_factory=list)
    arrays: dict[str, Tensor] = field(default_factory=dict)
    result: Tensor | None = None

    def add(self, name: str, value: Tensor, *parts: Part) -> Tensor:
        """Add a line that computes `name`, with its values at all steps; row 0 is not a step."""
        self.arrays[name] = value
        self.lines.append([*parts, " = ", (name, 0)])
        return value

    def finish(self, result: Tensor, symbols: str, *parts: Part) -> None:
        """Add the last line, which computes p."""
        self.result = result
        self.lines.append([f"p ← {symbols} = ", *parts, " = ", ("p", 0)])


def update_rule(trajectory: Trajectory) -> UpdateRule:
    """Return the update rule of a trajectory's optimizer; it has no lines for an optimizer that is not known here.

    Example:
        >>> from dlviz.optimizers.loss_functions import TEST_FUNCTIONS
        >>> from dlviz.optimizers.named_optimizers import named_optimizers
        >>> from dlviz.optimizers.record import record
        >>> sgd = named_optimizers([(torch.optim.SGD, {"lr": 0.5})])[0]
        >>> update_rule(record(sgd, TEST_FUNCTIONS["bowl"], (2.0, 1.0), 2)).lines
        [['p ← p − lr·g = ', ('p', 1), ' − 0.5·', ('g', 0), ' = ', ('p', 0)]]
    """
    add_lines = _KNOWN.get(trajectory.optimizer_class)
    group = trajectory.group
    rule = UpdateRule()
    if add_lines is None or group.get("amsgrad") or group.get("centered"):
        return rule
    # Step t uses the gradient at point t − 1.
    g = _previous(trajectory.grads)
    rule.arrays["g"] = g
    if group.get("maximize"):
        g = rule.add("g", -g, "g ← −g")
    weight_decay = group.get("weight_decay", 0)
    if weight_decay and trajectory.optimizer_class is not torch.optim.AdamW:
        rule.arrays["∇"] = g
        decayed = g + weight_decay * _previous(trajectory.points)
        g = rule.add("g", decayed, "g ← ∇f + λ·p = ", ("∇", 0), f" + {weight_decay:g}·", ("p", 1))
    add_lines(rule, trajectory, group, g)
    return rule


def residual(trajectory: Trajectory, rule: UpdateRule) -> float | None:
    """Return the largest difference between the rule's result and torch's, over all steps that stayed finite."""
    if rule.result is None:
        return None
    # For numbers above one the difference is relative: a trajectory that diverges grows without bound.
    difference = ((rule.result - trajectory.points) / trajectory.points.abs().clamp(min=1))[1:].abs()
    finite = difference[difference.isfinite()]
    return float(finite.max()) if finite.numel() else 0.0


def _previous(x: Tensor) -> Tensor:
    """Return `x` shifted by one step: row t holds row t − 1, and row 0 is repeated."""
    return torch.cat([x[:1], x[:-1]])


def _sgd(rule: UpdateRule, trajectory: Trajectory, group: Mapping[str, Any], g: Tensor) -> None:
    momentum, lr, before = group["momentum"], group["lr"], _previous(trajectory.points)
    if not momentum:
        rule.finish(before - lr * g, "p − lr·g", ("p", 1), f" − {lr:.4g}·", ("g", 0))
        return
    buffers, undamped = trajectory.state["momentum_buffer"], 1 - group["dampening"]
    weight = torch.full((len(g), 1), float(undamped), dtype=g.dtype)
    weight[:2] = 1.0  # the first step uses the gradient without dampening
    dampening = "" if undamped == 1 else "(1−τ)·"
    buffer = momentum * _previous(buffers) + weight * g
    rule.arrays["weight"] = weight
    factor: list[Part] = [("weight", 0), "·"] if dampening else []
    rule.add("b", buffer, f"b ← μ·b + {dampening}g = {momentum:g}·", ("momentum_buffer", 1), " + ", *factor, ("g", 0))
    if group["nesterov"]:
        ahead = g + momentum * buffer
        rule.add("g̃", ahead, "g̃ ← g + μ·b = ", ("g", 0), f" + {momentum:g}·", ("b", 0))
        rule.finish(before - lr * ahead, "p − lr·g̃", ("p", 1), f" − {lr:.4g}·", ("g̃", 0))
    else:
        rule.finish(before - lr * buffer, "p − lr·b", ("p", 1), f" − {lr:.4g}·", ("b", 0))


def _adam(rule: UpdateRule, trajectory: Trajectory, group: Mapping[str, Any], g: Tensor) -> None:
    (beta1, beta2), lr, before = group["betas"], group["lr"], _previous(trajectory.points)
    decayed = before
    if trajectory.optimizer_class is torch.optim.AdamW and group["weight_decay"]:
        decayed = before * (1 - lr * group["weight_decay"])
        rule.add("p̃", decayed, f"p̃ ← p − lr·λ·p = (1 − {lr:.4g}·{group['weight_decay']:g})·", ("p", 1))
    first, second = trajectory.state["exp_avg"], trajectory.state["exp_avg_sq"]
    m = beta1 * _previous(first) + (1 - beta1) * g
    rule.add("m", m, f"m ← β₁·m + (1−β₁)·g = {beta1:g}·", ("exp_avg", 1), f" + {1 - beta1:.4g}·", ("g", 0))
    v = beta2 * _previous(second) + (1 - beta2) * g * g
    rule.add("v", v, f"v ← β₂·v + (1−β₂)·g² = {beta2:g}·", ("exp_avg_sq", 1), f" + {1 - beta2:.4g}·", ("g", 0), "²")
    steps = torch.arange(len(g), dtype=g.dtype).unsqueeze(1)
    steps[0] = 1  # row 0 is the start, before the first step
    for name, value, beta, symbol in (("m̂", m, beta1, "m"), ("v̂", v, beta2, "v")):
        rule.arrays[f"1−{symbol}"] = 1 - beta**steps
        sub = "₁" if symbol == "m" else "₂"
        rule.add(
            name,
            value / (1 - beta**steps),
            f"{name} ← {symbol} / (1−β{sub}ᵗ) = ",
            (symbol, 0),
            " / ",
            (f"1−{symbol}", 0),
        )
    result = decayed - lr * rule.arrays["m̂"] / (rule.arrays["v̂"].sqrt() + group["eps"])
    start: Part = ("p̃", 0) if "p̃" in rule.arrays else ("p", 1)
    name = "p̃" if "p̃" in rule.arrays else "p"
    rule.finish(
        result, f"{name} − lr·m̂ / (√v̂ + ε)", start, f" − {lr:.4g}·", ("m̂", 0), " / (√", ("v̂", 0),
        f" + {group['eps']:g})",
    )  # fmt: skip


def _rmsprop(rule: UpdateRule, trajectory: Trajectory, group: Mapping[str, Any], g: Tensor) -> None:
    alpha, lr, momentum, before = group["alpha"], group["lr"], group["momentum"], _previous(trajectory.points)
    v = alpha * _previous(trajectory.state["square_avg"]) + (1 - alpha) * g * g
    rule.add("v", v, f"v ← α·v + (1−α)·g² = {alpha:g}·", ("square_avg", 1), f" + {1 - alpha:.4g}·", ("g", 0), "²")
    scaled = g / (v.sqrt() + group["eps"])
    parts: tuple[Part, ...] = (("g", 0), " / (√", ("v", 0), f" + {group['eps']:g})")
    if momentum:
        buffers = trajectory.state["momentum_buffer"]
        buffer = momentum * _previous(buffers) + scaled
        rule.add("b", buffer, f"b ← μ·b + g/(√v + ε) = {momentum:g}·", ("momentum_buffer", 1), " + ", *parts)
        rule.finish(before - lr * buffer, "p − lr·b", ("p", 1), f" − {lr:.4g}·", ("b", 0))
    else:
        rule.finish(before - lr * scaled, "p − lr·g / (√v + ε)", ("p", 1), f" − {lr:.4g}·", *parts)


def _adagrad(rule: UpdateRule, trajectory: Trajectory, group: Mapping[str, Any], g: Tensor) -> None:
    before, eps = _previous(trajectory.points), group["eps"]
    s = _previous(trajectory.state["sum"]) + g * g
    # The sum may start at another number than zero; torch keeps that number in the parameter group.
    s[1:2] = group["initial_accumulator_value"] + (g * g)[1:2]
    rule.add("s", s, "s ← s + g² = ", ("sum", 1), " + ", ("g", 0), "²")
    steps = torch.arange(len(g), dtype=g.dtype).unsqueeze(1)
    lr = group["lr"] / (1 + (steps - 1).clamp(min=0) * group["lr_decay"])
    rule.arrays["lr"] = lr
    result = before - lr * g / (s.sqrt() + eps)
    rule.finish(
        result, "p − lr·g / (√s + ε)", ("p", 1), " − ", ("lr", 0), "·", ("g", 0), " / (√", ("s", 0), f" + {eps:g})"
    )


_KNOWN: dict[type, Callable[[UpdateRule, Trajectory, Mapping[str, Any], Tensor], None]] = {
    torch.optim.SGD: _sgd,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
    torch.optim.RMSprop: _rmsprop,
    torch.optim.Adagrad: _adagrad,
}
