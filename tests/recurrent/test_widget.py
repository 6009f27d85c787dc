"""`dlviz.unroll` from Python: what it draws is torch's, edits change only its copy, snapshots keep earlier curves."""

import copy
import gc
import json
import re
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.recurrent import (
    drawn_gradients,
    grad_norm_by_lag,
    input_grad_norms,
    input_gradient,
    record,
    similar_spans,
    widget,
)
from dlviz.recurrent.gradient_snapshots import MAX_SNAPSHOTS, clipped, grad_norm
from dlviz.recurrent.input_gradients import first_steps, work_per_row
from tests.kit.test_page import payload

LETTERS = torch.eye(27)


def encode(text):
    return LETTERS[["abcdefghijklmnopqrstuvwxyz ".index(letter) for letter in text]]


def module_and_input(kind="LSTM", steps=9, seed=0, **options):
    torch.manual_seed(seed)
    return getattr(nn, kind)(4, 6, **options), torch.randn(steps, 4)


def array(values, *shape, kind="float32"):
    return torch.from_numpy(np.frombuffer(values, kind).copy()).reshape(shape)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_scene_holds_every_recorded_number(kind):
    module, x = module_and_input(kind, num_layers=2, bidirectional=True)
    view = dlviz.unroll(module, x, layer=3)
    trace = record(module, x).layers[3]
    scene, count = view.scene, trace.gates.shape[1]
    assert torch.equal(array(scene["gate_values"], 9, count, 6), trace.gates)
    assert torch.equal(array(scene["preactivations"], 9, count, 6), trace.preactivations)
    assert torch.equal(array(scene["from_x"], 9, count, 6), trace.from_x)
    assert torch.equal(array(scene["from_h"], 9, count, 6), trace.from_h)
    assert torch.equal(array(scene["h"], 9, 6), trace.h)
    assert torch.equal(array(scene["h_prev"], 9, 6), trace.h_prev)
    assert torch.equal(
        array(scene["weights"]["ih"], count, 6, 12), module.weight_ih_l1_reverse.detach().reshape(-1, 6, 12)
    )
    assert torch.equal(array(scene["weights"]["b_hh"], count, 6), module.bias_hh_l1_reverse.detach().reshape(-1, 6))
    for name, part in trace.intermediates.items():
        assert torch.equal(array(scene["intermediates"][name], 9, 6), part)
    table = array(scene["input_grad"]["norms"], 9, 6, 9)
    assert torch.equal(table, input_grad_norms(record(module, x), 3, range(6)))
    assert torch.equal(
        array(scene["history"]["current"], 9, kind="float64").float(), grad_norm_by_lag(record(module, x), 3)
    )
    assert scene["reverse"]


def test_float64_numbers_are_sent_as_float64():
    module, x = module_and_input()
    view = dlviz.unroll(module.double(), x.double())
    assert view.scene["dtype"] == "float64"
    drawn = array(view.scene["h"], 9, 6, kind="float64")
    assert torch.equal(drawn, view.states["h"])
    assert (drawn - module(x.double())[0].detach()).abs().max() < 1e-15
    assert view.scene["badge"]["kind"] == "good"


def test_the_arguments_are_those_of_the_module():
    module, x = module_and_input(batch_first=True)
    batch, states = torch.randn(3, 9, 4), (torch.randn(1, 3, 6), torch.randn(1, 3, 6))
    view = dlviz.unroll(module, batch, states, sequence=2)
    assert torch.allclose(view.output, module(batch, states)[0][2].detach(), atol=1e-6)
    assert torch.allclose(view.states["h"][-1], module(batch, states)[1][0][0, 2].detach(), atol=1e-6)
    assert torch.allclose(view.states["c"][-1], module(batch, states)[1][1][0, 2].detach(), atol=1e-6)
    assert list(view.gates) == ["i", "f", "g", "o"]
    view.sequence = 0
    assert torch.allclose(view.output, module(batch, states)[0][0].detach(), atol=1e-6)
    assert dlviz.unroll(nn.RNN(4, 6), x).gates == {}


