"""The gallery: a page for each widget with the code that made it, and an index with their still pictures."""

import ast
import inspect
import linecache
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import dedent
from typing import Any

from dlviz.export import examples
from dlviz.export.markdown import highlight_code, markdown_to_html
from dlviz.export.outputs import widget_placeholder
from dlviz.export.page import check_overwrite, html_page, is_dlviz_page, write_page
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.svg import data_uri
from dlviz.kit.widget import Widget

Example = Callable[[], Widget]

#: Widgets of the gallery by group, in order; the message ``gallery.about.NAME`` describes each.
GROUPS: Mapping[str, Sequence[Example]] = {
    "tensors": (
        examples.tensor,
        examples.views,
        examples.broadcast,
        examples.index,
        examples.matmul,
        examples.einsum,
    ),
    "networks": (examples.graph, examples.boundary, examples.layers),
    "convolution": (examples.conv2d, examples.conv_transpose2d, examples.max_pool2d),
    "training": (examples.live, examples.race, examples.surface),
    "sequences": (
        examples.unroll,
        examples.attention,
        examples.generate,
        examples.positions,
        examples.bpe,
        examples.word2vec,
        examples.embedding,
    ),
    "generative": (examples.duel, examples.latent, examples.denoise),
    "data": (examples.split, examples.confusion, examples.attribute),
    "cost": (examples.profile, examples.parallel, examples.compress, examples.export_check),
}


#: Color tokens of ``theme.css`` by meaning; the message ``gallery.color.NAME`` says what each group stands for.
COLORS: Mapping[str, Sequence[str]] = {
    "sign": ("neg", "pos"),
    "select": ("select",),
    "flow": ("flow",),
    "verdict": ("good", "bad", "warn"),
    "dimension": tuple(f"dim-{k}" for k in range(5)),
    "class": tuple(f"class-{k}" for k in range(5)),
    "run": tuple(f"run-{k}" for k in range(6)),
    "height": tuple(f"height-{k}" for k in range(5)),
    "control": ("accent",),
}
_COLORS_PAGE = "colors.html"


@dataclass(frozen=True)
class GalleryEntry:
    """One widget of the gallery: name, code, page payload, still pictures by theme, and description."""

    name: str
    code: str
    payload: Mapping[str, Any]
    pictures: Mapping[str, str]
    description: str

    @property
    def page(self) -> str:
        """File name of its page; the prefix keeps the widget dlviz.index apart from the index."""
        return f"dlviz.{self.name}.html"


def export_gallery(out: Path, report: Callable[[str], None], groups: Mapping[str, Sequence[Example]] = GROUPS) -> None:
    """Make every widget and write the gallery.

    Args:
        out: a folder that is new, empty or written by an earlier call.
        report: called at the end with a sentence on the number of pages and their size.
        groups: the widgets to show, by group.

    Raises:
        DlvizError: `out` holds other files.
    """
    index = out / "index.html"
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not is_dlviz_page(index)):
        raise DlvizError(message("export.refused.folder", out=out))
    check_overwrite(index)
    made = {name: [_entry(make) for make in makers] for name, makers in groups.items()}
    row = [one for shown in made.values() for one in shown]
    size = write_page(index, _index(made)) + write_page(out / _COLORS_PAGE, _colors())
    for number, one in enumerate(row):
        size += write_page(out / one.page, _page(one, row[number - 1], row[(number + 1) % len(row)]))
    report(message("export.gallery", path=index, count=len(row) + 2, size=f"{size / 1e6:.1f}"))


def _entry(make: Example) -> GalleryEntry:
    code = example_code(make)
    view = run_example(make.__name__, code)
    pictures = {}
    for theme in ("light", "dark"):
        view.theme = theme
        pictures[theme] = data_uri(view._still()).replace(" ", "%20")  # in a srcset a space ends the address
    view.theme = "auto"
    entry = GalleryEntry(make.__name__, code, view.page_payload(BUDGET), pictures, repr(view))
    view.close()
    return entry


