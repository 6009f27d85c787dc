"""Random programs of views, indexing and broadcasting, compared with torch, and the scenes made of them."""

from collections import Counter
from functools import reduce
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlviz.kit.widget import binary
from dlviz.tensors.broadcast_widget import _scene as broadcast_scene
from dlviz.tensors.broadcasting import OPERATORS, combine
from dlviz.tensors.index_widget import _scene as index_scene
from dlviz.tensors.indexing import select
from dlviz.tensors.record import flat_storage, same_storage, tensor_metadata
from dlviz.tensors.scene import LIVE_SIZE, MAX_STORAGE, loaded_window
from dlviz.tensors.view_ops import evaluate_views
from tests.tensors.decode import numbers, same
from tests.tensors.programs import factors, indices, random_cases, tensors, view_programs

REFUSALS = (RuntimeError, IndexError, TypeError, ValueError)
# .T on other than two dimensions works with a deprecation warning.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated on:UserWarning", "ignore:The use of `x.T`:UserWarning")
STRIDES = "view size is not compatible"


def by_torch(text, x):
    """Evaluate the text with torch alone: return the tensor, or the error message."""
    try:
        return eval(text, {"torch": torch, "x": x}), ""
    except REFUSALS as error:
        return None, str(error).partition("\n")[0]


def reaches_the_same_bytes(a, b):
    """Return whether writing into the storage of `a` changes `b`, by trying it."""
    store = flat_storage(a)
    before = store.clone()
    store.fill_(77)
    seen = bool((b == 77).all()) and b.numel() > 0
    store.copy_(before)
    return seen


@random_cases(view_programs())
def test_views_equal_torch_in_shape_stride_offset_sharing_and_refusal(program):
    x, text = program
    wanted, message = by_torch(text, x)
    found = evaluate_views(x, text, {})
    assert found.error == message
    if wanted is None:
        assert found.result is None
        # Strides are named as the reason exactly where torch names them.
        assert bool(found.blocking_dims) == message.startswith(STRIDES)
        return
    about = tensor_metadata(found.result, text)
    assert (about.shape, about.stride, about.offset) == (tuple(wanted.shape), wanted.stride(), wanted.storage_offset())
    assert about.is_contiguous == wanted.is_contiguous()
    assert torch.equal(found.result, wanted)
    assert found.shares_storage == same_storage(x, wanted)
    if wanted.numel():
        assert found.shares_storage == reaches_the_same_bytes(x, found.result)
    if found.source is not None:
        assert torch.equal(flat_storage(x)[found.source], wanted)


@random_cases(tensors())
def test_scene_holds_every_number_and_every_address_leads_to_its_element(x):
    about = tensor_metadata(x, "x")
    drawn = binary(loaded_window(x, about, (0,) * x.dim(), LIVE_SIZE))
    assert same(drawn["block"], x)
    assert x.numel() > LIVE_SIZE * LIVE_SIZE or tuple(drawn["block"]["size"]) == about.shape
    assert ("storage" in drawn) == (0 < about.storage_size <= MAX_STORAGE)
    store = numbers(drawn["storage"]) if "storage" in drawn else flat_storage(x)
    assert store.tolist() == flat_storage(x).tolist()
    for index in product(*map(range, about.shape)):
        assert store[about.address(index)] == x[index]


@random_cases(tensors().flatmap(lambda x: st.tuples(st.just(x), indices(x.dim()))))
def test_indexing_equals_torch_and_traces_every_element_to_its_source(program):
    x, inside = program
    text = f"x[{inside}]"
    wanted, message = by_torch(text, x)
    found = select(x, text, {})
    assert found.error == message
    scene = binary(index_scene(found, "x"))
    assert (scene["result"] is None) == (wanted is None)
    if wanted is None:
        return
    assert found.result.shape == wanted.shape
    assert torch.equal(found.result, wanted)
    assert torch.equal(x.reshape(-1)[found.positions], wanted)
    if wanted.numel():
        assert found.shares_storage == reaches_the_same_bytes(x, found.result)
    assert same(scene["result"]["block"], wanted)
    lit = torch.frombuffer(bytearray(scene["source"]["selected"]), dtype=torch.uint8) if x.numel() else torch.zeros(0)
    assert lit.nonzero().reshape(-1).tolist() == sorted(set(found.positions.reshape(-1).tolist()))


@random_cases(
    st.lists(st.lists(st.sampled_from([1, 1, 2, 3, 0]), max_size=4), min_size=2, max_size=4),
    st.sampled_from(["+", "*", "-", "<"]),
)
def test_broadcasting_equals_torch_in_shape_strides_numbers_and_refusal(shapes, op):
    operands = [torch.arange(torch.Size(shape).numel()).view(shape) + i for i, shape in enumerate(shapes)]
    found = combine(operands, op)
    try:
        common = torch.broadcast_tensors(*operands)
    except RuntimeError:
        assert found.mismatched_dims
        assert found.result is None
        with pytest.raises(RuntimeError) as refused:
            reduce(OPERATORS[op], operands)
        assert found.error == str(refused.value).partition("\n")[0]
        return
    assert found.mismatched_dims == []
    assert found.shape == tuple(common[0].shape)
    assert [x.stride() for x in found.stretched] == [x.stride() for x in common]
    total = reduce(OPERATORS[op], operands)
    assert torch.equal(found.result, total)
    scene = binary(broadcast_scene(found, ["a"] * len(operands), op, True))
    for drawn, wanted in zip((*scene["operands"], scene["result"]), (*common, total), strict=True):
        assert same(drawn["block"], wanted)


@random_cases(tensors(), st.data())
def test_strides_explain_a_refused_view_exactly_when_torch_names_them(x, data):
    sizes = data.draw(factors(x.numel()))
    wanted, message = by_torch(f"x.view({sizes})", x)
    found = evaluate_views(x, f"x.view({sizes})", {})
    assert (found.result is None, found.error) == (wanted is None, message)
    assert bool(found.blocking_dims) == message.startswith(STRIDES)


def test_random_programs_cover_views_copies_and_refusals():
    seen = Counter()

    @settings(max_examples=1000, derandomize=True, database=None, deadline=None)
    @given(view_programs())
    def look(program):
        wanted, message = by_torch(program[1], program[0])
        seen["refused" if wanted is None else "moved" if not same_storage(program[0], wanted) else "view"] += 1
        seen["strides"] += message.startswith(STRIDES)

    look()
    assert seen["refused"] > 80
    assert seen["moved"] > 80
    assert seen["view"] > 300
    assert seen["strides"] > 10
