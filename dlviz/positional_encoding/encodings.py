"""Positional encodings as plain functions of torch: sinusoidal, rotary and ALiBi.

Everything is computed in float64 and then converted, because an angle of 1,000 radians keeps only four decimals in float32.
"""

import math
from typing import Any, Literal

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite, is_integer
from dlviz.torchkit.array_data import as_tensor

#: How rotary encodings pair the dimensions: (0, 1), (2, 3), … or (0, dim/2), (1, dim/2 + 1), …
Pairing = Literal["interleaved", "half"]
PAIRINGS: tuple[Pairing, ...] = ("interleaved", "half")


def sinusoidal(length: int, dim: int, base: float = 10000.0, *, dtype: torch.dtype | None = None) -> Tensor:
    """Return the sinusoidal encoding PE[p, 2i] = sin(p / base^(2i/dim)), PE[p, 2i + 1] = cos(p / base^(2i/dim)).

    Args:
        length: number of positions.
        dim: number of dimensions, even.
        base: the slowest wave is nearly 2π·base positions long, the fastest 2π.
        dtype: of the result; torch's default without it.

    Returns:
        The matrix that is added to the embeddings, (length, dim).

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> sinusoidal(2, 4)
        tensor([[0.0000, 1.0000, 0.0000, 1.0000],
                [0.8415, 0.5403, 0.0100, 0.9999]])

    Source:
        Vaswani et al. 2017, Attention Is All You Need, section 3.5 (arXiv 1706.03762)
    """
    angles = rotary_angles(length, dim, base)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).to(dtype or torch.get_default_dtype())


def rotary_angles(length: int, dim: int, base: float = 10000.0) -> Tensor:
    """Return the angle p / base^(2i/dim) by which position p turns pair i of dimensions, in radians.

    Args:
        length: number of positions.
        dim: number of dimensions of one head, even.
        base: as for :func:`sinusoidal`, whose waves have the same angles.

    Returns:
        (length, dim / 2), float64.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> rotary_angles(3, 4)
        tensor([[0.0000, 0.0000],
                [1.0000, 0.0100],
                [2.0000, 0.0200]], dtype=torch.float64)

    Source:
        Su et al. 2021, RoFormer, equation 15 (arXiv 2104.09864)
    """
    check_size("length", length)
    return torch.arange(length, dtype=torch.float64)[:, None] / divisors(dim, base)


def divisors(dim: int, base: float = 10000.0) -> Tensor:
    """Return base^(2i/dim) for every pair i of dimensions: the positions that one radian takes, (dim / 2,), float64."""
    check_size("dim", dim)
    if dim % 2:
        raise DlvizError(message("positional_encoding.refused.odd", got=dim, fits=dim + 1))
    if not is_finite(base) or base <= 0:
        raise DlvizError(message("positional_encoding.refused.base", got=repr(base)[:80]))
    return torch.as_tensor(float(base), dtype=torch.float64) ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)


