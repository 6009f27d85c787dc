"""Predictions, losses and probabilities of a classifier for every example, read from its scores."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

#: Probabilities of an example that are kept, the largest first.
TOP = 10
#: Scores that are read at once.
_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class ScoredExamples:
    """Predictions of a model for every example, on the CPU.

    Attributes:
        kind: how the scores were read: "logits" (softmax), "probabilities", "binary" (sigmoid of one logit), or "labels" for
            predictions without scores.
        classes: number of classes.
        targets: (N,) the true classes, −1 for examples that do not count.
        predictions: (N,) the classes with the highest score, −1 where a score is NaN.
        losses: (N,) −log p of the true class, NaN where it does not count; ``None`` without scores.
        confidence: (N,) the probability of the predicted class, NaN where there is none; ``None`` without scores.
        top_classes: (N, K) up to ten classes, the most probable first.
        probs: (N, K) their probabilities.
        loss: the mean of `losses` over the examples that count, as ``cross_entropy`` gives it.
        looks_like_probs: whether scores that are read as one logit each all lie between 0 and 1.
    """

    kind: str
    classes: int
    targets: Tensor
    predictions: Tensor
    losses: Tensor | None
    confidence: Tensor | None
    top_classes: Tensor | None
    probs: Tensor | None
    loss: float | None
    looks_like_probs: bool = False

    @property
    def total(self) -> int:
        """Number of examples that count."""
        return int((self.targets >= 0).sum())

    @property
    def bytes(self) -> int:
        """Memory that it takes without the targets, which snapshots share."""
        tensors = (self.predictions, self.losses, self.confidence, self.top_classes, self.probs)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors if tensor is not None)


def score_examples(scores: Tensor, targets: Tensor, classes: int) -> ScoredExamples:
    """Return predictions, losses and probabilities that a model's scores imply.

    Args:
        scores: (N, C) logits or probabilities, (N,) logits of two classes, or (N,) integer predictions; any device and dtype.
        targets: (N,) the true classes, on the CPU; −1 for examples that do not count.
        classes: number of classes.

    Example:
        >>> scored = score_examples(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0]), 2)
        >>> scored.predictions.tolist(), [round(loss, 4) for loss in scored.losses.tolist()]
        ([0, 1], [0.1269, 1.3133])
    """
    kind = kind_of(scores)
    if kind == "labels":
        return ScoredExamples(kind, classes, targets, scores.cpu().to(torch.int16), None, None, None, None, None)
    rows = max(1, _CHUNK // classes)
    chunks = [_score_chunk(kind, z, t) for z, t in zip(scores.split(rows), targets.split(rows), strict=True)]
    predictions, losses, confidence, top_classes, probs = (torch.cat(column) for column in zip(*chunks, strict=True))
    loss = losses[targets >= 0].double().mean().item()
    looks_like_probs = kind == "binary" and _are_in_unit_interval(scores)
    return ScoredExamples(
        kind, classes, targets, predictions, losses, confidence, top_classes, probs, loss, looks_like_probs
    )


def _are_in_unit_interval(scores: Tensor) -> bool:
    """Return whether there are scores, and all of them lie between 0 and 1, apart from NaN."""
    values = scores[~scores.isnan()]
    return bool(len(values)) and bool(((values >= 0) & (values <= 1)).all())


def kind_of(scores: Tensor) -> str:
    """Return the kind of some scores: "probabilities" if none is negative and every row sums to 1.

    Example:
        >>> kind_of(torch.tensor([[0.2, 0.8]])), kind_of(torch.tensor([[0.2, 0.9]])), kind_of(torch.tensor([1.5]))
        ('probabilities', 'logits', 'binary')
    """
    if not scores.is_floating_point():
        return "labels"
    if scores.dim() == 1:
        return "binary"
    tolerance = 1e-2 if torch.finfo(scores.dtype).bits == 16 else 1e-4
    rows = max(1, _CHUNK // scores.shape[1])
    complete = 0
    for chunk in map(_at_least_float32, scores.split(rows)):
        values = chunk[~chunk.isnan().any(1)]
        if not bool(((values >= 0).all(1) & ((values.sum(1) - 1).abs() <= tolerance)).all()):
            return "logits"
        complete += len(values)
    return "probabilities" if complete else "logits"


def _score_chunk(kind: str, scores: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    """Return predictions, losses, probabilities of the predictions, top classes, and probabilities of the top classes."""
    z = _at_least_float32(scores)
    if kind == "binary":
        # Of one logit z the two classes have the logits 0 and z: their softmax is 1 − σ(z) and σ(z).
        z = torch.stack((torch.zeros_like(z).where(~z.isnan(), z), z), 1)
    logs = z.log() if kind == "probabilities" else F.log_softmax(z, 1)
    truth = targets.to(z.device)
    losses = F.nll_loss(logs, truth, reduction="none", ignore_index=-1)
    probs = z if kind == "probabilities" else F.softmax(z, 1)
    has_nan = z.isnan().any(1)
    preds = z.argmax(1)
    confidence = probs.gather(1, preds[:, None]).squeeze(1)
    ranked = probs.topk(min(TOP, z.shape[1]), dim=1)
    return (
        preds.masked_fill(has_nan, -1).to("cpu", torch.int16),
        losses.masked_fill(has_nan | (truth < 0), torch.nan).cpu(),
        confidence.masked_fill(has_nan, torch.nan).cpu(),
        ranked.indices.to("cpu", torch.int16),
        ranked.values.to("cpu", torch.float32),
    )


def _at_least_float32(scores: Tensor) -> Tensor:
    """Return half-precision scores in float32, because their softmax has few digits; others as they are."""
    return scores.float() if torch.finfo(scores.dtype).bits < 32 else scores


def mistakes(scored: ScoredExamples) -> Tensor:
    """Return the indices of misclassified examples, the largest loss first: NaN before all others, equal losses by index.

    Without scores they are in the order of the data.

    Example:
        >>> mistakes(score_examples(torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0, 0]), 2)).tolist()
        [2, 1]
    """
    wrong = ((scored.predictions != scored.targets) & (scored.targets >= 0)).nonzero().squeeze(1)
    if scored.losses is None:
        return wrong
    losses = scored.losses[wrong].nan_to_num(nan=torch.inf, posinf=torch.finfo(scored.losses.dtype).max)
    return wrong[losses.argsort(descending=True, stable=True)]


def members(scored: ScoredExamples, true: int, predicted: int) -> Tensor:
    """Return the indices of the examples of class `true` that were predicted as `predicted`, the most confident first.

    A `predicted` of −1 stands for no prediction. Without scores the indices are in the order of the data.

    Example:
        >>> members(score_examples(torch.tensor([[2.0, 0.0], [3.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 0, 0]), 2), 0, 0).tolist()
        [1, 0]
    """
    indices = ((scored.targets == true) & (scored.predictions == predicted)).nonzero().squeeze(1)
    if scored.confidence is None:
        return indices
    confidence = scored.confidence[indices].nan_to_num(nan=torch.inf)
    return indices[confidence.argsort(descending=True, stable=True)]
