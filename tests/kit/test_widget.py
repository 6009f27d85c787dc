"""The base class of widgets, tested with a minimal widget."""

import os
from pathlib import Path

import numpy as np
import pytest
import traitlets

from dlviz.kit.errors import DlvizError
from dlviz.kit.svg import Svg
from dlviz.kit.widget import Widget, binary

VIEW = """import { card } from "{kit}/card.js";
export default {
  render({ model, el, signal }) {
    card({ el, model, signal, name: model.get("messages").name });
  },
};
"""


@pytest.fixture
def toy(tmp_path):
    kit = Path(__file__).parents[2] / "dlviz" / "kit" / "js"
    (tmp_path / "view.js").write_text(VIEW.replace("{kit}", _relative(kit, tmp_path)), encoding="utf-8")
    (tmp_path / "view.css").write_text(".toy { color: var(--ink); }", encoding="utf-8")

    class Toy(Widget):
        _view, _style, _room = tmp_path / "view.js", tmp_path / "view.css", "autograd"
        depth = traitlets.Int(1).tag(sync=True)

        def _describe(self):
            return f"toy(depth={self.depth})"

        def _still(self):
            return Svg(20, 20, title="toy").markup()

    yield Toy
    Toy.close_all()


def _relative(target, start):
    return Path(os.path.relpath(target, start)).as_posix()


def test_it_shares_view_style_and_messages(toy):
    widget = toy(depth=2)
    shared = widget._shared
    assert shared.model_id == widget._assets_id
    assert "export default" in shared.view
    assert "--ink" in shared.kit_style
    assert "--ink: " not in shared.style
    assert ".toy" in shared.style
    assert shared.messages["player.play"] == "play"
    assert shared.messages["name"] == "graph"


def test_view_style_and_messages_are_sent_once_for_all_widgets_of_a_kind(toy):
    first, second = toy(), toy()
    assert first._assets_id == second._assets_id
    assert sum(len(text) for text in second.get_state().values() if isinstance(text, str)) < 1200
    first._shared.close()
    third = toy()
    assert third._assets_id not in (None, "", first._assets_id)
    assert third._shared.comm is not None


def test_its_repr_is_stable_and_describes_the_widget(toy):
    assert repr(toy(depth=3)) == "toy(depth=3)"


def test_unknown_arguments_are_refused_with_the_known_ones(toy):
    with pytest.raises(TypeError, match=r"Toy: no such argument: color\. It takes .*depth.*theme"):
        toy(color="red")


UNFIT = [
    ("theme", "pink", "must be one of auto, light, dark, but got 'pink'"),
    ("step", -1, "must be a whole number of at least 0, but got -1"),
    ("speed", 99, "must be a number from 0.25 to 4.0, but got 99"),
    ("playing", "yes", "must be True or False, but got 'yes'"),
]


@pytest.mark.parametrize(("trait", "value", "fits"), UNFIT)
def test_an_unfit_value_of_a_trait_is_refused_whenever_it_is_set(toy, trait, value, fits):
    with pytest.raises(DlvizError, match=f"Toy: {trait} {fits}"):
        toy(**{trait: value})
    widget = toy()
    before = getattr(widget, trait)
    with pytest.raises(DlvizError, match=f"Toy: {trait} {fits}"):
        setattr(widget, trait, value)
    assert getattr(widget, trait) == before


def test_numbers_of_numpy_are_taken_as_those_of_python(toy):
    widget = toy(depth=np.int64(2), speed=np.float32(0.5))
    assert (widget.depth, widget.speed, type(widget.speed)) == (2, 0.5, float)
    widget.speed = np.float16(2)
    assert widget.get_state()["speed"] == 2.0


def test_the_page_has_the_public_traits_and_no_kernel(toy, tmp_path):
    text = toy(depth=4).to_html(tmp_path / "toy.html")
    assert (tmp_path / "toy.html").read_text(encoding="utf-8") == text
    assert '"depth": 4' in text
    assert "_esm" not in text
    assert "live: false" in text


