"""`dlviz.export_check` from Python: what it says is the record's, its still picture and page, and the errors of its arguments."""

from importlib import import_module
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.model_export.example import Example
from tests.kit.test_page import payload
from tests.model_export import models


@pytest.fixture(scope="module")
def view():
    torch.manual_seed(0)
    net = models.Classifier()
    return dlviz.export_check(net, torch.randint(0, 20, (4, 7)), runtimes=[])


@pytest.fixture(scope="module")
def refused():
    torch.manual_seed(0)
    branch = models.Branch().eval()
    return dlviz.export_check(branch, torch.rand(3, 4), runtimes=["compile"])


def test_an_exported_model_is_described(view):
    assert repr(view) == "dlviz.export_check(net: exported, equal, 10 operations, 13 of 13 outputs equal)"
    assert view.is_equal
    assert view.problems == []
    assert view.tab == "parity"
    assert isinstance(view.program, torch.export.ExportedProgram)
    assert view.scene["verdict"] == (
        "Exported: 10 operations. Outputs equal bit for bit on 13 inputs. May vary: N, tokens1."
    )
    assert "your model stays in training mode" in view.scene["notes"][0]["text"]


def test_a_refused_model_is_described_with_what_to_write(refused):
    assert refused.program is None
    assert not refused.is_equal
    assert refused.tab == "branches"
    assert refused.scene["branches"][0]["repair"].endswith("return torch.cond(x.sum() > 0, if_true, if_false, (x,))")
    line = refused.scene["branches"][0]["where"]
    assert any(text.startswith(line) for text in refused.problems)
    # The plain sentence with the line comes first, torch's own words stand apart from it.
    assert refused.scene["verdict"].startswith("torch.export refuses “if x.sum() > 0:” (models.py, line ")
    assert refused.problems[0] == refused.scene["verdict"]
    assert refused.scene["torch"].startswith("Could not guard on data-dependent expression")
    shown = [refused.scene["verdict"], *refused.problems, *(row["name"] for row in refused.scene["program"])]
    for word in ("guard", "u0", "_assert_scalar", "generic_jump"):
        assert not any(word in text for text in shown), word


def test_the_row_that_decides_is_marked_with_the_others_of_its_line(view, refused):
    kinds = {row["name"]: row["kind"] for row in refused.scene["eager"]}
    assert kinds == {"sum": "branch", "gt": "decides", "a": "matched"}
    assert [row["name"] for row in refused.scene["program"] if row["kind"] == "decides"] == ["gt"]
    note = next(row["note"] for row in refused.scene["eager"] if row["name"] == "gt")
    assert "the model calls b next, which the program cannot" in note
    assert not {"branch", "decides"} & {row["kind"] for row in (*view.scene["eager"], *view.scene["program"])}


def test_a_condition_of_an_earlier_line_is_the_one_that_decides():
    class Earlier(nn.Module):
        def forward(self, x):
            is_large = x.sum() > 0
            y = x * 2
            if is_large:
                y = -y
            return y

    scene = dlviz.export_check(Earlier().eval(), torch.rand(3, 4), runtimes=[]).scene
    assert {row["name"] for row in scene["eager"] if row["kind"] == "decides"} == {"gt"}
    assert not any(row["kind"] == "parting" for row in scene["eager"])
    assert scene["verdict"].startswith("torch.export refuses “if is_large:” (")


def test_every_row_has_a_place_of_its_own_beside_its_call(view, refused):
    for shown in (view, refused):
        scene = shown.scene
        for column in ("eager", "program"):
            places = [row["place"] for row in scene[column]]
            assert places == sorted(set(places))
            assert max(places) < scene["height"]
        first = {}
        for row in scene["program"]:
            first.setdefault(row["call"], row["place"])
        assert all(first.get(row["call"], row["place"]) == row["place"] for row in scene["eager"])


