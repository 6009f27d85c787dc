"""The pump with a stand-in for a kernel: what it requires of it, which messages it handles, and that none is lost when something fails."""

import asyncio
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.session import Session

from dlviz.kit.messages import message
from dlviz.training import comm_pump as module
from dlviz.training.comm_pump import CommPump
from dlviz.training.kernel_shell import HANDLED_TYPES


class Frame:
    """One frame of a message, as pyzmq returns it without copying."""

    def __init__(self, data: bytes) -> None:
        self.bytes = data

    def __buffer__(self, flags: int) -> memoryview:
        return memoryview(self.bytes)


class Socket:
    """Socket with waiting messages, oldest first. `fails` is raised instead of returning one; `on_take` is called after one is taken."""

    def __init__(self) -> None:
        self.waiting: list[list[Frame]] = []
        self.on_take: Any = None
        self.fails: Exception | None = None

    def poll(self, timeout: int) -> int:
        assert timeout == 0
        return len(self.waiting)

    def recv_multipart(self, *, copy: bool) -> list[Frame]:
        assert not copy
        if self.fails:
            raise self.fails
        frames = self.waiting.pop(0)
        if self.on_take:
            self.on_take()
        return frames


class Stream:
    def __init__(self, receive: Any) -> None:
        self.socket = Socket()
        self._recv_callback = receive
        self.rearmed = 0

    def on_recv(self, callback: Any, *, copy: bool) -> None:
        assert callback is self._recv_callback
        assert not copy
        self.rearmed += 1

    def _run_callback(self, callback: Any, frames: Any) -> None:
        callback(frames)

    def sending(self) -> bool:
        return False

    def flush(self, flag: int) -> None:
        raise AssertionError("nothing to send")


class Kernel:
    """The attributes of an ipykernel 6 kernel that the pump may use."""

    def __init__(self) -> None:
        self.session = Session(key=b"key")
        self.logged: list[str] = []
        self.log = SimpleNamespace(error=lambda text, exc_info: self.logged.append(text))
        self.handed_back: list[str] = []
        self.handled: list[Any] = []
        self.events: list[Any] = []
        self.callbacks: list[Any] = []
        self._parent_ident = {"shell": b"cell's"}
        self.parent: dict[str, Any] = {"header": {"msg_id": "cell"}}
        self.shell_stream = Stream(partial(self.schedule, "dispatch"))
        self.msg_queue = SimpleNamespace(_queue=[])
        self.io_loop = SimpleNamespace(add_callback=self.add_callback, asyncio_loop=None)
        self.shell_handlers = dict.fromkeys(HANDLED_TYPES, self.handle)

    def add_callback(self, call: Any, *args: Any) -> None:
        self.callbacks.append((call, args))

    def schedule(self, how: str, frames: Any) -> None:
        self.handed_back.append(self.kind_and_id(frames))

    def kind_and_id(self, frames: Any) -> str:
        _, body = self.session.feed_identities(frames, copy=False)
        header = self.session.deserialize(body, content=False, copy=False)["header"]
        return header["msg_type"] + " " + header["msg_id"]

    def handle(self, stream: Any, idents: Any, content: Any) -> None:
        assert stream is self.shell_stream
        assert self.parent is content
        self.handled.append(content["content"]["data"])

    def set_parent(self, idents: Any, parent: Any, channel: str) -> None:
        assert channel == "shell"
        self._parent_ident["shell"], self.parent = idents, parent

    def get_parent(self, channel: str) -> Any:
        return self.parent

    def should_handle(self, stream: Any, content: Any, idents: Any) -> bool:
        return True

    def _publish_status(self, status: str, channel: str) -> None:
        self.events.append((status, self.parent["header"]["msg_id"]))

    def frames(self, kind: str, data: Any = None) -> list[Frame]:
        content = self.session.msg(kind, {"data": data, "comm_id": "c"})
        return [Frame(b"page"), *(Frame(part) for part in self.session.serialize(content))]

    def send(self, kind: str, data: Any = None) -> str:
        frames = self.frames(kind, data)
        self.shell_stream.socket.waiting.append(frames)
        return self.kind_and_id(frames)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    monkeypatch.setattr(module.asyncio, "all_tasks", lambda loop: set())
    monkeypatch.setattr(module.asyncio, "get_running_loop", lambda: "loop")
    kernel = Kernel()
    kernel.io_loop.asyncio_loop = "loop"
    # A shell starts commands in the background with interrupts ignored, which a kernel never has.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield kernel
    signal.signal(signal.SIGINT, before)


