"""From many dimensions to two or three: PCA, t-SNE, and the alignment of one map with another."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.embeddings.explorer.labeled_vectors import magnitude, unit_rows
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit import pca as principal_components
from dlviz.torchkit.pca import PCA


@dataclass(frozen=True, eq=False)
class Alignment:
    """A rotation or reflection (K, K) and a shift: ``(x − x_mean) @ rotation + y_mean``."""

    rotation: Tensor
    x_mean: Tensor
    y_mean: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Move points (N, K)."""
        return (x - self.x_mean) @ self.rotation + self.y_mean


def pca(matrix: Tensor, components: int = 2) -> PCA:
    """Compute the first principal components of vectors (N, D), with :func:`dlviz.torchkit.pca.pca`.

    Raises:
        DlvizError: `components` is not 1, 2 or 3.

    Example:
        >>> pca(torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]), 1).variance_ratio
        tensor([1.])
    """
    _check_components(components)
    scale = magnitude(matrix)
    found = principal_components.pca(matrix / scale, components)
    return PCA(scale * found.coordinates, found.components, scale * found.mean, found.variance_ratio)


def tsne(matrix: Tensor, components: int = 2, perplexity: float = 30.0, seed: int = 0) -> Tensor:
    """Compute a t-SNE map (N, K) with scikit-learn. It keeps neighbors together; distances between groups mean little.

    The vectors are scaled to length 1, so that near means the same as in a list of neighbors. The perplexity, about how many neighbors
    of a point count, is lowered where there are too few points for it.

    Source: L. van der Maaten and G. Hinton, Visualizing Data using t-SNE, 2008, https://www.jmlr.org/papers/v9/vandermaaten08a.html;
    https://scikit-learn.org/stable/modules/generated/sklearn.manifold.TSNE.html.

    Raises:
        DlvizError: there are fewer than four vectors.
    """
    from sklearn.manifold import TSNE  # imported here because it takes a second

    _check_components(components)
    if len(matrix) < 4:
        raise DlvizError(message("embedding.refused.tsne", got=len(matrix)))
    points = unit_rows(matrix)
    # scikit-learn's own initialization, which it cannot compute with fewer directions than components.
    start = pca(points, components).coordinates
    start = 1e-4 * start / start[:, 0].std().clamp(min=1e-12)
    fitted = TSNE(
        components,
        perplexity=min(float(perplexity), (len(matrix) - 1) / 3),
        init=start.float().numpy(),
        random_state=seed,
    )
    return torch.from_numpy(fitted.fit_transform(points.numpy())).to(matrix.dtype)


def align(x: Tensor, y: Tensor) -> Alignment:
    """Find the rotation or reflection and shift, without scaling, that bring points x (N, K) closest to y (N, K).

    Distances within x do not change, so a point that still moves between two aligned maps has moved relative to the others.

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
    left, _, right = torch.linalg.svd(((x - x_mean) / magnitude(x)).T @ ((y - y_mean) / magnitude(y)))
    return Alignment(left @ right, x_mean, y_mean)


def _check_components(components: int) -> None:
    if components not in (1, 2, 3):
        raise DlvizError(message("embedding.refused.components", got=repr(components)))