def test_packed_sequences_have_their_own_lengths_and_names():
    module, _ = module_and_input("GRU")
    parts = [torch.randn(n, 4) for n in (3, 5)]
    view = dlviz.unroll(module, pack_sequence(parts, enforce_sorted=False), tokens=[list("abc"), list("defgh")])
    assert view.tokens == ["a", "b", "c"]
    view.sequence = 1
    assert view.tokens == list("defgh")
    assert torch.allclose(view.output, module(parts[1])[0].detach(), atol=1e-6)


def test_input_gradient_equals_autograd():
    module, x = module_and_input()
    view = dlviz.unroll(module, x, step=6, unit=2)
    x = x.clone().requires_grad_()
    wanted = torch.autograd.grad(module(x)[0][6, 2], x)[0]
    assert torch.allclose(view.input_gradient, wanted, atol=1e-6)
    assert torch.equal(view.input_gradient, input_gradient(view.record, 0, 6, 2))
    view.step = 99  # beyond the last step is the last
    assert view.position == 8


def test_a_backward_layer_is_stepped_from_the_end():
    module, x = module_and_input(bidirectional=True)
    view = dlviz.unroll(module, x, layer=1, step=0)
    assert view.position == 8
    view.step = 8
    assert view.position == 0


def test_a_zeroed_gate_changes_what_comes_later_and_keeps_the_unedited_states():
    module, x = module_and_input()
    before = copy.deepcopy(module.state_dict())
    view = dlviz.unroll(module, x)
    plain = view.states["h"]
    view.zero("f")
    assert (view.gates["f"] == 0).all()
    assert torch.equal(view.states["h"][0], plain[0])  # c is 0 before the first step, so f has nothing to forget
    assert not torch.allclose(view.states["h"][3:], plain[3:])
    assert torch.equal(array(view.scene["unedited"]["h"], 9, 6), plain)
    assert torch.equal(array(view.scene["unedited"]["change"], 9, 6), view.states["h"] - plain)
    assert view.scene["badge"]["text"] == "edited copy"
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    view.reset()
    assert torch.equal(view.states["h"], plain)
    assert view.scene["unedited"] is None


def test_one_unit_of_one_layer_is_zeroed():
    module, x = module_and_input("GRU", num_layers=2)
    view = dlviz.unroll(module, x, layer=1)
    view.zero("z", 3, layer=0)
    assert (view.record.layers[0].gates[:, 1, 3] == 0).all()
    assert (view.record.layers[0].gates[:, 1, 2] != 0).all()
    assert (view.gates["z"] != 0).all()


def test_another_initial_state_gives_the_output_of_torch():
    module, x = module_and_input(num_layers=2)
    view = dlviz.unroll(module, x, layer=1)
    view.set_h0(0.5, 3)
    view.set_c0(torch.arange(6.0), layer=0)
    h, c = torch.zeros(2, 6), torch.zeros(2, 6)
    h[1, 3], c[0] = 0.5, torch.arange(6.0)
    assert torch.allclose(view.output, module(x, (h, c))[0].detach(), atol=1e-6)
    assert view.scene["badge"]["kind"] == "good"  # the module itself was asked from there
    view.set_h0(0.25, 3)
    assert [one for one in view.initial_state if one[:3] == ["h", 1, 3]] == [["h", 1, 3, 0.25]]


def test_a_text_is_encoded_by_the_learners_function():
    torch.manual_seed(0)
    module = nn.RNN(27, 6)
    view = dlviz.unroll(module, "hello", encode=encode)
    assert view.tokens == list("hello")
    assert view.text == "hello"
    assert torch.allclose(view.output, module(encode("hello"))[0].detach(), atol=1e-6)
    view.text = "help me"
    assert view.tokens == list("help me")
    assert torch.allclose(view.output, module(encode("help me"))[0].detach(), atol=1e-6)
    assert view.scene["unedited"]["steps"] == 5
    assert view.scene["unedited"]["common_steps"] == 5
    change = array(view.scene["unedited"]["change"], 5, 6)
    assert torch.equal(change[:3], torch.zeros(3, 6))
    assert (change[3:] != 0).all()
    assert view.scene["badge"]["kind"] == "good"
    view.reset()
    assert view.text == "hello"


