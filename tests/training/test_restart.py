"""A restarted run repeats its numbers bit for bit, keeps changed hyperparameters, and keeps the past runs for comparison."""

import threading
import time

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.kit.errors import DlvizError


def training(epochs=2):
    """Return a net with dropout, Adam and a shuffling loader: every kind of state and of randomness."""
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1))
    opt = torch.optim.Adam(net.parameters(), lr=0.05)
    data = torch.utils.data.TensorDataset(torch.randn(48, 4), torch.randn(48, 1))
    loader = torch.utils.data.DataLoader(data, 8, shuffle=True)

    def train(run, at=None, on_step=lambda: None):
        for _ in run.epochs(epochs):
            for x, y in run.steps(loader):
                loss = F.mse_loss(net(x), y)
                opt.zero_grad()
                loss.backward()
                opt.step()
                run.log(loss=loss)
                if at == (len(run.past_runs), run.status["step"] if at is None else len(run.history["loss"])):
                    on_step()

    return net, opt, loader, train


@pytest.mark.parametrize("seed", [0, None])
def test_a_restart_repeats_the_numbers_bit_for_bit(seed):
    dlviz.seed(7)
    net, opt, _, train = training()
    scheduler = torch.optim.lr_scheduler.StepLR(opt, 1)
    run = dlviz.live()
    run.restarts(net, opt, scheduler, seed=seed)
    train(run, (0, 9), run.restart)
    (before,) = run.past_runs
    assert len(before.history["loss"]) == 9
    assert list(run.history["loss"].values)[:9] == list(before.history["loss"].values)
    assert len(run.history["loss"]) == 12
    assert run.state == "finished"
    assert (run.status["step"], run.status["epoch"]) == (12, 2)


def test_without_restoring_the_optimizer_the_numbers_differ():
    dlviz.seed(7)
    net, _, _, train = training()
    run = dlviz.live()
    run.restarts(net, seed=0)  # Adam keeps its moments
    train(run, (0, 9), run.restart)
    assert list(run.history["loss"].values)[:9] != list(run.past_runs[0].history["loss"].values)


def test_changed_hyperparameters_stay_and_past_runs_keep_their_own():
    net, opt, _, train = training()
    run = dlviz.live()
    run.knobs(lr=opt)
    run.restarts(net, opt, seed=0)

    def on_step():
        run.settings = {"lr": 0.2}
        run.restart()

    train(run, (0, 5), on_step)
    assert opt.param_groups[0]["lr"] == 0.2 == run.settings["lr"]
    assert run.past_runs[0].settings == {"lr": 0.05}
    assert (
        run.history["loss"].values[0] == run.past_runs[0].history["loss"].values[0]
    )  # the same net and the same batch
    assert run.history["loss"].values[1] != run.past_runs[0].history["loss"].values[1]  # another step


def test_a_scheduler_restarts_where_nothing_was_changed():
    net, opt, _, _ = training()
    scheduler = torch.optim.lr_scheduler.StepLR(opt, 1)
    run, seen = dlviz.live(), []
    run.knobs(lr=opt)
    run.restarts(net, opt, scheduler, seed=0)
    for epoch in run.epochs(2):
        for _ in run.steps(range(2)):
            seen.append(opt.param_groups[0]["lr"])
        opt.step()
        scheduler.step()
        if epoch == 1 and not run.past_runs:
            run.restart()
    assert seen == pytest.approx([0.05, 0.05, 0.005, 0.005] * 2)


def test_steps_without_epochs_restart_even_while_paused():
    run, seen = dlviz.live(), []
    run.restarts(seed=0)
    for step in run.steps(range(4)):
        seen.append(step)
        if len(seen) == 2:
            run.paused = True
            run.restart()
    assert seen == [0, 1, 0, 1, 2, 3]


def test_an_iterator_cannot_be_restarted():
    run = dlviz.live()
    run.restarts(seed=0)
    for _ in run.steps(iter(range(3))):
        with pytest.raises(DlvizError, match="no loop is running that could go back"):
            run.restart()


