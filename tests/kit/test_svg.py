"""Still pictures: escaped text, the theme's colors, and PNGs without an external program."""

import base64
import io
import struct
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from dlviz.kit.svg import MAX_PIXELS, Svg, colors, png, shorten
from dlviz.kit.svg_grid import draw_heatmap


def test_texts_are_escaped_and_the_picture_has_a_title():
    picture = Svg(100, 50, title="a < b & c")
    picture.rect(1, 1, 20, 10, fill="raised", stroke="line")
    picture.text(5, 9, "<script>&", mono=True)
    picture.path("M0,0H10", stroke="flow", dash="3 3")
    root = ElementTree.fromstring(picture.markup())
    names = [element.tag.split("}")[1] for element in root]
    assert names == ["title", "style", "rect", "text", "path"]
    assert root[0].text == "a < b & c"
    assert root[3].text == "<script>&"


def test_both_themes_have_every_color():
    light, dark = colors("light"), colors("dark")
    assert set(light) == set(dark)
    assert {"ink", "paper", "flow", "accent"} <= set(light)
    assert light["paper"] != dark["paper"]


def test_markers_have_the_color_and_shape_of_their_class():
    picture = Svg(100, 50, title="t")
    for k in (0, 1, 5):
        picture.marker(10 * k, 20, k, 4)
    first, second, sixth = [path.attrib for path in ElementTree.fromstring(picture.markup())[2:]]
    assert first["fill"] == sixth["fill"] == picture.colors["class-0"] != second["fill"]
    assert len({first["d"], second["d"]}) == 2
    assert sixth["d"] == second["d"]
    assert second["transform"] == "translate(10 20) scale(4)"


def rgb(color):
    return tuple(bytes.fromhex(color[1:]))


def test_a_heat_map_is_a_png_with_one_pixel_a_cell():
    picture = Svg(100, 50, title="t")
    draw_heatmap(picture, 5, 6, np.array([[0, 2.0, -2], [np.nan, 1, 9]]), (10, 20), 2.0, steps=4)
    image = ElementTree.fromstring(picture.markup())[2].attrib
    assert [image[name] for name in ("x", "y", "width", "height")] == ["5", "6", "30", "40"]
    cells = Image.open(io.BytesIO(base64.b64decode(image["href"].partition(",")[2]))).convert("RGB")
    paper, pos, neg = (rgb(picture.colors[name]) for name in ("paper", "pos", "neg"))
    half = rgb(picture.colors[picture.mix("pos", 0.5)])
    assert cells.size == (3, 2)
    assert [cells.getpixel((c, r)) for r in (0, 1) for c in (0, 1, 2)] == [paper, pos, neg, paper, half, pos]


def test_the_cells_of_a_heat_map_are_enlarged_without_blur():
    picture = Svg(20, 10, title="t")
    picture.image(0, 0, 20, 10, np.array([[0, 1]]), ["pos", "neg"])
    pixels = Image.open(io.BytesIO(png(picture.markup()))).convert("RGB")
    shown = {pixels.getpixel((x, y)) for x in range(40) for y in range(20)}
    assert shown == {rgb(picture.colors["pos"]), rgb(picture.colors["neg"])}


def test_a_png_has_the_requested_size():
    made = png(Svg(40, 20, title="t").markup(), scale=3)
    assert made.startswith(b"\x89PNG")
    assert struct.unpack(">II", made[16:24]) == (120, 60)


def test_a_png_of_a_very_tall_picture_is_smaller_than_asked():
    made = png(Svg(400, 60_000, title="t").markup())
    width, height = struct.unpack(">II", made[16:24])
    assert width * height == pytest.approx(MAX_PIXELS, rel=0.01)
    assert height / width == pytest.approx(150, rel=0.01)


def test_a_png_shows_its_text():
    def drawn(text):
        picture = Svg(120, 30, title="t")
        picture.rect(0, 0, 120, 30, fill="paper")
        picture.text(5, 20, text)
        return png(picture.markup())

    assert len(drawn("gradient")) > len(drawn("")) + 300


@pytest.mark.parametrize(
    ("text", "room", "shown"), [("short", 100, "short"), ("a long sentence", 50, "a lon…"), ("ab", 1, "a…")]
)
def test_long_texts_are_cut_with_an_ellipsis(text, room, shown):
    assert shorten(text, room, 8) == shown
