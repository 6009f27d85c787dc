"""Continuations of a language model, compared with a plain loop in torch; the model stays as it was."""

import math
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from dlviz.generation import Settings, record, uniform_numbers
from dlviz.generation.tokenizer import Tokenizer
from dlviz.kit.errors import DlvizError
from tests.generation.models import LETTERS, decode, encode, gpt, table


def plain_loop(model, ids, steps, temperature, numbers):
    """Generate as in a textbook, without anything of dlviz."""
    model = model.eval()
    for t in range(steps):
        with torch.no_grad():
            probs = (model(torch.tensor([ids]))[0, -1] / temperature).softmax(0)
        values, order = probs.sort(descending=True, stable=True)
        chosen = torch.searchsorted(values.cumsum(0), numbers[t] * values.sum(), right=True)
        ids = [*ids, int(order[chosen])]
    return ids


@pytest.mark.parametrize("seed", range(5))
def test_the_tokens_are_those_of_a_plain_loop(seed):
    model = gpt(seed, size=15)
    found = record(model, [1, 2], settings=Settings(0.9), steps=20, seed=seed, continuations=2)
    for k, one in enumerate(found.continuations):
        assert one.ids == plain_loop(model, [1, 2], 20, 0.9, uniform_numbers(seed, k, 20))


def test_greedy_tokens_are_the_argmax():
    model = gpt().eval()
    ids = record(model, "the ", encode=encode, settings=Settings(greedy=True), steps=12).continuations[0].ids
    for t in range(4, 16):
        assert ids[t] == model(torch.tensor([ids[:t]]))[0, -1].argmax()


def test_each_step_holds_the_logits_of_the_model_and_the_log_probability_of_its_token():
    model = gpt().eval()
    found = record(model, "ab", encode=encode, decode=decode, settings=Settings(0.5, 5, 0.9), steps=6)
    (one,) = found.continuations
    total = 0.0
    for t, step in enumerate(one.steps):
        expected = model(torch.tensor([one.ids[: 2 + t]]))[0, -1]
        torch.testing.assert_close(step.logits, expected, rtol=0, atol=1e-12)
        assert step.prob == step.stages.probs[step.token]
        total += expected.log_softmax(0)[step.token].item()
    assert one.log_prob == pytest.approx(total)
    assert one.perplexity == pytest.approx(math.exp(-total / 6))
    assert found.texts == (decode(one.ids),)


def test_a_continuation_depends_neither_on_how_many_there_are_nor_on_how_long_they_are():
    model = gpt()
    one = record(model, [0], steps=5).continuations[0].ids
    three = record(model, [0], steps=9, continuations=3).continuations
    assert three[0].ids[:6] == one
    assert len({tuple(each.ids) for each in three}) == 3
    assert record(model, [0], steps=5, seed=1).continuations[0].ids != one


def test_the_rows_and_the_sums_over_the_others_add_up():
    for settings in (Settings(), Settings(0.5, 25), Settings(2.0, 0, 0.5), Settings(greedy=True)):
        for step in record(gpt(), [0], settings=settings, steps=4).continuations[0].steps:
            rows, found = step.rows, step.stages
            assert rows.probs.sum().item() + rows.others_prob == pytest.approx(1)
            assert rows.softmax.sum().item() + rows.others_softmax == pytest.approx(1)
            assert rows.others == len(LETTERS) - len(rows.ids)
            assert rows.kept == ((found.after_top_k > -torch.inf).sum(), (found.probs > 0).sum())
            assert torch.equal(rows.cuts == 0, rows.probs > 0)


def test_only_the_last_ids_are_read_where_the_context_is_shorter():
    lengths = []

    def model(ids):
        lengths.append(ids.shape[1])
        return torch.zeros(3)

    record(model, [0, 1, 2], steps=4, context=5)
    assert lengths == [3, 4, 5, 5]
    long = record(gpt(context=8), [0, 1, 2], steps=20, context=8).continuations[0]
    assert len(long.generated) == 20


LOGITS = torch.tensor([0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    "returns",
    [
        lambda ids: LOGITS,
        lambda ids: LOGITS[None],
        lambda ids: LOGITS.expand(1, ids.shape[1], 3),
        lambda ids: LOGITS.expand(ids.shape[1], 3),
        lambda ids: LOGITS[None, None],
        lambda ids: SimpleNamespace(logits=LOGITS.expand(1, ids.shape[1], 3), past_key_values=None),
        lambda ids: {"logits": LOGITS[None]},
        lambda ids: (LOGITS.expand(1, ids.shape[1], 3), None),
        lambda ids: LOGITS.half(),
        lambda ids: LOGITS.numpy(),
        lambda ids: LOGITS.tolist(),
    ],
    ids=["V", "1 V", "1 T V", "T V", "1 1 V", "object", "mapping", "tuple", "half", "array", "list"],
)
def test_logits_are_found_in_what_the_model_returns(returns):
    step = record(returns, [0, 1], steps=1).continuations[0].steps[0]
    assert step.logits.dtype == torch.float32
    assert step.logits.tolist() == LOGITS.tolist()


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [([1, 2], [1, 2]), (torch.tensor([[1, 2]]), [1, 2]), (torch.tensor([1, 2]).numpy(), [1, 2]), ((2,), [2])],
    ids=["list", "batch of one", "array", "tuple"],
)
def test_a_prompt_of_ids_in_any_form(prompt, expected):
    assert list(record(table(0.0, 0.0, 0.0), prompt, steps=1).continuations[0].prompt) == expected


