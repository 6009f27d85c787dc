"""Principal component analysis, with signs that do not change from one run to the next."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class PCA:
    """Principal components of vectors (N, D).

    Attributes:
        coordinates: the vectors along the components, (N, K).
        components: directions of length 1, (K, D), that of the largest variance first.
        mean: the mean vector (D,).
        variance_ratio: the fraction of the variance along each component, (K,).
    """

    coordinates: Tensor
    components: Tensor
    mean: Tensor
    variance_ratio: Tensor

    def project(self, vectors: Tensor) -> Tensor:
        """Return the coordinates (M, K) of other vectors (M, D)."""
        return (vectors - self.mean) @ self.components.T


def pca(vectors: Tensor, n_components: int = 2) -> PCA:
    """Compute the directions in which vectors (N, D) vary most, and the coordinates of each vector along them.

    A direction and its opposite are equally good. The one whose largest entry is positive is taken, so that the same vectors always
    give the same picture. Where there are fewer than `n_components` directions, the other components and coordinates are 0.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.svd.html.

    Example:
        >>> pca(torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]), 1).variance_ratio
        tensor([1.])
    """
    mean = vectors.mean(0)
    centered = vectors - mean
    if len(vectors) > 4 * vectors.shape[1]:
        # The (D, D) scatter matrix is decomposed much faster than many rows; double precision makes up for squaring.
        wide = centered.double()
        ascending, directions = torch.linalg.eigh(wide.T @ wide)
        variances = ascending.flip(0).clamp(min=0).to(vectors.dtype)
        components = directions.T.flip(0).to(vectors.dtype)
    else:
        _, singular, components = torch.linalg.svd(centered, full_matrices=False)
        variances = singular**2
    total = variances.sum()
    components, variances = components[:n_components], variances[:n_components]
    largest = components.gather(1, components.abs().argmax(1, keepdim=True))
    components = components * torch.where(largest < 0, -1, 1)
    ratio = variances / total if total > 0 else torch.zeros_like(variances)
    coordinates = centered @ components.T
    missing = n_components - len(components)
    if missing > 0:
        coordinates = torch.cat((coordinates, coordinates.new_zeros(len(coordinates), missing)), dim=1)
        components = torch.cat((components, components.new_zeros(missing, components.shape[1])))
        ratio = torch.cat((ratio, ratio.new_zeros(missing)))
    return PCA(coordinates, components, mean, ratio)
