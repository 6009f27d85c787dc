"""`dlviz.compress` from Python: settings, trials, the student, refusals, and a page with all trials."""

import copy
import json
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

import dlviz
from dlviz.compression import quantization
from dlviz.kit.errors import DlvizError
from tests.compression.models import classifier, evaluation, points
from tests.kit.test_page import payload


def view_of(**options):
    net = classifier()
    return dlviz.compress(net, evaluation(), **options), net


def test_every_setting_makes_a_trial_once_and_the_traits_follow():
    view, net = view_of()
    assert (
        repr(view)
        == f"dlviz.compress(net: original, {view.scene['points'][0]['text'][1]} zipped, accuracy {view.scene['points'][0]['text'][2]})"
    )
    trial = view.apply(amount=0.5, quantize="int8 weights")
    assert (view.step, view.amount, view.quantize) == (1, 0.5, "int8 weights")
    assert view.record is trial
    view.amount = 0.25
    view.structured = True
    assert len(view.tried) == 4
    view.apply(amount=0.5, structured=False)
    assert (view.step, len(view.tried)) == (1, 4)
    view.step = 0
    assert (view.amount, view.structured, view.quantize) == (0.0, False, "none")
    assert all(torch.equal(view.model.state_dict()[name], tensor) for name, tensor in net.state_dict().items())
    view.step = 3
    assert (view.amount, view.structured) == (0.25, True)
    assert view.model[0].weight.dequantize().count_nonzero() <= 12 * 6
    assert view.scene["labels"][3] == "25% of the channels pruned, int8 weights"


def test_the_table_of_trials_has_the_measured_numbers():
    view, _ = view_of(student=nn.Linear(6, 3), data=points()[0], distill_steps=3)
    trial = view.apply(amount=0.5, scope="layer")
    table = view.tried
    assert [row["pruning"] for row in table] == ["none", "layer", "student"]
    row = table[1]
    assert (row["bytes"], row["zipped"], row["accuracy"], row["latency"]) == (
        trial.size.disk,
        trial.size.zipped,
        trial.score,
        trial.latency[1].median,
    )
    assert [row["parameters"] for row in table] == [195, 195, 21]
    with torch.no_grad():
        x, labels = points()
        assert table[2]["accuracy"] == float((view.student(x).argmax(1) == labels).double().mean())


def test_a_sweep_keeps_the_settings_and_tries_each_amount():
    view, _ = view_of()
    view.apply(amount=0.1, scope="layer")
    found = view.sweep([0.2, 0.4, 0.1])
    assert [trial.settings.amount for trial in found] == [0.2, 0.4, 0.1]
    assert (view.step, view.amount, len(view.tried)) == (1, 0.1, 4)
    assert [list(curve) for curve in view.scene["curves"]] == [[0, 1, 2, 3]]


def test_a_sweep_that_fails_keeps_what_it_has_tried():
    def finetune(net):
        if int((net[0].weight == 0).sum()) > 50:
            raise ValueError("too few")

    view, _ = view_of(finetune=finetune)
    shown = []
    view.observe(lambda change: shown.append(change["new"]["progress"]), "scene")
    with pytest.raises(DlvizError, match="too few"):
        view.sweep([0.2, 0.9, 0.4])
    assert [row["amount"] for row in view.tried] == [0, 0.2]
    assert shown == ["Trial 1 of 3 …", "Trial 2 of 3 …", ""]
    assert len(view.scene["points"]) == 2


def test_a_note_counts_the_weights_that_are_no_numbers():
    net = classifier()
    with torch.no_grad():
        net[0].weight[0, :2] = torch.tensor([float("nan"), float("inf")])
    view = dlviz.compress(net, evaluation(), amount=0.5)
    assert view.scene["notes"][0]["text"].startswith("NaN or infinite weights: 2 (0).")
    assert view.record.layers[0].not_finite == 2
    assert not view.model[0].weight[0, :2].isfinite().any()  # not pruned


@pytest.mark.parametrize("option", ["layer", "axis", "speed", "theme"])
def test_options_are_checked_before_the_model_is_evaluated(option):
    called = []
    with pytest.raises(DlvizError, match=f"{option} must be"):
        dlviz.compress(classifier(), called.append, **{option: "none of them"})
    assert called == []


def test_a_note_says_which_layers_keep_their_channels_or_their_floats():
    view = dlviz.compress(
        nn.Sequential(nn.Conv1d(6, 4, 1), nn.Flatten(), nn.Linear(4, 3)), lambda net: net(torch.ones(2, 6, 1)).sum()
    )
    assert view.scene["notes"] == []
    view.apply(amount=0.5, structured=True, quantize="int8 weights")
    assert [note["text"] for note in view.scene["notes"]] == [
        "The last layer, 2, keeps its channels: each is an output of the model. torchao rounds linear layers only; others stay floats (0)."
    ]


def test_what_is_trained_later_is_not_seen():
    view, net = view_of()
    before = copy.deepcopy(net.state_dict())
    with torch.no_grad():
        net[0].weight.zero_()
    view.apply(amount=0.5)
    view.step = 0
    assert torch.equal(view.model[0].weight, before["0.weight"])


def test_the_worst_hit_classes_are_those_that_lost_most():
    view, _ = view_of()
    first, now = view.record, view.apply(amount=0.95)
    lost = first.evaluation.recall - now.evaluation.recall
    shown = view.scene["classes"]
    assert [float(one["before"] - one["now"]) for one in shown] == sorted(lost.tolist(), reverse=True)
    numbers = dlviz.compress(classifier(), lambda net: float(net(points()[0]).sum()))
    assert numbers.scene["classes"] == []
    assert "score" in repr(numbers)
    assert "loss" in repr(dlviz.compress(classifier(), lambda net: float(net(points()[0]).sum()), metric="loss"))