class Tokens:
    """A tokenizer as libraries write it."""

    def encode(self, text):
        return SimpleNamespace(ids=encode(text))

    def decode(self, ids):
        return decode(ids)


def test_signs_that_turn_the_direction_of_writing_are_shown_in_the_names_of_tokens():
    tokenizer = Tokenizer(None, lambda ids: "".join("\u202eא"[i] for i in ids))
    assert tokenizer.names([0, 1]) == {0: "⟨202E⟩", 1: "א"}
    assert tokenizer.text([0]) == "\u202e"


def test_a_tokenizer_object_serves_for_both_directions():
    for name in ("encode", "decode"):
        assert record(gpt(), "ab", steps=2, **{name: Tokens()}).texts[0].startswith("ab")
    assert record(gpt(), "ab", encode=lambda text: {"input_ids": encode(text)}, steps=1).continuations[0].prompt == (
        0,
        1,
    )


def test_a_model_in_training_runs_in_eval_mode_and_stays_in_training():
    model = gpt().train()
    model.dropout.eval()
    modes = [module.training for module in model.modules()]
    assert set(modes) == {True, False}
    state = torch.get_rng_state()
    dropped = record(model, [0, 1], steps=5).continuations[0]
    assert [module.training for module in model.modules()] == modes
    again = record(model.eval(), [0, 1], steps=5).continuations[0]
    assert torch.equal(dropped.steps[-1].logits, again.steps[-1].logits)
    assert torch.equal(torch.get_rng_state(), state)


class Counting(nn.Module):
    """A model that writes into its buffer and draws random numbers when it is called."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.weight = nn.Parameter(torch.zeros(4))
        self.drop = nn.Dropout(0.5)

    def forward(self, ids):
        self.calls += 1
        return self.drop(self.weight + torch.rand(4))


def test_a_model_behind_a_function_is_left_as_it_was():
    class Holder:
        net = Counting()

    holder, model = Holder(), Counting()
    holder.net = Counting()
    functions = [model, lambda ids: model(ids), model.forward, partial(model), lambda ids: holder.net(ids)]
    state = torch.get_rng_state()
    for function in functions:
        record(function, [0], steps=3)
    assert model.calls == 0
    assert holder.net.calls == 0
    assert model.training
    assert model.drop.training
    assert holder.net.drop.training
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_without_a_distribution_end_the_continuation(bad):
    def model(ids):
        return torch.tensor([0.0, bad if ids.shape[1] > 3 else 1.0, 0.5])

    one = record(model, [0], steps=10).continuations[0]
    assert one.has_ended
    assert len(one.generated) == 3
    assert len(one.steps) == 4
    assert one.steps[-1].draw is None
    assert one.steps[-1].token == -1
    assert math.isfinite(one.perplexity)


def test_tokens_that_the_model_forbids_are_never_drawn():
    one = record(table(0.0, -torch.inf, 0.0), [0], steps=50).continuations[0]
    assert set(one.generated) == {0, 2}
    assert record(table(*[-torch.inf] * 3), [0], steps=5).continuations[0].has_ended


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: record(3, [0]), "model must be a callable"),
        (lambda: record(table(0.0, 1.0), []), "prompt is empty"),
        (lambda: record(table(0.0, 1.0), "", encode=encode), "prompt is empty"),
        (lambda: record(table(0.0, 1.0), "ab"), "there is no encode"),
        (lambda: record(table(0.0, 1.0), [0.5]), "ids as whole numbers"),
        (lambda: record(table(0.0, 1.0), [[0], [1]]), r"ids of one text.*\(2, 1\)"),
        (lambda: record(table(0.0, 1.0), [-1]), "holds the id -1"),
        (lambda: record(table(0.0, 1.0), [7]), "id 7 is outside the vocabulary: .* 0 to 1"),
        (lambda: record(nn.Embedding(3, 3), [7]), "largest 7: IndexError: index out of range in self"),
        (lambda: record(gpt(context=8), [0, 1], steps=20), r"ids of shape \(1, 9\).* pass context=8"),
        (lambda: record(lambda ids: torch.zeros(2, 3, 4), [0]), r"returned shape \(2, 3, 4\)"),
        (lambda: record(lambda ids: torch.zeros(1, 5, 4), [0, 1]), r"returned shape \(1, 5, 4\)"),
        (lambda: record(lambda ids: ids, [0]), "logits of floating point"),
        (lambda: record(lambda ids: None, [0]), "returned NoneType"),
        (lambda: record(lambda ids: torch.zeros(ids.shape[1] + 2), [0]), "for 3 tokens, and then for 4"),
        (lambda: record(table(0.0, 1.0), "a", encode=lambda text: 1 / 0), "encode raised on 'a'. ZeroDivisionError"),
        (lambda: record(table(0.0, 1.0), [0], decode=lambda ids: 3), "decode must return a text"),
        (lambda: record(table(0.0, 1.0), [0], steps=0), "steps must be a whole number from 1 to 1000, but got 0"),
        (lambda: record(table(0.0, 1.0), [0], continuations=9), "from 1 to 8, but got 9"),
        (lambda: record(table(0.0, 1.0), [0], context=0), "context must be"),
        (lambda: record(table(0.0, 1.0), [0], seed=-1), "seed must be"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_an_error_names_the_argument(call, words):
    with pytest.raises(DlvizError, match=words):
        call()
