"""Checks of lesson 11, run by nbval after the cell of the same id."""

import math

import torch
from torch import nn
from torch.nn import functional as F

import dlviz


def mean_of_neighbors(A, x):
    assert torch.allclose((A @ x).squeeze(1).cpu(), torch.tensor([4.0, 6.0, 7.5]))
    assert torch.allclose(A.sum(1).cpu(), torch.ones(3))


def shapes(result, q, k, v):
    weights = (q @ k.T / 2).softmax(1)
    assert (tuple(weights.shape), tuple(result.shape)) == ((3, 5), (3, 2))
    assert torch.allclose(weights @ v, result, atol=1e-5)


def open_by_hand(by_hand, q, k, v):
    call = by_hand.calls[0]
    assert call.scores[0, 0].tolist() == [[2, 1, 1], [-2, -1, 2]]
    assert torch.allclose(
        call.weights[0, 0].cpu(), torch.tensor([[0.576, 0.212, 0.212], [0.017, 0.047, 0.936]]), atol=1e-3
    )
    assert torch.allclose(by_hand.output[0].cpu().flatten(), torch.tensor([5.76, 6.36]), atol=0.01)
    assert torch.allclose(call.heads[0, 0], (q @ k.T).softmax(1) @ v, atol=1e-3)


def measure_scale(largest_weight):
    found = {(d, scaled): largest_weight(d, d**-0.5 if scaled else 1.0) for d in (4, 256, 1024) for scaled in (0, 1)}
    assert abs(found[256, 0][0] - 0.93) < 0.02
    assert found[256, 0][1] < 0.004
    assert all(abs(found[d, 1][0] - 0.32) < 0.02 and abs(found[d, 1][1] - 0.2) < 0.02 for d in (256, 1024))
    product = (torch.randn(5000, 256) * torch.randn(5000, 256)).sum(1)
    assert abs(product.std() - 16) < 1  # the standard deviation of a dot product is √d
    assert abs(math.log(10) - 2.30) < 0.01


def exercise_entropy(entropy):
    assert torch.allclose(
        entropy(torch.tensor([[0.0, 0.0], [1000.0, 0.0]]), 1.0), torch.tensor([0.693, 0.0]), atol=1e-3
    )


def exercise_causal(causal_weights):
    assert causal_weights(torch.tensor([[[9.0, 1.0, 1.0], [1.0, 1.0, 5.0], [0.0, 0.0, 0.0]]]))[0, 1].tolist() == [
        0.5,
        0.5,
        0,
    ]


def open_causal(causal, x):
    weights = causal.calls[0].weights[0, 0]
    assert not weights.triu(1).any()
    assert weights[0, 0] == 1
    expected = F.scaled_dot_product_attention(x[None], x[None], x[None], is_causal=True)[0]
    assert torch.allclose(causal.output, expected, atol=1e-3)


def two_conventions(wrong_way, mask, x):
    weights = wrong_way.calls[0].weights[0, 0]
    assert not weights[:3].tril().any()  # each position sees only what comes after it
    assert (weights[:3].sum(1) - 1).abs().max() < 1e-3
    assert weights[3].isnan().all()
    assert wrong_way.calls[0].dead_rows[0, 0].tolist() == [False, False, False, True]
    by_function = F.scaled_dot_product_attention(x, x, x, attn_mask=mask)
    assert torch.allclose(by_function, F.scaled_dot_product_attention(x, x, x, is_causal=True), atol=1e-3)


def dead_rows(by_default, without_weights, by_function, mha):
    assert by_default.isnan().all()
    assert torch.allclose(without_weights, mha.out_proj.bias.expand_as(without_weights), atol=1e-3)
    assert not by_function.any()


def count_parameters(counted):
    assert sum(p.numel() for p in counted.parameters()) == 4 * (64 * 64 + 64) == 16_640


def exercise_heads(multi_head):
    torch.manual_seed(0)
    module = nn.MultiheadAttention(12, 3, batch_first=True)
    x = torch.randn(2, 5, 12)
    q, k, v = F.linear(x, module.in_proj_weight, module.in_proj_bias).chunk(3, 2)
    assert torch.allclose(module.out_proj(multi_head(q, k, v, 3)), module(x, x, x)[0], atol=1e-5)


