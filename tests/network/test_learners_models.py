"""Models that learners really have: whatever runs without dlviz is shown, and stays as it was."""

import copy
from collections import UserDict

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.network import record
from tests.torchkit.quantized import Quantized


def names(view):
    """Return the names of all columns."""
    return [column.name for column in view.columns]


def texts(view):
    """Return the notes as one text."""
    return " ".join(note["text"] for note in view.scene["notes"])


def open_everything(view):
    """Open every column as a click does, write the page and draw the still picture."""
    for number, column in enumerate(view.columns):
        if not column.output.numel():
            continue
        view.inspect(number)
        if column.output.dim() == 3:
            view.inspect(number, 0, (0, 0))
    view.to_html()
    assert view._still().startswith("<svg")


class Clip(nn.Linear):
    """Writes its own weight in every forward."""

    runs = 0

    def forward(self, x):
        Clip.runs += 1
        with torch.no_grad():
            self.weight.mul_(0.5)
        return super().forward(x)


def test_a_forward_that_writes_parameters_runs_once_and_changes_nothing():
    torch.manual_seed(0)
    net, x = nn.Sequential(Clip(3, 2), nn.Embedding(3, 2, max_norm=0.1)), torch.ones(1, 3)
    net.forward = lambda x: net[0](x) + net[1](torch.tensor([1]))
    before = copy.deepcopy(net.state_dict())
    versions = [p._version for p in net.parameters()]
    Clip.runs = 0
    view = dlviz.layers(net, x)
    assert Clip.runs == 1
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    # The terms are those of the weight as the forward pass used it.
    view.inspect("0", 1)
    weight = before["0.weight"] * 0.5
    assert [term[2] for term in sorted(view.detail["terms"])] == weight[1].tolist()
    assert view.detail["value"] == F.linear(x, weight, before["0.bias"])[0, 1]
    assert [p._version for p in net.parameters()] == versions


@pytest.mark.parametrize("last", [nn.Linear(3, 2), nn.LazyLinear(2), nn.Linear(5, 2)], ids=["plain", "lazy", "raises"])
def test_an_input_that_a_model_overwrites_stays_as_it_was(last):
    x = torch.tensor([[-1.0, 2.0, -3.0]])
    view = dlviz.layers(nn.Sequential(nn.ReLU(inplace=True), last), x)
    assert view.columns[0].output.tolist() == [-1.0, 2.0, -3.0]
    assert view.columns[1].output.tolist() == [0.0, 2.0, 0.0]
    view.inspect(1, 0)
    assert x.tolist() == [[-1.0, 2.0, -3.0]]


class OfSequences(nn.Module):
    """Packs sequences of different lengths for an LSTM."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, tokens, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.embed(tokens), lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.lstm(packed)
        return self.head(h[-1])


def test_packed_sequences_are_shown_inside_a_model_and_as_its_input():
    net, tokens, lengths = OfSequences(), torch.randint(1, 50, (3, 7)), torch.tensor([5, 7, 3])
    view = dlviz.layers(net, tokens, lengths)
    assert [name for name in names(view) if name in ("embed", "pack_padded_sequence", "lstm", "head")] == [
        *("embed", "pack_padded_sequence", "lstm", "head")
    ]
    assert texts(view) == ""
    assert torch.equal(view.columns[-1].output, net(tokens, lengths)[0])
    open_everything(view)
    packed = nn.utils.rnn.pack_padded_sequence(torch.rand(2, 6, 4), [6, 3], batch_first=True)
    lstm = nn.LSTM(4, 5, batch_first=True)
    view = dlviz.layers(lstm, packed)
    assert torch.equal(view.columns[-1].output, lstm(packed)[0].data[0])
    open_everything(view)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 4), nn.Linear(5, 4)

    def forward(self, x, y, *, z):
        return self.a(x) + self.b(y) + z["third"]


def test_every_input_can_be_opened():
    view = dlviz.layers(TwoInputs(), torch.randn(2, 3), torch.randn(2, 5), kwargs={"z": {"third": torch.ones(2, 4)}})
    assert names(view)[:3] == ["x0", "x1", "z['third']"]
    for number in range(3):
        view.inspect(number, 2)
        assert torch.equal(view.receptive_field.gradient, torch.tensor([0.0, 0, number == 0]))
    open_everything(view)


class OfDictionaries(nn.Module):
    """Takes a list of dictionaries, as torchvision's detectors do, or a batch as Hugging Face makes it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, batch, scale=1.0):
        if isinstance(batch, list):
            return [self.fc(one["image"].flatten(1)) * scale + one["label"] for one in batch]
        return self.fc(batch["image"].flatten(1)) * scale


@pytest.mark.parametrize(
    "batch",
    [
        [{"image": torch.rand(3, 2, 2), "label": 1}, {"image": torch.rand(3, 2, 2), "label": torch.tensor(2)}],
        UserDict(image=torch.rand(3, 2, 2), text="a cat"),
    ],
    ids=["list of dictionaries", "mapping"],
)
def test_nested_inputs_and_inputs_that_are_no_tensors(batch):
    view = dlviz.layers(OfDictionaries(), batch, 2.0)
    assert view.refusal == ""
    view.inspect("fc", 1)
    assert view.receptive_field.gradient.any()
    open_everything(view)


