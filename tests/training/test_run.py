"""The learner's loop stays unchanged: steps, epochs, hyperparameters at step boundaries, pause, stop, errors, threads."""

import asyncio
import gc
import inspect
import json
import sys
import textwrap
import threading
import time
import tracemalloc
import types

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import nn
from torch.nn import functional as F
from traitlets.config import Config

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.training import Run
from dlviz.training import run as run_module


def test_the_batches_are_the_loaders_own_in_order():
    loader = torch.utils.data.DataLoader(torch.arange(10), batch_size=4)
    run = dlviz.live()
    assert [batch.tolist() for batch in run.steps(loader)] == [batch.tolist() for batch in loader]
    assert run.state == "finished"
    assert run.status["steps"] == 3


def test_training_with_a_run_is_bitwise_equal_to_plain_training():
    def train(run):
        dlviz.seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        opt = torch.optim.Adam(net.parameters(), lr=0.01)
        data = torch.utils.data.TensorDataset(torch.randn(40, 4), torch.randn(40, 1))
        loader = torch.utils.data.DataLoader(data, 8, shuffle=True)
        if run is not None:
            run.knobs(lr=opt, dropout=net, batch_size=loader)
        for _ in range(3) if run is None else run.epochs(3):
            for x, y in loader if run is None else run.steps(loader):
                loss = F.mse_loss(net(x), y)
                opt.zero_grad()
                loss.backward()
                opt.step()
                if run is not None:
                    run.log(loss=loss)
        return torch.cat([p.flatten() for p in net.parameters()])

    run = dlviz.live()
    assert torch.equal(train(None), train(run))
    assert len(run.history["loss"]) == 15
    assert run.status["epoch"] == 3
    assert run.status["step"] == run.status["steps"] == 15


def test_a_requested_value_is_applied_at_the_next_step_and_marked():
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    run, seen = dlviz.live(), []
    run.knobs(lr=opt)
    for step in run.steps(range(4)):
        if step == 1:
            run.settings = {"lr": 0.5}
        seen.append(opt.param_groups[0]["lr"])
    assert seen == [0.1, 0.1, 0.5, 0.5]
    (mark,) = run.history.marks
    assert (mark.step, mark.kind, mark.name, mark.old, mark.new) == (3, "hyperparameter", "lr", 0.1, 0.5)


def test_logged_values_are_kept_at_their_steps():
    run = dlviz.live()
    total = torch.zeros(())
    for step in run.steps(range(3)):
        total += step
        run.log(total=total, half=step / 2)  # the tensor is written to again afterwards
    run.log(val=9)
    assert list(run.history["total"].values) == [0.0, 1.0, 3.0]
    assert list(run.history["half"].steps) == [1, 2, 3]
    assert list(run.history["val"].steps) == [3]


@pytest.mark.parametrize("value", [torch.zeros(2), "low", None, [1]])
def test_a_value_that_is_not_a_number_is_refused(value):
    with pytest.raises(DlvizError, match="log: loss must be a number or a tensor of one element"):
        dlviz.live().log(loss=value)


def test_stop_ends_steps_and_epochs_at_the_next_step():
    run, count = dlviz.live(), 0
    for _ in run.epochs(5):
        for step in run.steps(range(10)):
            count += 1
            if step == 3:
                run.stop()
    assert count == 4
    assert run.state == "stopped"
    assert run.status["epoch"] == 1
    assert len(list(run.steps(range(3)))) == 3  # the next loop runs again


def test_break_keeps_the_logged_values():
    run = dlviz.live()
    for step in run.steps(range(100)):
        run.log(loss=1.0)
        if step == 4:
            break
    assert run.state == "stopped"
    assert len(run.history["loss"]) == 5


def test_a_paused_run_waits_applies_settings_and_continues():
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    run, seen = dlviz.live(), []

    def train():
        for step in run.steps(range(6)):
            seen.append((step, opt.param_groups[0]["lr"]))
            if step == 2:
                run.paused = True

    run.knobs(lr=opt)
    run.start(train)
    until(lambda: run.state == "paused")
    run.settings = {"lr": 0.7}
    run._handle_custom_msg({"kind": "step"}, [])  # the message of the page's button
    until(lambda: len(seen) == 4)
    assert run.state in ("paused", "running")
    assert seen[3] == (3, 0.7)
    run.paused = False
    run.wait(10)
    assert [step for step, _ in seen] == list(range(6))
    assert run.state == "finished"


