"""`dlviz.generate` from Python: what it shows is torch's, settings act from the current step on, a page replays and re-draws."""

import json
import math
from collections import UserDict
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

import dlviz
from dlviz.generation import Settings, record
from dlviz.generation.record import MAX_CONTINUATIONS, MAX_STEPS
from dlviz.kit.errors import DlvizError
from dlviz.kit.page import to_json
from tests.generation.models import LETTERS, decode, encode, gpt, table
from tests.kit.test_page import payload

TABLE = nn.Embedding(5, 5)


def view_of(model=None, prompt="the ", **options):
    return dlviz.generate(model or gpt(), prompt, encode=encode, decode=decode, **{"steps": 12, **options})


def array(scene, name, kind="float32", index=0):
    one = scene["continuations"][index]
    return np.frombuffer(one[name], f"<{np.dtype(kind).str[1:]}").reshape(len(one["tokens"]), -1)


def test_python_can_ask_for_everything_that_is_shown():
    model = gpt().eval()
    view = view_of(model, step=3, temperature=0.8, top_k=5)
    (one,) = view.continuations
    assert repr(view) == "dlviz.generate(model: 4 + 12 tokens)"
    assert view.ids == one.ids
    assert view.text == decode(one.ids)
    assert view.texts == [view.text]
    expected = model(torch.tensor([one.ids[:7]]))[0, -1].detach()
    torch.testing.assert_close(view.logits, expected, rtol=0, atol=1e-12)
    kept = expected.topk(5).indices
    probs = torch.zeros(len(LETTERS), dtype=torch.float64)
    probs[kept] = (expected[kept] / 0.8).softmax(0)
    torch.testing.assert_close(view.probs, probs)


def test_the_scene_holds_the_numbers_of_the_record():
    view = view_of(continuations=2, temperature=0.7, top_p=0.9)
    for k, one in enumerate(view.continuations):
        assert view.scene["continuations"][k]["tokens"] == one.generated
        ids = array(view.scene, "ids", "int32", k)
        for t, step in enumerate(one.steps):
            found = step.stages
            order = torch.tensor(ids[t].tolist())
            for name in ("logits", "scaled", "softmax", "probs"):
                assert array(view.scene, name, index=k)[t].tolist() == getattr(found, name)[order].float().tolist()
        numbers = view.scene["continuations"][k]["numbers"]
        assert np.frombuffer(numbers["u"]).tolist() == [step.u for step in one.steps]
        assert np.frombuffer(numbers["prob"]).tolist() == [step.prob for step in one.steps]


def test_a_setting_acts_from_the_current_step_on():
    view = view_of(step=5, continuations=2)
    before = [one.generated for one in view.continuations]
    view.temperature = 3.0
    for k, one in enumerate(view.continuations):
        assert one.generated[:5] == before[k][:5]
        assert [step.settings.temperature for step in one.steps] == [1.0] * 5 + [3.0] * 7
    assert [one.generated for one in view.continuations] != before
    # The same uniform numbers, other probabilities.
    assert [step.u for step in view.continuations[0].steps] == [step.u for step in view_of().continuations[0].steps]


def test_the_current_step_is_drawn_again_without_calling_the_model():
    calls = []
    model = gpt()

    def counted(ids):
        calls.append(ids)
        return model(ids)

    view = view_of(counted, step=4)
    calls.clear()
    for value in (0.5, 0.4, 0.3):
        view.temperature = value
    assert calls == []
    assert view.scene["pending"]
    assert len(view.scene["continuations"][0]["tokens"]) == 5
    assert len(view.text) == 16  # what is missing is generated when it is asked for
    assert len(calls) == 7
    assert not view.scene["pending"]


def test_at_step_0_all_is_as_if_it_had_been_made_with_that_setting():
    view = view_of()
    for name, value in (("temperature", 0.5), ("top_k", 3), ("top_p", 0.6), ("seed", 4), ("greedy", True)):
        setattr(view, name, value)
    expected = record(gpt(), "the ", encode=encode, settings=Settings(0.5, 3, 0.6, True), seed=4, steps=12)
    assert view.ids == expected.continuations[0].ids


def test_a_chosen_token_is_followed_by_what_the_model_writes_after_it():
    view = view_of(step=2, continuations=2)
    before = [one.generated for one in view.continuations]
    view.choose("z")
    one = view.continuations[0]
    assert one.generated[:3] == [*before[0][:2], LETTERS.index("z")]
    assert one.steps[2].is_chosen
    assert one.steps[2].draw.token == before[0][2]
    assert view.continuations[1].generated == before[1]
    follows = record(gpt(), decode(one.ids[:7]), encode=encode, steps=1)
    torch.testing.assert_close(one.steps[3].logits, follows.continuations[0].steps[0].logits)
    view.reset()
    assert view.continuations[0].generated == before[0]


