"""Checks of lesson 09b, run by nbval after the cell of the same id."""

import math

import torch
from torch import nn
from torch.nn import functional as F


def exercise_lstm(lstm_step):
    h, c = lstm_step(torch.tensor([[0.0, 4.0, 0.0, 0.0]]), torch.tensor([[2.0]]))
    assert (round(h.item(), 2), round(c.item(), 2)) == (0.48, 1.96)  # the example of the text
    torch.manual_seed(0)
    cell = nn.LSTMCell(3, 4)
    x, h, c = torch.randn(2, 3), torch.randn(2, 4), torch.randn(2, 4)
    sums = F.linear(x, cell.weight_ih, cell.bias_ih) + F.linear(h, cell.weight_hh, cell.bias_hh)
    for mine, torchs in zip(lstm_step(sums, c), cell(x, (h, c)), strict=True):
        assert torch.allclose(mine, torchs, atol=1e-4)


def three_kinds():
    sizes = [sum(p.numel() for p in kind(8, 16).parameters()) for kind in (nn.RNN, nn.GRU, nn.LSTM)]
    assert sizes == [416, 3 * 416, 4 * 416]
    c, kept = 0.0, []
    for f, i, g in ((0, 1, 0.8), (1, 0, -0.3), (1, 0, 0.5), (0.5, 1, 0.1)):  # the table of section 1
        c = f * c + i * g
        kept.append(round(c, 3))
    assert kept == [0.8, 0.8, 0.8, 0.5]
    assert round((1 - 0.9) * -1 + 0.9 * 0.5, 3) == 0.35  # the GRU of the text
    torch.manual_seed(0)
    gru, x, h = nn.GRUCell(3, 4), torch.randn(2, 3), torch.randn(2, 4)  # the formula of the text
    a, b = F.linear(x, gru.weight_ih, gru.bias_ih).chunk(3, 1), F.linear(h, gru.weight_hh, gru.bias_hh).chunk(3, 1)
    r, z = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[1] + b[1])
    n = torch.tanh(a[2] + r * b[2])
    assert torch.allclose((1 - z) * n + z * h, gru(x, h), atol=1e-4)


def recall_at_20(at_20, stage, run):
    assert min(at_20["RNN", None]) > 0.9
    assert max(at_20["LSTM", None]) < 0.4  # guessing
    assert min(at_20["LSTM", 2.0]) > 0.9
    reach = run.history["log10_gradient"].values
    assert reach[0] < -2.5  # it begins small
    assert max(reach) > -1.5  # and training makes it larger
    assert len(stage.children) == 1


def forget_bias(reach, gated):
    assert reach[0.0][20] < 1e-4
    assert round(reach[0.0][0].item(), 1) == 0.4
    assert round(reach[0.0][20].item(), 5) == 2e-5
    assert round(((reach[0.0][20] / reach[0.0][0]) ** (1 / 20)).item(), 2) == 0.61  # the factor of the text
    assert reach[4.0][39] > 1.5 * reach[4.0][20]  # the sentence below: it grows
    assert reach[2.0][20] > 1e-2
    assert reach[4.0][39] > reach[2.0][39] > reach[0.0][39]
    left = torch.sigmoid(torch.tensor([0.0, 2.0, 4.0]))
    assert [round(p, 2) for p in left.tolist()] == [0.5, 0.88, 0.98]
    assert round(32**-0.5, 2) == 0.18  # the range of PyTorch's first weights
    biases = nn.LSTM(8, 32).bias_ih_l0
    assert 0.15 < biases.abs().max() < 0.18
    assert [round(p, 2) for p in (left**20).tolist()] == [0, 0.08, 0.7]
    assert [round(p, 2) for p in (left**60).tolist()] == [0, 0, 0.34]
    assert round((left**60)[1].item(), 4) == 0.0005
    gated.forget_bias = 2.0
    gated.zero("f")
    assert gated.grad_norm_by_lag[20] < 1e-6  # nothing is kept
    gated.reset()
    assert gated.forget_bias == 0


