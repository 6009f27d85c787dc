"""What a learner reads when a worker fails, and that nothing of it stays behind."""

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from dlviz.kit.errors import DlvizError
from dlviz.multiprocess import Record, WorkerError, launch, record
from dlviz.multiprocess.child import Failure
from dlviz.multiprocess.failures import is_consequence, raised
from dlviz.multiprocess.record import check_nprocs
from tests.multiprocess import workers
from tests.multiprocess.traces import leaving_nothing


def refusal(worker: object, *args: object, **options: object) -> str:
    """Return the text of the error that a run raises."""
    with pytest.raises(DlvizError) as caught:
        record(worker, args, **options)
    return str(caught.value)


def failure(worker: object, *args: object, **options: object) -> WorkerError:
    """Return the error of a worker."""
    with pytest.raises(WorkerError) as caught:
        record(worker, args, **options)
    return caught.value


def test_an_exception_names_its_rank_and_line(tmp_path, capsys):
    with leaving_nothing(tmp_path):
        error = failure(workers.raises)
    assert error.rank == 1
    text = str(error)
    assert text.startswith(
        "parallel: in rank 1 of 2 the worker raised IndexError: list assignment index out of range\n"
    )
    assert re.search(r'File ".*workers\.py", line \d+, in raises\n    numbers\[rank \+ 4\] = 0$', text)
    assert "[rank 1] about to fail" in capsys.readouterr().out


def test_processes_that_wait_for_each_other_are_told_from_busy_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "_LOOK", 0.5)
    with leaving_nothing(tmp_path):
        error = failure(workers.mismatched)
    assert error.rank == -1
    text = str(error)
    assert text.startswith("parallel: the processes wait for each other, and none goes on.")
    assert re.search(
        r"rank 0 waits in all_reduce, called at File .*workers\.py.*: dist\.all_reduce\(torch\.zeros", text
    )
    assert "rank 1 has returned" in text


def test_a_worker_that_communicates_for_ever_ends_after_the_timeout(monkeypatch):
    monkeypatch.setattr(launch, "_LOOK", 0.1)
    text = str(failure(workers.endless, timeout=2, nprocs=1))
    assert "the workers have not ended within 2 seconds" in text
    assert re.search(r"rank 0 (?:waits in all_reduce, called|is) at File .*workers\.py\", line \d+, in endless", text)


def test_a_process_that_is_killed_is_the_cause_and_not_the_connection_that_it_leaves(tmp_path):
    with leaving_nothing(tmp_path):
        error = failure(workers.killed)
    assert error.rank == 1
    ended = "rank 1 of 2 ended with exit status" if os.name == "nt" else "rank 1 of 2 was killed by SIGKILL"
    assert ended in str(error)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("SIGKILL", "out of memory"), ("SIGABRT", "same shape and dtype"), ("SIGTERM", "worker returned.")],
)
def test_a_signal_is_explained(name, hint):
    class Process:
        rank, failure = 2, None

    Process.code = -getattr(signal, name, signal.SIGTERM)  # Windows has no SIGKILL
    assert (hint if hasattr(signal, name) else "") in str(raised(Process, 3))


def test_an_exit_is_named():
    class Process:
        rank, failure, code = 0, None, 7

    assert "the process of rank 0 of 1 ended with exit status 7" in str(raised(Process, 1))


