"""The still picture of a confusion matrix: the cells, the figures of every class, and the worst mistakes."""

from collections.abc import Sequence

import torch

from dlviz.evaluation import confusion_counts
from dlviz.evaluation.examples import pixels, size
from dlviz.evaluation.scene import drawn
from dlviz.evaluation.snapshots import PredictionSnapshot
from dlviz.kit.messages import message
from dlviz.kit.svg import Svg, framed, shorten

#: How strong the color of a full cell is.
STRONG = 0.55
_LEFT, _TOP, _ROOM = 84.0, 84.0, 400.0
_WORST, _ABREAST, _CARD = 12, 3, 92


def draw(
    snapshot: PredictionSnapshot,
    snapshots: Sequence[PredictionSnapshot],
    names: Sequence[str],
    signature: str,
    summary: str,
    theme: str,
) -> str:
    """SVG of up to thirty classes, and up to twelve of the worst mistakes."""
    kept = drawn(snapshots)
    count = len(kept)
    cell = min(34.0, _ROOM / count)
    side = cell * count
    pictures = snapshot.inputs is not None and snapshot.inputs.kind == "pictures" and len(snapshot.worst) > 0
    width = _LEFT + side + 76 + (_ABREAST * _CARD + 24 if pictures else 0)
    rows = -(-min(_WORST, len(snapshot.worst)) // _ABREAST)
    height = max(_TOP + side + 44, _TOP + rows * 98 + 20 if pictures else 0)
    name = message("evaluation.confusion.name")
    svg = framed(max(width, 420), height, name, signature, summary, theme, signature_left=104)
    svg.text(16, 46, message("evaluation.confusion.axes"), size=11, color="ink-3")
    _matrix(svg, snapshot, [names[number] for number in kept.tolist()], kept, cell)
    if pictures:
        _worst(svg, snapshot, names, _LEFT + side + 76)
    return svg.markup()


def shade(part: int, whole: int) -> float:
    """How strong a cell's color is: a root of its share of the row, so that a single mistake can be seen."""
    return STRONG * round(20 * (part / whole) ** 0.4) / 20 if part else 0.0


def _matrix(svg: Svg, snapshot: PredictionSnapshot, called: Sequence[str], kept: torch.Tensor, cell: float) -> None:
    table = snapshot.counts[kept][:, kept].tolist()
    sums = (snapshot.counts.sum(1) + snapshot.unclassified)[kept].tolist()
    side, every = cell * len(kept), max(1, round(14 / cell))
    recall = confusion_counts.recall(snapshot.counts, snapshot.unclassified)[kept].tolist()
    precision = confusion_counts.precision(snapshot.counts)[kept].tolist()
    numbers = []
    for r, row in enumerate(table):
        for c, n in enumerate(row):
            x, y = _LEFT + c * cell, _TOP + r * cell
            if n:
                color = svg.mix("neg" if r == c else "pos", shade(n, sums[r]))
                svg.rect(x, y, cell, cell, fill=color, radius=0)
            if n and cell >= 20:
                numbers.append((x + cell / 2, y + cell / 2 + 4, f"{n}"))
    svg.rect(_LEFT, _TOP, side, side, stroke="line", radius=0)
    svg.texts(numbers, size=11 if cell > 26 else 9)
    for k, name in enumerate(called):
        if k % every == 0:
            svg.text(_LEFT - 6, _TOP + (k + 0.5) * cell + 4, shorten(name, _LEFT - 22, 6.6), size=11, anchor="end")
            svg.text(_LEFT + (k + 0.5) * cell, _TOP - 6, shorten(name, every * cell, 6.6), size=11, anchor="middle")
    svg.text(_LEFT + side + 8, _TOP - 6, message("evaluation.confusion.recall"), size=10, color="ink-3")
    svg.text(
        _LEFT - 6, _TOP + side + 18, message("evaluation.confusion.precision"), size=10, color="ink-3", anchor="end"
    )
    for k in range(0, len(called), every):
        svg.text(_LEFT + side + 8, _TOP + (k + 0.5) * cell + 4, told(recall[k]), size=10, mono=True, color="ink-2")
    under = [(_LEFT + (k + 0.5) * cell, _TOP + side + 18, told(precision[k])) for k in range(0, len(called), every)]
    svg.texts(under, size=9, color="ink-2")


def told(share: float) -> str:
    """A share with two decimals, "–" where it is undefined."""
    return "–" if share != share else f"{share:.2f}"


def _worst(svg: Svg, snapshot: PredictionSnapshot, names: Sequence[str], left: float) -> None:
    """Draw the worst mistakes as pictures in sixteen grays, with up to 60 pixels along each side."""
    numbers = snapshot.worst[:_WORST].tolist()
    if snapshot.inputs is None:
        return
    high, wide, _ = size(snapshot.inputs)
    stride = -(-max(high, wide) // 60)
    pictures = pixels(snapshot.inputs, numbers)[:, ::stride, ::stride].float().mean(-1).round().int() // 16
    grays = [f"gray {level}" for level in range(16)]
    svg.colors |= {name: "#" + f"{17 * level:02x}" * 3 for level, name in enumerate(grays)}
    rows, columns = pictures.shape[1:]
    dot = 60 / max(rows, columns)
    svg.text(left, _TOP - 30, message("evaluation.confusion.worst"), bold=True)
    for k, number in enumerate(numbers):
        x, y = left + k % _ABREAST * _CARD, _TOP - 14 + k // _ABREAST * 98
        svg.image(x, y, columns * dot, rows * dot, pictures[k].numpy(), grays)
        pred = int(snapshot.found.predictions[number])
        label = f"{names[int(snapshot.found.targets[number])]} → {names[pred] if pred >= 0 else 'NaN'}"
        svg.text(x, y + 76, shorten(label, _CARD - 8, 6.6), size=11)
