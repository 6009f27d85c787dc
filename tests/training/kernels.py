"""Real kernels of chosen ipykernel releases, each with just that package laid over this environment."""

import json
import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpec

ROOT = Path(__file__).parents[2]
#: The last of each way to take messages, and 6.17.1, which Colab runs.
RELEASES = ("6.17.1", "6.31.0", "7.3.0", "7.4.0")


def overlay(folder: Path, release: str) -> Path:
    """A folder with ipykernel of that release and nothing else, installed on the first call."""
    path = folder / f"ipykernel-{release}"
    if not path.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", f"--target={path}"]
        done = subprocess.run([*command, f"ipykernel=={release}"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"pip could not install ipykernel {release}: {done.stderr[-1000:]}"
    return path


def spec(folder: Path, release: str) -> dict[str, Any]:
    """What kernel.json holds: the overlay comes before everything that is installed."""
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"ipykernel {release}",
        "language": "python",
        "env": {"PYTHONPATH": os.pathsep.join((str(overlay(folder, release)), str(ROOT)))},
    }


def write_spec(folder: Path, release: str, kernels: Path) -> str:
    """Write a kernelspec and answer its name."""
    name = f"ipykernel-{release}"
    (kernels / name).mkdir(parents=True, exist_ok=True)
    (kernels / name / "kernel.json").write_text(json.dumps(spec(folder, release)), encoding="utf-8")
    return name


class Kernel:
    """A kernel and all that it has said. Messages are sent without waiting, as a page sends them."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client
        self.said: list[dict] = []
        self.replies: list[dict] = []

    def send(self, kind: str, **content: Any) -> str:
        message = self.client.session.msg(kind, content)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def run(self, code: str) -> str:
        return self.send("execute_request", code=code, silent=False, store_history=True, stop_on_error=True)

    def tell(self, value: Any, comm: str = "c") -> str:
        """One message of a widget."""
        return self.send("comm_msg", comm_id=comm, data=value)

    def wait_for(self, condition, seconds: float = 20.0):
        """Read what the kernel says until the condition holds; answers what it gave."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, self.texts()
            for channel, into in ((self.client.iopub_channel, self.said), (self.client.shell_channel, self.replies)):
                try:
                    into.append(channel.get_msg(timeout=0.01))
                except queue.Empty:
                    continue
        return found

    def reply(self, asked: str) -> dict:
        """The reply to a request, once its idle status has come too."""
        found = self.wait_for(lambda: self.has_replied(asked))
        self.idle(asked)
        return found[0]["content"]

    def has_replied(self, asked: str) -> list[dict]:
        return [message for message in self.replies if message["parent_header"].get("msg_id") == asked]

    def statuses(self, asked: str) -> list[str]:
        return [
            m["content"]["execution_state"]
            for m in self.said
            if m["msg_type"] == "status" and m["parent_header"].get("msg_id") == asked
        ]

    def idle(self, asked: str) -> None:
        self.wait_for(lambda: "idle" in self.statuses(asked))

    def printed(self, asked: str) -> str:
        """What came out under that request."""
        self.idle(asked)
        return "".join(
            m["content"]["text"]
            for m in self.said
            if m["msg_type"] == "stream" and m["parent_header"].get("msg_id") == asked
        )

    def shows(self, text: str) -> None:
        """Wait until something printed holds the text: the cell has come to that place."""
        self.wait_for(lambda: text in "".join(self.texts()))

    def texts(self) -> list[str]:
        return [m["content"].get("text", "") or str(m["content"].get("traceback", "")) for m in self.said]

    def answer(self, code: str) -> str:
        """Run a cell and answer what it printed."""
        asked = self.run(code)
        content = self.reply(asked)
        assert content["status"] == "ok", content
        return self.printed(asked).strip()


#: A comm whose messages the kernel writes down.
SETUP = """
import sys, time, threading
from dlviz.training.comm_pump import CommPump
from IPython import get_ipython
kernel = get_ipython().kernel
heard, act = [], {}
def opened(comm, message):
    @comm.on_msg
    def _(message):
        heard.append(message["content"]["data"])
        act.get("do", lambda value: None)(message["content"]["data"])
kernel.comm_manager.register_target("test", opened)
def loop(until, most=10.0, pump=None, step=0.002):
    pump = pump or CommPump.here()
    end = time.perf_counter() + most
    while not until() and time.perf_counter() < end:
        pump()
        time.sleep(step)
    assert until(), heard
"""


@contextmanager
def started(folder: Path, release: str | None) -> Iterator[Kernel]:
    """A kernel of the release, or the one installed here, with the setup run and the comm open."""
    manager = KernelManager()
    if release is not None:
        manager._kernel_spec = KernelSpec(**spec(folder, release))
    own = {name: str(folder / name) for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")}
    manager.start_kernel(env={**os.environ, **own, "PYTHONPATH": str(ROOT)}, cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        kernel = Kernel(manager, client)
        kernel.answer(SETUP)
        kernel.send("comm_open", comm_id="c", target_name="test", data={})
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
