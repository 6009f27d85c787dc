"""What the view draws: events in lanes, spans of rows, tables, and their size."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import dlviz
from dlviz.kit.units import bytes_text, time_text
from dlviz.profiling import layout
from dlviz.profiling import scene as scenes
from dlviz.profiling.attribution import BACKWARD
from dlviz.profiling.record import record
from tests.profiling.models import Training


@pytest.fixture(scope="module")
def epoch():
    return record(Training().epoch, repeats=1, label="an epoch")


@pytest.fixture(scope="module")
def drawn(epoch):
    return scenes.scene([epoch])


def test_every_event_but_calls_of_modules_is_drawn_once_with_torchs_numbers(epoch, drawn):
    (profile,) = drawn["profiles"]
    events, found = profile["events"], epoch.attribution
    assert sorted(events["index"].tolist()) == np.flatnonzero(~found.is_module).tolist()
    for k, i in enumerate(events["index"].tolist()):
        assert profile["names"][events["name"][k]] == epoch.events.names[i]
        assert profile["shapes"][events["shape"][k]] == epoch.events.shapes[i]
        assert events["row"][k] == found.row[i]
        assert events["line"][k] == found.line[i] + 1
    for name, values in (
        ("start", epoch.events.start),
        ("duration", epoch.events.duration),
        ("self", epoch.events.self_time),
    ):
        assert np.allclose(events[name], values[events["index"]], rtol=1e-6, atol=1e-3)


def test_boxes_of_a_lane_are_in_order_and_do_not_overlap(drawn):
    (profile,) = drawn["profiles"]
    start, duration = (profile["events"][name].astype(float) for name in ("start", "duration"))
    first = 0
    for end in profile["lane_ends"].tolist():
        assert (start[first + 1 : end] >= start[first : end - 1] + duration[first : end - 1] - 0.01).all()
        first = end
    assert first == len(start)


def test_spans_of_a_row_are_its_calls_and_its_part_of_backward(epoch):
    spans = layout.row_spans(epoch)
    for k, row in enumerate(epoch.rows):
        calls = [span for span in spans[k] if span[2] != BACKWARD]
        if row.calls:
            assert len(calls) == row.calls
        backward = sum(end - start for start, end, phase in spans[k] if phase == BACKWARD)
        # A span also has the short times between its steps.
        assert backward >= row.backward_time - 0.01
        if row.parent >= 0 and epoch.rows[row.parent].calls:
            for start, end, phase in calls:
                assert any(a <= start and end <= b for a, b, p in spans[row.parent] if p == phase)


def test_tables_hold_the_largest_sums_of_each_kind(epoch, drawn):
    operations = drawn["tables"]["operation"]
    assert len(operations) == scenes.MAX_TABLE
    assert [one["times"] for one in operations] == [[one.self_time] for one in epoch.operations[: scenes.MAX_TABLE]]
    lines = drawn["tables"]["line"]
    known = epoch.attribution.line >= 0
    assert sum(one["times"][0] for one in lines) == pytest.approx(epoch.events.self_time[known].sum())
    modules = {one["title"]: one["times"][0] for one in drawn["tables"]["module"]}
    rows = sorted(epoch.rows, key=lambda row: -row.own_time)[: scenes.MAX_TABLE]
    assert modules == {row.path: row.own_time for row in rows}


def test_two_profiles_are_compared_by_operation_and_by_module_whatever_the_models_are_called():
    small, large = nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    view = dlviz.profile(large, torch.ones(2, 4), repeats=1, against=small)
    tables = view.scene["tables"]
    first, second = view.records
    (relu,) = [one for one in tables["operation"] if one["name"] == "aten::relu"]
    assert relu["times"][1] is None
    assert relu["keys"] == ["aten::relu", None]
    modules = {one["title"]: one["times"] for one in tables["module"]}
    assert modules["large.0"] == [first.rows[1].own_time, second.rows[1].own_time]
    assert modules["large.1"][1] is None
    assert view.scene["span"] == max(first.wall, second.wall)


def test_ten_thousand_events_take_less_than_a_megabyte():
    def work():
        x = torch.ones(2, 2)
        for _ in range(5000):
            x = x.relu()

    view = dlviz.profile(work, repeats=1, warmup=0)
    assert len(view.record.events) >= 10_000
    payload = view.page_payload(0)["state"]
    assert len(json.dumps(payload, default=lambda value: value.hex()[: len(value) * 4 // 3])) < 1e6


def test_of_too_many_events_the_longest_are_drawn_and_a_note_says_so(epoch, monkeypatch):
    monkeypatch.setattr(layout, "MAX_EVENTS", 50)
    kept = layout.drawn_events(epoch)
    assert len(kept) == 50
    rest = np.setdiff1d(np.flatnonzero(~epoch.attribution.is_module), kept)
    assert epoch.events.duration[kept].min() >= epoch.events.duration[rest].max()
    made = scenes.scene([epoch])
    assert "longest 50 of" in made["notes"][0]["text"]
    assert sum(one["times"][0] for one in made["tables"]["line"]) > epoch.events.self_time[kept].sum()


def test_a_thinned_memory_curve_keeps_its_peak(monkeypatch):
    monkeypatch.setattr(scenes, "MAX_MEMORY", 20)
    sizes = np.arange(1000) % 7
    sizes[123] = 99
    curve = scenes._memory("cpu", np.arange(1000.0), sizes)
    assert len(curve["times"]) <= 20
    assert curve["bytes"].max() == curve["peak"] == 99


@pytest.mark.parametrize(
    ("microseconds", "text"), [(999.4, "999 µs"), (999.6, "1.00 ms"), (-12.34, "−12.3 µs"), (0, "0 µs")]
)
def test_durations_have_three_digits(microseconds, text):
    assert time_text(microseconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (2_345_678, "2.35 MB")])
def test_bytes_have_three_digits_and_those_below_a_thousand_are_whole(count, text):
    assert bytes_text(count) == text
