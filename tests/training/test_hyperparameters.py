"""Hyperparameters change their targets everywhere, and refuse values that do not fit."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

import dlviz
from dlviz.kit.errors import DlvizError


def optimizer(kind=torch.optim.SGD, **options):
    return kind([torch.zeros(1, requires_grad=True)], lr=0.1, **options)


def run_with(**targets):
    run = dlviz.live()
    run.knobs(**targets)
    return run


def change(run, **values):
    run.settings = {**run.settings, **values}


def test_all_parameter_groups_change_and_keep_their_ratios():
    a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    opt = torch.optim.SGD([{"params": [a], "lr": 0.1}, {"params": [b], "lr": 0.02}], lr=1.0, momentum=0.9)
    run = run_with(lr=opt, momentum=opt)
    assert run.settings == {"lr": 0.1, "momentum": 0.9}
    change(run, lr=0.5, momentum=0.0)
    assert [group["lr"] for group in opt.param_groups] == pytest.approx([0.5, 0.1])
    assert [group["momentum"] for group in opt.param_groups] == [0.0, 0.0]


def test_adams_two_betas_are_two_hyperparameters():
    opt = optimizer(torch.optim.Adam)
    run = run_with(beta1=opt, beta2=opt)
    change(run, beta1=0.5)
    assert opt.param_groups[0]["betas"] == (0.5, 0.999)


def test_every_dropout_layer_of_a_model_changes():
    net = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5), nn.Sequential(nn.Dropout1d(0.5)))
    change(run_with(dropout=net), dropout=0.25)
    assert (net[1].p, net[2][0].p) == (0.25, 0.25)


def test_a_hyperparameter_can_be_an_attribute_of_a_module_or_of_any_object():
    act = nn.LeakyReLU(0.01)
    change(run_with(negative_slope=act), negative_slope=0.2)
    assert act.negative_slope == 0.2
    bag = type("Bag", (), {"temperature": 1.0})()
    change(run_with(heat=(bag, "temperature")), heat=2.0)
    assert bag.temperature == 2.0


def test_the_batch_size_of_an_ordinary_loader_acts_from_the_next_epoch_on():
    loader = DataLoader(torch.arange(64), batch_size=16)
    run = run_with(batch_size=loader)
    assert [len(batch) for batch in loader] == [16] * 4
    change(run, batch_size=32)
    assert [len(batch) for batch in loader] == [32] * 2
    assert {16, 32, 64} <= set(run.controls[0]["choices"])


def test_a_function_is_called_with_the_new_value():
    received = []
    run = run_with(width=dlviz.knob(received.append, value=8, low=1, high=64))
    change(run, width=16)
    assert received == [16]
    assert run.settings["width"] == 16


def test_a_choice_takes_only_its_choices():
    opt = optimizer()
    run = run_with(lr=dlviz.knob(opt, choices=(0.1, 0.01)))
    with pytest.raises(DlvizError, match=r"lr must be a number that fits \(0.1, 0.01\), but got 0.5"):
        change(run, lr=0.5)
    assert opt.param_groups[0]["lr"] == 0.1


def test_settings_follow_a_scheduler():
    opt = optimizer()
    run = run_with(lr=opt)
    schedule = torch.optim.lr_scheduler.StepLR(opt, 1, 0.5)
    for _ in run.steps(range(2)):
        opt.step()
        schedule.step()
    assert run.settings["lr"] == 0.025


@pytest.mark.parametrize(
    ("targets", "text"),
    [
        ({"speed": optimizer()}, "SGD has no speed in its parameter groups. It has .*lr, .*momentum"),
        ({"dropout": nn.Linear(1, 1)}, "a Linear has no dropout"),
        ({"p": (nn.Dropout(), "q")}, "attribute 'q', which a Dropout does not have"),
        ({"f": print}, "cannot be asked how it stands"),
        ({"f": 3}, "must be bound to an optimizer, .* but got int"),
        ({"lr": dlviz.knob(optimizer(), low=0, log=True)}, "low must be above 0"),
        ({"lr": dlviz.knob(optimizer(), low=2, high=1)}, "low must be below high"),
        ({"lr_d": optimizer()}, r"SGD has no lr_d .* Under a name of its own: knobs\(lr_d=\(optimizer, \"lr\"\)\)"),
        ({"lr_d": (optimizer(), "speed")}, "SGD has no speed in its parameter groups"),
        ({"width": ({"depth": 2}, "size")}, "size is bound to a dictionary that has no such key. It has depth"),
        ({"batch_size": DataLoader(torch.arange(3), batch_size=None)}, "without batches"),
    ],
)
def test_a_target_that_does_not_fit_is_refused(targets, text):
    with pytest.raises(DlvizError, match=text):
        dlviz.live().knobs(**targets)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"low": "2"}, "knob: low must be a finite number, or None for the usual one, but got '2'"),
        ({"high": float("inf")}, "knob: high must be a finite number, .* but got inf"),
        ({"high": torch.ones(2)}, "knob: high must be a finite number"),
        ({"low": True}, "knob: low must be a finite number"),
        ({"log": "yes"}, "knob: log must be True, False, or None .* but got 'yes'"),
    ],
)
def test_a_range_that_is_no_range_is_refused(options, text):
    with pytest.raises(DlvizError, match=text):
        dlviz.knob(print, value=1.0, **options)


def test_the_ends_of_a_range_may_be_numbers_of_torch_and_numpy():
    run = run_with(x=dlviz.knob(print, value=1.0, low=np.float32(0.5), high=torch.tensor(4)))
    assert [type(run.controls[0][end]) for end in ("low", "high")] == [float, int]


def test_a_hyperparameter_needs_a_name():
    with pytest.raises(DlvizError, match=r"knobs: .* run\.knobs\(lr=optimizer\), but got SGD without one"):
        dlviz.live().knobs(optimizer())


def test_pythons_own_error_names_the_class_that_the_learner_sees():
    with pytest.raises(TypeError, match=r"^Live\.steps\(\) missing 1 required positional argument: 'batches'"):
        dlviz.live().steps()


def test_the_rates_of_two_optimizers_have_names_of_their_own():
    opt_g, opt_d = optimizer(), optimizer(torch.optim.Adam)
    schedule = torch.optim.lr_scheduler.StepLR(opt_d, 1, 0.5)
    settings = {"eps": 0.5}
    run = run_with(
        lr_g=(opt_g, "lr"),
        lr_d=dlviz.knob((schedule, "lr"), high=1.0),
        beta_d=(opt_d, "beta1"),
        gamma=(schedule, "gamma"),
        noise=(settings, "eps"),
        lr=(opt_d.param_groups[0], "lr"),
    )
    assert run.settings == {"lr_g": 0.1, "lr_d": 0.1, "beta_d": 0.9, "gamma": 0.5, "noise": 0.5, "lr": 0.1}
    change(run, lr_g=0.2, lr_d=0.3, beta_d=0.8, gamma=0.1, noise=0.25)
    assert (opt_g.param_groups[0]["lr"], opt_d.param_groups[0]["lr"]) == (0.2, 0.3)
    assert (opt_d.param_groups[0]["betas"], schedule.gamma, settings["eps"]) == ((0.8, 0.999), 0.1, 0.25)
    named, plain = run.controls[0], run_with(lr=optimizer()).controls[0]
    assert {**named, "name": "lr"} == plain


@pytest.mark.parametrize("value", ["fast", float("nan"), -1.0, True, None])
def test_a_value_that_does_not_fit_is_refused_and_changes_nothing(value):
    opt = optimizer()
    run = run_with(lr=opt)
    with pytest.raises(DlvizError, match=r"settings|lr must be"):
        change(run, lr=value)
    assert opt.param_groups[0]["lr"] == 0.1


def test_an_unknown_hyperparameter_is_refused():
    run = run_with(lr=optimizer())
    with pytest.raises(DlvizError, match=r"there is no knob speed\. There are: lr"):
        change(run, speed=1.0)


def test_a_dictionary_has_the_hyperparameters_name_as_key():
    design = {"width": 16, "activation": "relu", "bias": True}
    run = dlviz.live()
    run.knobs(width=design, activation=dlviz.knob(design, choices=["relu", "tanh"]), bias=design)
    assert run.settings == design
    run.settings = {"width": 32, "activation": "tanh", "bias": False}
    assert design == {"width": 32, "activation": "tanh", "bias": False}
    with pytest.raises(DlvizError, match="knobs: activation must be a number that fits"):
        run.settings = {**run.settings, "activation": "sine"}
    assert design["activation"] == "tanh"


def test_a_string_value_requires_choices():
    with pytest.raises(DlvizError, match="activation stands at 'relu'"):
        dlviz.live().knobs(activation={"activation": "relu"})
    with pytest.raises(DlvizError, match=r"width is bound to a dictionary that has no such key\. It has depth"):
        dlviz.live().knobs(width={"depth": 2})


def test_an_optimizer_still_changes_after_load_state_dict():
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    run = dlviz.live()
    run.knobs(lr=opt)
    opt.load_state_dict(opt.state_dict())  # makes its parameter groups anew
    run.settings = {"lr": 0.5}
    assert opt.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("name", ["weight_decay", "lr"])
def test_ratios_between_groups_survive_0(name):
    p = [torch.zeros(1, requires_grad=True) for _ in "abc"]
    groups = [{"params": [one], name: value} for one, value in zip(p, (0.0, 0.01, 0.002), strict=True)]
    opt = torch.optim.AdamW(groups)
    run = run_with(**{name: opt})
    assert run.settings == {name: 0.01}
    for value in (0.0, 0.0, 0.01, 0.1):
        change(run, **{name: value})
        found = [group[name] for group in opt.param_groups]
        assert found == pytest.approx([0.0, value, value / 5])


def test_the_range_of_a_warm_up_is_that_of_the_rate_to_which_it_rises():
    p = [torch.zeros(1, requires_grad=True) for _ in "ab"]
    opt = torch.optim.AdamW([{"params": p[:1]}, {"params": p[1:], "lr": 5e-6}], lr=5e-5)
    schedule = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1, step / 10))
    run = run_with(lr=schedule)
    (control,) = run.controls
    assert (control["low"], control["high"]) == pytest.approx((5e-8, 5e-3))
    change(run, lr=1e-4)
    assert [group["lr"] for group in opt.param_groups] == pytest.approx([1e-4, 1e-5])


def test_without_a_scheduler_the_range_is_that_of_the_optimizers_default():
    opt = torch.optim.AdamW([{"params": [torch.zeros(1, requires_grad=True)], "lr": 0.0}], lr=2e-4)
    (control,) = run_with(lr=opt).controls
    assert (control["low"], control["high"]) == pytest.approx((2e-7, 2e-2))


def test_a_range_grows_with_a_value_that_leaves_it():
    settings = {"lr": 0.1, "width": 8}
    run = run_with(lr=dlviz.knob(settings, low=0.01, high=1, log=True), width=dlviz.knob(settings, low=4, high=16))
    settings.update(lr=1e-4, width=-3)
    list(run.steps(range(1)))
    lr, width = run.controls
    assert lr["low"] < 1e-4 < lr["high"] == 1
    assert width["low"] < -3
    settings.update(lr=0.0, width=100)
    list(run.steps(range(1)))
    lr, width = run.controls
    assert lr["low"] > 0
    assert width["high"] > 100


def test_a_knob_at_infinity_leaves_the_others_heard_and_can_return_there():
    opt = optimizer()
    settings = {"clip": float("inf")}
    run = run_with(lr=opt, clip=settings)
    assert all(torch.isfinite(torch.tensor([one["low"], one["high"]])).all() for one in run.controls)
    run._handle_custom_msg({"kind": "change", "name": "lr", "value": 0.01}, [])
    assert opt.param_groups[0]["lr"] == 0.01
    run.set_state({"settings": {**run.settings, "lr": 0.02}})
    assert opt.param_groups[0]["lr"] == 0.02
    run._handle_custom_msg({"kind": "change", "name": "clip", "value": 0.5}, [])
    assert settings["clip"] == 0.5
    run._handle_custom_msg({"kind": "change", "name": "clip", "value": {"$number": "Infinity"}}, [])
    assert settings["clip"] == float("inf")
    assert "$number" in run.to_html()
    with pytest.raises(DlvizError, match="lr must be"):
        change(run, lr=float("inf"))


def test_a_rate_that_is_a_tensor_stays_that_tensor():
    rate, beta = torch.tensor(0.1), torch.tensor(0.9)
    opt = torch.optim.Adam(
        [torch.zeros(1, requires_grad=True)], lr=rate, betas=(beta, torch.tensor(0.99)), capturable=True
    )
    run = run_with(lr=opt, beta1=opt)
    assert run.settings == pytest.approx({"lr": 0.1, "beta1": 0.9})
    change(run, lr=0.5, beta1=0.25)
    assert opt.param_groups[0]["lr"] is rate
    assert (rate.item(), beta.item()) == (0.5, 0.25)


def test_numbers_of_torch_and_numpy_are_numbers():
    target = {"a": np.float32(0.5), "b": torch.tensor(2.0), "c": np.int64(3), "d": np.array(1.5)}
    run = run_with(**dict.fromkeys(target, target))
    assert run.settings == {"a": 0.5, "b": 2.0, "c": 3, "d": 1.5}
    change(run, a=np.float32(0.25), b=torch.tensor(4.0))
    assert (target["a"], target["b"].item()) == (0.25, 4.0)


@pytest.mark.parametrize("value", [0, -3, -0.5])
def test_any_number_has_a_range_around_it(value):
    (control,) = run_with(x={"x": value}).controls
    assert control["low"] <= value <= control["high"]
    assert control["low"] < control["high"]


@pytest.mark.parametrize("value", [None, [1], torch.zeros(2)])
def test_only_numbers_strings_and_bools_can_be_turned(value):
    with pytest.raises(DlvizError, match="knobs: x stands at"):
        run_with(x={"x": value})
