"""A web server on this machine, with small files in IDX format and a registry of their true checksums."""

import gzip
import hashlib
import io
import struct
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


def idx(array):
    """Return the bytes of a gzipped IDX file; mtime 0 makes them reproducible."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


def files(seed):
    """Return the four files of a set: 30 training images, 12 test images, and their labels."""
    rng = np.random.default_rng(seed)
    found = {}
    for stem, count in (("train", 30), ("t10k", 12)):
        found[f"{stem}-images-idx3-ubyte.gz"] = idx(rng.integers(0, 256, (count, 28, 28)))
        found[f"{stem}-labels-idx1-ubyte.gz"] = idx(np.arange(count) % 10)
    return found


def zipped(name, text):
    """Return the bytes of a zip file with one text; its fixed date makes them reproducible."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


TEXT = "First Citizen:\nBefore we proceed any further, hear me speak.\n"
WIKI = " anarchism originated as a term of abuse"
SETS = {
    "mnist": files(0),
    "fashion-mnist": files(1),
    "tinyshakespeare": {"input.txt": TEXT.encode()},
    "text8": {"text8.zip": zipped("text8", WIKI)},
}


def registry(sets, mirrors):
    """Return a registry.toml for these files."""
    lines = []
    for name, content in sets.items():
        addresses = ", ".join(f'"{mirror}/{name}/"' for mirror in mirrors)
        lines += [f"[{name}]", 'license = "none"', f"mirrors = [{addresses}]"]
        for file, body in content.items():
            lines += [
                f'[{name}.files."{file}"]',
                f"size = {len(body)}",
                f'sha256 = "{hashlib.sha256(body).hexdigest()}"',
            ]
    return "\n".join(lines)


class Mirror:
    """State of a server: its `pages` by path, the `requests` it received, and how it damages a response."""

    def __init__(self):
        self.pages = {f"/{name}/{file}": body for name, content in SETS.items() for file, body in content.items()}
        self.requests = []
        self.moved = {}  # redirections, by path
        self.cut = False  # announce the complete file, send half of it
        self.together = None  # a barrier that every answer waits for
        self.address = ""


@contextmanager
def serving():
    """Run a mirror on 127.0.0.1 inside the block."""
    mirror = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            mirror.requests.append(self.path)
            if self.path in mirror.moved:
                self.send_response(302)
                self.send_header("Location", mirror.moved[self.path])
                self.end_headers()
                return
            if self.path not in mirror.pages:
                self.send_error(404)
                return
            body = mirror.pages[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if mirror.together:
                mirror.together.wait(timeout=20)
            self.wfile.write(body[: len(body) // 2] if mirror.cut else body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mirror.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
