"""Start the processes of a parallel run, follow them, and leave nothing of them behind."""

import json
import os
import pickle
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch.distributed as dist

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.multiprocess.child import QUIT, RANK_VARIABLE, STACK, USE_LIBUV, Failure, Stack, Start
from dlviz.multiprocess.failures import WorkerError, is_consequence, raised, standing
from dlviz.multiprocess.recorder import Recording

#: What the processes send and print: (rank, kind, value).
Events = queue.SimpleQueue[tuple[int, str, Any]]
#: Seconds for importing torch and meeting the others, for an answer or an exit, and for the failure that another one follows from.
_START, _ANSWER, _CAUSE = 120.0, 5.0, 3.0
#: Seconds between two questions where the processes stand.
_LOOK = 5.0
#: Characters of each process's output that are kept and printed.
_OUTPUT = 20_000
#: Names of the network interface that leads back to this machine: gloo would look up the host's name, which may not resolve.
_LOOPBACK = {"linux": "lo", "darwin": "lo0"}
#: What libraries print by themselves.
_NOISE = ("[Gloo] Rank ", "USDT:")
#: Runs first in each process: the path is that of the notebook, on which dlviz may be found only there.
_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from dlviz.multiprocess.child import main; main()"


@dataclass
class Process:
    """One process of a run.

    Attributes:
        rank: its rank.
        popen: the process, in a group of its own with the processes that it starts.
        output: what it has printed.
        ready: whether it has met the others and calls the worker.
        result, recording: what the worker returned, pickled, and what was recorded; None until then.
        failure: the worker's exception.
        code: exit status once the process has ended.
        stack: where it stands, once asked.
    """

    rank: int
    popen: "subprocess.Popen[bytes]"
    output: str = ""
    ready: bool = False
    result: bytes | None = None
    recording: Recording | None = None
    failure: Failure | None = None
    code: int | None = None
    stack: Stack | None = None
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether the worker has returned."""
        return self.result is not None


@dataclass(frozen=True)
class Finished:
    """What one process of a run that succeeded leaves.

    Attributes:
        result: what the worker returned.
        output: what it printed.
        recording: what was recorded.
    """

    result: Any
    output: str
    recording: Recording


def run(packed: bytes, world_size: int, *, threads: int, timeout: float, steps: int) -> tuple[list[Finished], float]:
    """Run a worker in processes of this machine.

    Args:
        packed: the worker and its arguments.
        world_size: number of processes.
        threads: threads of torch in each.
        timeout: seconds for the worker.
        steps: optimizer steps to record.

    Returns:
        What each process leaves, by rank; and the seconds until the last had finished, start included.

    Raises:
        WorkerError: a worker raised, was killed, or did not end in time.
    """
    began = time.perf_counter()
    events: Events = queue.SimpleQueue()
    processes: list[Process] = []
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, use_libuv=USE_LIBUV)
    try:
        for rank in range(world_size):
            processes.append(_start(rank, world_size, store.port, threads))
        for process in processes:
            _listen(process, events)
        for process in processes:
            start = Start(process.rank, world_size, store.port, threads, steps, _START + timeout)
            _send(process, pickle.dumps(start))
            _send(process, packed)
        _follow(processes, events, timeout)
        seconds = time.perf_counter() - began
        _let_end(processes, events)
        return [_finished(process) for process in processes], seconds
    finally:
        for process in processes:
            _end(process)
        del store


def _start(rank: int, world_size: int, port: int, threads: int) -> Process:
    places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "RANK": rank, "WORLD_SIZE": world_size}
    places |= {"LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": world_size, "GROUP_RANK": 0, "OMP_NUM_THREADS": threads}
    # The profiler's library prints a line at each start and stop below this level.
    places |= {RANK_VARIABLE: rank, "KINETO_LOG_LEVEL": 99}
    loopback = _LOOPBACK.get(sys.platform)
    if loopback in [name for _, name in socket.if_nameindex()]:
        places["GLOO_SOCKET_IFNAME"] = loopback
    command = [sys.executable, *subprocess._args_from_interpreter_flags()]  # type: ignore[attr-defined]
    popen = subprocess.Popen(
        [*command, "-c", _BOOT, json.dumps([str(path) or os.getcwd() for path in sys.path])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **{name: str(value) for name, value in places.items()}},
        start_new_session=True,
    )
    return Process(rank, popen)


def _listen(process: Process, events: Events) -> None:
    """Put what a process sends and prints into a queue, in two threads that end with it."""

    def messages() -> None:
        stream = process.popen.stdout
        assert stream is not None
        while len(head := stream.read(8)) == 8:
            (size,) = struct.unpack("<Q", head)
            data = stream.read(size)
            if len(data) < size:
                break
            events.put((process.rank, *pickle.loads(data)))
        events.put((process.rank, "closed", None))

    def printed() -> None:
        stream = process.popen.stderr
        assert stream is not None
        left = _OUTPUT
        while line := stream.readline(_OUTPUT):
            # Of a progress bar, the last state.
            text = line.decode("utf-8", "replace").rstrip("\r\n").rpartition("\r")[2] + "\n"
            if text.startswith(_NOISE) or left < 0:
                continue
            left -= len(text)
            events.put((process.rank, "printed", text if left >= 0 else message("multiprocess.output.more")))

    process.threads = [threading.Thread(target=target, daemon=True) for target in (messages, printed)]
    for thread in process.threads:
        thread.start()


def _send(process: Process, data: bytes) -> None:
    stream = process.popen.stdin
    assert stream is not None
    with suppress(OSError):  # a process that has ended is found by its exit status
        stream.write(struct.pack("<Q", len(data)))
        stream.write(data)
        stream.flush()


def _request(process: Process, request: bytes) -> None:
    assert process.popen.stdin is not None
    with suppress(OSError):
        process.popen.stdin.write(request)
        process.popen.stdin.flush()


def _unfinished(processes: list[Process]) -> list[Process]:
    return [process for process in processes if not process.done and process.code is None]


def _ask(processes: list[Process]) -> None:
    """Ask processes where they stand; the answers come with the other events."""
    for process in processes:
        process.stack = None
        _request(process, STACK)


def _take(processes: list[Process], events: Events, seconds: float) -> bool:
    """Wait for the next event and note it; return False if there is none within that many seconds."""
    try:
        rank, kind, value = events.get(timeout=max(0.0, seconds))
    except queue.Empty:
        return False
    process = processes[rank]
    if kind == "ready":
        process.ready = True
    elif kind == "result":
        process.result, process.recording = value
    elif kind == "error":
        process.failure = value
    elif kind == "stack":
        process.stack = value
    elif kind == "printed":
        process.output += value
        # From this thread, so that the text appears in the cell that waits.
        print(message("multiprocess.output.line", rank=process.rank, text=value), end="", flush=True)
    elif kind == "closed":
        with suppress(subprocess.TimeoutExpired):
            process.code = process.popen.wait(_ANSWER)
        if process.code is None:  # it has closed its output, and runs on
            process.code = 0
    return True


def _follow(processes: list[Process], events: Events, timeout: float) -> None:
    """Return when every worker has returned.

    Raises:
        WorkerError: one raised, ended its process, waits for a process that does not come, or time ran out.
    """
    deadline, look = time.monotonic() + _START, float("inf")
    while not all(process.done for process in processes):
        if look == float("inf") and all(process.ready for process in processes):
            deadline, look = time.monotonic() + timeout, time.monotonic() + _LOOK
        _take(processes, events, min(deadline, look, time.monotonic() + 1.0) - time.monotonic())
        if time.monotonic() > look:
            waiting = _unfinished(processes)
            if waiting and all(process.stack is not None and process.stack.waits for process in waiting):
                raise standing("deadlock", processes)
            _ask(waiting)
            look = time.monotonic() + _LOOK
        if time.monotonic() > deadline:
            _ask_and_wait(processes, events)
            raise standing("start" if look == float("inf") else "timeout", processes, seconds=f"{timeout:g}")
        failed = _failed(processes)
        if failed and is_consequence(failed[0]):
            # Another process has gone, and its exit status is about to be seen.
            until = time.monotonic() + _CAUSE
            while all(map(is_consequence, _failed(processes))) and time.monotonic() < until:
                _take(processes, events, until - time.monotonic())
            failed = sorted(_failed(processes), key=is_consequence)
        if failed:
            _drain(processes, events, failed[0])
            raise raised(failed[0], len(processes))


def _failed(processes: list[Process]) -> list[Process]:
    return [process for process in processes if process.failure or (process.code is not None and not process.done)]


def _drain(processes: list[Process], events: Events, failed: Process) -> None:
    """Print what a process that failed has still to say."""
    _end(failed)
    while _take(processes, events, 0.0):
        pass


def _ask_and_wait(processes: list[Process], events: Events) -> None:
    """Ask the processes that still run where they stand, and wait for their answers."""
    waiting = _unfinished(processes)
    _ask(waiting)
    until = time.monotonic() + _ANSWER
    while any(process.stack is None for process in waiting) and time.monotonic() < until:
        _take(processes, events, until - time.monotonic())


def _let_end(processes: list[Process], events: Events) -> None:
    """Let processes whose workers have returned end by themselves, so that what they still write is written."""
    for process in processes:
        _request(process, QUIT)
    until = time.monotonic() + _ANSWER
    while any(process.code is None for process in processes) and time.monotonic() < until:
        _take(processes, events, until - time.monotonic())


def _end(process: Process) -> None:
    """End a process with all that it has started, and close its pipes."""
    if sys.platform == "win32":
        process.popen.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # macOS: not permitted for a process that has ended
            os.killpg(process.popen.pid, signal.SIGKILL)
    process.popen.wait()
    for thread in process.threads:
        thread.join(_ANSWER)
    if any(thread.is_alive() for thread in process.threads):
        return  # a process that has left the group still writes, and closing would wait for it
    for stream in (process.popen.stdin, process.popen.stdout, process.popen.stderr):
        with suppress(OSError):  # of what could not be written
            stream.close()  # type: ignore[union-attr]


def _finished(process: Process) -> Finished:
    assert process.result is not None
    assert process.recording is not None
    try:
        result = pickle.loads(process.result)
    except Exception as error:
        values = {"rank": process.rank, "why": f"{type(error).__name__}: {error}"}
        raise WorkerError(message("multiprocess.error.result_load", **values), process.rank) from None
    return Finished(result, process.output, process.recording)


def refuse_nested() -> None:
    """Refuse a call from within a worker.

    Raises:
        DlvizError: this process belongs to a parallel run.
    """
    if RANK_VARIABLE in os.environ:
        raise DlvizError(message("multiprocess.refused.nested", rank=os.environ[RANK_VARIABLE]))
