"""The layout: boxes do not overlap, edges run left to right, and every edge is complete whichever groups are expanded."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlviz import autograd
from dlviz.autograd.coordinates import place
from dlviz.autograd.grouping import build_tree
from dlviz.autograd.layout import arrange, pack
from tests.autograd import zoo


@st.composite
def nested(draw):
    """Boxes in nested groups, and edges between boxes that hold no others."""
    count = draw(st.integers(1, 24))
    parent = [-1 if i == 0 else draw(st.integers(-1, i - 1)) for i in range(count)]
    simple = [i for i in range(count) if i not in parent]
    pairs = [(a, b) for a in simple for b in simple if a < b]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=40, unique=True)) if pairs else []
    expanded = draw(st.sets(st.integers(0, count - 1)))
    return parent, edges, expanded


def overlap(a, b):
    return (
        a[0] < b[0] + b[2] - 1e-6
        and b[0] < a[0] + a[2] - 1e-6
        and a[1] < b[1] + b[3] - 1e-6
        and b[1] < a[1] + a[3] - 1e-6
    )


def ancestors(box, parent):
    while parent[box] >= 0:
        box = parent[box]
        yield box


@settings(max_examples=80, deadline=None)
@given(nested())
def test_boxes_never_overlap_and_children_lie_inside(case):
    parent, edges, expanded = case
    placed = place(arrange(parent, edges), [80] * len(parent), [36] * len(parent), expanded)
    boxes = placed.boxes
    for box in boxes:
        assert all(group in expanded for group in ancestors(box, parent))
        if parent[box] >= 0:
            x, y, w, h = boxes[parent[box]]
            assert x < boxes[box][0]
            assert y < boxes[box][1]
            assert boxes[box][0] + boxes[box][2] < x + w + 1e-6
            assert boxes[box][1] + boxes[box][3] < y + h + 1e-6
        for other in boxes:
            if box < other and box not in ancestors(other, parent) and other not in ancestors(box, parent):
                assert not overlap(boxes[box], boxes[other])
    assert all(x >= 0 and x + w <= placed.width and y >= 0 and y + h <= placed.height for x, y, w, h in boxes.values())


@settings(max_examples=80, deadline=None)
@given(nested())
def test_every_edge_is_a_complete_line_from_producer_to_consumer(case):
    parent, edges, expanded = case
    placed = place(arrange(parent, edges), [80] * len(parent), [36] * len(parent), expanded)
    for number, (start, end) in enumerate(edges):
        segments = [
            [(round(x, 3), round(y, 3)) for x, y in points] for points, carried in placed.segments if number in carried
        ]
        left, right = (visible_box(box, parent, expanded) for box in (start, end))
        if left == right:
            assert segments == []
            continue
        ends = {points[-1] for points in segments}
        (at,) = [points for points in segments if points[0] not in ends]
        x, y, w, h = placed.boxes[left]
        assert at[0] == pytest.approx((x + w, y + h / 2), abs=0.01)
        used = 1
        while following := [points for points in segments if points[0] == at[-1] and points is not at]:
            at, used = following[0], used + 1
        x, y, w, h = placed.boxes[right]
        assert at[-1] == pytest.approx((x, y + h / 2), abs=0.01)
        assert used == len(segments)


def visible_box(box, parent, expanded):
    """Return the visible box: the outermost collapsed group around `box`, or itself."""
    return next((group for group in reversed(list(ancestors(box, parent))) if group not in expanded), box)


@settings(max_examples=40, deadline=None)
@given(nested())
def test_a_flat_diagram_runs_left_to_right_and_is_deterministic(case):
    parent, edges, _ = case
    flat = [-1] * len(parent)
    groups = arrange(flat, edges)
    placed = place(groups, [80] * len(flat), [36] * len(flat), ())
    for start, end in edges:
        assert placed.boxes[start][0] + placed.boxes[start][2] < placed.boxes[end][0]
    second = arrange(flat, edges)
    assert pack(second).tolist() == pack(groups).tolist()


def test_the_main_chain_is_straight():
    parent = [-1] * 9
    # 0 → 1 → 2 → 3 → 4, and each of 1 to 4 with a parameter of its own
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (5, 1), (6, 2), (7, 3), (8, 4)]
    boxes = place(arrange(parent, edges), [80] * 9, [36] * 9, ()).boxes
    heights = [boxes[i][1] for i in range(1, 5)]  # the first box shares its rank with a parameter
    assert max(heights) - min(heights) < 3
    for parameter, consumer in zip(range(5, 9), range(1, 5), strict=True):
        assert boxes[consumer][0] - boxes[parameter][0] < 130


def test_groups_that_depend_on_each_other_are_placed():
    parent = [-1, -1, 0, 0, 1, 1]
    groups = arrange(parent, [(2, 4), (5, 3)])
    assert set(place(groups, [80] * 6, [36] * 6, {0, 1}).boxes) == set(range(6))


@pytest.mark.parametrize(
    ("parent", "edges", "words"),
    [
        ([-1], [(0, 0)], r"edges\[0\] is \(0, 0\)"),
        ([-1, -1], [(0, 5)], "one of|joins two"),
        ([0], [], r"parent\[0\]"),
        ([-2], [], r"parent\[0\]"),
    ],
)
def test_invalid_edges_and_parents_are_refused(parent, edges, words):
    with pytest.raises(ValueError, match=words):
        arrange(parent, edges)


def test_an_empty_diagram_has_no_boxes():
    assert place(arrange([], []), [], [], ()).boxes == {}
    assert list(place(arrange([-1], []), [80], [36], ()).boxes) == [0]


@pytest.mark.parametrize("name", ["resnet", "gpt", "rnn"])
def test_the_packed_structure_is_small(name):
    net, loss_of = zoo.build(name)
    with autograd.recording(net) as tape:
        loss = loss_of()
    graph = autograd.record(loss, tape)
    tree = build_tree(graph)
    packed = pack(arrange([box.parent for box in tree.boxes], tree.edges))
    assert packed.nbytes <= 100 * len(graph.nodes)
    assert torch.is_grad_enabled()
