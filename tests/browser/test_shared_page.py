"""Every room's widget in one page: the controls after any change, and styles that do not depend on the order of loading."""

from functools import cache

import pytest
from playwright.sync_api import Page

from dlviz.export import examples, gallery
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET
from tests.browser.conftest import until

EXAMPLES = [make.__name__ for makers in gallery.GROUPS.values() for make in makers]
#: Names of all controls.
CONTROLS = """() => [...document.querySelectorAll('.dlviz-controls .dlviz-control > :first-child')].map((node) => node.textContent)"""
#: Opens widgets one after another, as JupyterLab does: each by the function `open` of its own module, with the assets of its kind.
OPEN = """async (widgets) => {
  const PageModel = dlvizModel.constructor;
  const revive = (value) => {
    if (value === null || typeof value !== "object") return value;
    if (typeof value.$bytes === "string") return new DataView(Uint8Array.from(atob(value.$bytes), (c) => c.charCodeAt(0)).buffer);
    const items = Object.entries(value).map(([key, item]) => [key, revive(item)]);
    return Array.isArray(value) ? items.map(([, item]) => item) : Object.fromEntries(items);
  };
  document.body.replaceChildren();
  // Moving parts would be compared at different times.
  const still = document.createElement("style");
  // A page of one widget is as wide as one of many, which scrolls.
  still.textContent = "* { animation: none !important; transition: none !important; } html { overflow-y: scroll; }";
  document.head.replaceChildren(still);
  for (const { name, state, assets } of widgets) {
    const el = document.createElement("div");
    el.id = name;
    document.body.append(el);
    const module = await import(URL.createObjectURL(new Blob([assets.view], { type: "text/javascript" })));
    const model = new PageModel(revive(state));
    // Bound, because a view gets a copy of its model with the messages.
    const names = ["get", "set", "on", "off", "save_changes", "send"];
    const bound = Object.fromEntries(names.map((method) => [method, model[method].bind(model)]));
    await module.open({ model: bound, el, signal: new AbortController().signal }, { get: (trait) => assets[trait] });
  }
}"""
#: Every computed style of one element of each sort, with its size, while only this widget is displayed.
STYLES = """async (name) => {
  for (const el of document.body.children) el.style.display = el.id === name ? "" : "none";
  // A graph keeps the scale at which it was opened, beside other widgets; its button fits it to the width.
  document.getElementById(name).querySelector(".graph-tools button:last-child")?.click();
  // A picture that fits itself to the width does so in later frames.
  const nodes = () => [...document.getElementById(name).querySelectorAll("*")];
  const boxes = () => nodes().map((node) => Object.values(node.getBoundingClientRect().toJSON())).join();
  let [last, same] = ["", 0];
  for (let frame = 0; frame < 200 && same < 6; frame += 1) {
    await new Promise(requestAnimationFrame);
    const now = boxes();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  const found = {};
  for (const node of nodes()) {
    const data = node.getAttributeNames().filter((attribute) => attribute.startsWith("data-") && attribute !== "data-p").sort();
    const key = `${node.tagName} ${node.getAttribute("class") ?? ""} ${data} ${node.parentElement.getAttribute("class") ?? ""}`;
    if (found[key]) continue;
    const style = getComputedStyle(node);
    const box = node.getBoundingClientRect();
    // Where a graph is panned to is no style.
    const isStyle = (line) => !(line.startsWith("transform:") && node.matches(".pan-zoom"));
    found[key] = style.cssText.split("; ").filter(isStyle);
    found[key].push(`box: ${Math.round(box.width)} x ${Math.round(box.height)}`);
  }
  return found;
}"""


@cache
def widget(name: str):
    return getattr(examples, name)()


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_change_of_any_trait_adds_no_second_control_and_every_update_drawn_is_answered(open_page, name):
    page = open_page(widget(name))
    page.evaluate("() => { globalThis.answers = []; dlvizModel.send = (message) => globalThis.answers.push(message); }")
    page.evaluate("() => dlvizModel.set('_update_number', 7)")
    until(page, "globalThis.answers.some(({ kind, update }) => kind === 'drawn' && update === 7)")
    # A kernel's widget may have more controls; each new scene draws them anew.
    page.evaluate("() => dlvizModel.set('live', true)")
    page.evaluate("() => dlvizModel.emit('change:scene')")
    before = page.evaluate(CONTROLS)
    for trait in page.evaluate("() => Object.keys(dlvizModel.state)"):
        page.evaluate("(trait) => dlvizModel.emit(`change:${trait}`)", trait)
        assert page.evaluate(CONTROLS) == before, trait


@cache
def opened_with(name: str) -> dict:
    """Return what `OPEN` needs to show a widget."""
    shared = widget(name)._shared
    assets = {"view": shared.view, "style": shared.style, "kit_style": shared.kit_style, "messages": shared.messages}
    # plotly.js would stay in the page for the widgets opened later.
    state = widget(name).page_payload(BUDGET)["state"] | {"plotly": None}
    return {"name": name, "state": state | ({"view": "2d"} if "view" in state else {}), "assets": assets}


def styles_in_one_page(page: Page, names: list[str]) -> dict[str, dict[str, list[str]]]:
    """Open widgets in this order, and return the styles of each."""
    page.evaluate(f"async (text) => ({OPEN})(JSON.parse(text))", to_json([opened_with(name) for name in names]))
    return {name: page.evaluate(STYLES, name) for name in names}


def test_a_widget_looks_the_same_whichever_rooms_were_loaded_before(open_page):
    page = open_page(widget("matmul"), bypass_csp=True)
    alone = {name: styles_in_one_page(page, [name])[name] for name in EXAMPLES}
    # Of any two widgets, each comes first in one of these orders.
    for order in (EXAMPLES, EXAMPLES[::-1]):
        for name, styles in styles_in_one_page(page, order).items():
            assert styles.keys() == alone[name].keys()
            changed = {
                key: sorted(set(values) ^ set(alone[name][key]))
                for key, values in styles.items()
                if values != alone[name][key]
            }
            assert changed == {}, (name, order)
