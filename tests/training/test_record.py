"""What is logged is kept as it is, on disk too; what is drawn of it loses no extreme."""

import csv
import json
import math

import numpy as np
import pytest

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.training import History, decimated
from dlviz.training.scene import news, points


def logged(values):
    run = dlviz.live("one")
    for value in run.steps(values):
        run.log(loss=value)
    return run


@pytest.mark.parametrize("count", [40, 100, 999, 100_000])
def test_fewer_points_keep_every_extreme_and_what_is_no_number(count):
    rng = np.random.default_rng(count)
    values = rng.standard_normal(count)
    values[count // 3] = 1e9
    values[count // 2] = -1e9
    values[[0, count - 1]] = 0.25, 0.75
    values[2 * count // 3] = np.nan
    values[2 * count // 3 - 1] = np.inf
    steps, kept = decimated(np.arange(1, count + 1), values, 100)
    assert len(kept) <= max(100, min(count, 100)) + 1
    assert np.nanmin(kept) == -1e9
    assert (kept == 1e9).any()
    assert (~np.isfinite(kept)).any()
    assert kept[0] == 0.25
    assert kept[-1] == 0.75
    assert (np.diff(steps) > 0).all()
    original = values[steps - 1]
    assert np.array_equal(original, kept, equal_nan=True)


def test_every_bucket_keeps_its_own_extremes():
    values = np.zeros(10_000)
    values[::100] = 5
    values[50::100] = -5
    _, kept = decimated(np.arange(10_000), values, 500)
    assert (kept == 5).sum() >= 90
    assert (kept == -5).sum() >= 90


def test_a_run_on_disk_is_the_same_bit_for_bit(tmp_path):
    odd = [0.1, float("nan"), -0.0, float("inf"), 1e-310, 2 / 3, float("-inf")]
    run = logged(odd)
    run.log(late=1)
    again = dlviz.load_run(run.save(tmp_path / "run.npz"))
    for name, series in run.history.items():
        assert list(again.history[name].steps) == list(series.steps)
        assert np.array(again.history[name].values).tobytes() == np.array(series.values).tobytes()
    assert again.history.marks == run.history.marks
    assert again.settings == run.settings
    assert repr(again) == repr(run)


def test_tables_for_others_give_the_numbers_back(tmp_path):
    run = logged([0.1, float("nan"), 1 / 3])
    rows = list(csv.reader(run.save(tmp_path / "run.csv").read_text().splitlines()))
    assert rows[0] == ["step", "metric", "value"]
    assert [float(row[2]) for row in rows[1:]][0::2] == [0.1, 1 / 3]
    assert math.isnan(float(rows[2][2]))
    plain = json.loads(run.save(tmp_path / "run.json").read_text())
    assert plain["metrics"]["loss"]["values"] == [0.1, "nan", 1 / 3]


def test_a_name_that_no_file_has_letters_for_loses_no_run(tmp_path):
    run = dlviz.live()
    run.log(**{"loss \ud800": 0.5})
    assert run.save(tmp_path / "run.csv").read_text(encoding="utf-8").splitlines()[1] == r"0,loss \ud800,0.5"


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_what_is_no_saved_run_is_named(tmp_path, content):
    path = tmp_path / "run.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DlvizError, match=r"load_run: .*run\.npz"):
        dlviz.load_run(path)


def test_a_message_holds_what_is_new_and_nothing_twice():
    history, sent = History(), {}
    for step in range(1, 11):
        history.add("loss", step, step / 7)
    (first,) = news(history, sent)
    assert (first["first"], first["count"], first["from"], first["kind"]) == (0, 10, 1, "float64")
    assert news(history, sent) == []
    history.add("loss", 11, 0.5)
    (second,) = news(history, sent)
    assert (second["first"], second["count"]) == (10, 1)
    assert second["values"].tolist() == [0.5]


def test_values_go_narrow_only_where_nothing_is_lost():
    steps = np.arange(1, 4)
    assert points("a", steps, np.array([0.5, np.nan, 3.0]), 0, 3).get("kind") is None
    wide = points("a", np.array([1, 5, 6]), np.array([0.1, 0.2, 0.3]), 0, 3)
    assert wide["kind"] == "float64"
    assert wide["steps"].tolist() == [1, 5, 6]


def test_a_burst_is_bounded():
    history = History()
    for step in range(100_000):
        history.add("loss", step, float(step % 977))
    (message,) = news(history, {})
    assert message["count"] == 100_000
    assert len(message["values"]) <= 2001
    assert message["values"].max() == 976
