"""Records of runs that never took place, for tests of the picture: all gradients and times are random."""

from dataclasses import replace
from math import prod

import numpy as np

from dlviz.multiprocess.gradients import ParameterGradient
from dlviz.multiprocess.record import Collective, Rank, Record, Span

#: Parts of a step: kind, name and share of it.
_PARTS = (("other", "zero_grad", 0.1), ("forward", "Linear", 0.25), ("backward", "backward", 0.4))


def gradient(name: str, shape: tuple[int, ...], ranks: int, random: np.random.Generator) -> ParameterGradient:
    """Return random local gradients of a parameter and their mean, which one process has nearly too."""
    numel = prod(shape)
    local = random.normal(size=(ranks, numel))
    mean = local.mean(axis=0)
    single = mean * (1 + 2**-52)
    return ParameterGradient(
        name=name,
        shape=shape,
        numel=numel,
        ranks=tuple(range(ranks)),
        local=tuple(row[:64].tolist() for row in local),
        averaged=mean[:64].tolist(),
        spread=0.0,
        single=single[:64].tolist(),
        difference=float(np.abs(single - mean).max()),
        compared=numel,
    )


def run(ranks: int = 2, steps: int = 4, *, seed: int = 0, kept: int = 3) -> Record:
    """Return a run of data parallel training whose gradients are kept for the first `kept` steps."""
    random = np.random.default_rng(seed)
    spans: list[list[Span]] = [[] for _ in range(ranks)]
    borders: list[list[tuple[float, float]]] = [[] for _ in range(ranks)]
    collectives: list[Collective] = []
    ends = np.zeros(ranks)
    for step in range(steps):
        starts, begun = ends.copy(), np.zeros(ranks)
        for rank in range(ranks):
            at = float(starts[rank])
            length = 1e-3 * float(random.uniform(0.8, 1.4))
            for kind, name, share in _PARTS:
                spans[rank].append(Span(kind, name, at, at + share * length, step, 0, "", -1))
                at += share * length
            begun[rank] = at
        over = float(begun.max()) + 2e-4
        members = []
        for rank in range(ranks):
            members.append((rank, len(spans[rank])))
            spans[rank].append(
                Span("communication", "all_reduce", float(begun[rank]), over, step, 72, "(9,)", len(collectives))
            )
            spans[rank].append(Span("optimizer", "SGD.step", over + 1e-5, over + 1.2e-4, step, 0, "", -1))
            ends[rank] = over + 1.3e-4
            borders[rank].append((float(starts[rank]), float(ends[rank])))
        collectives.append(Collective("all_reduce", step, 72, tuple(members)))
    found = tuple(
        Rank(
            rank=rank,
            spans=tuple(spans[rank]),
            steps=borders[rank],
            output=f"rank {rank} begins\n" if rank else "",
            result=0.25 + rank,
            seconds=float(ends[rank]),
            step_seconds=[end - start for start, end in borders[rank]],
            memory={"parameters": 72, "gradients": 72, "optimizer": 144},
        )
        for rank in range(ranks)
    )
    gradients = [
        [gradient("weight", (8, 1), ranks, random), gradient("bias", (1,), ranks, random)]
        for _ in range(min(kept, steps))
    ]
    return Record(
        label="worker",
        world_size=ranks,
        threads=1,
        ranks=found,
        collectives=tuple(collectives),
        gradients=gradients,
        wall=1.5,
        clock_error=1e-6,
        finals=[],
    )


def alone(steps: int = 4) -> Record:
    """Return the run of one process."""
    one = run(1, steps, seed=1)
    gradients = [[replace(each, single=None, difference=None) for each in step] for step in one.gradients]
    return replace(one, gradients=gradients)


def several(*counts: int) -> dict[int, Record]:
    """Return runs with several numbers of processes."""
    return {n: alone() if n == 1 else run(n) for n in counts}


def pipeline() -> Record:
    """Return one step of a pipeline of two stages: rank 0 sends its output to rank 1, which sends the gradient back."""
    ms = 1e-3
    first = (
        Span("forward", "Linear", 0.0, 1 * ms, 0, 0, "", -1),
        Span("communication", "send", 1 * ms, 1.3 * ms, 0, 256, "(8, 4)", 0),
        Span("communication", "recv", 1.3 * ms, 4.2 * ms, 0, 256, "(8, 4)", 1),
        Span("backward", "backward", 4.2 * ms, 5.5 * ms, 0, 0, "", -1),
        Span("optimizer", "SGD.step", 5.5 * ms, 5.7 * ms, 0, 0, "", -1),
    )
    second = (
        Span("communication", "recv", 0.1 * ms, 1.3 * ms, 0, 256, "(8, 4)", 0),
        Span("forward", "Linear", 1.3 * ms, 2.4 * ms, 0, 0, "", -1),
        Span("backward", "backward", 2.4 * ms, 4 * ms, 0, 0, "", -1),
        Span("communication", "send", 4 * ms, 4.2 * ms, 0, 256, "(8, 4)", 1),
        Span("optimizer", "SGD.step", 4.2 * ms, 4.4 * ms, 0, 0, "", -1),
    )
    base = run(2, 1)
    ranks = tuple(
        replace(base.ranks[k], spans=spans, steps=[(0.0, 5.7 * ms)]) for k, spans in enumerate((first, second))
    )
    collectives = (
        Collective("send", 0, 256, ((0, 1), (1, 0))),
        Collective("send", 0, 256, ((1, 3), (0, 2))),
    )
    own = [replace(one, single=None, difference=None) for one in base.gradients[0]]
    gradients = [
        replace(own[0], ranks=(0,), local=(own[0].local[0], [])),
        replace(own[1], ranks=(1,), local=([], own[1].local[1])),
    ]
    return replace(base, ranks=ranks, collectives=collectives, gradients=[gradients])


def sharded() -> Record:
    """Return a run in which each rank holds half of everything, and no local gradient is seen."""
    base = run(2)
    half = {"parameters": 36, "gradients": 36, "optimizer": 72}
    gradients = [
        [replace(one, local=([], []), single=None, difference=None) for one in step] for step in base.gradients
    ]
    return replace(base, ranks=tuple(replace(rank, memory=half) for rank in base.ranks), gradients=gradients)


def without_optimizer() -> Record:
    """Return a run that only communicates."""
    base = run(2, 1)
    ranks = tuple(replace(rank, steps=[], step_seconds=[], memory={}) for rank in base.ranks)
    return replace(base, ranks=ranks, gradients=[])
