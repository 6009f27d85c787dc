"""Whatever an answer is or does, its check says what is so, raises nothing and leaves nothing changed."""

import asyncio
import functools
import random
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from IPython.core.autocall import ExitAutocall
from torch import Tensor, nn

from dlviz.exercises import exercise
from dlviz.exercises.catalog import items
from dlviz.exercises.exercise import Exercise
from dlviz.exercises.function import Function

STRIDES = exercise("02.strides")
# The first exercise, with inputs of which some require a gradient: so answers that cut the graph are odd, too.
DOUBLE = replace(exercise("00.double"), case=lambda i: {"x": torch.randn(2, 3)[: i + 1].requires_grad_(i % 2 == 1)})


class Stubborn(Tensor):
    """Tensor of which torch can compute nothing."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        raise TypeError("stubborn")


class UnspeakableError(Exception):
    def __str__(self):
        raise ValueError


class Hostile:
    def __eq__(self, other):
        raise ValueError("hostile")

    def __getattr__(self, name):
        raise ValueError("hostile")

    __hash__ = None


def raises(error):
    def answer(x):
        raise error

    return answer


def then(change):
    """Return an answer that is right and changes something for the whole process."""

    def answer(x):
        change()
        return x * 2

    return answer


def itself(x):
    return itself(x)


def backward_called(x):
    y = (x * x).exp()
    if x.requires_grad:
        y.sum().backward()
    return x * 2 + 0 * y


async def awaited(x):
    return 2 * x


def in_a_loop(x):
    async def run():
        return 2 * x

    return asyncio.run(run())


def nested(x):
    found = []
    found.append(found)
    return found


def scripted():
    class Twice(nn.Module):
        def forward(self, x):
            return 2 * x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(Twice())


#: Answers to "return 2 * x", with words of the message that they get; None stands for a right answer.
ANSWERS = {
    "no_arguments": (lambda: 1, "takes x"),
    "two_arguments": (lambda x, y: x, "takes x, y"),
    "keyword_only": (lambda *, x: 2 * x, "takes x"),
    "number": (3, "check(double)"),
    "text": ("2 * x", "check(double)"),
    "array": (np.ones(3), "check(double)"),
    "tensor": (torch.ones(3), "check(double)"),
    "list": ([1, 2], "check(double)"),
    "generator": ((i for i in range(3)), "check(double)"),
    "hostile": (Hostile(), "check(double)"),
    "class": (type("Twice", (), {"__init__": lambda self, x: None}), "Twice"),
    "class_without_arguments": (type("Twice", (), {}), "takes"),
    "builtin": (len, "int"),
    "torch_function": (torch.add, "TypeError"),
    "partial": (functools.partial(torch.mul, 2), None),
    "module": (nn.Linear(77, 3), "RuntimeError"),
    "scripted": (scripted(), None),
    "returns_none": (lambda x: print(end=""), "result is None"),
    "returns_text": (lambda x: "2x", "result is str"),
    "returns_type": (lambda x: Tensor, "result is"),
    "returns_array": (lambda x: 2 * x.detach().numpy(), "result is ndarray"),
    "returns_list": (lambda x: (2 * x).tolist(), "result is"),
    "returns_nested": (nested, "result is list"),
    "returns_dict": (lambda x: {"x": x}, "result is dict"),
    "returns_set": (lambda x: {1}, "result is set"),
    "returns_generator": (lambda x: (2 * item for item in x), "result is generator"),
    "returns_coroutine": (awaited, "result is coroutine"),
    "runs_a_loop": (in_a_loop, None),
    "returns_hostile": (lambda x: Hostile(), "result is Hostile"),
    "returns_input": (lambda x: x, ""),
    "returns_view": (lambda x: x[...], ""),
    "returns_expanded": (lambda x: x.sum().expand(10**12), "shape"),
    "returns_long_list": (lambda x: [0] * 10**6, "result is list"),
    "returns_long_text": (lambda x: "x" * 10**6, "result is str"),
    "returns_large_int": (lambda x: 10**5000, "result is int"),
    "returns_sparse": (lambda x: (2 * x).to_sparse(), "layout"),
    "returns_quantized": (lambda x: torch.quantize_per_tensor((2 * x).detach(), 0.1, 0, torch.qint8), "dtype"),
    "returns_complex": (lambda x: (2 * x).to(torch.complex64), "dtype"),
    "returns_half": (lambda x: (2 * x).half(), "dtype"),
    "returns_double": (lambda x: (2 * x).double(), None),
    "returns_parameter": (lambda x: nn.Parameter(2 * x.detach()), "gradient"),
    "returns_meta": (lambda x: (2 * x).to("meta"), "meta"),
    "returns_subclass": (lambda x: (2 * x).as_subclass(Stubborn), "cannot be compared"),
    "cut_off": (lambda x: 2 * x.detach(), "not connected to the graph"),
    "under_no_grad": (torch.no_grad()(lambda x: 2 * x), "not connected to the graph"),
    "under_inference_mode": (torch.inference_mode()(lambda x: 2 * x), "not connected to the graph"),
    "other_leaf": (lambda x: (2 * x).detach().requires_grad_(), "gradient"),
    "backward_called": (backward_called, "gradients"),
    "tripled_backward": (lambda x: 2 * x + (x - x.detach()), "gradient at x"),
    "in_place": (lambda x: x.mul_(2), "changed its input x in place"),
    "part_in_place": (lambda x: (x[:1].mul_(2), x * 1)[1], "changed its input x in place"),
    "data_in_place": (lambda x: (x.data.mul_(2), x * 1)[1], "x"),
    "requires_no_grad_in_place": (lambda x: x.detach_().mul(2), ""),
    "resized_input": (lambda x: setattr(x, "data", torch.zeros(7)) or x, ""),
    "value_error": (raises(ValueError("no")), "ValueError: no (line"),
    "empty_error": (raises(AssertionError()), "AssertionError (line"),
    "unspeakable": (raises(UnspeakableError()), "UnspeakableError (line"),
    "base_exception": (raises(BaseException("base")), "BaseException: base"),
    "generator_exit": (raises(GeneratorExit()), "GeneratorExit"),
    "cancelled": (raises(asyncio.CancelledError()), "CancelledError"),
    "stop_iteration": (raises(StopIteration()), "StopIteration"),
    "system_exit": (raises(SystemExit(3)), "exit()"),
    "sys_exit": (lambda x: sys.exit(), "exit()"),
    "recursion": (itself, "calls itself"),
    "prints": (then(lambda: print("hello")), None),
    "closes_stdout": (then(lambda: sys.stdout.close()), None),
    "replaces_stdout": (then(lambda: setattr(sys, "stdout", None)), None),
    "warns": (then(lambda: warnings.warn("w", stacklevel=1)), None),
    "filters_warnings": (then(lambda: warnings.simplefilter("ignore")), None),
    "seeds": (then(lambda: (torch.manual_seed(0), np.random.seed(0), random.seed(0))), None),
    "draws": (then(lambda: (torch.rand(3), np.random.rand(3), random.random())), None),
    "grad_off": (then(lambda: torch.set_grad_enabled(False)), "not connected to the graph"),
    "double_default": (then(lambda: torch.set_default_dtype(torch.float64)), None),
    "meta_default": (then(lambda: torch.set_default_device("meta")), None),
    "cpu_default": (then(lambda: torch.set_default_device("cpu")), None),
    "device_entered": (then(lambda: torch.device("meta").__enter__()), None),
    "deterministic": (then(lambda: torch.use_deterministic_algorithms(True, warn_only=True)), None),
    "cudnn": (then(lambda: setattr(torch.backends.cudnn, "benchmark", True)), None),
    "anomalies": (then(lambda: torch.autograd.set_detect_anomaly(True)), None),
    "autocast": (then(lambda: torch.set_autocast_enabled("cpu", True)), None),
    "threads": (then(lambda: torch.set_num_threads(2)), None),
    "recursion_limit": (then(lambda: sys.setrecursionlimit(5000)), None),
    "numpy_errors": (then(lambda: np.seterr(all="raise")), None),
}


def settings():
    """Return what holds for the whole process."""
    return {
        "grad": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "made on": torch.zeros(1).device,
        "modes": torch.overrides._get_current_function_mode_stack(),
        "deterministic": torch.get_deterministic_debug_mode(),
        "cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "anomalies": torch.is_anomaly_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "threads": torch.get_num_threads(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state()[1].tolist(),
        "numpy errors": np.geterr(),
        "python": random.getstate(),
        "stdout": sys.stdout,
        "stderr": sys.stderr,
        "open": sys.stdout.closed,
        "recursion": sys.getrecursionlimit(),
        "warnings": list(warnings.filters),
    }


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ANSWERS)
def test_an_odd_answer_gets_a_true_message_and_leaves_nothing_changed(name):
    answer, words = ANSWERS[name]
    before = settings()
    result = DOUBLE.check(answer)
    assert settings() == before
    assert repr(result)
    assert result._repr_mimebundle_()
    assert result.passed == (words is None), result
    if isinstance(words, str):
        assert words in (result.verdict if words == "not attempted" else result.message), result
        assert len(repr(result)) < 2000


def test_where_torch_refuses_to_change_an_input_the_remedy_is_told():
    def lstm_step(a, c):
        a[:, :1] = 0
        return c, c

    told = exercise("09.lstm").check(lstm_step).message
    assert "RuntimeError: a view of a leaf Variable" in told
    assert "Make a new tensor: write x = x * 2" in told


def test_the_settings_of_the_learners_notebook_hold_after_a_check_and_do_not_matter_inside():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        assert DOUBLE.check(lambda x: 2 * x).passed
        assert DOUBLE.check(then(lambda: torch.set_default_device("cpu"))).passed
        assert DOUBLE.check(lambda x: x * x).misconception
        assert torch.get_default_dtype() == torch.float64
        assert torch.zeros(1).is_meta
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert torch.overrides._get_current_function_mode_stack() == []
    assert torch.zeros(1).device.type == "cpu"
    with torch.autocast("cpu"), torch.inference_mode():
        assert DOUBLE.check(lambda x: 2 * x).passed


@pytest.mark.parametrize("item", [item for item in items().values() if isinstance(item, Exercise)], ids=lambda e: e.id)
def test_no_check_raises_on_any_of_them(item):
    for odd in (
        3,
        "x",
        np.ones((2, 2)),
        torch.ones(3),
        [torch.ones(2)],
        [np.ones(2)],
        {},
        object(),
        Hostile(),
        Tensor,
        len,
        print,
        sys.exit,
    ):
        result = item.check(odd)
        assert not result.passed
        assert "Your code stopped" not in result.message
    if item.kind != "trace":
        for value in (
            "x",
            10**400,
            np.ones(2),
            [],
            {},
            torch.ones(2),
            torch.ones(1, device="meta"),
            nn.Linear(1, 1),
        ):
            result = item.check(lambda *arguments, **options: value)  # noqa: B023
            assert not result.passed
            assert "Your code stopped" not in result.message


def test_an_error_in_a_check_is_not_called_one_of_the_learners(monkeypatch):
    monkeypatch.setattr(Function, "judge", lambda *_: 1 / 0)
    result = DOUBLE.check(lambda x: 2 * x)
    assert "could not judge double" in result.message
    assert "ZeroDivisionError" in result.message


def test_numpys_numbers_are_as_right_as_pythons():
    def strides(shape):
        return [np.int64(step) for step in STRIDES.reference(shape)]

    assert STRIDES.check(strides).passed
    assert STRIDES.check(lambda shape: tuple(np.array(step) for step in strides(shape))).passed
    assert exercise("05.parameters").check(lambda sizes: np.int64(exercise("05.parameters").reference(sizes))).passed
    assert not STRIDES.check(lambda shape: np.array(strides(shape)).astype(bool).tolist()).passed


FUNCTIONS = [item for item in items().values() if isinstance(item, Function)]


@pytest.mark.parametrize("item", FUNCTIONS, ids=lambda item: item.id)
def test_a_wider_dtype_is_right_unless_the_dtype_is_the_point(item):
    widened = []

    def wider(value):
        if isinstance(value, (tuple, list)):
            return type(value)(map(wider, value))
        if isinstance(value, Tensor) and value.dtype == torch.float32:
            widened.append(value)
            return value.double()
        return value

    result = item.judge(lambda *arguments: wider(item.reference(*arguments)), 1)
    assert result.passed == (not widened or not item.strict_dtype), result


def test_the_dtype_is_the_point_of_one_exercise():
    assert [item.id for item in FUNCTIONS if item.strict_dtype] == ["01.floats"]


def test_a_list_that_the_answer_changes_is_named_and_does_not_spoil_the_solutions():
    def parameters(sizes):
        total = exercise("05.parameters").reference(sizes)
        sizes.clear()
        return total

    assert "changed its input sizes" in exercise("05.parameters").check(parameters).message


def test_an_answer_that_writes_each_result_into_the_same_tensor_is_right():
    store = torch.zeros(100)

    def double(x):
        with torch.no_grad():
            store[: x.numel()] = 2 * x.flatten()
        return store[: x.numel()].view(x.shape) + (2 * x - (2 * x).detach())

    assert DOUBLE.check(double).passed


def test_ipythons_exit_is_reported_and_does_not_end_the_kernel(monkeypatch):
    class Shell:
        asked = 0

        def ask_exit(self):
            self.asked += 1

    shell = Shell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    leave = ExitAutocall(shell)  # what exit and quit are in a notebook
    assert "exit()" in DOUBLE.check(lambda x: leave()).message
    assert not shell.asked
    leave()
    assert shell.asked == 1