def poll_now(pump: CommPump) -> None:
    """Poll once, however recent the last poll was."""
    if pump.works:
        pump._next_poll = 0.0
    pump()


def test_comm_messages_are_handled_and_the_rest_is_handed_back_in_order(kernel):
    pump = CommPump(kernel)
    assert (pump.works, pump.reason) == (True, "")
    first = kernel.send("execute_request")
    kernel.send("comm_open", 1)
    middle = [kernel.send("complete_request"), kernel.send("shutdown_request")]
    kernel.send("comm_msg", 2)
    kernel.send("comm_close", 3)
    last = kernel.send("execute_request")
    poll_now(pump)
    assert kernel.handled == [1, 2, 3]
    assert kernel.handed_back == [first, *middle, last]
    assert (kernel._parent_ident["shell"], kernel.parent["header"]["msg_id"]) == (b"cell's", "cell")
    assert [status for status, _ in kernel.events] == ["busy", "idle"] * 3 + ["busy"]
    assert [owner == "cell" for _, owner in kernel.events] == [False] * 6 + [True]
    assert kernel.shell_stream.rearmed


def test_messages_that_the_kernel_had_taken_are_handled_first_and_skipped_later(kernel):
    taken = [kernel.frames("comm_msg", 1), kernel.frames("execute_request"), kernel.frames("comm_msg", 2)]
    kernel.msg_queue._queue = [
        (0, "dispatch", (taken[0],)),
        (1, "stop", ()),
        *((2, "dispatch", (t,)) for t in taken[1:]),
    ]
    kernel.send("comm_msg", 3)
    pump = CommPump(kernel)
    poll_now(pump)
    assert kernel.handled == [1, 2, 3]
    poll_now(pump)
    pump._on_loop_ran()
    poll_now(pump)
    assert kernel.handled == [1, 2, 3]
    answers = []
    for frames in taken:
        _, body = kernel.session.feed_identities(frames, copy=False)
        content = kernel.session.deserialize(body, content=True, copy=False)  # not taken for a repeated signature
        answers.append(kernel.should_handle(None, content, None))
    assert answers == [False, True, False]
    assert kernel.should_handle(None, content, None)


def test_nothing_is_polled_before_the_period_ends(kernel):
    pump = CommPump(kernel)
    pump()
    kernel.send("comm_msg", 1)
    pump()
    assert kernel.handled == []
    poll_now(pump)
    assert kernel.handled == [1]


def test_a_flood_of_messages_leaves_time_to_the_loop(kernel, monkeypatch):
    clock = iter(range(1, 10_000))
    monkeypatch.setattr(module, "perf_counter", lambda: next(clock) * module.POLL_PERIOD / 4)
    for number in range(100):
        kernel.send("comm_msg", number)
    poll_now(CommPump(kernel))
    assert 1 <= len(kernel.handled) < 10
    assert kernel.handled == [*range(len(kernel.handled))]
    assert kernel.shell_stream.rearmed