def test_a_text_that_cannot_be_encoded_has_an_error_and_the_picture_stays():
    module = nn.RNN(27, 6)
    view = dlviz.unroll(module, "hello", encode=encode)
    scene = view.scene
    view.text = "hellö"
    assert re.search(r'encode\("hellö"\) raised ValueError', view.refusal)
    assert view.scene is scene
    view.text = ""
    assert "at least one token" in view.refusal
    view.text = "hell"
    assert view.refusal == ""
    assert view.tokens == list("hell")


def test_words_are_tokens_where_the_encoder_reads_words():
    embedding = torch.randn(3, 4)
    order = {"to": 0, "be": 1, "or": 2}
    view = dlviz.unroll(nn.GRU(4, 6), "to be or", encode=lambda text: embedding[[order[word] for word in text.split()]])
    assert view.tokens == ["to", "be", "or"]


def test_a_cell_reads_text_too():
    cell = nn.LSTMCell(27, 6)
    view = dlviz.unroll(cell, "abc", encode=encode)
    h, _ = cell(encode("abc")[:1])
    assert torch.allclose(view.output[0], h[0].detach(), atol=1e-6)
    view.text = "abcd"
    assert len(view.output) == 4


def test_typing_into_a_batch_starts_from_the_sequences_own_state():
    torch.manual_seed(0)
    module, h = nn.GRU(27, 6), torch.randn(1, 2, 6)
    x = torch.stack([encode("abc"), encode("xyz")], 1)
    view = dlviz.unroll(module, x, h, tokens=[list("abc"), list("xyz")], encode=encode, sequence=1)
    assert view.text == "xyz"
    view.text = "xyzz"
    assert torch.allclose(view.output, module(encode("xyzz"), h[:, 1])[0].detach(), atol=1e-6)
    view.sequence = 0
    assert view.text == "abc"
    assert view.scene["unedited"] is None


def test_a_forget_bias_makes_memory_longer():
    module, x = module_and_input(steps=30)
    view = dlviz.unroll(module, x)
    plain = view.grad_norm_by_lag
    view.forget_bias = 4
    assert view.grad_norm_by_lag[-1] > 100 * plain[-1]
    copied = copy.deepcopy(module)
    with torch.no_grad():
        copied.bias_ih_l0[6:12] += 4
    assert torch.allclose(view.output, copied(x)[0].detach(), atol=1e-6)


def test_update_reads_the_module_again_and_earlier_snapshots_stay_visible():
    module, x = module_and_input(steps=20)
    view = dlviz.unroll(module, x)
    first = view.grad_norm_by_lag.double()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for label in ("", "warm", ""):
        optimizer.zero_grad()
        module(x)[0][-1].square().sum().backward()
        optimizer.step()
        view.update(label)
    assert view.snapshots == ["first snapshot", "snapshot 1", "warm", "snapshot 3"]
    assert torch.allclose(view.output, module(x)[0].detach(), atol=1e-6)
    ghosts = view.scene["history"]["references"]
    assert [ghost["label"] for ghost in ghosts] == ["first snapshot", "snapshot 1", "warm"]
    assert torch.equal(array(ghosts[0]["curve"], 20, kind="float64"), first)
    assert torch.equal(
        array(view.scene["history"]["current"], 20, kind="float64"), grad_norm_by_lag(record(module, x), 0).double()
    )


