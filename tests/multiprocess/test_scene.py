"""What the picture of a run draws and says: waits, gradients, memory, speed, and that it stays small."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dlviz.kit.page import to_json
from dlviz.kit.widget import binary
from dlviz.multiprocess import layout
from dlviz.multiprocess.captions import origin
from dlviz.multiprocess.record import Record
from dlviz.multiprocess.scene import (
    MAX_ENTRIES,
    MAX_NUMBERS,
    MAX_OUTPUT,
    MAX_PARAMETERS,
    result_text,
    row_values,
    scene,
)
from tests.multiprocess import invented


def changed(one, **values):
    """Return a run with other fields in every gradient."""
    return replace(one, gradients=[[replace(each, **values) for each in step] for step in one.gradients])


@pytest.mark.parametrize("seed", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 6))])
def test_a_collective_waits_until_its_last_rank_begins_and_what_computes_never_waits(seed):
    run = invented.run(3, 5, seed=seed)
    ready = layout.ready_times(run)
    for collective, last in zip(run.collectives, layout.last_ranks(run), strict=True):
        begun = {rank: run.ranks[rank].spans[i].start for rank, i in collective.spans}
        assert begun[last] == max(begun.values())
        assert {ready[rank][i] for rank, i in collective.spans} == {begun[last]}
    for rank, times in zip(run.ranks, ready, strict=True):
        assert all(t == s.start for t, s in zip(times, rank.spans, strict=True) if s.kind != "communication")


def test_a_send_that_ended_before_its_recv_began_has_not_waited():
    run = invented.pipeline()
    spans = list(run.ranks[0].spans)
    spans[1] = replace(spans[1], start=1e-5, end=2e-5)
    early = replace(run, ranks=(replace(run.ranks[0], spans=tuple(spans)), run.ranks[1]))
    assert layout.ready_times(early)[0][1] == 1e-5
    assert layout.ready_times(run)[0][1] == 1e-3


def test_the_time_of_a_rank_is_computing_communicating_and_waiting():
    run = invented.pipeline()
    shares = layout.time_use(run.ranks[0], layout.ready_times(run)[0], (0.0, 5.7e-3))
    assert shares == pytest.approx((1e-3 + 1.3e-3 + 0.2e-3, 0.3e-3 + 2.9e-3, 2.7e-3))
    # Communication below a computation costs no time of its own.
    spans = run.ranks[0].spans
    hidden = replace(run.ranks[0], spans=(replace(spans[0], end=4.2e-3), *spans[1:]))
    assert layout.time_use(hidden, layout.ready_times(run)[0], (0.0, 5.7e-3))[1:] == pytest.approx((0.0, 0.0))


def test_overlapping_communication_has_lines_of_its_own():
    run = invented.run(1, 1)
    spans = [
        replace(run.ranks[0].spans[3], start=a, end=b) for a, b in ((0.0, 2.0), (1.0, 3.0), (2.5, 4.0), (5.0, 6.0))
    ]
    lines = layout._lines(replace(run.ranks[0], spans=tuple(spans)))
    assert lines.tolist() == [[0, 2], [1, 2], [0, 2], [0, 1]]


def test_every_block_is_drawn_where_it_was_and_collectives_name_their_blocks():
    run = invented.run(2, 4)
    drawn = scene({2: run}, 2)
    blocks, groups = drawn["blocks"], drawn["collectives"]
    spans = [span for rank in run.ranks for span in rank.spans]
    np.testing.assert_allclose(blocks["start"], [1e6 * span.start for span in spans])
    np.testing.assert_allclose(blocks["end"], [1e6 * span.end for span in spans])
    assert [blocks["names"][k] for k in blocks["name"]] == [span.name for span in spans]
    parts = np.split(groups["members"], groups["ends"])[:-1]
    assert [blocks["group"][part].tolist() for part in parts] == [[k, k] for k in range(4)]
    assert len(drawn["steps"]) == 5


def test_the_caption_names_the_longest_wait_and_for_whom():
    run = invented.run(2, 4)
    texts = scene({2: run}, 2)["captions"]
    for step, text in enumerate(texts[:-1]):
        spans = [next(s for s in rank.spans if s.step == step and s.kind == "communication") for rank in run.ranks]
        early = int(spans[0].start > spans[1].start)
        if "No rank" not in text:
            assert f"Rank {early} waited" in text
            assert f"for rank {1 - early}" in text
    assert any("Rank" in text for text in texts)
    assert texts[-1].startswith("Everything recorded")
    assert (
        "Rank 0 waited longest for others: 2.70 ms (47 %) in all." in scene({2: invented.pipeline()}, 2)["captions"][1]
    )
    assert "waited 2.70 ms (47 %) in recv for rank 1" in scene({2: invented.pipeline()}, 2)["captions"][0]
    assert "waited" not in scene({1: invented.alone()}, 2)["captions"][0]
    # A rank that computes until the last one begins has lost nothing.
    first, other = invented.pipeline().ranks
    busy = replace(first, spans=(replace(first.spans[0], end=4.2e-3), *first.spans[1:]))
    assert "Rank 0 waited" not in scene({2: replace(invented.pipeline(), ranks=(busy, other))}, 2)["captions"][0]


def test_the_rows_are_the_local_gradients_their_mean_what_the_optimizer_gets_and_one_process():
    run = invented.run(3)
    drawn = scene({1: invented.alone(), 3: run}, 4)["gradients"]
    weight = drawn["parameters"][0]
    assert weight["rows"] == ["0", "1", "2", "mean", "grad", "single"]
    one = run.gradients[1][0]
    np.testing.assert_array_equal(weight["values"][1][:3], one.local)
    np.testing.assert_allclose(weight["values"][1][3], np.mean(one.local, axis=0), rtol=1e-15)
    np.testing.assert_array_equal(weight["values"][1][4:], [one.averaged, one.single])
    assert [each["kind"] for each in weight["verdicts"][1]] == ["good", "good"]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("mean", {}),
        ("sum", {"averaged": [2.0, -6.0, 0.5]}),
        ("changed", {"averaged": [0.1, -0.3, 0.025]}),
        ("apart", {"averaged": [0.5, -1.0, 0.0], "spread": 1.0}),
        ("unseen", {"local": ([], [])}),
        ("partly", {"local": ([0.5, -2.0, 0.0], [])}),
        ("alone", {"ranks": (1,), "local": ([], [1.5, -4.0, 0.5])}),
        ("mean", {"local": ([float("nan"), -2.0, 0.0], [1.5, -4.0, 0.5]), "averaged": [float("nan"), -3.0, 0.25]}),
    ],
)
def test_it_says_how_grad_comes_from_the_local_gradients(kind, change):
    plain = invented.run(2).gradients[0][0]
    base = replace(
        plain, local=([0.5, -2.0, 0.0], [1.5, -4.0, 0.5]), averaged=[1.0, -3.0, 0.25], single=None, difference=None
    )
    one = replace(base, **change)
    assert origin(one, 2) == kind
    assert origin(one, 1) == "one"
    run = replace(invented.run(2), gradients=[[one]])
    verdict = scene({2: run}, 2)["gradients"]["parameters"][0]["verdicts"][0][0]
    good = {"mean": "good", "apart": "bad", "sum": "warn", "changed": "warn"}
    assert verdict["kind"] == good.get(kind, "")
    assert ("2 times their mean" in verdict["text"]) == (kind == "sum")


@pytest.mark.parametrize(("difference", "kind"), [(1e-16, "good"), (0.3, "bad"), (float("inf"), "bad")])
def test_the_badge_judges_the_difference_to_one_process_by_the_size_of_the_gradients(difference, kind):
    run = changed(invented.run(2), difference=difference)
    assert scene({1: invented.alone(), 2: run}, 2)["badge"]["kind"] == kind


def test_a_step_without_a_gradient_is_missing_and_steps_that_were_not_kept_have_none():
    run = invented.run(2, kept=3)
    run = replace(run, gradients=[run.gradients[0], run.gradients[1][:1], run.gradients[2]])
    drawn = scene({2: run}, 2)["gradients"]
    assert drawn["steps"] == 3
    assert [one is None for one in drawn["parameters"][1]["verdicts"]] == [False, True, False]
    assert np.isnan(drawn["parameters"][1]["values"][1]).all()
    assert row_values(replace(run.gradients[0][0], single=None), "single").shape == (8,)


def test_what_each_process_holds_stands_beside_one_process():
    single = invented.alone()
    halves = scene({1: single, 2: invented.sharded()}, 2)["memory"]
    assert [row["label"] for row in halves] == ["rank 0", "rank 1", "1 process"]
    assert halves[0]["bytes"] == [36, 36, 72]
    assert halves[2]["bytes"] == [72, 72, 144]
    assert scene({2: invented.without_optimizer()}, 2)["memory"] == []


def test_speed_is_shown_only_for_several_numbers_of_processes():
    rows = scene(invented.several(1, 2, 4), 4)["speed"]
    assert [row["processes"] for row in rows] == [1, 2, 4]
    assert rows[0]["speedup"] == rows[0]["efficiency"] == 1
    assert rows[2]["efficiency"] == pytest.approx(rows[2]["speedup"] / 4)
    assert scene(invented.several(2), 4)["speed"] == []
    assert [row["speedup"] for row in scene(invented.several(2, 4), 4)["speed"]] == [None, None]


def test_it_is_said_which_steps_the_player_has_and_which_are_timed():
    run = invented.run(2, 20)
    assert scene({2: run}, 2)["timed"] == ""  # all steps were recorded
    ranks = tuple(replace(rank, step_seconds=rank.step_seconds + [1e-3] * 10) for rank in run.ranks)
    assert scene({2: replace(run, ranks=ranks)}, 2)["timed"] == (
        "The player shows the first 20 of 30 steps. Times are medians of the last 9, which ran without the profiler."
    )


def test_a_note_says_when_processes_share_cores():
    assert [note["text"][:42] for note in scene(invented.several(4), 2)["notes"]] == [
        "This computer has 2 processor cores for 4 "
    ]
    assert scene(invented.several(4), 4)["notes"] == []


def test_a_run_without_an_optimizer_shows_everything_and_says_so():
    drawn = scene({2: invented.without_optimizer()}, 2)
    assert len(drawn["steps"]) == 1
    assert drawn["captions"][0].startswith("Everything recorded")
    assert "No optimizer has stepped" in drawn["gradients"]["missing"]


def test_results_and_outputs_are_short_texts():
    class Broken:
        def __repr__(self):
            raise RuntimeError

    assert result_text(None) == ""
    assert result_text([1, 2]) == "[1, 2]"
    assert result_text(Broken()) == "Broken"
    assert len(result_text("x" * 1000)) < 200
    run = invented.run(2)
    loud = replace(run, ranks=(replace(run.ranks[0], output="first" + "x" * 9000 + "last"), run.ranks[1]))
    printed = scene({2: loud}, 2)["output"][0]["printed"]
    assert printed.startswith("…")
    assert printed.endswith("last")
    assert len(printed) == MAX_OUTPUT + 1


def large() -> Record:
    """Return a run of 8 ranks and 20 steps with 60 parameters, each of whose gradients has 64 entries."""
    random = np.random.default_rng(0)
    one = [invented.gradient(f"layers.{k}.weight", (64, 64), 8, random) for k in range(60)]
    return replace(invented.run(8, 20), gradients=[one] * 8)


def test_a_large_run_stays_below_the_limits_of_a_page():
    drawn = scene({8: large()}, 8)
    parameters = drawn["gradients"]["parameters"]
    assert len(parameters) == MAX_PARAMETERS
    assert sum(one["values"].size for one in parameters) <= MAX_NUMBERS
    assert len(to_json(binary(drawn))) < 700_000
    assert scene({2: invented.run(2)}, 2)["gradients"]["parameters"][0]["entries"] == 8 <= MAX_ENTRIES


def test_the_scene_holds_nothing_but_json_and_arrays():
    drawn = scene(invented.several(1, 2), 2)
    json.dumps(drawn, default=lambda value: value.tolist(), allow_nan=True)
