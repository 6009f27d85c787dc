"""Random attention calls of every kind that a learner may make."""

import random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.transformer.by_hand import SPELLINGS, ByHand


def any_mask(rng: random.Random, *shape: int) -> Tensor:
    """Return a random boolean mask whose rows all hold a ``False``."""
    mask = torch.rand(*shape) < 0.4
    mask[..., rng.randrange(shape[-1])] = False
    return mask


def any_multihead(seed: int) -> tuple[nn.MultiheadAttention, tuple[Tensor, ...], dict[str, Any]]:
    """Return a random ``nn.MultiheadAttention`` in evaluation mode, with arguments, in float64."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    heads, size, n, length, keys = (rng.randint(1, most) for most in (4, 4, 3, 5, 6))
    batch_first, batched, own = rng.random() < 0.5, rng.random() < 0.8, rng.random() < 0.4
    width = heads * size
    module = nn.MultiheadAttention(
        width,
        heads,
        dropout=0.3,
        bias=rng.random() < 0.7,
        add_bias_kv=rng.random() < 0.3,
        add_zero_attn=rng.random() < 0.3,
        kdim=width + 1 if own else None,
        vdim=width + 2 if own else None,
        batch_first=batch_first,
    )
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.7)
    module = module.double().eval()

    def tensor(length: int, width: int) -> Tensor:
        shape = (length, width) if not batched else (n, length, width) if batch_first else (length, n, width)
        return torch.randn(shape).double()

    x = tensor(length, width)
    itself = not own and rng.random() < 0.5
    args = (x, x, x) if itself else (x, tensor(keys, module.kdim), tensor(keys, module.vdim))
    keys = length if itself else keys
    kwargs: dict[str, Any] = {"need_weights": rng.random() < 0.5, "average_attn_weights": rng.random() < 0.5}
    kind = rng.choice(("none", "bool", "float", "causal", "each head"))
    if kind == "causal":
        # With keys of its own, torch hides those from a query only where is_causal=True and need_weights=False.
        hint = itself and module.bias_k is None and not module.add_zero_attn and rng.random() < 0.5
        kwargs |= {"attn_mask": torch.ones(length, keys).triu(1).bool(), "is_causal": hint}
    elif kind != "none":
        count = (n if batched else 1) * heads
        kwargs["attn_mask"] = any_mask(rng, *((count, length, keys) if kind == "each head" else (length, keys)))
    padding = rng.random() < 0.4
    if padding:
        # One key that no mask hides, so that every row is alive.
        hidden = any_mask(rng, *((n, keys) if batched else (keys,)))
        hidden[..., 0] = False
        kwargs["key_padding_mask"] = hidden
        if "attn_mask" in kwargs:
            kwargs["attn_mask"][..., 0] = False
    if kind in ("float", "each head") and rng.random() < 0.7:
        kwargs["attn_mask"] = (
            torch.randn(kwargs["attn_mask"].shape).double().masked_fill(kwargs["attn_mask"], -torch.inf)
        )
        if padding:
            kwargs["key_padding_mask"] = torch.zeros(hidden.shape).double().masked_fill(hidden, -torch.inf)
    return module, args, kwargs


def any_sdpa(seed: int) -> tuple[tuple[Tensor, ...], dict[str, Any]]:
    """Return random arguments of ``F.scaled_dot_product_attention`` in float64."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    groups, repeats, size, length, keys = (rng.randint(1, most) for most in (3, 3, 4, 5, 6))
    lead = [(), (2,), (2, groups * repeats), (2, 3, groups * repeats)][rng.randrange(4)]
    gqa = len(lead) > 1 and rng.random() < 0.5
    lead_k = (*lead[:-1], groups) if gqa else lead
    args = (
        torch.randn(*lead, length, size).double(),
        torch.randn(*lead_k, keys, size).double(),
        torch.randn(*lead_k, keys, size + rng.randint(0, 2)).double(),
    )
    kwargs: dict[str, Any] = {"enable_gqa": gqa} if gqa else {}
    if rng.random() < 0.4:
        kwargs["scale"] = rng.uniform(0.1, 2)
    kind = rng.choice(("none", "causal", "bool", "float", "broadcast"))
    if kind == "causal":
        kwargs["is_causal"] = True
    elif kind != "none":
        shape = (length, keys) if kind == "bool" else (*lead, length, keys)
        if kind == "broadcast":
            shape = (*(rng.choice((1, one)) for one in lead), length, keys)
        keep = ~any_mask(rng, *shape)
        kwargs["attn_mask"] = keep if kind != "float" else torch.randn(shape).double().masked_fill(~keep, -torch.inf)
    return args, kwargs


def any_by_hand(seed: int) -> tuple[ByHand, Tensor]:
    """Return a random module with attention written by hand, in one of many spellings, and its input."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    heads, size, n, length = (rng.randint(1, most) for most in (3, 4, 3, 5))
    module = SPELLINGS[rng.choice(sorted(SPELLINGS))](heads, size, causal=rng.random() < 0.5).double()
    return module, torch.randn(n, length, heads * size).double()


def weights_of_sdpa(args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> Tensor:
    """Return the weights of a call of ``F.scaled_dot_product_attention``, by values that are the rows of an identity matrix."""
    q, k, _ = args
    eye = torch.eye(k.shape[-2], dtype=q.dtype).expand(*k.shape[:-2], -1, -1)
    return F.scaled_dot_product_attention(q, k, eye, **kwargs)
