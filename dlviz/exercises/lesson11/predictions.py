"""Lesson 11, attention: its predictions."""

import torch
from torch import nn

from dlviz.exercises.prediction import Prediction


def _shape():
    q, k, v = torch.randn(3, 4), torch.randn(5, 4), torch.randn(5, 2)
    return ((q @ k.T).softmax(1) @ v).shape


def _peaked():
    q, k = torch.randn(500, 1, 256), torch.randn(500, 10, 256)
    largest = (q @ k.transpose(1, 2)).softmax(-1).amax(-1).mean()
    return "one" if largest > 0.9 else "half" if largest > 0.3 else "alike"


def _convention():
    attention, x = nn.MultiheadAttention(8, 1, batch_first=True), torch.randn(1, 4, 8)
    mask = torch.ones(4, 4, dtype=torch.bool).tril()
    weights = attention(x, x, x, attn_mask=mask)[1][0, 0]
    attended = (weights > 0).tolist()
    return "past" if attended[0] else "later" if all(attended[1:]) else "all"


def _dead():
    attention, x = nn.MultiheadAttention(8, 1, batch_first=True), torch.randn(1, 4, 8)
    output = attention(x, x, x, key_padding_mask=torch.ones(1, 4, dtype=torch.bool))[0]
    return "nan" if output.isnan().all() else "zero" if not output.any() else "mean"


def _parameters():
    return sum(p.numel() for p in nn.MultiheadAttention(64, 8).parameters())


def _permuted():
    attention, x = nn.MultiheadAttention(8, 2, batch_first=True), torch.randn(1, 5, 8)
    order = [0, 3, 2, 1, 4]
    before, after = attention(x, x, x)[0], attention(x[:, order], x[:, order], x[:, order])[0]
    same, swapped = torch.allclose(before, after, atol=1e-5), torch.allclose(before[:, order], after, atol=1e-5)
    return "nothing" if same else "swapped" if swapped else "all"


def _same_output():
    values = torch.randn(9, 4, dtype=torch.float64)
    weights = torch.randn(9, dtype=torch.float64).softmax(0)
    conditions = torch.cat([values, torch.ones(9, 1, dtype=torch.float64)], dim=1).T  # (5, 9): same output, same sum
    direction = torch.linalg.svd(conditions).Vh[-1]  # a solution of conditions @ direction = 0
    other = weights + direction * (weights / direction.abs()).min()  # no weight below 0
    same = torch.allclose(other @ values, weights @ values) and torch.isclose(other.sum(), weights.sum())
    return "yes" if same and other.min() >= -1e-12 and (other - weights).abs().max() > 1e-4 else "no"


PREDICTIONS = (
    Prediction(id="11.shape", is_shape=True, truth=_shape),
    Prediction(id="11.peaked", truth=_peaked, options=("alike", "half", "one")),
    Prediction(id="11.convention", truth=_convention, options=("past", "later", "all")),
    Prediction(id="11.dead", truth=_dead, options=("zero", "mean", "nan")),
    Prediction(id="11.parameters", truth=_parameters),
    Prediction(id="11.permuted", truth=_permuted, options=("nothing", "swapped", "all")),
    Prediction(id="11.same-output", truth=_same_output, options=("no", "yes")),
)
