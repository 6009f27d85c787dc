"""One process of a parallel run: it receives the worker, joins the process group, runs the worker and sends back what was recorded.

The process that started it holds the other end of its standard input. A thread waits there for a byte: ``STACK`` asks where the worker
stands, ``QUIT`` lets the process end. When the other end closes, because the notebook's process has ended, this process ends with all
processes that it started. Standard output becomes the channel for pickled messages, so what the worker prints goes to standard error.
"""

import os
import pickle
import signal
import struct
import sys
import threading
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType, TracebackType
from typing import Any

#: Requests on standard input, one byte each.
STACK, QUIT = b"s", b"q"
#: In the environment of each process of a parallel run, and of the processes that it starts.
RANK_VARIABLE = "DLVIZ_PARALLEL_RANK"
#: torch's packages for Windows lack the library with which its store works by default.
USE_LIBUV = sys.platform != "win32"
#: What a place in the code is sent as: file, line, function.
Place = tuple[str, int, str]


@dataclass(frozen=True)
class Start:
    """What a process needs before it imports torch.

    Attributes:
        rank, world_size: as in ``torch.distributed``.
        port: the port of the store on 127.0.0.1 where the processes meet.
        threads: threads for one operation.
        steps: optimizer steps that are recorded.
        seconds: time limit of a collective; the run as a whole ends earlier.
    """

    rank: int
    world_size: int
    port: int
    threads: int
    steps: int
    seconds: float


@dataclass(frozen=True)
class Stack:
    """Where a worker stands.

    Attributes:
        places: the calls, outermost first.
        same: whether the innermost call is still the one of the last answer.
    """

    places: list[Place]
    same: bool

    @property
    def waits(self) -> bool:
        """Whether it waits for other processes, and has since the last answer."""
        return self.same and f"{os.sep}torch{os.sep}distributed{os.sep}" in self.places[-1][0]


@dataclass(frozen=True)
class Failure:
    """Exception of a worker.

    Attributes:
        stage: "load" for the worker itself, "run" for its call, "result" for what it returned.
        kind, text: the type's name and the message.
        places: the traceback, outermost call first.
    """

    stage: str
    kind: str
    text: str
    places: list[Place]


class Channel:
    """Connection to the process that started this one, made from standard input and output.

    Both get other meanings for the worker: there is nothing to read, and what it prints goes to standard error.
    """

    def __init__(self) -> None:
        self._input, self._output = os.dup(0), os.dup(1)
        if sys.platform == "win32":
            import msvcrt

            for descriptor in (self._input, self._output):
                msvcrt.setmode(descriptor, os.O_BINARY)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
        self._lock = threading.Lock()
        self._quit = threading.Event()
        self._main = threading.get_ident()

    def receive(self) -> bytes:
        """Return the next message."""
        (size,) = struct.unpack("<Q", self._read(8))
        return self._read(size)

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._input, min(size, 1 << 20))
            if not part:
                end_group()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def send(self, kind: str, value: Any = None) -> None:
        """Send a message."""
        data = pickle.dumps((kind, value))
        view = memoryview(struct.pack("<Q", len(data)) + data)
        with self._lock:
            while view:
                view = view[os.write(self._output, view) :]

    def listen(self) -> None:
        """Answer requests from now on, in a thread of its own."""
        threading.Thread(target=self._answer, daemon=True).start()

    def wait_for_quit(self) -> None:
        """Return when the process may end: earlier, the others would see a closed connection."""
        self._quit.wait()

    def _answer(self) -> None:
        earlier: FrameType | None = None
        while byte := os.read(self._input, 1):
            if byte == QUIT:
                self._quit.set()
            else:
                frame = sys._current_frames()[self._main]
                self.send("stack", Stack(places(frame), frame is earlier))
                earlier = frame
        end_group()


def end_group() -> None:
    """End this process and those that it started."""
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def places(frame: FrameType | None) -> list[Place]:
    """Return where a thread stands, outermost call first."""
    found = []
    while frame is not None:
        found.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return found[::-1]


def main() -> None:
    """Run one worker. The messages are a :class:`Start`, then the worker with its arguments."""
    channel = Channel()
    start: Start = pickle.loads(channel.receive())
    work = channel.receive()
    channel.listen()
    stage = "load"
    try:
        import cloudpickle
        import torch
        import torch.distributed as dist

        from dlviz.multiprocess.recorder import Recorder

        torch.set_num_threads(start.threads)
        worker, args = pickle.loads(work)
        del work
        worker = worker.load()
        store = dist.TCPStore("127.0.0.1", start.port, is_master=False, use_libuv=USE_LIBUV)
        limit = timedelta(seconds=start.seconds)
        dist.init_process_group("gloo", store=store, rank=start.rank, world_size=start.world_size, timeout=limit)
        stage = "run"
        with Recorder(start.steps) as recorder:
            channel.send("ready")
            result = worker(start.rank, start.world_size, *args)
        stage = "result"
        channel.send("result", (cloudpickle.dumps(result), recorder.recording()))
    except BaseException as error:  # also SystemExit, with which a worker would otherwise end without a word
        channel.send("error", failure(stage, error))
    channel.wait_for_quit()


def failure(stage: str, error: BaseException) -> Failure:
    """Return an exception in a form that can be sent; places in this file are left out."""
    found = []
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename != __file__:
            found.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        found.append((error.filename, error.lineno or 0, "<module>"))
    try:
        text = str(error)
    except Exception:  # a learner's exception may raise anything
        text = ""
    return Failure(stage, type(error).__name__, text, found)