def test_calls_without_operations_and_operations_without_calls_are_marked():
    view = dlviz.export_check(models.Nested().eval(), torch.randn(3, 5, 8), runtimes=[])
    kinds = {row["name"]: row["kind"] for row in view.scene["eager"]}
    assert kinds["same"] == "dropped"
    assert kinds["twice"] == "matched"


def test_the_still_picture_and_the_page_have_the_same_rows(view, refused):
    for shown, name in ((view, "embedding"), (refused, "linear")):
        still = shown._still()
        ElementTree.fromstring(still)
        assert f">{name}<" in still
        state = payload(shown.to_html())["state"]
        assert [row["name"] for row in state["scene"]["program"]] == [row["name"] for row in shown.scene["program"]]


def test_a_long_program_is_cut_in_the_still_picture_only():
    net = nn.Sequential(*(nn.Linear(2, 2) for _ in range(40)))
    view = dlviz.export_check(net, torch.ones(2, 2), runtimes=[])
    assert len(view.scene["program"]) == 40
    assert "… and 24 more rows" in view._still()


def test_arrays_and_lists_are_inputs_too():
    net = nn.Linear(2, 1)
    for x in (np.ones((3, 2)), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]):
        assert dlviz.export_check(net, x, runtimes=[]).is_equal


def test_a_compiled_model_is_exported_as_what_it_was_made_from():
    net = torch.compile(nn.Linear(2, 1), backend="eager")
    view = dlviz.export_check(net, torch.ones(3, 2), runtimes=[], state=net.state_dict())
    assert view.is_equal
    assert any("_orig_mod." in one["text"] for one in view.scene["saving"])


def test_names_of_the_inputs_are_those_of_forward():
    class Several(nn.Module):
        def forward(self, x, pair, *, last=None):
            return x + pair[0] + pair[1] + last

    x, y, z, last = (torch.ones(2, 2) * k for k in range(4))
    assert Example(Several(), (x, (y, z)), {"last": last}).names == ["x", "pair_0", "pair_1", "last"]
    found = dlviz.export_check(Several(), x, (y, z), kwargs={"last": last}, runtimes=[])
    assert [one.tensor for one in found.data.shapes.sizes][::2] == ["x", "pair_0", "pair_1", "last"]


def test_names_follow_the_keys_of_a_dictionary_and_are_those_that_dynamic_takes():
    class Of(nn.Module):
        def forward(self, batch, *rest, **options):
            return batch["x"] * 2 + batch["more"][0] + rest[0] + options["scale"]

    x, same = torch.ones(3, 2), torch.zeros(3, 2)
    example = Example(Of(), ({"x": x, "more": [same]}, same), {"scale": same})
    assert example.names == ["batch_x", "batch_more_0", "rest_0", "scale"]

    class OfDictionary(nn.Module):
        def forward(self, batch):
            return batch["x"] * 2 + batch["more"][0]

    names = {"batch_x": {0: "rows"}, "batch_more_0": {0: "rows"}}
    found = dlviz.export_check(OfDictionary(), {"x": x, "more": [x]}, dynamic=names, runtimes=[])
    assert found.is_equal
    assert [one.name for one in found.data.shapes.ranges] == ["rows"]


def test_one_tensor_given_twice_is_two_inputs():
    class Weighted(nn.Module):
        def forward(self, x, y):
            return 2 * x + y

    x = torch.randn(5, 4)
    found = dlviz.export_check(Weighted(), x, x, runtimes=[])
    assert found.is_equal
    assert torch.allclose(found.program.module()(x, x + 1), 3 * x + 1)


def test_an_input_that_the_model_overwrites_stays_as_it_was():
    class Doubling(nn.Module):
        def forward(self, x):
            return x.mul_(2)

    x = torch.tensor([[-1.0, 2.0], [3.0, -4.0]])
    for model in (nn.Sequential(nn.ReLU(inplace=True), nn.Linear(2, 2)), Doubling()):
        assert dlviz.export_check(model, x, runtimes=["compile"]).is_equal
        assert x.tolist() == [[-1.0, 2.0], [3.0, -4.0]]


