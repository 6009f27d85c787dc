"""Still picture of a diffusion model: the data, the noisiest data, the samples, and the schedule."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dlviz.diffusion.inputs import Inputs
from dlviz.diffusion.record import Process
from dlviz.kit.messages import message
from dlviz.kit.svg import MARGIN, Svg, framed, line_path
from dlviz.torchkit.plane import Limits

_TOP, _SIDE, _GAP, _MOST = 62.0, 180.0, 18.0, 200


def draw(
    inputs: Inputs, process: Process, samples: Tensor, labels: Tensor | None, line: str, summary: str, theme: str
) -> str:
    """Return an SVG of the data, of x_T and of the samples side by side, with the schedule."""
    width, height = 4 * _SIDE + 3 * _GAP + 2 * MARGIN, _TOP + _SIDE + 34
    svg = framed(width, height, "denoise", line, summary, theme)
    own = None if inputs.labels is None else inputs.labels[inputs.drawn]
    parts = (("data", process.x[0], own), ("noisiest", process.x[-1], own), ("samples", samples, labels))
    for k, (name, x, ids) in enumerate(parts):
        left = MARGIN + k * (_SIDE + _GAP)
        svg.text(left, _TOP - 10, message(f"diffusion.still.{name}"), size=12, bold=True)
        if inputs.is_plane:
            svg.rect(left, _TOP, _SIDE, _SIDE, stroke="line", radius=0)
            _draw_points(svg, left, x, ids, inputs.limits)
        else:
            _draw_images(svg, left, x, float(inputs.x.min()), float(inputs.x.max()))
    _draw_schedule(svg, MARGIN + 3 * (_SIDE + _GAP), process)
    return svg.markup()


def _draw_points(svg: Svg, left: float, x: Tensor, labels: Tensor | None, limits: Limits) -> None:
    low_x, high_x, low_y, high_y = limits
    ids: Sequence[int] = [0] * len(x) if labels is None else labels.tolist()
    for (px, py), label in zip(x.double().tolist()[:_MOST], ids[:_MOST], strict=True):
        across, down = (px - low_x) / (high_x - low_x) * _SIDE, (high_y - py) / (high_y - low_y) * _SIDE
        if 0 <= across <= _SIDE and 0 <= down <= _SIDE:
            svg.marker(left + across, _TOP + down, label, 2.2)


def _draw_images(svg: Svg, left: float, x: Tensor, low: float, high: float) -> None:
    """Draw up to 16 images in gray, four in a row."""
    images = x[:16].double()
    images = images.mean(1) if images.ndim == 4 else images
    rows, columns = images.shape[1:]
    sheet = torch.full((4 * rows, 4 * columns), low, dtype=torch.float64)
    for k, image in enumerate(images):
        top, across = k // 4 * rows, k % 4 * columns
        sheet[top : top + rows, across : across + columns] = image
    shades = ((sheet - low) / ((high - low) or 1) * 16).nan_to_num(0).clamp(0, 16).round().numpy().astype(np.uint8)
    svg.colors.update({f"gray {k}": "#" + f"{round(255 * k / 16):02x}" * 3 for k in range(17)})
    unit = _SIDE / max(rows, columns)
    svg.image(left, _TOP, unit * columns, unit * rows, shades, [f"gray {k}" for k in range(17)])


def _draw_schedule(svg: Svg, left: float, process: Process) -> None:
    """Draw √ᾱ and √(1 − ᾱ) over the steps."""
    svg.text(left, _TOP - 10, message("diffusion.still.schedule", steps=process.schedule.steps), size=12, bold=True)
    svg.path(f"M{left},{_TOP}v{_SIDE}h{_SIDE}", stroke="line")
    count = process.schedule.steps
    for name, values, color in (
        ("signal", process.schedule.signal, "run-0"),
        ("noise", process.schedule.noise, "run-1"),
    ):
        at = [(left + _SIDE * (k + 1) / count, _TOP + _SIDE * (1 - value)) for k, value in enumerate(values.tolist())]
        start = (left, _TOP if name == "signal" else _TOP + _SIDE)
        svg.path(line_path([start, *at]), stroke=color, line=2)
        shift = -8 if name == "signal" else 18
        label = message(f"diffusion.still.{name}")
        svg.text(left + _SIDE - 4, at[-1][1] + shift, label, size=11, color=color, anchor="end")
    svg.text(
        left + _SIDE / 2, _TOP + _SIDE + 18, message("diffusion.axis.step"), size=11, color="ink-2", anchor="middle"
    )
