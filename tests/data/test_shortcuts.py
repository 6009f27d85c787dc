"""Data with a shortcut: what gives the class or the outcome away is where it should be, and nowhere else."""

import pytest
import torch

from dlviz.data import diabetes, digits, leaky_table, shortcut_digits
from dlviz.kit.errors import DlvizError


def stickers(images):
    """Return the class that the sticker of each image shows, or −1 if it is no sticker."""
    corner = images[:, 0, :4, :2]
    whole = ((corner == 0) | (corner == 1)).flatten(1).all(1) & (corner[..., 0] == corner[..., 1]).all(1)
    found = (corner[..., 0] * torch.tensor([1, 2, 4, 8])).sum(1) - 1
    return found.long().where(whole, -1)


def test_stickers_tell_the_class_in_training_and_in_the_ordinary_test():
    data = shortcut_digits()
    assert torch.equal(stickers(data.train), data.train_labels)
    assert torch.equal(stickers(data.test), data.test_labels)
    assert torch.equal(data.train_labels, digits("train").labels)


def test_outside_the_mark_every_image_is_the_original():
    data, (train, _), (test, _) = shortcut_digits(), digits("train"), digits("test")
    assert data.mark.nonzero().tolist() == [[row, column] for row in range(4) for column in range(2)]
    for images, original in ((data.train, train), (data.repaired, train), (data.test, test), (data.swapped, test)):
        assert torch.equal(images[..., ~data.mark], original[..., ~data.mark])
    assert torch.equal(data.removed, test)


def test_a_swapped_sticker_is_never_right_and_every_other_class_occurs():
    data = shortcut_digits()
    shown = stickers(data.swapped)
    assert shown.min() >= 0
    assert set(((shown - data.test_labels) % 10).tolist()) == set(range(1, 10))


def test_repaired_stickers_are_independent_of_the_label():
    data = shortcut_digits()
    shown = stickers(data.repaired)
    counts = torch.zeros(10, 10).index_put_((data.train_labels, shown), torch.ones(()), accumulate=True)
    expected = counts.sum(1, keepdim=True) * counts.sum(0) / counts.sum()
    chi_squared = ((counts - expected) ** 2 / expected).sum()  # 81 degrees of freedom: 0.1 % exceed 126
    assert chi_squared < 126


def test_visits_follow_the_outcome_and_the_other_columns_are_real():
    for split in ("train", "test", "first day"):
        table, real = leaky_table(split), diabetes("train" if split == "train" else "test")
        assert table.columns == (*real.columns, "visits")
        assert len(table.units) == 11
        assert torch.equal(table.x[:, :10], real.x)
        assert torch.equal(table.y, real.y)
        visits = table.column("visits")
        assert torch.equal(visits, visits.round())
        if split == "first day":
            assert not visits.any()
        else:
            assert torch.corrcoef(torch.cat([visits, table.y], 1).T)[0, 1] > 0.85
            assert visits.min() >= 0


def test_seeds_draw_what_is_random_and_leave_the_global_generator_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, again, other = shortcut_digits(), shortcut_digits(), shortcut_digits(seed=1)
    assert torch.equal(first.swapped, again.swapped)
    assert torch.equal(first.repaired, again.repaired)
    assert not torch.equal(first.swapped, other.swapped)
    assert not torch.equal(first.repaired, other.repaired)
    assert torch.equal(first.train, other.train)
    assert torch.equal(leaky_table("test").x, leaky_table("test").x)
    assert not torch.equal(leaky_table("test").x, leaky_table("test", seed=1).x)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_noise_of_train_and_test_is_drawn_apart():
    for seed in range(2):
        rest = [
            (table.column("visits") - table.y / 25)[:88]
            for table in (leaky_table(s, seed=seed) for s in ("train", "test"))
        ]
        assert torch.corrcoef(torch.cat(rest, 1).T)[0, 1].abs() < 0.35


def test_the_device_is_honored_and_the_repr_tells_shapes():
    data = shortcut_digits(device="meta")
    assert {part.device.type for part in vars(data).values()} == {"meta"}
    assert (
        repr(data) == "ShortcutDigits(train (1438, 1, 8, 8), test (359, 1, 8, 8) float32, with a sticker in the corner)"
    )
    assert leaky_table(device="meta").x.device.type == "meta"


@pytest.mark.parametrize("split", [None, "valid", 0, ["train"]])
def test_an_unknown_split_of_the_table_is_refused(split):
    with pytest.raises(DlvizError, match=r'^leaky_table: split must be "train", "test" or "first day", but got'):
        leaky_table(split)
