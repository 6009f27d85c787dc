"""The six public functions: what they show, what they refuse, and that they keep nothing alive."""

import gc
import inspect
import json
import re
import warnings
import weakref

import numpy as np
import pytest
import torch
from ipywidgets import HBox, IntSlider, jslink
from ipywidgets.widgets.widget import _remove_buffers
from torch._subclasses.fake_tensor import FakeTensorMode

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.kit.widget import Widget
from tests.tensors.decode import same


@pytest.fixture(autouse=True)
def _closed():
    yield
    Widget.close_all()


def quietly(make):
    """Call `make` without torch's warnings about prototype features."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


KINDS = {
    "number": lambda: torch.tensor(3.5),
    "empty": lambda: torch.zeros(0, 3),
    "empty inside": lambda: torch.zeros(3, 0, 2),
    "bool": lambda: torch.randn(3, 4) > 0,
    "uint8": lambda: torch.arange(6, dtype=torch.uint8),
    "int8": lambda: torch.tensor([-128, 127], dtype=torch.int8),
    "int64": lambda: torch.tensor([2**62, -(2**62) - 1]),
    "uint16": lambda: torch.tensor([1, 65535], dtype=torch.uint16),
    "uint32": lambda: torch.tensor([1, 2**32 - 1], dtype=torch.uint32),
    "uint64": lambda: torch.tensor([2**64 - 1], dtype=torch.uint64),
    "float16": lambda: torch.randn(3, 3).half(),
    "bfloat16": lambda: torch.randn(3, 3).bfloat16(),
    "float64": lambda: torch.randn(3, 3, dtype=torch.float64),
    "float8": lambda: torch.randn(2, 2).to(torch.float8_e4m3fn),
    "complex64": lambda: torch.randn(2, 3, dtype=torch.complex64),
    "complex128": lambda: torch.randn(2, 3, dtype=torch.complex128),
    "conjugate": lambda: torch.randn(2, 2, dtype=torch.complex64).conj(),
    "not finite": lambda: torch.tensor([[1.0, float("nan")], [float("inf"), -float("inf")]]),
    "six dimensions": lambda: torch.arange(64).view(2, 2, 2, 2, 2, 2),
    "expanded": lambda: torch.arange(3).expand(4, 3),
    "tracked": lambda: torch.randn(3, requires_grad=True) * 2,
    "parameter": lambda: torch.nn.Linear(3, 2).weight,
    "large": lambda: torch.randn(300, 200),
    "large vector": lambda: torch.arange(1000),
    "many dimensions and large": lambda: torch.randn(32, 3, 28, 28),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_tensors_of_every_kind_are_shown_exactly(make):
    x = make()
    view = dlviz.tensor(x)
    assert same(view.loaded["block"], x)
    assert view.scene["badge"]["kind"] == "good"
    assert view._still().startswith("<svg")
    assert json.loads(json.dumps(_remove_buffers(view.get_state())[0], allow_nan=False))


SILENT = {
    "meta": lambda: torch.empty(3, 4, device="meta"),
    "nested": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
    "jagged": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)], layout=torch.jagged),
    "bits": lambda: torch.zeros(2, dtype=torch.uint8).view(torch.bits8),
    "large sparse": lambda: torch.eye(1000).to_sparse(),
}


@pytest.mark.parametrize("make", SILENT.values(), ids=SILENT)
def test_tensors_without_readable_numbers_have_a_note(make):
    x = quietly(make)
    view = quietly(lambda: dlviz.tensor(x))
    assert view.scene["notes"]
    assert view._still().startswith("<svg")
    assert view.to_html()


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_a_small_sparse_tensor_marks_its_unspecified_elements(layout):
    dense = torch.tensor([[0.0, 2.0], [3.0, 0.0]])
    x = quietly(lambda: dense.to_sparse(layout=layout))
    block = dlviz.tensor(x).loaded["block"]
    assert same(block, dense)
    assert list(block["present"]) == [0, 1, 1, 0]
    assert "2 of 4" in dlviz.tensor(x).scene["notes"][0]["text"]


def test_a_large_tensor_sends_only_its_window():
    x = torch.randn(4096, 4096)
    view = dlviz.tensor(x)
    plain, _, buffers = _remove_buffers(view.get_state())
    assert len(json.dumps(plain)) + sum(map(len, buffers)) < 30_000
    assert len(view.to_html()) < 200_000
    assert view.scene["statistics"]["min"] == x.min()
    assert sum(view.scene["statistics"]["histogram"]["counts"]) == x.numel()
    view.origin = [4000, 17]
    assert view.loaded["block"]["start"] == [4000, 17]
    assert same(view.loaded["block"], x)
    view.origin = [4095, 4095]  # a window never sticks out
    assert view.loaded["block"]["start"] == [4080, 4080]


def test_statistics_of_a_huge_tensor_are_subsampled_with_a_note():
    view = dlviz.tensor(torch.ones(1).expand(10**6, 10**6))
    assert any("even sample" in note["text"] for note in view.scene["notes"])
    assert view.scene["statistics"]["mean"] == 1


@pytest.mark.parametrize(
    ("make", "last"),
    [
        (lambda **step: dlviz.matmul(torch.ones(4, 3), torch.ones(3, 5), **step), 20),
        (lambda **step: dlviz.matmul(torch.ones(4, 6), torch.ones(6, 5), order="outer", **step), 6),
        (lambda **step: dlviz.matmul(torch.ones(4, 3), torch.ones(3, 5), order="columns", **step), 5),
        (lambda **step: dlviz.matmul(torch.ones(7, 4, 3), torch.ones(3, 5), **step), 20),
        (lambda **step: dlviz.einsum("ij->ji", torch.ones(4, 5), **step), 20),
        (lambda **step: dlviz.broadcast(torch.ones(4, 1), torch.ones(5), **step), 20),
        (lambda **step: dlviz.views(torch.ones(4, 5), **step), 20),
    ],
)
def test_a_picture_opens_between_the_first_and_the_last_step_unless_a_step_is_given(make, last):
    assert 1 < make().step < last
    assert [make(step=step).step for step in (0, 1, last)] == [0, 1, last]


def test_without_a_result_there_is_no_step_to_open_with():
    assert dlviz.broadcast(torch.ones(3), torch.ones(4)).step == 0
    assert dlviz.matmul(torch.ones(0, 3), torch.ones(3, 2)).step == 0


def test_index_and_step_are_equivalent():
    view = dlviz.tensor(torch.arange(24).view(2, 3, 4), index=(1, 2, 3))
    assert (view.step, view.index) == (24, (1, 2, 3))
    view.index = (0, -1, 0)
    assert (view.step, view.index) == (9, (0, 2, 0))
    view.index = None
    assert (view.step, view.index) == (0, None)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dlviz.tensor({1, 2}), "tensor: x must be a tensor, an array or a list of numbers, but got set"),
        (lambda: dlviz.tensor(torch.ones(2, 2), index=(2, 0)), r"index must be .* shape \(2, 2\), but got \(2, 0\)"),
        (lambda: dlviz.tensor(torch.ones(2, 2), index=1), r"index must be .* but got \(1,\)"),
        (lambda: dlviz.tensor(torch.ones(2, 2), origin=(0,)), r"origin must hold one number"),
        (lambda: dlviz.views("x"), "views: x must be a tensor, an array or a list of numbers, but got str"),
        (lambda: dlviz.views(torch.ones(2), "x.sum()"), r"`x.sum\(\)` is not accepted here"),
        (lambda: dlviz.views(torch.ones(2), 3), r"others\[0\] must be an expression such as"),
        (
            lambda: dlviz.broadcast(torch.ones(2), "b"),
            "an array, a list of numbers or a number, but got str",
        ),
        (lambda: dlviz.broadcast(torch.ones(2), 1, op="@"), r"op is a function or one of \+ - .* but got '@'"),
        (lambda: dlviz.broadcast(torch.ones(2), 1, names=["a"]), "one name for each operand: 2, but got 1"),
        (lambda: dlviz.index(torch.ones(2), "x.sum()"), "not accepted here"),
        (lambda: dlviz.index(torch.ones(2), "x[nothing]"), "nothing is not a variable of yours"),
        (lambda: dlviz.index(torch.ones(2), "x["), "is not an expression that can be read"),
        (lambda: dlviz.matmul(torch.ones(2, 3), torch.ones(2, 3)), "mat1 and mat2 shapes cannot be multiplied"),
        (lambda: dlviz.matmul(torch.ones(2), torch.ones(2), order="outer"), "order must be one of dot"),
        (lambda: dlviz.matmul(torch.ones(3, 2, 2), torch.ones(2, 2), batch=[3]), "batch must be an index"),
        (lambda: dlviz.einsum("ij,jk", torch.ones(2, 3)), "torch refuses these shapes"),
        (lambda: dlviz.broadcast(torch.ones(2), torch.eye(2).to_sparse()), "b is a tensor of layout sparse_coo"),
        (lambda: dlviz.matmul(torch.eye(2).to_sparse(), torch.ones(2)), "a is a tensor of layout sparse_coo"),
        (lambda: dlviz.einsum("i", torch.ones(2).to_sparse()), r"operands\[0\] is a tensor of layout sparse_coo"),
        (lambda: dlviz.einsum(torch.ones(2)), "the first argument is an equation"),
    ],
)
def test_bad_input_is_refused_with_an_explanation(call, words):
    with pytest.raises(DlvizError, match=words):
        call()


DANGEROUS = (
    "__import__('os').system('true')",
    "x.__class__",
    "x[__import__('os')]",
    "x[x.tolist()]",
    "x[(lambda: 0)()]",
    "x[[0] * 10**9]",
    "x[2 ** 99999999]",
    "(x := 3)",
    "x[open('f')]",
    "x.storage()",
    "x.apply_(print)",
    "x.to('cpu').numpy()",
    "torch.load(x)",
    "[x for x in x][0]",
    "x[f'{x}']",
    "x; x",
    "(" * 5000 + "x" + ")" * 5000,
)


@pytest.mark.parametrize("text", DANGEROUS, ids=range(len(DANGEROUS)))
@pytest.mark.parametrize("show", [dlviz.index, dlviz.views])
def test_anything_but_indexing_and_view_methods_is_refused(show, text):
    with pytest.raises(DlvizError):
        show(torch.ones(2, 2), text)


def test_an_index_may_use_variables():
    mask, rows = torch.tensor([True, False, True]), [0, 2]
    x = torch.arange(12).view(3, 4)
    assert torch.equal(dlviz.index(x, "x[mask, ::2]").output, x[mask, ::2])
    assert torch.equal(dlviz.index(x, "x[rows]").output, x[rows])
    assert torch.equal(dlviz.index(x, "x[keep]", names={"keep": ~mask}).output, x[~mask])
    assert torch.equal(dlviz.index(x, "anything[anything > 5]").output, x[x > 5])
    assert torch.equal(
        dlviz.index(x, "torch.gather(x, 1, torch.tensor([[3], [0], [1]]))").output.view(-1), torch.tensor([3, 4, 9])
    )


def test_names_come_from_variables():
    weights = torch.ones(2, 3)
    other = weights.T
    assert repr(dlviz.tensor(weights)) == "dlviz.tensor(weights: (2, 3) float32 on cpu)"
    assert repr(dlviz.views(weights, other)) == "dlviz.views(weights same storage, other same storage)"
    assert [item["metadata"]["name"] for item in dlviz.matmul(weights, other).scene["operands"]] == ["weights", "other"]


def test_the_result_of_an_index_is_hidden_until_revealed():
    view = dlviz.index(torch.arange(4), "x[1:]")
    assert repr(view) == "dlviz.index(x[1:] -> ?)"
    assert "(3,)" not in view._still()
    view.revealed = True
    assert repr(view) == "dlviz.index(x[1:] -> (3,), a view)"
    assert "(3,)" in view._still()


def test_an_operator_is_applied_from_left_to_right_and_a_function_called_once():
    a, b, c = torch.tensor([5]), torch.tensor([[2], [3]]), 1
    assert dlviz.broadcast(a, b, c, op="-").output.tolist() == [[2], [1]]
    assert dlviz.broadcast(a > 4, b, a, op=torch.where).output.tolist() == [[2], [3]]
    assert dlviz.broadcast(torch.tensor([1], dtype=torch.int8), 1.5).output.dtype == torch.float32


def test_a_view_of_another_dtype_has_its_own_storage_row():
    x = torch.arange(4, dtype=torch.float32)
    view = dlviz.views(x, x.view(torch.int16))
    assert view.shares_storage == (True, True)
    assert [storage.get("same_bytes") for storage in view.scene["storages"]] == [None, 0]


def test_refresh_reads_the_tensor_again():
    x = torch.zeros(2, 2)
    view = dlviz.tensor(x)
    x[1, 1] = 9
    assert not same(view.loaded["block"], x)
    view.refresh()
    assert same(view.loaded["block"], x)


MAKERS = {
    "tensor": lambda x: dlviz.tensor(x),
    "views": lambda x: dlviz.views(x, "x.T", "x.T.contiguous()"),
    "broadcast": lambda x: dlviz.broadcast(x, 1),
    "index": lambda x: dlviz.index(x, "x[:, 1]", revealed=True),
    "matmul": lambda x: dlviz.matmul(x, x),
    "einsum": lambda x: dlviz.einsum("ij->j", x),
}


class Saved:
    """Object that a graph node saves in place of a tensor, to observe when the graph is freed."""

    def __init__(self, tensor):
        self.tensor = tensor


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_widget_keeps_no_graph_alive(make):
    w, kept = torch.ones(3, 3, requires_grad=True), []

    def pack(tensor):
        saved = Saved(tensor)
        kept.append(weakref.ref(saved))
        return saved

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved.tensor):
        x = w**2
    view = make(x)
    assert kept[0]() is not None
    del x
    gc.collect()
    assert kept[0]() is None
    assert repr(view)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_closed_widget_releases_its_tensor(make):
    array = np.ones((3, 3), np.float32)
    memory = weakref.ref(array)
    view = make(torch.from_numpy(array))
    view.to_html()
    del array
    view.close()
    assert "closed" in repr(view)
    gc.collect()
    assert memory() is None
    with pytest.raises(DlvizError, match="closed"):
        view.save("never.svg")


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_every_widget_can_be_linked_saved_and_exported(make, tmp_path):
    view = make(torch.arange(9.0).view(3, 3))
    HBox([view])
    jslink((IntSlider(), "value"), (view, "step"))
    assert repr(view).startswith("dlviz.")
    assert "<title>" in view.save(tmp_path / "a.svg").read_text(encoding="utf-8")
    assert view.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "<!doctype html>" in view.save(tmp_path / "a.html").read_text(encoding="utf-8")


def test_unknown_arguments_are_refused():
    x = torch.ones(2, 2)
    for call in (
        dlviz.tensor,
        dlviz.views,
        *(lambda x, f=f, **k: f(x, x, **k) for f in (dlviz.broadcast, dlviz.matmul)),
    ):
        with pytest.raises(TypeError, match="no such argument: color"):
            call(x, color="red")


class Column:
    """Numbers that NumPy reads, as a pandas column is."""

    def __init__(self, values):
        self.values = np.array(values)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


def test_arrays_columns_and_lists_are_data_with_the_learners_names():
    weights = np.arange(6.0).reshape(2, 3)
    view = dlviz.tensor(weights)
    assert (view.metadata.name, view.metadata.stride, view.metadata.dtype) == ("weights", (3, 1), "float64")
    assert dlviz.tensor(weights.T).metadata.stride == (1, 3)  # the array's own memory
    assert dlviz.tensor(Column([1, 2])).metadata.shape == (2,)
    assert dlviz.tensor([torch.ones(2), [2.0, 3.0]]).metadata.shape == (2, 2)
    column, row = [[1], [2]], np.array([10, 20])
    assert dlviz.broadcast(column, row).output.tolist() == [[11, 21], [12, 22]]
    assert dlviz.matmul([[1, 2]], row).output.tolist() == [50]
    assert dlviz.einsum("i,i", row, [1, 2]).output.item() == 50
    assert dlviz.index(weights, "weights[1, ::2]", revealed=True).output.tolist() == [3.0, 5.0]
    assert dlviz.views(weights, "weights.T").shares_storage == (True, True)


def test_a_tensor_inside_a_transform_of_functions_is_read_or_refused():
    seen = []

    def loss(x):
        seen.append(dlviz.tensor(x))
        return (x * x).sum()

    x = torch.arange(3.0)
    assert torch.equal(torch.func.grad(loss)(x), 2 * x)
    assert torch.equal(seen[0].data, x)
    with pytest.raises(DlvizError, match=r"inside torch\.vmap"):
        torch.vmap(loss)(torch.ones(2, 3))
    with FakeTensorMode(), pytest.raises(DlvizError, match="fake tensor"):
        dlviz.tensor(torch.ones(2))


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_a_product_of_floats_of_8_bits_is_drawn_or_torch_refuses_it(dtype):
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).to(dtype)
    try:
        expected = a @ a
    except RuntimeError as error:
        with pytest.raises(DlvizError, match=re.escape(str(error).partition("\n")[0])):
            dlviz.matmul(a, a)
        return
    view = dlviz.matmul(a, a)
    assert torch.equal(view.output.float(), expected.float())
    assert "outer" in view.scene["orders"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30, complex(float("nan"), 1)])
def test_numbers_that_are_not_finite_are_drawn(value, tmp_path):
    dtype = torch.complex64 if isinstance(value, complex) else torch.float32
    x = torch.ones(3, 3, dtype=dtype)
    x[1, 1] = value
    for view in (
        dlviz.tensor(x),
        dlviz.views(x, "x.T"),
        dlviz.broadcast(x, x[:1]),
        dlviz.index(x, "x[1]", revealed=True),
        dlviz.matmul(x, x),
        dlviz.einsum("ij->j", x),
    ):
        assert not re.search(r'[ "](?:nan|inf)[",]', view._still())
        assert "<!doctype html>" in view.to_html()
        assert view.save(tmp_path / "a.png").exists()


def test_complex_products_are_those_of_torch():
    a, b = torch.randn(2, 3, dtype=torch.complex64), torch.randn(3, 2, dtype=torch.complex64)
    assert torch.equal(dlviz.matmul(a, b).output, a @ b)
    assert dlviz.matmul(a, b).data.max_error() < 1e-5
    assert torch.equal(dlviz.einsum("ij,jk->ik", a, b.conj()).output, torch.einsum("ij,jk->ik", a, b.conj()))
    assert dlviz.einsum("ij,jk->ik", a, b.conj()).data.max_error() < 1e-5


def test_options_stand_in_the_signature():
    for function, options in (
        (dlviz.tensor, {"name", "index", "origin", "step", "theme", "speed"}),
        (dlviz.index, {"names", "revealed", "prediction"}),
        (dlviz.matmul, {"names", "order", "batch"}),
        (dlviz.views, {"names", "active"}),
        (dlviz.broadcast, {"op", "names", "origin"}),
    ):
        assert options <= set(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("name", "newer", "stale"), [("step", 3, 5), ("order", "columns", "outer"), ("batch", [1], [2])]
)
def test_a_value_that_the_page_sent_before_it_knew_pythons_newer_one_is_ignored(name, newer, stale):
    view = dlviz.matmul(torch.ones(3, 4, 5), torch.ones(5, 6))
    seen = dict(view._written)
    setattr(view, name, newer)
    view.set_state({name: stale, "_seen": {name: seen.get(name, 0)}})
    assert getattr(view, name) == newer
    view.set_state({name: stale, "_seen": dict(view._written)})
    assert getattr(view, name) == stale
