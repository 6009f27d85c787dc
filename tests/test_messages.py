"""Every text that a learner sees is in the catalog, and every string in the catalog is used."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from dlviz.exercises import catalog
from dlviz.kit import messages

PACKAGE = Path(__file__).parent.parent / "dlviz"
#: English in a view: a literal with a capitalized word or two words separated by a space, except path data, class lists and CSS.
_LITERAL = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`")
_PLACE = re.compile(
    r"(?:setAttribute\(\"(?:aria-label|title|alt)\",|aria-label\"?:|title:|alt:|placeholder:|textContent =|innerText =)\s*$"
)
_CODE = re.compile(
    r"^[\s\d.,:;(){}\[\]#%$+*/=<>|&!?^~_-]*$|^[MLHVCSQTAZmlhvcsqtaz\d\s.,-]+$|^\.{0,2}/|^[a-z-]+$|^data-|^--"
)
_ENGLISH = re.compile(
    r"\b[A-Z][a-z]+\b|\b[a-z]{2,} (?:the|a|an|of|to|is|and|or|in|on|all|no|step|node|graph)\b|\b(?:the|a|no|all) [a-z]{3,}\b"
)


def english(source: str) -> list[str]:
    """Return string literals of a view that look like English text."""
    bare = re.sub(r"^\s*(?://|\*|/\*).*$", "", source, flags=re.M)
    found = []
    for match in _LITERAL.finditer(bare):
        text = next(part for part in match.groups() if part is not None)
        plain = re.sub(r"\$\{[^}]*\}", "", text)
        shown = bool(_PLACE.search(bare[max(0, match.start() - 60) : match.start()])) and re.search(
            r"[A-Za-z]{3,}", plain
        )
        if shown or (not _CODE.match(plain) and _ENGLISH.search(plain)):
            found.append(text)
    return found


# Names of keys and events in the browser, and Python's booleans, are not text for a reader.
_BROWSER = re.compile(
    r"^(?:Arrow(?:Left|Right|Up|Down)|Home|End|Escape|Enter|Page(?:Up|Down)|Infinity|NaN|True|False)$"
)


@pytest.mark.parametrize("view", sorted(PACKAGE.rglob("*.js")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_views_hold_no_english(view):
    assert [text for text in english(view.read_text(encoding="utf-8")) if not _BROWSER.match(text)] == []


@pytest.mark.parametrize(
    "planted",
    [
        'h("p", {}, "Press play");',
        "node.textContent = 'gradient';",
        'x.setAttribute("aria-label", "next");',
        "const t = `the gradient of ${name}`;",
    ],
)
def test_planted_english_is_found(planted):
    assert english(planted)


def test_ordinary_code_is_not_taken_for_english():
    assert english('s("path", { d: "M5 9h8M9 5v8", class: "card leaf now" });\nmodel.get("step"); // Press play') == []


def used_strings() -> tuple[set[str], list[str]]:
    """Return the string literals in the package, and patterns of its f-strings: the keys that Python may use."""
    exact, patterns = set(), []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                exact.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [re.escape(p.value) if isinstance(p, ast.Constant) else "[\\w-]+" for p in node.values]
                patterns.append("".join(parts))
    return exact, patterns


def test_every_key_that_python_uses_exists():
    catalog = messages._flat("en")
    tables = {key.split(".")[0] for key in catalog}
    missing = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") == "message"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                key = node.args[0].value
                if key not in catalog:
                    missing.append((path.name, key))
    assert missing == []
    assert {"kit", "autograd", "exercises"} <= tables


def test_every_key_is_used():
    exact, patterns = used_strings()
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.js"))
    quoted, starts = set(re.findall(r'"([\w.-]+)"', scripts)), set(re.findall(r"`([\w.-]+)\.\$\{[^}]+\}`\]", scripts))
    compiled = [re.compile(pattern) for pattern in patterns if "." in pattern or "_" in pattern]
    unused = []
    questions = tuple(f"exercises.{id}." for id in catalog.items())  # their keys are composed from the id
    for key in messages._flat("en"):
        _, _, short = key.partition(".")
        last = key.rsplit(".", 1)[-1]
        in_python = (
            key in exact
            or any(p.fullmatch(key) or p.fullmatch(short) or p.fullmatch(last) for p in compiled)
            or last in exact
        )
        in_view = short in quoted or last in quoted or short.rsplit(".", 1)[0] in starts
        if not (in_python or in_view or key.startswith(questions)):
            unused.append(key)
    assert unused == []


def test_every_brace_in_a_string_holds_a_name_or_is_doubled():
    places = {key: [place[1] for place in Formatter().parse(text)] for key, text in messages._flat("en").items()}
    unnamed = {key for key, names in places.items() if not all(name is None or name[:1].isalpha() for name in names)}
    assert len(places) > 1000
    assert unnamed == set()


def test_a_missing_key_is_named():
    with pytest.raises(KeyError, match=r"kit\.nothing"):
        messages.message("kit.nothing")
    with pytest.raises(KeyError, match="step"):
        messages.message("kit.player.count", unit="step", last=3)


def test_another_language_falls_back_key_by_key(monkeypatch):
    monkeypatch.setenv("DLVIZ_LANG", "xx")
    assert messages.message("kit.player.play") == messages._flat("en")["kit.player.play"]
    assert messages.table("kit")["player.play"] == messages._flat("en")["kit.player.play"]