@pytest.mark.parametrize(
    "command", [{"kind": "pause", "paused": True}, {"kind": "stop"}, {"kind": "restart"}, {"kind": "step"}]
)
@pytest.mark.parametrize("seen", ["earlier run", "none"])
def test_a_command_that_comes_after_its_run_is_dropped(command, seen):
    run = dlviz.live()
    run.restarts(seed=0)
    for _ in run.steps(range(3)):
        number = run.status["run"]
    run._handle_custom_msg(command, [])
    run.set_state({"paused": True})
    steps = []

    def train():
        # A plain loop in a thread, so that a test that hangs can be ended.
        for step in run.steps(range(3)):
            if step == 0 and seen == "earlier run":
                run._handle_custom_msg({**command, "run": number}, [])
            steps.append(step)

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    thread.join(10)
    hangs = thread.is_alive()
    run.paused = False
    thread.join(10)
    assert not hangs
    assert steps == [0, 1, 2]
    assert (run.state, run.past_runs) == ("finished", [])


@pytest.mark.parametrize("command", ["pause", "restart", "step"])
def test_what_was_asked_of_a_loop_that_was_left_is_not_asked_of_the_next(command):
    run, steps = dlviz.live(), []
    run.restarts(seed=0)
    for _ in run.steps(range(3)):
        run._handle_custom_msg({"kind": command, "paused": True}, [])
        break
    assert not run.paused
    thread = threading.Thread(target=lambda: steps.extend(run.steps(range(3))), daemon=True)
    thread.start()
    thread.join(10)
    run.paused = False
    assert steps == [0, 1, 2]
    assert run.past_runs == []


def test_a_command_of_the_page_acts_on_the_run_that_it_has_seen():
    run, steps = dlviz.live(), []
    for step in run.steps(range(5)):
        steps.append(step)
        if step == 2:
            run._handle_custom_msg({"kind": "stop", "run": run.status["run"]}, [])
    assert steps == [0, 1, 2]
    assert run.state == "stopped"


def test_a_run_that_is_paused_from_python_beforehand_begins_paused():
    run, steps = dlviz.live(), []
    run.paused = True
    run.start(lambda: steps.extend(run.steps(range(2))))
    until(lambda: run.state == "paused")
    assert steps == []
    run.paused = False
    run.wait(10)
    assert steps == [0, 1]


def test_an_epoch_without_steps_is_a_step():
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    run, lrs = dlviz.live(), []
    run.knobs(lr=opt)
    for epoch in run.epochs(6):
        lrs.append(opt.param_groups[0]["lr"])
        run.log(loss=1 / (epoch + 1))
        run.log(val_loss=2.0)
        if epoch == 3:
            run.settings = {"lr": 0.01}
    assert list(run.history["loss"].steps) == list(run.history["val_loss"].steps) == [1, 2, 3, 4, 5, 6]
    assert lrs == [0.1] * 4 + [0.01] * 2
    assert (run.status["step"], run.status["steps"], run.status["epoch"]) == (6, 6, 6)
    assert [mark.step for mark in run.history.marks] == [1, 2, 3, 4, 5, 5, 6]


def test_epochs_without_steps_pause_stop_and_restart():
    run, epochs = dlviz.live(), []
    run.restarts(seed=0)

    def train():
        for epoch in run.epochs(10):
            epochs.append(epoch)
            run.log(noise=torch.rand(()))
            if len(epochs) == 2:
                run.paused = True
            if len(epochs) == 4:
                run.restart()
            if len(epochs) == 6:
                run.stop()

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    until(lambda: run.state == "paused")
    assert epochs == [0, 1]
    run._handle_custom_msg({"kind": "step", "run": run.status["run"]}, [])
    until(lambda: len(epochs) == 3 and run.state == "paused")
    run.paused = False
    thread.join(10)
    assert epochs == [0, 1, 2, 3, 0, 1]
    assert run.state == "stopped"
    assert run.history["noise"].values == run.past_runs[0].history["noise"].values[:2]
    assert list(run.history["noise"].steps) == [1, 2]


def test_steps_are_counted_as_before_if_only_some_epochs_have_them():
    run = dlviz.live()
    for epoch in run.epochs(4):
        run.log(begin=epoch)
        if epoch != 2:
            for _ in run.steps(range(2)):
                run.log(loss=1.0)
        run.log(end=epoch)
    assert list(run.history["loss"].steps) == [1, 2, 3, 4, 6, 7]
    assert list(run.history["end"].steps) == [2, 4, 5, 7]


