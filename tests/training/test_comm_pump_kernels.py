"""The pump in real kernels of several ipykernel releases, driven by a bare client: what is heard, handed back, and whose it is."""

from collections.abc import Iterator

import pytest

from tests.training.kernels import RELEASES, Kernel, overlay, started


@pytest.fixture(scope="module", params=RELEASES)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    # Beside the folders of the tests, so that one session installs each release once.
    shared = tmp_path_factory.getbasetemp() / "overlays"
    overlay(shared, request.param)
    with started(shared, request.param) as kernel:
        yield kernel


@pytest.fixture
def kernel(running: Kernel) -> Kernel:
    """The kernel with nothing written down; whatever the test did, the pump works at its end."""
    running.answer("heard.clear(); act.clear()")
    running.said.clear()
    running.replies.clear()
    return running


def recovered(kernel: Kernel) -> None:
    """The reply of a cell that failed comes before the kernel ends aborting."""
    kernel.wait_for(lambda: kernel.reply(kernel.run("pass"))["status"] == "ok")


def test_the_release_is_the_one_asked_for(kernel, request):
    release = request.node.callspec.params["running"]
    assert kernel.answer("import ipykernel; print(ipykernel.__version__, CommPump.here().works)") == f"{release} True"


def test_widgets_are_heard_during_the_cell_and_all_else_comes_after_it_in_order(kernel):
    cell = kernel.run("print('begun'); loop(lambda: len(heard) == 5); print('ended', heard)")
    kernel.shows("begun")
    first = kernel.run("print('first', len(heard))")
    told = [kernel.tell(number) for number in range(3)]
    completion = kernel.send("complete_request", code="heard.app", cursor_pos=9)
    last = kernel.run("print('last', len(heard))")
    told += [kernel.tell(number) for number in range(3, 5)]
    kernel.reply(last)
    assert kernel.printed(cell) == "begun\nended [0, 1, 2, 3, 4]\n"
    assert (kernel.printed(first), kernel.printed(last)) == ("first 5\n", "last 5\n")
    assert any(match.endswith("append") for match in kernel.reply(completion)["matches"])
    requests = [cell, first, completion, last]
    assert [message["parent_header"]["msg_id"] for message in kernel.replies] == requests
    assert all(kernel.statuses(one) == ["busy", "idle"] for one in (*told, *requests[1:]))
    # A page shows the last status that it has heard, and the cell is still busy.
    whole = [
        (message["content"]["execution_state"], message["parent_header"].get("msg_id"))
        for message in kernel.said
        if message["msg_type"] == "status"
    ]
    assert whole[whole.index(("idle", told[-1])) + 1] == ("busy", cell)
    assert kernel.statuses(cell)[-1] == "idle"


def test_what_a_page_asks_when_it_opens_is_answered_during_the_cell(kernel):
    cell = kernel.run("print('begun'); loop(lambda: heard)")
    kernel.shows("begun")
    info = kernel.send("kernel_info_request")
    assert kernel.reply(info)["implementation"] == "ipython"
    comms = kernel.send("comm_info_request", target_name="test")
    assert "c" in kernel.reply(comms)["comms"]
    assert kernel.statuses(info) == kernel.statuses(comms) == ["busy", "idle"]
    assert set(kernel.statuses(cell)) == {"busy"}
    kernel.tell("end")
    assert kernel.reply(cell)["status"] == "ok"


def test_each_print_belongs_to_the_cell_or_to_the_message_that_made_it(kernel):
    kernel.answer("act['do'] = lambda value: print('handler', value)")
    cell = kernel.run("print('before'); loop(lambda: heard); print('after')")
    kernel.shows("before")
    told = kernel.tell("x")
    kernel.reply(cell)
    assert kernel.printed(told) == "handler x\n"
    assert kernel.printed(cell) == "before\nafter\n"
    # What was printed and not yet sent when the message came is the cell's as well.
    cell = kernel.run(
        "print('go', flush=True)\nfor _ in range(400):\n    print('.', end='')\n    CommPump.here()()\n    time.sleep(.001)"
    )
    kernel.shows("go")
    told = [kernel.tell(number) for number in range(5)]
    kernel.reply(cell)
    assert kernel.printed(cell) == "go\n" + "." * 400
    assert [kernel.printed(one) for one in told] == [f"handler {number}\n" for number in range(5)]