def example_code(make: Example) -> str:
    """Return the body of an example as a notebook cell: its imports first, the widget on the last line.

    >>> print(example_code(examples.broadcast))
    import torch
    <BLANKLINE>
    import dlviz
    <BLANKLINE>
    column, row = torch.tensor([[0], [10], [20]]), torch.tensor([1, 2, 3, 4])
    dlviz.broadcast(column, row)
    """
    body = dedent(inspect.getsource(make).partition("\n")[2])
    body = re.sub(r"^return ", "", body, flags=re.M).replace("  # fmt: skip", "").rstrip()
    needed = [
        line
        for word, line in (("torch.", "import torch"), ("nn.", "from torch import nn"))
        if re.search(rf"\b{word}", body)
    ]
    return "\n".join([*needed, *[""][: len(needed)], "import dlviz", "", body])


def run_example(name: str, code: str) -> Widget:
    """Run an example's code as a notebook cell would be run and return its widget, which names the code's own lines."""
    file = f"{name} example"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    *setup, last = ast.parse(code, file).body
    assert isinstance(last, ast.Expr)
    namespace: dict[str, Any] = {}
    exec(compile(ast.Module(setup, []), file, "exec"), namespace)
    view: Widget = eval(compile(ast.Expression(last.value), file, "eval"), namespace)
    return view


def _picture(one: GalleryEntry) -> str:
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{one.pictures["dark"]}">'
        f'<img alt="" src="{one.pictures["light"]}"></picture>'
    )


def _index(made: Mapping[str, Sequence[GalleryEntry]]) -> str:
    body = [f'<main id="main" class="page gallery" tabindex="-1">\n<h1>{message("gallery.title")}</h1>']
    body.append(f'<div class="lead">{markdown_to_html(message("gallery.lead"))}</div>')
    for group, shown in made.items():
        cards = "\n".join(
            f'<li><a class="card" href="{one.page}">{_picture(one)}<strong>{one.name}</strong>'
            f"<span>{escape(message(f'gallery.about.{one.name}'))}</span></a></li>"
            for one in shown
        )
        body.append(f'<h2>{escape(message(f"gallery.group.{group}"))}</h2>\n<ul class="cards">\n{cards}\n</ul>')
    body.append(f'<p><a href="{_COLORS_PAGE}">{escape(message("gallery.colors"))}</a></p>')
    return html_page(message("gallery.title"), "\n".join([*body, "</main>"]))


def _colors() -> str:
    """Return the page that says what each color of the widgets stands for."""

    def swatches(tokens: Sequence[str]) -> str:
        return "".join(f'<i style="background:var(--{token})"></i>' for token in tokens)

    rows = "\n".join(
        f'<tr><td class="swatches">{swatches(tokens)}</td><td>{escape(message(f"gallery.color.{name}"))}</td></tr>'
        for name, tokens in COLORS.items()
    )
    body = f"""<header class="top"><p><a href="index.html">← {escape(message("gallery.title"))}</a></p></header>
<main id="main" class="page" tabindex="-1">
<h1>{escape(message("gallery.colors"))}</h1>
<div class="lead">{markdown_to_html(message("gallery.colors_lead"))}</div>
<table class="colors"><tbody>
{rows}
</tbody></table>
</main>"""
    return html_page(message("gallery.colors"), body)


def _page(one: GalleryEntry, before: GalleryEntry, after: GalleryEntry) -> str:
    still = f'<img alt="{escape(one.description)}" src="{one.pictures["light"]}">'
    body = f"""<header class="top"><p><a href="index.html">← {escape(message("gallery.title"))}</a></p></header>
<main id="main" class="page" tabindex="-1">
<h1 class="name">dlviz.{one.name}</h1>
<div class="lead">{markdown_to_html(message(f"gallery.about.{one.name}"))}</div>
{widget_placeholder(one.name, still)}
<h2>{escape(message("gallery.code"))}</h2>
{highlight_code(one.code)}
<nav class="around" aria-label="{escape(message("gallery.around"))}">
<a href="{before.page}">← {before.name}</a> <a href="{after.page}">{after.name} →</a>
</nav>
</main>"""
    return html_page(f"dlviz.{one.name}", body, {one.name: one.payload})