def test_values_logged_in_a_loop_of_ones_own_are_a_step_each():
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    run = dlviz.live()
    run.knobs(lr=opt)
    run.log(val_loss=2.0)  # before training
    assert run.state == "ready"
    for step in range(4):
        run.log(loss=1.0)
        run.log(acc=0.5)
        if step == 2:
            assert run.state == "running"
            run.settings = {"lr": 0.01}
    run.finish()
    assert list(run.history["loss"].steps) == list(run.history["acc"].steps) == [0, 1, 2, 3]
    assert opt.param_groups[0]["lr"] == 0.01
    assert run.state == "finished"


def test_a_trainer_s_callback_logs_at_the_trainers_steps_and_obeys_pause_and_stop():
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    run, done = dlviz.live(), []
    run.knobs(lr=opt)

    def fit():
        for step in range(10, 200, 10):
            done.append((step, opt.param_groups[0]["lr"]))
            run.log({"train/loss": 1 / step}, acc=0.5, step=step)
            if step == 20:
                run.paused = True
                run.settings = {"lr": 0.5}
            if run.state == "stopped":
                return

    thread = threading.Thread(target=fit, daemon=True)
    thread.start()
    until(lambda: run.state == "paused")
    assert [step for step, _ in done] == [10, 20, 30]
    run._handle_custom_msg({"kind": "stop", "run": run.status["run"]}, [])
    thread.join(10)
    assert run.state == "stopped"
    assert list(run.history["train/loss"].steps) == [10, 20, 30]
    assert done[2] == (30, 0.1)
    assert opt.param_groups[0]["lr"] == 0.5
    assert run.status["step"] == 30


@pytest.mark.parametrize("step", [-1, 1.5, True, "3"])
def test_a_step_that_is_no_number_of_a_step_is_refused(step):
    with pytest.raises(DlvizError, match="log: step must be a whole number from 0 on"):
        dlviz.live().log(loss=1.0, step=step)


def test_steps_only_grow_and_a_refused_log_logs_nothing():
    run = dlviz.live()
    run.log(loss=1.0, step=7)
    run.log(val=1.0, step=3)
    with pytest.raises(DlvizError, match="loss already has a value at step 7, so it cannot get one at step 5"):
        run.log(val=2.0, loss=2.0, step=5)
    with pytest.raises(DlvizError, match="log: loss must be a number"):
        run.log(val=2.0, loss="high", step=8)
    assert [list(series.steps) for series in run.history.values()] == [[7], [3]]


@pytest.mark.parametrize("value", [torch.ones(()), None, 3.0, "loss"])
def test_a_value_without_a_name_is_refused(value):
    with pytest.raises(DlvizError, match=r"a value needs a name.* run\.log\(loss=loss\)"):
        dlviz.live().log(value)


def test_the_length_of_steps_and_epochs_is_known():
    run = dlviz.live()
    loader = torch.utils.data.DataLoader(torch.arange(10), batch_size=4)
    assert (len(run.steps(loader)), len(run.epochs(5))) == (3, 5)
    with pytest.raises(TypeError):
        len(run.steps(iter([1])))
    assert list(run.steps(iter([1, 2]))) == [1, 2]


def test_a_loop_after_epochs_ends_as_finished():
    run = dlviz.live()
    for _ in run.epochs(2):
        list(run.steps(range(2)))
    list(run.steps(range(3)))
    assert run.state == "finished"


def test_leaving_the_steps_of_an_epoch_early_leaves_the_epochs_to_go_on():
    run, states = dlviz.live(), []
    for _ in run.epochs(3):
        for step in run.steps(range(10)):
            if step == 1:
                break
        states.append(run.state)
    assert states == ["running"] * 3
    assert run.state == "finished"
    assert not run.status["left_early"]
    for _ in run.epochs(3):
        break
    assert (run.state, run.status["left_early"]) == ("stopped", True)


def test_the_status_is_that_of_the_moment():
    run = dlviz.live()
    for step in run.steps(range(3)):
        assert (run.status["state"], run.status["step"]) == ("running", step + 1)
    assert run.status["state"] == "finished"