def test_only_declared_objects_can_be_restarted():
    with pytest.raises(DlvizError, match=r"Call run\.restarts"):
        dlviz.live().restart()
    run = dlviz.live()
    run.restarts(seed=0)
    with pytest.raises(DlvizError, match="no loop is running"):
        run.restart()
    with pytest.raises(DlvizError, match=r"argument 1 must be a module.* but got list"):
        run.restarts(nn.Linear(1, 1), [1])


def test_a_generator_is_restored():
    generator = torch.Generator().manual_seed(3)
    run, seen = dlviz.live(), []
    run.restarts(generator)
    for _ in run.steps(range(2)):
        seen.append(torch.rand((), generator=generator).item())
        if len(seen) == 2:
            run.restart()
    assert seen[:2] == seen[2:]


def test_a_thread_trains_again_after_its_end_with_the_current_hyperparameters():
    design, widths = {"width": 3}, []
    run = dlviz.live()
    run.knobs(width=design)

    def train():
        net = nn.Linear(2, design["width"])
        opt = torch.optim.SGD(net.parameters(), lr=0.1)
        run.knobs(lr=opt)
        for _ in run.steps(range(5)):
            run.log(start=net.weight.sum())
            widths.append((len(net.weight), opt.param_groups[0]["lr"]))

    run.restarts(seed=0)
    run.start(train)
    run.wait()
    run.settings = {"width": 7, "lr": 0.5}
    run.restart()
    run.wait()
    run.restart()
    run.wait()
    assert widths[0] == (3, 0.1)
    assert widths[5:] == [(7, 0.5)] * 10
    assert [one.settings["width"] for one in run.past_runs] == [3, 7]
    assert run.past_runs[0].history.marks == []  # a value set after the end belongs to the next run
    assert run.history["start"].values == run.past_runs[1].history["start"].values


def test_a_thread_restarts_in_the_middle_of_its_loop():
    run, lengths = dlviz.live(), []

    def train():
        count = 0
        for _ in run.epochs(50):
            for _ in run.steps(range(200)):
                count += 1
                run.log(loss=torch.rand(()))
                time.sleep(0.0005)
        lengths.append(count)

    run.restarts(seed=1)
    run.start(train)
    until(lambda: len(run.history.get("loss", [])) > 20)
    run.restart()
    until(lambda: run.past_runs and len(run.history.get("loss", [])) > 20)
    run.stop()
    run.wait()
    assert run.state == "stopped"
    assert list(run.history["loss"].values)[:20] == list(run.past_runs[0].history["loss"].values)[:20]
    assert len(lengths) == 2


def test_a_plain_loop_after_a_thread_restarts_itself():
    run, called, seen = dlviz.live(), [], []

    def train():
        called.append(1)
        for _ in run.steps(range(2)):
            run.log(loss=1.0)

    run.restarts(seed=0)
    run.start(train)
    run.wait()
    for step in run.steps(range(3)):
        seen.append(step)
        if len(seen) == 2:
            run.restart()
    assert seen == [0, 1, 0, 1, 2]
    assert called == [1]


def test_restarts_from_two_threads_are_neither_lost_nor_run_twice():
    run, active, counts = dlviz.live(), [], []

    def train():
        active.append(1)
        counts.append(len(active))
        for _ in run.steps(range(3)):
            run.log(loss=1.0)
        active.pop()

    run.restarts(seed=0)
    run.start(train)
    threads = [threading.Thread(target=lambda: [run.restart() for _ in range(50)]) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    until(lambda: not run._loop.training)
    assert max(counts) == 1
    assert not run._run.restart_requested


def test_the_last_ten_runs_are_kept():
    run = dlviz.live()
    run.restarts(seed=0)
    for _ in run.steps(range(2)):
        run.log(loss=1.0)
        if len(run.past_runs) < 10 or run.past_runs[0].name == "1":
            run.restart()
    assert [one.name for one in run.past_runs] == [str(number) for number in range(2, 12)]


def until(condition, seconds=20):
    end = time.perf_counter() + seconds
    while not condition():
        assert time.perf_counter() < end
        time.sleep(0.005)