def test_the_gradient_norm_is_that_of_clip_grad_norm_before_and_after():
    module, x = module_and_input(steps=20)
    view = dlviz.unroll(module, x, clip=0.3)
    assert view.scene["history"]["norm_labels"] == []
    (100 * module(x)[0][-1].sum()).backward()
    before = [p.grad.clone() for p in module.parameters()]
    view.update()
    assert all(torch.equal(p.grad, grad) for p, grad in zip(module.parameters(), before, strict=True))
    history = view.scene["history"]
    after = dict(zip(history["clips"], array(history["clipped"], -1, kind="float64").tolist(), strict=True))
    length = array(history["norms"], 1, kind="float64").item()
    for most in (0.3, 1.0, 1e9):
        for p, grad in zip(module.parameters(), before, strict=True):
            p.grad = grad.clone()
        assert nn.utils.clip_grad_norm_(module.parameters(), most).item() == pytest.approx(length, rel=1e-6)
        left = grad_norm(module).item()
        assert clipped(torch.tensor(length), most).item() == pytest.approx(left, rel=1e-5)
        if most in after:
            assert after[most] == pytest.approx(left, rel=1e-5)
    assert 0.3 in after


def test_snapshots_are_thinned_and_at_most_six_curves_are_drawn():
    module, x = module_and_input("RNN", steps=4)
    view = dlviz.unroll(module, x)
    for _ in range(MAX_SNAPSHOTS + 30):
        view.update()
    assert len(view.snapshots) <= MAX_SNAPSHOTS
    assert view.snapshots[0] == "first snapshot"
    assert len(view.scene["history"]["references"]) <= 6


def test_snapshots_follow_an_embedding_in_training():
    torch.manual_seed(0)
    embedding, module = nn.Embedding(27, 4), nn.GRU(4, 6)
    view = dlviz.unroll(module, "abc", encode=lambda text: embedding(torch.tensor([ord(one) - 97 for one in text])))
    before = view.output
    with torch.no_grad():
        embedding.weight.mul_(2)
    view.update()
    assert not torch.equal(view.output, before)


def test_similar_spans_have_the_same_active_units():
    h = torch.tensor(
        [[0.9, -0.9, 0.1], [0.8, -0.7, 0.9], [0.1, 0.2, 0.9], [0.9, -0.8, 0.0], [0.7, -0.6, 0.0], [0.9, 0.9, 0]]
    )
    assert similar_spans(h, 0, 1, 0.5) == [(3, 4)]
    assert similar_spans(h, 2, 2, 0.5) == [(1, 1)]
    assert similar_spans(h, 5, 5, 0.95) == []
    module, x = module_and_input(steps=40)
    view = dlviz.unroll(module, x, threshold=0.1, span=[3, 4])
    assert view.similar_spans() == similar_spans(view.states["h"], 3, 4, 0.1)
    view.threshold = 0.0
    assert view.similar_spans() == []


def test_large_input_is_bounded_with_a_note():
    module = nn.GRU(3, 100)
    view = dlviz.unroll(module, torch.randn(450, 3), unit=70)
    texts = " ".join(note["text"] for note in view.scene["notes"])
    assert "first 400 of 450 steps" in texts
    assert "64 of 100 units" in texts
    assert view.output.shape == (450, 100)
    assert len(view.scene["gate_values"]) == 400 * 3 * 64 * 4
    assert len(view.scene["weights"]["hh"]) == 3 * 64 * 100 * 4  # sums are whole


def test_a_large_module_has_the_input_gradient_of_the_selected_unit_only():
    module = nn.LSTM(8, 64)
    x = torch.randn(150, 8)
    view = dlviz.unroll(module, x, unit=5)
    assert view.scene["input_grad"]["units"] == [5]
    view.unit = 9
    assert view.scene["input_grad"]["units"] == [9]
    table = array(view.scene["input_grad"]["norms"], 150, 150)
    view.step = 80
    assert torch.allclose(table[80], view.input_gradient.norm(dim=1), atol=1e-7)


