"""A prediction is stored first and judged after; torch computes the true answer."""

import json

import pytest
import torch

from dlviz.exercises import NotAttempted, Wrong, predict, progress
from dlviz.exercises.catalog import items
from dlviz.exercises.prediction import Prediction
from dlviz.kit.messages import table

PREDICTIONS = {id: item for id, item in items().items() if isinstance(item, Prediction)}
ANSWERS = {
    "00.sum": 10,
    "01.broadcast": (3, 4),
    "01.column": (4, 4),
    "01.row": (1, 4),
    "01.first": (2,),
    "01.mask": (6,),
    "01.division": "float32",
    "01.numpy-bridge": "same",
    "02.transposed": (1, 3),
    "02.write": "changes",
    "02.flat-transpose": "error",
    "02.reshape": "copies",
    "02.expand": 0,
    "02.number": 6,
    "02.chained": "zero",
    "02.rows": 64,
    "03.paths": 7,
    "03.second-backward": "doubled",
    "03.moved": "same",
    "03.jacobian": (2, 2, 2, 2),
    "03.non-scalar": "error",
    "03.tracked-later": "no",
    "03.closer": "autograd",
    "03.module": "linear",
    "04.parameters": 2,
    "04.one-step": 2.6,
    "04.double": "more",
    "04.limit": 0.2,
    "04.integers": "dtype",
    "04.flat-y": "mean",
    "04.masked": "nan",
    "04.parabola": "yes",
    "06.third-reading": -135,
    "06.momentum-limit": "higher",
    "06.first-step": 0.1,
    "06.forgotten": "chance",
    "06.noise": "half",
    "06.decay": "small",
    "06.turned": "rmsprop",
    "06.tuned": "close",
    "05.stacked": "line",
    "05.corners": 6,
    "05.first-layer": "millionth",
    "05.shift": "same",
    "05.large-logits": "nan",
    "05.start": 2.3,
    "05.floor": 1.46,
    "05.zeros": "bias",
    "07.noise": "zero",
    "07.batches": 23,
    "07.order": "lower",
    "07.raw-outputs": "below",
    "07.eval": "lower",
    "07.never": 0.9,
    "07.rare": "15",
    "07.better": "open",
    "08.row": (3, 2, 1),
    "08.size": 12,
    "08.negative": -1,
    "08.parameters": 1216,
    "08.shifted": "half",
    "08.pooled-shift": "other",
    "08.receptive": 8,
    "08.line": "loss",
    "08.neighbor": "most",
    "08.clothes-moved": "fewer",
    "08.confused": "tops",
    "09.parameters": 416,
    "09.letter": "other",
    "09.half": "millionth",
    "09.recall": "plain",
    "09.sixty": "lstm",
    "09.bigram": "linear",
    "09.second": "error",
    "09.padded": "other",
    "10.rows": 2,
    "10.gaps": 1,
    "10.touched": 6,
    "10.pairs-only": "alike",
    "10.nearest": "the",
    "10.one-hot": 0,
    "10.order": "none",
    "10.new-product": "below",
    "10.projected": "left",
    "12.targets": 8,
    "12.order": "other",
    "12.depth": "billionth",
    "12.width": "4",
    "12.top-p": 2,
    "12.reads": 20100,
    "12.future": "bad",
    "13.wide": "copied",
    "13.linear": "same",
    "13.hole": "far",
    "13.sampled": "zero",
    "13.collapse": "mean",
    "13.larger": "more",
    "13.faint": "none",
    "11.shape": (3, 2),
    "11.peaked": "one",
    "11.convention": "later",
    "11.dead": "nan",
    "11.parameters": 16640,
    "11.permuted": "swapped",
    "11.same-output": "yes",
    "14.half": 1.39,
    "14.into-generator": "hinders",
    "14.added": "zero",
    "14.saturated": 99,
    "14.collapse": "few",
    "14.same-losses": "no",
    "14.best": 0.75,
    "15.std": "same",
    "15.last": "input",
    "15.loss": "small",
    "15.short": "sixty",
    "15.one-step": "mean",
    "15.unguided": "every",
    "15.copies": "copies",
    "16.saturated": 0,
    "16.white": "zero",
    "16.inverted": "paper",
    "16.swapped": "half",
    "16.first-day": "negative",
    "16.random": "alike",
    "16.retrained": "above",
    "17.where": "images",
    "17.early": 40,
    "17.bfloat16": 256,
    "17.zeros": "same",
    "17.eight": "same",
    "17.traced": "unchanged",
    "17.unequal": "small",
    "18.backward": "same",
    "18.twenty": "more",
    "18.trials": "grows",
    "18.twice": "surer",
    "18.member": "little",
    "18.blind": "errors",
    "18.energy": "30",
}

#: Their truths come from training: each takes more than a second, all but a tenth of the time of all predictions. The run of its lesson
#: confirms each of them too.
TRAINED = {
    "04.one-step",
    "06.forgotten",
    "09.bigram",
    "09.recall",
    "09.sixty",
    "13.collapse",
    "13.faint",
    "13.hole",
    "13.larger",
    "13.linear",
    "14.collapse",
    "14.same-losses",
    "16.retrained",
    "16.swapped",
    "16.white",
}


