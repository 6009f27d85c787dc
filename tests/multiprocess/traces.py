"""What a run could leave behind in the process that started it, and on the machine."""

import os
import random
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import psutil
import torch


def traces() -> dict[str, object]:
    """Return what must be the same before and after a run."""
    process = psutil.Process()
    return {
        "descriptors": process.num_handles() if os.name == "nt" else process.num_fds(),
        "threads": threading.active_count(),
        "native threads": process.num_threads(),
        "children": {child.pid for child in process.children(recursive=True)},
        "ports": {one.laddr for one in process.net_connections("tcp")},
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "random": (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()),
        "torch threads": torch.get_num_threads(),
        "initialized": torch.distributed.is_initialized(),
    }


@contextmanager
def leaving_nothing(folder: Path) -> Iterator[None]:
    """Check that the block leaves no process, port, file, thread or descriptor, and changes no state of this process.

    Args:
        folder: an empty folder, in which the folder for temporary files is made.
    """
    torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # its library starts here
    temporary = folder / "temporary"
    temporary.mkdir()
    # torch makes the second folder in every process that trains.
    places = {"TMPDIR": str(temporary), "TORCHINDUCTOR_CACHE_DIR": str(folder / "compiled")}
    with mock.patch.dict(os.environ, places), mock.patch.object(tempfile, "tempdir", None):
        before = traces()
        yield
        for _ in range(100):
            after = traces()
            if after["native threads"] == before["native threads"]:
                break
            threading.Event().wait(0.05)  # a thread that has been joined may still be about to end
        assert {name: (before[name], after[name]) for name in before if before[name] != after[name]} == {}
    assert list(temporary.iterdir()) == []
