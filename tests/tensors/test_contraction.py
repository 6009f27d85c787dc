"""Random matmuls and einsums: results are exact on integers, and the listed terms are those that torch sums."""

from math import prod

import pytest
import torch
from hypothesis import strategies as st

from dlviz.kit.errors import DlvizError
from dlviz.tensors.contraction import einsum, matmul, partial_sums
from tests.tensors.programs import random_cases

sizes = st.integers(1, 4)


def integers(*shape):
    """Random small primes with signs, whose products are nonzero and distinct."""
    primes = torch.tensor([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37])
    picked = primes[torch.randint(len(primes), shape)]
    return (picked * (2 * torch.randint(2, shape) - 1)).to(torch.float64)


def by_torch(run):
    """Return the tensor that torch computes, or the first line of its error message."""
    try:
        return run(), ""
    except RuntimeError as error:
        return None, str(error).partition("\n")[0]


def check_terms(contraction, run):
    """Check that the terms of random elements sum to the element, and that autograd finds the same factors at the same indices."""
    leaves = [x.clone().requires_grad_() for x in contraction.operands]
    result = run(*leaves)
    assert torch.equal(result.detach(), contraction.result)
    shape = tuple(contraction.result.shape)
    chosen = [tuple(torch.randint(n, ()).item() for n in shape) for _ in range(2)] if prod(shape) else []
    for index in chosen:
        terms = list(contraction.terms(index))
        assert len(terms) == contraction.terms_per_output
        total = sum(prod(x[at].item() for x, at in zip(contraction.operands, term, strict=True)) for term in terms)
        assert total == contraction.result[index].item()
        weights = [torch.zeros_like(x) for x in contraction.operands]
        for term in terms:
            for i, at in enumerate(term):
                weights[i][at] += prod(
                    x[o].item() for j, (x, o) in enumerate(zip(contraction.operands, term, strict=True)) if j != i
                )
        gradients = torch.autograd.grad(result[index], leaves, retain_graph=True)
        assert all(torch.equal(w, g) for w, g in zip(weights, gradients, strict=True))


@st.composite
def matmuls(draw):
    rows, inner, columns = draw(sizes), draw(sizes), draw(sizes)
    batch = draw(st.lists(sizes, max_size=2))
    left, right = [n if draw(st.booleans()) else 1 for n in batch], list(batch)
    left, right = left[draw(st.integers(0, len(left))) :], right
    a = [inner] if draw(st.integers(0, 4)) == 0 else [*left, rows, inner]
    b = [inner] if draw(st.integers(0, 4)) == 0 else [*right, inner, columns]
    if draw(st.integers(0, 5)) == 0:
        b[max(0, len(b) - 2)] += 1
    return a, b


@random_cases(matmuls(), st.integers(0, 2**31), count=500)
def test_matmul_equals_torch_and_lists_its_terms(shapes, seed):
    torch.manual_seed(seed)
    a, b = (integers(*shape) for shape in shapes)
    wanted, message = by_torch(lambda: torch.matmul(a, b))
    if wanted is None:
        with pytest.raises(DlvizError) as refused:
            matmul(a, b)
        assert message in str(refused.value)
        return
    contraction = matmul(a, b)
    assert torch.equal(contraction.result, wanted)
    assert tuple(contraction.sizes[label] for label in contraction.output) == tuple(wanted.shape)
    assert contraction.max_error() == 0
    check_terms(contraction, torch.matmul)
    if contraction.output[-2:] == ("i", "j"):
        index = (0,) * (wanted.dim() - 2)
        sums = partial_sums(contraction, index)
        assert torch.equal(sums[-1], wanted[index])
        left = a if a.dim() == 2 else a.expand(*wanted.shape[:-2], *a.shape[-2:])[index]
        right = b if b.dim() == 2 else b.expand(*wanted.shape[:-2], *b.shape[-2:])[index]
        assert torch.equal(sums[0], left[:, :1] @ right[:1])


@st.composite
def equations(draw):
    letters = "ijklm"
    lengths = {letter: draw(sizes) for letter in letters}
    hidden = draw(st.lists(sizes, max_size=2)) if draw(st.integers(0, 3)) == 0 else None
    inputs, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.lists(st.sampled_from(letters), min_size=1, max_size=3))
        shape = [lengths[letter] for letter in row]
        text = "".join(row)
        if hidden is not None:
            kept = hidden[draw(st.integers(0, len(hidden))) :]
            at = draw(st.integers(0, len(row)))
            text = text[:at] + "..." + text[at:]
            shape = [*shape[:at], *(n if draw(st.booleans()) else 1 for n in kept), *shape[at:]]
        inputs.append(text)
        shapes.append(shape)
    used = sorted({letter for text in inputs for letter in text if letter != "."})
    equation = ",".join(inputs)
    if draw(st.booleans()):
        output = draw(st.permutations(used))[: draw(st.integers(0, len(used)))]
        equation += "->" + ("..." if hidden is not None else "") + "".join(output)
    if draw(st.integers(0, 9)) == 0:
        shapes[0] = [n + 1 for n in shapes[0]]
    return equation, shapes


@random_cases(equations(), st.integers(0, 2**31), count=500)
def test_einsum_equals_torch_and_lists_its_terms(program, seed):
    equation, shapes = program
    torch.manual_seed(seed)
    operands = [integers(*shape) for shape in shapes]
    wanted, message = by_torch(lambda: torch.einsum(equation, *operands))
    if wanted is None:
        with pytest.raises(DlvizError) as refused:
            einsum(equation, *operands)
        assert message in str(refused.value)
        return
    contraction = einsum(equation, *operands)
    assert torch.equal(contraction.result, wanted)
    assert tuple(contraction.sizes[label] for label in contraction.output) == tuple(wanted.shape)
    assert contraction.max_error() == 0
    check_terms(contraction, lambda *xs: torch.einsum(equation, *xs))


def test_integer_dtypes_are_exact():
    for dtype in (torch.int16, torch.int32, torch.int64, torch.float32):
        a, b = integers(3, 4).to(dtype), integers(4, 2).to(dtype)
        assert matmul(a, b).max_error() == 0
        assert torch.equal(matmul(a, b).result, a @ b)


def test_max_error_detects_an_overflow():
    full = torch.full((1, 4), 100, dtype=torch.int8)
    assert matmul(full, full.T).max_error() > 0


def test_max_error_measures_rounding():
    torch.manual_seed(0)
    contraction = matmul(torch.randn(20, 50), torch.randn(50, 20))
    assert 0 < contraction.max_error() < 1e-4


@pytest.mark.parametrize("values", [("no tensor", torch.ones(2)), (torch.ones(2), 3)])
def test_operands_that_are_not_tensors_are_refused_by_name(values):
    with pytest.raises(
        DlvizError, match=r"matmul: [ab] must be a tensor, an array or a list of numbers, but got (str|int)"
    ):
        matmul(*values)
    with pytest.raises(DlvizError, match=r"einsum: operands\[[01]\] must be a tensor"):
        einsum("i,i", *values)