def test_a_token_that_does_not_exist_is_refused():
    view = view_of()
    for token, words in ((99, "outside the vocabulary"), ("the", "3 tokens"), (-1, "id -1 is outside"), (2.5, "whole")):
        with pytest.raises(DlvizError, match=words):
            view.choose(token)


def test_update_follows_the_model_in_training():
    model = gpt()
    view = view_of(model, greedy=True)
    with torch.no_grad():
        model.head.bias[LETTERS.index("q")] += 100
    view.update()
    assert view.text == "the " + "q" * 12
    assert view.scene["continuations"][0]["tokens"] == [LETTERS.index("q")] * 12


def test_an_update_that_waits_for_the_page_is_generated_when_it_is_asked_for():
    model = gpt()
    view = view_of(model, greedy=True)
    view._gate.opened("page")
    for letter in "qz":
        with torch.no_grad():
            model.head.bias[LETTERS.index(letter)] += 100 * (1 + (letter == "z"))
        view.update()
    view.temperature = 0.5  # before the page has answered
    assert view.text == "the " + "z" * 12


def test_messages_of_the_page_choose_continue_and_reset():
    view = view_of(step=1)
    before = view.ids
    view._on_choose({"kind": "choose", "id": 3})
    assert view.scene["pending"]
    while view.scene["pending"]:
        view._on_continue({"kind": "continue"})
    assert view.ids[5] == 3
    view._on_reset({"kind": "reset"})
    assert view.ids == before
    with pytest.raises(DlvizError):
        view._on_choose({"kind": "choose", "id": "x"})


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.0), ("top_p", 1.5), ("top_k", -2), ("continuation", 2)])
def test_a_refused_value_keeps_the_earlier_one(name, value):
    view = view_of(continuations=2)
    before = getattr(view, name)
    with pytest.raises(DlvizError, match=name):
        setattr(view, name, value)
    assert getattr(view, name) == before


def test_unknown_arguments_get_the_nearest_suggested():
    with pytest.raises(TypeError, match="Did you mean temperature"):
        view_of(temprature=2)


def test_a_page_holds_what_other_settings_generate():
    view = view_of(continuations=2, step=2)
    state = payload(view.to_html())["state"]
    assert set(state["precomputed"]) == {"temperature", "greedy", "top_k", "top_p", "seed"}
    for name, value in (("temperature", 0.5), ("greedy", True), ("top_k", 5), ("top_p", 0.9), ("seed", 1)):
        other = view_of(continuations=2, step=2)
        setattr(other, name, value)
        other.text  # noqa: B018 (generates the rest)
        kept = state["precomputed"][name][json.dumps(value)]["scene"]["continuations"]
        assert kept == json.loads(to_json(other.scene["continuations"]))


def test_a_page_of_a_large_model_precomputes_nothing():
    class Large(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(2**22))

        def forward(self, ids):
            return self.weight[:5]

    view = dlviz.generate(Large(), [0], steps=300)
    assert payload(view.to_html())["state"].get("precomputed") == {}


def test_a_page_holds_everything_even_if_a_setting_was_just_changed():
    view = view_of()
    view.temperature = 0.5
    state = payload(view.to_html())["state"]
    assert not state["scene"]["pending"]
    assert len(state["scene"]["continuations"][0]["tokens"]) == 12


def test_a_large_vocabulary_travels_as_its_top_and_sums():
    logits = torch.randn(50257, generator=torch.Generator().manual_seed(0))
    view = dlviz.generate(lambda ids: logits.roll(int(ids[0, -1])), [464], steps=100)
    assert view.probs.shape == (50257,)
    assert len(to_json(view.scene)) < 150_000
    torch.testing.assert_close(view.probs, logits.roll(464).softmax(0))


def test_a_long_text_fits_a_page_with_fewer_rows_and_the_same_sums():
    logits = torch.randn(60, generator=torch.Generator().manual_seed(0))
    view = dlviz.generate(lambda ids: logits, [0], steps=400, continuations=8)
    one = view.scene["continuations"][0]
    assert one["rows"] == 15
    assert len(to_json(view.scene)) < 2_500_000
    numbers = np.frombuffer(one["numbers"]["others_prob"])
    assert numbers[0] + array(view.scene, "probs")[0].sum() == pytest.approx(1)


def test_words_and_numbers_are_separated_and_letters_are_not():
    assert view_of().scene["separator"] == ""
    assert dlviz.generate(table(0.0, 1.0), [0], steps=2).scene["separator"] == " "
    words = ["the", "cat"]
    view = dlviz.generate(table(0.0, 1.0), [0], decode=lambda ids: " ".join(words[i] for i in ids), steps=2)
    assert view.scene["separator"] == " "


