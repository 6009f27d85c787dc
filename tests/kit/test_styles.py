"""Style sheets of all rooms stand in one page, in any order: what they style must be their own."""

import re
from collections import Counter
from pathlib import Path

import pytest

import dlviz

PACKAGE = Path(dlviz.__file__).parent
KIT = [PACKAGE / "kit" / name for name in ("theme.css", "card.css", "grid.css")]
ROOMS = sorted(PACKAGE.rglob("view/style.css"))
_NAME = re.compile(r"\.([a-z][\w-]*)|\[(data-[\w-]+)")


def selectors(path: Path) -> list[str]:
    """Return the selectors of a style sheet, each of a list by itself."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
    text = re.sub(r"@keyframes[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", text)
    heads = [head.split("}")[-1].strip() for head in re.findall(r"([^{}]*)\{", text.replace("}", "}}"))]
    return [one.strip() for head in heads if not head.startswith("@") for one in re.split(r",(?![^(]*\))", head)]


def names(path: Path) -> set[str]:
    """Return every class and data attribute in the selectors of a style sheet."""
    return {a or b for one in selectors(path) for a, b in _NAME.findall(one)}


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: path.parts[-3])
def test_every_rule_of_a_room_names_something_that_is_only_the_rooms(room):
    others = set().union(*(names(path) for path in (*KIT, *ROOMS) if path != room))
    own = names(room) - others
    shared = [one for one in selectors(room) if not {a or b for a, b in _NAME.findall(one)} & own]
    assert shared == []


def test_animations_have_different_names():
    texts = (path.read_text(encoding="utf-8") for path in (*KIT, *ROOMS))
    counts = Counter(name for text in texts for name in re.findall(r"@keyframes ([\w-]+)", text))
    assert [name for name, count in counts.items() if count > 1] == []
