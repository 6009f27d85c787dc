"""What a model's scores say of every example: the class it takes it for, how confidence it is, and the loss of the true class."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

#: So many probabilities of an example are kept, the largest first.
TOP = 10
#: So many scores are looked at at once.
_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class ScoredExamples:
    """Every example as the model saw it, on the CPU.

    Attributes:
        kind: how the scores were read: "logits" (softmax), "probabilities", "binary" (sigmoid of one logit), or "labels",
            predictions alone.
        classes: how many classes there are.
        targets: (N,) the true classes.
        predictions: (N,) the classes with the highest score, −1 where a score is NaN.
        losses: (N,) −log p of the true class; ``None`` of predictions alone.
        confidence: (N,) the probability of the predicted class, NaN where there is none; ``None`` of predictions alone.
        top_classes: (N, K) up to ten classes, the most probable first.
        probs: (N, K) their probabilities.
        loss: the mean of `losses`, as ``cross_entropy`` gives it.
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

    @property
    def bytes(self) -> int:
        """How much memory it takes, targets left out: snapshots share them."""
        kept = (self.predictions, self.losses, self.confidence, self.top_classes, self.probs)
        return sum(one.numel() * one.element_size() for one in kept if one is not None)


def score_examples(scores: Tensor, targets: Tensor, classes: int) -> ScoredExamples:
    """Read a model's scores.

    Args:
        scores: (N, C) logits or probabilities, (N,) logits of two classes, or (N,) integer predictions; any device and dtype.
        targets: (N,) the true classes, on the CPU.
        classes: how many there are.

    Example:
        >>> found = score_examples(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0]), 2)
        >>> found.predictions.tolist(), [round(loss, 4) for loss in found.losses.tolist()]
        ([0, 1], [0.1269, 1.3133])
    """
    kind = kind_of(scores)
    if kind == "labels":
        return ScoredExamples(kind, classes, targets, scores.cpu().to(torch.int16), None, None, None, None, None)
    rows = max(1, _CHUNK // classes)
    parts = [_part(kind, scores[at : at + rows], targets[at : at + rows]) for at in range(0, len(scores), rows)]
    predictions, losses, confidence, top_classes, probs = (torch.cat(column) for column in zip(*parts, strict=True))
    return ScoredExamples(
        kind, classes, targets, predictions, losses, confidence, top_classes, probs, losses.double().mean().item()
    )


def kind_of(scores: Tensor) -> str:
    """How scores are to be read: what is nowhere negative and sums to 1 in every row holds probabilities.

    Example:
        >>> kind_of(torch.tensor([[0.2, 0.8]])), kind_of(torch.tensor([[0.2, 0.9]])), kind_of(torch.tensor([1.5]))
        ('probabilities', 'logits', 'binary')
    """
    if not scores.is_floating_point():
        return "labels"
    if scores.dim() == 1:
        return "binary"
    slack = 1e-2 if torch.finfo(scores.dtype).bits == 16 else 1e-4
    rows = max(1, _CHUNK // scores.shape[1])
    seen = False
    for at in range(0, len(scores), rows):
        part = _wide(scores[at : at + rows])
        part = part[~part.isnan().any(1)]
        if not bool(((part >= 0).all(1) & ((part.sum(1) - 1).abs() <= slack)).all()):
            return "logits"
        seen = seen or len(part) > 0
    return "probabilities" if seen else "logits"


def _part(kind: str, scores: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    """Predictions, losses, probabilities of the predictions, and the top classes with theirs."""
    z = _wide(scores)
    if kind == "binary":
        # Of one logit z the two classes have the logits 0 and z: their softmax is 1 − σ(z) and σ(z).
        z = torch.stack((torch.zeros_like(z).where(~z.isnan(), z), z), 1)
    logs = z.log() if kind == "probabilities" else F.log_softmax(z, 1)
    losses = F.nll_loss(logs, targets.to(z.device), reduction="none")
    probs = z if kind == "probabilities" else F.softmax(z, 1)
    has_nan = z.isnan().any(1)
    preds = z.argmax(1)
    confidence = probs.gather(1, preds[:, None]).squeeze(1)
    ranked = probs.topk(min(TOP, z.shape[1]), dim=1)
    return (
        preds.masked_fill(has_nan, -1).to("cpu", torch.int16),
        losses.masked_fill(has_nan, torch.nan).cpu(),
        confidence.masked_fill(has_nan, torch.nan).cpu(),
        ranked.indices.to("cpu", torch.int16),
        ranked.values.to("cpu", torch.float32),
    )


def _wide(scores: Tensor) -> Tensor:
    """Half precision as single, which softmax needs to be worth looking at; the rest as it is."""
    return scores.float() if torch.finfo(scores.dtype).bits < 32 else scores


def mistakes(found: ScoredExamples) -> Tensor:
    """Numbers of the wrongly classified examples, the largest loss first: NaN before all others, equal ones by their number.

    Of predictions alone they are in the order of the data.

    Example:
        >>> mistakes(score_examples(torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0, 0]), 2)).tolist()
        [2, 1]
    """
    wrong = (found.predictions != found.targets).nonzero().squeeze(1)
    if found.losses is None:
        return wrong
    losses = found.losses[wrong].nan_to_num(nan=torch.inf, posinf=torch.finfo(found.losses.dtype).max)
    return wrong[losses.argsort(descending=True, stable=True)]


def members(found: ScoredExamples, true: int, predicted: int) -> Tensor:
    """Numbers of the examples of class `true` that were taken for `predicted` (−1: not classified), the surest first.

    Of predictions alone they are in the order of the data.

    Example:
        >>> members(score_examples(torch.tensor([[2.0, 0.0], [3.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 0, 0]), 2), 0, 0).tolist()
        [1, 0]
    """
    inside = ((found.targets == true) & (found.predictions == predicted)).nonzero().squeeze(1)
    if found.confidence is None:
        return inside
    confidence = found.confidence[inside].nan_to_num(nan=torch.inf)
    return inside[confidence.argsort(descending=True, stable=True)]
