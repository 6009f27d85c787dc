"""The methods once more, in plain torch: loops over steps, samples and windows, one backward pass at a time."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

#: Scores (1, C) of one input (1, …).
Scores = Callable[[Tensor], Tensor]


def gradient(scores: Scores, x: Tensor, target: int) -> Tensor:
    leaf = x.clone().requires_grad_()
    scores(leaf.clone())[0, target].backward()
    return leaf.grad


def gradient_x_input(scores: Scores, x: Tensor, target: int) -> Tensor:
    return gradient(scores, x, target) * x


def integrated_gradients(scores: Scores, x: Tensor, target: int, baseline: Tensor, steps: int) -> Tensor:
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    total = torch.zeros_like(x)
    for node, weight in zip(nodes, weights, strict=True):
        alpha = (node + 1) / 2
        total += weight / 2 * gradient(scores, baseline + alpha * (x - baseline), target)
    return total * (x - baseline)


def smooth_grad(scores: Scores, x: Tensor, target: int, noise: float, samples: int, seed: int) -> Tensor:
    std = noise * (x.max() - x.min()).item()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        draws = torch.normal(0.0, torch.full((samples, *x.shape[1:]), std, dtype=torch.float32))
    return torch.stack([gradient(scores, x + draw, target) for draw in draws]).mean(0)


def occlusion(
    scores: Scores, x: Tensor, target: int, baseline: Tensor, window: Sequence[int], stride: Sequence[int], kind: str
) -> Tensor:
    """Return the mean fall of the score over the windows that cover each place, (H, W), (F,) or (T,)."""
    places = x.shape[2:] if kind == "image" else x.shape[1:2]
    falls, counts = torch.zeros(places, dtype=x.dtype), torch.zeros(places, dtype=x.dtype)
    starts = []
    for side, size, step in zip(places, window, stride, strict=True):
        axis = [0]
        while axis[-1] + size < side:
            axis.append(axis[-1] + step)
        starts.append(axis)
    with torch.no_grad():
        before = scores(x.clone())[0, target]
        for start in itertools.product(*starts):
            where = tuple(slice(first, first + size) for first, size in zip(start, window, strict=True))
            changed = x.clone()
            full = (0, slice(None), *where) if kind == "image" else (0, *where)
            changed[full] = baseline[full]
            falls[where] += before - scores(changed)[0, target]
            counts[where] += 1
    return falls / counts


def grad_cam(maps: Tensor, head: Scores, target: int, relu: bool) -> Tensor:
    """Return the coarse map (h, w) of maps (1, C, h, w), of which `head` makes the scores."""
    weights = gradient(head, maps, target)[0].mean((1, 2))
    total = sum(weight * one for weight, one in zip(weights, maps[0], strict=True))
    return total.clamp(min=0) if relu else total