def test_one_turned_knob_changes_nothing_that_python_has_changed_since():
    settings = {"eps": 1.0, "tau": 0.1}
    run, eps = dlviz.live(), []
    run.knobs(eps=settings, tau=settings)
    shown = dict(run.settings)
    for step in run.steps(range(8)):
        settings["eps"] *= 0.5
        eps.append(settings["eps"])
        run._run.flush()
        if step == 2:
            run._handle_custom_msg({"kind": "change", "name": "tau", "value": 0.2}, [])
        if step == 4:
            run.set_state({"settings": {**shown, "tau": 0.3}})
    assert eps == [0.5**k for k in range(1, 9)]
    assert [(mark.step, mark.name, mark.new) for mark in run.history.marks] == [(4, "tau", 0.2), (6, "tau", 0.3)]


def test_a_page_is_answered_once_its_change_was_handled(monkeypatch):
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    run, sent = dlviz.live(), []
    run.knobs(lr=opt)
    monkeypatch.setattr(run, "send", lambda content, buffers: sent.append((content, run.settings)))
    for step in run.steps(range(2)):
        if step == 0:
            sent.clear()
            run._handle_custom_msg({"kind": "change", "name": "lr", "value": 0.5, "from": "v", "request": 3}, [])
            assert sent[-1] == ({"kind": "answer", "to": "v", "request": 3}, {"lr": 0.5})
    with pytest.raises(DlvizError):
        run._on_change({"kind": "change", "name": "lr", "value": "much", "from": "v", "request": 4})
    assert sent[-1] == ({"kind": "answer", "to": "v", "request": 4}, {"lr": 0.5})


def test_an_update_waits_until_the_page_has_drawn_the_last_one(monkeypatch):
    clock, sent = [0.0], []
    monkeypatch.setattr(run_module, "time", types.SimpleNamespace(perf_counter=lambda: clock[0], sleep=time.sleep))
    run = dlviz.live()
    monkeypatch.setattr(run._gate, "_clock", lambda: 0.0)
    monkeypatch.setattr(run, "send", lambda content, buffers: sent.append(content))
    for step in run.steps(range(100)):
        clock[0] += 1.0
        run.log(loss=float(step))
        if step == 10:
            run._handle_custom_msg({"kind": "drawn", "from": "page", "update": sent[-1]["update"]}, [])
            sent.clear()
        if step == 50:
            assert len(sent) == 1
            run._handle_custom_msg({"kind": "drawn", "from": "page", "update": sent[-1]["update"]}, [])
        if step == 90:
            assert len(sent) == 2
            assert sent[-1]["series"][0]["count"] == 40  # merged
    assert sent[-1]["status"]["state"] == "finished"
    assert sum(part["count"] for content in sent for part in content["series"]) == 100 - 10  # ten had been sent before


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_thread_trains_is_stopped_and_its_error_is_raised():
    run = dlviz.live()
    run.start(lambda: [time.sleep(0.001) for _ in run.steps(range(10**6))])
    with pytest.raises(DlvizError, match="trains already"):
        run.start(lambda: None)
    until(lambda: run.state == "running" and run._run.step > 3)
    run.stop()
    run.wait(10)
    assert run.state == "stopped"

    def broken():
        for _ in run.steps(range(3)):
            raise ValueError("no data")

    run.start(broken)
    with pytest.raises(DlvizError, match="ValueError: no data"):
        run.wait(10)
    assert run.state == "failed"
    assert run.status["error"] == "ValueError: no data"


@pytest.mark.parametrize("steps", [0, 3])
def test_an_error_outside_of_the_loop_of_a_thread_is_raised(steps):
    run = dlviz.live()

    def train():
        if steps:
            list(run.steps(range(steps)))
        raise RuntimeError("no data")

    run.start(train)
    with pytest.raises(DlvizError, match="RuntimeError: no data"):
        run.wait(10)
    assert (run.state, run.status["error"]) == ("failed", "RuntimeError: no data")
    run.start(lambda: list(run.steps(range(3))))
    run.wait(10)
    assert run.state == "finished"


def test_waiting_raises_the_error_of_its_own_thread_alone():
    run = dlviz.live()
    run.start(lambda: 1 / 0)
    with pytest.raises(DlvizError, match="ZeroDivisionError"):
        run.wait(10)
    run.start(lambda: None)
    run.wait(10)


