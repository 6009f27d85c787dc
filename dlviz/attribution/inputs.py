"""The learner's inputs, what one of them is (an image, the row of a table, or tokens), and the outputs that are explained."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import class_names, is_integer, list_of_texts
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.labels import indices_of, list_of_names, whole_labels
from dlviz.torchkit.modules import modules, named_children, parameters

KINDS = ("image", "row", "tokens")


@dataclass(frozen=True, eq=False)
class Inputs:
    """N inputs, each with the output that is explained.

    Attributes:
        x: images (N, C, H, W) or rows (N, F) of floating-point numbers, or ids of tokens (N, T), int64.
        kind: "image", "row" or "tokens".
        labels: a name of each input, such as "image 0".
        features: names of a row's features, empty for other kinds.
        tokens: the texts of each input's tokens, ``None`` for other kinds.
        source: index of the learner's input that each of the N is, int64 (N,): one input with several targets stands here several times.
        targets: index of the explained output of each input, int64 (N,).
        classes: names of the outputs.
        baseline: the input in which nothing is there, (C, H, W), (F,) or, as embeddings, (T, D).
        notes: what was done to fit the inputs, in words.
        is_batch: whether the learner gave a batch, and not a single input.
    """

    x: Tensor
    kind: str
    labels: tuple[str, ...]
    features: tuple[str, ...] = ()
    tokens: tuple[tuple[str, ...], ...] | None = None
    source: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))
    targets: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))
    classes: tuple[str, ...] = ()
    baseline: Tensor = field(default_factory=lambda: torch.zeros(0))
    notes: tuple[str, ...] = ()
    is_batch: bool = True

    def __len__(self) -> int:
        return len(self.x)

    @property
    def places(self) -> tuple[int, ...]:
        """Shape of the map of one input: (H, W), (F,) or (T,)."""
        return tuple(self.x.shape[2:] if self.kind == "image" else self.x.shape[1:])

    def with_targets(self, target: Any, scores: Tensor, classes: Sequence[Any] | None) -> "Inputs":
        """Return these inputs with targets; one input with several targets becomes several inputs.

        Args:
            target: an index or the name of a class for all inputs, or a list of them, one for each input; ``None`` for the predicted class.
            scores: the net's scores for the inputs, (N, C).
            classes: names of the C outputs; their indices by default.

        Raises:
            DlvizError: there is no such output, or the number of targets or names does not fit.
        """
        count = scores.shape[1]
        if classes is not None:
            classes = list_of_texts(classes, "attribution.refused.classes_kind")
        names = class_names(classes, count, "attribution.refused.classes")
        targets = scores.argmax(1) if target is None else _targets(target, names, classes is not None)
        if len(targets) == 1:
            targets = targets.expand(len(self))
        if len(self) not in (1, len(targets)):
            raise DlvizError(message("attribution.refused.targets", count=len(self), got=len(targets)))
        source = torch.arange(len(self)) if len(self) == len(targets) else torch.zeros(len(targets), dtype=torch.long)
        rows = source.tolist()
        return replace(
            self,
            x=self.x[source.to(self.x.device)],
            labels=tuple(self.labels[row] for row in rows),
            tokens=None if self.tokens is None else tuple(self.tokens[row] for row in rows),
            source=source,
            targets=targets.clone(),
            classes=tuple(names),
        )


def _targets(target: Any, names: Sequence[str], are_named: bool) -> Tensor:
    """Return targets as indices of outputs, int64 (K,)."""
    if is_integer(target) and not 0 <= target < len(names):  # it may be too large for a tensor
        raise DlvizError(message("attribution.refused.target", last=len(names) - 1, got=target))
    if isinstance(target, str) or is_integer(target):
        target = [target]
    found = whole_labels("attribute: target", target)
    if found is None:
        given = list_of_names("attribute: target", target)
        if given and not are_named:
            raise DlvizError(message("attribution.refused.unnamed", got=repr(given[0])[:60]))
        found = indices_of("attribute: target", given, names)
    found = found.reshape(1) if found.dim() == 0 else found
    wrong = found[(found < 0) | (found >= len(names))]
    if found.dim() != 1 or not len(found):
        raise DlvizError(message("attribution.refused.target_shape", got=tuple(found.shape)))
    if len(wrong):
        raise DlvizError(message("attribution.refused.target", last=len(names) - 1, got=int(wrong[0])))
    return found


def check_inputs(
    net: nn.Module,
    x: Any,
    *,
    kind: str = "auto",
    labels: Sequence[Any] | None = None,
    features: Sequence[Any] | None = None,
    tokens: Any = None,
) -> Inputs:
    """Return the learner's data as inputs of one kind, still without targets.

    Args:
        net: a module that holds the net's parameters; the inputs get their dtype and device where they are no tensors of floats.
        x: one image (C, H, W) or several (N, C, H, W); one row (F,) or several (N, F); ids of tokens (T,) or (N, T).
        kind: "image", "row", "tokens", or "auto" for what the shape, the dtype and the net suggest.
        labels: a name for each input.
        features: names of a row's features; those of a table's columns by default.
        tokens: texts of the tokens, one list for each input, or a tokenizer of Hugging Face; the ids by default.

    Raises:
        DlvizError: they are no numbers of such a shape, or an option does not fit them.

    Example:
        >>> check_inputs(nn.Linear(2, 2), torch.rand(3, 8, 8)).kind, check_inputs(nn.Linear(2, 2), [[1.0, 2.0]]).features
        ('image', ('x0', 'x1'))
    """
    found = as_plain_tensor(x)
    if found is None or found.is_complex() or found.dim() == 0 or not found.numel():
        got = kind_of_data(x) if found is None else f"a tensor of shape {tuple(found.shape)}, {found.dtype}"
        raise DlvizError(message("attribution.refused.data", got=got))
    if not isinstance(kind, str) or kind not in ("auto", *KINDS):
        raise DlvizError(message("attribution.refused.kind", got=repr(kind)[:60]))
    has_embedding = any(isinstance(one, (nn.Embedding, nn.EmbeddingBag)) for one in modules(net))
    if kind == "auto":
        is_tokens = not found.is_floating_point() and found.dim() <= 2 and has_embedding
        # A grayscale image without its channel is refused as an image: as rows it would reach a convolution.
        is_image = found.dim() > 2 or (found.dim() == 2 and _begins_with_conv2d(net))
        kind = "tokens" if is_tokens else "image" if is_image else "row"
    for option, value, fits in (("features", features, "row"), ("tokens", tokens, "tokens")):
        if value is not None and kind != fits:
            raise DlvizError(message("attribution.refused.option", option=option, fits=fits, kind=kind))
    notes = []
    like = next((one for one in parameters(net) if one.is_floating_point()), None)
    device = found.device if like is None or isinstance(x, Tensor) else like.device
    if kind == "tokens":
        ids = _batch(found, 1, kind)
        if ids.is_floating_point():
            raise DlvizError(message("attribution.refused.ids", got=ids.dtype))
        ids = ids.to(device, torch.long)
        return Inputs(ids, kind, _labels(labels, len(ids), kind), tokens=_texts(tokens, ids))
    values = _batch(found, 3 if kind == "image" else 1, kind)
    if kind == "image":
        _check_channels(net, tuple(found.shape))
        if values.dtype == torch.uint8:
            notes.append(message("attribution.note.bytes", low=int(values.min()), high=int(values.max())))
    if not (isinstance(x, Tensor) and values.is_floating_point()):
        values = values.to(device, torch.get_default_dtype() if like is None else like.dtype)
    if not bool(values.isfinite().all()):
        raise DlvizError(message("attribution.refused.nonfinite", count=int((~values.isfinite()).sum())))
    names = _features(features, x, values.shape[1]) if kind == "row" else ()
    return Inputs(
        values,
        kind,
        _labels(labels, len(values), kind),
        names,
        notes=tuple(notes),
        is_batch=values.dim() == found.dim(),
    )


def _batch(values: Tensor, dims: int, kind: str) -> Tensor:
    """Return inputs of `dims` dimensions as a batch; one input becomes a batch of one."""
    if values.dim() not in (dims, dims + 1):
        raise DlvizError(message(f"attribution.refused.{kind}_shape", got=tuple(values.shape)))
    return values[None] if values.dim() == dims else values


def _begins_with_conv2d(net: nn.Module) -> bool:
    return isinstance(next((one for one in modules(net) if not named_children(one)), None), nn.Conv2d)


def _check_channels(net: nn.Module, shape: tuple[int, ...]) -> None:
    """Refuse a batch of grayscale images without channels (N, H, W), and images whose channels stand last."""
    first = next((one for one in modules(net) if isinstance(one, nn.Conv2d)), None)
    if first is None or shape[-3] == first.in_channels:
        return
    if shape[-1] == first.in_channels:
        raise DlvizError(message("attribution.refused.channels_last", shape=shape, count=first.in_channels))
    if len(shape) == 3 and first.in_channels == 1:
        raise DlvizError(message("attribution.refused.channels", shape=shape, channels=shape[0]))


def _labels(labels: Any, count: int, kind: str) -> tuple[str, ...]:
    if labels is None:
        return tuple(message(f"attribution.label.{kind}", index=k) for k in range(count))
    texts = [labels] if isinstance(labels, str) else list_of_texts(labels, "attribution.refused.labels_kind")
    if len(texts) != count:
        raise DlvizError(message("attribution.refused.labels", count=count, got=len(texts)))
    return tuple(texts)


def _features(features: Any, x: Any, count: int) -> tuple[str, ...]:
    if features is None:
        # Of a table of pandas the columns, of one of its rows the index.
        features = getattr(x, "columns", getattr(x, "index", None) if getattr(x, "ndim", 0) == 1 else None)
        if features is None or callable(features):
            return tuple(f"x{k}" for k in range(count))
    texts = list_of_texts(features, "attribution.refused.features_kind")
    if len(texts) != count:
        raise DlvizError(message("attribution.refused.features", count=count, got=len(texts)))
    return tuple(texts)


def _texts(tokens: Any, ids: Tensor) -> tuple[tuple[str, ...], ...]:
    """Return the texts of the tokens of each input."""
    rows = ids.tolist()
    if tokens is None:
        return tuple(tuple(map(str, row)) for row in rows)
    try:
        to_texts = getattr(tokens, "convert_ids_to_tokens", None)
        if callable(to_texts):
            return tuple(tuple(map(str, to_texts(row))) for row in rows)
        given = list(tokens) if isinstance(tokens, (list, tuple)) or hasattr(tokens, "__array__") else []
    except Exception:  # an object of another library may raise anything
        given = []
    if not given:
        raise DlvizError(message("attribution.refused.tokens_kind", got=type(tokens).__name__))
    given = [given] if all(isinstance(one, str) for one in given) else given
    texts = tuple(tuple(list_of_texts(row, "attribution.refused.tokens_kind")) for row in given)
    if len(texts) != len(rows) or any(len(row) != ids.shape[1] for row in texts):
        got = ", ".join(str(len(row)) for row in texts[:5])
        raise DlvizError(message("attribution.refused.tokens", count=len(rows), size=ids.shape[1], got=got))
    return texts
