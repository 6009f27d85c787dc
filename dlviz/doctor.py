"""``dlviz doctor``: check that this machine can run the lessons, with one line for each check and a remedy for each failure."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from dlviz.kit.messages import message

#: Bytes of free disk space that a lesson may need for its data and its notebook.
DISK_SPACE = 500_000_000

#: Names of font files with Chinese characters on Linux, macOS and Windows.
_CHINESE_FONTS = re.compile(
    r"noto\w*cjk|noto\w*sc\b|source\s?han|wqy|uming|ukai|droidsansfallback|pingfang|heiti|songti|hiragino sans gb|msyh|simsun|simhei|deng",
    re.I,
)
FONT_FOLDERS = (
    Path.home() / ".fonts",
    Path.home() / ".local/share/fonts",
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / "Library/Fonts",
    Path("/Library/Fonts"),
    Path("/System/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)


class Missing(Exception):  # noqa: N818 - a notice, not an error
    """Raised by a check for something that could be better, and that no lesson needs."""


class Failed(Exception):  # noqa: N818 - a sentence for the learner
    """Raised by a check that failed; its message needs no type of error before it."""


def doctor(report: Callable[[str], None] = print) -> int:
    """Check everything that a lesson needs.

    Args:
        report: called with one line for each check, followed by a line with the remedy if the check fails.

    Returns:
        0 if the lessons will run, else 1.
    """
    bad = 0
    for name, check in CHECKS.items():
        heading, advice = message(f"doctor.{name}"), f"doctor.advice.{name}"
        try:
            report(message("doctor.good", name=heading, found=check()))
        except Missing as missing:
            report(message("doctor.note", name=heading, error=missing, advice=message(advice)))
        except Exception as error:  # one failed check does not stop the others
            bad += 1
            found = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
            report(message("doctor.bad", name=heading, error=found, advice=message(advice)))
    return int(bad > 0)


def _python() -> str:
    return sys.version.split()[0]


def _torch() -> str:
    import torch

    # A GPU of AMD has a build of its own, which calls itself CUDA too, without a version of CUDA.
    if torch.version.cuda and not torch.cuda.is_available():
        raise Missing(message("doctor.cuda_build", version=torch.__version__))
    return torch.__version__


def _device() -> str:
    import torch

    from dlviz.torchkit.runtime import device

    usable = device()
    assert (torch.ones(2, device=usable) * 2).sum().item() == 4
    return str(usable)


def _gradient() -> str:
    import torch

    w = torch.tensor(3.0, requires_grad=True)
    (w * w).backward()
    assert w.grad is not None
    return f"d(w²)/dw = {w.grad.item():g}"


def _jupyterlab() -> str:
    return f"JupyterLab {metadata.version('jupyterlab')}, ipywidgets {metadata.version('ipywidgets')}"


def _anywidget() -> str:
    """Find anywidget's JupyterLab extension."""
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

    path = progress_file.path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(message("doctor.no_folder", folder=path.parent, reason=error.strerror)) from None
    if not os.access(path.parent, os.W_OK):
        raise Failed(message("doctor.unwritable", folder=path.parent))
    return str(path)


def _chinese() -> str:
    font = chinese_font()
    if not font:
        raise Missing(message("doctor.no_chinese"))
    return font


def _disk() -> str:
    from dlviz.data import remote

    folders = [Path.cwd()]  # notebooks are saved here
    if not os.environ.get("DLVIZ_DATA", "").strip():  # and downloads here
        folders.append(next(folder for folder in (remote.cache(), *remote.cache().parents) if folder.exists()))
        if not (folders[-1].is_dir() and os.access(folders[-1], os.W_OK)) or not shutil.disk_usage(folders[-1]).total:
            raise Failed(message("doctor.no_cache", folder=remote.cache()))
    free, folder = min((shutil.disk_usage(folder).free, folder) for folder in folders)
    if free < DISK_SPACE:
        raise Failed(
            message("doctor.little", free=free // 1_000_000, room=DISK_SPACE // 1_000_000, folder=folder.resolve())
        )
    return message("doctor.free", free=f"{free / 1e9:.1f}")


def chinese_font() -> str:
    """Return the name of an installed font with simplified Chinese, "" if there is none."""
    return _font_from_fontconfig() or _font_from_files()


def _font_from_fontconfig() -> str:
    """Ask fontconfig, which browsers on Linux use; its program ``fc-list`` may be missing."""
    program = shutil.which("fc-list")
    if program is None or sys.platform != "linux":
        return ""
    families = subprocess.run([program, ":lang=zh-cn", "family"], capture_output=True, text=True, check=False).stdout
    return min((line.split(",")[0] for line in families.splitlines()), default="")


def _font_from_files() -> str:
    files = (file for folder in FONT_FOLDERS if folder.is_dir() for file in sorted(folder.rglob("*")))
    return next((file.name for file in files if _CHINESE_FONTS.search(file.name)), "")


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
