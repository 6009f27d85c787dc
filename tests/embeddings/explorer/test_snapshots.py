"""Several snapshots on one map: fixed axes, aligned axes, and the position of b − a + c where the map is affine."""

import pytest
import torch

from dlviz.embeddings import axis, labeled, pca
from dlviz.embeddings.explorer.snapshots import MOST, ROWS, VectorsSnapshot, affine_layout, limit_snapshots, tsne_layout


def random_matrix(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def snapshots_of(*matrices):
    return [VectorsSnapshot(k, str(k), labeled(matrix)) for k, matrix in enumerate(matrices)]


@pytest.mark.parametrize("components", [2, 3])
def test_fixed_axes_are_the_principal_components_of_the_last_snapshot(components):
    matrices = [random_matrix(k, 30, 7) * (k + 1) for k in range(4)]
    result = affine_layout(snapshots_of(*matrices), [], components, fixed=True)
    last = pca(matrices[-1], components)
    for coordinates, matrix in zip(result.coordinates, matrices, strict=True):
        assert torch.allclose(coordinates, (matrix - last.mean) @ last.components.T)
    assert torch.allclose(result.variance_ratio, last.variance_ratio.expand(4, components))


@pytest.mark.parametrize("components", [2, 3])
def test_aligned_snapshots_that_differ_by_a_rotation_have_equal_maps_and_distances_are_kept(components):
    matrix = random_matrix(1, 40, 6) * torch.tensor([9, 7, 5, 1, 1, 1])
    turned = [matrix @ torch.linalg.qr(random_matrix(seed, 6, 6)).Q + seed for seed in range(5)]
    still = affine_layout(snapshots_of(*turned), [], components, fixed=False).coordinates
    assert torch.allclose(still, still[:1].expand_as(still), atol=1e-6)
    others = [random_matrix(seed, 40, 6) for seed in range(3)]
    moved = affine_layout(snapshots_of(*others), [], components, fixed=False)
    for coordinates, other in zip(moved.coordinates, others, strict=True):
        assert torch.allclose(torch.pdist(coordinates), torch.pdist(pca(other, components).coordinates))
    assert not torch.allclose(moved.coordinates[0], moved.coordinates[1], atol=0.1)


@pytest.mark.parametrize("between", [[], [3, 4]])
@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("components", [2, 3])
def test_the_map_of_a_snapshot_is_affine_and_defined_for_any_vector(between, fixed, components):
    matrices = [random_matrix(k, 30, 7) for k in range(3)]
    result = affine_layout(snapshots_of(*matrices), between, components, fixed=fixed)
    for coordinates, to, matrix in zip(result.coordinates, result.maps, matrices, strict=True):
        assert torch.allclose(to(matrix), coordinates)
        a, b, c = coordinates[:3]
        assert torch.allclose(to(matrix[1] - matrix[0] + matrix[2]), b - a + c)
        assert torch.allclose(to(matrix[5]), coordinates[5])


@pytest.mark.parametrize("fixed", [True, False])
def test_a_custom_axis_is_the_first_coordinate_and_the_others_are_orthogonal_to_it(fixed):
    matrices = [random_matrix(k, 30, 7) for k in range(3)]
    result = affine_layout(snapshots_of(*matrices), [3, 4], 3, fixed=fixed)
    assert torch.allclose(result.coordinates[-1][:, 0], axis(labeled(matrices[-1]), 3, 4))
    if not fixed:
        for coordinates in result.coordinates:
            assert torch.allclose(coordinates[[3, 4], 0], torch.tensor([0.0, 1.0], dtype=torch.float64))
    line = matrices[-1][4] - matrices[-1][3]
    across = result.maps[-1].weight[:, 1:]
    assert (line @ across).abs().max() < 1e-9
    assert torch.allclose(across.T @ across, torch.eye(2, dtype=torch.float64))


def test_two_dimensional_vectors_have_no_third_coordinate():
    result = affine_layout(snapshots_of(random_matrix(1, 20, 2)), [0, 1], 3, fixed=True)
    assert result.coordinates[0, :, 2].abs().max() < 1e-9
    assert result.coordinates[0, :, 1].abs().max() > 0.1


def test_tsne_has_no_affine_map_and_is_computed_once():
    frame = VectorsSnapshot(0, "", labeled(random_matrix(2, 20, 5)))
    result = tsne_layout(frame, 3)
    assert result.maps == ()
    assert result.coordinates.shape == (1, 20, 3)
    assert tsne_layout(frame, 3).coordinates.data_ptr() == result.coordinates.data_ptr()
    assert tsne_layout(frame, 2).coordinates.shape == (1, 20, 2)


def test_the_first_and_last_snapshot_are_kept_and_the_others_are_thinned_evenly():
    kept = []
    for k in range(1000):
        kept = limit_snapshots([*kept, VectorsSnapshot(k, str(k), labeled(torch.ones(2, 1)))])
        assert len(kept) <= MOST
    numbers = [frame.index for frame in kept]
    assert numbers == [*range(0, 999, 8), 999]
    large = labeled(torch.ones(ROWS // 4, 1))
    assert len(limit_snapshots([VectorsSnapshot(k, "", large) for k in range(9)])) <= 4
