"""A real JupyterHub with its proxy, on loopback and in a separate folder."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest, HTTPResponse

#: Students have no accounts on the machine; their homes are folders below the benchmark's folder.
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.auth_token = "{secret}"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "{token}"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/homes/{{username}}"
c.Spawner.args = [
    "--allow-root", "--LabApp.expose_app_in_browser=True", "--MappingKernelManager.kernel_info_timeout=600"
]
c.Spawner.environment = {{"OMP_NUM_THREADS": "1", "DLVIZ_DATA": "{folder}/data"}}
c.Spawner.start_timeout = c.Spawner.http_timeout = 600
c.JupyterHub.services = [{{"name": "teacher", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [
    {{"name": "teacher", "scopes": ["admin:users", "admin:servers", "access:servers"], "services": ["teacher"]}}
]
"""


def proxy_of(named: str | None, folder: Path) -> list[str]:
    """Return the command of configurable-http-proxy: the given one, the one on the path, or one that npm installs into the folder."""
    found = named or shutil.which("configurable-http-proxy")
    if found is None:
        npm = [
            "npm",
            "install",
            "--silent",
            "--no-fund",
            "--no-audit",
            "--prefix",
            str(folder),
            "configurable-http-proxy",
        ]
        subprocess.run(npm, check=True, timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = str(folder / "node_modules" / ".bin" / "configurable-http-proxy")
    return [found]


def free_ports(count: int) -> list[int]:
    """Return `count` free ports."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass(frozen=True)
class Hub:
    """A running hub and its HTTP interface."""

    address: str
    token: str
    process: psutil.Process
    homes: Path

    async def ask(self, path: str, method: str = "GET", body: Any = None, seconds: float = 600) -> HTTPResponse:
        """Send one request with the teacher's token, to the hub or to a student's server."""
        request = HTTPRequest(
            self.address + path,
            method,
            headers={"Authorization": f"token {self.token}"},
            body=json.dumps(body) if body is not None else None,
            allow_nonstandard_methods=True,
            request_timeout=seconds,
            connect_timeout=seconds,
        )
        return await AsyncHTTPClient().fetch(request)


@asynccontextmanager
async def hub(folder: Path, proxy: list[str]) -> AsyncIterator[Hub]:
    """Start a hub in the folder. At the end all of its processes are stopped."""
    port, hub_port, proxy_port = free_ports(3)
    token = secrets.token_hex(16)
    (folder / "jupyterhub_config.py").write_text(
        CONFIG.format(
            port=port,
            hub_port=hub_port,
            proxy_port=proxy_port,
            secret=secrets.token_hex(16),
            token=token,
            proxy=proxy,
            folder=folder,
        ),
        encoding="utf-8",
    )
    # The spawner searches the path for jupyterhub-singleuser.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "DLVIZ", "CONFIGPROXY"))
    }
    with (folder / "hub.log").open("w") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
            cwd=folder,
            env=env | {"PATH": path},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    process = psutil.Process(running.pid)
    try:
        found = Hub(f"http://127.0.0.1:{port}", token, process, folder / "homes")
        await _until_up(found, running, folder / "hub.log")
        yield found
    except Exception:
        print((folder / "hub.log").read_text(encoding="utf-8")[-10_000:], file=sys.stderr)
        raise
    finally:
        _end(running, process)


async def _until_up(found: Hub, running: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 120
    while running.poll() is None and time.monotonic() < end:
        with suppress(OSError, HTTPError):
            await found.ask("/hub/api/", seconds=5)
            return
        await asyncio.sleep(0.5)
    raise RuntimeError(f"JupyterHub did not start: {log.read_text(encoding='utf-8')[-2000:]}")


def _end(running: subprocess.Popen, process: psutil.Process) -> None:
    try:
        below = process.children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    # The hub stops its proxy and the students' servers, and these stop their kernels.
    running.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        running.wait(30)
    if running.poll() is None:
        running.kill()
        running.wait()
    _, left = psutil.wait_procs(below, timeout=10)
    for one in left:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(left, timeout=10)
