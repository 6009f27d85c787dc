"""Run a worker in several processes, and record what each of them does, sends and computes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch.distributed as dist

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type, is_finite, is_integer, is_iterable
from dlviz.multiprocess.gradients import Finals, ParameterGradient, combine
from dlviz.multiprocess.launch import Finished, refuse_nested, run
from dlviz.multiprocess.recorder import step_zero
from dlviz.multiprocess.timeline import COMMUNICATION, PAIRS, RawSpan
from dlviz.multiprocess.work import prepare

#: Processes of one run: each takes some hundred megabytes, and a machine with fewer cores shows nothing new with more of them.
_MOST_PROCESSES = 16


@dataclass(frozen=True)
class Span:
    """A block on the timeline of one process.

    Attributes:
        kind: "forward", "backward", "optimizer", "communication", "data" (a ``DataLoader``) or "other".
        name: such as "Linear", "all_reduce" or "SGD.step"; of several other operations the longest.
        start, end: in seconds since the first recorded step began on any process, or the worker where no optimizer steps.
            Communication begins when the process asks for it and ends when its result is there.
        step: index of the optimizer step that it belongs to; −1 before the first and after the last.
        bytes: size of what this process hands to a communication, else 0.
        shape: shape of that tensor, such as "(8, 1)", else "".
        group: of communication, index into ``Record.collectives``; else −1.
    """

    kind: str
    name: str
    start: float
    end: float
    step: int
    bytes: int
    shape: str
    group: int


@dataclass(frozen=True)
class Collective:
    """One communication, with its blocks on all processes that took part.

    Attributes:
        name: such as "all_reduce"; "send" for a send and its recv.
        step: the optimizer step.
        bytes: size of the tensor on the first of the processes.
        spans: a pair (rank, index of the block in that rank's ``spans``) for each process; of a send and its recv the sender first.
    """

    name: str
    step: int
    bytes: int
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Rank:
    """One process.

    Attributes:
        rank: its rank.
        spans: blocks in the order of their start.
        steps: start and end of each recorded optimizer step, in seconds.
        output: what it printed.
        result: what the worker returned.
        seconds: duration of the worker.
        step_seconds: duration of every optimizer step; those beyond ``steps`` ran without the profiler.
        memory: bytes of "parameters", "gradients" and "optimizer" that this process holds after the first step.
    """

    rank: int
    spans: tuple[Span, ...]
    steps: list[tuple[float, float]]
    output: str
    result: Any
    seconds: float
    step_seconds: list[float]
    memory: dict[str, int]


@dataclass(frozen=True)
class Record:
    """One run of a worker in several processes.

    Attributes:
        label: the worker's name.
        world_size: number of processes.
        threads: threads of torch in each.
        ranks: the processes.
        collectives: communication, in the order of its start.
        gradients: for each of the first steps, every parameter's gradients.
        wall: seconds from the start of the first process until the last worker returned.
        clock_error: how far times of two processes may be shifted against each other, in seconds.
        finals: entries of ``.grad`` for comparisons with another run.
    """

    label: str
    world_size: int
    threads: int
    ranks: tuple[Rank, ...]
    collectives: tuple[Collective, ...]
    gradients: list[list[ParameterGradient]]
    wall: float
    clock_error: float
    finals: Finals

    @property
    def results(self) -> list[Any]:
        """What the workers returned, by rank."""
        return [rank.result for rank in self.ranks]


def record(
    worker: Callable[..., Any] | str,
    args: Sequence[Any] = (),
    *,
    nprocs: int = 2,
    threads: int = 1,
    timeout: float = 120.0,
    steps: int = 20,
    label: str = "",
) -> Record:
    """Run a worker in several processes of this machine, and record them.

    Args:
        worker: a function that is called as ``worker(rank, world_size, *args)`` in each process, where ``torch.distributed`` is
            initialized with gloo; or a text such as "worker.py:train" that names one in a file.
        args: further arguments. They and the variables that the function uses are copied to each process.
        nprocs: number of processes.
        threads: threads of torch in each process.
        timeout: seconds after which a worker that has not ended is an error.
        steps: optimizer steps that are recorded; later ones are only timed.
        label: name of the worker, for the head line.

    Raises:
        DlvizError: an argument does not fit, or cannot be copied.
        WorkerError: a worker raised, was killed or did not end.

    Example:
        >>> def worker(rank, world_size):
        ...     total = torch.tensor([rank + 1.0])
        ...     torch.distributed.all_reduce(total)
        ...     return total.item()
        >>> record(worker).results
        [3.0, 3.0]

    Source:
        https://docs.pytorch.org/docs/stable/distributed.html
    """
    check_options(threads=threads, timeout=timeout, steps=steps, label=label)
    (count,) = check_nprocs(nprocs if is_integer(nprocs) else None)
    if not (dist.is_available() and dist.is_gloo_available()):
        raise DlvizError(message("multiprocess.refused.unavailable"))
    refuse_nested()
    work = prepare(worker, args, count, label)
    finished, wall = run(work.packed, count, threads=threads, timeout=timeout, steps=steps)
    return combined(work.label, threads, finished, wall)


def check_options(*, threads: Any, timeout: Any, steps: Any, label: Any) -> None:
    """Check the options of a run.

    Raises:
        DlvizError: one does not fit.
    """
    for name, value in (("threads", threads), ("steps", steps)):
        if not is_integer(value) or value < 1:
            raise DlvizError(message("multiprocess.refused.count", name=name, got=repr(value)))
    if not is_finite(timeout) or timeout <= 0:
        raise DlvizError(message("multiprocess.refused.timeout", got=repr(timeout)))
    check_type(label, str, "multiprocess.refused.label")


def check_nprocs(nprocs: Any) -> tuple[int, ...]:
    """Return the numbers of processes in ascending order, each once.

    Args:
        nprocs: one number, or several.

    Raises:
        DlvizError: it is neither, or one is less than 1 or too large.

    Example:
        >>> check_nprocs((4, 1, 2)), check_nprocs(2)
        ((1, 2, 4), (2,))
    """
    given = [nprocs] if isinstance(nprocs, str) or not is_iterable(nprocs) else list(nprocs)
    if not given or not all(is_integer(count) and count > 0 for count in given):
        raise DlvizError(message("multiprocess.refused.nprocs", got=repr(nprocs)))
    if max(given) > _MOST_PROCESSES:
        raise DlvizError(message("multiprocess.refused.many", got=max(given), most=_MOST_PROCESSES))
    return tuple(sorted({int(count) for count in given}))


def combined(label: str, threads: int, finished: list[Finished], wall: float) -> Record:
    """Return a record of what the processes of a run left.

    Args:
        label: the worker's name.
        threads: threads of torch in each process.
        finished: what each process left, by rank.
        wall: seconds that the run took.
    """
    recordings = [one.recording for one in finished]
    begins = [step_zero(one.spans, one.step_ends, one.start) for one in recordings]
    zero = min(begins)
    raw = [one.spans for one in recordings]
    groups = _matched(raw)
    group_of = {pair: k for k, group in enumerate(groups) for pair in group}
    ranks = []
    for rank, one in enumerate(recordings):
        steps = _steps(begins[rank], one.step_ends)
        spans = tuple(
            _span(span, zero, _step_at(span.start, steps), group_of.get((rank, k), -1))
            for k, span in enumerate(one.spans)
        )
        ranks.append(
            Rank(
                rank,
                spans,
                [((start - zero) / 1e9, (end - zero) / 1e9) for start, end in steps],
                finished[rank].output,
                finished[rank].result,
                (one.end - one.start) / 1e9,
                one.step_seconds,
                one.memory,
            )
        )
    collectives = tuple(_collective(group, ranks) for group in groups)
    has_pairs = any(span.name in PAIRS for spans in raw for span in spans)
    tables, finals = combine([one.gradients for one in recordings], has_pairs)
    errors = sorted(one.clock_error for one in recordings)
    return Record(label, len(ranks), threads, tuple(ranks), collectives, tables, wall, sum(errors[-2:]) / 1e9, finals)


def _steps(begin: int, ends: list[int]) -> list[tuple[int, int]]:
    return list(zip([begin, *ends], ends, strict=False))


def _step_at(time: int, steps: list[tuple[int, int]]) -> int:
    return next((k for k, (start, end) in enumerate(steps) if start <= time < end), -1)


def _span(span: RawSpan, zero: int, step: int, group: int) -> Span:
    start, end = (span.start - zero) / 1e9, (span.end - zero) / 1e9
    return Span(span.kind, span.name, start, end, step, span.bytes, span.shape, group)


def _collective(group: tuple[tuple[int, int], ...], ranks: list[Rank]) -> Collective:
    first = ranks[group[0][0]].spans[group[0][1]]
    return Collective(first.name, first.step, first.bytes, group)


def _matched(raw: list[list[RawSpan]]) -> list[tuple[tuple[int, int], ...]]:
    """Return the blocks (rank, index) that are one communication, for every communication, in the order of their start.

    The k-th all_reduce of a group on one process is the k-th all_reduce of that group on every other one, and the k-th send to a process
    is its k-th recv from there.
    """
    lanes: dict[tuple[str, ...], dict[int, list[int]]] = {}
    for rank, spans in enumerate(raw):
        for index, span in enumerate(spans):
            if span.kind != COMMUNICATION:
                continue
            if span.name in PAIRS:
                members = [int(member) for member in span.group.split(",")] if span.group else list(range(len(raw)))
                peer = members[span.peer] if span.peer >= 0 else -1
                way = (rank, peer) if span.name == "send" else (peer, rank)
                key: tuple[str, ...] = ("pair", *map(str, way))
            else:
                key = (span.group, span.name)
            lanes.setdefault(key, {}).setdefault(rank, []).append(index)
    groups = []
    for key, by_rank in lanes.items():
        if key[0] == "pair":
            order = [int(key[1]), int(key[2])]
        else:
            order = [int(member) for member in key[0].split(",")] if key[0] else list(range(len(raw)))
        counts = [len(by_rank.get(rank, ())) for rank in order]
        groups += [tuple((rank, by_rank[rank][k]) for rank in order) for k in range(min(counts, default=0))]
    return sorted(groups, key=lambda group: min(raw[rank][index].start for rank, index in group))