def test_the_notes_say_what_a_learner_has_to_know():
    def notes(view):
        return " ".join(note["text"] for note in view.scene["notes"])

    assert "training mode" in notes(view_of(gpt().train()))
    assert notes(view_of(gpt().eval())) == ""
    long = dlviz.generate(table(0.0, 1.0), [0] * 400, steps=2)
    assert "last 300 of 400" in notes(long)
    assert long.ids[:400] == [0] * 400
    nan = dlviz.generate(lambda ids: torch.full((4,), math.nan if ids.shape[1] > 2 else 0.0), [0], steps=9)
    assert "Continuation 1 ends after 3 tokens: 4 of 4 logits" in notes(nan)
    assert nan.logits.isnan().sum() == 0
    nan.step = 8
    assert nan.logits.isnan().all()


def test_the_badge_compares_the_cached_model():
    model = gpt()
    good = view_of(model, cached=model.step)
    assert good.scene["badge"]["kind"] == "good"
    assert good.cost.same_tokens == 12
    bad = view_of(model, cached=lambda ids, cache: (torch.zeros(len(LETTERS)), None))
    assert bad.scene["badge"]["kind"] == "bad"


def test_the_still_marks_the_drawn_token_in_both_themes():
    for theme in ("light", "dark"):
        view = view_of(step=3, theme=theme, top_k=4)
        root = ElementTree.fromstring(view._still())
        texts = ["".join(node.itertext()) for node in root.iter() if node.tag.endswith("text")]
        assert f"u = {view.continuations[0].steps[3].u:.4f}" in texts
        assert "∅" not in texts


def test_no_bar_of_the_still_leaves_the_picture():
    view = dlviz.generate(table(*[0.0] * 60), [0], steps=2)
    root = ElementTree.fromstring(view._still())
    bars = [node for node in root.iter() if node.tag.endswith("rect")]
    assert max(float(bar.get("x")) + float(bar.get("width")) for bar in bars) <= float(root.get("width"))


def test_limits_stand_in_the_message():
    for name, most in (("steps", MAX_STEPS), ("continuations", MAX_CONTINUATIONS)):
        with pytest.raises(DlvizError, match=f"from 1 to {most}, but got {most + 1}"):
            view_of(**{name: most + 1})


def test_a_closed_widget_says_so():
    view = view_of()
    view.close()
    for use in (lambda: view.text, lambda: view.probs, lambda: view.choose("a"), view.update):
        with pytest.raises(DlvizError, match="closed"):
            use()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda view: view.choose(None),
            "choose: token must be an id, which is a whole number, or a text that is one token, but got NoneType",
        ),
        (lambda view: view.choose(2**70), "but got 1180591620717411303424"),
        (lambda view: view.choose(1.5), "but got 1.5"),
        (lambda view: view.choose([1, 2]), "but got a list with other items"),
        (lambda view: view.choose("a"), "token is a text, 'a', but there is no encode"),
        (lambda view: view.choose(-1), "id -1 is outside"),
        (lambda view: setattr(view, "seed", 2**70), "seed"),
        (lambda _: dlviz.generate(TABLE, [1], seed=2**70), "from 0 to 2**53 − 1"),
        (lambda _: dlviz.generate(TABLE, [1, 2**70]), "but got a list with 1180591620717411303424"),
        (lambda _: dlviz.generate(TABLE, [1, "a"]), "but got a list with 'a'"),
        (lambda _: dlviz.generate(TABLE, {"ids": [1]}), "but got dict"),
    ],
)
def test_what_came_stands_in_the_message(call, text):
    view = dlviz.generate(TABLE, [1], steps=2)
    with pytest.raises(DlvizError) as refused:
        call(view)
    assert text in str(refused.value)
    assert view.seed == 0


def test_numbers_of_numpy_and_what_a_tokenizer_returns_are_taken():
    options = {"temperature": np.float32(0.5), "top_k": np.int64(3), "top_p": np.float32(0.9), "steps": np.int64(4)}
    view = dlviz.generate(TABLE, [1, 2], **options)
    assert (view.temperature, view.top_k, view.top_p) == (0.5, 3, float(np.float32(0.9)))
    view.top_p = np.float32(0.8)
    expected = dlviz.generate(TABLE, [1, 2], **options | {"top_p": float(np.float32(0.8))})
    assert view.ids == expected.ids
    encoded = UserDict(input_ids=torch.tensor([[1, 2]]), attention_mask=torch.ones(1, 2))
    assert dlviz.generate(TABLE, encoded, steps=1).ids[:2] == [1, 2]
    view.choose(np.int64(3))
    view.choose(torch.tensor(4))
    assert view.ids[2] == 4


def test_one_is_counted_in_the_singular():
    view = dlviz.generate(TABLE, [1], steps=1)
    assert repr(view).endswith("1 + 1 token)")
    assert "the model wrote 1 token:" in view.scene["summary"]
    assert "; 1 continuation in all" in view.scene["summary"]
    assert "2 continuations in all" in dlviz.generate(TABLE, [1], steps=1, continuations=2).scene["summary"]