def apply_rotary(
    x: Tensor, positions: Any = None, *, base: float = 10000.0, pairing: Pairing = "interleaved"
) -> Tensor:
    """Turn every pair of dimensions of queries or keys by an angle that grows with the position.

    The product of a query turned at position m and a key turned at n depends on n − m only.

    Args:
        x: queries or keys, (…, T, dim) with an even dim.
        positions: the position of each of the T tokens, a tensor, an array or a list (T,); 0 to T − 1 without it.
        base: as for :func:`sinusoidal`.
        pairing: which dimensions are a pair: "interleaved" has (0, 1), (2, 3), … as in the paper; "half" has (0, dim/2),
            (1, dim/2 + 1), … as in GPT-NeoX, Llama and Hugging Face. A model works with the one that it was trained with only.

    Returns:
        Turned queries or keys, shape and dtype of `x`.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> apply_rotary(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
        tensor([[1.0000, 0.0000],
                [0.5403, 0.8415]])

    Source:
        Su et al. 2021, RoFormer, equations 14 and 34 (arXiv 2104.09864)
    """
    if not isinstance(x, Tensor) or x.ndim < 2 or not x.is_floating_point():
        got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise DlvizError(message("positional_encoding.refused.x", got=got))
    if pairing not in PAIRINGS:
        raise DlvizError(message("positional_encoding.refused.pairing", got=repr(pairing)[:80]))
    places = torch.arange(x.shape[-2]) if positions is None else as_tensor(positions)
    if places is None or places.shape != x.shape[-2:-1]:
        given = type(positions).__name__ if places is None else f"{tuple(places.shape)}"
        raise DlvizError(message("positional_encoding.refused.positions", count=x.shape[-2], got=given))
    # Angles stay on the CPU: not every device has float64.
    angles = places.double().cpu()[:, None] / divisors(x.shape[-1], base)
    cos, sin = angles.cos().to(x), angles.sin().to(x)
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1) if pairing == "interleaved" else x.chunk(2, dim=-1)
    turned = [first * cos - second * sin, first * sin + second * cos]
    return torch.stack(turned, dim=-1).flatten(-2) if pairing == "interleaved" else torch.cat(turned, dim=-1)


def pairs(dim: int, pairing: Pairing) -> list[tuple[int, int]]:
    """Return the two dimensions of every pair that a rotary encoding turns.

    Example:
        >>> pairs(4, "interleaved"), pairs(4, "half")
        ([(0, 1), (2, 3)], [(0, 2), (1, 3)])
    """
    if pairing == "interleaved":
        return [(2 * i, 2 * i + 1) for i in range(dim // 2)]
    return [(i, i + dim // 2) for i in range(dim // 2)]


def alibi_slopes(heads: int) -> Tensor:
    """Return the slope of each head, (heads,), float64: a geometric sequence that begins at 2^(−8/heads) and has that ratio.

    For a number of heads that is no power of two, as in the paper's code: those of the next smaller power, then every other one of twice
    that number.

    Example:
        >>> alibi_slopes(4)
        tensor([0.2500, 0.0625, 0.0156, 0.0039], dtype=torch.float64)
    """
    check_size("heads", heads)
    power = 2 ** int(math.log2(heads))
    slopes = 2.0 ** (-8 / power * torch.arange(1, power + 1, dtype=torch.float64))
    between = 2.0 ** (-4 / power * torch.arange(1, 2 * power, 2, dtype=torch.float64))
    return torch.cat([slopes, between[: heads - power]])


def alibi(heads: int, length: int, *, causal: bool = True, dtype: torch.dtype | None = None) -> Tensor:
    """Return the bias −slope · distance that ALiBi adds to the scores q·k / √d, one slope per head.

    Args:
        heads: number of heads.
        length: number of positions.
        causal: whether keys after the query get −∞, as in a language model; else the distance is |i − j|.
        dtype: of the result; torch's default without it.

    Returns:
        (heads, length, length), bias[h, i, j] for query i and key j; it can be the ``attn_mask`` of
        ``F.scaled_dot_product_attention``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> alibi(1, 3)
        tensor([[[ 0.0000,    -inf,    -inf],
                 [-0.0039,  0.0000,    -inf],
                 [-0.0078, -0.0039,  0.0000]]])

    Source:
        Press et al. 2022, Train Short, Test Long, section 3 (arXiv 2108.12409)
    """
    slopes = alibi_slopes(heads)
    check_size("length", length)
    positions = torch.arange(length, dtype=torch.float64)
    distance = positions[:, None] - positions
    bias = 0.0 - slopes[:, None, None] * distance.abs()
    if causal:
        bias = bias.masked_fill(distance < 0, -torch.inf)
    return bias.to(dtype or torch.get_default_dtype())


def check_size(name: str, value: int) -> None:
    """Raise a DlvizError unless `value` is a whole number above 0."""
    if not is_integer(value) or value < 1:
        raise DlvizError(message("positional_encoding.refused.size", name=name, got=repr(value)[:80]))
