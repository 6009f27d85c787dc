"""Saving and loading: the round trip is real, what a state_dict does not hold is named, and the proposed code makes another one fit."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from dlviz.kit.errors import DlvizError
from dlviz.model_export import check_saving, check_state
from dlviz.model_export.random_inputs import Case
from dlviz.torchkit.callables import untouched


def findings(model: nn.Module, x: torch.Tensor, **options):
    with untouched([model]):
        return check_saving(model, Case("example", (), (x,)), lambda leaves: model(*leaves), **options).findings


def bad(model: nn.Module, x: torch.Tensor) -> list[str]:
    return [one.text for one in findings(model, x) if not one.is_good]


def test_a_plain_model_comes_back_the_same_and_stays_as_it_was():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    assert bad(net, torch.randn(4, 3)) == []
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_a_tensor_that_is_not_registered_is_named():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.ones(3)

        def forward(self, x):
            return x * self.scale

    assert any("scale is a plain tensor" in text for text in bad(Plain(), torch.randn(2, 3)))


def test_layers_in_a_list_are_named_with_the_container_to_use():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = [nn.Linear(3, 3)]

        def forward(self, x):
            return self.blocks[0](x)

    found = [one for one in findings(Listed(), torch.randn(2, 3)) if not one.is_good]
    assert [(one.code, "blocks[0].weight" in one.text) for one in found] == [("self.blocks = nn.ModuleList(…)", True)]


def test_a_state_that_loading_does_not_bring_back_is_found():
    class Forgets(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("scale", torch.full((3,), 2.0), persistent=False)

        def forward(self, x):
            return x * self.scale

    texts = bad(Forgets(), torch.randn(2, 3))
    assert any("loaded: the output differs" in text for text in texts)


def test_an_extra_state_that_is_no_tensor_is_refused_in_torchs_words():
    class Extra(nn.Linear):
        def get_extra_state(self):
            return range(3)

        def set_extra_state(self, state):
            pass

    assert any(text.startswith("torch refuses to load the state_dict") for text in bad(Extra(3, 2), torch.randn(2, 3)))


def test_layers_of_gru_and_attention_are_not_taken_for_plain_tensors():
    assert bad(nn.GRU(3, 2), torch.randn(4, 2, 3)) == []
    assert bad(nn.TransformerEncoderLayer(4, 2, 8), torch.randn(5, 2, 4)) == []


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "net.encoder."])
def test_the_code_for_a_prefix_makes_the_state_fit(prefix):
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    state = OrderedDict((prefix + key, value) for key, value in net.state_dict().items())
    (found,) = check_state(net, state)
    assert not found.is_good
    scope = {"state": state}
    exec(found.code, scope)
    net.load_state_dict(scope["state"])
    wrapped = nn.ModuleDict({"module": net})
    (other,) = check_state(wrapped, net.state_dict())
    scope = {"state": net.state_dict()}
    exec(other.code, scope)
    wrapped.load_state_dict(scope["state"])


def test_a_checkpoint_around_the_state_is_opened(tmp_path):
    net = nn.Linear(3, 2)
    torch.save({"epoch": 3, "state_dict": net.state_dict()}, tmp_path / "checkpoint.pt")
    (found,) = check_state(net, tmp_path / "checkpoint.pt")
    checkpoint = torch.load(tmp_path / "checkpoint.pt")
    exec(found.code, {"net": net, "checkpoint": checkpoint})


def test_shapes_dtypes_and_other_keys_are_named():
    net = nn.Linear(3, 2)
    state = net.state_dict()
    assert check_state(net, state)[0].is_good
    assert (
        "weight: the model has (2, 3), state has (2, 4)"
        in check_state(net, state | {"weight": torch.ones(2, 4)})[0].text
    )
    assert "load_state_dict converts it" in check_state(net, state | {"bias": state["bias"].double()})[0].text
    text = check_state(net, {"weight": state["weight"], "b": state["bias"]})[0].text
    assert text == "Missing keys: bias. Unexpected keys: b."


def test_a_file_with_a_whole_module_is_not_opened(tmp_path):
    torch.save(nn.Linear(3, 2), tmp_path / "net.pt")
    (found,) = check_state(nn.Linear(3, 2), tmp_path / "net.pt")
    assert "weights_only=True refuses this file" in found.text


def test_a_file_that_is_none_and_a_state_that_is_none_are_refused(tmp_path):
    (tmp_path / "text.pt").write_text("not a checkpoint")
    assert not check_state(nn.Linear(3, 2), str(tmp_path / "text.pt"))[0].is_good
    with pytest.raises(DlvizError, match="there is no file"):
        check_state(nn.Linear(3, 2), tmp_path / "missing.pt")
    with pytest.raises(DlvizError, match="state must be a state_dict or the path"):
        check_state(nn.Linear(3, 2), 3)