def exercise_forget(remember):
    torch.manual_seed(0)
    lstm = nn.LSTM(8, 2)
    before = (lstm.bias_ih_l0 + lstm.bias_hh_l0).tolist()
    remember(lstm, 1)
    after = (lstm.bias_ih_l0 + lstm.bias_hh_l0).tolist()
    assert after[2:4] == [1, 1]
    assert after[:2] + after[4:] == before[:2] + before[4:]


def recall_at_60(at_60):
    assert max(at_60["RNN", None]) < 0.4  # guessing
    assert max(at_60["LSTM", 4.0]) > 0.9
    assert [len(values) for values in at_60.values()] == [2, 2, 2]


def spell(spell, letters, languages, names):
    assert (len(names), len(letters), len(languages)) == (2880, 57, 16)
    assert (min(map(len, names)), max(map(len, names))) == (2, 15)
    assert spell("Anna").tolist() == [0, 5, 18, 18, 5, 1]


def packed_or_padded(together, alone, beyond, pair):
    assert [len(row) for row in pair] == [4, 14]  # as in the prediction
    assert torch.allclose(together, alone, atol=1e-3)  # packed: read to its own end
    assert not torch.allclose(beyond, alone, atol=1e-3)  # padded: ten steps of zeros more


def train_the_classifier(classifier, untrained):
    assert classifier is not untrained  # the cell begins anew when it is run again


def ask_the_classifier(languages_of, classifier, spelled, signs, device):
    assert next(iter(languages_of("Kowalczewski"))) == "Polish"
    indices = torch.tensor([signs.index(sign) for sign in "^kowalczewski$"], device=device)
    _, (h, _) = classifier.rnn(F.one_hot(indices, len(signs)).float()[None])
    assert torch.allclose(spelled.states["h"][-1].to(device), h[0, 0], atol=1e-3)


def count_pairs(x_pairs, pairs, spell, signs):
    assert x_pairs.shape == (2880, 3481)
    anna = pairs([spell("anna")])[0]
    found = {signs[k // 59] + signs[k % 59] for k in anna.nonzero().flatten().tolist()}
    assert found == {"^a", "an", "nn", "na", "a$"}
    assert anna.sum() == 5
    marana, manara = pairs([spell("marana"), spell("manara")])
    assert torch.equal(marana, manara)  # another order of the same pairs


def pairs_or_lstm(by_lstm, by_pairs, margin):
    assert by_lstm.mean() > 0.55
    assert by_pairs.mean() > 0.7
    assert by_pairs.mean() > by_lstm.mean()
    assert 0.01 < margin < 0.06


def train_the_writer(loss_of, writer, test_rows, test, Writer, device):
    torch.manual_seed(0)
    with torch.no_grad():
        assert loss_of(Writer().to(device), test_rows, test.labels) > 3.8  # ln 59 is 4.1
        assert loss_of(writer, test_rows, test.labels) < 2.4


def exercise_bits(bits, signs):
    p = torch.tensor([[[0.5, 0.5], [0.125, 0.875], [0.5, 0.5]]])
    assert round(bits(p.log(), torch.tensor([[0, 0, -100]])).item(), 3) == 2  # the example of the text
    assert round(bits(torch.zeros(1, 2, 4), torch.tensor([[1, 3]])).item(), 3) == 2
    assert round(math.log2(len(signs)), 1) == 5.9


def compare_writers(measured):
    assert measured["1-gram"] > measured["2-gram"] > measured["3-gram"]
    assert 3 < measured["3-gram"] / math.log(2) < 3.2
    assert round(measured["GRU"], 1) == 2.1  # as the question before the n-grams says
    assert abs(measured["GRU"] - measured["4-gram"]) < 0.15
    assert round((5 + 10 * 0.1) / 20, 3) == 0.3  # the examples of the text
    assert round(math.exp(-(math.log(1 / 4) + math.log(1 / 16)) / 2), 6) == 8


def cold_and_hot(different, real):
    assert different[0.2] < 0.85 * different[0.7]  # cold: the same few names again and again
    assert real[0.2] > 2 * real[1.5]  # hot: hardly a real name is left
    squared = (torch.tensor([0.75, 0.25]).log() / 0.5).softmax(0)
    assert abs(squared[0].item() - 0.9) < 1e-3
