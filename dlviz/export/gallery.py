"""A site with every widget: a page each, playing, with the code that made it, and an index with their pictures."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import dedent
from typing import Any

from dlviz.export import examples
from dlviz.export.highlight import block
from dlviz.export.markdown import prose
from dlviz.export.outputs import place
from dlviz.export.page import ours, refuse_foreign, sheet, write
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.svg import data_uri
from dlviz.kit.widget import Widget

Maker = Callable[[], Widget]

#: What the gallery shows, in its order; a sentence on each stands in the words, under ``gallery.about``.
GROUPS: Mapping[str, Sequence[Maker]] = {
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
    "sequences": (examples.unroll, examples.word2vec, examples.embedding),
    "data": (examples.split, examples.confusion),
}


@dataclass(frozen=True)
class Shown:
    """What the index says of one widget, and what its page holds."""

    name: str
    code: str
    held: Mapping[str, Any]
    pictures: Mapping[str, str]
    described: str

    @property
    def page(self) -> str:
        """Its file; dlviz.index is a widget too, and not the index."""
        return f"dlviz.{self.name}.html"


def export(out: Path, tell: Callable[[str], None], groups: Mapping[str, Sequence[Maker]] = GROUPS) -> None:
    """Make every widget and write the site.

    Args:
        out: a folder, new, empty or written by an earlier call.
        tell: is given a sentence at the end: how many pages, how large.
        groups: what to show.

    Raises:
        DlvizError: something else lies in `out`.
    """
    index = out / "index.html"
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not ours(index)):
        raise DlvizError(message("export.refused.folder", out=out))
    refuse_foreign(index)
    made = {name: [_shown(make) for make in makers] for name, makers in groups.items()}
    row = [one for shown in made.values() for one in shown]
    size = write(index, _index(made))
    for number, one in enumerate(row):
        size += write(out / one.page, _page(one, row[number - 1], row[(number + 1) % len(row)]))
    tell(message("export.gallery", path=index, count=len(row) + 1, size=f"{size / 1e6:.1f}"))


def _shown(make: Maker) -> Shown:
    view = make()
    pictures = {}
    for theme in ("light", "dark"):
        view.theme = theme
        pictures[theme] = data_uri(view._still()).replace(" ", "%20")  # in a srcset a space ends the address
    view.theme = "auto"
    shown = Shown(make.__name__, code_of(make), view.page_payload(BUDGET), pictures, repr(view))
    view.close()
    return shown


def code_of(make: Maker) -> str:
    """The body of an example as the cell of a notebook: with the imports that it needs, its last line the widget.

    >>> print(code_of(examples.broadcast))
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


def _picture(one: Shown) -> str:
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{one.pictures["dark"]}">'
        f'<img alt="" src="{one.pictures["light"]}"></picture>'
    )


def _index(made: Mapping[str, Sequence[Shown]]) -> str:
    body = [f'<main id="main" class="page gallery" tabindex="-1">\n<h1>{message("gallery.title")}</h1>']
    body.append(f'<div class="lead">{prose(message("gallery.lead"))}</div>')
    for group, shown in made.items():
        cards = "\n".join(
            f'<li><a class="card" href="{one.page}">{_picture(one)}<strong>{one.name}</strong>'
            f"<span>{escape(message(f'gallery.about.{one.name}'))}</span></a></li>"
            for one in shown
        )
        body.append(f'<h2>{escape(message(f"gallery.group.{group}"))}</h2>\n<ul class="cards">\n{cards}\n</ul>')
    return sheet(message("gallery.title"), "\n".join([*body, "</main>"]))


def _page(one: Shown, before: Shown, after: Shown) -> str:
    still = f'<img alt="{escape(one.described)}" src="{one.pictures["light"]}">'
    body = f"""<header class="top"><p><a href="index.html">← {escape(message("gallery.title"))}</a></p></header>
<main id="main" class="page" tabindex="-1">
<h1 class="name">dlviz.{one.name}</h1>
<div class="lead">{prose(message(f"gallery.about.{one.name}"))}</div>
{place(one.name, still)}
<h2>{escape(message("gallery.code"))}</h2>
{block(one.code)}
<nav class="around" aria-label="{escape(message("gallery.around"))}">
<a href="{before.page}">← {before.name}</a> <a href="{after.page}">{after.name} →</a>
</nav>
</main>"""
    return sheet(f"dlviz.{one.name}", body, {one.name: one.held})
