"""Still pictures: escaped text, the theme's colors, and PNGs without an external program."""

import struct
from xml.etree import ElementTree

import pytest

from dlviz.kit.svg import Svg, colors, png, shorten


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
    assert first["fill"] == sixth["fill"] == picture.colors["neg"] != second["fill"]
    assert len({first["d"], second["d"]}) == 2
    assert sixth["d"] == second["d"]
    assert second["transform"] == "translate(10 20) scale(4)"


def test_a_png_has_the_requested_size():
    made = png(Svg(40, 20, title="t").markup(), scale=3)
    assert made.startswith(b"\x89PNG")
    assert struct.unpack(">II", made[16:24]) == (120, 60)


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
