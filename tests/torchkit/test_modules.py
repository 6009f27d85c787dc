"""What torch registers of a model and what it does not, read without the model's own methods."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from dlviz.torchkit.modules import (
    count_parameters,
    modules,
    named_buffers,
    named_modules,
    named_parameters,
    unregistered_note,
    unregistered_parameters,
)

ROOT = Path(__file__).parents[2]


class Shared(nn.Module):
    """A layer at two places, a buffer, an empty place."""

    def __init__(self):
        super().__init__()
        self.first = self.second = nn.Linear(2, 2)
        self.norm = nn.Sequential(nn.BatchNorm1d(2))
        self.register_module("nothing", None)


def test_everything_is_found_as_torch_finds_it():
    model = Shared()
    assert list(named_modules(model)) == list(model.named_modules())
    every = list(named_modules(model, remove_duplicate=False))
    assert every == list(model.named_modules(remove_duplicate=False))
    assert list(named_parameters(model)) == list(model.named_parameters())
    assert list(named_buffers(model)) == list(model.named_buffers())


@pytest.mark.parametrize("name", ["modules", "named_modules", "children", "parameters", "named_parameters"])
def test_an_attribute_may_have_the_name_of_a_method(name):
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1)))
    setattr(model[1], name, [1, 2])
    assert [type(module).__name__ for module in modules(model)] == ["Sequential", "Linear", "Sequential", "Linear"]
    assert count_parameters(model) == 13


def model_with(**attributes):
    """Return a model with a registered layer and other attributes."""
    model = nn.Module()
    model.registered = nn.Linear(2, 2)
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


@pytest.mark.parametrize(
    ("value", "registered", "first"),
    [
        ([nn.Linear(2, 3)], "nn.ModuleList", "blocks[0].weight"),
        ((nn.Sequential(nn.Linear(2, 3)),), "nn.ModuleList", "blocks[0].0.weight"),
        ({"a": [nn.Linear(2, 3)]}, "nn.ModuleDict", "blocks['a'][0].weight"),
        ([nn.Parameter(torch.ones(9))], "nn.ParameterList", "blocks[0]"),
        ({"w": nn.Parameter(torch.ones(9))}, "nn.ParameterDict", "blocks['w']"),
    ],
    ids=str,
)
def test_layers_in_a_plain_container_are_named_with_what_to_use_instead(value, registered, first):
    outer = nn.Sequential(model_with(blocks=value))
    (found,) = unregistered_parameters(outer)
    assert (found.attribute, found.registered, found.count) == ("0.blocks", registered, 9)
    assert found.names[0] == f"0.{first}"
    note = unregistered_note(outer)
    for part in ("0.blocks", found.names[-1], registered):
        assert part in note


def test_registered_layers_may_also_stand_in_a_list():
    model = model_with()
    model.every = [model.registered, model.registered.weight, 3, "text"]
    model.activations = [nn.ReLU()]
    assert unregistered_note(model) == ""


def test_layers_that_torch_registers_are_not_named():
    assert unregistered_note(model_with(blocks=nn.ModuleList([nn.Linear(1, 1)]), lazy=nn.LazyLinear(2))) == ""


def test_a_container_may_hold_itself():
    endless = [nn.Linear(1, 1)]
    endless.append(endless)
    assert unregistered_parameters(model_with(endless=endless))[0].count == 2


#: Modules that dlviz itself has made, or that have no attributes in Python; a call inside `try`.
SAFE = {
    ("torchkit/modules.py", "module.extra_repr()"),
    ("recurrent/module_call.py", "copy.named_parameters()"),
    ("training/model_monitor.py", "module.parameters(recurse"),
}


def test_no_room_calls_a_method_that_an_attribute_may_hide():
    """A learner's ``self.modules = […]`` hides ``module.modules()``."""
    methods = (
        "modules|named_modules|children|named_children|parameters|named_parameters|buffers|named_buffers|extra_repr"
    )
    call = re.compile(rf"\w+\.(?:{methods})\((?:\)|recurse|remove_duplicate)")
    found = set()
    for path in (ROOT / "dlviz").rglob("*.py"):
        name = path.relative_to(ROOT / "dlviz").as_posix()
        if name.startswith(("exercises/", "export/")):
            continue  # their models are checked by the exercise, or are dlviz's own
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.lstrip().startswith((">>>", "...", "#", '"', "`")) and "``" not in line:
                found |= {(name, text) for text in call.findall(line)}
    assert found - SAFE == set()
