"""The training of a byte-pair encoding as JSON-able data with binary arrays."""

from typing import Any

import numpy as np

from dlviz.kit.messages import counted, message
from dlviz.tokenization.corpus import BROWSER_WORD, BYTE_ORDER
from dlviz.tokenization.record import Record
from dlviz.tokenization.token_names import token_name


def scene(record: Record, min_count: int) -> dict[str, Any]:
    """Return what the view draws; it cuts the text and encodes a typed one by looking merges up."""
    encoder, characters = record.encoder, len(record.text)
    data = record.shown.encode("utf-8", "surrogatepass")
    ids = np.zeros(256, np.uint8)
    ids[list(BYTE_ORDER)] = np.arange(256)
    notes = []
    if len(record.shown) < characters:
        shown = message("tokenization.note.shown", shown=f"{len(record.shown):,}", count=f"{characters:,}")
        notes.append({"kind": "", "text": shown})
    return {
        "steps": len(encoder.merges),
        "characters": characters,
        "bytes": np.frombuffer(data, np.uint8),
        "merged_at": np.array(record.merged_at, np.int32),
        "merges": np.array(encoder.merges, np.int32).reshape(-1, 3),
        "candidates": [[[pair.left, pair.right, pair.count] for pair in top] for top in record.candidates],
        "ties": record.ties,
        "sizes": record.sizes,
        "names": [token_name(token) for token in encoder.vocab],
        "byte_ids": ids,
        "word": BROWSER_WORD,
        "min_count": min_count,
        "is_done": record.is_done,
        "signature": message(
            "tokenization.signature",
            characters=counted("tokenization.count.characters", characters),
            merges=counted("tokenization.count.merges", len(encoder.merges)),
        ),
        "badge": {"text": message("tokenization.badge", learned=len(encoder.vocab) - 256), "kind": ""},
        "notes": notes,
        "summary": _summary(record),
    }


def _summary(record: Record) -> str:
    learned = [token_name(record.encoder.vocab[merge.new]) for merge in record.encoder.merges[:5]]
    return message(
        "tokenization.summary",
        characters=counted("tokenization.count.characters", len(record.text)),
        merges=counted("tokenization.count.merges", len(record.encoder.merges)),
        before=counted("tokenization.count.tokens", record.sizes[0]),
        after=f"{record.sizes[-1]:,}",
        first=", ".join(learned) or "–",
    )


def cut_text(record: Record, step: int) -> list[bytes]:
    """Return the tokens of the drawn beginning of the text after `step` merges."""
    data = record.shown.encode("utf-8", "surrogatepass")
    ends = [k + 1 for k, number in enumerate(record.merged_at) if not 0 < number <= step]
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
