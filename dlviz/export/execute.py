"""Run a notebook from the top in a kernel of its own, and bring its widgets home."""

import copy
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: The MIME type by which an output names the widget that it shows.
VIEW = "application/vnd.jupyter.widget-view+json"


def run(notebook: NotebookNode, path: Path, tell: Callable[[str], None]) -> tuple[NotebookNode, Mapping[str, Any]]:
    """Every cell of `notebook`, one after the other, in the folder of `path`; nothing that is stored is changed.

    Args:
        notebook: what to run; it stays as it is.
        path: where it came from.
        tell: is given a sentence when it begins.

    Returns:
        A copy with its outputs, and what its pages need of each widget (:func:`dlviz.export.collect_widgets.gather`).

    Raises:
        DlvizError: a cell failed; the message says which and why.
    """
    book = copy.deepcopy(notebook)
    tell(message("export.running", name=path.name, count=sum(cell.cell_type == "code" for cell in book.cells)))
    with TemporaryDirectory() as spare:
        # ipykernel would warn that it talks over a local port without encryption, which is so in every notebook.
        client = NotebookClient(book, timeout=None, kernel_name="python3", extra_arguments=["--log-level=ERROR"])
        # What a page asks and answers is no attempt of the learner's.
        environment = os.environ | {"DLVIZ_PROGRESS": str(Path(spare) / "progress.json")}
        with client.setup_kernel(cwd=str(path.parent.resolve()), env=environment):
            for number, cell in enumerate(book.cells):
                _executed(client, cell, number, path)
            shown = [output.data[VIEW]["model_id"] for output in _outputs(book) if VIEW in output.get("data", {})]
            found = Path(spare) / "widgets.json"
            code = f"from dlviz.export.collect_widgets import gather\ngather({shown!r}, {str(found)!r})"
            book.cells.append(new_code_cell(code))
            _executed(client, book.cells[-1], len(book.cells) - 1, path)
            book.cells.pop()
        said = json.dumps(book).replace(json.dumps(spare + os.sep)[1:-1], "")
        return from_dict(json.loads(said)), json.loads(found.read_text(encoding="utf-8"))


def _executed(client: NotebookClient, cell: NotebookNode, number: int, path: Path) -> None:
    place = {"name": path.name, "number": number + 1, "line": next(iter(cell.source.strip().splitlines()), "")}
    try:
        client.execute_cell(cell, number)
    except CellExecutionError as error:
        raise DlvizError(message("export.refused.cell", error=f"{error.ename}: {error.evalue}", **place)) from None
    except DeadKernelError:
        raise DlvizError(message("export.refused.died", **place)) from None


def _outputs(book: NotebookNode) -> list[NotebookNode]:
    return [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