@pytest.mark.parametrize("train", [5, None, "train"])
def test_a_thread_needs_a_function(train):
    run = dlviz.live()
    with pytest.raises(DlvizError, match=rf"start: train must be a function .* but got {type(train).__name__}\."):
        run.start(train)
    assert not run._loop.training


def test_what_a_threads_function_leaves_behind_ends_with_it():
    run, kept = dlviz.live(), []

    def keep():
        kept.append(run.steps(range(10)))
        next(kept[0])

    run.start(keep)
    run.wait(10)
    assert (run.state, run.status["left_early"]) == ("stopped", True)
    logged = dlviz.live()
    logged.start(lambda: [logged.log(loss=1.0) for _ in range(3)])
    logged.wait(10)
    assert logged.state == "finished"


class Broken(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 5:
            raise KeyError("bad item")
        return torch.ones(1)


def refuse(batch):
    raise KeyError("bad item")


def stops_reading():
    yield from range(2)
    raise KeyError("bad item")


@pytest.mark.parametrize(
    "loader",
    [
        torch.utils.data.DataLoader(Broken(), 2),
        torch.utils.data.DataLoader(Broken(), 2, num_workers=1),
        torch.utils.data.DataLoader(torch.arange(4), 2, collate_fn=refuse),
        stops_reading(),
    ],
    ids=["item", "worker", "collate", "generator"],
)
def test_an_error_of_the_loader_fails_the_run(loader):
    run = dlviz.live()
    with pytest.raises(KeyError, match="bad item"):
        list(run.steps(loader))
    assert run.state == "failed"
    assert run.status["error"].startswith("KeyError: ")
    assert "bad item" in run.status["error"]


def test_an_error_of_the_loader_in_a_thread_is_raised():
    run = dlviz.live()
    run.start(lambda: list(run.steps(torch.utils.data.DataLoader(Broken(), 2))))
    with pytest.raises(DlvizError, match="KeyError: 'bad item'"):
        run.wait(10)


def test_epochs_go_on_after_an_error_of_the_loader_that_was_caught():
    run, states = dlviz.live(), []
    for _ in run.epochs(2):
        with pytest.raises(KeyError):
            list(run.steps(torch.utils.data.DataLoader(Broken(), 2)))
        states.append(run.state)
    assert states == ["running", "running"]
    assert run.state == "finished"


def test_a_knob_that_raises_between_two_epochs_fails_the_run():
    run = dlviz.live()
    run.knobs(width=dlviz.knob(lambda value: 1 / 0, value=1.0))

    def train():
        for _ in run.epochs(3):
            run.settings = {"width": 2.0}

    with pytest.raises(ZeroDivisionError):
        train()
    assert (run.state, run.status["error"]) == ("failed", "ZeroDivisionError: division by zero")


@pytest.fixture
def shell():
    """A notebook's shell without its kernel."""
    options = Config({"HistoryManager": {"enabled": False}})
    yield InteractiveShell.instance(config=options, user_ns={"dlviz": dlviz})
    InteractiveShell.clear_instance()


def cell(shell, code):
    """Run a cell, and return the run that it or an earlier one made."""
    shell.run_cell(textwrap.dedent(code))
    return shell.user_ns["run"]


KEPT = """
    run = dlviz.live()
    bar = run.steps(range(10))
    for step in bar:
        run.log(loss=step)
        if step == 4: {leave}
"""


@pytest.mark.parametrize("loop", ["run.steps(range(10))", "run.epochs(10)", "enumerate(run.steps(range(10)))"])
def test_a_loop_whose_iterator_is_kept_ends_with_its_cell(shell, loop):
    run = cell(shell, f"run = dlviz.live(); bar = {loop}\nfor _ in bar: break")
    assert (run.state, run.status["left_early"]) == ("stopped", True)
    cell(shell, "for step in run.steps(range(3)): run.log(loss=step)")
    assert (run.state, run.status["left_early"]) == ("finished", False)
    assert list(run.history["loss"].steps) == [2, 3, 4]
    cell(shell, "bar = None")
    assert run.state == "finished"


def test_a_loop_whose_iterator_is_kept_goes_on_in_another_cell(shell):
    run = cell(shell, KEPT.format(leave="break"))
    cell(shell, "run.log(val=1.0); run.log(val=2.0)")
    assert (run.state, list(run.history["val"].steps)) == ("stopped", [5, 6])
    cell(shell, "for step in bar: run.log(loss=step)")
    assert run.state == "finished"
    assert list(run.history["loss"].values) == list(range(10))


def test_a_loop_whose_iterator_is_kept_has_failed_if_its_cell_raised(shell, capsys):
    run = cell(shell, KEPT.format(leave="raise ValueError('no data')"))
    assert (run.state, run.status["error"]) == ("failed", "ValueError: no data")


def test_an_error_of_the_loader_in_a_cell_is_the_runs(shell, capsys):
    shell.user_ns["loader"] = torch.utils.data.DataLoader(Broken(), 2)
    run = cell(shell, "run = dlviz.live()\nfor _ in run.steps(loader): pass")
    assert (run.state, run.status["error"]) == ("failed", "KeyError: 'bad item'")


def test_a_loop_in_a_thread_of_its_own_outlasts_the_cells(shell, capsys):
    shell.user_ns["go_on"] = go_on = threading.Event()
    run = cell(
        shell,
        """
        import threading
        run = dlviz.live()
        def train():
            for step in run.steps(range(2)):
                begun.set()
                go_on.wait(10)
        begun, thread = threading.Event(), threading.Thread(target=train)
        thread.start()
        """,
    )
    cell(shell, "begun.wait(10)")
    cell(shell, "1 / 0")
    assert run.state == "running"
    go_on.set()
    shell.user_ns["thread"].join(10)
    assert run.state == "finished"


def test_a_loop_in_a_task_of_its_own_outlasts_the_cell_that_began_it():
    run = dlviz.live()

    async def train():
        for _ in run.steps(range(3)):
            await asyncio.sleep(0)

    async def cells():
        task = asyncio.create_task(train())
        await asyncio.sleep(0)
        run._after_cell(None)
        assert run.state == "running"
        await task

    asyncio.run(cells())
    assert run.state == "finished"


def test_updates_come_at_most_ten_times_a_second(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(run_module, "time", types.SimpleNamespace(perf_counter=lambda: clock[0], sleep=time.sleep))
    updates = []
    run = Run(lambda: updates.append(run.step), lambda: None)
    for _ in run.iterate_steps(range(20_000)):
        clock[0] += 0.001
        run.log({"loss": 0.5})
    assert 190 <= len(updates) <= 204
    assert updates[-1] == 20_000


def test_without_a_length_the_number_of_steps_is_unknown():
    run = dlviz.live()
    for _ in run.steps(iter(range(3))):
        pass
    assert run.status["steps"] == 0
    assert run.status["left"] == 0


@pytest.mark.parametrize("count", [-1, 2.5, "3", True])
def test_a_number_of_epochs_that_does_not_fit_is_refused(count):
    with pytest.raises(DlvizError, match=r"epochs: .* but got"):
        list(dlviz.live().epochs(count))


def test_the_figure_has_every_metric_and_hyperparameter():
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    run = dlviz.live("mine")
    run.knobs(lr=opt)
    for step in run.steps(range(3)):
        run.log(loss=float(step), acc=1.0)
        run.settings = {"lr": 0.2}
    figure = run.figure()
    assert [trace.name for trace in figure.data] == ["loss", "acc"]
    assert list(figure.data[0].y) == [0.0, 1.0, 2.0]
    assert figure.layout.annotations[0].text == "lr 0.2"


def test_a_run_is_an_ordinary_widget():
    run = dlviz.live("x", smoothing=0.5)
    assert repr(run) == "dlviz.live(x: ready at step 0, -)"
    statuses = []
    run.observe(lambda change: statuses.append(change["new"]), "status")
    list(run.steps(range(2)))
    assert statuses
    assert statuses[-1]["state"] == "finished"
    with pytest.raises(TypeError, match=r"live: no such argument: smothing\. Did you mean smoothing\?"):
        dlviz.live(smothing=1)
    with pytest.raises(TypeError, match="smoothness"):
        dlviz.live(smoothness=1)
    assert {"name", "beside", "smoothing", "log_y", "log_x", "theme"} <= set(inspect.signature(dlviz.live).parameters)
    assert "<svg" in run._still()


def test_one_run_or_several_are_drawn_behind_another():
    first, second = dlviz.live("first"), dlviz.live("second")
    for beside, names in [(first, ["first"]), ([first, second], ["first", "second"]), (iter([second]), ["second"])]:
        others = dlviz.live(beside=beside)._complete()["others"]
        assert [other["name"] for other in others] == names


@pytest.mark.parametrize(
    ("beside", "got"), [(None, "NoneType"), (5, "int"), (["x"], "str"), ("x", "str"), ([None], "NoneType")]
)
def test_what_is_no_run_cannot_be_drawn_behind_another(beside, got):
    with pytest.raises(DlvizError, match=rf"live: beside must be a run .* or a list of such runs, but got {got}\."):
        dlviz.live(beside=beside)


@pytest.mark.parametrize("options", [{"name": 5}, {"beside": 5}, {"smoothing": 2}, {"theme": "blue"}, {"step": -1}])
def test_a_refused_run_leaves_nothing_behind(options, monkeypatch):
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    with pytest.raises(DlvizError):
        dlviz.live(**options)
    gc.collect()
    assert ignored == []


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".json", ".svg", ".png", ".html"])
def test_a_file_that_cannot_be_written_is_refused(tmp_path, suffix):
    run = dlviz.live()
    with pytest.raises(DlvizError, match=r"save: there is no folder .*missing'"):
        run.save(tmp_path / "missing" / f"run{suffix}")
    (tmp_path / f"taken{suffix}").mkdir()
    with pytest.raises(DlvizError, match=r"save: .* cannot be written: Is a directory"):
        run.save(tmp_path / f"taken{suffix}")


