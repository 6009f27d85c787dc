"""The digits are scikit-learn's own, split the same way every time."""

import pytest
import torch
from sklearn.datasets import load_digits

from dlviz.data import digits

FIRST = [6, 3, 2, 4, 0, 1, 8, 5, 7, 6]


def test_all_digits_are_scikit_learns_in_the_files_order():
    images, labels = digits()
    bunch = load_digits()
    assert images.shape == (1797, 1, 8, 8)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert torch.equal(images[:, 0].double() * 16, torch.tensor(bunch.images))
    assert labels.tolist() == bunch.target.tolist()
    assert (images.min(), images.max()) == (0, 1)


def test_train_and_test_share_out_the_whole_set():
    whole, parts = digits(), [digits("train"), digits("test")]
    assert [len(part.labels) for part in parts] == [1438, 359]

    def rows(part):
        return sorted(
            (*image, label) for image, label in zip(part.images.flatten(1).tolist(), part.labels.tolist(), strict=True)
        )

    assert sorted(rows(parts[0]) + rows(parts[1])) == rows(whole)


def test_both_parts_hold_every_digit_in_proportion_and_are_shuffled():
    for split, share in (("train", 0.8), ("test", 0.2)):
        labels = digits(split).labels
        assert torch.allclose(labels.bincount() / digits().labels.bincount(), torch.tensor(share), atol=0.01)
        assert labels[:20].unique().numel() > 4


def test_the_split_is_the_same_for_everyone_and_leaves_the_learners_stream_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert digits("test").labels[:10].tolist() == digits("test").labels[:10].tolist() == FIRST
    assert torch.rand(1) == expected


def test_each_call_gives_tensors_of_its_own():
    digits().images.zero_()
    assert digits().images.any()


def test_the_device_is_honored_and_the_repr_tells_shapes_only():
    assert digits(device="meta").images.device.type == "meta"
    assert repr(digits("test")) == "Digits(images (359, 1, 8, 8) float32 in [0, 1], labels (359,) int64)"


def test_another_split_is_refused_by_name():
    with pytest.raises(ValueError, match=r"split.*'valid'"):
        digits("valid")
