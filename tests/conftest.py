"""Markers by folder, slow tests only on request, and three worker processes for a run of the whole suite.

Tests named on the command line run in this process, where a debugger reaches them.
"""

import gc
import os
import sys
import warnings
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Before torch is imported: its tensors are small here, and threads of several workers and kernels would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What one process compiled, the other workers and all kernels read.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# For this process and all that it starts: Jupyter servers, kernels, runs of the lessons.
STAND_INS = str(Path(__file__).parent / "stand_ins")
sys.path.insert(0, STAND_INS)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (STAND_INS, os.environ.get("PYTHONPATH"))))

#: Binder builds on Linux, and its scripts are bash.
collect_ignore = ["test_binder.py"] if sys.platform == "win32" else []
#: Browser and notebook tests often wait for other processes, so three workers keep two cores busy.
WORKERS = 3
#: Files whose tests start a whole Jupyter server, run the lessons, or build and install packages.
LAB = {"test_exercises_lab.py", "test_predictions.py", "test_lab.py", "test_notebook7.py", "test_comm_pump.py"}
LESSONS = "test_lessons.py"
PACKAGING = {"test_wheel.py", "test_binder.py"}
#: Files that share what a package's fixture makes, by the file on whose worker they run.
TOGETHER = {"tests/browser/test_design.py": "tests/browser/test_export.py"}
#: The other files that take longest: one of them at the end would leave a single worker at work.
LONG = {"test_answers.py", "test_odd_inputs.py", "test_comm_pump_kernels.py", "test_memory.py", "test_prediction.py"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of processes that `-n auto` means."""
    return WORKERS if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


class FileScheduling(LoadScopeScheduling):
    """Tests of a file stay on one worker, because they share fixtures; but each run of a lesson is a work item of its own.

    `--dist loadgroup` would do, but pytest-xdist 3.8 cannot tell the groups of pytest 9.2, and runs every test anywhere.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return nodeid if path.endswith(LESSONS) else TOGETHER.get(path, path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling:
    """Return the scheduler of a run with several workers."""
    return FileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what collecting makes, which lives as long as the run, out of every later search for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def kind(path: Path) -> str | None:
    """Return the marker of a test, which follows from its folder."""
    if path.parent.name == "browser":
        return "lab" if path.name in LAB else "browser"
    return "lessons" if path.name == LESSONS else "packaging" if path.name in PACKAGING else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test, leave out the slow ones unless `-m` names them, and run the longest first."""
    for item in items:
        marker = kind(item.path)
        if marker:
            item.add_marker(marker)
    if "slow" not in config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
    order = ("lab", "lessons", "browser", "packaging")
    place = {marker: number for number, marker in enumerate(order)}
    items.sort(key=lambda item: place.get(kind(item.path), len(order) + (item.path.name not in LONG)))


@pytest.fixture(scope="session")
def torchvision_loads() -> Iterator[None]:
    """Let timm and transformers import torchvision where the installed one is built for another torch, and lacks its operators."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(ImportError):
            try:
                import torchvision
            except RuntimeError:
                for name in ("nms", "qnms"):
                    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
                import torchvision  # noqa: F401
    yield
    del library  # with which its operators go
