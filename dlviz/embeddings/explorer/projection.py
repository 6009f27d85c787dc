"""From many dimensions to two or three: PCA, t-SNE, and one map turned so that it lies as near as can be on another."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True, eq=False)
class Pca:
    """Principal components: ``places`` (N, K), ``directions`` (K, D) of length 1, ``mean`` (D,), ``shares`` (K,) of the variance."""

    places: Tensor
    directions: Tensor
    mean: Tensor
    shares: Tensor


@dataclass(frozen=True, eq=False)
class Turn:
    """A rotation or reflection ``q`` (K, K) and the shift that goes with it: ``(x − x_mean) @ q + y_mean``."""

    q: Tensor
    x_mean: Tensor
    y_mean: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Turn points (N, K)."""
        return (x - self.x_mean) @ self.q + self.y_mean


def pca(matrix: Tensor, components: int = 2) -> Pca:
    """The directions in which vectors (N, D) vary most, by singular values, and where each vector stands along them.

    A direction and its opposite serve as well; of the two, the one whose largest number is positive is taken, so that the same
    vectors always give the same map. Where there are fewer than `components` directions, the places along the rest are 0.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.svd.html.

    Example:
        >>> pca(torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]), 1).shares
        tensor([1.])
    """
    _components(components)
    mean = matrix.mean(0)
    _, values, rows = torch.linalg.svd(matrix - mean, full_matrices=False)
    rows, values = rows[:components], values**2
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    rows = rows * torch.where(largest < 0, -1, 1)
    total = values.sum()
    shares = values[:components] / total if total > 0 else torch.zeros_like(values[:components])
    places = (matrix - mean) @ rows.T
    missing = components - len(rows)
    if missing:
        places = torch.cat((places, places.new_zeros(len(places), missing)), dim=1)
        rows = torch.cat((rows, rows.new_zeros(missing, rows.shape[1])))
        shares = torch.cat((shares, shares.new_zeros(missing)))
    return Pca(places, rows, mean, shares)


def tsne(matrix: Tensor, components: int = 2, perplexity: float = 30.0, seed: int = 0) -> Tensor:
    """A map (N, K) that keeps neighbors together, by scikit-learn; distances between groups mean little.

    The vectors are taken at length 1, so that near means the same as in a list of neighbors. The perplexity, about how many
    neighbors a point looks at, is lowered where there are too few points for it.

    Source: L. van der Maaten and G. Hinton, Visualizing Data using t-SNE, 2008, https://www.jmlr.org/papers/v9/vandermaaten08a.html;
    https://scikit-learn.org/stable/modules/generated/sklearn.manifold.TSNE.html.

    Raises:
        DlvizError: there are fewer than four vectors.
    """
    from sklearn.manifold import TSNE  # a second to import, and only here

    _components(components)
    if len(matrix) < 4:
        raise DlvizError(message("embedding.refused.tsne", got=len(matrix)))
    points = torch.nn.functional.normalize(matrix, dim=1)
    wanted = min(float(perplexity), (len(matrix) - 1) / 3)
    # As scikit-learn begins by itself, but there may also be fewer directions than components.
    start = pca(points, components).places
    small = 1e-4 * start / start[:, 0].std().clamp(min=1e-12)
    fitted = TSNE(components, perplexity=wanted, init=small.float().numpy(), random_state=seed).fit_transform(
        points.numpy()
    )
    return torch.from_numpy(fitted).to(matrix.dtype)


def align(x: Tensor, y: Tensor) -> Turn:
    """The turn that brings points x (N, K) as near as can be to y (N, K): a rotation or reflection, and a shift; no scaling.

    Distances within x stay as they are, so what still moves from frame to frame has really moved.

    Source: P. Schönemann, A generalized solution of the orthogonal Procrustes problem, Psychometrika 31, 1966,
    https://doi.org/10.1007/BF02289451.

    Example:
        >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
        >>> quarter = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
        >>> bool(torch.allclose(align(x @ quarter + 3, x)(x @ quarter + 3), x, atol=1e-5))
        True
    """
    if x.shape != y.shape or x.dim() != 2:
        raise DlvizError(message("embedding.refused.align", x=tuple(x.shape), y=tuple(y.shape)))
    x_mean, y_mean = x.mean(0), y.mean(0)
    left, _, right = torch.linalg.svd((x - x_mean).T @ (y - y_mean))
    return Turn(left @ right, x_mean, y_mean)


def _components(components: int) -> None:
    if components not in (1, 2, 3):
        raise DlvizError(message("embedding.refused.components", got=repr(components)))
