"""What the weights of a head look like in two numbers: how many keys they spread over, and how far back they reach."""

import torch
from torch import Tensor

from dlviz.transformer.attention_call import AttentionCall


def entropy(weights: Tensor) -> Tensor:
    """Return the entropy of each row of weights in nats, (…, L): 0 if one key has it all, log S if all S keys have the same.

    Example:
        >>> entropy(torch.tensor([[1.0, 0.0], [0.5, 0.5]])).tolist()
        [0.0, 0.6931...]
    """
    return torch.special.entr(weights).sum(-1)


def distance_back(call: AttentionCall) -> Tensor:
    """Return how many positions before its query a key lies, as a mean over the weights of each row, (N, H, L); negative: after it.

    With more keys than queries the queries are the last positions, as in generation with a cache. Keys that no input gave have no
    position: the mean is over the others.

    Example:
        >>> from dlviz.transformer import record
        >>> import torch.nn.functional as F
        >>> x = torch.zeros(1, 1, 3, 2)
        >>> distance_back(record(F.scaled_dot_product_attention, x, x, x, is_causal=True).calls[0]).tolist()
        [[[0.0, 0.5, 1.0]]]
    """
    _, _, length, s = call.shape
    keys = s - call.extra_keys
    weights = call.weights[..., :keys]
    first = max(keys - length, 0)
    places = torch.arange(keys, dtype=weights.dtype, device=weights.device)
    total = weights.sum(-1)
    return torch.arange(first, first + length, dtype=weights.dtype, device=weights.device) - weights @ places / total