def test_an_unreadable_message_is_handed_back_unchanged(kernel):
    pump, back = CommPump(kernel), []
    kernel.shell_stream._recv_callback = lambda frames: back.append([frame.bytes for frame in frames])
    unknown = [Frame(b"stop aborting")]
    forged = kernel.frames("comm_msg", 1)
    forged[2] = Frame(b"0" * 64)
    kernel.shell_stream.socket.waiting += [unknown, forged]
    poll_now(pump)
    assert back == [[b"stop aborting"], [frame.bytes for frame in forged]]
    assert kernel.handled == []
    assert pump.works


def test_the_pump_does_nothing_in_another_thread_a_forked_process_or_outside_the_kernel_s_loop(kernel, monkeypatch):
    pump = CommPump(kernel)
    kernel.send("comm_msg", 1)
    thread = threading.Thread(target=poll_now, args=(pump,))
    thread.start()
    thread.join()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(os, "getpid", lambda: -1)
        poll_now(pump)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(module.asyncio, "get_running_loop", lambda: "another")
        poll_now(pump)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(module.asyncio, "get_running_loop", asyncio.events.get_running_loop)
        poll_now(pump)
    assert (kernel.handled, pump.works) == ([], True)
    poll_now(pump)
    assert kernel.handled == [1]


def test_without_a_kernel_the_pump_does_nothing_and_warns_of_nothing():
    pump = CommPump.here()
    assert pump is CommPump.here()
    for _ in range(3):
        pump()
    assert (pump.works, pump.reason) == (False, message("training.pump.no_kernel"))


PATHS = (
    "shell_stream",
    "shell_stream.socket.poll",
    "shell_stream.socket.recv_multipart",
    "shell_stream.on_recv",
    "shell_stream.sending",
    "shell_stream.flush",
    "shell_stream._run_callback",
    "shell_stream._recv_callback",
    "session.feed_identities",
    "session.deserialize",
    "session.digest_history",
    "set_parent",
    "get_parent",
    "should_handle",
    "_publish_status",
    "io_loop.add_callback",
    "shell_handlers",
    "_parent_ident",
    "msg_queue._queue",
    "log.error",
)


@pytest.mark.parametrize("value", [None, 5], ids=["missing", "another type"])
@pytest.mark.parametrize("path", PATHS)
def test_a_kernel_with_an_unexpected_attribute_is_left_alone_with_one_warning(path, value, kernel):
    real = kernel.session
    kernel.session = SimpleNamespace(
        feed_identities=real.feed_identities, deserialize=real.deserialize, digest_history=real.digest_history
    )
    *owners, name = path.split(".")
    owner: Any = kernel
    for step in owners:
        owner = getattr(owner, step)
    setattr(owner, name, value)
    with pytest.warns(UserWarning, match="act after the cell") as warned:
        pump = CommPump(kernel)
    assert [str(one.message) for one in warned] == [pump.reason]
    assert path in pump.reason
    assert not pump.works
    for _ in range(3):
        poll_now(pump)


def test_a_kernel_that_is_not_ipykernel_is_left_alone(monkeypatch):
    monkeypatch.setattr(module, "_kernel", lambda: object())
    monkeypatch.setattr(CommPump, "_latest", None)
    with pytest.warns(UserWarning, match=r"builtins.*has no shell_stream"):
        pump = CommPump.here()
    assert not pump.works


def break_parent(kernel: Kernel) -> None:
    kernel.set_parent = lambda *_, **__: 1 / 0  # type: ignore[assignment]


def break_status(kernel: Kernel) -> None:
    kernel._publish_status = lambda *_: 1 / 0  # type: ignore[assignment, return-value]


def break_socket(kernel: Kernel) -> None:
    kernel.shell_stream.socket.fails = OSError("planted")


def break_callback(kernel: Kernel) -> None:
    kernel.shell_stream._run_callback = lambda *_: 1 / 0  # type: ignore[assignment, method-assign, return-value]


