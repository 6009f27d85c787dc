"""Every public widget with names that try to inject code: opened, connected to a kernel, and all its controls used."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

import dlviz
from tests.hostile import ATTACKS, WIDGETS

#: Hovers over, focuses, clicks, types into and selects from every element, including those that appear meanwhile.
TOUCH = """async () => {
  const touched = new WeakSet();
  const tell = (el, type, kind = Event, more = {}) => el.dispatchEvent(new kind(type, { bubbles: true, cancelable: true, ...more }));
  const soon = () => new Promise((done) => setTimeout(done, 0));
  const touch = async (el) => {
    const hovers = ["pointerover", "pointerenter", "pointermove", "mouseover", "mousemove"];
    for (const type of hovers) tell(el, type, PointerEvent, { clientX: 60, clientY: 60 });
    el.focus?.();
    if (el.matches("select")) {
      for (const option of [...el.options].slice(0, 4)) {
        el.value = option.value;
        tell(el, "change");
        await soon();
      }
    } else if (el.matches("input[type=text], input[type=search], input:not([type]), textarea")) {
      el.value = "<img src=x onerror='hurt=1'>";
      tell(el, "input");
      tell(el, "keydown", KeyboardEvent, { key: "Enter" });
      tell(el, "change");
    } else if (el.matches("button, summary, [role=button], [role=option], [tabindex], g, circle, td, th, li")) {
      tell(el, "click", MouseEvent, { clientX: 60, clientY: 60 });
      for (const key of ["Enter", "ArrowRight", "ArrowDown"]) tell(el, "keydown", KeyboardEvent, { key });
    }
    await soon();
  };
  for (let round = 0; round < 3; round += 1) {
    const all = "button, summary, select, input, textarea, [role], [tabindex], g, circle, td, th, li";
    const there = [...document.getElementById("widget").querySelectorAll(all)];
    for (const el of there.filter((one) => !touched.has(one)).slice(0, 120)) {
      touched.add(el);
      if (el.isConnected && el.checkVisibility()) await touch(el);
    }
  }
  await new Promise((done) => setTimeout(done, 150));
}"""

#: State of a page: whether a script ran, elements that no view creates, and all visible and announced text.
FOUND = """() => {
  const all = [...document.querySelectorAll("*")];
  const outside = ({ name, value }) => /^(src|href|xlink:href|action|data)$/.test(name) && !/^(blob:|data:image|#)/.test(value);
  const requests = (el) => [...el.attributes].some((one) => /^on/i.test(one.name) || outside(one));
  const strange = (el) => /^(iframe|object|embed|a|form|base|link|img|marquee|foreignobject)$/i.test(el.localName);
  const hides = (el) => el.localName === "style" && /^\\*\\{/.test(el.textContent);
  const widget = document.getElementById("widget");
  const names = ["aria-label", "title", "alt", "placeholder", "value"];
  const attributes = [...widget.querySelectorAll("*")].flatMap((el) => names.map((name) => el.getAttribute(name) ?? ""));
  return {
    hurt: window.hurt ?? null,
    odd: all.filter((el) => strange(el) || requests(el) || hides(el)).map((el) => el.outerHTML.slice(0, 200)),
    scripts: all.filter((el) => el.localName === "script").length,
    text: [widget.textContent, ...attributes].join("\\n"),
  };
}"""
#: Names may be truncated; this many characters suffice to show that one is displayed verbatim.
SIGNS = [re.escape(name[:5]) for name in ATTACKS if set("<>\"'{") & set(name[:5])]


#: Widgets that take no name from the user.
NAMELESS = {"conv2d", "max_pool2d"}
#: Widgets that ask a kernel only for plotly, which their pages contain.
ALONE = {"race", "surface"}


@pytest.mark.parametrize("name", WIDGETS)
def test_names_stay_text_in_a_page_and_with_a_kernel(open_page, live, name):
    view = WIDGETS[name]()
    page = open_page(view) if name in ALONE else live(view)[0]
    shown = ""
    for touched in (False, True):
        if touched:
            page.evaluate(TOUCH)
        found = page.evaluate(FOUND)
        assert found["hurt"] is None
        assert found["odd"] == []
        assert found["scripts"] == 2
        shown += found["text"].replace("␣", " ")
    if name not in NAMELESS:
        assert re.search("|".join(SIGNS), shown)


@contextmanager
def listening():
    """Start a local server that records the requests it receives."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("policy", [True, False])
def test_code_added_to_an_exported_page_sends_no_request_and_does_not_run(chromium, tmp_path, policy):
    with listening() as (address, asked):
        planted = "".join(
            (
                f'<img src="{address}/img" onerror="hurt=1">',
                f"<script>hurt=1;fetch('{address}/fetch');navigator.sendBeacon('{address}/beacon')</script>",
                f'<script src="{address}/script"></script><link rel="stylesheet" href="{address}/style">',
                f'<iframe src="{address}/frame"></iframe><object data="{address}/object"></object>',
                f'<style>body {{ background: url("{address}/background") }}</style>',
                f'<form action="{address}/form" target="_blank"><button>send</button></form>',
            )
        )
        text = dlviz.tensor(torch.arange(3.0)).to_html().replace("</main>", f"</main>{planted}")
        if not policy:  # the same page without the protection: the planted code does run
            text, count = re.subn(r"<meta http-equiv=.Content-Security-Policy.[^>]*>", "", text)
            assert count == 1
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        context = chromium.new_context()
        try:
            page = context.new_page()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            page.get_by_role("button", name="send").click()
            page.wait_for_timeout(300)
            ran = page.evaluate("window.hurt ?? null")
        finally:
            context.close()
    if policy:
        assert (asked, ran) == ([], None)
    else:
        assert {"/img", "/fetch", "/script", "/style", "/frame", "/form?"} <= set(asked)
        assert ran == 1
