"""Work and memory with and without a key/value cache: counted by torch, checked by hand, and the cached model compared."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dlviz.generation import Settings, cache_cost, multiplications, record
from dlviz.generation.cache_cost import MAX_COUNTED
from dlviz.generation.next_token import NextToken
from dlviz.kit.errors import DlvizError
from tests.generation.models import GPT, LETTERS, gpt


def cost_of(model, cached, steps=10, prompt=(0, 1, 2), context=None, settings=None):
    found = record(model, list(prompt), steps=steps, context=context, settings=settings or Settings())
    source = NextToken(model, context, cached)
    with source.untouched():
        return cache_cost(source, found.continuations[0], cached)


def by_hand(read: int, attended: int, width: int = 16, layers: int = 2) -> int:
    """Return the multiply-adds of :class:`GPT` for reading some tokens, each of which is compared with all attended ones."""
    projections = read * width * 3 * width + read * width * width
    attention = 2 * read * attended * width
    return layers * (projections + attention) + read * width * len(LETTERS)


def test_the_counts_are_those_of_a_calculation_by_hand():
    cost = cost_of(gpt(), gpt().step)
    assert cost.steps == tuple(range(10))
    assert cost.lengths == tuple(range(3, 13))
    assert cost.uncached == tuple(by_hand(t, t) for t in range(3, 13))
    assert cost.cached == (by_hand(3, 3), *(by_hand(1, t) for t in range(4, 13)))


def test_the_cache_grows_by_one_token_a_step():
    cost = cost_of(gpt(), gpt().step)
    assert cost.bytes == tuple(2 * 2 * 16 * t * 8 for t in range(3, 13))  # two layers, keys and values, float64
    assert (cost.layers, cost.tensors, cost.shape) == (2, 4, (1, 2, 12, 8))


@pytest.mark.parametrize("settings", [Settings(), Settings(0.7, 5), Settings(1.2, 0, 0.8), Settings(greedy=True)])
def test_200_steps_with_the_cache_give_the_tokens_of_those_without(settings):
    torch.manual_seed(3)
    model = GPT(context=256)
    cost = cost_of(model, model.step, steps=200, settings=settings)
    assert cost.same_tokens == 200
    assert cost.max_error < 1e-5


def test_a_wrong_cache_is_found():
    model = gpt()

    def forgets_the_first(ids, cache):
        logits, kept = model.step(ids, cache)
        return logits, [(k[:, :, 1:], v[:, :, 1:]) for k, v in kept] if cache is None else kept

    assert cost_of(model, forgets_the_first).max_error > 1e-3


def test_at_most_so_many_lengths_are_counted_the_first_and_the_last_included():
    model = gpt(context=128)
    cost = cost_of(model, model.step, steps=100)
    assert len(cost.steps) == len(cost.uncached) == len(cost.cached) == MAX_COUNTED
    assert (cost.steps[0], cost.steps[-1], cost.lengths[-1]) == (0, 99, 102)
    assert cost.uncached == tuple(by_hand(t, t) for t in cost.lengths)


def test_in_a_long_text_few_lengths_are_counted(monkeypatch):
    counted = []
    monkeypatch.setattr(FlopCounterMode, "__enter__", lambda self: counted.append(self) or self)
    monkeypatch.setattr(FlopCounterMode, "__exit__", lambda *_: None)
    table = nn.Embedding(29, 29)
    assert cost_of(table, None, steps=40, prompt=[1] * 3000).lengths == (3000, 3039)
    assert len(counted) == 2
    assert len(cost_of(table, None, steps=40, prompt=[1] * 1500).lengths) == 10
    # What the model does not read costs nothing.
    assert len(cost_of(table, None, steps=40, prompt=[1] * 3000, context=64).lengths) == MAX_COUNTED
    with_cache = cost_of(table, lambda ids, cache: (table(ids), ids), steps=40, prompt=[1] * 3000)
    assert (len(with_cache.cached), len(with_cache.bytes)) == (2, 40)


def test_the_cache_ends_where_the_text_is_longer_than_the_context():
    model = gpt(context=8)
    cost = cost_of(model, model.step, steps=12, context=8)
    assert len(cost.bytes) == len(cost.cached) == 6  # 3 to 8 tokens
    assert cost.lengths == (3, 4, 5, 6, 7, *[8] * 7)
    assert cost.uncached[5:] == (by_hand(8, 8),) * 7


def test_without_a_cached_model_only_the_uncached_work_is_counted():
    cost = cost_of(gpt(), None)
    assert cost.cached is None
    assert (cost.bytes, cost.layers) == ((), 0)
    assert cost.uncached[0] == by_hand(3, 3)


def encoder_layer():
    return nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()


@pytest.mark.parametrize(
    ("make", "shape", "expected"),
    [
        (lambda: nn.Linear(8, 3), (5, 8), 5 * 8 * 3),
        (lambda: nn.LSTM(8, 16), (5, 1, 8), 5 * (8 * 64 + 16 * 64)),
        (lambda: nn.GRU(8, 16), (5, 1, 8), 5 * (8 * 48 + 16 * 48)),
        (lambda: nn.Conv1d(4, 6, 3), (1, 4, 10), 8 * 4 * 3 * 6),
        (encoder_layer, (1, 5, 16), 5 * 16 * 48 + 2 * 5 * 5 * 16 + 5 * 16 * 16 + 2 * 5 * 16 * 32),
    ],
    ids=["linear", "lstm", "gru", "conv1d", "encoder layer"],
)
def test_fused_kernels_are_counted_too(make, shape, expected):
    module = make()
    fused, fast = torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled()
    with torch.no_grad():
        assert multiplications(lambda: module(torch.zeros(shape))) == expected
    assert (fused, fast) == (torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled())


class Layer:
    def __init__(self, keys, values):
        self.keys, self.values = keys, values


class CacheObject:
    """A cache as Hugging Face writes it: an object of objects."""

    def __init__(self, pairs):
        self.layers = [Layer(*pair) for pair in pairs]


def test_the_tensors_of_a_cache_object_are_found():
    model = gpt()

    def step(ids, cache):
        pairs = None if cache is None else [(layer.keys, layer.values) for layer in cache.layers]
        logits, kept = model.step(ids, pairs)
        return logits, CacheObject(kept)

    cost = cost_of(model, step)
    assert cost.bytes == cost_of(model, model.step).bytes
    assert cost.tensors == 4
    assert cost.same_tokens == 10


@pytest.mark.parametrize(
    ("cached", "words"),
    [
        (3, "cached must be a callable"),
        (lambda ids, cache: torch.zeros(29), "must return \\(logits, cache\\)"),
        (lambda ids: ids, "cached raised on ids"),
    ],
    ids=["number", "logits alone", "no cache argument"],
)
def test_a_cached_model_that_does_not_fit_is_refused(cached, words):
    with pytest.raises(DlvizError, match=words):
        cost_of(gpt(), cached)
