"""In a real kernel: errors name the notebook's cell, an interrupt ends all processes, and so does a restart of the kernel."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.training.kernels import Kernel, started

_CELL = """from dlviz.multiprocess import record
from tests.multiprocess import workers
def worker(rank, world_size):
    print("before", flush=True)
    return 1 / rank
try:
    record(worker, nprocs=1)
except Exception as error:
    text = "\\n".join(error._render_traceback_())
print(text)
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory) -> Iterator[Kernel]:
    with started(tmp_path_factory.mktemp("kernel"), None) as kernel:
        yield kernel


def processes(folder: Path) -> list[int]:
    """Return the processes of a run, and those that they started, once there are all."""
    files = [folder / f"pids{rank}" for rank in (0, 1)]
    return [int(pid) for file in files for pid in file.read_text().split()] if all(map(Path.exists, files)) else []


def runs(pid: int) -> bool:
    """Return whether a process runs; one that has ended may wait for its parent."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_end(pids: list[int]) -> None:
    """Wait until no process of a list runs; nothing tells of the end of another process's children."""
    for _ in range(600):
        if not any(map(runs, pids)):
            return
        threading.Event().wait(0.05)
    raise AssertionError([pid for pid in pids if runs(pid)])


def start_run(kernel: Kernel, folder: Path) -> tuple[str, list[int]]:
    """Start a run that never ends, and return its request and its processes."""
    call = f"record(workers.with_children, ({str(folder / 'pids')!r},))"
    request = kernel.run(f"from tests.multiprocess import workers\nfrom dlviz.multiprocess import record\n{call}")
    pids = kernel.wait_for(lambda: processes(folder), seconds=120)
    assert len(pids) == 4
    assert all(map(runs, pids))
    return request, pids


def test_an_error_names_the_cell_and_its_line_and_what_was_printed_comes_first(kernel):
    request = kernel.run(_CELL)
    kernel.wait_for(lambda: kernel.replies_to(request), seconds=120)
    lines = kernel.printed(request).splitlines()
    assert lines == [
        "[rank 0] before",
        "WorkerError: parallel: in rank 0 of 1 the worker raised ZeroDivisionError: division by zero",
        "  cell In[2], line 5, in worker",
        "    return 1 / rank",
    ]


def test_an_interrupt_ends_all_processes(kernel, tmp_path):
    request, pids = start_run(kernel, tmp_path)
    kernel.manager.interrupt_kernel()
    kernel.wait_for(lambda: kernel.replies_to(request), seconds=60)
    assert kernel.replies_to(request)[0]["content"]["ename"] == "KeyboardInterrupt"
    wait_for_end(pids)


def test_a_restart_ends_all_processes(kernel, tmp_path):
    _, pids = start_run(kernel, tmp_path)
    kernel.manager.restart_kernel(now=True)
    wait_for_end(pids)


@pytest.mark.slow
def test_twenty_interrupts_leave_no_process(kernel, tmp_path):
    for number in range(20):
        request, pids = start_run(kernel, made(tmp_path / str(number)))
        kernel.manager.interrupt_kernel()
        kernel.wait_for(lambda request=request: kernel.replies_to(request), seconds=60)
        kernel.output_of("pass")  # requests that come right after an error are refused
        wait_for_end(pids)


@pytest.mark.slow
def test_twenty_restarts_leave_no_process(kernel, tmp_path):
    for number in range(20):
        _, pids = start_run(kernel, made(tmp_path / str(number)))
        kernel.manager.restart_kernel(now=True)
        wait_for_end(pids)
        kernel.client.wait_for_ready(timeout=120)


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder
