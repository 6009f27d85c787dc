"""The digits equal scikit-learn's, and their split is fixed."""

import pytest
import torch
from sklearn.datasets import load_digits

from dlviz.data import digits

FIRST = [6, 3, 2, 4, 0, 1, 8, 5, 7, 6]


def test_digits_equal_scikit_learns_in_the_same_order():
    images, labels = digits()
    bunch = load_digits()
    assert images.shape == (1797, 1, 8, 8)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert torch.equal(images[:, 0].double() * 16, torch.tensor(bunch.images))
    assert labels.tolist() == bunch.target.tolist()
    assert (images.min(), images.max()) == (0, 1)


def test_train_and_test_together_are_the_complete_set():
    everything, parts = digits(), [digits("train"), digits("test")]
    assert [len(part.labels) for part in parts] == [1438, 359]

    def rows(part):
        return sorted(
            (*image, label) for image, label in zip(part.images.flatten(1).tolist(), part.labels.tolist(), strict=True)
        )

    assert sorted(rows(parts[0]) + rows(parts[1])) == rows(everything)


def test_both_parts_are_stratified_and_shuffled():
    for split, share in (("train", 0.8), ("test", 0.2)):
        labels = digits(split).labels
        assert torch.allclose(labels.bincount() / digits().labels.bincount(), torch.tensor(share), atol=0.01)
        assert labels[:20].unique().numel() > 4


def test_the_split_is_fixed_and_does_not_use_global_generators():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert digits("test").labels[:10].tolist() == digits("test").labels[:10].tolist() == FIRST
    assert torch.rand(1) == expected


def test_each_call_returns_new_tensors():
    digits().images.zero_()
    assert digits().images.any()


def test_digits_are_on_the_requested_device_and_the_repr_shows_shapes_only():
    assert digits(device="meta").images.device.type == "meta"
    assert repr(digits("test")) == "Digits(images (359, 1, 8, 8) float32 in [0, 1], labels (359,) int64)"


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r"split.*'valid'"):
        digits("valid")
