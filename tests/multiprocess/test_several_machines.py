"""The worker file of `binder/several-machines.md` gives the same weights in a notebook, under torchrun, and on two "machines"."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dlviz.multiprocess import Record, record

PAGE = (Path(__file__).parents[2] / "binder" / "several-machines.md").read_text(encoding="utf-8")
(WORKER,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)
#: What ends a process in the middle of its second epoch, once.
_KILL = """
            if epoch == 1 and rank == 1 and not Path("killed").exists():
                Path("killed").touch()
                os._exit(1)
            optimizer.step()"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory) -> Record:
    file = tmp_path_factory.mktemp("notebook") / "worker.py"
    file.write_text(WORKER, encoding="utf-8")
    return record(f"{file}:train", (3, str(file.with_name("checkpoint.pt"))))


def torchrun(folder: Path, *options: str, code: str = WORKER) -> subprocess.Popen:
    """Start torchrun in a folder."""
    (folder / "worker.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--local-addr=127.0.0.1", *options, "worker.py"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def weights(folder: Path, *running: subprocess.Popen) -> dict[str, torch.Tensor]:
    """Wait for torchrun, and return the weights that rank 0 has saved last."""
    for process in running:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output.decode()[-3000:]
    saved = torch.load(folder / "checkpoint.pt")
    assert saved["epoch"] == 3
    return saved["net"]


def assert_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert list(a) == list(b)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_both_processes_of_a_notebook_end_with_the_same_weights(notebook):
    assert_equal(*notebook.results)
    assert [span.kind for span in notebook.ranks[0].spans].count("data") >= 12
    assert notebook.label == "train"


@pytest.mark.slow
def test_torchrun_gives_the_same_weights(notebook, tmp_path):
    assert_equal(weights(tmp_path, torchrun(tmp_path, "--nproc-per-node=2", "--standalone")), notebook.results[0])


@pytest.mark.slow
def test_two_machines_give_the_same_weights(notebook, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (command,) = re.findall(r"```bash\ntorchrun (.*) worker\.py\n```", PAGE)
    options = command.replace("NODE0:29400", f"127.0.0.1:{port}").replace("--nproc-per-node=2", "--nproc-per-node=1")
    machines = [torchrun(tmp_path, *options.split()) for _ in range(2)]
    assert_equal(weights(tmp_path, *machines), notebook.results[0])


@pytest.mark.slow
def test_a_killed_process_is_restarted_from_the_checkpoint(notebook, tmp_path):
    code = WORKER.replace("\n            optimizer.step()", _KILL)
    assert code != WORKER
    found = weights(tmp_path, torchrun(tmp_path, "--nproc-per-node=2", "--standalone", "--max-restarts=1", code=code))
    assert (tmp_path / "killed").exists()
    assert_equal(found, notebook.results[0])
