"""Reports and side effects of a check, beyond right and wrong."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from dlviz.exercises import NotAttempted, Wrong, exercise
from dlviz.exercises.catalog import items
from dlviz.exercises.exercise import Exercise

EXERCISES = {id: item for id, item in items().items() if isinstance(item, Exercise)}
REPAIRS = {id: item for id, item in EXERCISES.items() if item.kind == "repair"}
DOUBLE = EXERCISES["00.double"]


def with_gradients(item):
    """Return the exercise with inputs that require a gradient."""
    return replace(item, case=lambda i: {"x": torch.randn(2, 3).requires_grad_()})


def run(source, name):
    """Return the object of this name after running a cell with this source."""
    cell = {"math": math, "torch": torch, "nn": torch.nn, "F": torch.nn.functional, "Dataset": torch.utils.data.Dataset}
    exec(compile(source, "<cell>", "exec"), cell)
    return cell[name]


@pytest.mark.parametrize("item", EXERCISES.values(), ids=EXERCISES)
def test_an_untouched_starter_is_not_attempted_and_raises_nothing(item):
    assert item.check(run(item.starter, item.name)).verdict == "not attempted"
    assert item.check(...).verdict == item.check(None).verdict == "not attempted"


@pytest.mark.parametrize("item", EXERCISES.values(), ids=EXERCISES)
def test_the_shown_solution_runs_in_a_cell_and_passes(item):
    assert item.check(run(item.solution().source, item.name)).passed


@pytest.mark.parametrize("item", EXERCISES.values(), ids=EXERCISES)
def test_there_are_at_least_two_hints_and_the_last_one_stays(item):
    shown = [repr(item.hint()) for _ in range(5)]
    assert shown[0] != shown[1]
    assert shown[3] == shown[4]


def test_strict_raises_for_a_missing_and_for_a_wrong_answer(monkeypatch):
    monkeypatch.setenv("DLVIZ_STRICT", "1")
    with pytest.raises(NotAttempted, match="not attempted"):
        DOUBLE.check()
    with pytest.raises(Wrong, match="multiplied by itself"):
        DOUBLE.check(lambda x: x * x)
    assert DOUBLE.check(lambda x: x + x).passed
    assert issubclass(NotAttempted, AssertionError)
    assert issubclass(Wrong, AssertionError)


def test_a_body_of_comments_and_dots_is_not_attempted_but_a_forgotten_return_is_named():
    assert DOUBLE.check(run("def double(number):\n    # first idea\n    pass", "double")).verdict == "not attempted"
    assert DOUBLE.check(run("def double(x):\n    y = x + 1\n    return ...", "double")).verdict == "not attempted"
    forgotten = DOUBLE.check(run("def double(x):\n    2 * x", "double"))
    assert forgotten.verdict == "wrong"
    assert "return" in forgotten.message


@pytest.mark.parametrize("id", ["05.net", "03.accumulated"])
def test_code_to_repair_is_called_unchanged_and_not_a_starter(id):
    untouched = EXERCISES[id].check(run(EXERCISES[id].starter, EXERCISES[id].name))
    assert "still as it was found" in untouched.message


def test_a_part_of_a_result_that_is_still_open_is_not_attempted():
    assert exercise("04.step").check(lambda w, b, x, y, lr: (..., ...)).verdict == "not attempted"


def forward_of(body):
    return "class MLP(nn.Module):\n" + "\n".join(
        f"    {line}"
        for line in [
            "def __init__(self):",
            "    super().__init__()",
            "    self.first, self.last = nn.Linear(64, 32), nn.Linear(32, 10)",
            "def forward(self, x):",
            f"    {body}",
        ]
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("self.last(torch.relu(self.first(x.flatten(1))))", "The forward method returned None. Is a `return` missing?"),
        (
            "return self.last(F.gelu(self.first(x.flatten(1))))",
            "With the solution's parameters, your output at [0, 0] is",
        ),
    ],
)
def test_a_forgotten_return_and_another_activation_of_a_model_are_named(body, said):
    result = exercise("05.mlp").check(run(forward_of(body), "MLP"))
    assert result.verdict == "wrong"
    assert said in result.message
    assert "requires_grad" not in result.message
    assert exercise("05.mlp").check(run(forward_of("..."), "MLP")).verdict == "not attempted"


def uphill_with_a_graph(w, b, x, y, lr):
    (w * x + b - y).pow(2).mean().backward()
    return w + lr * w.grad, b + lr * b.grad


def test_a_mistake_is_named_by_its_numbers_where_the_graph_differs_too():
    assert exercise("04.step").check(uphill_with_a_graph).misconception == "uphill"


def test_an_exception_is_reported_with_the_learners_line_and_no_traceback():
    result = DOUBLE.check(run("def double(x):\n    y = 2\n    return x.twice(y)", "double"))
    assert result.verdict == "wrong"
    assert "AttributeError" in result.message
    assert "twice" in result.message
    assert "line 3" in result.message
    assert "dlviz" not in result.message


def test_a_result_in_place_of_the_function_is_explained():
    assert "check(double)" in DOUBLE.check(torch.ones(3)).message


def test_a_function_of_other_arguments_is_explained_before_it_is_called():
    assert DOUBLE.check(lambda: 1 / 0).message.startswith("double takes x")


def test_the_first_difference_is_shown_side_by_side():
    result = DOUBLE.check(lambda x: torch.where(x == x.reshape(-1)[-1], 9.5, 2 * x))
    assert result.misconception is None
    assert "[2]" in result.message
    assert "9.5" in result.message
    assert [label for label, _ in result.rows] == ["for the input", "yours", "expected"]


def test_a_changed_input_is_named():
    assert "changed its input x" in DOUBLE.check(lambda x: x.mul_(2)).message


def test_a_right_value_with_a_wrong_gradient_is_rejected():
    def half_cut(x):
        return x + x.detach()

    assert "gradient" in with_gradients(DOUBLE).check(half_cut).message


def test_a_misconception_is_not_named_when_one_case_contradicts_it():
    def squared_unless_small(x):
        return x * x if x.numel() > 1 else 2 * x

    assert DOUBLE.judge(squared_unless_small, 0).misconception is None


def test_a_check_does_not_change_the_learners_random_generators():
    def noisy(x):
        torch.rand(3), np.random.rand(3), random.random()
        return 2 * x

    def draws():
        return torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()

    def seeded():
        torch.manual_seed(5)
        np.random.seed(5)
        random.seed(5)

    seeded()
    expected = draws()
    seeded()
    assert DOUBLE.check(noisy).passed
    exercise("05.mlp").check(EXERCISES["05.mlp"].reference)
    exercise("03.order").check(["step"])
    assert draws() == expected


def test_every_check_uses_new_inputs():
    seen = []
    for _ in range(2):
        DOUBLE.check(lambda x: seen.append(x.detach().sum().item()) or 2 * x)
    assert len(set(seen)) == len(seen) == 10


def test_a_check_works_where_gradients_are_switched_off():
    with torch.no_grad():
        assert exercise("03.accumulated").check(EXERCISES["03.accumulated"].reference).passed


def test_a_repair_puts_the_metric_as_found_beside_the_learners():
    result = exercise("03.accumulated").check(EXERCISES["03.accumulated"].reference)
    assert dict(result.rows) == {
        "readings, as found": "[-15, -90]",
        "readings, yours": "[-15, -75]",
    }


@pytest.mark.parametrize("item", REPAIRS.values(), ids=REPAIRS)
def test_the_metric_of_a_repair_shows_the_fault(item):
    as_found, repaired = (text for _, text in item.judge(item.reference, 1).rows)
    assert as_found != repaired


def test_a_report_is_the_same_text_each_time_and_its_html_escapes_what_the_learner_wrote():
    def evil(x):
        raise ValueError("<script>alert(1)</script>")

    result = DOUBLE.judge(evil, 1)
    assert repr(result) == repr(DOUBLE.judge(evil, 1))
    shown, _ = result._repr_mimebundle_()
    assert shown["text/plain"] == repr(result)
    assert "<script>" not in shown["text/html"]
    assert "&lt;script&gt;" in shown["text/html"]


def test_a_report_contains_no_memory_address():
    for item in items().values():
        assert "0x" not in repr(item)
    assert "0x" not in repr(DOUBLE.check(lambda x: object()))


def test_only_a_right_answer_is_true():
    assert not DOUBLE.check(...)
    assert not DOUBLE.check(lambda x: x * x)
    assert DOUBLE.check(lambda x: x + x)


@pytest.mark.parametrize("item", EXERCISES.values(), ids=EXERCISES)
def test_an_untouched_starter_is_false_and_earns_nothing(item):
    report = item.check(run(item.starter, item.name))
    assert (bool(report), float(report)) == (False, 0.0)


def test_the_number_of_a_report_is_the_share_of_cases_passed():
    answers = iter([True, False, True, True, False])  # one call for each of the five cases
    assert float(DOUBLE.check(lambda x: 2 * x if next(answers) else 3 * x)) == pytest.approx(0.6)
    assert float(DOUBLE.check(lambda x: x + x)) == 1
    assert float(DOUBLE.check(torch.ones(3))) == 0


def test_the_share_of_an_order_counts_rounds_and_that_of_a_model_counts_checks():
    forgotten = EXERCISES["03.order"].check(["forward", "backward", "step"])  # the first round has nothing to clear
    assert float(forgotten) == pytest.approx(1 / 3)
    straight = EXERCISES["05.mlp"].check(lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)))
    assert 0 < float(straight) < 1
    assert float(EXERCISES["05.mlp"].check(lambda: torch.nn.Linear(64, 3))) == 0


@pytest.mark.parametrize("item", EXERCISES.values(), ids=EXERCISES)
def test_a_stored_mistake_never_has_full_credit(item):
    for mistake in (getattr(item, "wrong_answers", None) or getattr(item, "mistakes", {})).values():
        assert 0 <= float(item.judge(mistake, 1)) < 1


def test_a_report_has_every_case_with_both_results():
    answers = iter([1, 0, 1, 1, 0])  # added in each of the five cases
    result = DOUBLE.check(lambda x: 2 * x + 1 - next(answers))
    assert [case.passed for case in result.cases] == [True, False, True, True, False]
    assert float(result) == sum(case.passed for case in result.cases) / len(result.cases)
    right, wrong = result.cases[:2]
    assert right.yours == right.expected
    assert wrong.yours != wrong.expected
    assert wrong.given.startswith("x = ")
    assert len(DOUBLE.check(lambda x: 2 * x).cases) == len(DOUBLE.check(lambda x: x * x).cases) == 5
    assert [case.yours for case in DOUBLE.check(lambda x: 1 / 0).cases] == ["ZeroDivisionError"] * 5


@pytest.mark.parametrize(
    ("answer", "yours", "expected"),
    [
        (lambda images: images[::2, :, :, :4] + torch.eye(4).repeat(2, 1), "[0, 0, 0, 0]: ", "[0, 0, 0, 0]: "),
        (lambda images: images[::2, :, :, :4].half(), "float16", "float32"),
        (lambda images: images.mul_(1.5)[::2, :, :, :4] / 1.5, "images was changed", ""),
    ],
)
def test_results_that_look_the_same_in_the_table_are_told_apart(answer, yours, expected):
    for case in EXERCISES["01.left-halves"].judge(answer, 1).cases:
        assert case.yours != case.expected
        assert yours in case.yours
        assert expected in case.expected
        assert len(case.given) <= 120


def test_another_gradient_is_shown_in_the_table():
    cases = with_gradients(DOUBLE).judge(lambda x: x + x.detach(), 1).cases
    assert any("gradient at x" in case.yours for case in cases if not case.passed)


@pytest.mark.parametrize("item", EXERCISES.values(), ids=EXERCISES)
def test_all_cases_of_a_solution_pass(item):
    result = item.judge(item.reference, 1)
    assert (bool(result), float(result)) == (True, 1)
    assert all(case.passed and case.yours == case.expected for case in result.cases)
    assert len(result.cases) == (0 if item.kind in ("model", "trace") else 5)


def test_an_input_without_gradient_is_named():
    assert (
        "no gradient flows back to z"
        in EXERCISES["05.softmax"]
        .check(lambda z: EXERCISES["05.softmax"].reference(z.detach()).requires_grad_())
        .message
    )


def hook_of_one_argument(net, layer, images, targets):
    layer.register_forward_hook(lambda output: output)
    net(images)


def saliency_of_a_zeroed_net(net, images, targets):
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
    return EXERCISES["16.saliency"].reference(net, images, targets)


def saliency_with_a_softmax(net, images, targets):
    return EXERCISES["16.saliency"].reference(net.append(torch.nn.Softmax(dim=1)), images, targets)


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("16.grad-cam", hook_of_one_argument),
        ("16.saliency", saliency_of_a_zeroed_net),
        ("16.saliency", saliency_with_a_softmax),
    ],
)
def test_what_an_answer_does_to_a_net_does_not_reach_the_solution(id, answer):
    result = EXERCISES[id].check(answer)
    assert result.verdict == "wrong"
    assert [case.passed for case in result.cases] == 5 * [False]


def test_a_net_has_to_be_left_as_it_came():
    def saliency_in_evaluation(net, images, targets):
        return EXERCISES["16.saliency"].reference(net.train(not net.training), images, targets)

    def saliency_with_a_hook(net, images, targets):
        net.register_forward_hook(lambda *given: None)
        return EXERCISES["16.saliency"].reference(net, images, targets)

    for answer in (saliency_in_evaluation, saliency_with_a_hook):
        assert "net is not as it came" in EXERCISES["16.saliency"].check(answer).message