@pytest.mark.parametrize("patience", [0.0, 0.3])
def test_a_loop_that_fails_aborts_the_cells_behind_it(kernel, patience):
    kernel.answer(f"kernel.stop_on_error_timeout = {patience}")
    cell = kernel.run("print('begun')\nloop(lambda: len(heard) == 2)\nraise ValueError('no')")
    kernel.shows("begun")
    behind = [kernel.run("print('never')")]
    kernel.tell(1)
    behind += [kernel.run("print('never')")]
    kernel.tell(2)
    assert kernel.reply(cell)["ename"] == "ValueError"
    assert [kernel.reply(one)["status"] for one in behind] == ["aborted", "aborted"]
    recovered(kernel)
    kernel.answer("kernel.stop_on_error_timeout = 0.0")


def test_the_interrupt_button_ends_the_cell_and_nothing_else(kernel):
    cell = kernel.run("print('begun')\nloop(lambda: False)")
    kernel.shows("begun")
    kernel.idle(kernel.tell(1))
    kernel.tell(2)
    kernel.manager.interrupt_kernel()
    assert kernel.reply(cell)["ename"] == "KeyboardInterrupt"
    recovered(kernel)
    assert kernel.answer("loop(lambda: len(heard) == 2); print(heard, CommPump.here().works)") == "[1, 2] True"
    # Outside of a cell the kernel's own handler is back.
    kernel.manager.interrupt_kernel()
    assert kernel.answer("print('alive')") == "alive"


def test_a_handler_that_takes_too_long_is_interrupted_and_so_is_its_cell(kernel):
    kernel.answer("act['do'] = lambda value: print('slow', flush=True) or time.sleep(30)")
    cell = kernel.run("print('begun')\nloop(lambda: False, 30)")
    kernel.shows("begun")
    kernel.tell("x")
    kernel.shows("slow")
    kernel.manager.interrupt_kernel()
    assert kernel.reply(cell)["ename"] == "KeyboardInterrupt"
    recovered(kernel)
    assert "begun" in kernel.printed(cell)
    kernel.answer("act.clear()")
    assert kernel.answer("print(heard, CommPump.here().works)") == "['x'] True"


def test_what_the_kernel_has_taken_before_the_cell_is_heard_first_and_once(kernel):
    kernel.run("print('busy'); time.sleep(0.5)")
    kernel.shows("busy")
    cell = kernel.run("loop(lambda: len(heard) >= 7); print('inside', heard)")
    told = [kernel.tell(number) for number in range(4)]
    last = kernel.run("print('behind', heard)")
    kernel.shows("busy")
    kernel.wait_for(lambda: "busy" in kernel.statuses(cell))
    told += [kernel.tell(number) for number in range(4, 7)]
    kernel.reply(last)
    assert kernel.printed(cell) == "inside [0, 1, 2, 3, 4, 5, 6]\n"
    assert kernel.printed(last) == "behind [0, 1, 2, 3, 4, 5, 6]\n"
    assert kernel.answer("print(heard, 'should_handle' in vars(kernel) and bool(CommPump.here()._handled_ids))") in (
        "[0, 1, 2, 3, 4, 5, 6] False",
    )


def test_a_loop_that_awaits_hears_each_message_once_and_in_order(kernel):
    cell = kernel.run(
        "import asyncio\nprint('begun')\npump = CommPump.here()\nend = time.time() + 10\n"
        "while len(heard) < 30 and time.time() < end:\n    pump()\n    await asyncio.sleep(.001)\nprint(heard == [*range(30)])"
    )
    kernel.shows("begun")
    for number in range(30):
        kernel.tell(number)
        kernel.wait_for(lambda: True)
    behind = kernel.run("print(heard == [*range(30)])")
    kernel.reply(behind)
    assert (kernel.printed(cell), kernel.printed(behind)) == ("begun\nTrue\n", "True\n")


def test_a_task_that_outlives_its_cell_leaves_the_kernel_idle(kernel):
    cell = kernel.run(
        "import asyncio\nasync def train():\n    while len(heard) < 3:\n        time.sleep(.06)\n        CommPump.here()()\n"
        "        await asyncio.sleep(0)\n    print('done', flush=True)\ntask = asyncio.create_task(train())"
    )
    kernel.reply(cell)
    told = [kernel.tell(number) for number in range(3)]
    kernel.shows("done")
    assert all(kernel.statuses(one)[-1] == "idle" for one in (*told, cell))
    assert kernel.answer("print(heard)") == "[0, 1, 2]"


def test_a_loop_that_a_button_started_hears_the_sliders(kernel):
    kernel.answer("act['do'] = lambda value: value == 'train' and loop(lambda: 'move' in heard)")
    button = kernel.tell("train")
    kernel.wait_for(lambda: kernel.statuses(button))
    kernel.tell("move")
    kernel.idle(button)
    assert kernel.answer("print(heard)") == "['train', 'move']"