def slow_if_trained(id):
    return pytest.param(id, marks=pytest.mark.slow if id in TRAINED else ())


@pytest.mark.parametrize("id", [slow_if_trained(id) for id in PREDICTIONS])
def test_torch_confirms_the_answer_that_the_lesson_explains(id):
    result = predict(id, ANSWERS[id])
    assert result.passed
    assert table(f"exercises.{id}")["why"] in repr(result)


@pytest.mark.parametrize("id", [id for id, item in PREDICTIONS.items() if item.options])
def test_every_option_can_be_committed_and_only_one_is_right(id, monkeypatch, tmp_path):
    item = PREDICTIONS[id]
    assert set(table(item.key("options"))) == set(item.options)
    monkeypatch.setitem(vars(item), "_truth", ANSWERS[id])  # which the test above compares with torch
    for n, option in enumerate(item.options):
        monkeypatch.setenv("DLVIZ_PROGRESS", str(tmp_path / f"{n}.json"))
        assert predict(id, option).passed == (option == ANSWERS[id])


def test_a_question_shows_its_options_and_stores_nothing(progress_file):
    shown = repr(predict("03.second-backward", ...))
    assert "not attempted" in shown
    assert all(f'"{option}"' in shown for option in ("same", "doubled", "zero"))
    assert repr(predict("03.second-backward")) == shown
    assert not progress_file.exists()


def test_the_answer_is_stored_before_the_truth_is_computed(progress_file):
    seen = []

    def truth():
        seen.append(json.loads(progress_file.read_text())["predictions"]["00.sum"]["answer"])
        return 10

    assert Prediction(id="00.sum", truth=truth).commit(11).verdict == "wrong"
    assert seen == [11]


def test_the_first_answer_is_kept_and_counts_as_done_though_it_is_wrong(progress_file):
    assert progress().status["03.second-backward"] == "open"
    assert predict("03.second-backward", "same").verdict == "wrong"
    assert progress().status["03.second-backward"] == "done"
    second = predict("03.second-backward", "doubled")
    assert second.verdict == "right"
    assert 'before you saw the result, was "the same number as before"' in repr(second)
    assert progress().status["03.second-backward"] == "done"
    assert json.loads(progress_file.read_text())["predictions"]["03.second-backward"]["answer"] == "same"
    assert "before you saw the result" not in repr(predict("03.second-backward", "same"))


def test_a_later_wrong_answer_is_wrong_and_what_is_done_stays_done():
    assert predict("03.second-backward", "doubled").passed
    later = predict("03.second-backward", "zero")
    assert later.verdict == "wrong"
    assert 'before you saw the result, was "twice that number"' in repr(later)
    assert progress().status["03.second-backward"] == "done"


def test_only_a_right_prediction_is_true():
    assert not predict("03.second-backward")
    assert not predict("03.second-backward", "perhaps")
    assert not predict("03.second-backward", "same")
    assert float(predict("03.second-backward", "zero")) == float(predict("03.second-backward", ...)) == 0
    assert predict("03.second-backward", "doubled")
    assert float(predict("03.second-backward", "doubled")) == 1


def test_the_truth_is_computed_not_stored():
    assert Prediction(id="00.sum", truth=lambda: torch.tensor(3.5)).commit(3.5).passed


@pytest.mark.parametrize("answer", [7, 7.0, torch.tensor(7.0), "7", "14/2", "700 %"])
def test_a_number_may_have_any_numeric_type(answer):
    assert predict("03.paths", answer).passed


@pytest.mark.parametrize(("id", "answer"), [("03.paths", 6.999), ("03.paths", 7.001), ("12.reads", 20_099)])
def test_a_count_is_right_only_if_it_is_exact(id, answer):
    assert predict(id, answer).verdict == "wrong"
    assert predict("12.reads", "20,100").passed


def test_what_cannot_be_read_is_shown():
    assert "but got 'about 3'" in predict("03.paths", "about 3").message


def test_an_answer_that_is_right_up_to_rounding_stands_beside_what_torch_computes():
    third = Prediction(id="00.sum", truth=lambda: 1 / 3)
    assert "You predicted 0.3333, which is right: torch computes 0.333333." in repr(third.commit(0.3333))
    half = Prediction(id="01.column", truth=lambda: 1 / 2)
    assert "You predicted 0.5, and that is what torch computes." in repr(half.commit(0.5))


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("02.chained", 0),
        ("02.chained", "seven"),
        ("03.tracked-later", True),
        ("01.division", torch.float32),
        ("01.division", " Float32"),
        ("03.second-backward", "Twice that number"),
        ("10.projected", True),
        ("10.order", "No"),
        ("18.energy", "30%"),
    ],
)
def test_an_option_may_be_given_by_its_name_or_its_text_and_as_a_value(id, answer):
    assert predict(id, answer).verdict != "not attempted"
    assert predict(id, "perhaps").verdict == predict(id, [answer]).verdict == "not attempted"