def test_a_result_that_cannot_be_sent_is_named_and_endless_output_is_cut(capsys):
    error = failure(workers.unpicklable, nprocs=1)
    assert (
        "what the worker returned in rank 0 of 1 cannot be sent back: TypeError: cannot pickle 'generator' object"
        in str(error)
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[rank 0] a line"
    assert lines[-1] == "[rank 0] … further lines are left out."
    assert len(lines) < 4000


def test_a_worker_that_initializes_again_reads_that_it_is_done():
    text = str(failure(workers.initializes, nprocs=1))
    assert "init_process_group, but dlviz.parallel has done that already" in text
    assert 'if __name__ == "__main__":' in text
    assert text.endswith('dist.init_process_group("gloo")')


def test_what_does_not_fit_is_refused_before_a_process_starts(monkeypatch, tmp_path):
    monkeypatch.setattr("subprocess.Popen", None)
    assert "worker must be a function that takes (rank, world_size, …), or a text" in refusal(3)
    text = refusal(workers.data_parallel, 1, 2)
    assert "data_parallel(rank, world_size, …) with the 2 further arguments" in text
    assert "missing a required argument: 'seeds'" in text
    for nprocs in (0, -1, True, 1.5, "2", None):
        assert "nprocs must be a number of processes from 1" in refusal(workers.groups, nprocs=nprocs)
    assert "nprocs is at most 16, but got 17" in refusal(workers.groups, nprocs=17)
    for name in ("threads", "steps"):
        for value in (0, True, 2.0):
            assert f"{name} must be a whole number from 1" in refusal(workers.groups, **{name: value})
    for seconds in (0, -1.0, float("nan"), "long"):
        assert "timeout must be a positive number of seconds" in refusal(workers.groups, timeout=seconds)
    assert "label must be a text" in refusal(workers.groups, label=3)


def test_a_torch_without_gloo_is_refused(monkeypatch):
    monkeypatch.setattr("torch.distributed.is_gloo_available", lambda: False)
    assert "torch.distributed or its backend gloo is missing" in refusal(workers.sums)


def test_several_numbers_of_processes_are_sorted():
    assert check_nprocs((4, 1, 2, 2)) == (1, 2, 4)
    with pytest.raises(DlvizError, match="nprocs must be"):
        check_nprocs(())


def test_what_cannot_be_copied_is_named(monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    numbers = (k for k in range(3))

    def uses_a_generator(rank, world_size):
        return next(numbers)

    text = refusal(uses_a_generator)
    assert (
        "the variable numbers (generator), which the worker uses, cannot be copied: cannot pickle 'generator'" in text
    )
    assert "argument 1 (generator) cannot be copied" in refusal(workers.pipeline, 0, numbers, 1)


def test_a_function_in_a_file_is_found_without_running_it(monkeypatch, tmp_path):
    monkeypatch.setattr("subprocess.Popen", None)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "worker.py"
    file.write_text("raise RuntimeError\ndef train(rank, world_size, /, x, *, lr=0.1): pass\ndef test(): pass\n")
    assert "must name a function in a Python file" in refusal("nothing.py:train")
    for named in ("worker.py", str(file), "worker.py:"):
        assert "Its functions: train, test." in refusal(named)
    assert 'worker="worker.py:…"' in refusal("worker.py")
    assert "has no function run. Its functions: train, test." in refusal("worker.py:run")
    assert "train(rank, world_size, /, x, *, lr=None): missing a required argument: 'x'" in refusal("worker.py:train")
    file.write_text("def train(:\n")
    assert "worker.py is not valid Python: " in refusal("worker.py:train")


@pytest.mark.parametrize(
    ("kind", "text", "follows"),
    [
        ("RuntimeError", "[/pytorch/third_party/gloo/pair.cc:547] Connection closed by peer [127.0.0.1]:1234", True),
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", False),
        ("ValueError", "Connection closed by peer", False),
    ],
)
def test_only_a_lost_connection_follows_from_another_failure(kind, text, follows):
    class Process:
        failure = Failure("run", kind, text, [])

    assert is_consequence(Process) is follows


def test_a_process_knows_itself_as_under_torchrun_and_imports_no_widgets(tmp_path, monkeypatch):
    class Mine:
        """A class of a notebook, which no other process can import."""

        def __init__(self, number: int) -> None:
            self.number = number

    def worker(rank, world_size, value):
        assert type(value) is Mine
        return workers.reports(rank, world_size, Mine(value.number + rank))

    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor() as pool:  # as from a thread of a notebook
        found: Record = pool.submit(record, worker, (Mine(3),), threads=2).result()
    for rank, result in enumerate(found.results):
        assert result["environment"] == {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
        assert (result["threads"], result["backend"], result["folder"]) == (2, "gloo", str(tmp_path))
        assert result["modules"] == []
        assert type(result["value"]) is Mine
        assert result["value"].number == 3 + rank
        assert result["refused"].startswith(f"parallel: this is rank {rank} of a parallel run already")
    assert found.label == "worker"


@pytest.mark.slow
@pytest.mark.parametrize(
    "worker", [workers.sums, workers.raises, workers.mismatched, workers.killed], ids=lambda w: w.__name__
)
def test_nothing_is_left_after_twenty_runs(worker, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "_LOOK", 0.5)
    with leaving_nothing(tmp_path):
        for _ in range(20):
            if worker is workers.sums:
                assert record(worker).results == [1.0, 1.0]
            else:
                failure(worker)
