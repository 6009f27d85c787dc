"""Gradients of all processes side by side, and beside those of one process."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from dlviz.multiprocess.capture import LEADING, Gradients, Parameter


@dataclass(frozen=True)
class ParameterGradient:
    """Gradient of one parameter at one optimizer step; of the lists at most the 64 leading entries.

    Attributes:
        name: path of the parameter in the model.
        shape, numel: of the whole parameter.
        ranks: the processes that hold it, all of them in data parallel training, one of them in a pipeline.
        local: for each rank, the gradient that its backward computed, before any communication; empty where that is not seen.
        averaged: what ``.grad`` held when the optimizer stepped, on the first of the ranks.
        spread: largest difference of ``.grad`` between the ranks, over all entries compared.
        single: the gradient of one process on the whole batch at the same step, where that was run.
        difference: largest difference between ``averaged`` and ``single``, over all entries compared.
        compared: how many entries that are.
    """

    name: str
    shape: tuple[int, ...]
    numel: int
    ranks: tuple[int, ...]
    local: tuple[list[float], ...]
    averaged: list[float]
    spread: float
    single: list[float] | None = None
    difference: float | None = None
    compared: int = 0


@dataclass(frozen=True)
class Sampled:
    """Entries of ``.grad`` of one parameter at one step.

    Attributes:
        entries: their indices in the flattened parameter.
        values: in float64.
    """

    entries: np.ndarray
    values: np.ndarray


#: ``.grad`` by step and parameter.
Finals = list[dict[str, Sampled]]


def combine(found: list[Gradients], has_pairs: bool) -> tuple[list[list[ParameterGradient]], Finals]:
    """Return the gradients of all processes by step and parameter, and all entries of ``.grad`` for comparisons.

    Args:
        found: what each process captured, by rank.
        has_pairs: whether processes used send and recv, so that parameters of one name may belong to different stages of a model.
    """
    steps = min((len(one.final) for one in found if one.final), default=0)
    tables: list[list[ParameterGradient]] = []
    finals: Finals = []
    owners = _owners(found, has_pairs, steps)
    shared = Counter(name for name, _ in owners)
    for step in range(steps):
        rows, sampled = [], {}
        for name, ranks in owners:
            row = _row(name, ranks, found, step)
            if row is not None:
                rows.append(row[0])
                if shared[name] == 1:  # else different parameters have this name
                    sampled[name] = row[1]
        tables.append(rows)
        finals.append(sampled)
    return tables, finals


def _owners(found: list[Gradients], has_pairs: bool, steps: int) -> list[tuple[str, tuple[int, ...]]]:
    """Return every parameter with the ranks that hold it."""
    names = list(dict.fromkeys(name for one in found for name in one.parameters))
    owners = []
    for name in names:
        ranks = tuple(rank for rank, one in enumerate(found) if name in one.parameters)
        shapes = {found[rank].parameters[name].shape for rank in ranks}
        if len(shapes) == 1 and not (has_pairs and _differ(name, ranks, found, steps)):
            owners.append((name, ranks))
        else:
            owners.extend((name, (rank,)) for rank in ranks)
    return owners


def _differ(name: str, ranks: tuple[int, ...], found: list[Gradients], steps: int) -> bool:
    """Return whether ``.grad`` differs between ranks at any step."""
    for step in range(steps):
        values = [found[rank].final[step].get(name) for rank in ranks if step < len(found[rank].final)]
        if len({None if value is None else value.tobytes() for value in values}) > 1:
            return True
    return False


def _row(
    name: str, ranks: tuple[int, ...], found: list[Gradients], step: int
) -> tuple[ParameterGradient, Sampled] | None:
    """Return a parameter's gradients at one step, None where no process had any."""
    held = [rank for rank in ranks if step < len(found[rank].final) and name in found[rank].final[step]]
    if not held:
        return None
    parameter = found[held[0]].parameters[name]
    values = [found[rank].final[step][name] for rank in held]
    spread = 0.0
    if any(_is_sharded(found[rank].parameters[name]) for rank in held):
        entries = np.concatenate([found[rank].parameters[name].entries for rank in held])
        final = Sampled(entries, np.concatenate(values))
    else:
        final = Sampled(parameter.entries, values[0])
        spread = max((largest_difference(values[0], other) for other in values[1:]), default=0.0)
    local = tuple(
        one.local[step].get(name, np.empty(0))[:LEADING].tolist() if step < len(one.local) else [] for one in found
    )
    row = ParameterGradient(
        name, parameter.shape, parameter.numel, ranks, local, final.values[:LEADING].tolist(), spread
    )
    return row, final


def _is_sharded(parameter: Parameter) -> bool:
    return parameter.last - parameter.first < parameter.numel


def compare(tables: list[list[ParameterGradient]], finals: Finals, singles: Finals) -> list[list[ParameterGradient]]:
    """Return gradients with those of one process beside them.

    Args:
        tables, finals: of several processes, as :func:`combine` returned them.
        singles: of one process.
    """
    return [
        [_beside(row, final.get(row.name), single.get(row.name)) for row in rows]
        for rows, final, single in zip(tables, finals, singles, strict=False)
    ] + tables[len(singles) :]


def _beside(row: ParameterGradient, final: Sampled | None, single: Sampled | None) -> ParameterGradient:
    if final is None or single is None:
        return row
    common, ours, theirs = np.intersect1d(final.entries, single.entries, return_indices=True)
    if not len(common):
        return row
    difference = largest_difference(final.values[ours], single.values[theirs])
    return replace(row, single=single.values[:LEADING].tolist(), difference=difference, compared=len(common))


def largest_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest absolute difference; entries that are NaN in both, or the same infinity, are equal.

    Example:
        >>> largest_difference(np.array([1.0, np.nan]), np.array([1.5, np.nan]))
        0.5
        >>> largest_difference(np.array([1.0]), np.array([np.nan]))
        inf
    """
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        distance = np.where(same, 0.0, np.abs(a - b))
    return float(np.where(np.isnan(distance), np.inf, distance).max(initial=0.0))
