"""Still picture of a duel: the plane with real points and fakes, or both kinds of images, and the measures of the snapshot."""

import math

import numpy as np
from torch import Tensor

from dlviz.gan.record import Record
from dlviz.gan.widget_state import Duel
from dlviz.kit.messages import message
from dlviz.kit.snapshots import evenly_spaced
from dlviz.kit.svg import MARGIN, Svg, framed
from dlviz.kit.theme import class_color

#: Opacity of a color where the discriminator is sure.
MAX_OPACITY = 0.55
_TOP, _SIDE, _SHADES, _MAX_POINTS, _COLUMNS = 44.0, 320.0, 6, 250, 5


def draw(duel: Duel, record: Record, signature: str, summary: str, theme: str) -> str:
    """Return an SVG of the state that is drawn.

    Args:
        duel: both modules with their snapshots.
        record: what they compute in that state.
        signature: the line in the picture's head.
        summary: one sentence for screen readers.
        theme: "light" or "dark".
    """
    width = _SIDE + 2 * MARGIN + 190 if duel.inputs.is_plane else 2 * _SIDE + 2 * MARGIN - 110
    svg = framed(width, _TOP + _SIDE + 20, "duel", signature, summary, theme)
    if duel.inputs.is_plane:
        _draw_plane(svg, duel, record)
    else:
        _draw_images(svg, duel, record)
    return svg.markup()


def _draw_plane(svg: Svg, duel: Duel, record: Record) -> None:
    side = record.side
    heat = record.heat.cpu().double().numpy().reshape(side, side)
    middle, reach = 0.5, 0.5
    if duel.inputs.output == "score":
        middle = float((record.d_real.mean() + record.d_fake.mean()) / 2)
        reach = float(np.nanmax(np.abs(heat - middle))) or 1.0
    shades = np.rint(_SHADES * np.clip(np.nan_to_num((heat - middle) / reach), -1, 1)).astype(int)
    palette = [
        svg.mix(class_color(0 if shade > 0 else 1), MAX_OPACITY * abs(shade) / _SHADES)
        for shade in range(-_SHADES, _SHADES + 1)
    ]
    svg.image(MARGIN, _TOP, _SIDE, _SIDE, shades + _SHADES, palette)
    svg.rect(MARGIN, _TOP, _SIDE, _SIDE, stroke="line", radius=0)
    left, right, bottom, top = record.limits
    for k, points in ((0, record.real), (1, record.fakes)):
        for x, y in points[evenly_spaced(len(points), _MAX_POINTS)].tolist():
            px, py = (x - left) / (right - left) * _SIDE, (top - y) / (top - bottom) * _SIDE
            if 0 <= px <= _SIDE and 0 <= py <= _SIDE:  # NaN is not
                svg.marker(MARGIN + px, _TOP + py, k, 3.0)
    x = MARGIN + _SIDE + 22
    for k, name in enumerate(("real", "fake")):
        svg.marker(x, _TOP + 10 + 20 * k, k, 4)
        svg.text(x + 12, _TOP + 14 + 20 * k, message(f"gan.{name}"))
    _draw_measures(svg, duel, record, x - 4, _TOP + 66)


def _draw_images(svg: Svg, duel: Duel, record: Record) -> None:
    svg.colors |= _GRAYS
    low, high = float(record.real.min()), float(record.real.max())
    shape = tuple(duel.inputs.real.shape[1:])
    for k, (name, images, d) in enumerate(
        (("real", record.real, record.d_real), ("fake", record.fakes, record.d_fake))
    ):
        left = MARGIN + k * (_SIDE - 40)
        svg.text(left, _TOP + 8, message(f"gan.{name}"), bold=True)
        rows = evenly_spaced(len(images), _COLUMNS**2) if k == 0 else range(min(_COLUMNS**2, len(images)))
        for place, row in enumerate(rows):
            x, y = left + place % _COLUMNS * 52, _TOP + 16 + place // _COLUMNS * 58
            svg.image(x, y, 40, 40, _levels(images[row].reshape(shape), low, high), list(_GRAYS))
            svg.text(x + 20, y + 51, f"{float(d[row]):.2f}", size=11, mono=True, anchor="middle", color="ink-2")


_LEVELS = 16
#: Colors of the levels by name; pixels are the same in both themes.
_GRAYS = {
    f"gray-{k}": f"#{255 * k // (_LEVELS - 1):02x}" + 2 * f"{255 * k // (_LEVELS - 1):02x}" for k in range(_LEVELS)
}


def _levels(image: Tensor, low: float, high: float) -> np.ndarray:
    """Return the level of gray of each pixel; of an image with colors that of their mean."""
    pixels = image.cpu().double()
    flat = pixels.mean(0) if pixels.dim() == 3 else pixels
    shares = np.nan_to_num((flat.numpy() - low) / ((high - low) or 1.0))
    return np.rint((_LEVELS - 1) * np.clip(shares, 0, 1)).astype(int)


def _draw_measures(svg: Svg, duel: Duel, record: Record, x: float, y: float) -> None:
    measures = duel.measure_at(duel.step)
    lines = [
        message("gan.still.d_real", value=f"{float(record.d_real.mean()):.3g}"),
        message("gan.still.d_fake", value=f"{float(record.d_fake.mean()):.3g}"),
        message("gan.still.energy", value=f"{measures['energy']:.3g}"),
    ]
    if duel.mode_count and not math.isnan(measures["modes"]):
        lines.append(message("gan.still.modes", modes=f"{measures['modes']:.0f}", count=duel.mode_count))
    for k, line in enumerate(lines):
        svg.text(x, y + 20 * k, line, color="ink-2")
