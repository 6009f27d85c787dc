"""Several numbers of processes side by side: equal gradients, and how much faster more processes are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from dlviz.multiprocess import gradients
from dlviz.multiprocess.record import Record, check_nprocs, record

#: Steps without the profiler from which on the recorded ones do not count.
_ENOUGH = 3


def records(
    worker: Callable[..., Any] | str,
    args: Sequence[Any] = (),
    *,
    nprocs: int | Sequence[int] = (1, 2),
    **options: Any,
) -> dict[int, Record]:
    """Run a worker in several numbers of processes, one after the other, and compare gradients with those of one process.

    Args:
        worker, args: as for :func:`dlviz.multiprocess.record`.
        nprocs: a number of processes, or several of them.
        options: ``threads``, ``timeout``, ``steps`` and ``label``, as for :func:`dlviz.multiprocess.record`.

    Returns:
        A record for each number of processes, in ascending order.

    Raises:
        DlvizError, WorkerError: as for :func:`dlviz.multiprocess.record`.
    """
    return compare({count: record(worker, args, nprocs=count, **options) for count in check_nprocs(nprocs)})


def compare(records: dict[int, Record]) -> dict[int, Record]:
    """Return the records with the gradients of one process beside those of several; as they are without a run of one process."""
    if 1 not in records:
        return records
    singles = records[1].finals
    return {
        count: replace(one, gradients=gradients.compare(one.gradients, one.finals, singles)) if count > 1 else one
        for count, one in records.items()
    }


def largest(records: Mapping[int, Record]) -> Record:
    """Return the record of the largest number of processes."""
    return records[max(records)]


def step_seconds(record: Record) -> float:
    """Return the duration of an optimizer step, or of the worker where no optimizer steps.

    It is the median over the steps that ran without the profiler, if there are three or more, else over the recorded ones but the first.
    The step in which the recording ended does not count. Of the processes the slowest counts.
    """
    return max(typical_step(rank.step_seconds, len(rank.steps), rank.seconds) for rank in record.ranks)


def plain_steps(seconds: list[float], recorded: int) -> list[float]:
    """Return the durations of the steps that ran without the profiler; none if they are too few for a median."""
    plain = seconds[recorded + 1 :]
    return plain if len(plain) >= _ENOUGH else []


def typical_step(seconds: list[float], recorded: int, whole: float) -> float:
    """Return the duration of a step of one process, as :func:`step_seconds` explains.

    Args:
        seconds: durations of all steps.
        recorded: how many of them, from the first, were recorded.
        whole: duration of the worker.
    """
    return median(plain_steps(seconds, recorded) or seconds[1:recorded] or seconds or [whole])


def speedup(records: Mapping[int, Record]) -> dict[int, float]:
    """Return how many times as fast as one process each larger number of processes makes a step; empty without a run of one.

    Args:
        records: a record for each number of processes.
    """
    if 1 not in records:
        return {}
    alone = step_seconds(records[1])
    return {count: alone / step_seconds(record) for count, record in records.items() if count > 1}


def efficiency(records: Mapping[int, Record]) -> dict[int, float]:
    """Return the speedup divided by the number of processes: 1 if no time is lost."""
    return {count: value / count for count, value in speedup(records).items()}


def gradient_difference(records: Mapping[int, Record]) -> float | None:
    """Return the largest difference between a gradient of several processes and that of one, None where none was compared."""
    rows = [row for record in records.values() for step in record.gradients for row in step]
    return max((row.difference for row in rows if row.difference is not None), default=None)
