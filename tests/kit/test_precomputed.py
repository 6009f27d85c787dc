"""States precomputed for an exported page, and which of them fit its budget."""

import json
from functools import partial

import pytest

from dlviz.kit import widget as base_of_all
from dlviz.kit.precomputed import fit_budget
from tests.kit.test_page import payload
from tests.kit.test_widget import toy  # noqa: F401 - a fixture

BASE = {"depth": 1, "wide": [1, 1], "scene": {"same": b"\x00" * 9, "own": 1, "gone": 2}, "refusal": ""}


def state(own, **more):
    return {"scene": {"same": b"\x00" * 9, "own": own, "gone": 2}, "refusal": "", **more}


def test_a_state_holds_only_differences_and_the_initial_values_are_included():
    states = {
        "depth": {"1": state(1), "2": state(5), "3": {"refusal": "no"}},
        "wide": {"[2, 1]": {"scene": {"own": 7}}},
    }
    assert fit_budget(states, BASE, 1000, lambda one: 1) == {
        "depth": {"1": {}, "2": {"scene": {"own": 5}}, "3": {"refusal": "no"}},
        "wide": {"[1, 1]": {}, "[2, 1]": {"scene": {"own": 7, "same": None, "gone": None}}},
    }


def test_with_a_small_budget_every_trait_keeps_its_most_useful_values():
    states = {name: {str(value): state(value) for value in range(2, 9)} for name in ("depth", "wide")}
    kept = fit_budget(states, BASE, 4, lambda one: 1)
    assert {name: list(values) for name, values in kept.items()} == {
        "depth": ["1", "2", "3"],
        "wide": ["[1, 1]", "2", "3"],
    }


def test_a_state_is_computed_only_while_there_is_room_and_never_for_the_initial_value():
    computed = []

    def compute(value):
        computed.append(value)
        return state(value)

    states = {"depth": {str(value): partial(compute, value) for value in range(1, 9)}}
    kept = fit_budget(states, BASE, 3, lambda one: 1)
    assert list(kept["depth"]) == ["1", "2", "3", "4"]
    assert computed == [2, 3, 4]


def test_a_state_that_is_too_large_leaves_room_for_smaller_ones_of_other_traits():
    states = {name: {str(value): state(value) for value in (2, 3, 4)} for name in ("depth", "wide")}
    sizes = {2: 1, 3: 1, 4: 1}
    states["depth"] = {"2": state(50), "3": state(2)}
    kept = fit_budget(states, BASE, 3, lambda one: sizes.get(one["scene"]["own"], 50))
    assert {name: list(values) for name, values in kept.items()} == {"depth": ["1"], "wide": ["[1, 1]", "2", "3", "4"]}


@pytest.mark.parametrize(("budget", "values"), [(4_000_000, ["1", "2", "3"]), (0, ["1"])])
def test_the_page_contains_the_states_that_fit_its_budget(toy, monkeypatch, budget, values):  # noqa: F811
    def states(self):
        return {"depth": {str(n): {"scene": {"n": n}} for n in (2, 3)}}

    monkeypatch.setattr(toy, "_precomputed", states)
    monkeypatch.setattr(base_of_all, "BUDGET", budget)
    precomputed = payload(toy().to_html())["state"]["precomputed"]
    assert list(precomputed["depth"]) == values
    assert precomputed["depth"]["1"] == {}


def test_a_widget_without_precomputed_states_has_none_in_its_page(toy):  # noqa: F811
    assert payload(toy().to_html())["state"]["precomputed"] == {}
    assert json.dumps(toy()._precomputed()) == "{}"
