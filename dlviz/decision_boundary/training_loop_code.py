"""Source code of a plain PyTorch loop that trains the learner's model on the current points."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from dlviz.decision_boundary.builder import NetworkBuilder
from dlviz.decision_boundary.edits import BoundaryEdits
from dlviz.decision_boundary.inputs import Inputs
from dlviz.torchkit.modules import settings_text

#: Painted points that are written into the code at most; the learner reads more of them from ``view.x`` and ``view.y``.
_MAX_WRITTEN = 200


def training_loop(
    inputs: Inputs, edits: BoundaryEdits, arguments: str, builder: NetworkBuilder | None = None, *, binary: bool
) -> str:
    """Return Python source that runs as it stands, where the learner's variables exist.

    Args:
        inputs: the learner's model and data, with their variable names.
        edits: edited weights and painted points.
        arguments: the keyword arguments of boundary(), as source code.
        builder: what built the model, ``None`` for a model of the learner's.
        binary: whether the model returns a single logit.
    """
    model, (net, x, y) = inputs.model, inputs.names
    lines = ["import torch", "from torch import nn", "from torch.nn import functional as F", "", "import dlviz", ""]
    constructor = "" if builder else _constructor(model)
    # A model that its own repr can build is written out; any other is referred to by its name.
    if builder:
        lines, net = [*lines, builder.source(net)], "net"
    else:
        lines += [
            f"{net} = {constructor}" if constructor else f"# {net} is your own {type(model).__name__}, as it stands"
        ]
    lines += inputs.preparation
    if edits.weights:
        lines += ["with torch.no_grad():"]
    for (name, index), value in edits.weights.items():
        lines += [f"    {net}.get_parameter({name!r})[{', '.join(map(str, index))}] = {value!r}"]
    if 0 < len(edits.painted) <= _MAX_WRITTEN:
        points = ", ".join(f"[{a!r}, {b!r}]" for a, b, _ in edits.painted)
        labels = ", ".join(str(int(label)) for *_, label in edits.painted)
        lines += [
            f"{x} = torch.cat([{x}, torch.tensor([{points}]).to({x})])",
            f"{y} = torch.cat([{y}.flatten(), torch.tensor([{labels}]).to({y})])",
        ]
    loss = (
        f"F.binary_cross_entropy_with_logits({net}({x}).flatten(), {y}.flatten().to({x}))"
        if binary
        else f"F.cross_entropy({net}({x}), {y}.flatten().long())"
    )
    drawn = f"view = dlviz.boundary({', '.join(filter(None, (net, x, y, arguments)))})"
    optimizer = [] if builder else [f"optimizer = torch.optim.Adam({net}.parameters(), lr=0.01)"]
    step = [f"loss = {loss}", "optimizer.zero_grad()", "loss.backward()", "optimizer.step()"]
    if builder and not builder.optimizer:
        step = [f"step({x}, {y})"]
    body = [f"    {line}" for line in [*step, "if number % 10 == 0:", "    view.update()"]]
    return "\n".join([*lines, "", drawn, *optimizer, "for number in range(1, 501):", *body, ""])


def fitting(estimator: Any, names: Sequence[str], edits: BoundaryEdits, arguments: str) -> str:
    """Return Python source that fits a classifier of scikit-learn on the current points and draws it.

    Args:
        estimator: the learner's classifier.
        names: the learner's variable names of classifier, points and labels.
        edits: painted points.
        arguments: the keyword arguments of boundary(), as source code.
    """
    classifier, x, y = names
    lines = ["import dlviz", "", f"# {classifier} is your own {type(estimator).__name__}, as it stands"]
    if 0 < len(edits.painted) <= _MAX_WRITTEN:
        labels = [estimator.classes_.tolist()[int(label)] for *_, label in edits.painted]
        lines[:1] = ["import numpy as np", "", "import dlviz"]
        lines += [
            f"{x} = np.concatenate([{x}, {[point[:2] for point in edits.painted]!r}])",
            f"{y} = np.concatenate([{y}, {labels!r}])",
        ]
    drawn = f"view = dlviz.boundary({', '.join(filter(None, (classifier, x, y, arguments)))})"
    return "\n".join([*lines, "", f"{classifier}.fit({x}, {y})", drawn, ""])


def _constructor(model: nn.Module) -> str:
    """Return the call that builds `model`, if it is a Sequential of torch's own layers, else ""."""
    if type(model) is not nn.Sequential or not all(_has_constructor_repr(layer) for layer in model):
        return ""
    layers = "".join(f"    nn.{type(layer).__name__}({_arguments(layer)}),\n" for layer in model)
    return f"nn.Sequential(\n{layers})"


def _arguments(layer: nn.Module) -> str:
    if isinstance(layer, nn.Linear):
        return f"{layer.in_features}, {layer.out_features}" + ("" if layer.bias is not None else ", bias=False")
    return settings_text(layer)


def _has_constructor_repr(layer: nn.Module) -> bool:
    """Return whether the layer's repr is the call that builds it."""
    return type(layer) in (nn.Linear, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Dropout)
