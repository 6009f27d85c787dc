"""Messages that arrive in another thread than the learner's: what may run a model waits for that thread."""

import threading
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import dlviz
from dlviz.kit import model_thread


@pytest.fixture
def loop(monkeypatch):
    """Stand in for the kernel's event loop: the list of the calls that it was asked for."""
    asked = []
    kernel = SimpleNamespace(io_loop=SimpleNamespace(add_callback=asked.append))
    monkeypatch.setattr(model_thread, "ipython_shell", lambda: SimpleNamespace(kernel=kernel))
    return asked


def in_thread(call) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def boundary():
    net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    return net, dlviz.boundary(net, *dlviz.data.moons(50))


def test_a_change_from_a_subshell_waits_for_the_main_thread_and_changes_are_merged(loop):
    net, view = boundary()
    ran_in = []
    net.register_forward_hook(lambda *_: ran_in.append(threading.current_thread()))
    in_thread(lambda: view.set_state({"resolution": 20}))
    in_thread(lambda: view.set_state({"resolution": 30}))
    assert (view.resolution, ran_in) != (30, [])
    assert ran_in == []
    assert len(loop) == 1
    loop[0]()
    assert view.resolution == 30
    assert set(ran_in) == {threading.main_thread()}


def test_a_message_from_a_subshell_is_handled_between_two_steps(loop):
    _, view = boundary()
    seen = []
    view._on_probe = lambda content: seen.append(threading.current_thread())
    in_thread(lambda: view._handle_custom_msg({"kind": "probe"}, []))
    assert seen == []
    model_thread.handle_waiting()
    assert seen == [threading.main_thread()]


def test_while_a_thread_trains_the_main_thread_waits_for_it(loop):
    _, view = boundary()
    entered, may_handle, resolutions = threading.Event(), threading.Event(), []

    def train():
        with model_thread.trains_here():
            entered.set()
            may_handle.wait(10)
            model_thread.handle_waiting()  # as between two steps
            resolutions.append(view.resolution)

    thread = threading.Thread(target=train)
    thread.start()
    assert entered.wait(10)
    before = view.resolution
    view.set_state({"resolution": before + 1})
    model_thread.handle_waiting()  # not this thread's
    assert view.resolution == before
    may_handle.set()
    thread.join()
    assert resolutions == [before + 1]


def test_what_a_thread_left_is_handled_by_the_main_thread_after_its_end(loop):
    _, view = boundary()
    with model_thread.trains_here():
        in_thread(lambda: view.set_state({"resolution": 21}))
        assert loop == []
    loop[0]()
    assert view.resolution == 21


def test_a_run_hears_its_page_in_every_thread(loop):
    run = dlviz.live()
    rate = run.knobs(lr=torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1))
    del rate
    for _ in run.steps(range(2)):
        in_thread(lambda: run._handle_custom_msg({"kind": "pause", "paused": False, "run": run.status["run"]}, []))
    assert loop == []


def test_an_error_of_a_waiting_call_is_shown_and_the_loop_goes_on(loop, monkeypatch):
    shown = []
    shell = model_thread.ipython_shell()
    shell.showtraceback = lambda: shown.append("shown")
    monkeypatch.setattr(model_thread, "ipython_shell", lambda: shell)
    in_thread(lambda: model_thread.run_when_free(lambda: 1 / 0))
    in_thread(lambda: model_thread.run_when_free(lambda: shown.append("next")))
    model_thread.handle_waiting()
    assert shown == ["shown", "next"]
