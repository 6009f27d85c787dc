"""Attribution maps of a net's inputs by several methods."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.attribution.attribution_map import METHODS, Attribution
from dlviz.attribution.grad_cam import grad_cam
from dlviz.attribution.inputs import Inputs
from dlviz.attribution.layer_choices import LayerChoice, check_layer, layers
from dlviz.attribution.methods import (
    check_options,
    gradient_x_input,
    integrated_gradients,
    occlusion,
    saliency,
    smooth_grad,
    window_and_stride,
)
from dlviz.attribution.score import ScoreFunction, score_function
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type, is_integer
from dlviz.torchkit.modules import modules


@dataclass(frozen=True, eq=False)
class Record:
    """Attribution maps of N inputs, each for its own target.

    Attributes:
        inputs: the inputs with their targets and the baseline.
        score: the net as a function from an input to scores.
        scores: scores of the inputs, (N, C).
        probs: their softmax (N, C), or the scores where they are probabilities; ``None`` where there is one output.
        attributions: the maps by method, in the order of :data:`METHODS`.
        window, stride: sides of occlusion's window and its steps.
        layers: the layers that Grad-CAM can use.
        relu: whether Grad-CAM's map is cut at 0.
        steps, samples, noise, seed: as :func:`record` was given them.
        notes: what the learner should know, in words.
    """

    inputs: Inputs
    score: ScoreFunction
    scores: Tensor
    probs: Tensor | None
    attributions: dict[str, Attribution]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    layers: list[LayerChoice]
    relu: bool
    steps: int
    samples: int
    noise: float
    seed: int
    notes: list[str]

    def attribute(self, method: str, score: ScoreFunction | None = None, layer: Any = None) -> Attribution:
        """Compute the maps of one method with this record's options.

        Args:
            method: one of :data:`METHODS`.
            score: another score function, such as a variant of this record's.
            layer: of Grad-CAM, as :func:`dlviz.attribution.grad_cam` takes it.
        """
        score = self.score if score is None else score
        compute: dict[str, Callable[[], Attribution]] = {
            "saliency": lambda: saliency(score),
            "gradient_x_input": lambda: gradient_x_input(score),
            "integrated_gradients": lambda: integrated_gradients(score, self.steps),
            "smooth_grad": lambda: smooth_grad(score, self.noise, self.samples, self.seed),
            "grad_cam": lambda: grad_cam(score, layer, self.relu),
            "occlusion": lambda: occlusion(score, self.window, self.stride),
        }
        return compute[method]()

    def with_layer(self, layer: Any, relu: bool = True) -> "Record":
        """Return this record with Grad-CAM at another layer, with or without its ReLU.

        Raises:
            DlvizError: there is no such layer.
        """
        check_type(relu, bool, "attribution.refused.relu")
        made = replace(self, relu=relu, attributions=dict(self.attributions))
        made.attributions["grad_cam"] = made.attribute("grad_cam", layer=layer)
        return replace(
            made, attributions={name: made.attributions[name] for name in METHODS if name in made.attributions}
        )

    def with_target(self, index: int, target: int) -> "Record":
        """Return this record with another output explained for one input; the maps of the others stay as they are.

        Args:
            index: index of the input.
            target: index of the output.
        """
        score, one = self.score.retargeted(index, target), self.score.variant(index, target=target)
        found = {}
        for name, before in self.attributions.items():
            layer = check_layer(self.score, before.layer) if before.layer else None
            found[name] = _with_row(before, index, self.attribute(name, one, layer))
        return replace(self, inputs=score.inputs, score=score, attributions=found)


def _with_row(before: Attribution, index: int, made: Attribution) -> Attribution:
    """Return attributions in which those of one input are replaced by `made`, which are of this input alone."""

    def put(name: str) -> Tensor:
        values: Tensor = getattr(before, name).clone()
        values[index] = getattr(made, name)[0]
        return values

    names = ("values", "maps", "strengths", "expected_sum", "before_relu")
    changed: dict[str, Any] = {name: put(name) for name in names if getattr(before, name) is not None}
    return replace(before, **changed)


def check_method(record: Record, method: Any, index: Any) -> Attribution:
    """Return the maps of one method.

    Raises:
        DlvizError: the record has none of that method, or no input of that index.
    """
    if not isinstance(method, str) or method not in record.attributions:
        names = ", ".join(record.attributions)
        raise DlvizError(message("attribution.refused.method", names=names, got=repr(method)[:60]))
    if not is_integer(index) or not 0 <= index < len(record.inputs):
        last = len(record.inputs) - 1
        raise DlvizError(message("attribution.refused.index", last=last, got=repr(index)[:60]))
    return record.attributions[method]


def record(
    net: Any,
    x: Any,
    target: Any = None,
    *,
    methods: Sequence[str] | str = METHODS,
    layer: str | nn.Module | None = None,
    relu: bool = True,
    baseline: Any = None,
    steps: int = 50,
    samples: int = 25,
    noise: float = 0.15,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    labels: Sequence[Any] | None = None,
    classes: Sequence[Any] | None = None,
    features: Sequence[Any] | None = None,
    tokens: Any = None,
    args: Any = (),
    output: Any = None,
    seed: int = 0,
    kind: str = "auto",
) -> Record:
    """Compute attribution maps of a net's inputs. The net runs in eval mode and stays as it was.

    Args:
        net: a module or another callable, called as ``net(x, *args)``. It returns scores (N, C), or (N,) for one output.
        x: one image (C, H, W) or several (N, C, H, W), one row (F,) or several (N, F), ids of tokens (T,) or (N, T), or a batch of a
            tokenizer of Hugging Face.
        target: the output to explain, an index or one of `classes`; a list has one for each input, or several for a single input.
            By default that of the highest score.
        methods: which methods, some of :data:`METHODS`; by default all that the net allows.
        layer: path of Grad-CAM's layer, or the module; by default the last one with places that is no pooling.
        relu: whether negative numbers of Grad-CAM become 0.
        baseline: the input in which nothing is there: a number, or numbers that broadcast to one input; for tokens the id of a token or
            an embedding. 0 by default.
        steps: gradients along the path of integrated gradients.
        samples, noise: copies of the input for SmoothGrad, and the standard deviation of their noise as a share of the input's range.
        window, stride: sides of occlusion's window and its steps, numbers or one for each axis.
        labels: a name of each input.
        classes: names of the outputs.
        features: names of a row's features.
        tokens: texts of the tokens, or a tokenizer of Hugging Face.
        args: further arguments of the net, a tuple or a dictionary; a tensor with one row for each input is given row by row.
        output: a function from what the net returns to scores.
        seed: seed of SmoothGrad's noise.
        kind: "image", "row", "tokens", or "auto".

    Raises:
        DlvizError: an argument does not fit, the net raises, or Captum is not installed.

    Example:
        >>> made = record(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), torch.rand(1, 8, 8), methods="saliency")
        >>> made.attributions["saliency"].maps.shape
        torch.Size([1, 8, 8])
    """
    chosen = _methods(methods)
    check_type(relu, bool, "attribution.refused.relu")
    check_options(steps, samples, noise, seed)
    score = score_function(
        net,
        x,
        target,
        baseline=baseline,
        labels=labels,
        classes=classes,
        features=features,
        tokens=tokens,
        args=args,
        output=output,
        kind=kind,
    )
    window, stride = window_and_stride(score, window, stride)
    notes = list(score.notes)
    found = layers(score) if "grad_cam" in chosen else []
    # Asked for by name, a method that cannot be computed raises.
    if methods is METHODS and layer is None and not any(one.usable for one in found):
        chosen = [name for name in chosen if name != "grad_cam"]
        if any(isinstance(one, torch.jit.ScriptModule) for one in modules(score.holder)):
            notes.append(message("attribution.note.scripted"))
        elif score.inputs.kind == "image":
            notes.append(message("attribution.note.no_layer"))
    made = Record(
        inputs=score.inputs,
        score=score,
        scores=score.scores,
        probs=score.probs,
        attributions={},
        window=window,
        stride=stride,
        layers=found,
        relu=relu,
        steps=steps,
        samples=samples,
        noise=noise,
        seed=seed,
        notes=notes,
    )
    with score.running():
        made.attributions.update({name: made.attribute(name, layer=layer) for name in METHODS if name in chosen})
    return made


def _methods(methods: Any) -> list[str]:
    chosen = [methods] if isinstance(methods, str) else methods
    wrong = [] if isinstance(chosen, (list, tuple)) else [chosen]
    wrong = wrong or [one for one in chosen if not isinstance(one, str) or one not in METHODS]
    if wrong or not chosen:
        got = repr(wrong[0])[:60] if wrong else "none"
        raise DlvizError(message("attribution.refused.methods", names=", ".join(METHODS), got=got))
    return list(chosen)
