"""Several moments on one map: axes that stay, axes that turn along, and a place for b − a + c wherever a map is linear."""

import pytest
import torch

from dlviz.embeddings import axis, labeled, pca
from dlviz.embeddings.explorer.snapshots import MOST, ROWS, VectorsSnapshot, affine_layout, limit_snapshots, tsne_layout


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def snapshots_of(*matrices):
    return [VectorsSnapshot(k, str(k), labeled(matrix)) for k, matrix in enumerate(matrices)]


@pytest.mark.parametrize("components", [2, 3])
def test_on_fixed_axes_every_moment_stands_on_the_last_ones_components(components):
    matrices = [drawn(k, 30, 7) * (k + 1) for k in range(4)]
    found = affine_layout(snapshots_of(*matrices), [], components, fixed=True)
    last = pca(matrices[-1], components)
    for places, matrix in zip(found.coordinates, matrices, strict=True):
        assert torch.allclose(places, (matrix - last.mean) @ last.components.T)
    assert torch.allclose(found.variance_ratio, last.variance_ratio.expand(4, components))


@pytest.mark.parametrize("components", [2, 3])
def test_aligned_moments_that_only_turned_stand_still_and_each_keeps_its_own_distances(components):
    matrix = drawn(1, 40, 6) * torch.tensor([9, 7, 5, 1, 1, 1])
    turned = [matrix @ torch.linalg.qr(drawn(seed, 6, 6)).Q + seed for seed in range(5)]
    still = affine_layout(snapshots_of(*turned), [], components, fixed=False).coordinates
    assert torch.allclose(still, still[:1].expand_as(still), atol=1e-6)
    others = [drawn(seed, 40, 6) for seed in range(3)]
    moved = affine_layout(snapshots_of(*others), [], components, fixed=False)
    for places, other in zip(moved.coordinates, others, strict=True):
        assert torch.allclose(torch.pdist(places), torch.pdist(pca(other, components).coordinates))
    assert not torch.allclose(moved.coordinates[0], moved.coordinates[1], atol=0.1)


@pytest.mark.parametrize("between", [[], [3, 4]])
@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("components", [2, 3])
def test_any_vector_has_a_place_and_sums_go_to_sums(between, fixed, components):
    matrices = [drawn(k, 30, 7) for k in range(3)]
    found = affine_layout(snapshots_of(*matrices), between, components, fixed=fixed)
    for places, to, matrix in zip(found.coordinates, found.maps, matrices, strict=True):
        assert torch.allclose(to(matrix), places)
        a, b, c = places[:3]
        assert torch.allclose(to(matrix[1] - matrix[0] + matrix[2]), b - a + c)
        assert torch.allclose(to(matrix[5]), places[5])


@pytest.mark.parametrize("fixed", [True, False])
def test_an_axis_of_ones_own_is_the_first_coordinate_and_what_lies_beside_it_is_apart_from_it(fixed):
    matrices = [drawn(k, 30, 7) for k in range(3)]
    found = affine_layout(snapshots_of(*matrices), [3, 4], 3, fixed=fixed)
    assert torch.allclose(found.coordinates[-1][:, 0], axis(labeled(matrices[-1]), 3, 4))
    if not fixed:
        for places in found.coordinates:
            assert torch.allclose(places[[3, 4], 0], torch.tensor([0.0, 1.0], dtype=torch.float64))
    line = matrices[-1][4] - matrices[-1][3]
    across = found.maps[-1].weight[:, 1:]
    assert (line @ across).abs().max() < 1e-9
    assert torch.allclose(across.T @ across, torch.eye(2, dtype=torch.float64))


def test_in_a_plane_nothing_is_left_for_a_third_axis():
    found = affine_layout(snapshots_of(drawn(1, 20, 2)), [0, 1], 3, fixed=True)
    assert found.coordinates[0, :, 2].abs().max() < 1e-9
    assert found.coordinates[0, :, 1].abs().max() > 0.1


def test_tsne_has_no_linear_map_and_is_drawn_once():
    frame = VectorsSnapshot(0, "", labeled(drawn(2, 20, 5)))
    found = tsne_layout(frame, 3)
    assert found.maps == ()
    assert found.coordinates.shape == (1, 20, 3)
    assert tsne_layout(frame, 3).coordinates.data_ptr() == found.coordinates.data_ptr()
    assert tsne_layout(frame, 2).coordinates.shape == (1, 20, 2)


def test_first_and_last_moments_stay_and_the_others_thin_out_evenly():
    kept = []
    for k in range(1000):
        kept = limit_snapshots([*kept, VectorsSnapshot(k, str(k), labeled(torch.ones(2, 1)))])
        assert len(kept) <= MOST
    numbers = [frame.index for frame in kept]
    assert numbers == [*range(0, 999, 8), 999]
    large = labeled(torch.ones(ROWS // 4, 1))
    assert len(limit_snapshots([VectorsSnapshot(k, "", large) for k in range(9)])) <= 4