def test_a_path_that_is_none_is_refused():
    with pytest.raises(DlvizError, match="save: path must be a string"):
        dlviz.live().save(None)
    with pytest.raises(DlvizError, match="load_run: None is no saved run"):
        dlviz.load_run(None)


def test_a_saved_run_holds_settings_that_are_not_finite(tmp_path):
    run = dlviz.live()
    run.knobs(clip={"clip": float("inf")})
    list(run.steps(range(1)))
    assert json.loads(run.save(tmp_path / "run.json").read_text())["settings"] == {"clip": "inf"}
    assert dlviz.load_run(run.save(tmp_path / "run.npz")).settings == {"clip": float("inf")}


def test_names_with_markup_stay_text():
    run = dlviz.live("<img src=x>")
    run.log(**{"<b>loss</b>": 1.0})
    assert "<img src=x>" not in run.to_html()
    assert "<b>loss</b>" not in run._still()


def test_a_loop_continues_after_its_widget_is_closed():
    run = dlviz.live()
    for step in run.steps(range(3)):
        run.log(loss=1.0)
        if step == 0:
            run.close()
    assert len(run.history["loss"]) == 3


def test_threads_log_side_by_side():
    run = dlviz.live()
    workers = [threading.Thread(target=lambda n=n: [run.log(**{f"m{n}": i}) for i in range(500)]) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [len(run.history[f"m{n}"]) for n in range(4)] == [500] * 4


def test_long_training_keeps_only_its_history_in_memory(monkeypatch):
    """Twenty steps a second, ten messages a second: memory beside the history is as large after 15 minutes as after three."""
    clock = [0.0]
    monkeypatch.setattr(run_module, "time", types.SimpleNamespace(perf_counter=lambda: clock[0], sleep=time.sleep))
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    run, other_bytes, messages = dlviz.live(), [], []
    run.knobs(lr=opt)
    monkeypatch.setattr(run, "send", lambda content, buffers: messages.append(sum(map(len, buffers))))
    tracemalloc.start()
    try:
        for step in run.steps(range(18_000)):
            clock[0] += 0.05
            run.log(loss=1.0 / (step + 1), acc=float(step))
            if step % 3_000 == 2_999:
                gc.collect()
                kept = sum(series.steps.buffer_info()[1] * 16 for series in run.history.values())
                other_bytes.append(tracemalloc.get_traced_memory()[0] - kept - sum(map(sys.getsizeof, messages)))
                messages.clear()
    finally:
        tracemalloc.stop()
    # An array keeps an eighth of its size in reserve.
    reserve = [0.15 * 32 * 3_000 * (k + 1) for k in range(6)]
    assert all(
        one < other_bytes[0] + 20_000 + tolerance for one, tolerance in zip(other_bytes, reserve, strict=True)
    ), other_bytes


def test_a_value_requested_during_the_last_step_is_applied_at_the_end():
    settings = {"tau": 0.5}
    run = dlviz.live()
    run.knobs(tau=settings)
    for step in run.steps(range(3)):
        if step == 2:
            run.settings = {"tau": 0.6}
            assert settings["tau"] == 0.5
    assert settings["tau"] == run.settings["tau"] == 0.6