def test_a_note_names_dropout_in_training_mode():
    module, x = module_and_input(num_layers=2, dropout=0.3)
    view = dlviz.unroll(module, x)
    assert any("drops 0.3" in note["text"] for note in view.scene["notes"])
    assert module.training
    module.eval()
    assert torch.allclose(view.output, module(x)[0].detach(), atol=1e-6)
    view.update()
    assert view.scene["notes"] == []


def test_a_note_names_a_nonfinite_state():
    module, x = module_and_input("RNN", nonlinearity="relu")
    x[4, 0] = float("nan")
    view = dlviz.unroll(module, x)
    assert any("place 4" in note["text"] for note in view.scene["notes"])
    json.dumps(view.to_html()[:10])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda view: setattr(view, "layer", 2), "there are 1"),
        (lambda view: setattr(view, "unit", 6), "there are 6 units"),
        (lambda view: setattr(view, "sequence", 1), "1 sequences"),
        (lambda view: setattr(view, "text", "abc"), "encode="),
        (lambda view: view.zero("r"), "the gates of this LSTM: i, f, g, o"),
        (lambda view: view.zero("f", 6), "zeroed"),
        (lambda view: view.set_h0(float("nan"), 0), "finite"),
        (lambda view: view.set_h0(torch.zeros(5)), r"shape \(6,\), but got shape \(5,\)"),
        (lambda view: view.set_c0(1.0, 7), "initial_state"),
        (lambda view: setattr(view, "clip", 0.0), "above 0"),
        (lambda view: setattr(view, "forget_bias", float("nan")), "finite number"),
    ],
)
def test_errors_name_the_invalid_argument(change, words):
    module, x = module_and_input()
    view = dlviz.unroll(module, x)
    with pytest.raises(DlvizError, match=words):
        change(view)


def test_edits_that_only_another_kind_has_are_refused():
    rnn = dlviz.unroll(*module_and_input("RNN"))
    with pytest.raises(DlvizError, match="of this RNN: none"):
        rnn.zero("f")
    with pytest.raises(DlvizError, match="this is GRU"):
        dlviz.unroll(*module_and_input("GRU")).forget_bias = 1.0
    with pytest.raises(DlvizError, match="the states of this RNN: h"):
        rnn.set_c0(1.0, 0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dlviz.unroll(nn.RNN(4, 6), "abc"), "needs encode="),
        (lambda: dlviz.unroll(nn.RNN(4, 6), torch.zeros(3, 4), tokens="ab"), "3 steps, but tokens names 2"),
        (lambda: dlviz.unroll(nn.RNN(4, 6), torch.zeros(3, 2, 4), tokens=[["a"] * 3]), "holds 1 lists"),
        (lambda: dlviz.unroll(nn.RNN(4, 6), "abc", encode=encode), r"\(T, 4\), but gave \(3, 27\)"),
        (lambda: dlviz.unroll(nn.RNN(4, 6), torch.zeros(3, 4), sequence=3), "1 sequences"),
    ],
)
def test_invalid_calls_raise_at_once(call, words):
    with pytest.raises(DlvizError, match=words):
        call()


def test_an_unknown_argument_is_refused():
    with pytest.raises(TypeError, match="leyar"):
        dlviz.unroll(*module_and_input(), leyar=1)


def test_projections_have_no_input_gradient_beyond_their_size():
    torch.manual_seed(0)
    view = dlviz.unroll(nn.LSTM(4, 6, proj_size=2).double(), torch.randn(5, 4).double(), unit=4)
    with pytest.raises(DlvizError, match="leaves 2 numbers of h, but unit is 4"):
        _ = view.input_gradient
    view.unit = 1
    assert view.input_gradient.shape == (5, 4)
    assert view.states["h"].shape == (5, 2)


def test_the_module_and_the_global_state_stay_unchanged():
    module, x = module_and_input(num_layers=2, dropout=0.5)
    module(x)[0].sum().backward()
    before, grads = copy.deepcopy(module.state_dict()), [p.grad.clone() for p in module.parameters()]
    random = torch.get_rng_state()
    view = dlviz.unroll(module, x, tokens=range(9))
    view.zero("o")
    view.forget_bias = 1.0
    view.update()
    view.to_html()
    assert torch.equal(torch.get_rng_state(), random)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(torch.equal(p.grad, grad) for p, grad in zip(module.parameters(), grads, strict=True))
    assert not module._forward_hooks


