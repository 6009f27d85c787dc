"""A student of the benchmark's class: sends and receives a front end's messages while a lesson runs."""

import asyncio
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from jupyter_server.services.kernels.connection.base import deserialize_binary_message
from tornado.httpclient import HTTPError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from tests.benchmarks.hub import Hub

#: Timeouts in seconds for a picture, and for a kernel that starts together with twenty others.
PATIENCE, LONG = 120, 600
WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass
class Student:
    """Student that uses Jupyter's interfaces: those of the hub and the server, and the kernel's websocket."""

    hub: Hub
    name: str
    lesson: str
    times: dict[str, float] = field(default_factory=dict)
    comms: dict[str, dict] = field(default_factory=dict)
    tries: int = 0

    @property
    def server(self) -> str:
        """Path of the student's server below the hub."""
        return f"/user/{self.name}"

    async def arrive(self) -> None:
        """Start a server and wait until it is ready."""
        begun = time.perf_counter()
        await self.hub.ask(f"/hub/api/users/{self.name}", "POST")
        await self.hub.ask(f"/hub/api/users/{self.name}/server", "POST", {})
        while True:
            answer = json.loads((await self.hub.ask(f"/hub/api/users/{self.name}")).body)
            if answer["servers"].get("", {}).get("ready"):
                break
            await asyncio.sleep(0.5)
        self.times["server"] = time.perf_counter() - begun
        self._begun = begun

    async def pull(self, repository: str) -> None:
        """Pull the repository as an nbgitpuller link does before it opens the lesson."""
        asked = urlencode({"repo": repository, "branch": "main", "targetpath": "dlviz"})
        answer = (await self.hub.ask(f"{self.server}/git-pull/api?{asked}")).body.decode()
        assert '"finished"' in answer, answer[-2000:]

    async def open(self) -> None:
        """Open the lesson's file and start a kernel for it."""
        self.book = json.loads((await self.hub.ask(f"{self.server}/api/contents/{self.lesson}")).body)["content"]
        await self._begin()
        await self._connect()

    async def _begin(self) -> None:
        wanted = {"path": self.lesson, "type": "notebook", "name": "", "kernel": {"name": "python3"}}
        answer = json.loads((await self.hub.ask(f"{self.server}/api/sessions", "POST", wanted)).body)
        self.kernel = answer["kernel"]["id"]

    async def _connect(self) -> None:
        """Open the kernel's websocket; retry, as JupyterLab does, because a kernel may start too late for its server."""
        for wait in (1, 2, 4, 8, 16, 32):
            try:
                return await self._reach()
            except (ConnectionError, HTTPError, WebSocketClosedError) as error:
                self.tries += 1
                await asyncio.sleep(wait)
                if isinstance(error, HTTPError) and error.code == 404:  # the kernel died during its start
                    await self._begin()
        return await self._reach()

    async def _reach(self) -> None:
        address = f"{self.hub.address.replace('http', 'ws', 1)}{self.server}/api/kernels/{self.kernel}/channels"
        request = HTTPRequest(
            address, headers={"Authorization": f"token {self.hub.token}"}, connect_timeout=LONG, request_timeout=LONG
        )
        self.socket: WebSocketClientConnection = await websocket_connect(request, max_message_size=2**30)
        await self._until_idle(await self._say("kernel_info_request", {}), {})

    async def run(self, cell: dict[str, Any]) -> None:
        """Run a code cell as the front end does, and store its outputs in the notebook."""
        cell["outputs"], cell["execution_count"] = [], None
        asked = await self._say(
            "execute_request",
            {"code": "".join(cell["source"]), "silent": False, "store_history": True, "stop_on_error": True,
             "allow_stdin": False, "user_expressions": {}},
        )  # fmt: skip
        await self._until_idle(asked, cell)

    async def turn(self, trait: str, value: Any) -> float:
        """Set a trait of the first widget that has it; return the seconds until the kernel has sent the new picture."""
        comm = next(name for name, state in self.comms.items() if trait in state)
        begun = time.perf_counter()
        asked = await self._say("comm_msg", {"comm_id": comm, "data": {"method": "update", "state": {trait: value}}})
        cell: dict[str, Any] = {"outputs": []}
        async with asyncio.timeout(PATIENCE):
            await self._until_idle(asked, cell, drawn=comm)
        assert cell["outputs"] == [], cell["outputs"]
        return time.perf_counter() - begun

    async def restart(self) -> None:
        """Restart the kernel: its state is lost, the notebook's file remains."""
        await self.hub.ask(f"{self.server}/api/kernels/{self.kernel}/restart", "POST")
        self.socket.close()
        self.comms.clear()
        await self._connect()

    async def save(self) -> None:
        """Save the notebook with its outputs."""
        wanted = {"type": "notebook", "format": "json", "content": self.book}
        await self.hub.ask(f"{self.server}/api/contents/{self.lesson}", "PUT", wanted)

    async def _say(self, kind: str, content: dict[str, Any]) -> str:
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "username": self.name,
            "session": self.name,
            "version": "5.4",
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
            "buffers": [],
        }
        await self.socket.write_message(json.dumps(message))
        return str(header["msg_id"])

    async def _until_idle(self, asked: str, cell: dict[str, Any], drawn: str = "") -> None:
        """Process messages until the kernel has finished the request and, if `drawn` names a widget, has sent its new picture."""
        wanted = {"idle", "drawn"} if drawn else {"idle", "reply"}  # a widget's message has no reply
        while wanted:
            raw = await self.socket.read_message()
            if raw is None:
                raise ConnectionError(f"{self.name}: the kernel's connection was closed")
            message = deserialize_binary_message(raw) if isinstance(raw, bytes) else json.loads(raw)
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "comm_open":
                self.comms[content["comm_id"]] = content["data"].get("state", {})
            elif kind == "comm_close":
                self.comms.pop(content["comm_id"], None)
            elif kind == "comm_msg" and content["comm_id"] == drawn and "scene" in content["data"].get("state", {}):
                wanted.discard("drawn")
            if message["parent_header"].get("msg_id") == asked:
                if kind == "status" and content["execution_state"] == "idle":
                    wanted.discard("idle")
                elif kind.endswith("_reply"):
                    wanted.discard("reply")
                self._take(kind, content, cell)

    def _take(self, kind: str, content: dict[str, Any], cell: dict[str, Any]) -> None:
        if kind == "execute_reply":
            cell["execution_count"] = content.get("execution_count")
        elif kind in ("stream", "display_data", "execute_result", "error"):
            if WIDGET in content.get("data", {}):
                self.times.setdefault("widget", time.perf_counter() - self._begun)
            kept = {name: value for name, value in content.items() if name != "transient"}
            cell["outputs"].append({"output_type": kind, **kept})
