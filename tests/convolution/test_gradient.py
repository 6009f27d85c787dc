"""The gradients of a pooling, compared with autograd."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

import dlviz
from dlviz.convolution.gradient import pooling_gradient
from dlviz.convolution.operations import avg_pool, max_pool
from dlviz.kit.widget import Widget


@st.composite
def poolings(draw):
    dims = draw(st.integers(1, 2))
    kernel = [draw(st.integers(1, 3)) for _ in range(dims)]
    named = {
        "stride": [draw(st.integers(1, 3)) for _ in range(dims)],
        "padding": [draw(st.integers(0, k // 2)) for k in kernel],
        "ceil_mode": draw(st.booleans()),
    }
    average = draw(st.booleans())
    if average:
        named["count_include_pad"] = draw(st.booleans())
    else:
        named["dilation"] = [draw(st.integers(1, 2)) for _ in range(dims)]
    # Few different numbers, so that some windows have tied maxima.
    sizes = [draw(st.integers(5, 8)) for _ in range(dims)]
    return dims, average, kernel, named, sizes, draw(st.integers(0, 2**31))


@given(poolings())
@settings(max_examples=200, derandomize=True, database=None, deadline=None)
def test_every_window_equals_autograd(pooling):
    dims, average, kernel, named, sizes, seed = pooling
    torch.manual_seed(seed)
    x = torch.randint(0, 3, (2, 2, *sizes)).double()
    made = (avg_pool if average else max_pool)(x, kernel, **named, dims=dims)
    leaf = x.clone().requires_grad_()
    out = getattr(F, f"{'avg' if average else 'max'}_pool{dims}d")(leaf, kernel, **named)
    starts = tuple(min(1, axis.output_size - 1) for axis in made.axes)
    counts = tuple(axis.output_size - start for axis, start in zip(made.axes, starts, strict=True))
    found = pooling_gradient(made, 1, starts, counts, 2)
    assert torch.equal(found.total, torch.autograd.grad(out[1].sum(), leaf, retain_graph=True)[0][1])
    for channel, *place in product(range(2), *map(range, counts)):
        o = [p + start for p, start in zip(place, starts, strict=True)]
        wanted = torch.autograd.grad(out[(1, channel, *o)], leaf, retain_graph=True)[0][1, channel]
        got = torch.zeros_like(wanted)
        for taps in product(*(axis.window(at) for axis, at in zip(made.axes, o, strict=True))):
            at = tuple(p - axis.pad_before for (_, p), axis in zip(taps, made.axes, strict=True))
            value = found.per_output[(channel, *place, *(k for k, _ in taps))]
            if all(0 <= i < size for i, size in zip(at, sizes, strict=True)):
                got[at] += value
            else:
                assert value == 0
        assert torch.equal(got, wanted)


def test_large_gradients_keep_only_the_total():
    found = pooling_gradient(max_pool(torch.rand(1, 4, 60, 60), 21, 1), 0, (0, 0), (40, 40), 4)
    assert found.per_output is None
    assert found.total.sum() == 4 * 40 * 40


def test_the_switch_adds_the_gradient_to_the_scene_and_integers_have_none():
    x = torch.tensor([[[[1.0, 3.0, 3.0, 0.0], [2.0, 0.0, 1.0, 1.0]]]])
    with torch.no_grad():
        view = dlviz.max_pool2d(x, 2)
        assert "gradient" not in view.scene
        view.gradient = True
    total = np.frombuffer(view.scene["gradient"]["total"]["values"], np.float32)
    leaf = x.clone().requires_grad_()
    F.max_pool2d(leaf, 2).sum().backward()
    assert total.tolist() == leaf.grad.reshape(-1).tolist()
    whole = dlviz.max_pool2d(x.long(), 2, gradient=True)
    assert whole.scene["gradient"] is None
    assert "torch.int64 has no gradient" in whole.scene["notes"][-1]["text"]
    Widget.close_all()


@pytest.mark.parametrize("name", ["max_pool1d", "avg_pool1d", "max_pool2d", "avg_pool2d"])
def test_every_pooling_has_a_gradient_switch(name):
    x = torch.rand(1, 1, 6) if "1d" in name else torch.rand(1, 1, 6, 6)
    view = getattr(dlviz, name)(x, 2, gradient=True)
    assert {"name": "gradient", "kind": "switch"} in view.scene["controls"]
    places = view.output.shape[2:]
    assert view.scene["gradient"]["per_output"]["shape"] == [1, *places, *(2 for _ in places)]
    Widget.close_all()