@pytest.mark.parametrize("place", [2, "2"])
def test_an_option_in_words_may_be_given_by_its_place_in_the_list(place):
    assert predict("07.order", place).card() == predict("07.order", "same").card()
    for other in (0, 4, 2.0, [2]):
        assert predict("07.order", other).verdict == "not attempted"
    assert predict("12.width", 3).verdict == "not attempted"  # its options are numbers: 2, 4 and 8 times


def test_no_answer_is_not_the_option_none():
    assert PREDICTIONS["08.line"].answered() == {}
    assert predict("08.line", None).card().rows  # the question


@pytest.mark.parametrize(
    "answer",
    [
        [2, 2, 2, 2],
        torch.Size([2, 2, 2, 2]),
        (2.0, 2.0, 2.0, 2.0),
        torch.tensor([2, 2, 2, 2]),
        "2x2x2 x 2",
        "torch.Size([2, 2, 2, 2])",
    ],
)
def test_a_shape_may_be_any_sequence(answer):
    assert predict("03.jacobian", answer).passed
    assert "(2, 2, 2, 2)" in repr(predict("03.jacobian", answer))


@pytest.mark.parametrize("id", ["05.start", "05.floor", "14.half"])
def test_more_digits_than_were_asked_for_are_right(id, progress_file):
    longer = {"05.start": 2.3026, "05.floor": 1.4612, "14.half": 1.3863}[id]
    assert predict(id, longer).passed
    assert not predict(id, ANSWERS[id] + 0.02).passed


def test_only_the_questions_that_ask_for_a_shape_have_one_as_their_answer():
    asked = {id for id, item in PREDICTIONS.items() if item.is_shape}
    assert asked == {id for id, answer in ANSWERS.items() if isinstance(answer, tuple)}


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("03.paths", float("inf")),
        ("03.paths", float("nan")),
        ("03.paths", (2, 3)),
        ("03.jacobian", 16),
        ("03.jacobian", (2.5, 2.0)),
        ("03.jacobian", (float("nan"),)),
        ("03.moved", "perhaps"),
        ("03.moved", 5),
        ("03.paths", "seven"),
        ("03.paths", True),
        ("03.paths", {}),
    ],
)
def test_an_answer_that_does_not_fit_is_explained_and_not_stored(id, answer, progress_file):
    result = predict(id, answer)
    assert result.verdict == "not attempted"
    assert "Nothing was stored" in result.message
    assert not progress_file.exists()


def test_computing_the_truth_does_not_change_the_learners_random_generators():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    predict("03.jacobian", (2, 2))
    assert torch.rand(1) == expected


def test_strict_raises_for_a_missing_and_for_a_wrong_prediction(monkeypatch):
    monkeypatch.setenv("DLVIZ_STRICT", "1")
    with pytest.raises(NotAttempted):
        predict("03.moved")
    with pytest.raises(NotAttempted):
        predict("03.moved", "perhaps")
    assert predict("03.moved", "same").passed
    with pytest.raises(Wrong):
        predict("03.paths", 12)


def asked(id):
    """Return the widget of a question, and a function that sends it a message from its view."""
    card = items()[id].widget()
    return card, lambda **content: card._handle_custom_msg(content, [])


def test_the_widget_stores_the_first_answer_and_shows_the_truth(progress_file):
    card, send = asked("03.second-backward")
    assert card.result == {}
    send(kind="commit", answer="same")
    assert (card.result["given"], card.result["truth"], card.result["right"]) == ("same", "doubled", False)
    assert card.result["why"] == table("exercises.03.second-backward")["why"]
    assert progress().status["03.second-backward"] == "done"
    again, _ = asked("03.second-backward")
    assert (again.result["given"], again.result["right"]) == ("same", False)


@pytest.mark.parametrize("answer", ["nonsense", 9, None, [1], {"a": 1}, True])
def test_the_widget_ignores_what_is_no_answer(answer, progress_file):
    card, send = asked("03.second-backward")
    send(kind="commit", answer=answer)
    assert card.result == {}
    assert not progress_file.exists()


def test_show_me_shows_the_truth_and_stores_nothing(progress_file):
    card, send = asked("03.second-backward")
    send(kind="show")
    assert (card.result["given"], card.result["truth"]) == (None, "doubled")
    assert not progress_file.exists()


def test_the_bar_of_a_lesson_follows_its_progress(progress_file, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    bar = progress("00").widget()
    assert [item["status"] for item in bar.scene["items"]] == ["open", "open"]
    assert bar.scene["next"] == bar.scene["items"][0]["id"]
    predict("00.sum", 3)
    assert {item["id"]: item["status"] for item in bar.scene["items"]}["00.sum"] == "done"
    bar._handle_custom_msg({"kind": "export"}, [])
    assert (tmp_path / bar.exported["file"]).is_file()
