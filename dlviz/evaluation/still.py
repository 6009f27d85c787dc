"""Still picture of a confusion matrix: the cells, recall and precision of every class, and the worst mistakes."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dlviz.evaluation import confusion_counts
from dlviz.evaluation.examples import ExamplePreviews, picture_size, pixels
from dlviz.evaluation.scene import drawn_classes
from dlviz.evaluation.snapshots import PredictionHistory, PredictionSnapshot
from dlviz.kit.messages import message
from dlviz.kit.svg import Svg, framed, shorten

#: Opacity of a cell that holds its whole row, in so many steps; a root, so that a single mistake is visible.
MAX_OPACITY, _SHADES, _ROOT = 0.55, 20, 0.4
_LEFT, _TOP, _MAX_MATRIX = 84.0, 84.0, 400.0
#: Width of a column's name or precision, with the space beside it.
_COLUMN_TEXT = 26
_MAX_WORST, _PER_ROW, _CARD_WIDTH, _CARD_HEIGHT = 12, 3, 92, 98


def draw(history: PredictionHistory, snapshot: PredictionSnapshot, signature: str, summary: str, theme: str) -> str:
    """Return an SVG of up to thirty classes, and up to twelve of the worst mistakes."""
    classes = drawn_classes(history.snapshots)
    cell = min(34.0, _MAX_MATRIX / len(classes))
    side = cell * len(classes)
    inputs = snapshot.inputs if len(snapshot.worst) else None
    if inputs is not None and inputs.kind != "pictures":
        inputs = None
    width, height = _LEFT + side + 76, _TOP + side + 44
    if inputs is not None:
        rows = -(-min(_MAX_WORST, len(snapshot.worst)) // _PER_ROW)
        width, height = width + _PER_ROW * _CARD_WIDTH + 24, max(height, _TOP + rows * _CARD_HEIGHT + 20)
    name = message("evaluation.confusion.name")
    svg = framed(max(width, 420), height, name, signature, summary, theme, signature_left=104)
    svg.text(16, 46, message("evaluation.confusion.axes"), size=11, color="ink-3")
    _draw_cells(svg, snapshot, classes, cell)
    _draw_figures(svg, snapshot, classes, [history.names[label] for label in classes.tolist()], cell)
    if inputs is not None:
        _draw_worst(svg, snapshot, inputs, history.names, _LEFT + side + 76)
    return svg.markup()


def _draw_cells(svg: Svg, snapshot: PredictionSnapshot, classes: Tensor, cell: float) -> None:
    counts = snapshot.counts[classes][:, classes]
    support = (snapshot.counts.sum(1) + snapshot.unclassified)[classes, None]
    shades = (_SHADES * (counts / support.clamp(min=1)) ** _ROOT).round().long()
    diagonal = torch.eye(len(classes), dtype=torch.bool)
    palette = [
        svg.mix(color, MAX_OPACITY * shade / _SHADES) for color in ("bad", "good") for shade in range(_SHADES + 1)
    ]
    side = cell * len(classes)
    svg.image(_LEFT, _TOP, side, side, (shades + (_SHADES + 1) * diagonal).numpy(), palette)
    svg.rect(_LEFT, _TOP, side, side, stroke="line", radius=0)
    if cell >= 20:
        filled = [(r, c, n) for r, row in enumerate(counts.tolist()) for c, n in enumerate(row) if n]
        texts = [(_LEFT + (c + 0.5) * cell, _TOP + (r + 0.5) * cell + 4, f"{n}") for r, c, n in filled]
        svg.texts(texts, size=11 if cell > 26 else 9)


def _draw_figures(svg: Svg, snapshot: PredictionSnapshot, classes: Tensor, names: Sequence[str], cell: float) -> None:
    """Draw the names of the classes, recall beside the rows and precision below the columns; of narrow cells every second or fewer."""
    side, stride, across = cell * len(classes), max(1, round(14 / cell)), math.ceil(_COLUMN_TEXT / cell)
    recall = confusion_counts.recall(snapshot.counts, snapshot.unclassified)[classes].tolist()
    precision = confusion_counts.precision(snapshot.counts)[classes].tolist()
    right, bottom = _LEFT + side + 8, _TOP + side + 18
    svg.text(right, _TOP - 6, message("evaluation.confusion.recall"), size=10, color="ink-3")
    svg.text(_LEFT - 6, bottom, message("evaluation.confusion.precision"), size=10, color="ink-3", anchor="end")
    for k in range(0, len(names), stride):
        y = _TOP + (k + 0.5) * cell + 4
        svg.text(_LEFT - 6, y, shorten(names[k], _LEFT - 22, 6.6), size=11, anchor="end")
        svg.text(right, y, fraction(recall[k]), size=10, mono=True, color="ink-2")
    columns = [(k, _LEFT + (k + 0.5) * cell) for k in range(0, len(names), across)]
    for k, x in columns:
        svg.text(x, _TOP - 6, shorten(names[k], across * cell, 6.6), size=11, anchor="middle")
    below = [(x, bottom, fraction(precision[k])) for k, x in columns]
    svg.texts(below, size=9, color="ink-2")


def fraction(value: float) -> str:
    """Return a fraction with two decimals, "–" where it is undefined."""
    return "–" if value != value else f"{value:.2f}"


def _draw_worst(
    svg: Svg, snapshot: PredictionSnapshot, inputs: ExamplePreviews, names: Sequence[str], left: float
) -> None:
    """Draw the worst mistakes as pictures in sixteen grays, with up to 60 pixels along each side."""
    indices = snapshot.worst[:_MAX_WORST].tolist()
    stride = -(-max(picture_size(inputs)[:2]) // 60)
    pictures = pixels(inputs, indices)[:, ::stride, ::stride].float().mean(-1).round().int() // 16
    grays = [f"gray {level}" for level in range(16)]
    svg.colors |= {name: "#" + f"{17 * level:02x}" * 3 for level, name in enumerate(grays)}
    rows, columns = pictures.shape[1:]
    pixel = 60 / max(rows, columns)
    svg.text(left, _TOP - 30, message("evaluation.confusion.worst"), bold=True)
    for k, index in enumerate(indices):
        x, y = left + k % _PER_ROW * _CARD_WIDTH, _TOP - 14 + k // _PER_ROW * _CARD_HEIGHT
        svg.image(x, y, columns * pixel, rows * pixel, pictures[k].numpy(), grays)
        predicted = int(snapshot.scored.predictions[index])
        label = f"{names[int(snapshot.scored.targets[index])]} → {names[predicted] if predicted >= 0 else 'NaN'}"
        svg.text(x, y + 76, shorten(label, _CARD_WIDTH - 8, 6.6), size=11)
