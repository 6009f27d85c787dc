"""Names of the learner stay text, messages from the browser stay data, and neither is ever run as code."""

import ast
import json
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import torch
import traitlets
from ipywidgets.widgets.widget import CallbackDispatcher

import dlviz
from dlviz.exercises.report import Card, Result
from dlviz.export.markdown import latex_to_mathml, markdown_to_html
from dlviz.export.outputs import outputs_html
from dlviz.kit.sanitize import json_safe, sanitize
from dlviz.kit.svg import png
from tests.hostile import ATTACKS, EVERYTHING, WIDGETS

PACKAGE = Path(dlviz.__file__).parent
#: Elements that a still picture may contain.
DRAWN = {"svg", "title", "style", "g", "rect", "path", "text", "tspan", "image"}

WRONG = (
    *(None, True, -1, 10**9, 10**30, 0.5, 1e308, math.nan, math.inf, "", "nan", "x" * 5000, "__import__('os')"),
    *([], [1], [0, 0], [-1, -1], [10**9] * 3, ["a"], [None], [math.nan], [[]], [[1, 2, 3]], [[0, 0, 10**9, 10**9]]),
    *([["h", 0, 0, math.nan]], {}, {"a": 1}, {"lr": math.inf}, [{}]),
)
KINDS = ("edit", "preset", "reset", "details", "preview", "explain", "open", "step", "stop", "again", "plotly", "?")
CONTENTS = (
    *({}, {"node": "x"}, {"node": 10**30}, {"node": 0.5}, {"name": []}, {"name": "x"}, {"from": [{}]}),
    {"what": "weight", "index": None, "value": 1},
    {"what": [], "index": ["a"], "value": None},
    {"what": "input", "index": [10**30] * 3, "value": 10**400},
    {"what": "weight", "index": [0, 0, 0, 0], "value": math.nan},
    {"layer": "x", "unit": None, "input": [], "value": {}},
    {"layer": 1, "unit": 0, "input": math.inf, "value": "__import__('os')"},
)


@pytest.fixture(scope="module", params=WIDGETS)
def view(request):
    made = WIDGETS[request.param]()
    yield made
    made.close()