def open_heads(four_heads, cross, asking, asked):
    assert four_heads.calls[0].weights.shape == (1, 4, 3, 6)
    expected, weights = cross(asking, asked, asked, average_attn_weights=False)
    assert torch.allclose(four_heads.calls[0].weights, weights, atol=1e-3)
    assert torch.allclose(four_heads.output[0], expected, atol=1e-3)


def silent_mistakes(mixed, right, x, in_train_mode, in_eval_mode):
    assert mixed(x, x, x)[1].shape == (5, 2, 2)
    assert right(x, x, x)[1].shape == (2, 5, 5)
    assert in_train_mode.min() < 0.9
    assert in_train_mode.max() > 1.05
    assert (in_eval_mode - 1).abs().max() < 1e-3
    other = x.clone()
    other[1] += 1  # the second sequence must not matter to the first, and to `mixed` it does
    mixed.eval()
    assert (mixed(x, x, x)[0] - mixed(other, other, other)[0])[0].abs().max() > 1e-3
    assert torch.allclose(right(x, x, x)[0][0], right(other, other, other)[0][0], atol=1e-3)
    mixed.train()


def swap_tokens(before, after, swap):
    assert torch.allclose(before[:, swap], after, atol=1e-3)
    assert not torch.allclose(before, after, atol=1e-3)


def exercise_positions(positional_encoding):
    expected = torch.tensor([[0, 1, 0, 1], [0.841, 0.540, 0.010, 1.000]])
    assert torch.allclose(positional_encoding(2, 4), expected, atol=1e-3)
    p = positional_encoding(40, 16)
    assert torch.allclose(p[3] @ p[8], p[23] @ p[28], atol=1e-4)  # the distance alone matters


def show_positions(encoding):
    assert encoding.matrix.shape == (32, 16)
    assert torch.allclose(encoding.scores[0, 3], encoding.scores[10, 13])


def train_reverser(reverser, digit_accuracy, view):
    assert digit_accuracy(reverser) > 0.98
    assert view.calls[0].weights[0, 0].flip(1).diagonal().min() > 0.8  # the anti-diagonal
    assert len(view.snapshots) > 10


def without_places(placeless, digit_accuracy):
    assert 0.25 < digit_accuracy(placeless) < 0.4


def reviews(train):
    assert set(train.kinds) == {"plain", "negated", "contrast"}
    assert 0.4 < train.labels.float().mean() < 0.6


def three_readers(review_accuracy):
    assert all(found["plain"] > 0.95 for found in review_accuracy.values())
    assert all(found["negated"] > 0.95 for found in review_accuracy.values())
    assert review_accuracy["bag of words"]["contrast"] < 0.65
    assert review_accuracy["attention without places"]["contrast"] < 0.65
    assert review_accuracy["attention"]["contrast"] > 0.85


def entity_data(entities):
    assert entities.classes[:3] == ("O", "B-PER", "I-PER")
    assert ((entities.labels == -100) == (entities.ids == 0)).all()


def three_taggers(tag_accuracy):
    alone, placeless, attention = tag_accuracy.values()
    assert min(alone[0], placeless[0], attention[0]) > 0.9
    assert alone[1] < 0.55 < 0.75 < placeless[1] < 0.9
    assert attention[1] > 0.95


def open_entities(tags_of, taggers):
    for name, kept in (("attention without places", True), ("attention", False)):
        one, _ = tags_of("Paris visited Jordan last year", taggers[name])
        other, _ = tags_of("Jordan visited Paris last year", taggers[name])
        assert ((one[0], one[2]) == (other[2], other[0])) == kept
    assert tags_of("yesterday Paris visited Jordan", taggers["attention"])[0] == ["O", "B-PER", "O", "B-LOC"]


def same_output(w, other, values):
    assert torch.allclose(w @ values, other @ values)
    assert torch.isclose(other.sum(), w.sum())
    assert other.min() > -1e-9
    assert (w - other).abs().max() > 0.1


def two_tests(same_answer, same_word, agreement, test, first, most_attended):
    assert same_answer > 0.9
    assert same_word < 0.8
    assert all(0.3 < share < 0.95 for share in agreement)
    assert abs((1 / (test.ids > 0).sum(1)).mean() - 0.13) < 0.01  # a word picked at random
    tops = most_attended(first, test.ids)
    assert (test.ids.gather(1, tops[:, None]) > 0).all()  # no padding
    call = dlviz.transformer.record(first, test.ids[:3]).calls[0]
    assert torch.allclose(call.weights.sum(-1), torch.ones_like(call.weights[..., 0]), atol=1e-3)
