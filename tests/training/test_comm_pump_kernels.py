"""The pump in real kernels of several ipykernel releases: which messages it handles and hands back, and where outputs belong."""

from collections.abc import Iterator

import pytest

from tests.training.kernels import RELEASES, Kernel, overlay, started

#: The oldest and the newest release each time, those between every night.
TRIED = [RELEASES[0], *(pytest.param(one, marks=pytest.mark.slow) for one in RELEASES[1:-1]), RELEASES[-1]]


@pytest.fixture(scope="module", params=TRIED)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    # Outside the folders of single tests, so that a session installs each release once.
    shared = tmp_path_factory.getbasetemp() / "overlays"
    overlay(shared, request.param)
    with started(shared, request.param) as kernel:
        yield kernel


@pytest.fixture
def kernel(running: Kernel) -> Kernel:
    """The kernel of this release, with all records cleared."""
    running.output_of("handled.clear(); hooks.clear()")
    running.iopub.clear()
    running.replies.clear()
    return running


def wait_until_cells_run(kernel: Kernel) -> None:
    """Wait until cells run again: the kernel still aborts requests after it has replied to a cell that failed."""
    kernel.wait_for(lambda: kernel.reply(kernel.run("pass"))["status"] == "ok")


def test_the_kernel_runs_the_requested_release(kernel, request):
    release = request.node.callspec.params["running"]
    assert (
        kernel.output_of("import ipykernel; print(ipykernel.__version__, CommPump.here().works)") == f"{release} True"
    )


def test_comm_messages_are_handled_during_the_cell_and_the_rest_after_it_in_order(kernel):
    cell = kernel.run("print('started'); loop(lambda: len(handled) == 5); print('ended', handled)")
    kernel.wait_for_text("started")
    first = kernel.run("print('first', len(handled))")
    sent = [kernel.send_comm(number) for number in range(3)]
    completion = kernel.send("complete_request", code="handled.app", cursor_pos=9)
    last = kernel.run("print('last', len(handled))")
    sent += [kernel.send_comm(number) for number in range(3, 5)]
    kernel.reply(last)
    assert kernel.printed(cell) == "started\nended [0, 1, 2, 3, 4]\n"
    assert (kernel.printed(first), kernel.printed(last)) == ("first 5\n", "last 5\n")
    assert any(match.endswith("append") for match in kernel.reply(completion)["matches"])
    requests = [cell, first, completion, last]
    assert [message["parent_header"]["msg_id"] for message in kernel.replies] == requests
    assert all(kernel.statuses(one) == ["busy", "idle"] for one in (*sent, *requests[1:]))
    # A page shows the last status that it received, and the cell is still busy.
    whole = [
        (message["content"]["execution_state"], message["parent_header"].get("msg_id"))
        for message in kernel.iopub
        if message["msg_type"] == "status"
    ]
    assert whole[whole.index(("idle", sent[-1])) + 1] == ("busy", cell)
    assert kernel.statuses(cell)[-1] == "idle"


def test_requests_of_an_opening_page_are_answered_during_the_cell(kernel):
    cell = kernel.run("print('started'); loop(lambda: handled)")
    kernel.wait_for_text("started")
    info = kernel.send("kernel_info_request")
    assert kernel.reply(info)["implementation"] == "ipython"
    comms = kernel.send("comm_info_request", target_name="test")
    assert "c" in kernel.reply(comms)["comms"]
    assert kernel.statuses(info) == kernel.statuses(comms) == ["busy", "idle"]
    assert set(kernel.statuses(cell)) == {"busy"}
    kernel.send_comm("end")
    assert kernel.reply(cell)["status"] == "ok"


def test_printed_text_belongs_to_the_cell_or_to_the_message_whose_handler_printed_it(kernel):
    kernel.output_of("hooks['do'] = lambda value: print('handler', value)")
    cell = kernel.run("print('before'); loop(lambda: handled); print('after')")
    kernel.wait_for_text("before")
    sent = kernel.send_comm("x")
    kernel.reply(cell)
    assert kernel.printed(sent) == "handler x\n"
    assert kernel.printed(cell) == "before\nafter\n"
    # Text that was printed before the message and not yet sent belongs to the cell as well.
    cell = kernel.run(
        "print('go', flush=True)\nfor _ in range(400):\n    print('.', end='')\n    CommPump.here()()\n    time.sleep(.001)"
    )
    kernel.wait_for_text("go")
    sent = [kernel.send_comm(number) for number in range(5)]
    kernel.reply(cell)
    assert kernel.printed(cell) == "go\n" + "." * 400
    assert [kernel.printed(one) for one in sent] == [f"handler {number}\n" for number in range(5)]