def test_the_sentence_on_time_says_what_pruning_and_rounding_do_not_speed_up():
    view, _ = view_of()
    assert view.scene["speed"].startswith("Nothing is compressed yet.")
    view.apply(amount=0.5)
    assert view.scene["speed"].startswith("50% of the weights are 0, but the matrices keep their shape")
    view.apply(amount=0.5, structured=True)
    assert view.scene["speed"].startswith("Whole channels are 0, but they are still computed")
    assert any("keeps its channels" in note["text"] for note in view.scene["notes"])
    view.apply(amount=0, structured=False, quantize="int8 weights")
    assert view.scene["speed"].startswith("The integers become floats again in every call")
    parts = dlviz.compress(classifier(), lambda net: float(net[0](points()[0]).sum()), amount=0.5)
    assert parts.scene["speed"].endswith("pass x=, an example input.")
    assert parts.scene["costs"]["timed"] == ""
    assert "time of a call" not in [row[0] for row in parts.scene["costs"]["rows"]]
    threads = "1 thread." if torch.get_num_threads() == 1 else f"{torch.get_num_threads()} threads."
    assert view.scene["costs"]["timed"].endswith(f"batch of 60, {threads}")


@pytest.mark.parametrize(
    "x", [points()[0][:2], points()[0][:2].tolist(), (points()[0][:2].numpy(),), {"input": points()[0][:2]}]
)
def test_the_example_input_may_have_any_form(x):
    view = dlviz.compress(classifier(), evaluation(), x=x)
    assert view.record.latency[1].batch == 2


def test_a_setting_that_fails_leaves_the_picture_and_the_page_says_why(monkeypatch):
    view, _ = view_of()
    view.apply(amount=0.5)
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    quantization._torchao.cache_clear()
    with pytest.raises(DlvizError, match="torchao"):
        view.quantize = "int8 weights"
    assert (view.quantize, view.step, len(view.tried)) == ("none", 1, 2)
    wanted = {"kind": "try", "amount": 0.7, "scope": "global", "structured": False, "quantize": "int8 dynamic"}
    view._handle_custom_msg(wanted, [])
    assert [note["kind"] for note in view.scene["notes"]] == ["bad", ""]
    assert (view.amount, view.quantize) == (0.5, "none")
    view._handle_custom_msg(wanted | {"quantize": "none"}, [])
    assert (view.amount, len(view.tried)) == (0.7, 3)
    assert [note["kind"] for note in view.scene["notes"]] == [""]
    for part in ({"amount": 2}, {"amount": "x"}, {"scope": "all"}, {"quantize": None}):
        view._handle_custom_msg(wanted | {"quantize": "none"} | part, [])
        assert view.scene["notes"][0]["kind"] == "bad"
    assert len(view.tried) == 3


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: dlviz.compress("net", evaluation()), "net must be an nn.Module, but got str"),
        (lambda: dlviz.compress(nn.ReLU(), evaluation()), "no weights of two dimensions"),
        (lambda: dlviz.compress(nn.LazyLinear(3), evaluation()), "lazy layers"),
        (lambda: dlviz.compress(classifier(), 0.5), "evaluate must be a function"),
        (lambda: view_of(finetune=3), "finetune must be a function"),
        (lambda: view_of(x="text"), "example input of net"),
        (lambda: view_of(x=torch.zeros(2, 5)), "net raises for the example input: RuntimeError"),
        (lambda: view_of(student=nn.Linear(6, 3)), "pass data="),
        (lambda: view_of(data=points()[0]), "pass student="),
        (lambda: view_of(amount=1.0), "from 0 to 0.99, but got 1.0"),
        (lambda: view_of(scope="all"), "'global', 'layer', but got 'all'"),
        (lambda: view_of(quantize="int4"), "but got 'int4'"),
        (lambda: view_of(layer=2), "from 0 to 1, but got 2"),
        (lambda: view_of(distill_steps=0), "distill_steps must be a whole number of at least 1"),
        (lambda: view_of(temperature=0), "temperature must be a number above 0"),
        (lambda: view_of(classes=["a", "b"]), "for 2 classes"),
        (lambda: view_of()[0].sweep(3), "amounts must be numbers"),
        (lambda: view_of()[0].sweep([2]), "from 0 to 0.99, but got 2"),
        (lambda: dlviz.compress(nn.Linear(6, 3), evaluation(), structured=True, amount=0.5), "no channels can be pruned"),
        (lambda: dlviz.compress(nn.Conv1d(6, 3, 1), lambda net: net(torch.ones(6, 1)).sum(), quantize="int8 weights"), "net has none"),
        (lambda: view_of(finetune=lambda net: 1 / 0, amount=0.5), "finetune raises for the pruned model: ZeroDivisionError"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call, says):
    with pytest.raises(DlvizError, match=says):
        call()


def test_a_model_with_masks_is_refused_with_the_remedy():
    net = classifier()
    nn.utils.prune.l1_unstructured(net[0], "weight", 0.5)
    with pytest.raises(DlvizError, match=r"prune.remove\(layer, \"weight\"\)"):
        dlviz.compress(net, evaluation())


def test_a_page_has_every_trial_and_a_still_shows_them():
    view, _ = view_of()
    view.sweep([0.5])
    view.apply(quantize="int8 weights")
    state = payload(view.to_html())["state"]
    assert set(state["precomputed"]["step"]) == {"0", "1", "2"}
    assert state["precomputed"]["step"]["1"]["amount"] == 0.5
    for theme in ("light", "dark"):
        view.theme = theme
        svg = ElementTree.fromstring(view._still())
        texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
        assert "Weights of layer 0" in texts
        assert json.dumps(view.scene["costs"]["rows"][0][1])[1:-1] in texts
