"""Encodings compared with formulas written out number by number, and with complex multiplication."""

import math

import pytest
import torch
from torch.nn import functional as F

from dlviz.kit.errors import DlvizError
from dlviz.positional_encoding import alibi, alibi_slopes, apply_rotary, pairs, rotary_angles, sinusoidal

SIZES = [(1, 2), (7, 6), (64, 32), (33, 130)]


@pytest.mark.parametrize("base", [10.0, 10000.0])
@pytest.mark.parametrize(("length", "dim"), SIZES)
def test_the_sinusoidal_encoding_is_the_papers_formula(length, dim, base):
    found = sinusoidal(length, dim, base, dtype=torch.float64)
    for p in range(length):
        for i in range(dim // 2):
            angle = p / base ** (2 * i / dim)
            assert found[p, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-13)
            assert found[p, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-13)


def test_in_float32_the_encoding_is_rounded_once_however_far_the_position():
    assert torch.equal(sinusoidal(5000, 8), sinusoidal(5000, 8, dtype=torch.float64).float())
    assert sinusoidal(3, 4).dtype == torch.get_default_dtype()


def rotated(x, positions, base, pairing):
    """Turn pairs of dimensions as complex numbers."""
    dim = x.shape[-1]
    rates = torch.tensor([base ** (-2 * i / dim) for i in range(dim // 2)], dtype=torch.float64)
    turns = torch.polar(torch.ones(len(positions), dim // 2, dtype=torch.float64), positions.double()[:, None] * rates)
    found = torch.empty_like(x)
    for i, (a, b) in enumerate(pairs(dim, pairing)):
        product = torch.complex(x[..., a], x[..., b]) * turns[:, i]
        found[..., a], found[..., b] = product.real, product.imag
    return found


@pytest.mark.parametrize("pairing", ["interleaved", "half"])
@pytest.mark.parametrize("base", [100.0, 10000.0])
@pytest.mark.parametrize("shape", [(1, 2), (9, 8), (2, 3, 50, 64)])
def test_rotary_is_complex_multiplication(shape, base, pairing):
    torch.manual_seed(len(shape))
    x = torch.randn(shape, dtype=torch.float64)
    positions = torch.randint(0, 1000, shape[-2:-1])
    expected = rotated(x, positions, base, pairing)
    assert torch.allclose(apply_rotary(x, positions, base=base, pairing=pairing), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pairing", ["interleaved", "half"])
def test_the_rotary_score_depends_on_the_distance_only_and_lengths_stay(pairing):
    torch.manual_seed(1)
    q, k = torch.randn(2, 16, dtype=torch.float64)
    queries, keys = (apply_rotary(one.expand(40, -1), pairing=pairing) for one in (q, k))
    scores = queries @ keys.T
    for distance in range(-39, 40):
        line = scores.diagonal(distance)
        assert torch.allclose(line, line[:1].expand_as(line), rtol=0, atol=1e-12)
    assert torch.allclose(queries.norm(dim=1), q.norm().expand(40))


def test_both_pairings_are_the_same_up_to_the_order_of_dimensions():
    torch.manual_seed(2)
    x = torch.randn(5, 8, dtype=torch.float64)
    order = [a for a, _ in pairs(8, "interleaved")] + [b for _, b in pairs(8, "interleaved")]
    assert torch.equal(apply_rotary(x)[:, order], apply_rotary(x[:, order], pairing="half"))


def test_rotary_without_positions_begins_at_zero_and_keeps_dtype_and_gradients():
    x = torch.randn(2, 5, 8, requires_grad=True)
    found = apply_rotary(x)
    assert found.dtype == torch.float32
    assert torch.equal(found, apply_rotary(x, torch.arange(5)))
    assert torch.equal(found, apply_rotary(x, [0, 1, 2, 3, 4]))
    found.sum().backward()
    assert x.grad is not None
    assert torch.equal(rotary_angles(5, 8)[:, 0], torch.arange(5, dtype=torch.float64))


@pytest.mark.parametrize(
    ("heads", "slopes"),
    [
        (1, [2**-8]),
        (8, [2**-k for k in range(1, 9)]),
        (16, [2 ** (-k / 2) for k in range(1, 17)]),
        # No power of two: those of 4, then the first, third, … of 8.
        (6, [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3]),
    ],
)
def test_the_slopes_of_alibi_are_the_papers(heads, slopes):
    assert torch.allclose(alibi_slopes(heads), torch.tensor(slopes, dtype=torch.float64), rtol=1e-15)


def test_alibi_is_minus_slope_times_distance_and_masks_later_keys():
    bias, slopes = alibi(3, 7, dtype=torch.float64), alibi_slopes(3)
    both = alibi(3, 7, causal=False, dtype=torch.float64)
    for h in range(3):
        for i in range(7):
            for j in range(7):
                assert bias[h, i, j] == (-slopes[h] * (i - j) if j <= i else -math.inf)
                assert both[h, i, j] == -slopes[h] * abs(i - j)


def test_alibi_is_a_mask_that_scaled_dot_product_attention_takes():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 4, 6, 8, dtype=torch.float64)
    bias = alibi(4, 6, dtype=torch.float64)
    expected = (q @ k.transpose(-2, -1) / math.sqrt(8) + bias).softmax(-1) @ v
    assert torch.allclose(F.scaled_dot_product_attention(q, k, v, attn_mask=bias), expected)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: sinusoidal(4, 5), "dim must be even, but got 5. Pass dim=6"),
        (lambda: sinusoidal(0, 4), "length must be a whole number of at least 1, but got 0"),
        (lambda: rotary_angles(4, 4, base=0), "base must be a finite number above 0"),
        (lambda: rotary_angles(4, 4, base=math.nan), "but got nan"),
        (lambda: apply_rotary([1.0, 2.0]), "but got list"),
        (lambda: apply_rotary(torch.ones(3, 4, dtype=torch.long)), "floating-point"),
        (lambda: apply_rotary(torch.ones(3, 4), torch.arange(4)), "each of the 3 tokens, but got (4,)"),
        (lambda: apply_rotary(torch.ones(3, 4), pairing="split"), "pairing must be"),
        (lambda: alibi(0, 4), "heads must be a whole number"),
    ],
)
def test_a_bad_argument_is_named(call, text):
    with pytest.raises(DlvizError) as refused:
        call()
    assert text in str(refused.value)
