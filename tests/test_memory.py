"""A closed widget keeps nothing alive: cells are run again and again, and the notebook's history keeps what they returned."""

import gc
import inspect
import tracemalloc
import weakref
from collections import Counter

import pytest
import torch
import traitlets
from ipywidgets.widgets.widget import _instances
from torch import nn

import dlviz
from dlviz.export import examples
from dlviz.kit.errors import DlvizError
from dlviz.kit.widget import Widget
from dlviz.multiprocess.widget import Parallel
from tests.multiprocess import invented

EXAMPLES = [name for name, function in inspect.getmembers(examples, inspect.isfunction)]
#: Examples whose work in other processes says nothing about this one's memory, on records of runs that never took place.
STANDINS = {"parallel": lambda: Parallel(invented.several(1, 2))}


def make(name):
    """Return the widget of an example."""
    return STANDINS.get(name, getattr(examples, name))()


def live():
    """Return how many models of ipywidgets, tensors and objects of dlviz's own classes there are."""
    gc.collect()
    kinds = Counter(map(type, gc.get_objects()))
    tensors = sum(count for kind, count in kinds.items() if issubclass(kind, torch.Tensor))
    ours: Counter[str] = Counter()
    for kind, count in kinds.items():
        if str(getattr(kind, "__module__", "")).startswith("dlviz."):
            ours[kind.__qualname__] += count
    return {"models": len(_instances), "tensors": tensors, **ours}


def assert_says_that_it_is_closed(view, tmp_path):
    for use in (lambda: view.to_html(), lambda: view.save(tmp_path / "picture.svg")):
        with pytest.raises(DlvizError, match="closed"):
            use()
    assert repr(view).endswith("(closed)")
    dictionaries = [name for name, trait in view.traits(sync=True).items() if isinstance(trait, traitlets.Dict)]
    assert "scene" in dictionaries
    assert {name for name in dictionaries if view._trait_values.get(name)} == set()


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_closed_widget_says_so_and_leaves_nothing(name, tmp_path):
    def once():
        view = make(name)
        view._repr_mimebundle_()
        view.close()
        for other in list(_instances.values()):  # a widget that the example itself has used
            if isinstance(other, Widget):
                other.close()
        return view

    if name == "live":  # a run goes on, see below
        once()
    else:
        assert_says_that_it_is_closed(once(), tmp_path)
    before = live()
    once()
    # What an earlier test of this process left may be freed meanwhile, but nothing may be added.
    assert {kind: count for kind, count in live().items() if count > before.get(kind, 0)} == {}


def test_a_run_goes_on_and_is_saved_after_its_picture_was_closed(tmp_path):
    run = examples.live()
    steps = len(run.history)
    run.close()
    assert len(run.history) == steps
    assert run.save(tmp_path / "run.svg").exists()


def test_closed_widgets_in_the_notebooks_history_take_little_memory():
    torch.manual_seed(0)
    net = nn.Sequential(*(nn.Conv2d(16 if i else 3, 16, 3, padding=1) for i in range(6)))
    x = torch.rand(4, 3, 64, 64)
    history = []

    def cell():
        view = dlviz.layers(net, x)
        view.inspect("0", 1, (3, 3))
        view._repr_mimebundle_()
        view.close()
        history.append(view)

    cell()
    gc.collect()
    tracemalloc.start()
    for _ in range(10):
        cell()
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown / 10 < 300_000


def test_an_open_widget_that_is_shown_again_and_again_does_not_grow():
    net, x = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)), torch.rand(2, 1, 8, 8)
    view = dlviz.layers(net, x)

    def use():
        for column in ("0", "1"):
            view.inspect(column, 0, (0, 0))
        view.refresh()
        view.clear()

    use()
    before = live()
    for _ in range(3):
        use()
    assert Counter(live()) <= Counter(before)
    kept = weakref.ref(net)
    view.close()
    del net
    gc.collect()
    assert kept() is None
