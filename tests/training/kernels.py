"""Real kernels of several ipykernel releases, each installed in a folder that precedes this environment."""

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
#: The last release with each way of taking messages, and 6.17.1, which Colab runs.
RELEASES = ("6.17.1", "6.31.0", "7.3.0", "7.4.0")


def overlay(folder: Path, release: str) -> Path:
    """Return a folder that holds only this release of ipykernel; the first call installs it."""
    path = folder / f"ipykernel-{release}"
    if not path.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", f"--target={path}"]
        done = subprocess.run([*command, f"ipykernel=={release}"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"pip could not install ipykernel {release}: {done.stderr[-1000:]}"
    return path


def spec(folder: Path, release: str) -> dict[str, Any]:
    """Return the content of kernel.json, in which the overlay precedes everything installed."""
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"ipykernel {release}",
        "language": "python",
        "env": {"PYTHONPATH": os.pathsep.join((str(overlay(folder, release)), str(ROOT)))},
    }


def write_spec(folder: Path, release: str, kernels: Path) -> str:
    """Write a kernelspec and return its name."""
    name = f"ipykernel-{release}"
    (kernels / name).mkdir(parents=True, exist_ok=True)
    (kernels / name / "kernel.json").write_text(json.dumps(spec(folder, release)), encoding="utf-8")
    return name


class Kernel:
    """A kernel and the messages received from it. Messages are sent without waiting, as a page sends them."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client
        self.iopub: list[dict] = []
        self.replies: list[dict] = []

    def send(self, kind: str, **content: Any) -> str:
        message = self.client.session.msg(kind, content)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def run(self, code: str) -> str:
        return self.send("execute_request", code=code, silent=False, store_history=True, stop_on_error=True)

    def send_comm(self, value: Any, comm: str = "c") -> str:
        """Send a message of a widget and return its id."""
        return self.send("comm_msg", comm_id=comm, data=value)

    def wait_for(self, condition, seconds: float = 20.0):
        """Receive messages until the condition is true, and return its value."""
        end = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < end, self.texts()
            for channel, into in ((self.client.iopub_channel, self.iopub), (self.client.shell_channel, self.replies)):
                try:
                    into.append(channel.get_msg(timeout=0.01))
                except queue.Empty:
                    continue
        return result

    def reply(self, request: str) -> dict:
        """Wait for the reply to a request and its idle status, and return the reply."""
        replies = self.wait_for(lambda: self.replies_to(request))
        self.idle(request)
        return replies[0]["content"]

    def replies_to(self, request: str) -> list[dict]:
        return [message for message in self.replies if message["parent_header"].get("msg_id") == request]

    def statuses(self, request: str) -> list[str]:
        return [
            m["content"]["execution_state"]
            for m in self.iopub
            if m["msg_type"] == "status" and m["parent_header"].get("msg_id") == request
        ]

    def idle(self, request: str) -> None:
        self.wait_for(lambda: "idle" in self.statuses(request))

    def printed(self, request: str) -> str:
        """Return the text printed under a request."""
        self.idle(request)
        return "".join(
            m["content"]["text"]
            for m in self.iopub
            if m["msg_type"] == "stream" and m["parent_header"].get("msg_id") == request
        )

    def wait_for_text(self, text: str) -> None:
        """Wait until the text has been printed, which means that the cell has reached that line."""
        self.wait_for(lambda: text in "".join(self.texts()))

    def texts(self) -> list[str]:
        return [m["content"].get("text", "") or str(m["content"].get("traceback", "")) for m in self.iopub]

    def output_of(self, code: str) -> str:
        """Run a cell and return what it printed."""
        request = self.run(code)
        content = self.reply(request)
        assert content["status"] == "ok", content
        return self.printed(request).strip()


#: Code that opens a comm whose messages the kernel appends to `handled`, and calls `hooks["do"]` with each.
SETUP = """
import sys, time, threading
from dlviz.training.comm_pump import CommPump
from IPython import get_ipython
kernel = get_ipython().kernel
handled, hooks = [], {}
def opened(comm, message):
    @comm.on_msg
    def _(message):
        handled.append(message["content"]["data"])
        hooks.get("do", lambda value: None)(message["content"]["data"])
kernel.comm_manager.register_target("test", opened)
def loop(until, most=10.0, pump=None, step=0.002):
    pump = pump or CommPump.here()
    end = time.perf_counter() + most
    while not until() and time.perf_counter() < end:
        pump()
        time.sleep(step)
    assert until(), handled
"""


@contextmanager
def started(folder: Path, release: str | None) -> Iterator[Kernel]:
    """Start a kernel of the release, or the installed one, run the setup and open the comm."""
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
        kernel.output_of(SETUP)
        kernel.send("comm_open", comm_id="c", target_name="test", data={})
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
