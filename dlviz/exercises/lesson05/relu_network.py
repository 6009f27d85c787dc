"""Check that a model computes what linear layers with ReLU between them compute with the model's own parameters."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.exercises.model_checks import Check, Fault

Activation = Callable[[Tensor], Tensor]
#: Activations people use between the layers or after the last one, by the name that a report shows.
ACTIVATIONS: dict[str, Activation] = {
    "ReLU": torch.relu,
    "Tanh": torch.tanh,
    "Sigmoid": torch.sigmoid,
    "GELU": F.gelu,
    "LeakyReLU": F.leaky_relu,
    "ELU": F.elu,
    "SiLU": F.silu,
    "LogSoftmax": partial(torch.log_softmax, dim=1),
}


def relu_network(*sizes: int) -> Check:
    """Return a check that the output is that of linear layers of these sizes, with ReLU after each but the last.

    Args:
        sizes: numbers of inputs, of the units of each hidden layer, and of outputs; no two layers may have the same sizes.
    """

    def logits(model: nn.Module, batch: Tensor) -> Fault | None:
        layers = _layers(model, sizes)
        if layers is None:
            expected = ", ".join(f"Linear{pair}" for pair in pairwise(sizes))
            return "other-layers", {
                "yours": ", ".join(str(tuple(p.shape)) for p in model.parameters()),
                "expected": expected,
            }
        right = _forward(layers, batch, torch.relu)
        for training in (True, False):
            out = model.train(training)(batch)
            if _close(out, right):
                continue
            for name, activation in ACTIVATIONS.items():
                if _close(out, _forward(layers, batch, activation)):
                    return "activation-inside", {"yours": name}
                if _close(out, activation(right)):
                    return "activation-at-end", {"yours": name}
            row, index = (~torch.isclose(out, right, rtol=1e-4, atol=1e-5)).nonzero()[0].tolist()
            yours, expected = (f"{values[row, index].item():.4g}" for values in (out, right))
            return "other-logits", {"row": row, "index": index, "yours": yours, "expected": expected}
        return None

    return logits


def _layers(model: nn.Module, sizes: tuple[int, ...]) -> list[tuple[Tensor, Tensor]] | None:
    """Return weight (out, in) and bias (out,) of every layer, found by their shapes; None where one is missing."""
    parameters = [p.detach() for p in model.parameters()]
    layers = []
    for inputs, outputs in pairwise(sizes):
        weights = [p for p in parameters if tuple(p.shape) == (outputs, inputs)]
        weights += [p.T for p in parameters if tuple(p.shape) == (inputs, outputs)]
        biases = [p.flatten() for p in parameters if p.numel() == outputs]
        if len(weights) != 1 or len(biases) != 1:
            return None
        layers.append((weights[0], biases[0]))
    return layers


def _forward(layers: list[tuple[Tensor, Tensor]], batch: Tensor, activation: Activation) -> Tensor:
    """Return the logits (N, C) of a batch, with an activation between the layers."""
    h = batch.flatten(1)
    for number, (weight, bias) in enumerate(layers):
        h = (activation(h) if number else h) @ weight.T + bias
    return h


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-4, atol=1e-5)