def test_a_closed_widget_releases_its_tensors():
    module, x = module_and_input()
    view = dlviz.unroll(module, x)
    gone = weakref.ref(module)
    view.close()
    del module
    gc.collect()
    assert gone() is None
    assert repr(view) == "dlviz.unroll(closed)"
    with pytest.raises(DlvizError, match="closed"):
        _ = view.output
    with pytest.raises(DlvizError, match="closed"):
        view.update()
    view.unit = 3
    view.threshold = 0.5


def test_the_repr_is_stable_and_the_scene_can_be_sent():
    lstm, x = module_and_input()
    view = dlviz.unroll(lstm, x, tokens="abcdefghi")
    assert repr(view) == "dlviz.unroll(lstm: LSTM over 9 steps)"
    assert view.scene["signature"] == "lstm = LSTM(4, 6) · 9 steps"
    flat = {k: v for k, v in view.scene.items() if isinstance(v, (str, int, list, type(None)))}
    json.dumps(flat, allow_nan=False)
    assert "a b c d e f g h i" in view.scene["summary"]


def test_the_still_picture_shows_tokens_states_and_memory():
    module, x = module_and_input()
    view = dlviz.unroll(module, x, tokens=["<b>", *"bcdefghi"])
    svg = view._still()
    assert "&lt;b&gt;" in svg
    assert "<b>" not in svg
    assert ">c</text>" in svg
    assert "lag 8" in svg
    assert ">1</text>" in svg
    assert ">1e" not in svg
    assert view.scene["summary"].replace("<", "&lt;").replace(">", "&gt;") in svg
    assert dlviz.unroll(*module_and_input(steps=300), theme="dark")._still().count("<path") < 200


def test_a_page_carries_other_layers_gates_and_biases():
    module, x = module_and_input(num_layers=2)
    frames = dlviz.unroll(module, x)._precomputed()
    assert list(frames["layer"]) == ["0", "1"]
    assert list(frames["zeroed"]) == ["[]", *(f'[[0, "{gate}", -1]]' for gate in "ifgo")]
    zeroed = frames["zeroed"]['[[0, "f", -1]]']()["scene"]
    assert (array(zeroed["gate_values"], 9, 4, 6)[:, 1] == 0).all()
    assert array(frames["layer"]["1"]()["scene"]["h"], 9, 6).equal(record(module, x).layers[1].h)
    assert set(frames["forget_bias"]) == {"0.0", "1.0", "2.0", "3.0", "4.0", "-1.0", "-2.0"}


def test_a_page_computes_only_the_pictures_that_it_has_room_for(monkeypatch):
    module = nn.LSTM(8, 64)
    view = dlviz.unroll(module, torch.randn(150, 8))
    drawn = []
    scene_of = widget.scene
    monkeypatch.setattr(widget, "scene", lambda *given: drawn.append(given) or scene_of(*given))
    kept = payload(view.to_html())["state"]["precomputed"]
    held = sum(len(values) for values in kept.values())
    # The first value of each control is the drawn picture itself, but one picture of each may turn out too large.
    assert len(drawn) <= held
    assert len(kept["zeroed"]) > 1


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_a_sample_of_steps_and_a_row_have_the_numbers_of_the_whole_table(kind, bidirectional, layer, monkeypatch):
    module, x = module_and_input(kind, steps=30, num_layers=2 if bidirectional else 4, bidirectional=bidirectional)
    made = record(module.double(), x.double())
    whole = input_grad_norms(made, layer, range(6)).float()
    monkeypatch.setattr(drawn_gradients, "MAX_STEPS", 20)
    all_units = drawn_gradients.input_grad(made, layer, 2)
    assert torch.allclose(torch.from_numpy(all_units["norms"]), whole[:20, :, :20])
    row = drawn_gradients.input_grad(made, layer, 2, 7)
    assert torch.allclose(torch.from_numpy(row["norms"])[0, 0], whole[7, 2, :20])
    monkeypatch.setattr(drawn_gradients, "_ALL_UNITS_LIMIT", 0)
    monkeypatch.setattr(
        drawn_gradients,
        "_MAX_MULTIPLICATIONS",
        5 * work_per_row(first_steps(made, layer, 20), layer),
    )
    sample = drawn_gradients.input_grad(made, layer, 2)
    assert sample["positions"] == [0, 5, 10, 14, 19]
    assert torch.allclose(torch.from_numpy(sample["norms"])[:, 0], whole[sample["positions"], 2, :20])


