"""Outputs of a notebook that display a widget, events of its cells, and the names of cells."""

import os
import sys
import weakref
from collections.abc import Callable
from typing import Any

import ipywidgets


class NotebookOutput:
    """Outputs that display a widget under a display id, so that the notebook file gets the final picture and not the first one.

    Args:
        widget: the widget; no reference to it is kept.
    """

    def __init__(self, widget: ipywidgets.DOMWidget) -> None:
        self._widget = weakref.ref(widget)
        self._handles: list[Any] = []
        self._automatic: int | None = None

    def display_at_loop(self) -> None:
        """Display the widget if no output or box of the notebook shows it yet."""
        shell = ipython_shell()
        if not self._handles and shell is not None and not self._is_in_box():
            self.display()
            self._automatic = shell.execution_count

    def display(self) -> None:
        """Display the widget, unless the loop of the running cell has displayed it already."""
        from IPython.display import DisplayHandle

        shell = ipython_shell()
        widget = self._widget()
        if widget is None or (shell is not None and self._automatic == shell.execution_count):
            return
        handle = DisplayHandle()
        data, metadata = widget._repr_mimebundle_()
        handle.display(data, metadata=metadata, raw=True)
        self._handles.append(handle)

    def update(self) -> None:
        """Replace the still picture in every output by the current one; a notebook without its kernel shows the still picture."""
        widget = self._widget()
        if widget is None:
            return
        for handle in self._handles:
            data, metadata = widget._repr_mimebundle_()
            handle.update(data, metadata=metadata, raw=True)

    def _is_in_box(self) -> bool:
        widgets = getattr(ipywidgets.widgets.widget, "_instances", {})
        return any(self._widget() in box.children for box in list(widgets.values()) if isinstance(box, ipywidgets.Box))


def ipython_shell() -> Any:
    """Return the notebook's IPython shell; ``None`` outside a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def file_or_cell(filename: str) -> str:
    """Return "cell 4" for the code of a notebook's cell, else the file's name without its folder."""
    compiler = getattr(ipython_shell(), "compile", None)
    cell = compiler.format_code_name(filename) if compiler is not None else None
    if cell:  # IPython returns ("Cell", "In[4]") for its own cells
        return "cell " + cell[1].removeprefix("In[").removeprefix("Input ").removesuffix("]")
    return os.path.basename(filename)


def in_notebook() -> bool:
    """Return whether a kernel runs this code, so that widgets can be shown."""
    return hasattr(ipython_shell(), "kernel")


def on_cell_end(widget: ipywidgets.DOMWidget, call: Callable[[Any, BaseException | None], None]) -> None:
    """Call ``call(widget, error)`` at the end of every cell until the widget is closed; `error` is ``None`` if the cell succeeded."""
    shell = ipython_shell()
    if shell is None:
        return
    reference = weakref.ref(widget)

    def ended(result: Any) -> None:
        widget = reference()
        if widget is None or widget.comm is None:
            shell.events.unregister("post_run_cell", ended)
        else:
            call(widget, result.error_in_exec)

    shell.events.register("post_run_cell", ended)
