"""An answer that runs too long is stopped, and nothing that is being restored is."""

import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from torch import nn

from dlviz.exercises import exercise
from dlviz.exercises.catalog import items
from dlviz.exercises.time_limit import TimeUpError, _second_thread, interruptible, limit_seconds, time_limit

DOUBLE, MLP = exercise("00.double"), exercise("05.mlp")


@pytest.fixture(autouse=True)
def short_limit(monkeypatch):
    monkeypatch.setenv("DLVIZ_TIME_LIMIT", "0.2")


def endless(x):
    while True:
        pass


def asleep(x):
    time.sleep(1000)


def catches_every_exception(x):
    while True:
        try:
            time.sleep(0.001)
        except Exception:
            time.sleep(0.001)


def catches_everything(x):
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722
            pass


def endless_at_the_end_too(x):
    try:
        endless(x)
    finally:
        endless(x)


def endless_generator(x):
    def numbers():
        while True:
            yield 1

    return sum(numbers())


def waits_for_a_lock(x):
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


COMPUTING = (endless, endless_at_the_end_too, endless_generator)
WAITING = (asleep, catches_every_exception, catches_everything, waits_for_a_lock)


@pytest.mark.parametrize("answer", [*COMPUTING, *WAITING], ids=lambda f: f.__name__)
def test_an_answer_that_does_not_end_is_stopped_and_the_line_is_named(answer):
    result = DOUBLE.check(answer)
    assert result.verdict == "wrong"
    assert "stopped after 0.2 seconds (line" in result.message


def test_every_kind_of_exercise_is_stopped():
    class Forward(nn.Module):
        def forward(self, images):
            while True:
                pass

    class Init(nn.Module):
        def __init__(self):
            while True:
                pass

    class Digits(torch.utils.data.Dataset):
        def __init__(self, images, labels, transform=None):
            while True:
                pass

    answers = [
        *((MLP, answer) for answer in (Forward, Init, Forward())),
        (exercise("07.dataset"), Digits),
        (exercise("03.accumulated"), lambda w, x, steps: endless(x)),
        (exercise("03.order"), ["zero_grad"] * 10**6),
    ]
    for item, answer in answers:
        assert "stopped after 0.2 seconds" in item.check(answer).message, item.id


@pytest.mark.parametrize("answer", COMPUTING, ids=lambda f: f.__name__)
def test_an_answer_is_stopped_in_another_thread_than_the_main_one(answer):
    results = []
    thread = threading.Thread(target=lambda: results.append(DOUBLE.check(answer)))
    thread.start()
    thread.join()
    assert "stopped after 0.2 seconds (line" in results[0].message


def test_the_check_after_a_stopped_one_is_as_always():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    DOUBLE.check(endless)
    assert torch.equal(torch.get_rng_state(), before)
    assert DOUBLE.check(lambda x: 2 * x).passed


def test_a_model_that_was_stopped_keeps_its_gradients_and_modes():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Dropout(), nn.Linear(32, 10)).eval()
    model(torch.rand(3, 1, 8, 8)).sum().backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    model.register_forward_hook(lambda *_: endless(None))
    assert "stopped after" in MLP.check(model).message
    assert all(torch.equal(p.grad, was) for p, was in zip(model.parameters(), gradients, strict=True))
    assert not any(module.training for module in model.modules())


def stopped_and_restored(limit, restored):
    with limit(0.002):
        try:
            interruptible(endless, None)
        finally:
            time.sleep(0.02)
            restored.append(True)


@pytest.mark.parametrize("limit", [time_limit, _second_thread], ids=lambda f: f.__name__)
def test_what_is_being_restored_is_never_interrupted(limit):
    for _ in range(20):
        restored = []
        with pytest.raises(TimeUpError):
            stopped_and_restored(limit, restored)
        assert restored


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timer")
def test_the_timer_and_the_handler_from_before_go_on():
    rings = []
    before = signal.signal(signal.SIGALRM, lambda *_: rings.append(1))
    earlier = signal.setitimer(signal.ITIMER_REAL, 0.4)
    try:
        DOUBLE.check(endless)
        assert not rings
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < 0.4
        while not rings:
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *earlier)


@pytest.fixture
def _python_hears_interrupts():
    """A shell starts what runs in its background with this signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_python_hears_interrupts")
def test_the_interrupt_button_ends_the_check_and_is_no_wrong_answer(progress_file):
    def interrupted(x):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        DOUBLE.check(interrupted)
    with pytest.raises(KeyboardInterrupt):
        MLP.check(interrupted_model())
    assert not progress_file.exists()


def interrupted_model():
    class Interrupted(nn.Module):
        def forward(self, images):
            signal.raise_signal(signal.SIGINT)

    return Interrupted()


def test_the_limit_is_60_seconds_unless_the_environment_has_a_positive_number(monkeypatch):
    for value, seconds in (("3", 3), ("0.5", 0.5), ("0", 60), ("-1", 60), ("nan", 60), ("soon", 60), ("", 60)):
        monkeypatch.setenv("DLVIZ_TIME_LIMIT", value)
        assert limit_seconds() == seconds
    assert "60 seconds" in type(items()["00.double"]).check.__doc__


def test_a_trace_function_works_after_a_limit_in_a_thread_that_is_not_the_main_one():
    script = """
import sys, threading
from dlviz.exercises.time_limit import interruptible, time_limit

def limited():
    with time_limit(60):
        interruptible(sum, [1, 2])

thread = threading.Thread(target=limited)
thread.start(), thread.join()
lines = []
sys.settrace(lambda frame, event, argument: lines.append(event))
(lambda: None)()
sys.settrace(None)
print(lines)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "['call']\n", done.stderr
