"""The whole suite is shared out to two processes; tests named on the command line run in this one, where a debugger reaches them."""

import sys

import pytest

#: Binder builds on Linux, and its scripts are bash.
collect_ignore = ["test_binder.py"] if sys.platform == "win32" else []
#: Browser tests bring processes of their own; more than two at once crowd a small machine.
WORKERS = 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes `-n auto` means."""
    return WORKERS if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The lessons take longest of all files: first, so that one process runs them while the other does the rest."""
    items.sort(key=lambda item: item.path.name != "test_lessons.py")