class Markup(HTMLParser):
    """Every element of a piece of HTML, with its attributes; text goes into `text`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_a_still_has_only_drawing_elements_whatever_its_names_are(view):
    drawing = ET.fromstring(view._still())
    for element in drawing.iter():
        assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in DRAWN
        assert not [name for name in element.attrib if name.startswith("on") or name.endswith(":href") or "}" in name]
        # Only a picture has a link, to a PNG in the link itself.
        link = element.attrib.get("href")
        assert link is None or (element.tag.endswith("}image") and link.startswith("data:image/png;base64,"))
    assert png(view._still()).startswith(b"\x89PNG")


def test_names_appear_in_the_still_as_text():
    drawing = ET.fromstring(WIDGETS["tensor"]()._still())
    assert drawing[0].text is not None
    assert ATTACKS[0] in drawing[0].text
    assert ATTACKS[1] in drawing[0].text


def test_a_notebook_stores_one_image_of_a_widget(view):
    bundle = view._repr_mimebundle_()[0]["text/html"]
    [(tag, attributes)] = Markup(bundle).elements
    assert tag == "img"
    assert set(attributes) == {"alt", "src"}
    assert attributes["src"].startswith("data:image/svg+xml,")
    bundle.encode()


def test_a_page_holds_names_as_data_and_a_security_policy(view):
    page = Markup(view.to_html())
    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "main", "noscript", "script"),
    }
    policies = [one["content"] for tag, one in page.elements if one.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    rules = dict(rule.strip().split(" ", 1) for rule in policies[0].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in rules["script-src"]
    assert not re.search(r"https?:|\*", policies[0])


def test_every_name_can_be_sent(view):
    # As jupyter_client packs a message.
    json.dumps(view.get_state("scene"), ensure_ascii=False, allow_nan=False, default=str).encode()


def test_characters_that_xml_and_json_forbid_are_replaced_and_others_kept():
    assert sanitize("a\x00\x1b\ud800b\n") == "a���b\n"
    assert json_safe({"\udc80": ["é猫🙂", ("\x00", 1)]}) == {"�": ["é猫🙂", ["\x00", 1]]}
    for text in ("é猫🙂", "\u202e", "<b>"):
        assert sanitize(text) == json_safe(text) == text


@pytest.mark.parametrize("text", [*ATTACKS, EVERYTHING])
def test_an_exercise_shows_answers_and_errors_as_text(text):
    harmless = {"div", "p", "strong", "table", "tr", "th", "td", "pre", "code"}
    card = Markup(Card(text, (text,), ((text, text),), text).html())
    assert {tag for tag, _ in card.elements} <= harmless
    plain = text.replace("`", "")  # what stands between backticks is code
    assert card.text.replace("`", "").count(plain) == 5
    result = Markup(Result("00.double", "wrong", text, rows=((text, text),)).card().html())
    assert {tag for tag, _ in result.elements} <= harmless
    assert plain in result.text.replace("`", "")


def test_a_wrong_answer_to_a_prediction_is_shown_as_text():
    shown = dlviz.predict("01.division", ATTACKS[0])
    assert "img" not in {tag for tag, _ in Markup(shown.card().html()).elements}


@pytest.mark.parametrize("text", [*ATTACKS, EVERYTHING])
def test_a_formula_holds_text_as_text(text):
    made = Markup(latex_to_mathml(rf"a < b \text{{{text}}} \href{{javascript:hurt=1}}{{x}}"))
    assert {tag for tag, _ in made.elements} <= {
        *("math", "mrow", "mtext", "mi", "mo", "mn", "mspace", "code"),
        *_SCRIPTS,
    }
    assert "href" not in {name for _, attributes in made.elements for name in attributes}


#: MathML elements for the signs ^ and _ and for spaces.
_SCRIPTS = {"msup", "msub", "msubsup", "mstyle"}


def test_printed_output_in_an_exported_lesson_is_text_and_links_run_no_code():
    printed = nbformat.v4.new_output("stream", text=EVERYTHING)
    failed = nbformat.v4.new_output("error", ename=ATTACKS[0], evalue=ATTACKS[1])
    page = Markup(outputs_html(nbformat.v4.new_code_cell(outputs=[printed, failed]), {}))
    assert {tag for tag, _ in page.elements} <= {"div", "pre"}
    assert ATTACKS[0] in page.text
    links = Markup(
        markdown_to_html("[a](javascript:hurt=1) ![b](javascript:hurt=1) <javascript:hurt=1> [c](data:text/html,x)")
    ).elements
    assert not [one for _, one in links if re.match(r"\s*(javascript|data):", one.get("href", one.get("src", "")))]


def test_no_view_imports_code_from_messages():
    # These two load a linked view from a blob of the package's own code.
    known = {"kit/loader.js", "kit/js/page_model.js"}
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.js")
        if re.search(r"\bimport\s*\(", path.read_text("utf-8"))
    }
    assert found == known


# Messages from the browser.


class RaisingDispatcher(CallbackDispatcher):
    """Raises the errors of handlers, which ipywidgets would only log."""

    def __call__(self, *args):
        for call in self.callbacks:
            call(*args)


def accepted(call, *args):
    """Return whether a message from the browser is accepted; a refusal must be an error that a learner can read."""
    try:
        call(*args)
    except traitlets.TraitError:  # a DlvizError is one
        return False
    return True


def test_no_trait_from_the_browser_breaks_a_widget(view):
    picture = view.scene
    for name in [*view.keys, "no_such_trait", "__class__"]:
        if name in ("layout", "tabbable", "tooltip"):  # ipywidgets' own
            continue
        for value in WRONG:
            before = getattr(view, name, None)
            if not accepted(view.set_state, {name: value}):
                assert getattr(view, name) == before, f"{name}={value!r} was refused and stayed"
            if getattr(view, name, None) is not before and name in view.keys:
                json.dumps(view.get_state(name), allow_nan=False, default=str)
                accepted(view.set_state, {name: before})
    view._still()
    view.to_html()
    assert set(view.scene) == set(picture)


def test_no_message_from_the_browser_breaks_a_widget(view):
    view._msg_callbacks = RaisingDispatcher(callbacks=view._msg_callbacks.callbacks)
    for content in (None, 1, "measure", [], {}, {"kind": None}, {"kind": []}, {"kind": {"kind": "edit"}}):
        assert accepted(view._handle_custom_msg, content, [])
    for kind in KINDS:
        for content in CONTENTS:
            accepted(view._handle_custom_msg, {"kind": kind, **content}, [])
    view._still()
    view.to_html()


def test_the_browser_cannot_change_the_scene_or_the_code():
    view = dlviz.tensor(torch.arange(3.0))
    kept = {name: getattr(view, name) for name in ("scene", "_esm", "_assets_id", "live")}
    view.set_state({"scene": {"summary": "other"}, "_esm": "alert(1)", "_assets_id": "x", "live": False, "step": 2})
    assert {name: getattr(view, name) for name in kept} == kept
    assert view.step == 2


def test_a_refused_trait_is_restored_in_python_and_in_the_browser(monkeypatch):
    view = dlviz.unroll(torch.nn.LSTM(2, 3), torch.ones(4, 2))
    sent = []
    monkeypatch.setattr(view, "send_state", lambda key=None: sent.append(key))
    with pytest.raises(ValueError, match="layer"):
        view.set_state({"layer": 7, "unit": 1})
    assert (view.layer, view.unit) == (0, 0)
    assert ["layer", "unit"] in sent


def test_a_padding_too_large_for_any_slider_is_not_accepted():
    view = dlviz.conv2d(torch.ones(1, 5, 5), torch.ones(1, 1, 3, 3))
    view.set_state({"padding": [10**6, 10**6], "stride": 2})
    assert (view.padding, view.stride) == (0, 2)


def test_the_length_of_pasted_text_is_limited():
    view = dlviz.unroll(torch.nn.LSTM(1, 2), "abc", encode=lambda text: torch.ones(len(text), 1))
    view.set_state({"text": "a" * 100_000})
    assert "2000 letters" in view.refusal
    assert view.tokens == ["a", "b", "c"]


# What the package's sources never do.

_SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|srcdoc|setHTML|document\.write|DOMParser|createContextualFragment"
    r"|\beval\b|\bFunction\s*\(|set(?:Timeout|Interval)\s*\(\s*[\"'`]|javascript:|\.on(?!finish)[a-z]+\s*=[^=]|\bon[a-z]+:\s*[\"'`]"
)
#: Python builtins that run text.
_RUNS = {"eval", "exec", "compile", "__import__"}
_LOADS = {
    ("pickle", "load"),
    ("pickle", "loads"),
    ("marshal", "loads"),
    ("torch", "load"),
    ("os", "system"),
    ("yaml", "load"),
}
#: Known uses, each with the reason why it is harmless.
_KNOWN = {
    ("autograd/derivatives.py", "yaml.load"): "the installed torch's own file, by the safe loader",
    ("export/gallery.py", "compile"): "an example of the package",
    ("export/gallery.py", "exec"): "an example of the package",
    ("export/gallery.py", "eval"): "an example of the package",
    ("exercises/mistakes.py", "compile"): "a solution of the package with some of its own lines replaced",
    ("exercises/mistakes.py", "exec"): "a solution of the package with some of its own lines replaced",
    (
        "exercises/source.py",
        "compile",
    ): "an exercise's own starter, to compare its steps with the answer's; it is not run",
    (
        "multiprocess/child.py",
        "pickle.loads",
    ): "the learner's own worker, from a pipe of the process that started this one",
    (
        "multiprocess/launch.py",
        "pickle.loads",
    ): "what the learner's own worker returned, from a pipe of a process started here",
}


def sinks(source: str) -> list[str]:
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("//", "*", "/*")))
    return _SINKS.findall(code)


def runs(source: str) -> list[str]:
    """Return calls that run their argument as code, or unpickle objects from it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        call = node.func
        if isinstance(call, ast.Name) and call.id in _RUNS:
            found.append(call.id)
        if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name):
            name = (call.value.id, call.attr)
            safe = any(word.arg == "weights_only" and getattr(word.value, "value", 0) is True for word in node.keywords)
            if name in _LOADS and not safe:
                found.append(".".join(name))
            if name[0] == "subprocess" and any(word.arg == "shell" for word in node.keywords):
                found.append("shell=")
            if any(
                word.arg == "allow_pickle" and getattr(word.value, "value", 1) is not False for word in node.keywords
            ):
                found.append("allow_pickle=")
    return found