@pytest.mark.parametrize("patience", [0.0, 0.3])
def test_a_failed_loop_aborts_the_queued_cells(kernel, patience):
    kernel.output_of(f"kernel.stop_on_error_timeout = {patience}")
    cell = kernel.run("print('started')\nloop(lambda: len(handled) == 2)\nraise ValueError('no')")
    kernel.wait_for_text("started")
    behind = [kernel.run("print('never')")]
    kernel.send_comm(1)
    behind += [kernel.run("print('never')")]
    kernel.send_comm(2)
    assert kernel.reply(cell)["ename"] == "ValueError"
    assert [kernel.reply(one)["status"] for one in behind] == ["aborted", "aborted"]
    wait_until_cells_run(kernel)
    kernel.output_of("kernel.stop_on_error_timeout = 0.0")


def test_the_interrupt_button_ends_the_cell_and_nothing_else(kernel):
    cell = kernel.run("print('started')\nloop(lambda: False)")
    kernel.wait_for_text("started")
    kernel.idle(kernel.send_comm(1))
    kernel.send_comm(2)
    kernel.manager.interrupt_kernel()
    assert kernel.reply(cell)["ename"] == "KeyboardInterrupt"
    wait_until_cells_run(kernel)
    assert kernel.output_of("loop(lambda: len(handled) == 2); print(handled, CommPump.here().works)") == "[1, 2] True"
    # After the cell, the kernel's own handler of interrupts is in place again.
    kernel.manager.interrupt_kernel()
    assert kernel.output_of("print('alive')") == "alive"


def test_a_handler_that_takes_too_long_is_interrupted_and_so_is_its_cell(kernel):
    kernel.output_of("hooks['do'] = lambda value: print('slow', flush=True) or time.sleep(30)")
    cell = kernel.run("print('started')\nloop(lambda: False, 30)")
    kernel.wait_for_text("started")
    kernel.send_comm("x")
    kernel.wait_for_text("slow")
    kernel.manager.interrupt_kernel()
    assert kernel.reply(cell)["ename"] == "KeyboardInterrupt"
    wait_until_cells_run(kernel)
    assert "started" in kernel.printed(cell)
    kernel.output_of("hooks.clear()")
    assert kernel.output_of("print(handled, CommPump.here().works)") == "['x'] True"


def test_messages_taken_before_the_cell_are_handled_first_and_once(kernel):
    kernel.run("print('busy'); time.sleep(0.5)")
    kernel.wait_for_text("busy")
    cell = kernel.run("loop(lambda: len(handled) >= 7); print('inside', handled)")
    sent = [kernel.send_comm(number) for number in range(4)]
    last = kernel.run("print('behind', handled)")
    kernel.wait_for_text("busy")
    kernel.wait_for(lambda: "busy" in kernel.statuses(cell))
    sent += [kernel.send_comm(number) for number in range(4, 7)]
    kernel.reply(last)
    assert kernel.printed(cell) == "inside [0, 1, 2, 3, 4, 5, 6]\n"
    assert kernel.printed(last) == "behind [0, 1, 2, 3, 4, 5, 6]\n"
    assert kernel.output_of(
        "print(handled, 'should_handle' in vars(kernel) and bool(CommPump.here()._handled_ids))"
    ) in ("[0, 1, 2, 3, 4, 5, 6] False",)


def test_an_awaiting_loop_handles_each_message_once_and_in_order(kernel):
    cell = kernel.run(
        "import asyncio\nprint('started')\npump = CommPump.here()\nend = time.time() + 10\n"
        "while len(handled) < 30 and time.time() < end:\n    pump()\n    await asyncio.sleep(.001)\nprint(handled == [*range(30)])"
    )
    kernel.wait_for_text("started")
    for number in range(30):
        kernel.send_comm(number)
        kernel.wait_for(lambda: True)
    behind = kernel.run("print(handled == [*range(30)])")
    kernel.reply(behind)
    assert (kernel.printed(cell), kernel.printed(behind)) == ("started\nTrue\n", "True\n")


def test_a_task_that_outlives_its_cell_leaves_the_kernel_idle(kernel):
    cell = kernel.run(
        "import asyncio\nasync def train():\n    while len(handled) < 3:\n        time.sleep(.06)\n        CommPump.here()()\n"
        "        await asyncio.sleep(0)\n    print('done', flush=True)\ntask = asyncio.create_task(train())"
    )
    kernel.reply(cell)
    sent = [kernel.send_comm(number) for number in range(3)]
    kernel.wait_for_text("done")
    assert all(kernel.statuses(one)[-1] == "idle" for one in (*sent, cell))
    assert kernel.output_of("print(handled)") == "[0, 1, 2]"


def test_a_loop_started_by_a_button_receives_slider_messages(kernel):
    kernel.output_of("hooks['do'] = lambda value: value == 'train' and loop(lambda: 'move' in handled)")
    button = kernel.send_comm("train")
    kernel.wait_for(lambda: kernel.statuses(button))
    kernel.send_comm("move")
    kernel.idle(button)
    assert kernel.output_of("print(handled)") == "['train', 'move']"


