"""Hyperparameters change their targets everywhere, and refuse values that do not fit."""

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
        ({"batch_size": DataLoader(torch.arange(3), batch_size=None)}, "without batches"),
    ],
)
def test_a_target_that_does_not_fit_is_refused(targets, text):
    with pytest.raises(DlvizError, match=text):
        dlviz.live().knobs(**targets)


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
