"""Mixtures of Gaussians, shapes and anomalous digits: points and images from a known distribution."""

import math

import pytest
import torch

from dlviz.data import digit_anomalies, digits, gaussian_grid, gaussian_ring, shapes
from dlviz.kit.errors import DlvizError

NAMES = ("heart", "star", "spiral", "smile", "checkerboard")


def test_the_ring_has_its_modes_on_a_circle():
    ring = gaussian_ring(800, modes=5, radius=3, std=0.2)
    assert ring.points.dtype == ring.centers.dtype == torch.float32
    torch.testing.assert_close(ring.centers.norm(dim=1), torch.full((5,), 3.0))
    angles = torch.atan2(ring.centers[:, 1], ring.centers[:, 0]) % (2 * math.pi)
    torch.testing.assert_close(angles, 2 * math.pi * torch.arange(5) / 5)


def test_the_grid_is_square_and_centered():
    centers = gaussian_grid(10, side=3, spacing=2).centers
    assert centers.tolist() == [[x, y] for y in (-2, 0, 2) for x in (-2, 0, 2)]


@pytest.mark.parametrize("call", [gaussian_ring, gaussian_grid])
def test_every_mode_is_normal_around_its_center_and_as_large_as_the_others(call):
    made = call(50_000, std=0.3)
    counts = made.labels.bincount()
    assert len(counts) == len(made.centers)
    assert counts.max() - counts.min() <= 1
    offsets = made.points - made.centers[made.labels]
    assert offsets.mean(0).abs().max() < 0.01
    torch.testing.assert_close(offsets.T.cov(), 0.09 * torch.eye(2), atol=0.003, rtol=0)
    nearest = torch.cdist(made.points, made.centers).argmin(1)
    assert (nearest == made.labels).float().mean() > 0.8


@pytest.mark.parametrize("name", NAMES)
def test_a_shape_has_mean_0_and_mean_square_1(name):
    made = shapes(name, 200_000, noise=0)
    assert made.points.mean(0).abs().max() < 0.01
    assert made.points.square().mean().item() == pytest.approx(1, abs=0.01)
    assert made.labels.max() == len(made.classes) - 1


def test_points_lie_on_the_lines_of_a_shape():
    points, labels = shapes("smile", 20_000, noise=0)
    face = points[labels == 0]
    center = (face.amin(0) + face.amax(0)) / 2
    radius = (face - center).norm(dim=1)
    assert radius.max() - radius.min() < 1e-3
    # Equal lengths have equal chance: the eyes are small circles, 0.12 as long as the face.
    for eye in (1, 2):
        assert (labels == eye).sum() / len(face) == pytest.approx(0.12, abs=0.015)


def test_a_checkerboard_fills_squares_of_one_color():
    points, _ = shapes("checkerboard", 50_000, noise=0)
    cells = (points * 4 / math.sqrt(12) + 2).double().clamp(0, 3.999).floor().long()
    assert ((cells[:, 0] - cells[:, 1]) % 2 == 0).all()
    counts = (4 * cells[:, 1] + cells[:, 0]).bincount(minlength=16)
    assert (counts > 0).sum() == 8
    assert counts[counts > 0].min() > 0.9 * 50_000 / 8


def test_noise_is_added_and_the_seed_decides():
    clean, noisy = shapes("heart", 5000, noise=0), shapes("heart", 5000, noise=0.2)
    assert (noisy.points - clean.points).std().item() == pytest.approx(0.2, abs=0.01)
    assert torch.equal(shapes("star", 50).points, shapes("star", 50).points)
    assert not torch.equal(shapes("star", 50).points, shapes("star", 50, seed=1).points)


@pytest.mark.parametrize("held_out", [0, 7])
def test_normal_digits_lack_the_held_out_one(held_out):
    made = digit_anomalies(held_out=held_out)
    (train, train_labels), (test, test_labels) = digits("train"), digits("test")
    assert torch.equal(made.train, train[train_labels != held_out])
    assert torch.equal(made.normal, test[test_labels != held_out])
    assert torch.equal(made.anomalies[made.labels == 0], test[test_labels == held_out])
    assert made.labels.bincount().tolist() == [(test_labels == held_out).sum()] * 5


def test_each_kind_of_anomaly_differs_from_a_normal_image_as_it_says():
    made = digit_anomalies()

    def distances(images, originals):
        return (images[:, None] - originals[None]).abs().amax((-1, -2, -3)).amin(1)

    kinds = [made.anomalies[made.labels == kind] for kind in range(5)]
    assert made.kinds == ("held-out digit", "turned", "half missing", "patch", "inverted")
    assert distances(kinds[1].rot90(-1, (-2, -1)), made.normal).max() == 0
    assert (kinds[2][..., 4:, :] == 0).all()
    assert distances(kinds[2][..., :4, :], made.normal[..., :4, :]).max() == 0
    changed = [(image != made.normal).flatten(1).sum(1).min() for image in kinds[3]]
    assert 0 < max(changed) <= 9
    assert distances(1 - kinds[4], made.normal).max() == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gaussian_ring(10, modes=0), "gaussian_ring: modes must be a whole number from 1 to 100, but got 0"),
        (lambda: gaussian_ring(10, radius=-1), "gaussian_ring: radius must be a number above 0, but got -1"),
        (lambda: gaussian_grid(10, std=-1), "gaussian_grid: std is a standard deviation"),
        (lambda: shapes("hart"), "shapes: name must be one of \"heart\", .* but got 'hart'"),
        (lambda: digit_anomalies(held_out=10), "digit_anomalies: held_out must be a digit from 0 to 9, but got 10"),
    ],
    ids=["modes", "radius", "std", "shape", "held_out"],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(DlvizError, match=words):
        call()