@pytest.mark.parametrize("break_kernel", [break_parent, break_status, break_socket, break_callback])
def test_a_failed_poll_is_the_last_and_loses_no_message(break_kernel, kernel):
    pump = CommPump(kernel)
    poll_now(pump)
    kernel.callbacks.clear()
    sent = [kernel.send("comm_msg", 1), kernel.send("execute_request"), kernel.send("comm_msg", 2)]
    break_kernel(kernel)
    with pytest.warns(UserWarning, match="No message is lost"):
        poll_now(pump)
    assert not pump.works
    assert ("planted" in pump.reason) or ("division by zero" in pump.reason)
    poll_now(pump)
    for call, args in kernel.callbacks:
        call(*args)
    left = [kernel.kind_and_id(frames) for frames in kernel.shell_stream.socket.waiting]
    handled = 1 if kernel.handled else 0
    assert kernel.handed_back + left == sent[handled:]
    assert len(kernel.handled) == handled
    assert kernel.shell_stream.rearmed >= 2


def test_a_warning_that_is_an_error_does_not_end_the_loop(kernel, capsys):
    pump = CommPump(kernel)
    kernel.send("comm_msg", 1)
    break_socket(kernel)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        poll_now(pump)
    assert pump.reason in capsys.readouterr().err


def test_an_interrupt_waits_until_the_message_is_handled_or_handed_back(kernel):
    pump = CommPump(kernel)
    execute_request = kernel.send("execute_request")
    kernel.send("comm_msg", 1)
    kernel.shell_stream.socket.on_take = lambda: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        poll_now(pump)
    assert kernel.handed_back == [execute_request]
    with pytest.raises(KeyboardInterrupt):
        poll_now(pump)
    assert kernel.handled == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert (pump.works, kernel.parent["header"]["msg_id"]) == (True, "cell")


def test_an_interrupt_of_a_handler_ends_the_cell(kernel):
    pump = CommPump(kernel)
    kernel.shell_handlers["comm_msg"] = lambda *_: signal.raise_signal(signal.SIGINT)
    kernel.send("comm_msg", 1)
    kernel.send("comm_msg", 2)
    with pytest.raises(KeyboardInterrupt):
        poll_now(pump)
    assert len(kernel.shell_stream.socket.waiting) == 1
    assert (pump.works, kernel.parent["header"]["msg_id"]) == (True, "cell")


def test_a_failed_handler_is_logged_and_the_next_message_handled(kernel):
    pump = CommPump(kernel)
    kernel.shell_handlers["comm_open"] = lambda *_: 1 / 0
    kernel.send("comm_open", 1)
    kernel.send("comm_msg", 2)
    poll_now(pump)
    assert (kernel.handled, pump.works) == ([2], True)
    assert kernel.logged == ["Exception in message handler:"]


def test_a_handler_that_pumps_in_turn_changes_nothing(kernel):
    pump, order = CommPump(kernel), []

    def handle(stream: Any, idents: Any, content: Any) -> None:
        order.append(content["content"]["data"])
        poll_now(pump)
        order.append(-content["content"]["data"])

    kernel.shell_handlers["comm_msg"] = handle
    for number in (1, 2):
        kernel.send("comm_msg", number)
    poll_now(pump)
    assert order == [1, -1, 2, -2]


def test_a_coroutine_runs_to_its_end_or_continues_after_its_first_wait():
    events: list[Any] = []

    async def at_once() -> None:
        events.append("at once")

    async def waits(future: "asyncio.Future[int]") -> None:
        events.append("started")
        try:
            events.append(await future)
        except ValueError as error:
            events.append(str(error))
        await asyncio.sleep(0)
        events.append("ended")

    async def cell() -> None:
        good, bad = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()
        module._start(at_once())
        module._start(waits(good))
        module._start(waits(bad))
        module._start(None)
        events.append("cell")
        good.set_result(7)
        bad.set_exception(ValueError("bad"))
        while module._tasks:
            await asyncio.sleep(0)

    asyncio.run(cell())
    assert events == ["at once", "started", "started", "cell", 7, "bad", "ended", "ended"]