def test_save_chooses_the_format_by_the_suffix(toy, tmp_path):
    widget = toy()
    assert widget.save(tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg")
    assert widget.save(str(tmp_path / "a.png")).read_bytes().startswith(b"\x89PNG")
    assert "<!doctype html>" in widget.save(tmp_path / "a.html").read_text(encoding="utf-8")
    with pytest.raises(DlvizError, match=r"\.pdf"):
        widget.save(tmp_path / "a.pdf")


def test_the_notebook_stores_a_picture_as_fallback(toy):
    data, *_ = toy()._repr_mimebundle_()
    assert data["text/html"].startswith('<img alt="toy(depth=1)" src="data:image/svg+xml,%3Csvg')


def test_a_closed_widget_releases_its_tensors_and_says_so(toy):
    class Holding(toy):
        _function = "toy"
        _tensor_attributes = ("_data",)

    widget = Holding()
    widget._data = [1]
    widget._check_open()
    widget.close()
    assert widget._data is None
    assert repr(widget) == "dlviz.toy(closed)"
    with pytest.raises(DlvizError, match="has been closed"):
        widget._check_open()


def test_a_message_of_the_view_calls_its_method_until_the_widget_is_closed(toy):
    seen = []

    class Answering(toy):
        def _on_edit(self, content):
            seen.append(content["value"])

    widget = Answering()
    for content in ({"kind": "edit", "value": 1}, {"kind": "other"}, {"kind": "trait_values"}, {"value": 2}, "edit"):
        widget._handle_custom_msg(content, [])
    widget.close()
    widget._handle_custom_msg({"kind": "edit", "value": 3}, [])
    assert seen == [1]


def test_arrays_become_little_endian_bytes_at_any_depth():
    found = binary({"a": np.array([1, 2], ">i4"), "b": [np.array([[1, 2], [3, 4]], np.uint8).T, "text"], "c": 1})
    assert np.frombuffer(found["a"], "<i4").tolist() == [1, 2]
    assert list(found["b"][0]) == [1, 3, 2, 4]
    assert (found["b"][1], found["c"]) == ("text", 1)


@pytest.fixture
def sent(monkeypatch):
    """The states that widgets send to the browser."""
    found = []
    monkeypatch.setattr(Widget, "_send", lambda self, content, buffers=None: found.append(content))
    return found


def test_a_value_that_the_browser_sent_before_it_received_pythons_last_one_is_ignored(toy):
    widget = toy()
    widget.set_state({"depth": 2, "step": 3})
    widget.depth = 7
    widget.set_state({"depth": 3, "step": 4})  # `depth` was on its way; Python has not set `step`
    assert (widget.depth, widget.step) == (7, 4)
    received = widget.get_state("depth")
    widget.set_state({"depth": 8, "_seen": {"depth": received["_written"]["depth"]}})
    assert widget.depth == 8
    widget.depth = 1
    widget.set_state({"depth": 9, "_seen": {"depth": received["_written"]["depth"]}})
    assert widget.depth == 1


def test_values_that_the_browser_sends_one_after_another_are_all_in_time(toy):
    widget = toy()
    widget.observe(lambda change: widget.set_trait("depth", min(change.new, 5)), "depth")
    widget.depth = 3
    seen = widget.get_state("depth")["_written"]
    for depth, kept in ((4, 4), (9, 5), (2, 2)):  # the second is adjusted by Python, before the third is received
        widget.set_state({"depth": depth, "_seen": seen})
        assert widget.depth == kept


@pytest.mark.parametrize("seen", [None, 3, [], {"depth": "1"}, {"depth": None}, {"no_such_trait": 1}, {3: 4}])
def test_counts_of_the_browser_that_are_none_are_ignored(toy, seen):
    widget = toy()
    widget.set_state({"depth": 2, "_seen": seen})
    assert widget.depth == 2
    assert set(widget._seen) <= {"depth"}


def test_all_that_changes_because_of_one_message_is_sent_in_one_message(toy, sent):
    widget = toy()
    widget.observe(lambda _: widget.set_trait("scene", {"depth": widget.depth}), ["depth", "step"])
    widget.observe(lambda _: widget.set_trait("speed", 2.0), "step")
    sent.clear()
    widget.set_state({"depth": 2, "step": 3})
    (update,) = [message["state"] for message in sent if message["method"] == "update"]
    assert set(update) == {"scene", "speed", "_written"}


def test_a_refused_value_of_the_browser_is_restored_and_later_ones_are_in_time(toy, sent):
    widget = toy()

    def refuse(change):
        if change.new == 3:
            raise DlvizError("no")

    widget.observe(refuse, "depth")
    sent.clear()
    with pytest.raises(DlvizError, match="no"):
        widget.set_state({"depth": 3})
    assert widget.depth == 1
    state = next(message["state"] for message in reversed(sent) if "depth" in message.get("state", {}))
    assert state["depth"] == 1
    widget.set_state({"depth": 2, "_seen": state["_written"]})
    assert widget.depth == 2


class Browser:
    """A page's model of a widget, which exchanges messages with it as ipywidgets' does: one at a time, the waiting ones merged."""

    def __init__(self, widget, sent):
        self.widget, self.sent = widget, sent
        self.state = widget.get_state()
        self.flying, self.buffer, self.expected, self.messages = [], {}, {}, 0
        self.saw = {}  # for each value that was set here, the values of Python's that were received before

    def set(self, name, value, seen):
        self.saw[name, value] = seen
        self.state["_seen"] = self.state.get("_seen", {}) | {name: self.state["_written"].get(name, 0)}
        self.state[name] = value
        self.buffer |= {name: value, "_seen": self.state["_seen"]}
        self.flush()

    def flush(self):
        if self.buffer and not self.flying:
            self.messages += 1
            self.flying.append((self.messages, self.buffer))
            self.expected |= dict.fromkeys(self.buffer, self.messages)
            self.buffer = {}

    def kernel(self):
        """The kernel handles the message that waits for it."""
        if self.flying:
            number, traits = self.flying.pop()
            first = len(self.sent)
            self.widget.set_state(traits)
            for message in self.sent[first:]:
                message["number"] = number

    def receive(self):
        """The page receives all that the kernel has sent."""
        for message in self.sent:
            state = message.get("state", {})
            if message["method"] == "echo_update":
                state = {name: value for name, value in state.items() if self.expected.get(name) == message["number"]}
                for name in state:
                    del self.expected[name]
                state = {name: value for name, value in state.items() if name not in self.buffer}
            self.state |= state
        self.sent.clear()
        self.flush()


@pytest.mark.parametrize("seed", range(30))
def test_in_a_race_of_python_and_page_no_newer_value_of_pythons_is_overwritten_and_both_agree_at_last(toy, sent, seed):
    random, widget = np.random.default_rng(seed), toy()
    sent.clear()
    browser, written, applied = Browser(widget, sent), {"depth": 0, "step": 0}, []
    widget.observe(lambda change: applied.append((change.name, change.new)), ["depth", "step"])
    received = dict(written)
    for k in range(1, 60):
        name = ("depth", "step")[random.integers(2)]
        action = random.integers(5)
        if action == 0:
            setattr(widget, name, 2 * k)  # Python's values are even, the page's odd
            written[name] = 2 * k
        elif action == 1:
            browser.set(name, 2 * k + 1, received[name])
        elif action in (2, 3):
            applied.clear()
            browser.kernel()
            assert all(browser.saw[changed] == written[changed[0]] for changed in applied)
        else:
            browser.receive()
            received = dict(written)
    for _ in range(4):
        browser.kernel()
        browser.receive()
    assert (browser.flying, browser.buffer) == ([], {})
    assert {name: browser.state[name] for name in written} == {name: getattr(widget, name) for name in written}


def test_updates_wait_for_the_page_and_only_the_last_one_is_drawn(toy, sent):
    widget = toy()

    def update(depth):
        widget._update_when_drawn(lambda: widget.set_trait("scene", {"depth": depth}))
        return [message["state"]["scene"]["depth"] for message in sent if "scene" in message.get("state", {})]

    sent.clear()
    assert [update(depth) for depth in (1, 2)] == [[1], [1, 2]]  # no page has answered yet
    widget._handle_custom_msg({"kind": "drawn", "from": "page", "update": 2}, [])
    assert [update(depth) for depth in (3, 4, 5)] == [[1, 2, 3]] * 3
    widget._handle_custom_msg({"kind": "drawn", "from": "page", "update": 3}, [])
    assert widget.scene == {"depth": 5}
    assert update(6) == [1, 2, 3, 5]
    assert [message["state"]["_update_number"] for message in sent if "scene" in message.get("state", {})] == [
        1,
        2,
        3,
        4,
    ]
    widget._update_waiting()  # the cell has ended
    assert widget.scene == {"depth": 6}
