"""Two mirrors on this machine, a registry with their addresses, and a temporary cache: no request leaves the machine."""

import socket

import pytest

from dlviz.data import registry, remote
from tests.data import server


@pytest.fixture
def mirrors(tmp_path, monkeypatch):
    home = tmp_path / "cache"
    connect = socket.socket.connect

    def stay(self, address):
        assert self.family == socket.AF_UNIX or address[0] == "127.0.0.1", f"a request to {address}"
        return connect(self, address)

    with server.serving() as first, server.serving() as second:
        (tmp_path / "registry.toml").write_text(server.registry(server.SETS, [first.address, second.address]))
        monkeypatch.setattr(registry, "_PLACES", (tmp_path,))
        monkeypatch.setattr(remote, "cache", lambda: home)
        monkeypatch.setattr(socket.socket, "connect", stay)
        monkeypatch.delenv("DLVIZ_DATA", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield first, second


@pytest.fixture
def cache(tmp_path, mirrors):
    return tmp_path / "cache"