def test_handlers_run_one_after_the_other(kernel):
    kernel.answer(
        "trail = []\ndef do(value):\n    trail.append(f'{value} in')\n    end = time.time() + .2\n"
        "    while time.time() < end:\n        CommPump.here()()\n        time.sleep(.01)\n    trail.append(f'{value} out')\n"
        "act['do'] = do"
    )
    cell = kernel.run("print('begun')\nloop(lambda: len(trail) == 4)\nprint(trail)")
    kernel.shows("begun")
    kernel.tell("a")
    kernel.tell("b")
    kernel.reply(cell)
    assert kernel.printed(cell) == "begun\n['a in', 'a out', 'b in', 'b out']\n"


def test_a_message_in_the_middle_of_a_cell_does_not_end_it(kernel):
    ends = "ended = []\ncount = lambda: ended.append(1)\nget_ipython().events.register('post_execute', count)"
    kernel.answer(ends)
    cell = kernel.run("ended.clear(); print('begun')\nloop(lambda: len(heard) == 3)\nprint(len(ended))")
    kernel.shows("begun")
    for number in range(3):
        kernel.tell(number)
    kernel.reply(cell)
    assert kernel.printed(cell) == "begun\n0\n"
    assert kernel.answer("print(len(ended)); get_ipython().events.unregister('post_execute', count)") == "1"


def test_a_handler_that_fails_fails_alone(kernel):
    kernel.answer("act['do'] = lambda value: 1 / 0")
    cell = kernel.run("print('begun')\nloop(lambda: len(heard) == 2)\nprint(CommPump.here().works)")
    kernel.shows("begun")
    kernel.tell(1)
    kernel.tell(2)
    kernel.reply(cell)
    assert kernel.printed(cell) == "begun\nTrue\n"


def test_from_another_thread_nothing_is_heard_until_the_cell_ends(kernel):
    cell = kernel.run(
        "print('begun')\ndef pumping():\n    for _ in range(30):\n        CommPump.here()()\n        time.sleep(.005)\n"
        "worker = threading.Thread(target=pumping)\nworker.start(); worker.join()\nprint(heard)"
    )
    kernel.shows("begun")
    told = kernel.tell(1)
    kernel.reply(cell)
    assert kernel.printed(cell) == "begun\n[]\n"
    kernel.idle(told)
    assert kernel.answer("print(heard)") == "[1]"


def test_a_handler_that_waits_ends_after_the_cell(kernel):
    kernel.answer(
        "import asyncio\nordinary = kernel.shell_handlers['comm_info_request']\n"
        "async def waits(stream, ident, parent):\n    heard.append('begun')\n    await asyncio.sleep(.01)\n"
        "    await ordinary(stream, ident, parent)\nkernel.shell_handlers['comm_info_request'] = waits"
    )
    cell = kernel.run("print('begun')\nloop(lambda: heard)\nprint(heard)")
    kernel.shows("begun")
    asked = kernel.send("comm_info_request")
    assert "c" in kernel.reply(asked)["comms"]
    assert kernel.printed(cell) == "begun\n['begun']\n"
    kernel.answer("kernel.shell_handlers['comm_info_request'] = ordinary")
    assert kernel.answer("print(heard)") == "['begun']"


def test_cells_that_were_handed_back_share_their_context_as_ever(kernel):
    def seen(first: str) -> str:
        cell = kernel.run(
            f"import contextvars\nvariable = contextvars.ContextVar('v', default=0)\nprint('begun')\n{first}"
        )
        kernel.shows("begun")
        kernel.run("token = variable.set(5)")
        last = kernel.run("print(variable.get())")
        kernel.tell("x")
        kernel.reply(cell)
        kernel.reply(last)
        kernel.said.clear()
        return kernel.answer("print(variable.get())")

    assert seen("loop(lambda: heard)") == seen("time.sleep(.3)")


def test_a_broken_pump_says_so_and_the_message_reaches_the_kernel(kernel):
    kernel.answer(
        "import dlviz.training.comm_pump as module\nfrom contextlib import contextmanager\nwhole = module._Shell.as_parent\n"
        "def broken(self, request):\n    raise RuntimeError('planted')\nmodule._Shell.as_parent = broken\nCommPump._latest = None"
    )
    cell = kernel.run(
        "print('begun')\npump = CommPump.here()\nend = time.time() + 5\n"
        "while pump.works and time.time() < end:\n    pump(); time.sleep(.002)\nprint(heard, pump.reason)"
    )
    kernel.shows("begun")
    behind = kernel.run("print('behind', heard)")
    kernel.tell(1)
    last = kernel.run("print('last', heard)")
    kernel.reply(last)
    assert "RuntimeError: planted" in kernel.printed(cell)
    assert kernel.printed(behind) == "behind []\n"
    assert kernel.printed(last) == "last [1]\n"
    kernel.answer("module._Shell.as_parent = whole; CommPump._latest = None")
