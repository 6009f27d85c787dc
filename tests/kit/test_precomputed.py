"""Settings computed beforehand: what of them a page carries."""

import json

import pytest

from dlviz.kit import widget as base_of_all
from dlviz.kit.precomputed import fit_budget
from tests.kit.test_page import payload
from tests.kit.test_widget import toy  # noqa: F401 - a fixture

BASE = {"depth": 1, "wide": [1, 1], "scene": {"same": b"\x00" * 9, "own": 1, "gone": 2}, "refusal": ""}


def frame(own, **more):
    return {"scene": {"same": b"\x00" * 9, "own": own, "gone": 2}, "refusal": "", **more}


def test_a_frame_holds_only_what_differs_and_the_first_settings_are_among_them():
    frames = {
        "depth": {"1": frame(1), "2": frame(5), "3": {"refusal": "no"}},
        "wide": {"[2, 1]": {"scene": {"own": 7}}},
    }
    assert fit_budget(frames, BASE, 1000, lambda one: 1) == {
        "depth": {"1": {}, "2": {"scene": {"own": 5}}, "3": {"refusal": "no"}},
        "wide": {"[1, 1]": {}, "[2, 1]": {"scene": {"own": 7, "same": None, "gone": None}}},
    }


def test_with_little_room_every_trait_keeps_its_most_useful_values():
    frames = {name: {str(value): frame(value) for value in range(2, 9)} for name in ("depth", "wide")}
    kept = fit_budget(frames, BASE, 4, lambda one: 1)
    assert {name: list(values) for name, values in kept.items()} == {
        "depth": ["1", "2", "3"],
        "wide": ["[1, 1]", "2", "3"],
    }


@pytest.mark.parametrize(("budget", "values"), [(4_000_000, ["1", "2", "3"]), (0, ["1"])])
def test_the_page_carries_them_as_far_as_it_has_room(toy, monkeypatch, budget, values):  # noqa: F811
    def frames(self):
        return {"depth": {str(n): {"scene": {"n": n}} for n in (2, 3)}}

    monkeypatch.setattr(toy, "_precomputed", frames)
    monkeypatch.setattr(base_of_all, "BUDGET", budget)
    state = payload(toy().to_html())["state"]
    assert list(state["precomputed"]["depth"]) == values
    assert state["precomputed"]["depth"]["1"] == {}


def test_a_widget_without_frames_carries_none(toy):  # noqa: F811
    assert payload(toy().to_html())["state"]["precomputed"] == {}
    assert json.dumps(toy()._precomputed()) == "{}"
