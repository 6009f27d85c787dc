"""Checks of what the learner passes to boundary(): points, labels, class names and limits of the plane."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from dlviz.decision_boundary.estimator import EstimatorModule, is_estimator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type, list_of_texts
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.labels import class_table, indices_of, list_of_names
from dlviz.torchkit.modules import parameters
from dlviz.torchkit.plane import Limits, check_limits

#: Classes that can be told apart by color and shape.
MAX_CLASSES = 10


@dataclass(frozen=True, eq=False)
class Inputs:
    """The learner's model and data, checked.

    Attributes:
        model: the learner's own model, or a module around a classifier of scikit-learn.
        x: the data points, (N, 2), with the dtype of the model's parameters.
        y: their labels, (N,) or (N, 1); of names their indices.
        labels: their labels as int64, (N,).
        class_names: names of the classes, where labels are names or a classifier knows them, else ``None``.
        limits: left, right, bottom and top of the plane.
        names: the learner's variable names of model, x and y.
        arguments: further arguments of the call, as source code.
        preparation: lines of source code that make tensors of the learner's x and y, empty where they are such tensors.
        rng_state: state of the CPU's random number generator, from which every forward pass starts.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    labels: Tensor
    class_names: list[str] | None
    limits: Limits
    names: tuple[str, str, str]
    arguments: str
    preparation: tuple[str, ...]
    rng_state: Tensor


def check_inputs(
    model: Any, x: Any, y: Any, classes: Sequence[Any] | None, limits: Any, names: tuple[str, str, str]
) -> Inputs:
    """Return the checked inputs.

    Raises:
        DlvizError: an argument does not fit.
    """
    module = check_model(model)
    classes = None if classes is None else list_of_texts(classes, "decision_boundary.refused.classes_kind")
    points = check_points(x, module)
    known = module.class_names if isinstance(module, EstimatorModule) else None
    values, class_names = check_labels(y, len(points), classes, known)
    frame = check_limits(limits, points, "decision_boundary.refused.limits")
    arguments = [] if limits is None else [f"limits={frame!r}"]
    if classes is not None:
        arguments.append(f"classes={classes!r}")
    lines = () if known else _preparation(x, y, points, class_names, names)
    labels = (values.squeeze(1) if values.dim() == 2 else values).long()
    rng_state = torch.get_rng_state()
    return Inputs(module, points, values, labels, class_names, frame, names, ", ".join(arguments), lines, rng_state)


def check_model(model: Any) -> nn.Module:
    """Return `model`, of a compiled one the original, of a classifier of scikit-learn a module that asks it.

    Raises:
        DlvizError: it is neither a module nor a fitted classifier with ``predict_proba``.
    """
    if is_estimator(model):
        kind = type(model).__name__
        if not hasattr(model, "classes_"):
            raise DlvizError(message("decision_boundary.refused.unfitted", got=kind))
        if not hasattr(model, "predict_proba"):
            raise DlvizError(message("decision_boundary.refused.predict_proba", got=kind))
        return EstimatorModule(model)
    check_type(model, nn.Module, "decision_boundary.refused.module")
    return cast(nn.Module, getattr(model, "_orig_mod", model))  # a compiled module runs no hooks


def check_points(x: Any, model: nn.Module) -> Tensor:
    """Return `x` as points of the plane, detached, with the dtype of the model's parameters.

    Raises:
        DlvizError: it does not hold numbers (N, 2), it is a tensor of integers, or it is nonfinite.
    """
    points = as_plain_tensor(x)
    if points is None:
        raise DlvizError(message("decision_boundary.refused.x", got=kind_of_data(x)))
    if points.dim() != 2 or points.shape[1] != 2:
        raise DlvizError(message("decision_boundary.refused.x_shape", got=tuple(points.shape)))
    if points.is_complex() or (isinstance(x, Tensor) and not points.is_floating_point()):
        raise DlvizError(message("decision_boundary.refused.x_dtype", got=points.dtype))
    if not bool(torch.isfinite(points).all()):
        row = int((~torch.isfinite(points)).any(1).nonzero()[0])
        raise DlvizError(message("decision_boundary.refused.x_finite", row=row, got=tuple(points[row].tolist())))
    floating = [parameter for parameter in parameters(model) if parameter.is_floating_point()]
    kinds = {parameter.dtype for parameter in floating}
    default = points.dtype if points.is_floating_point() else torch.get_default_dtype()
    points = points.to(kinds.pop() if len(kinds) == 1 else default)
    # A tensor is where the learner put it, other data where the model needs it.
    return points.to(floating[0].device) if floating and not isinstance(x, Tensor) else points


def check_labels(
    y: Any, count: int, classes: list[str] | None, known: list[str] | None
) -> tuple[Tensor, list[str] | None]:
    """Return `y` as a tensor (N,) or (N, 1), and the names of the classes where labels are names.

    Args:
        y: the labels.
        count: number of points.
        classes: the learner's names of the classes.
        known: names of the classes that a classifier was fitted with, by which all labels are looked up.

    Raises:
        DlvizError: it does not hold `count` whole labels from 0 on, or names.
    """
    values = None if known else as_plain_tensor(y)
    if values is None and isinstance(y, Tensor) and not known:
        raise DlvizError(message("decision_boundary.refused.y", got=kind_of_data(y)))
    if values is None:
        items = list_of_names("boundary: y", y)
        table = known or classes or class_table(items)
        values, names = indices_of("boundary: y", items, table), table
    else:
        names = None
    flat = values.squeeze(1) if values.dim() == 2 and values.shape[1] == 1 else values
    if flat.dim() != 1 or flat.shape[0] != count:
        raise DlvizError(message("decision_boundary.refused.y_shape", count=count, got=tuple(values.shape)))
    if flat.is_complex() or not bool((flat.long() == flat).all()):
        wrong = flat[0] if flat.is_complex() else flat[flat.long() != flat][0]
        raise DlvizError(message("decision_boundary.refused.y_whole", got=wrong.item()))
    if flat.numel() and int(flat.min()) < 0:
        raise DlvizError(message("decision_boundary.refused.y_negative", got=int(flat.min())))
    return values, names


def _preparation(
    x: Any, y: Any, points: Tensor, class_names: list[str] | None, names: tuple[str, str, str]
) -> tuple[str, ...]:
    """Return the lines that make tensors of `x` and `y` as they are drawn."""
    lines = []
    if not isinstance(x, Tensor):
        lines.append(f"{names[1]} = torch.as_tensor(np.asarray({names[1]}), dtype={points.dtype})")
    elif x.dtype != points.dtype:
        lines.append(f"{names[1]} = {names[1]}.to({points.dtype})")
    if class_names is not None:
        lines.append(f"{names[2]} = torch.tensor([{class_names!r}.index(str(label)) for label in {names[2]}])")
    elif not isinstance(y, Tensor):
        lines.append(f"{names[2]} = torch.as_tensor(np.asarray({names[2]}))")
    return tuple(["import numpy as np"] * any("np." in line for line in lines) + lines)
