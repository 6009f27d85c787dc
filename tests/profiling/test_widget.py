"""The public function: a model, a function, a block, two profiles, and what does not fit."""

import threading

import pytest
import torch
from torch import nn

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.profiling.widget import Profile
from tests.profiling.models import Training


@pytest.fixture(scope="module")
def view():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    return dlviz.profile(net, torch.ones(2, 4), repeats=1)


def test_a_model_is_named_and_described(view):
    assert repr(view) == "dlviz.profile(net; modules: 3)"
    assert view.scene["signature"].startswith("net · cpu, ")
    assert f"{len(view.record.events)} events" in view.scene["summary"]
    assert view.total == view.record.total


def test_the_table_as_text_has_the_costliest_operation_first(view):
    lines = view.table(3).splitlines()
    assert len(lines) == 3
    assert view.operations[0].name in lines[0] or "modules" in lines[0]
    with pytest.raises(DlvizError, match="count must be a whole number from 1, but got 0"):
        view.table(0)


def test_a_block_is_profiled_when_it_ends():
    training = Training()
    with dlviz.profile(label="one epoch", table_by="line") as view:
        training.epoch()
    assert view.scene["signature"].startswith("one epoch · ")
    assert [row.path for row in view.rows][:2] == ["data", "Net"]
    assert view.record.plain_walls == ()
    assert "makes short operations slower" in view.scene["profiles"][0]["facts"][-1]
    assert view.scene["tables"]["line"][0]["title"]
    with pytest.raises(DlvizError, match="has run already"), view:
        pass


def test_a_block_before_and_after_an_error_is_empty():
    view = dlviz.profile()
    assert repr(view) == "dlviz.profile() around a block that has not run yet"
    for use in (lambda: view.total, view.to_html, lambda: view.save("x.svg")):
        with pytest.raises(DlvizError, match="nothing has run yet"):
            use()
    with pytest.raises(RuntimeError, match="size"), view:
        torch.ones(3) + torch.ones(2)
    assert not torch.autograd._profiler_enabled()
    with view:
        torch.ones(3)
    assert view.total > 0


def test_against_takes_a_profile_a_record_a_block_or_a_function(view):
    net = nn.Linear(4, 3)
    for against in (view, view.record, lambda x: x.relu()):
        two = dlviz.profile(net, torch.ones(2, 4), repeats=1, against=against)
        assert len(two.records) == len(two.scene["profiles"]) == 2
    assert two.records[1].label == "against"
    with dlviz.profile(against=view) as block:
        net(torch.ones(2, 4))
    assert block.records[1] is view.record
    with pytest.raises(DlvizError, match="two profiles already"):
        dlviz.profile(net, torch.ones(2, 4), against=two)


def test_a_profiler_of_torchs_that_has_ended_is_shown_with_its_own_total(view):
    ended = threading.Event()
    waiting = threading.Thread(target=ended.wait)
    waiting.start()
    # The frames of Python that this records of the waiting thread too last as long as all the rest.
    with torch.profiler.profile(with_stack=True) as profiler:
        nn.Linear(4, 3)(torch.ones(2, 4)).sum().backward()
    ended.set()
    waiting.join()
    shown = dlviz.profile(profiler, label="mine", against=view)
    assert shown.total == pytest.approx(profiler.key_averages().self_cpu_time_total)
    events = shown.record.events
    in_main = events.thread == events.main_thread
    assert in_main[events.names.index("aten::addmm")]
    assert not in_main.all()
    labels = [lane["label"] for lane in shown.scene["profiles"][0]["lanes"] if lane["label"]]
    assert labels == ["operations", "other threads"]
    assert [row.path for row in shown.rows] == ["outside"]
    assert shown.scene["signature"].startswith("mine, below it net · ")
    with pytest.raises(DlvizError, match="has no events yet"):
        dlviz.profile(torch.profiler.profile())


def test_what_does_not_fit_is_refused(view):
    for make, words in (
        (lambda: dlviz.profile(3), "must be a model or a function.*int"),
        (lambda: dlviz.profile(nn.Linear), "must be a model or a function.*type"),
        (lambda: dlviz.profile(torch.ones, 3, repeats=0), "repeats must be a whole number from 1, but got 0"),
        (lambda: dlviz.profile(torch.ones, 3, warmup=-1), "warmup must be a whole number from 0, but got -1"),
        (lambda: dlviz.profile(torch.ones, 3, label=7), "label must be a text, but got int"),
        (lambda: dlviz.profile(torch.ones, 3, against=7), "against must be another.*int"),
        (lambda: dlviz.profile(repeats=3), "repeats is for a function"),
        (lambda: dlviz.profile(against=torch.relu), "against must be another"),
        (lambda: dlviz.profile(torch.ones, 3, table_by="kernel"), "table_by must be one of operation, line, module"),
        (lambda: dlviz.profile(nn.Linear(2, 2), torch.ones(3)), "calling Linear with these arguments raises: .*shapes"),
        (lambda: setattr(view, "selected", [0, 10**6]), "selected must be empty"),
        (lambda: setattr(view, "selected", [1, 0]), "selected must be empty"),
        (lambda: setattr(view, "time_range", [3.0, 1.0]), "start < end"),
    ):
        with pytest.raises(DlvizError, match=words):
            make()


def test_options_are_checked_before_the_function_runs():
    calls = []
    for options in ({"theme": "sepia"}, {"table_by": "kernel"}, {"against": 7}, {"repeats": 0}):
        with pytest.raises(DlvizError, match=f"{next(iter(options))} must be"):
            dlviz.profile(lambda: calls.append(1), **options)
    assert calls == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("warmup", [0, 1])
def test_a_function_whose_code_would_not_run_is_refused(warmup):
    async def coroutine():
        torch.ones(3)

    async def asynchronous():
        yield torch.ones(3)

    def generator():
        yield torch.ones(3)

    for make, words in (
        (coroutine, "none of the code in coroutine has run.*asyncio.run"),
        (lambda: coroutine(), "returns a coroutine"),
        (asynchronous, "returns an asynchronous generator"),
        (generator, "none of the code in generator has run.*list"),
        (lambda: (one for one in [1]), "returns a generator"),
    ):
        with pytest.raises(DlvizError, match=words):
            dlviz.profile(make, warmup=warmup)
    with pytest.raises(DlvizError, match="returns a coroutine"):
        dlviz.profile(lambda: torch.ones(3), against=coroutine, warmup=warmup)
    assert not torch.autograd._profiler_enabled()
    net = nn.Linear(2, 1)
    dlviz.profile(lambda: net.parameters(), warmup=warmup, repeats=1)  # torch's own


def test_a_profiler_inside_another_is_refused():
    with dlviz.profile(), pytest.raises(DlvizError, match="profiler of torch runs already"):
        dlviz.profile(torch.ones, 3)
    with torch.profiler.profile(), pytest.raises(DlvizError, match="profiler of torch runs already"), dlviz.profile():
        pass


def test_the_still_picture_and_the_page_hold_the_names(view, tmp_path):
    svg = view._still()
    for text in ("0 Linear", view.operations[0].name or "Python code of modules", "aten::addmm"):
        assert text in svg
    page = view.to_html(tmp_path / "page.html")
    assert "aten::linear" in page
    assert "<script src" not in page
    assert dlviz.profile(lambda: None, repeats=1)._still().startswith("<svg")


def test_a_run_without_an_operation_is_drawn_with_a_note():
    empty = dlviz.profile(lambda: None, repeats=1)
    assert "torch saw no operation" in empty.scene["notes"][0]["text"]
    assert empty.table() == ""
    assert isinstance(empty, Profile)
