"""Training follows its formulas, returns to any step exactly, and recovers the analogies of the synthetic sentences."""

import pytest
import torch

from dlviz.data import sentences
from dlviz.embeddings import Training, analogy_accuracy, labeled

#: Settings and epochs for training on 4,000 sentences; the datasheet lists the accuracy of each.
RECIPES = {
    ("cbow", "negative"): ({"batch_size": 100, "lr": 0.1}, 40),
    ("skip-gram", "negative"): ({"batch_size": 100, "lr": 0.05}, 20),
    ("cbow", "softmax"): ({"batch_size": 100, "lr": 0.05}, 15),
    ("skip-gram", "softmax"): ({"batch_size": 100, "lr": 0.05}, 8),
}
OBJECTIVES = [(kind, loss) for kind in ("skip-gram", "cbow") for loss in ("softmax", "negative")]
SMALL = sentences(40).tokens


def state(run):
    return run.vectors.clone(), run.outputs.clone()


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("kind", "loss"), OBJECTIVES)
@pytest.mark.parametrize("batch", [1, 7])
def test_a_step_changes_both_matrices_by_lr_times_the_gradient(kind, loss, batch):
    run = Training(SMALL, kind=kind, loss=loss, batch_size=batch, lr=0.3)
    run.run(20)
    before = state(run)
    gradients = run.preview().gradients(len(run.words))
    assert same(state(run), before)
    seen = run.take_step()
    for matrix, was, gradient in zip(state(run), before, gradients, strict=True):
        assert torch.allclose(matrix, was - 0.3 * gradient, atol=1e-6)
        assert not torch.equal(matrix, was)
    assert len(seen.loss) == batch
    assert run.step == 21


@pytest.mark.parametrize(("kind", "loss"), OBJECTIVES)
def test_returning_to_a_step_is_bit_identical(kind, loss):
    run = Training(SMALL, kind=kind, loss=loss, batch_size=3)
    places = {}
    for step in range(1, 451):
        run.take_step()
        if step in (7, 100, 101, 333, 450):
            places[step] = state(run)
    for step in (333, 7, 450, 101, 100):
        run.go_to(step)
        assert run.step == step
        assert same(state(run), places[step])
    run.go_to(0)
    assert same(state(run), state(Training(SMALL, kind=kind, loss=loss, batch_size=3)))


def test_checkpoints_are_bounded_and_any_step_can_be_restored():
    run = Training(SMALL, vector_size=2)
    run._checkpoint_interval = 1
    run.run(300)
    expected = state(run)
    run.run(700)
    assert len(run._checkpoints) <= 200
    run.go_to(300)
    assert same(state(run), expected)


def test_training_depends_on_the_seed_and_not_on_torchs_random_state():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = Training(SMALL, seed=4)
    first.run(30)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second = Training(SMALL, seed=4)
    second.run(30)
    assert same(state(first), state(second))
    third = Training(SMALL, seed=5)
    third.run(30)
    assert not same(state(first), state(third))


@pytest.mark.parametrize(("kind", "loss"), OBJECTIVES)
def test_an_epoch_sees_every_example_once_and_no_drawn_word_is_the_target(kind, loss):
    run = Training(SMALL, kind=kind, loss=loss, batch_size=10)
    orders = []
    for _ in range(2):
        looks = [run.take_step() for _ in range(run.steps_per_epoch)]
        rows = [tuple(row) for seen in looks for row in seen.inputs.tolist()]
        assert sorted(rows) == sorted(tuple(row) for row in run.examples.inputs.tolist())
        orders.append(rows)
        if loss == "negative":
            assert all((seen.candidates[:, 1:] != seen.candidates[:, :1]).all() for seen in looks)
    assert orders[0] != orders[1]


def test_a_corpus_dominated_by_one_word_does_not_hang():
    run = Training([["a"] * 3000 + ["b", "c"]], batch_size=20_000, window=1)
    seen = run.preview()
    assert len(seen.candidates) == 6002  # one step is the whole epoch
    assert (seen.candidates[:, 1:] != seen.candidates[:, :1]).all()
    beside = seen.candidates[:, 1:][seen.candidates[:, 0] == 0]
    assert 0.4 < (beside == 1).double().mean() < 0.6  # besides "a", both other words equally often


def test_negative_words_are_drawn_in_proportion_to_count_to_the_power_three_quarters():
    run = Training([["a"] * 81 + ["b"] * 16 + ["c"]], negatives=20, window=2)
    seen = torch.cat([run.take_step().candidates for _ in range(run.steps_per_epoch)])
    drawn = seen[:, 1:][seen[:, 0] == 0]  # for the target "a", only "b" and "c" are drawn: 8 to 1
    share = (drawn == 1).double().mean().item()
    assert abs(share - 8 / 9) < 0.02


def learned(kind, loss, language, seed):
    drawn = sentences(4000, language=language, seed=seed)
    settings, epochs = RECIPES[kind, loss]
    run = Training(drawn.tokens, kind=kind, loss=loss, seed=seed, **settings)
    untrained = analogy_accuracy(labeled(run.vectors, run.words), drawn.analogies)
    run.run(epochs * run.steps_per_epoch)
    return drawn, labeled(run.vectors, run.words), untrained


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_cbow_recovers_95_percent_of_the_analogies(language, seed):
    drawn, vectors, untrained = learned("cbow", "negative", language, seed)
    assert analogy_accuracy(vectors, drawn.analogies) >= 0.95
    assert untrained < 0.1


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("skip-gram", "negative"),
        pytest.param("cbow", "softmax", marks=pytest.mark.slow),
        pytest.param("skip-gram", "softmax", marks=pytest.mark.slow),
    ],
)
def test_every_objective_recovers_90_percent_of_the_analogies(kind, loss):
    drawn, vectors, _ = learned(kind, loss, "en", 0)
    assert analogy_accuracy(vectors, drawn.analogies) >= 0.9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "glove"}, "kind must be one of 'skip-gram', 'cbow', but got 'glove'"),
        ({"loss": "hinge"}, "loss must be one of"),
        ({"vector_size": 0}, "vector_size must be a whole number"),
        ({"batch_size": True}, "batch_size must be a whole number"),
        ({"lr": float("nan")}, "lr must be a number above 0"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"min_count": 10_000}, "10000 times or more, but 0 do"),
    ],
)
def test_invalid_arguments_are_named_in_the_error(arguments, words):
    with pytest.raises(ValueError, match=words):
        Training(SMALL, **arguments)


def test_sentences_of_one_word_and_steps_before_the_first_are_refused():
    with pytest.raises(ValueError, match="no word has a neighbor"):
        Training([["a"], ["b"]])
    with pytest.raises(ValueError, match="step must be a whole number, 0 or more, but got -1"):
        Training(SMALL).go_to(-1)