def test_a_large_module_computes_a_sample_of_steps_says_so_and_opens_the_others(monkeypatch):
    monkeypatch.setattr(drawn_gradients, "_MAX_MULTIPLICATIONS", 10_000_000)
    view = dlviz.unroll(nn.LSTM(8, 64), torch.randn(150, 8), unit=5)
    positions = view.scene["input_grad"]["positions"]
    assert positions == [0, 74, 149]
    assert any("3 of 150 steps" in note["text"] for note in view.scene["notes"])
    assert view.input_grad_row == {}
    view.step = 80
    row = array(view.input_grad_row["norms"], 150)
    assert view.input_grad_row["positions"] == [80]
    assert torch.allclose(row, view.input_gradient.norm(dim=1), atol=1e-7)
    view.unit = 9
    assert view.input_grad_row["units"] == [9]


def test_the_norm_by_lag_of_a_large_module_is_an_estimate_and_says_so(monkeypatch):
    torch.manual_seed(0)
    module, x = nn.LSTM(8, 200), torch.randn(20, 8)
    exact = dlviz.unroll(module, x).grad_norm_by_lag
    monkeypatch.setattr(drawn_gradients, "_MAX_MULTIPLICATIONS", 60 * 20 * 800 * 208)
    view = dlviz.unroll(module, x)
    assert any("estimate from 60 of 200 units" in note["text"] for note in view.scene["notes"])
    drawn = array(view.scene["history"]["current"], 20, kind="float64").float()
    assert (drawn / exact - 1).abs().max() < 0.3
    assert not torch.equal(drawn, exact)
    assert torch.equal(view.grad_norm_by_lag, exact)


def test_the_player_of_a_long_backward_layer_begins_at_the_last_drawn_step():
    view = dlviz.unroll(nn.GRU(3, 4, bidirectional=True), torch.randn(450, 3), layer=1)
    assert view.position == 399
    view.step = 399
    assert view.position == 0


def test_update_takes_snapshots_inside_a_live_run():
    module, x = module_and_input(steps=5)
    view, run = dlviz.unroll(module, x), dlviz.live()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in run.steps(range(3)):
        optimizer.zero_grad()
        loss = module(x)[0][-1].square().sum()
        loss.backward()
        view.update()
        optimizer.step()
        run.log(loss=loss)
    assert len(view.scene["history"]["norm_labels"]) == 3


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_output_of_a_cell_has_the_shape_of_torchs(kind):
    torch.manual_seed(0)
    cell, x = getattr(nn, f"{kind}Cell")(4, 10), torch.randn(5, 3, 4)

    def h(given):
        state = cell(given)
        return (state[0] if kind == "LSTM" else state).detach()

    alone = dlviz.unroll(cell, x[0, 0])
    assert alone.output.shape == (10,)
    assert torch.allclose(alone.output, h(x[0, 0]), atol=1e-6)
    assert alone.states["h"].shape == (1, 10)
    assert "<!doctype html>" in alone.to_html()
    batch = dlviz.unroll(cell, x[0], sequence=2)
    assert torch.allclose(batch.output, h(x[0])[2], atol=1e-6)
    assert dlviz.unroll(cell, x).output.shape == (5, 10)
    assert dlviz.unroll(cell, x[:1]).output.shape == (1, 10)