def test_handlers_run_one_after_the_other(kernel):
    kernel.output_of(
        "events = []\ndef do(value):\n    events.append(f'{value} in')\n    end = time.time() + .2\n"
        "    while time.time() < end:\n        CommPump.here()()\n        time.sleep(.01)\n    events.append(f'{value} out')\n"
        "hooks['do'] = do"
    )
    cell = kernel.run("print('started')\nloop(lambda: len(events) == 4)\nprint(events)")
    kernel.wait_for_text("started")
    kernel.send_comm("a")
    kernel.send_comm("b")
    kernel.reply(cell)
    assert kernel.printed(cell) == "started\n['a in', 'a out', 'b in', 'b out']\n"


def test_a_message_during_a_cell_triggers_no_post_execute(kernel):
    ends = "ended = []\ncount = lambda: ended.append(1)\nget_ipython().events.register('post_execute', count)"
    kernel.output_of(ends)
    cell = kernel.run("ended.clear(); print('started')\nloop(lambda: len(handled) == 3)\nprint(len(ended))")
    kernel.wait_for_text("started")
    for number in range(3):
        kernel.send_comm(number)
    kernel.reply(cell)
    assert kernel.printed(cell) == "started\n0\n"
    assert kernel.output_of("print(len(ended)); get_ipython().events.unregister('post_execute', count)") == "1"


def test_a_failed_handler_ends_neither_the_cell_nor_the_pump(kernel):
    kernel.output_of("hooks['do'] = lambda value: 1 / 0")
    cell = kernel.run("print('started')\nloop(lambda: len(handled) == 2)\nprint(CommPump.here().works)")
    kernel.wait_for_text("started")
    kernel.send_comm(1)
    kernel.send_comm(2)
    kernel.reply(cell)
    assert kernel.printed(cell) == "started\nTrue\n"


def test_from_another_thread_no_message_is_handled_until_the_cell_ends(kernel):
    cell = kernel.run(
        "print('started')\ndef pumping():\n    for _ in range(30):\n        CommPump.here()()\n        time.sleep(.005)\n"
        "worker = threading.Thread(target=pumping)\nworker.start(); worker.join()\nprint(handled)"
    )
    kernel.wait_for_text("started")
    sent = kernel.send_comm(1)
    kernel.reply(cell)
    assert kernel.printed(cell) == "started\n[]\n"
    kernel.idle(sent)
    assert kernel.output_of("print(handled)") == "[1]"


def test_a_waiting_handler_ends_after_the_cell(kernel):
    kernel.output_of(
        "import asyncio\nordinary = kernel.shell_handlers['comm_info_request']\n"
        "async def waits(stream, ident, parent):\n    handled.append('started')\n    await asyncio.sleep(.01)\n"
        "    await ordinary(stream, ident, parent)\nkernel.shell_handlers['comm_info_request'] = waits"
    )
    cell = kernel.run("print('started')\nloop(lambda: handled)\nprint(handled)")
    kernel.wait_for_text("started")
    request = kernel.send("comm_info_request")
    assert "c" in kernel.reply(request)["comms"]
    assert kernel.printed(cell) == "started\n['started']\n"
    kernel.output_of("kernel.shell_handlers['comm_info_request'] = ordinary")
    assert kernel.output_of("print(handled)") == "['started']"


def test_cells_that_were_handed_back_share_their_context_variables(kernel):
    def seen(first: str) -> str:
        cell = kernel.run(
            f"import contextvars\nvariable = contextvars.ContextVar('v', default=0)\nprint('started')\n{first}"
        )
        kernel.wait_for_text("started")
        kernel.run("token = variable.set(5)")
        last = kernel.run("print(variable.get())")
        kernel.send_comm("x")
        kernel.reply(cell)
        kernel.reply(last)
        kernel.iopub.clear()
        return kernel.output_of("print(variable.get())")

    assert seen("loop(lambda: handled)") == seen("time.sleep(.3)")


def test_a_broken_pump_warns_and_the_message_reaches_the_kernel(kernel):
    kernel.output_of(
        "import dlviz.training.kernel_shell as module\nfrom contextlib import contextmanager\nwhole = module.Shell.as_parent\n"
        "def broken(self, request):\n    raise RuntimeError('planted')\nmodule.Shell.as_parent = broken\nCommPump._latest = None"
    )
    cell = kernel.run(
        "print('started')\npump = CommPump.here()\nend = time.time() + 5\n"
        "while pump.works and time.time() < end:\n    pump(); time.sleep(.002)\nprint(handled, pump.reason)"
    )
    kernel.wait_for_text("started")
    behind = kernel.run("print('behind', handled)")
    kernel.send_comm(1)
    last = kernel.run("print('last', handled)")
    kernel.reply(last)
    assert "RuntimeError: planted" in kernel.printed(cell)
    assert kernel.printed(behind) == "behind []\n"
    assert kernel.printed(last) == "last [1]\n"
    kernel.output_of("module.Shell.as_parent = whole; CommPump._latest = None")
