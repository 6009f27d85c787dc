"""Logged values are kept exactly, on disk too; the points that are drawn include every extreme."""

import csv
import json
import math

import numpy as np
import pytest

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.training import History, subsample
from dlviz.training.scene import new_series, series_part


def logged(values):
    run = dlviz.live("one")
    for value in run.steps(values):
        run.log(loss=value)
    return run


@pytest.mark.parametrize("count", [40, 100, 999, 100_000])
def test_a_subsample_includes_every_extreme_and_nonfinite_values(count):
    rng = np.random.default_rng(count)
    values = rng.standard_normal(count)
    values[count // 3] = 1e9
    values[count // 2] = -1e9
    values[[0, count - 1]] = 0.25, 0.75
    values[2 * count // 3] = np.nan
    values[2 * count // 3 - 1] = np.inf
    steps, kept = subsample(np.arange(1, count + 1), values, 100)
    assert len(kept) <= max(100, min(count, 100)) + 1
    assert np.nanmin(kept) == -1e9
    assert (kept == 1e9).any()
    assert (~np.isfinite(kept)).any()
    assert kept[0] == 0.25
    assert kept[-1] == 0.75
    assert (np.diff(steps) > 0).all()
    original = values[steps - 1]
    assert np.array_equal(original, kept, equal_nan=True)


def test_every_bin_keeps_its_own_extremes():
    values = np.zeros(10_000)
    values[::100] = 5
    values[50::100] = -5
    _, kept = subsample(np.arange(10_000), values, 500)
    assert (kept == 5).sum() >= 90
    assert (kept == -5).sum() >= 90


def test_a_run_on_disk_is_the_same_bit_for_bit(tmp_path):
    values = [0.1, float("nan"), -0.0, float("inf"), 1e-310, 2 / 3, float("-inf")]
    run = logged(values)
    run.log(late=1)
    loaded = dlviz.load_run(run.save(tmp_path / "run.npz"))
    for name, series in run.history.items():
        assert list(loaded.history[name].steps) == list(series.steps)
        assert np.array(loaded.history[name].values).tobytes() == np.array(series.values).tobytes()
    assert loaded.history.marks == run.history.marks
    assert loaded.settings == run.settings
    assert repr(loaded) == repr(run)


def test_csv_and_json_give_the_numbers_back(tmp_path):
    run = logged([0.1, float("nan"), 1 / 3])
    rows = list(csv.reader(run.save(tmp_path / "run.csv").read_text().splitlines()))
    assert rows[0] == ["step", "metric", "value"]
    assert [float(row[2]) for row in rows[1:]][0::2] == [0.1, 1 / 3]
    assert math.isnan(float(rows[2][2]))
    plain = json.loads(run.save(tmp_path / "run.json").read_text())
    assert plain["metrics"]["loss"]["values"] == [0.1, "nan", 1 / 3]


def test_a_metric_name_that_utf8_cannot_encode_is_escaped(tmp_path):
    run = dlviz.live()
    run.log(**{"loss \ud800": 0.5})
    assert run.save(tmp_path / "run.csv").read_text(encoding="utf-8").splitlines()[1] == r"0,loss \ud800,0.5"


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_a_file_that_is_not_a_saved_run_is_refused(tmp_path, content):
    path = tmp_path / "run.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DlvizError, match=r"load_run: .*run\.npz"):
        dlviz.load_run(path)


def test_a_message_holds_only_new_values():
    history, counts = History(), {}
    for step in range(1, 11):
        history.add("loss", step, step / 7)
    (first,) = new_series(history, counts)
    assert (first["first"], first["count"], first["from"], first["dtype"]) == (0, 10, 1, "float64")
    assert new_series(history, counts) == []
    history.add("loss", 11, 0.5)
    (second,) = new_series(history, counts)
    assert (second["first"], second["count"]) == (10, 1)
    assert second["values"].tolist() == [0.5]


def test_values_are_sent_as_float32_only_if_nothing_is_lost():
    steps = np.arange(1, 4)
    assert series_part("a", steps, np.array([0.5, np.nan, 3.0]), 0, 3).get("dtype") is None
    wide = series_part("a", np.array([1, 5, 6]), np.array([0.1, 0.2, 0.3]), 0, 3)
    assert wide["dtype"] == "float64"
    assert wide["steps"].tolist() == [1, 5, 6]


def test_a_burst_is_bounded():
    history = History()
    for step in range(100_000):
        history.add("loss", step, float(step % 977))
    (message,) = new_series(history, {})
    assert message["count"] == 100_000
    assert len(message["values"]) <= 2001
    assert message["values"].max() == 976
