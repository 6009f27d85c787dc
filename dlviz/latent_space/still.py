"""Still picture of a map of codes: its points, and the selected example with its reconstruction."""

import numpy as np

from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, line_path, shorten
from dlviz.kit.svg_grid import draw_picture, format_number
from dlviz.latent_space.pictures import Array, Pictures, bytes_of
from dlviz.latent_space.record import Anomalies
from dlviz.latent_space.scene import MAX_CLASSES
from dlviz.latent_space.widget_state import LatentState

_TOP, _SIZE, _PICTURE = 48.0, 300.0, 130.0
#: Points of the map that are drawn.
_MAX_POINTS = 600


def draw(state: LatentState, example: int, signature: str, summary: str, theme: str) -> str:
    """Return an SVG with the map, and of an example (-1 for none) input and reconstruction."""
    legend = state.classes[:MAX_CLASSES]
    width = 2 * MARGIN + _SIZE + 40 + 2 * _PICTURE + 16
    svg = framed(width, _TOP + _SIZE + 48, "latent", signature, summary, theme)
    _draw_map(svg, state, example)
    left = MARGIN + _SIZE + 40
    if example >= 0:
        _draw_example(svg, state, example, left)
    for k, name in enumerate(legend):
        x, y = left + (k % 5) * 54 + 6, _TOP + _PICTURE + 68 + (k // 5) * 18
        svg.marker(x, y, k, 4.5)
        svg.text(x + 9, y + 4, shorten(name, 42, 6.5), size=11, color="ink-2")
    return svg.markup()


def _draw_map(svg: Svg, state: LatentState, example: int) -> None:
    left, right, bottom, top = state.limits
    svg.rect(MARGIN, _TOP, _SIZE, _SIZE, stroke="line", radius=0)

    def pixel(place: list[float]) -> tuple[float, float]:
        x, y = place
        return MARGIN + (x - left) / (right - left) * _SIZE, _TOP + (top - y) / (top - bottom) * _SIZE

    stride = max(1, len(state.drawn) // _MAX_POINTS)
    for row in state.drawn[::stride]:
        if bool(state.places[row].isfinite().all()):
            label = 0 if state.labels is None else int(state.labels[row])
            svg.marker(*pixel(state.places[row].tolist()), label, 3.2)
    if example >= 0 and bool(state.code(example).isfinite().all()):
        x, y = pixel(state.start(example))
        svg.rect(x - 7, y - 7, 14, 14, stroke="select", radius=7, line=2.4)
    across, up = state.code_axes.names(state.model.code_size)
    svg.text(MARGIN + _SIZE, _TOP + _SIZE + 16, f"{across} →", size=11, color="ink-2", anchor="end")
    svg.text(MARGIN, _TOP + _SIZE + 16, f"↑ {up}", size=11, color="ink-2")


def _draw_example(svg: Svg, state: LatentState, example: int, left: float) -> None:
    record, index = state.at(example)
    inputs = record.x if isinstance(record, Anomalies) else record.examples.x
    pictures = state.pictures.with_room_for(state.record.reconstructions)
    shown = (
        (message("latent_space.input"), pictures.array(inputs[[index]])),
        (message("latent_space.output"), pictures.array(record.reconstructions[[index]])),
    )
    for k, (title, values) in enumerate(shown):
        x = left + k * (_PICTURE + 16)
        svg.text(x, _TOP + 8, title, size=12, bold=True)
        _draw_picture(svg, pictures, values, x, _TOP + 18)
    error = format_number(float(record.errors[index]), 3)
    svg.text(left, _TOP + _PICTURE + 40, message("latent_space.error", value=error), size=12, mono=True)


def _draw_picture(svg: Svg, pictures: Pictures, values: Array, x: float, y: float) -> None:
    """Draw one example: an image, the curves of a series, or bars of a row."""
    kind = pictures.examples.kind
    low, high = pictures.low[0], pictures.high[0]
    svg.rect(x, y, _PICTURE, _PICTURE, stroke="line", radius=0)
    if kind == "image":
        cells = bytes_of(values, low, high)[0]
        height, width = cells.shape[1:]
        scale = _PICTURE / max(height, width)
        place = (x + (_PICTURE - width * scale) / 2, y + (_PICTURE - height * scale) / 2, width * scale, height * scale)
        draw_picture(svg, *place, cells)
    elif kind == "series":
        for k, channel in enumerate(values[0].tolist()):
            step = _PICTURE / max(1, len(channel) - 1)
            points = [(x + t * step, y + (high - v) / (high - low) * _PICTURE) for t, v in enumerate(channel)]
            svg.path(line_path(points), stroke=f"dim-{k % 5}", line=1.4)
    else:
        row = values[0][:12]
        pitch = _PICTURE / max(6, len(row))
        for k, value in enumerate(row.tolist()):
            share = (value - pictures.low[k]) / (pictures.high[k] - pictures.low[k])
            share = min(1.0, max(0.0, share)) if np.isfinite(share) else 0.0
            svg.rect(x, y + k * pitch + 1, max(0.5, share * _PICTURE), pitch - 2, fill="ink-3", radius=0)
