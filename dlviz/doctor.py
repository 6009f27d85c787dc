"""``dlviz doctor``: is this machine ready for the lessons? One line a check, and what to do where it is not."""

import json
import os
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from dlviz.kit.words import say


def doctor(tell: Callable[[str], None] = print) -> int:
    """Check everything that a lesson needs.

    Args:
        tell: is given one line a check.

    Returns:
        0 when all is well, else 1.
    """
    bad = 0
    for name, check in CHECKS.items():
        try:
            found = check()
        except Exception as error:  # whatever is wrong with the machine, the other checks still run
            bad += 1
            tell(
                say(
                    "doctor.bad",
                    name=say(f"doctor.{name}"),
                    error=f"{type(error).__name__}: {error}",
                    advice=say(f"doctor.advice.{name}"),
                )
            )
        else:
            tell(say("doctor.good", name=say(f"doctor.{name}"), found=found))
    return int(bad > 0)


def _python() -> str:
    return sys.version.split()[0]


def _torch() -> str:
    import torch

    from dlviz.machine import device

    return f"{torch.__version__}, {device()}"


def _gradient() -> str:
    import torch

    w = torch.tensor(3.0, requires_grad=True)
    (w * w).backward()
    assert w.grad is not None
    return f"d(w²)/dw = {w.grad.item():g}"


def _jupyterlab() -> str:
    return f"JupyterLab {metadata.version('jupyterlab')}, ipywidgets {metadata.version('ipywidgets')}"


def _anywidget() -> str:
    """The browser's half of anywidget, which JupyterLab loads from its own folder."""
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("labextensions"):
        package = Path(folder) / "anywidget" / "package.json"
        if package.is_file():
            return f"anywidget {json.loads(package.read_text(encoding='utf-8'))['version']}"
    raise FileNotFoundError("labextensions/anywidget")


def _widget() -> str:
    import torch

    import dlviz

    w = torch.tensor(3.0, requires_grad=True)
    view = dlviz.graph(lambda: (w * 2) ** 2)
    try:
        return f"{len(view.graph.nodes)} nodes, {len(view.to_html()) // 1000} kB"
    finally:
        view.close()


def _digits() -> str:
    import dlviz

    return str(tuple(dlviz.data.digits().images.shape))


def _progress() -> str:
    from dlviz.exercises import store

    place = store.path()
    place.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(place.parent, os.W_OK):
        raise PermissionError(str(place))
    return str(place)


CHECKS: dict[str, Callable[[], str]] = {
    "python": _python,
    "torch": _torch,
    "gradient": _gradient,
    "jupyterlab": _jupyterlab,
    "anywidget": _anywidget,
    "widget": _widget,
    "digits": _digits,
    "progress": _progress,
}