def test_weights_that_bring_their_own_functions_run():
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), torch.randn(2, 4)
    for layer in (net[0], net[2]):
        layer.weight = nn.Parameter(Quantized.of(layer.weight), requires_grad=False)
    view = dlviz.layers(net, x)
    assert view.refusal == ""
    assert names(view) == ["x", "0", "1", "2"]
    assert torch.equal(view.output, net(x))
    view.inspect("0", 1)
    total = sum(term[3] for term in view.detail["terms"]) + view.detail["bias"]
    assert total == pytest.approx(net[0](x)[0, 1].item(), abs=1e-6)
    open_everything(view)


class Subclass(torch.Tensor):
    """A subclass of the simplest kind, as fastai's images are."""


def test_an_input_of_a_tensor_subclass_runs():
    net, x = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), torch.rand(2, 1, 5, 5)
    view = dlviz.layers(net, x.as_subclass(Subclass))
    assert names(view) == ["x", "0", "1"]
    assert torch.equal(view.columns[2].output, net(x)[0])
    open_everything(view)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("wrap", "expected"),
    [
        (nn.DataParallel, ["module.0", "module.1", "module.2"]),
        (torch.jit.script, ["Sequential"]),
        (lambda net: torch.jit.trace(net, torch.ones(1, 3)), ["Sequential"]),
        (lambda net: nn.Sequential(net[0], torch.jit.script(net[1:])), ["0", "1"]),
        (lambda net: nn.Sequential(net[0], torch.compile(net[1:])), ["0", "1._orig_mod.1", "1._orig_mod.2"]),
        (lambda net: torch.fx.symbolic_trace(net), ["0", "1", "2"]),
        (lambda net: torch.export.export(net, (torch.ones(2, 3),)).module(), None),
    ],
    ids=["DataParallel", "scripted", "traced", "scripted part", "compiled part", "fx", "exported"],
)
def test_wrapped_models_are_shown_at_the_level_that_can_be_seen(wrap, expected):
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).eval(), torch.randn(2, 3)
    wrapped = wrap(net)
    view = dlviz.layers(wrapped, x)
    assert view.refusal == ""
    assert expected is None or names(view)[1:] == expected
    assert torch.equal(view.output, net(x))
    assert view.columns[-1].returned == ("output",)
    open_everything(view)


def test_a_model_that_needs_gradients_runs():
    class Derivative(nn.Module):
        def __init__(self):
            super().__init__()
            self.energy = nn.Linear(3, 1)

        def forward(self, x):
            x = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(torch.tanh(self.energy(x)).sum(), x)
            return -slope

    net, x = Derivative(), torch.randn(2, 3)
    view = dlviz.layers(net, x)
    assert view.refusal == ""
    assert torch.equal(view.output, net(x))
    assert not any(column.output.requires_grad for column in view.columns)
    open_everything(view)


def test_a_model_whose_calls_cannot_be_watched_is_one_column():
    class Shy(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x):
            if self.layer._forward_hooks:
                raise RuntimeError("no hooks here")
            return self.layer(x)

    net, x = Shy(), torch.randn(2, 3)
    view = dlviz.layers(net, x)
    assert view.refusal == ""
    assert names(view) == ["x", "Shy"]
    assert torch.equal(view.output, net(x))
    assert "cannot be seen one by one" in texts(view)
    assert "no hooks here" in texts(view)
    open_everything(view)


def test_lazy_layers_are_initialized_by_the_first_call():
    def lazy():
        torch.manual_seed(0)
        return nn.Sequential(nn.LazyConv2d(2, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))

    x = torch.rand(2, 1, 5, 5)
    expected = lazy()(x)
    net = lazy()
    view = dlviz.layers(net, x)
    assert "0, 3: lazy layers" in texts(view)
    assert torch.equal(view.output, expected)
    assert torch.equal(net(x), expected)
    assert "lazy" not in texts(dlviz.layers(net, x))
    open_everything(view)


def test_lazy_layers_behind_an_error_are_shown_up_to_it():
    view = dlviz.layers(nn.Sequential(nn.LazyLinear(3), nn.Linear(4, 2), nn.LazyLinear(3)), torch.ones(1, 2))
    assert names(view) == ["x", "0"]
    assert "mat1 and mat2" in view.refusal


@pytest.mark.parametrize("name", ["modules", "parameters", "children", "named_modules", "buffers", "extra_repr"])
def test_an_attribute_may_hide_a_method(name):
    class Hiding(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)
            setattr(self, name, [1, 2])

        def forward(self, x):
            return self.fc(x)

    for net, path in ((Hiding(), "fc"), (nn.Sequential(Hiding()), "0.fc")):
        view = dlviz.layers(net, torch.ones(2, 3))
        assert names(view) == ["x", path]
        open_everything(view)


