"""dlviz.graph of tensors without readable numbers, of faults in the user's own code, and of arguments that do not fit."""

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

import dlviz
from dlviz.autograd.widget import AutogradGraph
from dlviz.kit.errors import DlvizError

NET = nn.Linear(4, 2)


@pytest.fixture(autouse=True)
def _closed():
    yield
    AutogradGraph.close_all()


class Raises(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x * x

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        raise ValueError("my bug in backward")


class WrongShape(Raises):
    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient.new_zeros(7)


def jagged():
    x = torch.nested.nested_tensor([torch.ones(2, 4), torch.ones(3, 4)], layout=torch.jagged)
    return dlviz.graph(lambda: NET(x).values().sum())


def nested():
    x = torch.nested.nested_tensor([torch.ones(2, 4), torch.ones(3, 4)])
    return dlviz.graph(lambda: NET(x).to_padded_tensor(0).sum())


def fake():
    with FakeTensorMode():
        net = nn.Linear(4, 2)
        return dlviz.graph(lambda: net(torch.ones(3, 4)).sum())


def meta():
    net = nn.Linear(4, 2, device="meta")
    return dlviz.graph(lambda: net(torch.ones(3, 4, device="meta")).sum())


def functorch():
    views = []

    def loss(weight: Tensor) -> Tensor:
        value = (torch.ones(3, 4) @ weight.T).square().sum()
        views.append(dlviz.graph(value))
        return value

    torch.func.grad(loss)(NET.weight.detach())
    return views[0]


def float8():
    w = torch.ones(3, requires_grad=True)
    return dlviz.graph(lambda: (w.to(torch.float8_e4m3fn).to(torch.float32) * w).sum())


def inference_inside():
    def loss():
        with torch.inference_mode():
            scale = NET(torch.ones(3, 4))
            scale.add_(1)
        return (NET(torch.ones(3, 4)) * scale.clone()).sum()

    return dlviz.graph(loss)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("make", [jagged, nested, fake, meta, functorch, float8, inference_inside])
def test_every_tensor_that_torch_computes_with_is_drawn(make):
    view = make()
    assert view._still().startswith("<svg")
    assert view.to_html()
    assert {node.op for node in view.graph.nodes} >= {"sum", "leaf"} or make is functorch


def test_a_ragged_size_is_written_as_torch_writes_it():
    shapes = {node.shapes[0] for node in jagged().graph.nodes}
    assert any(isinstance(size, str) and size.startswith("j") for shape in shapes for size in shape)


def test_a_loss_computed_in_inference_mode_is_refused_with_the_reason():
    with torch.inference_mode(), pytest.raises(DlvizError, match="computed under inference_mode"):
        dlviz.graph(lambda: NET(torch.ones(3, 4)).sum())


def test_a_backward_that_raises_is_drawn_with_python_s_own_words_at_its_node():
    view = dlviz.graph(lambda: Raises.apply(NET(torch.ones(3, 4))).sum())
    (fault,) = [note["text"] for note in view.flow["notes"] if note["kind"] == "bad"]
    assert "raises (test_odd_inputs.py" in fault
    assert fault.endswith("your own code raises ValueError: my bug in backward")
    raising = next(node.index for node in view.graph.nodes if node.op == "raises")
    assert [raising, "failed"] in view.flow["marks"]
    assert view.flow["badge"]["text"] == "backward() will fail"
    assert "backward not run" in repr(view)
    with pytest.raises(DlvizError, match="your own code raises ValueError: my bug in backward"):
        view.preview()


def test_a_gradient_of_the_wrong_shape_is_refused_in_torch_s_words():
    view = dlviz.graph(lambda: WrongShape.apply(NET(torch.ones(3, 4))).sum())
    (fault,) = [note["text"] for note in view.flow["notes"] if note["kind"] == "bad"]
    assert "torch's message: Function WrongShapeBackward returned an invalid gradient" in fault
    with pytest.raises(DlvizError, match="torch refuses"):
        view.preview()


def test_a_fault_is_forgotten_when_backward_succeeds():
    broken = [True]
    x = torch.ones(2, requires_grad=True)
    h = x * 2
    h.register_hook(lambda gradient: 1 / 0 if broken[0] else gradient)
    view = dlviz.graph(h.sum())
    with pytest.raises(DlvizError, match="ZeroDivisionError"):
        view.preview()
    broken[0] = False
    view.preview()
    assert view.flow["badge"]["text"] == "= torch, bit for bit"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dlviz.graph(NET), r"NET is a module.*dlviz\.layers\(NET, x\)"),
        (lambda: dlviz.graph(nn.MSELoss()), "a module"),
        (lambda: dlviz.graph(lambda x: NET(x).sum()), r"takes arguments, \(x\)"),
        (lambda: dlviz.graph(nn.Linear), "takes arguments"),
        (lambda: dlviz.graph(lambda: None), "returned NoneType"),
        (lambda: dlviz.graph(lambda: {"a": NET.weight.sum(), "b": 3}), r"a dict.*items: \['a'\]\."),
        (lambda: dlviz.graph((NET.weight.sum(), NET.bias.sum())), r"a tuple.*\[0\], \[1\].*against="),
        (lambda: dlviz.graph(NET.weight.sum(), against=NET), "a module"),
        (lambda: dlviz.graph(NET.weight.sum(), names=[NET.weight]), "names is a mapping.*got list"),
        (lambda: dlviz.graph(NET.weight.sum(), names={"w": 3}), "names is a mapping.*'w': int"),
        (lambda: dlviz.graph(NET.weight.sum(), model=3), "model is a torch.nn.Module"),
        (lambda: dlviz.graph(NET.weight.sum(), tape=3), "tape is what"),
    ],
)
def test_arguments_that_do_not_fit_are_named_with_what_would(call, words):
    with pytest.raises(DlvizError, match=words):
        call()


def test_the_model_names_the_parameters_of_a_loss_without_a_tape():
    def loss() -> tuple[nn.Module, Tensor]:
        hidden = nn.Sequential(nn.Linear(2, 1))
        return hidden, hidden(torch.ones(3, 2)).sum()

    (model, value) = loss()
    holder = [model]
    del model
    view = dlviz.graph(value, model=holder[0])
    assert {node.label for node in view.graph.leaves} == {"sequential.0.weight", "sequential.0.bias"}


class PlainList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = [nn.Linear(4, 4), nn.Linear(4, 4)]
        self.out = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.out(x)


@pytest.mark.parametrize("kind", ["function", "tensor"])
def test_layers_in_a_plain_list_are_named(kind):
    net = PlainList()
    view = dlviz.graph(
        (lambda: net(torch.ones(2, 4)).sum()) if kind == "function" else net(torch.ones(2, 4)).sum(), model=net
    )
    (text,) = [note["text"] for note in view.flow["notes"] if "plain list" in note["text"]]
    assert all(word in text for word in ("blocks", "blocks[0].weight", "nn.ModuleList"))


def test_methods_that_an_attribute_hides_are_not_called():
    net = nn.Sequential(nn.Linear(4, 1))
    net.modules = net.named_modules = net.named_parameters = net.children = [1]
    view = dlviz.graph(lambda: net(torch.ones(2, 4)).sum(), model=net)
    assert {node.label for node in view.graph.leaves} == {"net.0.weight", "net.0.bias"}
