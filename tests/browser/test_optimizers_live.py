"""The optimizers room with a kernel: plotly.js is requested once per page, and sliders rerun the optimizers."""

import base64
import json

import pytest
from playwright.sync_api import Page, expect

import dlviz
from dlviz.kit.page import to_json
from tests.browser.conftest import await_frames, until
from tests.browser.test_optimizers import number, row, set_slider
from tests.optimizers.reference import LOSSES, OPTIMIZERS, plain_loop

#: The page's model exchanges messages with this process as a notebook's does with its kernel.
CONNECT = """() => {
  const model = globalThis.dlvizModel;
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const revive = (value) => {
    if (value === null || typeof value !== "object") return value;
    if (typeof value.$bytes === "string") return bytes(value.$bytes);
    if (Array.isArray(value)) return value.map(revive);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item)]));
  };
  const plain = model.set.bind(model);
  let dirty = {};
  model.precomputed = {};
  model.set = (name, value) => {
    dirty[name] = value;
    plain(name, value);
  };
  model.save_changes = async () => {
    const traits = dirty;
    dirty = {};
    const answer = revive(JSON.parse(await window.kernel(JSON.stringify({ traits }))));
    for (const [name, value] of Object.entries(answer)) plain(name, value);
  };
  model.send = async (content) => {
    const [reply, buffers] = JSON.parse(await window.kernel(JSON.stringify({ content })));
    for (const call of [...model.listeners.get("msg:custom")]) call(reply, buffers.map(bytes));
  };
  plain("live", true);
  plain("view", model.get("view"));
}"""

#: A second view of the same widget, like a second output in a notebook.
SECOND_VIEW = """async () => {
  const { esm } = JSON.parse(document.getElementById("payload").textContent);
  const view = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
  const el = document.createElement("div");
  document.querySelector("main").append(el);
  view.default.render({ model: globalThis.dlvizModel, el, signal: new AbortController().signal });
}"""


@pytest.fixture
def live(open_page, monkeypatch):
    """Open a race's page with this process as its kernel: ``page, sent = live(view)``; `sent` collects its messages."""

    def open_it(view) -> tuple[Page, list]:
        page, sent = open_page(view), []

        def kernel(text: str) -> str:
            message = json.loads(text)
            sent.append(message)
            if "content" in message:
                replies = []
                monkeypatch.setattr(view, "send", lambda content, buffers: replies.append((content, buffers)))
                view._handle_custom_msg(message["content"], [])
                ((content, buffers),) = replies
                return json.dumps([content, [base64.b64encode(one).decode() for one in buffers]])
            for name, value in message["traits"].items():
                setattr(view, name, value)
            return to_json({"paths_data": view.paths_data} if "scale" in message["traits"] else {})

        page.expose_function("kernel", kernel)
        page.evaluate(CONNECT)
        await_frames(page)
        return page, sent

    return open_it


def test_two_views_request_plotly_once_and_only_for_the_3d_view(live):
    view = dlviz.race(OPTIMIZERS, "ravine", steps=20)
    page, sent = live(view)
    page.evaluate(SECOND_VIEW)
    await_frames(page)
    page.locator(".dlviz-first").first.click()
    assert not any("content" in message for message in sent)
    page.get_by_role("button", name="3-D").first.click()
    for plot in page.locator(".optim-surface3d").all():
        expect(plot.locator("canvas").first).to_be_visible(timeout=20_000)
    assert [message["content"] for message in sent if "content" in message] == [{"kind": "plotly"}]
    assert view.view == "3d"
    expect(page.locator(".optim-levels:visible").first).to_contain_text("arrow keys to rotate")


def test_the_slider_runs_the_optimizers_in_the_kernel(live):
    view = dlviz.race(OPTIMIZERS, "ravine", steps=20)
    page, _ = live(view)
    set_slider(page, ".optim-slider input", 12)
    expect(page.locator(".optim-slider output")).to_have_text("×3.16")
    _, losses, _ = plain_loop(OPTIMIZERS["Adam"][0], {"lr": 0.15 * 3.16}, LOSSES["ravine"], (-2.5, 1.0), 21)
    until(page, "document.querySelector('.optim-ended:not([hidden])')?.textContent.startsWith('diverged')")
    assert number(row(page, "Adam")[1]) == pytest.approx(float(losses[20]), rel=1e-3)
    assert view.scale == 3.16