def test_arrays_and_lists_are_data():
    module, x = module_and_input("LSTM")
    wide = x.double().numpy()
    h, c = np.zeros((1, 6)), [[0.5] * 6]
    view = dlviz.unroll(module, wide, (h, c))
    expected = module(x, (torch.zeros(1, 6), torch.full((1, 6), 0.5)))[0].detach()
    assert torch.allclose(view.output, expected, atol=1e-6)
    assert torch.allclose(dlviz.unroll(module, x.tolist()).output, module(x)[0].detach(), atol=1e-6)
    assert dlviz.unroll(nn.RNN(2, 3), [[0, 1], [1, 0]]).output.shape == (2, 3)
    view.set_h0(np.full(6, 0.25))
    assert view.initial_state[0][3] == 0.25


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.randn(3, 4).to("meta"), "meta tensor"),
        (torch.randn(3, 4).to_sparse(), "sparse tensor"),
        (torch.randn(3, 4).to(torch.complex64), "floating-point, but got torch.complex64"),
        ({"x": 1}, "got dict"),
        (None, "got NoneType"),
    ],
)
def test_an_input_that_cannot_be_read_is_refused(x, words):
    with pytest.raises(DlvizError, match=words) as raised:
        dlviz.unroll(nn.RNN(4, 3), x)
    assert "torch says" not in str(raised.value)


def test_an_encoder_that_is_no_function_is_refused():
    with pytest.raises(DlvizError, match="encode must be a function"):
        dlviz.unroll(nn.RNN(27, 6), "abc", encode=3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_numbers_that_are_not_finite_are_drawn(value, tmp_path):
    x = torch.randn(9, 4)
    x[4, 0] = value
    for kind in ("RNN", "LSTM", "GRU"):
        view = dlviz.unroll(getattr(nn, kind)(4, 6, **({"nonlinearity": "relu"} if kind == "RNN" else {})), x)
        assert not re.search(r'[ "](?:nan|inf)[",]', view._still())
        assert "<!doctype html>" in view.to_html()
        assert view.save(tmp_path / "a.png").exists()


def test_updates_wait_for_the_page_and_are_merged_while_numbers_and_snapshots_are_the_newest():
    module, x = module_and_input(steps=5)
    view = dlviz.unroll(module, x)
    view.update()
    view._on_drawn({"kind": "drawn", "from": "page", "update": view._update_number})
    view.update()
    drawn = view.scene
    for _ in range(3):
        with torch.no_grad():
            module.weight_hh_l0.mul_(0.5)
        view.update()
        assert torch.allclose(view.output, module(x)[0].detach(), atol=1e-6)
    assert view.scene is drawn  # the page has not drawn it yet
    assert len(view.snapshots) == 6
    view._on_drawn({"kind": "drawn", "from": "page", "update": view._update_number})
    assert torch.equal(array(view.scene["h"], 5, 6), view.states["h"])
    assert view.scene["history"]["label"] == "snapshot 5"


@pytest.mark.parametrize(
    ("name", "newer", "stale"),
    [
        ("step", 3, 5),
        ("unit", 1, 2),
        ("layer", 1, 0),
        ("sequence", 1, 0),
        ("forget_bias", 1.0, 2.0),
        ("zeroed", [[0, "f", -1]], []),
    ],
)
def test_a_value_that_the_page_sent_before_it_knew_pythons_newer_one_is_ignored(name, newer, stale):
    view = dlviz.unroll(nn.LSTM(4, 6, num_layers=2), torch.randn(9, 2, 4))
    seen = dict(view._written)
    setattr(view, name, newer)
    view.set_state({name: stale, "_seen": {name: seen.get(name, 0)}})
    assert getattr(view, name) == newer
    view.set_state({name: stale, "_seen": dict(view._written)})
    assert getattr(view, name) == stale
