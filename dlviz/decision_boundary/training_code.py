"""A plain PyTorch loop that trains the learner's model on the points as they stand."""

from collections.abc import Sequence

from torch import nn

#: Painted points are written into the code up to so many; more are read from the widget.
_WRITTEN = 200


def loop(
    model: nn.Module,
    names: Sequence[str],
    *,
    binary: bool,
    painted: Sequence[Sequence[float]],
    edits: Sequence[tuple[str, tuple[int, ...], float]],
    settings: str,
) -> str:
    """Python that runs as it stands, wherever the learner's `names` are known.

    Args:
        model: the learner's model.
        names: what the learner calls the model, the points and the labels.
        binary: whether the model returns one logit.
        painted: x, y and class of every painted point.
        edits: parameter, index and value of every edited weight.
        settings: the widget's own keyword arguments, as they are written.
    """
    net, x, y = names
    lines = ["import torch", "from torch import nn", "from torch.nn import functional as F", "", "import dlviz", ""]
    built = _built(model)
    # A model that its own repr can build is written out; any other is the learner's, by name.
    lines += [f"{net} = {built}"] if built else [f"# {net} is your own {type(model).__name__}, as it stands"]
    if edits:
        lines += ["with torch.no_grad():"]
        lines += [f"    {net}.get_parameter({name!r})[{_index(index)}] = {value!r}" for name, index, value in edits]
    if 0 < len(painted) <= _WRITTEN:
        added = ", ".join(f"[{a!r}, {b!r}]" for a, b, _ in painted)
        classes = ", ".join(str(int(label)) for *_, label in painted)
        lines += [
            f"{x} = torch.cat([{x}, torch.tensor([{added}]).to({x})])",
            f"{y} = torch.cat([{y}.flatten(), torch.tensor([{classes}]).to({y})])",
        ]
    loss = (
        f"F.binary_cross_entropy_with_logits({net}({x}).flatten(), {y}.flatten().to({x}))"
        if binary
        else f"F.cross_entropy({net}({x}), {y}.flatten().long())"
    )
    return "\n".join(
        [
            *lines,
            "",
            f"view = dlviz.boundary({', '.join([net, x, y, *([settings] if settings else [])])})",
            f"optimizer = torch.optim.Adam({net}.parameters(), lr=0.01)",
            "for step in range(1, 501):",
            f"    loss = {loss}",
            "    optimizer.zero_grad()",
            "    loss.backward()",
            "    optimizer.step()",
            "    if step % 10 == 0:",
            "        view.update()",
            "",
        ]
    )


def _index(index: tuple[int, ...]) -> str:
    return ", ".join(map(str, index))


def _built(model: nn.Module) -> str:
    """`model` as code, if it is a Sequential of torch's own layers; else ""."""
    if type(model) is not nn.Sequential or not all(_plain(layer) for layer in model):
        return ""
    layers = "".join(f"    nn.{type(layer).__name__}({_settings(layer)}),\n" for layer in model)
    return f"nn.Sequential(\n{layers})"


def _settings(layer: nn.Module) -> str:
    if isinstance(layer, nn.Linear):
        return f"{layer.in_features}, {layer.out_features}" + ("" if layer.bias is not None else ", bias=False")
    return layer.extra_repr()


def _plain(layer: nn.Module) -> bool:
    """Whether a layer's own line in a print is the call that makes it."""
    return type(layer) in (nn.Linear, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Dropout)
