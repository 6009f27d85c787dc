"""Data parallel training in two processes: gradients equal those of one, the timeline is true, and nothing is left behind."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from dlviz.multiprocess import Record, efficiency, gradient_difference, records, speedup
from dlviz.multiprocess.capture import LEADING, sample
from dlviz.multiprocess.gradients import largest_difference
from dlviz.multiprocess.scaling import largest, step_seconds, typical_step
from tests.multiprocess import workers
from tests.multiprocess.batches import batch, torchs_gradients
from tests.multiprocess.traces import leaving_nothing

#: Nets, steps of each, and how many of them are recorded.
SEEDS, STEPS, RECORDED = (0, 1, 2, 3, 5), 2, 8


@pytest.fixture(scope="module")
def data_parallel(tmp_path_factory) -> dict[int, Record]:
    args = (*batch(), SEEDS, STEPS)
    with leaving_nothing(tmp_path_factory.mktemp("temporary")):
        return records(workers.data_parallel, args, nprocs=(1, 2), steps=RECORDED, label="data parallel")


def test_gradients_of_two_processes_are_those_of_one(data_parallel):
    rows = [row for step in data_parallel[2].gradients for row in step]
    assert {row.ranks for row in rows} == {(0, 1)}
    assert all(row.difference is not None and row.compared == len(sample(row.numel)) for row in rows)
    assert max(row.difference for row in rows) <= 1e-12
    assert 0 < gradient_difference(data_parallel) == max(row.difference for row in rows)


def test_what_is_shown_is_the_gradient_of_torch(data_parallel):
    x, y = batch()
    step = 0
    for seed in SEEDS[: RECORDED // STEPS]:
        for wanted in torchs_gradients(seed, x, y, STEPS):
            rows = data_parallel[2].gradients[step]
            assert len(rows) == len(wanted)
            for row, (name, gradient) in zip(rows, wanted.items(), strict=True):
                # Nets that come later have names of their own.
                assert row.name.split()[0] == name
                assert row.shape == gradient.shape
                shown = gradient.flatten()[:LEADING]
                torch.testing.assert_close(torch.tensor(row.averaged, dtype=torch.float64), shown, rtol=0, atol=1e-12)
                torch.testing.assert_close(torch.tensor(row.single, dtype=torch.float64), shown, rtol=0, atol=1e-12)
            step += 1
    assert step == len(data_parallel[2].gradients)


def test_the_optimizer_gets_the_mean_of_the_local_gradients(data_parallel):
    for row in (row for step in data_parallel[2].gradients for row in step):
        first, second = map(np.array, row.local)
        assert len(first) == len(second) == len(row.averaged) == min(row.numel, LEADING)
        assert abs(first - second).max() > 1e-6
        np.testing.assert_allclose((first + second) / 2, row.averaged, rtol=0, atol=1e-15)
        assert row.spread == 0


def test_every_step_is_computed_then_averaged_then_applied(data_parallel):
    for rank in data_parallel[2].ranks:
        assert len(rank.steps) == RECORDED
        for step, (start, end) in enumerate(rank.steps):
            spans = [span for span in rank.spans if span.step == step]
            kinds = [span.kind for span in spans if span.kind != "other"]
            forward, backward = kinds.index("forward"), kinds.index("backward")
            last_optimizer = len(kinds) - 1 - kinds[::-1].index("optimizer")
            assert forward < backward < last_optimizer
            averaging = [span for span in spans if span.name == "all_reduce"]
            assert averaging
            assert all(spans[[one.kind for one in spans].index("backward")].start < span.start for span in averaging)
            assert start <= spans[0].start
            assert spans[-1].start <= end
        assert all(first[1] == second[0] for first, second in itertools.pairwise(rank.steps))


def test_blocks_of_computation_do_not_overlap(data_parallel):
    for rank in data_parallel[2].ranks:
        blocks = [span for span in rank.spans if span.kind != "communication"]
        assert all(first.end <= second.start for first, second in itertools.pairwise(blocks))
        assert {span.name for span in blocks if span.kind == "forward"} == {"Sequential"}
        assert {"SGD.step", "SGD.zero_grad"} == {span.name for span in blocks if span.kind == "optimizer"}
        assert "mse_loss" in {span.name for span in blocks if span.kind == "other"}


def test_no_collective_ends_before_the_last_process_has_begun_it(data_parallel):
    found = data_parallel[2]
    assert found.clock_error > 0
    averaging = [one for one in found.collectives if one.name in ("all_reduce", "all_gather")]
    assert len(averaging) > 2 * RECORDED
    for one in averaging:
        spans = [found.ranks[rank].spans[index] for rank, index in one.spans]
        assert len(spans) == 2
        assert {(span.name, span.bytes, span.shape) for span in spans} == {(one.name, one.bytes, spans[0].shape)}
        assert min(span.end for span in spans) >= max(span.start for span in spans) - found.clock_error


def test_every_communication_is_matched_and_has_its_size(data_parallel):
    found = data_parallel[2]
    for rank in found.ranks:
        communication = [(k, span) for k, span in enumerate(rank.spans) if span.kind == "communication"]
        assert all((rank.rank, k) in found.collectives[span.group].spans for k, span in communication)
    # By hand, each parameter of the second net is averaged by itself.
    sizes = [8 * parameter.numel() for parameter in workers.net(1).parameters()]
    assert [one.bytes for one in found.collectives if one.step == STEPS and one.name == "all_reduce"] == sizes


def test_later_steps_are_timed_and_not_recorded(data_parallel):
    for rank in data_parallel[2].ranks:
        assert len(rank.step_seconds) == STEPS * len(SEEDS) > RECORDED
        assert max(span.step for span in rank.spans) == RECORDED - 1
        assert max(span.start for span in rank.spans) <= rank.steps[-1][1]
        assert sum(rank.step_seconds) <= rank.seconds


def test_one_number_of_processes_is_compared_with_one_process_by_the_durations_of_steps(data_parallel):
    alone, both = step_seconds(data_parallel[1]), step_seconds(data_parallel[2])
    assert speedup(data_parallel) == {2: alone / both}
    assert efficiency(data_parallel) == {2: alone / both / 2}
    assert largest(data_parallel).world_size == 2


def test_durations_without_the_profiler_count_if_there_are_three():
    few, enough = [9.0, 2.0, 3.0, 4.0, 7.0, 1.0], [9.0, 2.0, 3.0, 4.0, 7.0, 1.0, 0.5, 1.5]
    assert typical_step(few, 4, 50.0) == 3.0
    assert typical_step(enough, 4, 50.0) == 1.0
    assert typical_step([9.0], 1, 50.0) == 9.0
    assert typical_step([], 0, 50.0) == 50.0


def test_results_and_printed_lines_are_kept_by_rank(data_parallel):
    found = data_parallel[2]
    assert found.label == "data parallel"
    assert [rank.output for rank in found.ranks] == [f"rank {rank} of 2 trains\n" for rank in (0, 1)]
    assert [len(result) for result in found.results] == [len(SEEDS)] * 2
    losses = np.mean(found.results, axis=0)
    np.testing.assert_allclose(losses, data_parallel[1].results[0], rtol=1e-9)


def test_data_parallel_processes_hold_everything(data_parallel):
    count = sum(parameter.numel() for parameter in workers.net(SEEDS[0]).parameters())
    assert {rank.memory["parameters"] for rank in data_parallel[2].ranks} == {8 * count}
    assert {rank.memory["gradients"] for rank in data_parallel[2].ranks} == {8 * count}


@pytest.mark.parametrize("numel", [1, LEADING, 1088, 1089, 5000, 10**7])
def test_a_sample_has_the_leading_entries_and_the_last(numel):
    found = sample(numel)
    assert found[:LEADING].tolist() == list(range(min(numel, LEADING)))
    assert found[-1] == numel - 1
    assert len(set(found.tolist())) == len(found) == min(numel, 1088)


def test_numbers_that_are_not_finite_differ_unless_they_are_the_same():
    row: Callable[..., np.ndarray] = np.array
    inf, nan = np.inf, np.nan
    assert largest_difference(row([inf, nan, 1.0]), row([inf, nan, 3.0])) == 2
    assert largest_difference(row([inf]), row([-inf])) == inf
    assert largest_difference(row([nan]), row([1.0])) == inf
    assert largest_difference(row([]), row([])) == 0
