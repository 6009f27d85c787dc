"""The score function runs the learner's net as it is, whatever it returns, and leaves nothing behind."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.attribution import record, saliency, score_function, terms
from dlviz.attribution.sanity import deletion_insertion, input_noise, other_class, randomization
from dlviz.kit.errors import DlvizError
from tests.attribution.nets import ImageNet, RowNet, TokenNet

EXACT = {"rtol": 0, "atol": 1e-10}


@pytest.mark.parametrize("kind", [ImageNet, RowNet, TokenNet])
def test_scores_and_gradients_are_those_of_eval_mode(kind):
    net = kind(3).train()
    x = net.inputs(2)
    score = score_function(net, x, 0)
    twin = copy.deepcopy(net).eval()
    with torch.no_grad():
        torch.testing.assert_close(score.scores, twin(x), **EXACT)
        torch.testing.assert_close(score.outputs(score.point(1), 1), twin(x[1:]), **EXACT)


class Writer(nn.Module):
    """Writes into its input, a buffer, an attribute and a list, and draws random numbers."""

    def __init__(self):
        super().__init__()
        self.norm, self.embedding = nn.BatchNorm1d(3), nn.Embedding(4, 3, max_norm=0.1)
        self.register_buffer("calls", torch.zeros(1))
        self.kept, self.last = [], None

    def forward(self, x):
        self.calls += 1
        self.kept.append(x)
        torch.rand(1)
        x.mul_(2)
        self.last = self.norm(x) + self.embedding(torch.tensor(1))
        return self.last.relu_()


def content(net):
    tensors = {name: one.clone() for name, one in {**dict(net.named_parameters()), **dict(net.named_buffers())}.items()}
    grads = {name: None if one.grad is None else one.grad.clone() for name, one in net.named_parameters()}
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()]
    needs = [one.requires_grad for one in net.parameters()]
    return tensors, grads, hooks, needs, [m.training for m in net.modules()], [sorted(vars(m)) for m in net.modules()]


def test_nothing_of_the_net_the_input_or_the_generators_is_changed():
    net, x = Writer().train(), torch.rand(2, 3)
    net.norm.eval()
    net(x.clone()).sum().backward()
    net.norm.weight.requires_grad_(False)
    net.kept.clear()
    net.last = None
    before, given, generator = content(net), x.clone(), torch.get_rng_state()
    made = record(net, x, 0)
    for method in made.attributions:
        terms(made, method, 0, (1,))
        for check in (randomization, deletion_insertion, other_class, input_noise):
            check(made, method, 0)
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.equal(x, given)
    assert net.kept == []
    assert net.last is None
    for old, new in zip(before[:2], content(net)[:2], strict=True):
        torch.testing.assert_close(new, old, rtol=0, atol=0)
    assert content(net)[2:] == before[2:]


def test_training_after_the_record_changes_nothing_in_it():
    net = RowNet(2)
    score = score_function(net, net.inputs(1), 0)
    before = score.gradients(score.point(0), 0)
    with torch.no_grad():
        for one in net.parameters():
            one.normal_()
    assert torch.equal(score.gradients(score.point(0), 0), before)
    assert not torch.allclose(score_function(net, score.inputs.x, 0).gradients(score.point(0), 0), before)


def test_every_call_starts_from_the_same_buffers():
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    net = Counter()
    score = score_function(net, torch.ones(1, 2), 0)
    assert [score.outputs(score.point(0), 0).tolist() for _ in range(3)] == [[[1, 1]]] * 3
    assert net.calls == 0


def test_train_mode_is_said_where_it_matters():
    note = "The net is in train mode"
    for seed in (0, 1):
        net = ImageNet(seed)
        assert any(note in one for one in score_function(net, net.inputs()).notes)
        assert not any(note in one for one in score_function(net.eval(), net.inputs()).notes)
    assert score_function(nn.Linear(2, 2).train(), torch.rand(1, 2)).notes == []


def test_dropout_that_ignores_eval_mode_is_said():
    assert any(
        "random numbers even in eval mode" in one
        for one in score_function(lambda x: F.dropout(x), torch.rand(1, 50)).notes
    )
    assert score_function(lambda x: F.dropout(x, training=False), torch.rand(1, 50)).notes == []


def test_probabilities_and_numbers_that_are_not_finite_are_said():
    x = torch.rand(2, 3)
    score = score_function(nn.Sequential(nn.Linear(3, 2), nn.Softmax(1)), x)
    assert any("outputs are probabilities" in one for one in score.notes)
    assert torch.equal(score.probs, score.scores)
    logits = score_function(nn.Linear(3, 2), x)
    torch.testing.assert_close(logits.probs, logits.scores.softmax(1))
    assert score_function(nn.Linear(3, 1), x).probs is None
    assert any("NaN or infinite" in one for one in score_function(lambda x: x / 0, x).notes)


OUTPUTS = {
    "tensor": lambda scores: scores,
    "logits of a dictionary": lambda scores: {"logits": scores, "hidden": scores * 2},
    "the only tensor": lambda scores: ([{"out": scores}], "text"),
    "attribute": lambda scores: type("Output", (), {"logits": scores})(),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_scores_are_found_in_what_the_net_returns(kind):
    linear, x = nn.Linear(3, 2), torch.rand(2, 3)
    score = score_function(lambda x: OUTPUTS[kind](linear(x)), x, 0)
    torch.testing.assert_close(score.scores, linear(x).detach())


def test_output_picks_the_scores():
    linear, x = nn.Linear(3, 2), torch.rand(2, 3)
    score = score_function(lambda x: (x, linear(x)), x, 0, output=lambda out: out[1])
    torch.testing.assert_close(score.scores, linear(x).detach())


class Raises(nn.Module):
    def forward(self, x):
        raise KeyError("no such key")


@pytest.mark.parametrize(
    ("net", "output", "text"),
    [
        (lambda x: (x, 2 * x), None, r"out\[0\] \(1, 3\), out\[1\] \(1, 3\), .*output=lambda out: out\[0\]"),
        (lambda x: "cat", None, "net must return a torch tensor.*but it returns str"),
        (lambda x: x.numpy(), None, "net must return a torch tensor.*returns ndarray"),
        (lambda x: (x, x), lambda out: out[0].numpy(), "output must return a torch tensor.*returns ndarray"),
        (lambda x: x.argmax(1), None, "scores of floating-point numbers for 1 inputs"),
        (lambda x: x[:, None, None], None, r"scores must have the shape \(1, C\).*\(1, 1, 1, 3\)"),
        (lambda x: x.sum(), None, r"but the net returns \(\)"),
        (Raises(), None, "the net raises for an input of shape .*KeyError: 'no such key'"),
        (nn.Linear(4, 2), None, r"the net raises for an input of shape \(1, 3\), torch.float32: RuntimeError: mat1"),
        (nn.Linear(3, 2), 5, "output must be a module or another callable, but got int"),
        (5, None, "net must be a module or another callable, but got int"),
    ],
    ids=range(11),
)
def test_nets_that_do_not_fit_are_refused(net, output, text):
    with pytest.raises(DlvizError, match=text):
        score_function(net, torch.rand(1, 3), output=output)


def test_signals_and_embeddings_are_refused_in_the_shape_that_was_passed():
    net = nn.Sequential(nn.Conv1d(1, 4, 3), nn.Flatten(), nn.Linear(72, 3))
    x = torch.rand(2, 1, 20)
    with pytest.raises(DlvizError, match=r"x of shape \(2, 1, 20\) was read as one image.*unflatten\(1, \(1, 20\)\)"):
        score_function(net, x)
    made = score_function(lambda rows: net(rows.unflatten(1, (1, 20))), x.flatten(1))  # as the error says
    torch.testing.assert_close(made.scores, net(x).detach())


def test_a_batch_of_other_keys_is_refused_with_what_to_pass():
    batch = {"pixel_values": torch.rand(2, 3, 8, 8)}
    with pytest.raises(DlvizError, match=r"keys 'pixel_values'.*x=batch\[\"pixel_values\"\].*net\(pixel_values=x\)"):
        score_function(nn.Flatten(), batch)


def test_further_arguments_go_with_their_inputs():
    weights = torch.tensor([[1.0, 2.0], [3.0, 4.0]])

    def net(x, weight, *, shift):
        return x * weight + shift

    x = torch.ones(2, 2)
    first = score_function(lambda x, w: net(x, w, shift=0), x, 0, args=(weights,))
    assert torch.equal(first.scores, weights)
    named = score_function(net, x, [1, 0], args={"weight": weights, "shift": torch.tensor(0.5)})
    assert torch.equal(named.scores, weights + 0.5)
    assert saliency(named).values.tolist() == [[0, 2], [3, 0]]
    one = score_function(net, x[:1], [0, 1], args={"weight": weights[1:], "shift": 0})
    assert saliency(one).values.tolist() == [[3, 0], [0, 4]]


def test_baselines_are_numbers_inputs_or_tokens():
    net = TokenNet(1)
    ids = net.inputs(1)
    table = net.embedding.weight.detach()
    assert not score_function(net, ids).inputs.baseline.any()
    token = score_function(net, ids, baseline=5).inputs.baseline
    assert torch.equal(token, table[5].expand(net.length, -1))
    assert torch.equal(score_function(net, ids, baseline=table[7]).inputs.baseline[0], table[7])
    image = ImageNet(0)
    x = image.inputs(1)
    assert score_function(image, x, baseline=0.5).inputs.baseline.unique().tolist() == [0.5]
    mean = x.mean((2, 3)).reshape(-1, 1, 1)
    assert torch.equal(score_function(image, x, baseline=mean).inputs.baseline, mean.expand(x.shape[1:]))


@pytest.mark.parametrize(
    ("baseline", "text"),
    [
        ("black", "baseline must be a number, .*but got str"),
        (float("nan"), "finite"),
        (torch.zeros(4), r"broadcast to the shape of one input, \(3,\), but got \(4,\)"),
        (torch.zeros(2, 3), r"but got \(2, 3\)"),
    ],
    ids=range(4),
)
def test_other_baselines_are_refused(baseline, text):
    with pytest.raises(DlvizError, match=text):
        score_function(nn.Linear(3, 2), torch.rand(2, 3), baseline=baseline)


def test_a_token_that_is_not_in_the_vocabulary_is_no_baseline():
    with pytest.raises(DlvizError, match="the id of a token, from 0 to 19, but got 20"):
        score_function(TokenNet(0), TokenNet(0).inputs(), baseline=20)


def test_positions_that_equal_the_ids_are_not_taken_for_them():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.position, self.word = nn.Embedding(9, 4), nn.Embedding(9, 4)

        def forward(self, ids):
            return (self.position(torch.arange(3)[None]) + self.word(ids)).mean(1)

    assert score_function(Positions(), [0, 1, 2]).embedding == "word"


def test_two_embeddings_of_the_ids_are_said():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide, self.deep = nn.Embedding(9, 2), nn.Embedding(9, 2)

        def forward(self, ids):
            return (self.wide(ids) + self.deep(ids)).mean(1)

    score = score_function(Two(), [0, 1, 2])
    assert score.embedding == "wide"
    assert any("goes through deep is not in them" in one for one in score.notes)


@pytest.mark.parametrize("net", [nn.Sequential(nn.EmbeddingBag(9, 4), nn.Linear(4, 2))], ids=["bag"])
def test_ids_that_no_embedding_reads_are_refused(net):
    with pytest.raises(DlvizError, match=r"no nn\.Embedding of Sequential is called with these ids"):
        score_function(net, [[1, 2, 3]])


def test_sequences_before_the_batch_and_words_by_keyword_are_found():
    class TimeFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.word, self.head = nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, ids):
            return self.head(self.word(input=ids.T).tanh().mean(0))

    net, ids = TimeFirst().double(), torch.tensor([[1, 2, 3], [4, 4, 5]])
    made = saliency(score_function(net, ids, 0)).values
    leaf = net.word(ids).detach().requires_grad_()
    net.head(leaf.tanh().mean(1))[:, 0].sum().backward()
    torch.testing.assert_close(made, leaf.grad, **EXACT)


@pytest.mark.parametrize("name", ["Bert", "DistilBert"])
def test_a_text_classifier_of_hugging_face_with_random_weights(name, torchvision_loads):
    import transformers

    sizes = {"vocab_size": 50, "num_labels": 3}
    if name == "Bert":
        config = transformers.BertConfig(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, **sizes
        )
    else:
        config = transformers.DistilBertConfig(dim=16, n_layers=2, n_heads=2, hidden_dim=24, **sizes)
    torch.manual_seed(0)
    net = getattr(transformers, f"{name}ForSequenceClassification")(config).double()
    batch = {
        "input_ids": torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
    }
    made = record(net, batch, [1, 2], steps=5, samples=3)
    assert made.score.embedding.endswith("word_embeddings")
    net.eval()
    words = net.get_input_embeddings()
    leaf = words(batch["input_ids"]).detach().requires_grad_()
    out = net(inputs_embeds=leaf, attention_mask=batch["attention_mask"]).logits
    torch.testing.assert_close(made.scores, out.detach(), **EXACT)
    expected = torch.autograd.grad(out[0, 1] + out[1, 2], leaf)[0]
    torch.testing.assert_close(made.attributions["saliency"].values, expected, **EXACT)
    assert made.attributions["saliency"].maps[1, 3] == 0  # behind the mask
    # Only the first token leaves the last block, so an earlier layer is the default.
    assert ".layer.0.output" in made.attributions["grad_cam"].layer
