"""Hypothesis strategies: tensors, expressions of views, indices and shapes, valid and invalid."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

STEPS = (
    *("T", "transpose", "permute", "index", "narrow", "diagonal", "unfold", "expand", "squeeze", "unsqueeze"),
    *("view", "view", "view", "reshape", "flatten", "contiguous", "clone", "flip"),
)
SIZES = st.lists(st.integers(0, 4), max_size=4)


def random_cases(*strategies: st.SearchStrategy, count: int = 1000) -> Callable[[Callable[..., None]], Callable]:
    """Return a decorator: a check becomes a test of a third of `count` random cases, and every night of all."""

    def decorate(check: Callable[..., None]) -> Callable[[int], None]:
        @pytest.mark.parametrize("cases", [count // 3, pytest.param(count, marks=pytest.mark.slow)])
        def test(cases: int) -> None:
            settings(max_examples=cases, derandomize=True, database=None, deadline=None)(given(*strategies)(check))()

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return decorate


@st.composite
def tensors(draw):
    """Integer tensors of up to four dimensions: contiguous, sliced, transposed or expanded."""
    shape = draw(SIZES)
    base = torch.arange(torch.Size(shape).numel() * 2 + 4) - 3
    x = base[draw(st.integers(0, 3)) :][: torch.Size(shape).numel()].view(shape)
    kind = draw(st.sampled_from(["whole", "transposed", "stepped", "expanded"]))
    if kind == "transposed" and x.dim() > 1:
        x = x.permute(draw(st.permutations(range(x.dim()))))
    elif kind == "stepped" and x.dim():
        x = x[::2] if draw(st.booleans()) else x[..., 1:]
    elif kind == "expanded":
        x = x.unsqueeze(0).expand(draw(st.integers(1, 3)), *x.shape)
    return x


@st.composite
def view_programs(draw):
    """A tensor and an expression of view operations on it; torch refuses about one in three."""
    x = draw(tensors())
    text = "x"
    for _ in range(draw(st.integers(1, 3))):
        text += draw(step(x.dim(), x.numel()))
    return x, text


@st.composite
def step(draw, dims, count):
    """One method call or subscript."""
    dim = st.integers(-1, max(0, dims))
    kind = draw(st.sampled_from(STEPS))
    if kind == "T":
        return ".mT" if dims > 2 else ".T"
    if kind == "transpose":
        return f".transpose({draw(dim)}, {draw(dim)})"
    if kind == "permute":
        return f".permute({', '.join(map(str, draw(st.permutations(range(dims)))))})" if dims else ".permute(())"
    if kind in ("view", "reshape"):
        return f".{kind}({', '.join(map(str, draw(factors(count))))})"
    if kind == "index":
        return f"[{draw(indices(dims, basic=True))}]"
    if kind == "expand":
        return (
            f".expand({', '.join(['-1'] * dims)})"
            if dims and draw(st.booleans())
            else f".unsqueeze(0).expand(2, {', '.join(['-1'] * dims)})"
        )
    if kind == "narrow":
        return f".narrow({draw(dim)}, {draw(st.integers(0, 2))}, {draw(st.integers(0, 2))})"
    if kind == "flip":
        return f".flip({draw(dim)})"
    if kind == "unfold":
        return f".unfold({draw(dim)}, 2, 1)"
    if kind in ("squeeze", "unsqueeze"):
        return f".{kind}({draw(dim)})"
    return f".{kind}()"


@st.composite
def factors(draw, count):
    """Sizes for a view: mostly with the right number of elements, sometimes with a -1 or wrong."""
    sizes, left = [], max(count, 1)
    for _ in range(draw(st.integers(0, 3))):
        choices = [d for d in range(1, left + 1) if left % d == 0]
        size = draw(st.sampled_from(choices))
        sizes.append(size)
        left //= size
    sizes.append(left if count else 0)
    if draw(st.integers(0, 3)) == 0:
        sizes[draw(st.integers(0, len(sizes) - 1))] = draw(st.sampled_from([-1, 2, 3]))
    return sizes


@st.composite
def indices(draw, dims, *, basic=False):
    """The inside of a subscript."""
    kinds = ["int", "slice", "slice", "None", "..."] + ([] if basic else ["list", "mask", "tensor"])
    parts, used = [], 0
    for _ in range(draw(st.integers(1, max(1, dims + 1)))):
        kind = draw(st.sampled_from(kinds))
        if kind == "..." and "..." in parts:
            kind = "slice"
        used += kind not in ("None", "...")
        if kind == "int":
            parts.append(str(draw(st.integers(-4, 4))))
        elif kind == "slice":
            ends = draw(st.tuples(st.integers(-3, 3), st.integers(-3, 4), st.integers(1, 3)))
            parts.append(draw(st.sampled_from(["::2", ":", "{}:{}", "{}:{}:{}", "{}:"])).format(*ends))
        elif kind == "list":
            parts.append(str(draw(st.lists(st.integers(-2, 2), min_size=1, max_size=3))))
        elif kind == "mask":
            parts.append(str(draw(st.lists(st.booleans(), min_size=1, max_size=4))))
        elif kind == "tensor":
            parts.append(
                f"torch.tensor({draw(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=2), min_size=1, max_size=2))})"
            )
        else:
            parts.append(kind)
    return ", ".join(parts)
