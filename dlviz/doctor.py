"""``dlviz doctor``: is this machine ready for the lessons? One line a check, and what to do where it is not."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from dlviz.fonts import chinese
from dlviz.kit.messages import message

#: So many bytes a lesson may want for its data and its notebook.
ROOM = 500_000_000


class Missing(Exception):  # noqa: N818 - what is said, not a fault
    """Something that no lesson needs but a learner may want."""


def doctor(tell: Callable[[str], None] = print) -> int:
    """Check everything that a lesson needs.

    Args:
        tell: is given one line a check, and a second one with the remedy where something is wrong.

    Returns:
        0 when the lessons will run, else 1.
    """
    bad = 0
    for name, check in CHECKS.items():
        heading, advice = message(f"doctor.{name}"), f"doctor.advice.{name}"
        try:
            tell(message("doctor.good", name=heading, found=check()))
        except Missing as missing:
            tell(message("doctor.note", name=heading, error=missing, advice=message(advice)))
        except Exception as error:  # whatever is wrong with the machine, the other checks still run
            bad += 1
            tell(message("doctor.bad", name=heading, error=f"{type(error).__name__}: {error}", advice=message(advice)))
    return int(bad > 0)


def _python() -> str:
    return sys.version.split()[0]


def _torch() -> str:
    import torch

    return torch.__version__


def _device() -> str:
    import torch

    from dlviz.torchkit.runtime import device

    chosen = device()
    assert (torch.ones(2, device=chosen) * 2).sum().item() == 4
    return str(chosen)


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
    from dlviz.exercises import progress_file

    place = progress_file.path()
    place.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(place.parent, os.W_OK):
        raise PermissionError(str(place))
    return str(place)


def _chinese() -> str:
    found = chinese()
    if not found:
        raise Missing(message("doctor.no_chinese"))
    return found


def _disk() -> str:
    from dlviz.data import remote

    # What is downloaded goes to the cache, what is written to the folder of the notebooks.
    places = [next(one for one in (remote.cache(), *remote.cache().parents) if one.exists()), Path.cwd()]
    free = min(shutil.disk_usage(place).free for place in places)
    if free < ROOM:
        raise OSError(message("doctor.little", free=free // 1_000_000, room=ROOM // 1_000_000))
    return message("doctor.free", free=f"{free / 1e9:.1f}")


CHECKS: dict[str, Callable[[], str]] = {
    "python": _python,
    "torch": _torch,
    "device": _device,
    "gradient": _gradient,
    "jupyterlab": _jupyterlab,
    "anywidget": _anywidget,
    "widget": _widget,
    "digits": _digits,
    "progress": _progress,
    "chinese": _chinese,
    "disk": _disk,
}
