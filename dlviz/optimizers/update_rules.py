"""torch's own formula of each optimizer's update, with every number in it: from what the optimizer kept, recomputed and compared.

Source:
    the boxes in https://docs.pytorch.org/docs/stable/optim.html#algorithms
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dlviz.optimizers.record import Run

#: A part of a line: text, or the name of an array and how many steps ago it is read.
Part = str | tuple[str, int]


@dataclass
class Formula:
    """How a step is made, line by line.

    Attributes:
        lines: each as its parts.
        arrays: (steps + 1, 2) or (steps + 1, 1) of every name in the lines, row t belonging to step t.
        made: where the last line ends up, row t from row t − 1 of what was recorded; ``None`` if no formula is known.
    """

    lines: list[list[Part]] = field(default_factory=list)
    arrays: dict[str, Tensor] = field(default_factory=dict)
    made: Tensor | None = None

    def add(self, name: str, value: Tensor, *parts: Part) -> Tensor:
        """One line that makes `name`, and what it makes, computed for all steps at once; row 0 is no step."""
        self.arrays[name] = value
        self.lines.append([*parts, " = ", (name, 0)])
        return value


def formula(run: Run) -> Formula:
    """The update of a run's optimizer; without lines for one whose formula is not written here.

    Example:
        >>> from dlviz.optimizers.test_functions import NAMED
        >>> from dlviz.optimizers.named_optimizers import racers
        >>> from dlviz.optimizers.record import run
        >>> one = formula(run(racers([(torch.optim.SGD, {"lr": 0.5})])[0], NAMED["bowl"], (2.0, 1.0), 2))
        >>> one.lines
        [['p ← p − lr·g = ', ('p', 1), ' − 0.5·', ('g', 0), ' = ', ('p', 0)]]
    """
    known = _KNOWN.get(run.kind)
    group = run.group
    if known is None or group.get("amsgrad") or group.get("centered"):
        return Formula()
    found = Formula()
    # The gradient that step t goes by is that of place t − 1.
    g = _ago(run.grads)
    found.arrays["g"] = g
    if group.get("maximize"):
        g = found.add("g", -g, "g ← −g")
    decay = group.get("weight_decay", 0)
    if decay and run.kind is not torch.optim.AdamW:
        found.arrays["∇"] = g
        decayed = g + decay * _ago(run.points)
        g = found.add("g", decayed, "g ← ∇f + λ·p = ", ("∇", 0), f" + {decay:g}·", ("p", 1))
    known(found, run, group, g)
    return found


def residual(run: Run, one: Formula) -> float | None:
    """How far the formula's result lies from torch's at most, over all steps that stayed finite."""
    if one.made is None:
        return None
    # Of numbers above one the gap is relative: a path that diverges has nothing else to be compared by.
    gap = ((one.made - run.points) / run.points.abs().clamp(min=1))[1:].abs()
    finite = gap[gap.isfinite()]
    return float(finite.max()) if finite.numel() else 0.0


def _ago(x: Tensor) -> Tensor:
    """Row t holds row t − 1; row 0 repeats itself."""
    return torch.cat([x[:1], x[:-1]])


def _end(found: Formula, made: Tensor, symbols: str, *parts: Part) -> None:
    found.made = made
    found.lines.append([f"p ← {symbols} = ", *parts, " = ", ("p", 0)])


def _sgd(found: Formula, run: Run, group: Mapping[str, Any], g: Tensor) -> None:
    momentum, rate, before = group["momentum"], group["lr"], _ago(run.points)
    if not momentum:
        _end(found, before - rate * g, "p − lr·g", ("p", 1), f" − {rate:.4g}·", ("g", 0))
        return
    kept, damp = run.state["momentum_buffer"], 1 - group["dampening"]
    share = torch.full((len(g), 1), float(damp), dtype=g.dtype)
    share[:2] = 1.0  # the first step takes the gradient as it is
    own = "" if damp == 1 else "(1−τ)·"
    buffer = momentum * _ago(kept) + share * g
    found.arrays["share"] = share
    weight: list[Part] = [("share", 0), "·"] if own else []
    found.add("b", buffer, f"b ← μ·b + {own}g = {momentum:g}·", ("momentum_buffer", 1), " + ", *weight, ("g", 0))
    if group["nesterov"]:
        ahead = g + momentum * buffer
        found.add("g̃", ahead, "g̃ ← g + μ·b = ", ("g", 0), f" + {momentum:g}·", ("b", 0))
        _end(found, before - rate * ahead, "p − lr·g̃", ("p", 1), f" − {rate:.4g}·", ("g̃", 0))
    else:
        _end(found, before - rate * buffer, "p − lr·b", ("p", 1), f" − {rate:.4g}·", ("b", 0))


def _adam(found: Formula, run: Run, group: Mapping[str, Any], g: Tensor) -> None:
    (one, two), rate, before = group["betas"], group["lr"], _ago(run.points)
    from_ = before
    if run.kind is torch.optim.AdamW and group["weight_decay"]:
        from_ = before * (1 - rate * group["weight_decay"])
        found.add("p̃", from_, f"p̃ ← p − lr·λ·p = (1 − {rate:.4g}·{group['weight_decay']:g})·", ("p", 1))
    first, second = run.state["exp_avg"], run.state["exp_avg_sq"]
    m = one * _ago(first) + (1 - one) * g
    found.add("m", m, f"m ← β₁·m + (1−β₁)·g = {one:g}·", ("exp_avg", 1), f" + {1 - one:.4g}·", ("g", 0))
    v = two * _ago(second) + (1 - two) * g * g
    found.add("v", v, f"v ← β₂·v + (1−β₂)·g² = {two:g}·", ("exp_avg_sq", 1), f" + {1 - two:.4g}·", ("g", 0), "²")
    steps = torch.arange(len(g), dtype=g.dtype).unsqueeze(1)
    steps[0] = 1  # no step leads to the start
    for name, value, beta, of in (("m̂", m, one, "m"), ("v̂", v, two, "v")):
        found.arrays[f"1−{of}"] = 1 - beta**steps
        sub = "₁" if of == "m" else "₂"
        found.add(name, value / (1 - beta**steps), f"{name} ← {of} / (1−β{sub}ᵗ) = ", (of, 0), " / ", (f"1−{of}", 0))
    made = from_ - rate * found.arrays["m̂"] / (found.arrays["v̂"].sqrt() + group["eps"])
    start: Part = ("p̃", 0) if "p̃" in found.arrays else ("p", 1)
    name = "p̃" if "p̃" in found.arrays else "p"
    _end(
        found, made, f"{name} − lr·m̂ / (√v̂ + ε)", start, f" − {rate:.4g}·", ("m̂", 0), " / (√", ("v̂", 0),
        f" + {group['eps']:g})",
    )  # fmt: skip


def _rmsprop(found: Formula, run: Run, group: Mapping[str, Any], g: Tensor) -> None:
    alpha, rate, momentum, before = group["alpha"], group["lr"], group["momentum"], _ago(run.points)
    v = alpha * _ago(run.state["square_avg"]) + (1 - alpha) * g * g
    found.add("v", v, f"v ← α·v + (1−α)·g² = {alpha:g}·", ("square_avg", 1), f" + {1 - alpha:.4g}·", ("g", 0), "²")
    scaled = g / (v.sqrt() + group["eps"])
    parts: tuple[Part, ...] = (("g", 0), " / (√", ("v", 0), f" + {group['eps']:g})")
    if momentum:
        kept = run.state["momentum_buffer"]
        buffer = momentum * _ago(kept) + scaled
        found.add("b", buffer, f"b ← μ·b + g/(√v + ε) = {momentum:g}·", ("momentum_buffer", 1), " + ", *parts)
        _end(found, before - rate * buffer, "p − lr·b", ("p", 1), f" − {rate:.4g}·", ("b", 0))
    else:
        _end(found, before - rate * scaled, "p − lr·g / (√v + ε)", ("p", 1), f" − {rate:.4g}·", *parts)


def _adagrad(found: Formula, run: Run, group: Mapping[str, Any], g: Tensor) -> None:
    before, eps = _ago(run.points), group["eps"]
    s = _ago(run.state["sum"]) + g * g
    # What it holds before its first step is not zero if the learner said so; torch keeps it among the settings.
    s[1:2] = group["initial_accumulator_value"] + (g * g)[1:2]
    found.add("s", s, "s ← s + g² = ", ("sum", 1), " + ", ("g", 0), "²")
    steps = torch.arange(len(g), dtype=g.dtype).unsqueeze(1)
    rate = group["lr"] / (1 + (steps - 1).clamp(min=0) * group["lr_decay"])
    found.arrays["lr"] = rate
    made = before - rate * g / (s.sqrt() + eps)
    _end(
        found, made, "p − lr·g / (√s + ε)", ("p", 1), " − ", ("lr", 0), "·", ("g", 0), " / (√", ("s", 0), f" + {eps:g})"
    )


_KNOWN: dict[type, Callable[[Formula, Run, Mapping[str, Any], Tensor], None]] = {
    torch.optim.SGD: _sgd,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
    torch.optim.RMSprop: _rmsprop,
    torch.optim.Adagrad: _adagrad,
}