def test_no_view_turns_data_into_markup_or_code():
    found = {path.relative_to(PACKAGE).as_posix(): sinks(path.read_text("utf-8")) for path in PACKAGE.rglob("*.js")}
    assert len(found) > 80
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "line",
    [
        "el.innerHTML = name;",
        "new Function(code)();",
        "setTimeout('go()', 1);",
        'h("a", { href: `javascript:${x}` });',
        "el.onclick = go;",
        'h("img", { onerror: "go()" });',
        "window.eval(text);",
    ],
)
def test_a_planted_sink_is_found(line):
    assert sinks(line)


def test_no_python_code_runs_its_input():
    found = {
        (path.relative_to(PACKAGE).as_posix(), what)
        for path in PACKAGE.rglob("*.py")
        for what in runs(path.read_text("utf-8"))
    }
    assert found == set(_KNOWN)


@pytest.mark.parametrize(
    "line",
    [
        "eval(text)",
        "exec(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "pickle.loads(data)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_a_planted_call_is_found(line):
    assert runs(line)
    assert runs("torch.load(path, weights_only=True); model.eval()") == []


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "x.__class__",
        "x[__import__('os')]",
        "x.apply_(print)",
        "x[(lambda: 0)()]",
        "x.numpy().tofile('a')",
        "x[[i for i in range(3)]]",
        "x.register_hook(print)",
        "x[f'{x}']",
        "x[(y := 0)]",
        "x[9 ** 9 ** 9]",
        "x[1 << 99999999]",
    ],
)
def test_an_expression_is_read_and_never_run(text):
    with pytest.raises(dlviz.kit.errors.DlvizError):
        dlviz.index(torch.arange(3), text)
