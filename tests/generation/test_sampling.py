"""Temperature, top-k, top-p and the draw: torch's own numbers, and the same tokens as independent references keep."""

import pytest
import torch
from scipy import stats

from dlviz.generation import Settings, keep_top_k, keep_top_p, sample, scale, stages
from dlviz.generation.sampling import ROWS, ranking
from dlviz.kit.errors import DlvizError


def logits(seed, size=50, dtype=torch.float32):
    return 3 * torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def top_k_reference(scores, k):
    """Keep what is not below the k-th largest, as Hugging Face documents of TopKLogitsWarper."""
    threshold = sorted(scores.tolist(), reverse=True)[min(k, len(scores)) - 1]
    return [score >= threshold for score in scores.tolist()]


def top_p_reference(scores, p):
    """Keep the smallest set of most probable tokens whose probabilities add up to p or more, in plain Python."""
    exact = scores.double().softmax(0).tolist()
    kept, total = [False] * len(exact), 0.0
    for token in sorted(range(len(exact)), key=lambda token: -exact[token]):
        if total >= p:
            break
        kept[token], total = True, total + exact[token]
    return kept


def top_p_ascending(scores, p):
    """Remove the least probable tokens whose cumulative probability is at most 1 − p, as Hugging Face's TopPLogitsWarper does."""
    order = scores.argsort()
    removed = scores[order].double().softmax(0).cumsum(0) <= 1 - p
    removed[-1] = False
    kept = torch.ones(len(scores), dtype=torch.bool)
    kept[order[removed]] = False
    return kept.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_top_k_keeps_what_the_reference_keeps(seed):
    scores = logits(seed).round()  # with many equal ones
    for k in (1, 2, 7, 49, 50, 80):
        kept = keep_top_k(scores, k)
        assert (kept > -torch.inf).tolist() == top_k_reference(scores, k)
        assert torch.equal(kept[kept > -torch.inf], scores[kept > -torch.inf])
    assert torch.equal(keep_top_k(scores, 0), scores)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [50, 3000])
def test_top_p_keeps_what_both_references_keep(seed, size):
    scores = logits(seed, size)
    for p in (0.01, 0.3, 0.9, 0.999):
        kept = keep_top_p(scores, p)
        assert (kept > -torch.inf).tolist() == top_p_reference(scores, p) == top_p_ascending(scores, p)
        assert torch.equal(kept[kept > -torch.inf], scores[kept > -torch.inf])
    assert torch.equal(keep_top_p(scores, 1.0), scores)


def test_of_equal_tokens_top_p_keeps_the_first():
    assert keep_top_p(torch.zeros(4), 0.6).isfinite().tolist() == [True, True, True, False]


def test_top_p_always_keeps_the_most_probable_token():
    assert keep_top_p(torch.tensor([0.0, 9.0, 0.0]), 1e-9).isfinite().tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(10))
def test_every_stage_is_torchs_own(seed, dtype):
    x = logits(seed, dtype=dtype)
    found = stages(x, Settings(0.7, 10, 0.8))
    assert torch.equal(found.scaled, scale(x, 0.7))
    assert torch.equal(found.scaled, x / 0.7)
    assert torch.equal(found.softmax, torch.softmax(x / 0.7, 0))
    # As in the usual order: temperature, then top-k, then top-p of what top-k leaves.
    kept = torch.tensor(top_p_reference(keep_top_k(x / 0.7, 10), 0.8))
    assert torch.equal(found.probs > 0, kept)
    renormalized = torch.where(kept, found.softmax, 0) / found.softmax[kept].sum()
    torch.testing.assert_close(found.probs, renormalized)
    assert found.probs.sum().item() == pytest.approx(1, abs=1e-6)


def test_greedy_leaves_the_most_probable_token_alone():
    for seed in range(10):
        probs = stages(logits(seed), Settings(greedy=True)).probs
        assert probs.tolist() == torch.nn.functional.one_hot(logits(seed).argmax(), 50).tolist()


def test_greedy_takes_the_first_of_equal_tokens():
    assert stages(torch.zeros(5), Settings(greedy=True)).probs.tolist() == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("size", [3, 50, 5000])
def test_the_ranking_is_a_permutation_with_the_largest_first(size):
    x = logits(1, size)
    order = ranking(x)
    assert torch.equal(order.sort().values, torch.arange(size))
    assert torch.equal(x[order[:ROWS]], x.topk(min(ROWS, size)).values)
    assert torch.equal(order[ROWS:], order[ROWS:].sort().values)


@pytest.mark.parametrize("size", [50, 5000])
def test_equal_logits_are_ranked_by_id(size):
    x = logits(1, size).round()
    assert torch.equal(ranking(x)[:ROWS], x.sort(descending=True, stable=True).indices[:ROWS])
    peak = torch.zeros(size).index_fill(0, torch.tensor([7]), 30.0)
    assert ranking(peak)[:4].tolist() == [7, 0, 1, 2]


@pytest.mark.parametrize("size", [7, 60, 5000])
def test_a_draw_is_torchs_inverse_of_the_cumulative_distribution(size):
    probs = logits(2, size).softmax(0)
    order = ranking(probs)
    cumulative = probs[order].double().cumsum(0)
    cumulative /= cumulative[-1].clone()
    for u in torch.rand(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).tolist():
        draw = sample(probs, u)
        assert draw.token == order[torch.searchsorted(cumulative, torch.tensor(u, dtype=torch.float64), right=True)]
        assert draw.low <= u < draw.high
        assert draw.high - draw.low == pytest.approx(probs[draw.token].item(), rel=1e-5, abs=1e-12)


def test_tokens_are_drawn_as_often_as_their_probabilities_say():
    probs = stages(logits(3, 8), Settings(1.5, 6)).probs
    numbers = torch.rand(4000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).tolist()
    counts = torch.bincount(torch.tensor([sample(probs, u).token for u in numbers]), minlength=8)
    assert counts[probs == 0].sum() == 0
    kept = probs > 0
    assert stats.chisquare(counts[kept], (probs[kept].double() / probs[kept].double().sum() * 4000)).pvalue > 0.001


def test_a_token_without_probability_is_never_drawn_even_at_the_ends():
    probs = torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0])
    assert sample(probs, 0.5).token == 3  # the second half begins at 0.5
    assert {sample(probs, u).token for u in (0.0, 0.25, 0.5, 0.75, 1 - 2**-53)} == {1, 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0}, {"temperature": -1.0}, {"temperature": float("nan")}, {"top_k": -1}, {"top_k": 2.5},
        {"top_p": 0.0}, {"top_p": 1.2}, {"top_p": "all"}, {"greedy": 1},
    ],
    ids=lambda wrong: "-".join(f"{name} {value}" for name, value in wrong.items()),
)  # fmt: skip
def test_a_setting_out_of_range_is_named(wrong):
    (name,) = wrong
    with pytest.raises(DlvizError, match=f"generate: {name} must be"):
        Settings(**wrong)
