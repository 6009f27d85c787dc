"""Random configurations of every argument, compared with torch: shapes, errors, terms of every output, outputs of every input."""

from collections import Counter
from itertools import product

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from dlviz.convolution.gradient import pooling_gradient
from dlviz.convolution.operations import avg_pool, conv, conv_transpose, equivalent_convolution, max_pool
from dlviz.convolution.record import max_error, padded_part
from dlviz.convolution.window_axis import WindowAxis

#: Numbers of random configurations, the larger one every night.
COUNTS = pytest.mark.parametrize("count", [500, pytest.param(1000, marks=pytest.mark.slow)])


def random_runs(count):
    return settings(max_examples=count, derandomize=True, database=None, deadline=None)


# torch warns that an even kernel with padding="same" may need a copy.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
REFUSALS = (RuntimeError, ValueError, TypeError)


@st.composite
def shapes(draw, dims, low=1, high=6):
    return [draw(st.integers(low, high)) for _ in range(dims)]


def form(draw, values, dims):
    """One number for all dimensions, a tuple of one, or one for each; torch accepts all three."""
    kind = draw(st.integers(0, 2))
    one = draw(values)
    return one if kind == 0 else (one,) if kind == 1 else tuple(draw(values) for _ in range(dims))


@st.composite
def configurations(draw):
    """(kind, spatial dimensions, positional and keyword arguments), valid or not."""
    kind = draw(st.sampled_from(["conv", "conv", "conv_transpose", "max_pool", "avg_pool"]))
    dims = draw(st.integers(1, 2))
    groups = draw(st.sampled_from([1, 1, 2])) if kind.startswith("conv") else 1
    inner, outer = draw(st.integers(1, 2)) * groups, draw(st.integers(1, 2)) * groups
    lead = [] if draw(st.integers(0, 3)) == 0 else [draw(st.integers(1, 2))]
    x = numbers(*lead, inner + draw(st.sampled_from([0] * 9 + [1])), *draw(shapes(dims)))
    kernel = draw(shapes(dims, 1, 3))
    steps, apart = form(draw, st.integers(1, 3), dims), form(draw, st.integers(1, 2), dims)
    pad = form(draw, st.integers(0, 2), dims)
    if kind == "conv":
        if draw(st.integers(0, 3)) == 0:
            pad, steps = draw(st.sampled_from(["same", "valid"])), draw(st.sampled_from([1, 1, steps]))
        mode = draw(st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"]))
        weight = numbers(outer, inner // groups, *kernel)
        bias = numbers(outer) if draw(st.booleans()) else None
        return (
            kind,
            dims,
            (x, weight, bias),
            {"stride": steps, "padding": pad, "dilation": apart, "groups": groups, "padding_mode": mode},
        )
    if kind == "conv_transpose":
        weight = numbers(inner, outer // groups, *kernel)
        bias = numbers(outer) if draw(st.booleans()) else None
        extra = form(draw, st.sampled_from([0, 0, 0, 1]), dims)
        return (
            kind,
            dims,
            (x, weight, bias),
            {"stride": steps, "padding": pad, "output_padding": extra, "groups": groups, "dilation": apart},
        )
    given_steps = None if draw(st.integers(0, 2)) == 0 else steps
    size = tuple(kernel) if draw(st.booleans()) else kernel[0]
    pad = draw(st.sampled_from([0, 0, pad]))
    ceil = draw(st.booleans())
    if kind == "max_pool":
        return kind, dims, (x, size), {"stride": given_steps, "padding": pad, "dilation": apart, "ceil_mode": ceil}
    named = {"stride": given_steps, "padding": pad, "ceil_mode": ceil, "count_include_pad": draw(st.booleans())}
    if dims == 2 and draw(st.integers(0, 3)) == 0:
        named["divisor_override"] = draw(st.integers(1, 5))
    return kind, dims, (x, size), named


def numbers(*shape):
    """Nonzero integers in float64: sums are exact, and no dependency is hidden by a factor 0."""
    return (torch.randint(1, 9, shape) * (2 * torch.randint(2, shape) - 1)).to(torch.float64)


def by_torch(kind, dims, positional, named):
    """Return the output of torch's function or module, or the first line of its error message."""
    try:
        if kind == "conv" and named["padding_mode"] != "zeros":
            x, weight, bias = positional
            make = nn.Conv1d if dims == 1 else nn.Conv2d
            layer = make(
                weight.shape[1] * named["groups"],
                weight.shape[0],
                tuple(weight.shape[2:]),
                **expand_tuples(named, dims),
                bias=bias is not None,
                dtype=torch.float64,
            )
            with torch.no_grad():
                layer.weight.copy_(weight)
                if bias is not None:
                    layer.bias.copy_(bias)
            return layer.requires_grad_(False)(x), ""
        function = getattr(F, f"{kind}{dims}d")
        named = {name: value for name, value in named.items() if name != "padding_mode"}
        return function(*positional, **named), ""
    except REFUSALS as error:
        return None, str(error).partition("\n")[0]


def expand_tuples(named, dims):
    """Expand tuples of one number, which functions accept but modules do not."""
    return {
        name: value * dims if isinstance(value, tuple) and len(value) == 1 else value for name, value in named.items()
    }


def build(kind, dims, positional, named):
    make = {"conv": conv, "conv_transpose": conv_transpose, "max_pool": max_pool, "avg_pool": avg_pool}[kind]
    return make(*positional, **named, **({"dims": dims} if kind.endswith("pool") else {}))


IN_THE_PADDING = {"stride": None, "padding": 1, "dilation": 2, "ceil_mode": False}


@COUNTS
def test_every_output_equals_torch_and_every_input_reaches_the_outputs_of_autograd(count):
    @random_runs(count)
    @given(configurations(), st.integers(0, 2**31))
    @example(("max_pool", 2, (torch.full((1, 1, 1), 2.0, dtype=torch.float64), 2), IN_THE_PADDING), 0)
    def check(configuration, seed):
        check_output_and_reach(configuration, seed)

    check()


def check_output_and_reach(configuration, seed):
    torch.manual_seed(seed)
    kind, dims, positional, named = configuration
    wanted, message = by_torch(*configuration)
    if wanted is None:
        with pytest.raises(REFUSALS) as refused:
            build(*configuration)
        if named.get("padding_mode", "zeros") == "zeros":
            assert str(refused.value).partition("\n")[0] == message
        return
    data = build(*configuration)
    if kind == "max_pool":
        flat = getattr(F, f"{kind}{dims}d")(*positional, **named, return_indices=True)[1]
        assert torch.equal(data.indices.reshape(flat.shape), flat)
    batch = data.output if wanted.dim() == dims + 2 else data.output[0]
    assert torch.equal(batch, wanted)
    assert tuple(axis.output_size for axis in data.axes) == tuple(data.output.shape[2:])
    places = list(product(*map(range, data.output.shape)))
    for index in sample(places, 12):
        assert data.recompute(index) == pytest.approx(data.output[index].item(), rel=1e-12, abs=1e-12)
        check_terms(data, index)
    if kind == "conv_transpose" and all(axis.equivalent.pad_before >= 0 for axis in data.axes):
        turned = equivalent_convolution(data)
        assert torch.equal(turned.output, data.output)
        assert tuple(axis.output_size for axis in turned.axes) == tuple(data.output.shape[2:])
    if kind == "max_pool" and bool((data.output == -float("inf")).any()):
        # A window without any input, where torch's backward would write out of bounds.
        assert pooling_gradient(data, 0, (0,) * dims, (1,) * dims, 1) is None
        return
    leaf = data.x.clone().requires_grad_()
    again, _ = by_torch(kind, dims, (leaf, *positional[1:]), named)
    for index in sample(list(product(*map(range, data.x.shape))), 4):
        check_feeds(data, index, leaf, again)


def sample(items, most):
    """Return up to `most` of the items, including the first and the last."""
    if len(items) <= most:
        return items
    return [items[0], items[-1], *(items[i] for i in torch.randint(len(items), (most - 2,)).tolist())]


def check_terms(data, index):
    """Check that the terms have the right values in the padded input."""
    if data.kind == "conv":
        shape = [axis.padded_size for axis in data.axes]
        wide = torch.stack([padded_part(x, data.axes, [0] * len(shape), shape) for x in data.x])
        for term in data.terms(index):
            value = wide[(index[0], *term.padded)].item()
            assert value == (0 if term.input is None else data.x[term.input].item())
    if data.kind == "max_pool" and all(term.input is None for term in data.terms(index)):
        assert data.output[index] == -float("inf")  # and torch's index lies outside of the input
    elif data.kind == "max_pool":
        flat = data.indices[index].item()
        shape = data.x.shape[2:]
        at = (flat,) if len(shape) == 1 else divmod(flat, shape[1])
        assert (index[0], index[1], *at) in [term.input for term in data.terms(index)]


def check_feeds(data, index, leaf, again):
    """Check that an input element contributes exactly to the outputs whose gradient at it is not zero."""
    feeds = data.feeds(index)
    total = Counter()
    for out, weight in feeds:
        total[out] += 1.0 if weight is None else data.weight[weight].item()
    reached = {out for out, _ in feeds}
    for out in sample(list(product(*map(range, data.output.shape))), 10):
        gradient = torch.autograd.grad(again[out if again.dim() == len(out) else out[1:]], leaf, retain_graph=True)[0][
            index
        ].item()
        if data.kind == "max_pool":
            assert gradient == 0 or out in reached
        elif data.kind == "avg_pool":
            assert gradient == pytest.approx(total[out] / data.divisor(out), rel=1e-12)
        else:
            assert gradient == pytest.approx(total[out], rel=1e-12, abs=1e-12)
            assert (out in reached) or gradient == 0


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2))
@settings(max_examples=300, derandomize=True, database=None, deadline=None)
def test_unused_positions_are_those_that_no_window_reaches(size, kernel, stride, dilation, pad):
    axis = WindowAxis(size, kernel, stride, dilation, pad, pad)
    if axis.padded_size < axis.extent:
        return
    touched = {place for o in range(axis.output_size) for _, place in axis.window(o)}
    assert axis.unused == axis.padded_size - 1 - max(touched)


@COUNTS
def test_random_configurations_cover_every_operation_with_and_without_errors(count):
    seen: Counter = Counter()

    @random_runs(count)
    @given(configurations())
    def look(configuration):
        wanted, _ = by_torch(*configuration)
        seen[configuration[0], configuration[1], wanted is not None] += 1

    look()
    for kind, dims in product(("conv", "conv_transpose", "max_pool", "avg_pool"), (1, 2)):
        assert seen[kind, dims, True] > (30 if count == 1000 else 8)
        assert seen[kind, dims, False] > 2


def test_terms_are_added_up_only_where_that_takes_no_time():
    """A vision transformer's patch embedding has 768 products a number."""
    torch.manual_seed(0)
    weight = torch.randn(1, 3, 16, 16)
    assert max_error(conv(torch.randn(1, 3, 32, 32), weight, None, stride=16)) < 1e-4
    assert max_error(conv(torch.randn(1, 3, 224, 224), weight, None, stride=16)) is None