def test_layers_in_a_plain_list_are_named():
    class Blocks(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks, self.head = [nn.Linear(3, 3), nn.Linear(3, 3)], nn.Linear(3, 2)

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    view = dlviz.layers(Blocks(), torch.ones(1, 3))
    for part in ("blocks is a plain list", "blocks[0].weight", "24 numbers", "nn.ModuleList"):
        assert part in texts(view)
    open_everything(view)


def test_a_shared_layer_has_the_name_of_its_first_place_and_forward_may_be_called_directly():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = self.second = nn.Linear(3, 3)
            self.word = nn.Parameter(torch.ones(4, 3))

        def forward(self, x):
            return F.linear(self.second.forward(self.first(x)), self.word)

    columns = record(Shared(), (torch.ones(1, 3),)).columns
    seen = [(column.name, column.kind, column.parameters) for column in columns[1:]]
    assert seen == [("first", "Linear", 12), ("first (2)", "Linear", 12), ("linear", "linear", 12)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_statically_quantized_net_is_shown():
    quantization = torch.ao.quantization
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        pytest.skip("this torch has no quantized kernels")
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    net = nn.Sequential(quantization.QuantStub(), *layers, quantization.DeQuantStub()).eval()
    net.qconfig = quantization.get_default_qconfig("fbgemm")
    quantization.prepare(net, inplace=True)
    x = torch.rand(2, 1, 8, 8)
    net(x)
    quantization.convert(net, inplace=True)
    view = dlviz.layers(net, x)
    assert torch.equal(view.output, net(x))
    assert torch.equal(view.columns[2].output, net[1](net[0](x)).dequantize()[0])
    open_everything(view)


def test_nested_and_float8_tensors_on_the_way_are_shown():
    class Odd(nn.Module):
        def forward(self, x):
            small = x.to(torch.float8_e4m3fn)
            ragged = torch.nested.nested_tensor([x[0, :2], x[1]], layout=torch.jagged)
            empty = x[x > 9]
            return small, ragged * 2, empty, x.to_sparse()

    view = dlviz.layers(Odd(), torch.rand(2, 3, 4))
    assert view.refusal == ""
    open_everything(view)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e38])
def test_numbers_without_a_size_reach_page_and_still(bad):
    net = nn.Sequential(nn.Linear(3, 2), nn.Conv1d(1, 2, 1) if bad == 1e38 else nn.Identity())
    with torch.no_grad():
        net[0].weight.fill_(100.0)
    view = dlviz.layers(net, torch.tensor([[1.0, bad, 2.0]]))
    assert view.refusal == ""
    view.inspect("0", 1)
    assert not np.isfinite(view.detail["value"])
    assert "NaN or an infinity" in texts(view)
    open_everything(view)


def test_arrays_and_lists_are_inputs():
    net = nn.Linear(3, 2)
    x = torch.ones(2, 3)
    for given in (np.ones((2, 3)), [[1.0, 1, 1], [1, 1, 1]]):
        assert torch.equal(dlviz.layers(net, given).output, net(x))
    assert torch.equal(dlviz.layers(net, x, against=np.ones((2, 3)), shown_run="against").output, net(x))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net, x: dlviz.layers(net.to("meta"), x), r"kwargs|\[0\]|weight.*on the device meta"),
        (lambda net, x: dlviz.layers(net, x.to("meta")), r"inputs\[0\].*on the device meta"),
        (lambda net, x: dlviz.layers(net, x[:0]), r"no numbers: shape \(0, 1, 5, 5\)"),
        (lambda net, x: dlviz.layers(net, ["a", "b"]), "no tensor among the inputs"),
        (lambda net, x: dlviz.layers(net, x, kwargs=[1]), "kwargs must be a dictionary"),
        (lambda net, x: dlviz.layers(net, x, labels=3), "labels must be a list"),
        (lambda net, x: dlviz.layers(net, x).inspect("0", "a"), "numbered from 0, but got a"),
        (lambda net, x: dlviz.layers(net, x).inspect("0", 0, 3), "but got 3"),
        (lambda net, x: dlviz.layers(net, x).inspect("0", 0, ("a", 0)), "but got"),
        (lambda net, x: dlviz.layers(net, x).inspect([1]), "no column"),
        (lambda net, x: dlviz.layers(net, x).occlude(3), "must lie on the image"),
        (lambda net, x: dlviz.layers(net, x).occlude(((0, 1.5), (0, 1))), "must lie on the image"),
        (lambda net, x: dlviz.layers(nn.Linear(3, 2), torch.ones(2, 3)).occlude(((0, 1), (0, 1))), "is no image"),
        (lambda net, x: dlviz.layers(net, x, sample=9).inspect("0", 0, (0, 0)), "sample"),
    ],
)
def test_what_cannot_be_shown_is_said(call, words):
    with pytest.raises(DlvizError, match=words):
        call(nn.Sequential(nn.Conv2d(1, 2, 3)), torch.rand(2, 1, 5, 5))


def test_labels_may_be_an_array():
    view = dlviz.layers(nn.Linear(3, 2), torch.ones(1, 3), labels=np.array(["cat", "dog"]))
    assert view.scene["scores"]["labels"] == ["cat", "dog"]
    assert dlviz.layers(nn.Linear(3, 2), torch.ones(1, 3), labels=None).scene["scores"]["labels"] == ["0", "1"]
