"""A positional encoding as JSON-able data with binary arrays."""

from typing import Any

import numpy as np
from torch import Tensor

from dlviz.kit.messages import counted, message
from dlviz.kit.svg_grid import format_number
from dlviz.positional_encoding.encodings import pairs
from dlviz.positional_encoding.record import MAX_POSITIONS, Encoding, Record

#: Largest number of dimensions that are drawn.
MAX_COLUMNS = 256


def scene(record: Record, name: str) -> dict[str, Any]:
    """Return what the view draws: the first positions and dimensions, and all scores between these positions.

    Args:
        record: the encoding.
        name: the learner's name of a matrix that was given.
    """
    encoding, by_distance = record.encoding, record.by_distance
    kind, length = encoding.kind, encoding.length
    is_alibi = kind == "alibi"
    count, columns = min(length, MAX_POSITIONS), min(encoding.dim, MAX_COLUMNS)
    matrix = record.scores if is_alibi else record.matrix[:count, :columns]
    # Distance by distance, so that the view only looks numbers up.
    bias = record.matrix[:, -1].flip(-1) if is_alibi else None
    return {
        "kind": kind,
        "kinds": encoding.kinds,
        "pairing": encoding.pairing,
        "base": encoding.base,
        "dim": encoding.dim,
        "heads": encoding.heads,
        "positions": count,
        "columns": columns,
        "matrix": None if is_alibi else _float32(matrix),
        "scores": None if is_alibi else _float32(record.scores),
        "angles": None if record.angles is None else _float32(record.angles[:count, : (columns + 1) // 2]),
        "divisors": None if record.divisors is None else record.divisors.tolist(),
        "pairs": _drawn_pairs(record, columns),
        "queries": _float32(record.queries) if record.queries is not None else None,
        "keys": _float32(record.keys) if record.keys is not None else None,
        "bias": None if bias is None else _float32(bias),
        "slopes": None if record.slopes is None else record.slopes.tolist(),
        "distance": {
            "first": by_distance.first,
            **{part: _float32(getattr(by_distance, part)) for part in ("mean", "low", "high")},
        },
        "signature": signature(record, name),
        "badge": _badge(record),
        "notes": _notes(length, count, encoding.dim, columns, is_alibi=is_alibi),
        "summary": _summary(record),
    }


def _drawn_pairs(record: Record, columns: int) -> list[list[int]]:
    """Return the two dimensions of every drawn pair of "sinusoidal" and "rotary"; nothing for the others."""
    encoding = record.encoding
    if encoding.kind not in ("sinusoidal", "rotary"):
        return []
    pairing = encoding.pairing if encoding.kind == "rotary" else "interleaved"
    return [list(pair) for pair in pairs(encoding.dim, pairing) if pair[0] < columns][: (columns + 1) // 2]


def signature(record: Record, name: str) -> str:
    """Return the line in the head."""
    encoding = record.encoding
    return message(f"positional_encoding.signature.{encoding.kind}", name=name, **_sizes(encoding))


def _sizes(encoding: Encoding) -> dict[str, str]:
    """Return the sizes of an encoding with their nouns, and its base."""
    counts = {"positions": encoding.length, "dimensions": encoding.dim, "heads": encoding.heads}
    sizes = {name: counted(f"positional_encoding.count.{name}", count) for name, count in counts.items()}
    return sizes | {"base": f"{encoding.base:g}"}


def _badge(record: Record) -> dict[str, str]:
    if record.encoding.kind == "alibi":
        return {"text": message("positional_encoding.badge.alibi", heads=record.encoding.heads), "kind": ""}
    spread = record.by_distance.spread
    key = "only" if depends_on_distance_only(record) else "also"
    return {
        "text": message(f"positional_encoding.badge.{key}", spread=format_number(spread, 2)),
        "kind": "good" if key == "only" else "",
    }


def depends_on_distance_only(record: Record) -> bool:
    """Return whether all scores at one distance are equal, up to rounding."""
    return record.by_distance.spread <= 1e-9 * float(record.scores.nan_to_num(neginf=0.0).abs().max())


def _notes(length: int, count: int, dim: int, columns: int, *, is_alibi: bool) -> list[dict[str, str]]:
    cropped = [
        name for name, left in (("positions", count < length), ("columns", columns < dim and not is_alibi)) if left
    ]
    if not cropped:
        return []
    sizes = {"positions": count, "length": length, "columns": columns, "dim": dim}
    return [{"kind": "", "text": message(f"positional_encoding.note.{'_'.join(cropped)}", **sizes)}]


def _summary(record: Record) -> str:
    encoding, mean = record.encoding, record.by_distance.mean
    zero = -record.by_distance.first
    far = float(mean[-1])
    return message(
        f"positional_encoding.summary.{encoding.kind}",
        **_sizes(encoding),
        near=format_number(float(mean[zero])),
        far=format_number(far),
        last=len(record.scores) - 1,
    )


def _float32(x: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return `x` as float32: seven digits, of which four are shown."""
    return x.detach().float().cpu().contiguous().numpy()
