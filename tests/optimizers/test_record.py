"""Trajectories and update rules equal loops and formulas written by hand, and divergence thresholds hold."""

import pytest
import torch
from torch.autograd.function import once_differentiable
from torch.optim import LBFGS, SGD, Adagrad, Adam, AdamW, NAdam, RMSprop

from dlviz.optimizers import TEST_FUNCTIONS, curvature, divergence_threshold, named_optimizers, record, update_rule
from dlviz.optimizers.code import code
from dlviz.optimizers.loss_functions import LossFunction
from dlviz.optimizers.update_rules import residual
from tests.optimizers.reference import LOSSES, OPTIMIZERS, by_hand, plain_loop

STARTS = {name: loss.start for name, loss in TEST_FUNCTIONS.items()}


def ran(kind, arguments, loss="ravine", steps=100, **more):
    return record(named_optimizers([(kind, arguments)])[0], TEST_FUNCTIONS[loss], STARTS[loss], steps, **more)


@pytest.mark.parametrize("loss", ["bowl", "ravine", "beale"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_100_steps_equal_a_plain_torch_loop(name, loss):
    kind, arguments = OPTIMIZERS[name]
    # Beale's corners are steep: plain steps of the usual size end in NaN, which would compare nothing.
    arguments = {**arguments, "lr": arguments["lr"] * (0.02 if loss == "beale" else 1)}
    made = ran(kind, arguments, loss)
    points, losses, grads = plain_loop(kind, arguments, LOSSES[loss], STARTS[loss], 100)
    assert made.points.shape == (101, 2)
    assert made.points.isfinite().all()
    assert (made.points - points).abs().max() < 1e-10
    assert (made.losses[:-1] - losses).abs().max() < 1e-10 * max(1, losses.abs().max())
    assert (made.grads[:-1] - grads).abs().max() < 1e-10 * max(1, grads.abs().max())
    assert made.losses[-1] == TEST_FUNCTIONS[loss].function(made.points[-1])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_100_steps_equal_the_papers_formulas_in_plain_python(name):
    kind, arguments = OPTIMIZERS[name]
    wanted = by_hand(name, arguments, lambda x, y: (x, 20 * y), STARTS["ravine"], 100)
    assert (ran(kind, arguments).points - wanted).abs().max() < 1e-10


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_same_call_is_bit_identical(name):
    kind, arguments = OPTIMIZERS[name]
    one, two = ran(kind, arguments, "rosenbrock"), ran(kind, arguments, "rosenbrock")
    for a, b in ((one.points, two.points), (one.losses, two.losses), (one.grads, two.grads)):
        assert torch.equal(a.view(torch.int64), b.view(torch.int64))
    assert all(torch.equal(one.state[key].view(torch.int64), two.state[key].view(torch.int64)) for key in one.state)


def test_a_loss_with_noise_is_deterministic_and_keeps_the_global_random_state():
    noisy = LossFunction("noisy", lambda p: (p**2).sum() + torch.randn((), dtype=torch.float64) * p[0])
    sgd = named_optimizers([(SGD, {"lr": 0.1})])[0]
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two, other = (record(sgd, noisy, (1.0, 1.0), 20, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.points, two.points)
    assert not torch.equal(one.points, other.points)


FORMULAS = [
    *OPTIMIZERS.values(),
    (SGD, {"lr": 0.05, "momentum": 0.9, "dampening": 0.2}),
    (SGD, {"lr": 0.05, "momentum": 0.5, "nesterov": True, "weight_decay": 0.3}),
    (SGD, {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
    (RMSprop, {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.1}),
    (Adam, {"lr": 0.1, "weight_decay": 0.1, "betas": (0.8, 0.99)}),
    (AdamW, {"lr": 0.1, "weight_decay": 0.0}),
    (Adagrad, {"lr": 0.5, "lr_decay": 0.1, "initial_accumulator_value": 0.3}),
]


@pytest.mark.parametrize(("kind", "arguments"), FORMULAS, ids=lambda v: getattr(v, "__name__", str(v)))
@pytest.mark.parametrize("loss", ["ravine", "rosenbrock"])
def test_the_printed_update_rule_gives_torchs_next_point(kind, arguments, loss):
    made = ran(kind, arguments, loss, steps=40, lr_scale=0.02 if loss == "rosenbrock" else 1.0)
    shown = update_rule(made)
    assert residual(made, shown) < 1e-12
    # m, v, b and s in the lines are the entries of torch's optimizer state.
    for short, name in {"m": "exp_avg", "v": "exp_avg_sq", "b": "momentum_buffer", "s": "sum"}.items():
        if short in shown.arrays and name in made.state:
            gap = (shown.arrays[short] - made.state[name])[1:].abs()
            assert gap.max() < 1e-12 * max(1, made.state[name].abs().max())
    named = {part[0] for line in shown.lines for part in line if not isinstance(part, str)}
    assert named <= {"p", *shown.arrays, *made.state}


def test_the_residual_detects_a_wrong_update_rule():
    made = ran(SGD, {"lr": 0.05, "momentum": 0.9})
    shown = update_rule(made)
    shown.result = shown.result + 1e-6
    assert residual(made, shown) > 1e-7


def test_an_optimizer_without_an_update_rule_runs_and_records_its_state():
    made = ran(NAdam, {"lr": 0.1})
    assert update_rule(made).lines == []
    assert set(made.state) == {"exp_avg", "exp_avg_sq"}
    assert update_rule(ran(Adam, {"lr": 0.1, "amsgrad": True})).lines == []


def test_lbfgs_gets_a_closure():
    made = ran(LBFGS, {"lr": 0.5}, steps=5)
    assert made.losses[-1] < 1e-3 * made.losses[0]


SGDS = [
    {}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.5, "dampening": 0.3}, {"weight_decay": 0.5},
    {"momentum": 0.3, "nesterov": True, "weight_decay": 1.0},
]  # fmt: skip


@pytest.mark.parametrize("arguments", SGDS, ids=str)
@pytest.mark.parametrize("loss", ["bowl", "ravine"])
def test_training_converges_just_below_the_threshold_and_diverges_just_above_it(arguments, loss):
    at_start = curvature(TEST_FUNCTIONS[loss], STARTS[loss], 1.0)
    assert at_start.quadratic
    bound = divergence_threshold(ran(SGD, {"lr": 0.01, **arguments}, loss, 1), at_start)
    below, above = (ran(SGD, {"lr": bound * share, **arguments}, loss, 600) for share in (0.98, 1.02))
    assert below.losses[-1] < 1e-6 * below.losses[0]
    assert above.losses[-1] > 1e3 * above.losses[0]
    assert below.ended(TEST_FUNCTIONS[loss].limits) is None
    assert above.ended(TEST_FUNCTIONS[loss].limits)[1] in ("up", "nan")


def test_the_threshold_of_plain_sgd_is_two_over_the_largest_eigenvalue():
    at_start = curvature(TEST_FUNCTIONS["ravine"], (-2.5, 1.0), 1.0)
    assert torch.equal(at_start.hessian, torch.tensor([[1.0, 0.0], [0.0, 20.0]], dtype=torch.float64))
    assert divergence_threshold(ran(SGD, {"lr": 1.0}, steps=1), at_start) == pytest.approx(2 / 20)
    assert divergence_threshold(ran(SGD, {"lr": 1.0, "momentum": 0.9}, steps=1), at_start) == pytest.approx(
        2 * 1.9 / 20
    )
    assert divergence_threshold(ran(Adam, {"lr": 1.0}, steps=1), at_start) is None
    assert divergence_threshold(ran(SGD, {"lr": 1.0, "maximize": True}, steps=1), at_start) is None


class Once(torch.autograd.Function):
    """The sum of squares, whose gradient cannot be differentiated again."""

    @staticmethod
    def forward(ctx, p):
        ctx.save_for_backward(p)
        return (p**2).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0] * g


class Never(Once):
    """The same, but torch raises an error."""

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            raise RuntimeError("not twice")
        return 2 * ctx.saved_tensors[0] * g


def test_the_hessian_equals_torch_func():
    at = torch.tensor([-1.5, 2.0], dtype=torch.float64)
    wanted = torch.func.jacrev(torch.func.jacrev(LOSSES["rosenbrock"]))(at)
    assert torch.allclose(curvature(TEST_FUNCTIONS["rosenbrock"], at.tolist(), 1.0).hessian, wanted)


def test_curvature_is_local_unless_quadratic_and_none_without_second_derivatives():
    assert not curvature(TEST_FUNCTIONS["rosenbrock"], (-1.5, 2.0), 1.0).quadratic
    assert curvature(LossFunction("never", lambda p: Never.apply(p)), (1.0, 1.0), 1.0) is None
    assert curvature(LossFunction("once", lambda p: Once.apply(p) * p[0]), (1.0, 1.0), 1.0) is None
    hill = curvature(LossFunction("hill", lambda p: -(p**2).sum()), (1.0, 1.0), 1.0)
    assert divergence_threshold(ran(SGD, {"lr": 0.1}, steps=1), hill) is None


def test_ended_gives_step_and_reason_where_a_path_leaves_the_limits():
    limits = ((-3.0, 3.0), (-2.0, 2.0))
    made = ran(SGD, {"lr": 0.15})  # y is multiplied with −2 in every step: 1, −2, 4: outside from step 2 on
    assert made.ended(limits) == (2, "up")
    assert ran(SGD, {"lr": 0.05}).ended(limits) is None
    saddle = ran(SGD, {"lr": 0.5}, "saddle")  # y = 0.01 · 1.5^t: above 2 from step 14 on, and lower than it began
    assert saddle.ended(TEST_FUNCTIONS["saddle"].limits) == (14, "left")
    wild = ran(SGD, {"lr": 0.1}, "rosenbrock")
    assert not wild.points.isfinite().all()
    assert wild.ended(TEST_FUNCTIONS["rosenbrock"].limits) == (1, "nan")


def test_a_path_that_returns_into_the_limits_has_not_ended():
    made = ran(SGD, {"lr": 0.05, "momentum": 0.9}, steps=200)
    assert made.ended(((-3.0, 3.0), (-0.5, 1.0))) is None
    assert bool((made.points[:, 1] < -0.5).any())


@pytest.mark.parametrize("name", [*OPTIMIZERS, "LBFGS"])
@pytest.mark.parametrize("loss", ["ravine", "rosenbrock"])
def test_the_copied_code_runs_and_gives_the_same_numbers(name, loss, capsys):
    kind, arguments = {**OPTIMIZERS, "LBFGS": (LBFGS, {"lr": 0.3})}[name]
    made = ran(kind, arguments, loss, steps=12, lr_scale=0.01)
    space = {}
    exec(compile(code(made, TEST_FUNCTIONS[loss], STARTS[loss], 12), "copied", "exec"), space)
    assert torch.equal(space["p"].detach(), made.points[-1])
    assert "tensor" in capsys.readouterr().out


def test_the_code_calls_the_learners_own_loss_by_its_name():
    def mine(p):
        return (p**2).sum()

    own = LossFunction("mine", mine)
    made = record(named_optimizers([(SGD, {"lr": 0.1})])[0], own, (1.0, 2.0), 3)
    space = {"mine": mine}
    exec(compile(code(made, own, (1.0, 2.0), 3), "copied", "exec"), space)
    assert torch.equal(space["p"].detach(), made.points[-1])


def test_every_form_of_an_optimizer_is_accepted_and_named():
    from functools import partial

    forms = [
        Adam, (SGD, {"lr": 0.1}), (SGD, {"lr": 0.2}), partial(SGD, lr=0.1, momentum=0.9), lambda params: RMSprop(params, lr=0.3),
        (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ]  # fmt: skip
    found = named_optimizers(forms)
    assert [one.name for one in found] == ["Adam", "SGD (1)", "SGD (2)", "SGD momentum=0.9", "RMSprop", "SGD nesterov"]
    assert [one.lr for one in found] == [0.001, 0.1, 0.2, 0.1, 0.3, 0.1]
    assert [one.name for one in named_optimizers({"mine": Adam})] == ["mine"]
    assert [one.name for one in named_optimizers(Adam)] == ["Adam"]
    assert [one.name for one in named_optimizers((SGD, {"lr": 0.1}))] == ["SGD"]


@pytest.mark.parametrize(
    ("kind", "arguments"), [(SGD, {"lr": 1e200, "momentum": 0.9}), (RMSprop, {"lr": 1e300}), (LBFGS, {"lr": 3.0})]
)
def test_a_path_that_has_become_nan_is_not_run_further_and_its_numbers_are_those_of_the_whole_run(
    kind, arguments, monkeypatch
):
    short = ran(kind, arguments)
    monkeypatch.setitem(record.__globals__, "_is_nan", lambda *tensors: False)
    whole = ran(kind, arguments)
    assert short.points[-1].isnan().all()
    assert short.evaluations < whole.evaluations / 2
    pairs = [(short.points, whole.points), (short.losses, whole.losses), (short.grads, whole.grads)]
    pairs += [(short.state[name], whole.state[name]) for name in whole.state]
    assert all(torch.allclose(a, b, rtol=0, atol=0, equal_nan=True) for a, b in pairs)
