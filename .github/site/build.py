#!/usr/bin/env python3
"""Build the site: lessons as a book, exported lessons and gallery as interactive pages, and the API reference.

    .venv/bin/python .github/site/build.py OUT --book .book/bin/jupyter-book

Run it with the Python that has dlviz. Jupyter Book has an environment of its own, pinned in requirements.txt beside this file.
"""

import argparse
import inspect
import json
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import dlviz
from dlviz.export.markdown import formulas_as_mathml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LESSONS = sorted((ROOT / "lessons").glob("[0-9]*.ipynb"))
PAGES = ("glossary", "teaching")


def main() -> None:
    """Write the book's sources, export gallery and lessons, and build the site."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="a new folder, or one that an earlier build wrote")
    parser.add_argument("--book", type=Path, required=True, help="the program jupyter-book")
    chosen = parser.parse_args()
    if chosen.out.exists() and not (chosen.out / ".nojekyll").is_file():
        parser.error(f"{chosen.out} was not built by this, so it stays as it is; name another folder")
    with tempfile.TemporaryDirectory(prefix="site-") as name:
        work = Path(name)
        lay_out(work)
        exported = work / "extra"
        run(sys.executable, "-m", "dlviz", "export", "--gallery", exported / "gallery")
        run(sys.executable, "-m", "dlviz", "export", *LESSONS, exported / "play")
        # A broken link or an invalid notebook is an error.
        run(chosen.book.absolute(), "build", work, "--warningiserror", "--keep-going", cwd=work)
        shutil.rmtree(chosen.out, ignore_errors=True)
        shutil.copytree(work / "_build" / "html", chosen.out)
    without_thebe(chosen.out)
    # Without this file GitHub Pages ignores folders that begin with an underscore.
    (chosen.out / ".nojekyll").touch()
    print(f"{chosen.out}: {sum(1 for _ in chosen.out.rglob('*.html'))} pages")


def lay_out(work: Path) -> None:
    """Write the book's sources: settings, index, API reference, contents, and lessons with links to their exported pages."""
    (work / "lessons").mkdir(parents=True)
    (work / "_static").mkdir()
    shutil.copy(HERE / "_config.yml", work)
    shutil.copy(HERE / "site.css", work / "_static")
    shutil.copytree(ROOT / "lessons" / "pictures", work / "lessons" / "pictures")
    readme = (ROOT / "README.md").read_text("utf-8")
    table = "\n".join(
        line for line in readme.splitlines() if line == "|---|---|---|" or line.startswith(("| | Lesson", "| 0", "| 1"))
    )
    command = re.search(r"<!-- open -->\n```bash\n(.*?)\n```", readme, re.S)[1]
    first = (HERE / "index.md").read_text("utf-8")
    (work / "index.md").write_text(first.replace("{lessons}", table).replace("{open}", command), "utf-8")
    for lesson in LESSONS:
        (work / "lessons" / lesson.name).write_text(linked(lesson), "utf-8")
    for page in PAGES:
        text = (ROOT / "lessons" / f"{page}.md").read_text("utf-8")
        # The book holds nothing outside lessons.
        (work / "lessons" / f"{page}.md").write_text(re.sub(r"\[([^\]]*)\]\(\.\./[^)]*\)", r"\1", text), "utf-8")
    (work / "api.md").write_text(reference(), "utf-8")
    names = [*(lesson.stem for lesson in LESSONS), *PAGES]
    chapters = "".join(f"  - file: lessons/{name}\n" for name in names) + "  - file: api\n"
    (work / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{chapters}", "utf-8")


def reference() -> str:
    """Return the API reference as Markdown: signature and docstring of every public function."""
    parts = ["# API reference", "Every public function, with its docstring.", ""]
    for name in dlviz.__all__:
        function = getattr(dlviz, name)
        if inspect.isfunction(function):
            signature = str(inspect.signature(function)).replace("torch.Tensor", "Tensor")
            parts += [
                f"## {name}",
                f"```python\ndlviz.{name}{signature}\n```",
                described(inspect.getdoc(function) or ""),
            ]
    return "\n\n".join(parts)


def described(docstring: str) -> str:
    """Return a docstring as Markdown: prose, and each section under a bold title as text that keeps its lines."""
    parts = []
    docstring = re.sub(r":(?:func|class|meth|attr):`~?([^`]+)`", r"``\1``", docstring)
    for part in re.split(r"\n(?=(?:Args|Returns|Raises|Example|Source|Attributes):\n)", docstring):
        title, _, body = part.partition("\n")
        if re.fullmatch(r"\w+:", title):
            language = "python" if title == "Example:" else "text"
            parts.append(f"**{title[:-1]}**\n\n```{language}\n{textwrap.dedent(body).strip()}\n```")
        else:
            parts.append(part.replace("``", "`"))
    return "\n\n".join(parts)


def linked(lesson: Path) -> str:
    """Return the notebook as JSON, with a link to its exported page below the title, and formulas that need no script."""
    book = json.loads(lesson.read_text("utf-8"))
    cell = {"id": "play", "cell_type": "markdown", "metadata": {}, "source": ""}
    cell["source"] = (
        f'<p class="play"><a href="../play/{lesson.stem}.html">Play this lesson</a>: the same text, run, with every widget alive.</p>'
    )
    for one in book["cells"]:
        if one["cell_type"] == "markdown":
            one["source"] = formulas_as_mathml("".join(one["source"]))
    book["cells"].insert(1, cell)
    return json.dumps(book)


def without_thebe(out: Path) -> None:
    """Remove Thebe from the pages: Jupyter Book always adds it, and it would load scripts from another server."""
    for page in (*out.glob("*.html"), *out.glob("lessons/*.html")):
        page.write_text(
            re.sub(r"^.*(?:THEBE_JS_URL|sphinx-thebe).*\n", "", page.read_text("utf-8"), flags=re.M), "utf-8"
        )


def run(*command: object, cwd: Path | None = None) -> None:
    """Run a program; exit if it fails."""
    words = [str(word) for word in command]
    print("+", *words, flush=True)
    if subprocess.run(words, cwd=cwd, check=False).returncode:
        sys.exit(f"site: this failed: {' '.join(words)}")


if __name__ == "__main__":
    main()
