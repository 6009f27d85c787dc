"""Markers by folder, slow tests only on request, and three worker processes for a run of the whole suite.

Tests named on the command line run in this process, where a debugger reaches them.
"""

import sys
from pathlib import Path

import pytest

#: Binder builds on Linux, and its scripts are bash.
collect_ignore = ["test_binder.py"] if sys.platform == "win32" else []
#: Browser and notebook tests often wait for other processes, so three workers keep two cores busy.
WORKERS = 3
#: Files whose tests start a whole Jupyter server, run the lessons, or build and install packages.
LAB = {"test_lab.py", "test_notebook7.py", "test_comm_pump.py"}
LESSONS = "test_lessons.py"
PACKAGING = {"test_wheel.py", "test_binder.py"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of processes that `-n auto` means."""
    return WORKERS if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


def kind(path: Path) -> str | None:
    """Return the marker of a test, which follows from its folder."""
    if path.parent.name == "browser":
        return "lab" if path.name in LAB else "browser"
    return "lessons" if path.name == LESSONS else "packaging" if path.name in PACKAGING else None


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test, leave out the slow ones unless `-m` names them, and run the longest first.

    Each lesson is a separate work item for a worker; the tests of any other file stay together, because they share fixtures.
    """
    for item in items:
        marker = kind(item.path)
        if marker:
            item.add_marker(marker)
        if marker != "lessons":
            item.add_marker(pytest.mark.xdist_group(item.path.as_posix()))
    if "slow" not in config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
    order = ("lab", "lessons", "browser")
    items.sort(key=lambda item: next((k for k, name in enumerate(order) if item.get_closest_marker(name)), len(order)))
