"""PCA equals scikit-learn's, t-SNE keeps groups together, and alignment undoes rotation, reflection and shift only."""

import pytest
import torch
from sklearn.decomposition import PCA

from dlviz.embeddings import align, pca, tsne


def random_matrix(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("components", [1, 2, 3])
@pytest.mark.parametrize("seed", range(10))
def test_pca_equals_scikit_learn_up_to_the_sign_of_a_direction(components, seed):
    matrix = random_matrix(seed, 40, 7) * torch.arange(1, 8)
    result, other = pca(matrix, components), PCA(components).fit(matrix.numpy())
    signs = torch.from_numpy((other.components_ * result.components.numpy()).sum(1)).sign()
    assert torch.allclose(result.coordinates * signs, torch.from_numpy(other.transform(matrix.numpy())), atol=1e-9)
    assert torch.allclose(result.variance_ratio, torch.from_numpy(other.explained_variance_ratio_))
    assert torch.allclose((matrix - result.mean) @ result.components.T, result.coordinates)


def test_the_sign_of_a_direction_is_deterministic():
    matrix = random_matrix(3, 30, 5)
    assert (pca(matrix, 3).components.gather(1, pca(matrix, 3).components.abs().argmax(1, keepdim=True)) > 0).all()


def test_missing_directions_have_coordinates_of_zero():
    result = pca(torch.tensor([[1.0], [3.0]]), 3)
    assert result.coordinates.shape == (2, 3)
    assert result.coordinates[:, 1:].abs().max() == 0
    assert result.variance_ratio.tolist() == [1, 0, 0]
    assert pca(torch.ones(4, 2)).variance_ratio.tolist() == [0, 0]


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("seed", range(20))
def test_alignment_undoes_any_rotation_reflection_and_shift(size, seed):
    y = random_matrix(seed, 25, size)
    q = torch.linalg.qr(random_matrix(seed + 100, size, size)).Q
    x = y @ q + random_matrix(seed + 200, size)
    assert torch.allclose(align(x, y)(x), y, atol=1e-10)


def test_alignment_keeps_distances_and_no_other_rotation_is_closer():
    x, y = random_matrix(1, 30, 2), random_matrix(2, 30, 2)
    turned = align(x, y)(x)
    assert torch.allclose(torch.pdist(turned), torch.pdist(x))
    best = ((turned - y) ** 2).sum()
    for angle in torch.linspace(0, 6.28, 60, dtype=torch.float64):
        for flip in (1, -1):
            c, s = angle.cos(), angle.sin()
            q = torch.stack((torch.stack((c, s)), torch.stack((-s * flip, c * flip))))
            assert (((x - x.mean(0)) @ q + y.mean(0) - y) ** 2).sum() >= best - 1e-9


def test_tsne_separates_three_groups_and_is_deterministic_for_a_seed():
    groups = torch.eye(3, 8).repeat_interleave(10, 0) + 0.05 * random_matrix(5, 30, 8).float()
    places = tsne(groups, 2, perplexity=5)
    assert places.shape == (30, 2)
    near = torch.cdist(places, places).fill_diagonal_(torch.inf).argmin(1)
    assert torch.equal(near // 10, torch.arange(30) // 10)
    assert torch.equal(tsne(groups, 2, perplexity=5), places)


@pytest.mark.parametrize("matrix", [random_matrix(1, 9, 1), random_matrix(2, 9, 2), torch.ones(9, 4)])
def test_tsne_accepts_data_with_fewer_directions_than_the_map(matrix):
    for components in (2, 3):
        places = tsne(matrix, components)
        assert places.shape == (9, components)
        assert places.isfinite().all()


def test_invalid_arguments_are_named_in_the_error():
    with pytest.raises(ValueError, match="components must be 1, 2 or 3, but got 4"):
        pca(torch.zeros(5, 5), 4)
    with pytest.raises(ValueError, match="four vectors or more, but got 3"):
        tsne(torch.zeros(3, 5))
    with pytest.raises(ValueError, match=r"one shape, but got \(2, 2\) and \(3, 2\)"):
        align(torch.zeros(2, 2), torch.zeros(3, 2))