def test_lazy_layers_are_initialized_by_the_first_run_and_named():
    net = nn.Sequential(nn.LazyLinear(3)).eval()
    first, second = (dlviz.export_check(net, torch.ones(2, 4), runtimes=[]) for _ in range(2))
    assert first.scene["notes"] == [
        {"kind": "", "text": "0: lazy layers, which this first call initialized, as any first call does."}
    ]
    assert second.scene["notes"] == []


class OfKeywords(nn.Module):
    """Takes any keywords, for which torch has no sizes that may vary."""

    def forward(self, x, **others):
        return x + others["y"]


class DecidingOfKeywords(OfKeywords):
    def forward(self, x, **others):
        return x + others["y"] if x.sum() > 0 else x


def test_a_model_that_torch_exports_with_fixed_sizes_only_is_exported():
    x = torch.ones(3, 2)
    found = dlviz.export_check(OfKeywords(), x, kwargs={"y": x}, runtimes=[])
    assert found.is_equal
    assert found.problems == []
    assert found.data.shapes.ranges == ()
    assert "All sizes are fixed, as in your example" in found.scene["notes"][0]["text"]
    named = dlviz.export_check(OfKeywords(), x, kwargs={"y": x}, dynamic={"x": {0: "rows"}}, runtimes=[])
    assert "refuses the sizes that you named" in named.scene["verdict"]
    one = dlviz.export_check(OfKeywords(), x[:1], kwargs={"y": x[:1]}, runtimes=[])
    assert "Pass an example with 2 or more" not in str(one.scene["sizes"])
    draft = dlviz.export_check(DecidingOfKeywords(), x, kwargs={"y": x}, runtimes=[])
    assert draft.scene["is_draft"]
    assert [one.kind for one in draft.data.branches] == ["choice"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dlviz.export_check(lambda x: x, torch.ones(2)), "net must be a torch.nn.Module, but got function"),
        (lambda: dlviz.export_check(nn.ReLU()), "at least one argument of net must be a tensor, but got nothing"),
        (lambda: dlviz.export_check(nn.ReLU(), "text"), "must be a tensor, but got str"),
        (lambda: dlviz.export_check(nn.ReLU(), torch.ones(2, device="meta")), "has no numbers"),
        (lambda: dlviz.export_check(nn.ReLU(), torch.ones(2), kwargs=3), "kwargs must be a dictionary, but got int"),
        (lambda: dlviz.export_check(nn.ReLU(), torch.ones(2), runtimes="onnx"), "runtimes must be a list"),
        (lambda: dlviz.export_check(nn.ReLU(), torch.ones(2), runtimes=["tensorrt"]), "runtimes must be a list"),
        (
            lambda: dlviz.export_check(nn.ReLU(), torch.ones(2), seed=1.5),
            "seed must be a whole number of at least 0, but got 1.5",
        ),
        (lambda: dlviz.export_check(nn.ReLU(), torch.ones(2), runtimes=[], tab="speed"), "tab must be"),
    ],
    ids=["net", "nothing", "text", "meta", "kwargs", "runtimes", "runtime", "seed", "tab"],
)
def test_arguments_that_do_not_fit_are_refused(call, words):
    with pytest.raises(DlvizError, match=words):
        call()


@pytest.mark.parametrize("option", [{"state": 3}, {"tab": "shapes"}, {"theme": "blue"}], ids=str)
def test_an_option_that_does_not_fit_is_refused_before_the_model_is_exported(monkeypatch, option):
    exported = []
    module = import_module("dlviz.model_export.record")
    monkeypatch.setattr(module, "export_program", lambda *given: exported.append(given))
    with pytest.raises(DlvizError, match=f"export_check: {next(iter(option))} must be"):
        dlviz.export_check(nn.Linear(3, 2), torch.ones(1, 3), runtimes=[], **option)
    assert exported == []
