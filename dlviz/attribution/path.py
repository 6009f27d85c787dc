"""The path of integrated gradients: scores and gradients between the baseline and an input."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.attribution.methods import gauss_legendre
from dlviz.attribution.score import ScoreFunction


@dataclass(frozen=True, eq=False)
class IntegrationPath:
    """What integrated gradients sums for one input. All tensors are on the CPU.

    Attributes:
        alphas: where the gradients are taken, from 0 at the baseline to 1 at the input, float64 (S,).
        weights: the weight of each, of sum 1, float64 (S,).
        scores: the score at each, float64 (S,).
        gradients: the gradient at each, (S, …).
        difference: the input minus the baseline, in the shape of one input or of its embeddings.
        running: sum of all attributions up to each, float64 (S,); the last is the sum of the map.
        start, end: score of the baseline and of the input.
    """

    alphas: Tensor
    weights: Tensor
    scores: Tensor
    gradients: Tensor
    difference: Tensor
    running: Tensor
    start: float
    end: float

    @property
    def expected(self) -> float:
        """What the attributions should add up to: the score of the input minus that of the baseline."""
        return self.end - self.start

    @property
    def mean_gradient(self) -> Tensor:
        """The weighted mean of the gradients; times :attr:`difference` it is the attribution."""
        weights = self.weights.to(self.gradients)
        return torch.einsum("s,s...->...", weights, self.gradients)


def integration_path(score: ScoreFunction, index: int, steps: int = 50) -> IntegrationPath:
    """Return the path of integrated gradients of input `index`, at the points that Captum's Gauss–Legendre sum takes.

    Example:
        >>> from dlviz.attribution import score_function
        >>> path = integration_path(score_function(torch.nn.Linear(3, 1), torch.rand(2, 3)), 0, steps=4)
        >>> path.gradients.shape, bool(abs(path.running[-1] - path.expected) < 1e-5)
        (torch.Size([4, 3]), True)
    """
    alphas, weights = gauss_legendre(steps)
    x, baseline = score.point(index), score.inputs.baseline[None]
    gradients = path_gradients(score, index, steps)
    scores = score.once(("path scores", index, steps), lambda: _scores(score, index, alphas))
    difference = (x - baseline)[0].cpu()
    each = (gradients * difference).double().flatten(1).sum(1) * weights
    return IntegrationPath(
        alphas, weights, scores[1:-1], gradients, difference, each.cumsum(0), float(scores[0]), float(scores[-1])
    )


def path_gradients(score: ScoreFunction, index: int, steps: int) -> Tensor:
    """Return the gradients along the path of input `index`, (steps, …), as Captum was given them or computed anew."""

    def compute() -> Tensor:
        return score.gradients(_points(score, index, gauss_legendre(steps)[0]), index)

    return score.once(("path", index, steps), compute).cpu()  # type: ignore[no-any-return]


def _scores(score: ScoreFunction, index: int, alphas: Tensor) -> Tensor:
    """Return the scores of the baseline, along the path, and of the input, float64."""
    points = [score.inputs.baseline[None], _points(score, index, alphas), score.point(index)]
    return score.values(torch.cat(points), index).double().cpu()


def _points(score: ScoreFunction, index: int, alphas: Tensor) -> Tensor:
    x, baseline = score.point(index), score.inputs.baseline[None]
    return torch.cat([baseline + alpha * (x - baseline) for alpha in alphas.tolist()])
