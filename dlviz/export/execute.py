"""Execute a notebook from the top in a new kernel, and collect the state of the widgets that it shows."""

import copy
import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory
from typing import Any

from ipywidgets import Box
from ipywidgets.widgets.widget import _instances
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.widget import Widget

#: MIME type of an output that shows a widget.
VIEW = "application/vnd.jupyter.widget-view+json"
#: How long one wait for a message lasts, in seconds; a cell may run for any time.
_WAIT = 2


def execute_notebook(
    notebook: NotebookNode, path: Path, report: Callable[[str], None]
) -> tuple[NotebookNode, Mapping[str, Any]]:
    """Execute every cell of `notebook` in order, in the folder of `path`; the files stay as they are.

    Args:
        notebook: the notebook, which is not changed.
        path: its file.
        report: called with a sentence when the run begins.

    Returns:
        A copy with outputs, and the state of each widget shown (:func:`collect_widgets`).

    Raises:
        DlvizError: a cell failed or its kernel died, and the message names the cell and its error; or no kernel starts.
    """
    book = copy.deepcopy(notebook)
    report(message("export.running", name=path.name, count=sum(cell.cell_type == "code" for cell in book.cells)))
    with TemporaryDirectory() as spare:
        # At the default level ipykernel warns that its local port is not encrypted, which holds for every notebook.
        # The blocking client, because the asynchronous one may wait for ever: where nbclient answers an output of
        # ipywidgets.interact, its answer can consume the signal that a reply came.
        client = NotebookClient(
            book,
            kernel_manager_class="jupyter_client.KernelManager",
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
            record_timing=False,
        )
        # Predictions and exercises answered during an export are not the learner's attempts.
        # Outputs that wait for a prediction are folded by the page, not by the kernel.
        environment = os.environ | {"DLVIZ_PROGRESS": str(Path(spare) / "progress.json"), "DLVIZ_GATE": "open"}
        with ExitStack() as stack:
            try:
                stack.enter_context(client.setup_kernel(cwd=str(path.parent.resolve()), env=environment))
            except RuntimeError as error:
                raise DlvizError(message("export.refused.start", name=path.name, error=error)) from None
            for number, cell in enumerate(book.cells):
                _execute_cell(client, cell, number, path)
            shown = [output.data[VIEW]["model_id"] for output in _outputs(book) if VIEW in output.get("data", {})]
            file = Path(spare) / "widgets.json"
            code = f"from dlviz.export.execute import collect_widgets\ncollect_widgets({shown!r}, {str(file)!r})"
            book.cells.append(new_code_cell(code))
            _execute_cell(client, book.cells[-1], len(book.cells) - 1, path)
            book.cells.pop()
        # The path of the temporary progress file, which a cell may have printed, is left out.
        text = json.dumps(book).replace(json.dumps(spare + os.sep)[1:-1], "")
        return from_dict(json.loads(text)), json.loads(file.read_text(encoding="utf-8"))


def _execute_cell(client: NotebookClient, cell: NotebookNode, number: int, path: Path) -> None:
    if cell.cell_type != "code" or not cell.source.strip():
        return
    place = {"name": path.name, "number": number + 1, "line": next(iter(cell.source.strip().splitlines()))}
    try:
        error = _run_cell(client, cell, number)
    except DeadKernelError:
        raise DlvizError(message("export.refused.died", **place)) from None
    if error and "raises-exception" not in cell.metadata.get("tags", []):
        raise DlvizError(message("export.refused.cell", error=error, **place))


def _run_cell(client: NotebookClient, cell: NotebookNode, number: int) -> str:
    """Run a cell, collect its outputs, and return its error as text, "" if it succeeded.

    The kernel says on two channels that a cell ended, by a reply and by its status; either will do, so that one lost message
    does not hang the export.

    Raises:
        DeadKernelError: the kernel's process ended.
    """
    kernel: Any = client.kc  # a jupyter_client.BlockingKernelClient
    cell.outputs, client.clear_before_next_output = [], False
    request, ended, reply = kernel.execute(cell.source), False, None
    while not ended:
        try:
            output = kernel.get_iopub_msg(timeout=_WAIT)
            if output["parent_header"].get("msg_id") == request:
                client.process_message(output, cell, number)
        except CellExecutionComplete:
            ended, reply = True, _reply(kernel, request, _WAIT)
        except Empty:
            reply = _reply(kernel, request, 0)
            ended = reply is not None
            if not ended and not kernel.is_alive():
                raise DeadKernelError from None
    # Without a reply, the traceback among the outputs tells of an error.
    results = [reply] if reply else [output for output in cell.outputs if output.output_type == "error"]
    return "".join(f"{result['ename']}: {result['evalue']}" for result in results[-1:] if "ename" in result)


def _reply(kernel: Any, request: str, timeout: float) -> Mapping[str, Any] | None:
    """Return the content of the kernel's reply to `request`, None if there is none within `timeout` seconds."""
    try:
        while True:
            reply = kernel.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == request:
                return dict(reply["content"])
    except Empty:
        return None


def _outputs(book: NotebookNode) -> list[NotebookNode]:
    return [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]


def collect_widgets(shown: Iterable[str], path: str | Path) -> None:
    """Save the state of the widgets with these model ids at the end of the notebook; called in its kernel.

    A box counts as the dlviz widgets inside it. Other widgets and closed ones are left out; the page keeps their still picture.
    The file holds ``{"widgets": {id: …}, "boxes": {id: [id, …]}}``.

    Args:
        shown: model ids, in the order shown.
        path: the JSON file to write.
    """
    ids = list(dict.fromkeys(shown))
    inside = {id: _dlviz_widgets(_instances.get(id)) for id in ids}
    boxes = {id: [widget.model_id for widget in widgets] for id, widgets in inside.items()}
    different = {widget.model_id: widget for widgets in inside.values() for widget in widgets}
    payloads = {id: widget.page_payload(BUDGET // len(different)) for id, widget in different.items()}
    Path(path).write_text(to_json({"widgets": payloads, "boxes": boxes}), encoding="utf-8")


def _dlviz_widgets(shown: Any) -> list[Widget]:
    """Return the dlviz widgets in a box, or the widget itself if it is one."""
    if isinstance(shown, Widget):
        return [shown]
    return [widget for child in shown.children for widget in _dlviz_widgets(child)] if isinstance(shown, Box) else []
