"""Snapshots are kept evenly: at most so many, the ends and the pinned ones among them."""

from itertools import pairwise

import pytest

from dlviz.kit.snapshots import evenly_spaced, page_indices, thin


def index(snapshot):
    return snapshot


@pytest.mark.parametrize("most", [2, 3, 10, 200])
def test_snapshots_taken_one_by_one_stay_even_and_within_the_bound(most):
    kept = []
    for k in range(1000):
        kept = thin([*kept, k], most, index=index)
        assert len(kept) <= most
        assert (kept[0], kept[-1]) == (0, k)
    assert len({b - a for a, b in pairwise(kept[:-1])}) <= 1


def test_pinned_snapshots_stay_until_there_are_too_many_of_them():
    kept = []
    for k in range(500):
        kept = thin([*kept, k], 20, index=index, pinned=lambda snapshot: snapshot in (7, 123))
    assert {0, 7, 123, 499} <= set(kept)
    assert len(kept) <= 20
    assert len(thin(range(50), 6, index=index, pinned=lambda snapshot: True)) == 6


def test_the_first_index_may_be_any_number():
    assert thin(range(5, 14), 4, index=index) == [5, 9, 13]


def test_chosen_indices_are_even_and_hold_both_ends():
    assert evenly_spaced(100, 5) == [0, 25, 50, 74, 99]
    assert evenly_spaced(3, 5) == [0, 1, 2]
    assert evenly_spaced(9, 1) == [8]


def test_a_page_holds_what_fits_and_the_current_snapshot():
    assert page_indices(100, 10, 55) == [0, 25, 50, 74, 99]
    assert page_indices(100, 10, 25, current=7) == [0, 7, 99]
    assert page_indices(3, 10**9, 5) == [0, 2]
