"""Formulas are torch's own, and the readable ones compute what autograd computes."""

from pathlib import Path

import pytest
import torch
import torchgen
from torchgen.packaged.autograd.load_derivatives import load_derivatives

from dlviz import autograd
from dlviz.autograd import derivatives
from dlviz.autograd.anomalies import saved_values
from dlviz.autograd.node_details import argument_names

a, b = torch.tensor([[0.3, -0.7], [1.2, 0.4]]), torch.tensor([[0.9, 0.2], [-0.5, 1.1]])
positive, vector, other = torch.tensor([[0.5, 2.0], [1.5, 0.1]]), torch.tensor([0.3, -0.4]), torch.tensor([1.5, 0.7])
batch = torch.stack([a, b])

#: By node name, an operation that creates the node, and its inputs.
CASES = {
    "AbsBackward0": (torch.abs, a),
    "AddBackward0": (lambda x, y: torch.add(x, y, alpha=3), a, b),
    "AddmmBackward0": (torch.addmm, a, b, positive),
    "BmmBackward0": (torch.bmm, batch, batch + 1),
    "CosBackward0": (torch.cos, a),
    "DivBackward0": (torch.div, a, positive),
    "DotBackward0": (torch.dot, vector, other),
    "ExpBackward0": (torch.exp, a),
    "LogBackward0": (torch.log, positive),
    "LogSoftmaxBackward0": (lambda x: x.log_softmax(1), a),
    "MmBackward0": (torch.mm, a, b),
    "MulBackward0": (torch.mul, a, b),
    "MvBackward0": (torch.mv, a, vector),
    "NegBackward0": (torch.neg, a),
    "PowBackward0": (lambda x: x**3, a),
    "ReciprocalBackward0": (torch.reciprocal, positive),
    "ReluBackward0": (torch.relu, a),
    "RsqrtBackward0": (torch.rsqrt, positive),
    "SigmoidBackward0": (torch.sigmoid, a),
    "SinBackward0": (torch.sin, a),
    "SoftmaxBackward0": (lambda x: x.softmax(1), a),
    "SqrtBackward0": (torch.sqrt, positive),
    "SubBackward0": (lambda x, y: torch.sub(x, y, alpha=2), a, b),
    "TBackward0": (torch.t, a),
    "TanhBackward0": (torch.tanh, a),
    "TransposeBackward0": (lambda x: x.transpose(0, 1), a),
}


def test_every_readable_formula_has_a_case():
    assert set(CASES) == set(derivatives.READABLE)


@pytest.mark.parametrize("name", CASES)
def test_a_readable_formula_computes_what_autograd_computes(name):
    operation, *inputs = CASES[name]
    inputs = [x.double().clone().requires_grad_() for x in inputs]
    with autograd.recording() as tape:
        out = operation(*inputs)
        loss = (out * torch.linspace(0.5, 2, out.numel(), dtype=torch.float64).reshape(out.shape)).sum()
    graph = autograd.record(loss, tape)
    node = next(n for n in reversed(graph.nodes) if n.name == name)
    values = dict(saved_values(node)) | {"result": node.value}
    # A size of -1 is how torch saves a dimension counted from the end.
    values = {k: (v - 2**64 if isinstance(v, int) and v > 2**63 else v) for k, v in values.items()}
    loss.backward()
    for argument, gradient in zip(argument_names(node), node.grad_inputs, strict=True):
        computed = eval(derivatives.READABLE[name][argument], {"grad": node.gradient, **values})
        assert torch.allclose(computed, gradient, rtol=1e-12, atol=1e-14), argument


def test_the_table_equals_what_torchgen_reads():
    packaged = Path(torchgen.__file__).parent / "packaged"
    infos, _ = load_derivatives(
        str(packaged / "autograd" / "derivatives.yaml"),
        str(packaged / "ATen" / "native" / "native_functions.yaml"),
        str(packaged / "ATen" / "native" / "tags.yaml"),
    )
    theirs = {}
    for by_key in infos.values():
        info = by_key.get("Default")
        if info is not None and info.op and not info.op.endswith("_copy"):
            theirs[info.op] = {name for derivative in info.derivatives for name in derivative.var_names}
    ours = {name: set(formulas) for name, formulas in derivatives._table().items()}
    assert ours == theirs


def test_an_unknown_node_has_no_formula():
    assert derivatives.derivative("CubeBackward") == {}
    assert "CubeBackward" not in derivatives.READABLE


def test_each_gradient_is_named_after_its_argument():
    x, w, bias = torch.ones(2, 3), torch.ones(4, 3, requires_grad=True), torch.ones(4, requires_grad=True)
    graph = autograd.record(torch.nn.functional.linear(x, w, bias).sum())
    addmm = next(n for n in graph.nodes if n.op == "addmm")
    assert argument_names(addmm) == ["self", "mat1", "mat2"]
    stacked = autograd.record(torch.cat([w, w * 2]).sum())
    assert argument_names(next(n for n in stacked.nodes if n.op == "cat")) == ["tensors", "tensors"]
