#!/usr/bin/env python3
"""Make the README's pictures: an animation of `dlviz.graph` and a thumbnail of every widget of the gallery.

    .venv/bin/python .github/pictures.py

Every picture is a widget's own still picture; run this again whenever a widget looks different.
"""

from io import BytesIO
from pathlib import Path

from PIL import Image

from dlviz.export import examples
from dlviz.export.gallery import GROUPS
from dlviz.kit.svg import png
from dlviz.kit.widget import Widget

OUT = Path(__file__).resolve().parent / "pictures"
#: Pixels of a thumbnail; the still picture is fitted into it and centered.
SIZE = (360, 240)
#: Milliseconds between two steps of the animation.
STEP = 700


def image(widget: Widget, theme: str, scale: float = 1.0) -> Image.Image:
    """Return the widget's still picture on the paper of its theme."""
    widget.theme = theme
    drawn = Image.open(BytesIO(png(widget._still(), scale))).convert("RGBA")
    paper = Image.new("RGBA", drawn.size, "#0d1117" if theme == "dark" else "#ffffff")
    return Image.alpha_composite(paper, drawn).convert("RGB")


def animate(theme: str) -> None:
    """Write the backward pass of a small network, one step a frame."""
    widget = examples.graph()
    last = widget.step
    frames = []
    for step in range(last + 1):
        widget.step = step
        frames.append(image(widget, theme))
    pauses = [STEP] * last + [3 * STEP]
    first, *rest = (frame.quantize(64) for frame in frames)
    first.save(
        OUT / f"graph-{theme}.gif",
        save_all=True,
        append_images=rest,
        duration=pauses,
        loop=0,
        optimize=True,
        disposal=1,
    )
    widget.close()


def thumbnail(make) -> None:
    """Write one widget's thumbnail."""
    widget = make()
    drawn = image(widget, "light", 2.0)
    widget.close()
    drawn.thumbnail(SIZE, Image.Resampling.LANCZOS)
    card = Image.new("RGB", SIZE, "#ffffff")
    card.paste(drawn, ((SIZE[0] - drawn.width) // 2, (SIZE[1] - drawn.height) // 2))
    card.quantize(64).save(OUT / f"{make.__name__}.png", optimize=True)


def main() -> None:
    """Write every picture."""
    OUT.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        animate(theme)
    for makers in GROUPS.values():
        for make in makers:
            thumbnail(make)


if __name__ == "__main__":
    main()
