"""Recording of the learner's own module in its own training loop: read, never changed, and shown at any snapshot."""

import asyncio
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.embeddings import Training, cbow, vocabulary
from dlviz.embeddings.word2vec import widget
from dlviz.embeddings.word2vec.model_recorder import find_matrices

DATA = dlviz.data.sentences(60)
WORDS = len(vocabulary(DATA.tokens).words)


class Bag(nn.Module):
    """CBOW with softmax, written as in a lesson."""

    def __init__(self, size=6, bias=False):
        super().__init__()
        self.out = nn.Linear(size, WORDS, bias=bias)
        self.words = nn.Embedding(WORDS, size)

    def forward(self, known):
        mask = (known >= 0).unsqueeze(2)
        return self.out((self.words(known.clamp(min=0)) * mask).sum(1) / mask.sum(1))


def loop(net, view, updates, lr=0.5):
    """Train as the learner does; return input matrix and loss after each update."""
    examples = cbow(DATA.tokens, vocabulary(DATA.tokens), 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    trained = []
    for k in range(updates):
        batch = torch.arange(16 * k, 16 * k + 16) % len(examples.targets)
        loss = F.cross_entropy(net(examples.inputs[batch]), examples.targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        view.update(loss)
        trained.append((net.words.weight.detach().clone(), loss.item()))
    return trained


def snapshot_matrix(view, name="w"):
    return torch.from_numpy(np.frombuffer(view.snapshot[name], dtype="<f4").copy()).view(WORDS, -1)


def test_the_loop_trains_the_module_and_the_player_returns_to_every_snapshot():
    net = Bag()
    first = net.words.weight.detach().clone()
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
    trained = loop(net, view, 30)
    assert torch.equal(view.vectors.matrix, net.words.weight)
    assert view.step == 30
    for step in (12, 0, 29):
        view.step = step
        assert view.snapshot["step"] == step
        assert torch.equal(snapshot_matrix(view), trained[step - 1][0] if step else first)
        assert torch.equal(view.vectors.matrix, snapshot_matrix(view))
    means = np.frombuffer(view.snapshot["curve"]["means"], dtype="<f4")
    assert means == pytest.approx([loss for _, loss in trained], abs=1e-6)
    assert view.step == 29
    view.step = 1000
    assert view.step == 30


def test_the_step_table_is_computed_from_copies_of_both_matrices():
    net = Bag()
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
    loop(net, view, 20)
    assert torch.equal(view.vectors.matrix, net.words.weight)
    table = view.snapshot["table"]
    with torch.no_grad():
        scores = net(torch.tensor([table["inputs"]]))[0]
    assert table["loss"] == pytest.approx(F.cross_entropy(scores, torch.tensor(table["rows"][0])).item(), abs=1e-5)
    assert torch.allclose(torch.tensor(table["probs"]), scores.softmax(0)[table["rows"]], atol=1e-5)


def test_module_optimizer_and_random_state_of_the_learner_are_not_changed():
    net, twin = Bag(), Bag()
    twin.load_state_dict(net.state_dict())
    random = torch.get_rng_state()
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net.eval())
    trained = loop(net, view, 8)
    grads = [parameter.grad.clone() for parameter in net.parameters()]
    view.step = 2
    view.kind, view.lr, view.axes = "skip-gram", 0.3, "fixed"
    view.to_html()
    view._still()
    assert torch.equal(torch.get_rng_state(), random)
    assert not net.training
    assert all(torch.equal(one.grad, grad) for one, grad in zip(net.parameters(), grads, strict=True))

    class Silent:
        def update(self, loss): ...

    alone = loop(twin, Silent(), 8)
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(trained, alone, strict=True))


def test_snapshots_are_thinned_evenly_and_the_latest_is_kept():
    net = Bag(2)
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
    trained = loop(net, view, 601)
    numbers = [snapshot.index for snapshot in view._timeline.recorder.snapshots]
    assert len(numbers) <= 200
    assert numbers[-1] == 601
    assert len(set(np.diff(numbers[:-1]))) == 1
    assert torch.equal(view.vectors.matrix, net.words.weight)
    view.step = 30
    assert torch.equal(snapshot_matrix(view), trained[numbers[30] - 1][0])
    assert view.snapshot["step"] == view.snapshot["steps"][30] == numbers[30]
    assert view.snapshot["last_step"] == numbers[-1]


def test_the_latest_snapshot_is_drawn_when_thinning_moves_it_to_the_current_position(monkeypatch):
    net = Bag(2)
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
    monkeypatch.setattr(widget, "UPDATE_INTERVAL", 1e9)  # nothing is drawn while the loop runs
    for updates in (100, 100):
        loop(net, view, updates)
        assert torch.equal(view.vectors.matrix, net.words.weight)
        assert view.step == 100
    assert view.snapshot["step"] == 200


def test_drawing_is_throttled_and_the_last_snapshot_is_drawn_after_the_loop():
    net = Bag(2)

    async def cell():
        view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
        pictures = []
        view.observe(lambda change: pictures.append(change.new["step"]), "snapshot")
        loop(net, view, 40)
        shown = len(pictures)
        for _ in range(1000):
            if pictures and pictures[-1] == 40:
                break
            await asyncio.sleep(0.01)
        return shown, pictures[-1], view

    shown, last, view = asyncio.run(cell())
    assert shown < 20
    assert last == 40
    view.close()


def test_pictures_wait_until_the_page_has_drawn_the_last_one(monkeypatch):
    monkeypatch.setattr("dlviz.kit.update_gate.PATIENCE", 1e9)
    monkeypatch.setattr(widget, "UPDATE_INTERVAL", 0)
    net, pictures = Bag(2), []
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
    view.observe(lambda change: pictures.append(change.new["step"]), "snapshot")
    loop(net, view, 1)
    view._handle_custom_msg({"kind": "drawn", "from": "page", "update": view._update_number}, [])
    loop(net, view, 5)
    assert pictures == [1, 2]
    view._handle_custom_msg({"kind": "drawn", "from": "page", "update": view._update_number}, [])
    assert pictures == [1, 2, 6]
    loop(net, view, 3)
    assert torch.equal(view.vectors.matrix, net.words.weight)
    assert pictures[-1] == view.snapshot["step"] == 9


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (lambda: nn.ModuleList([nn.Embedding(WORDS, 4), nn.Embedding(WORDS, 4)]), ("0.weight", "1.weight")),
        (lambda: nn.Sequential(nn.EmbeddingBag(WORDS, 4), nn.Linear(4, WORDS)), ("0.weight", "1.weight")),
        (Bag, ("words.weight", "out.weight")),
        (lambda: nn.ParameterList([torch.rand(WORDS, 3), torch.rand(WORDS, 3)]), ("0", "1")),
    ],
)
def test_both_matrices_are_recognized_by_their_shape(module, names):
    assert tuple(name for name, _ in find_matrices(module(), WORDS)) == names


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Embedding(WORDS, 4)), rf"but 1 have {WORDS} rows. It has: 0.weight \({WORDS}, 4\)."),
        (nn.ModuleList([nn.Embedding(WORDS, 4) for _ in range(3)]), f"but 3 have {WORDS} rows"),
        (nn.ModuleList([nn.Embedding(WORDS, 4), nn.Embedding(WORDS, 5)]), "of one shape"),
        (
            nn.ModuleList([nn.Embedding(7, 4), nn.Embedding(7, 4)]),
            rf"but 0 have {WORDS} rows. It has: 0.weight \(7, 4\), 1.weight",
        ),
        (nn.ReLU(), "It has: no parameters."),
        (nn.ModuleList([nn.Embedding(WORDS, 4, device="meta") for _ in range(2)]), f"but 0 have {WORDS} rows"),
        (nn.Sequential(nn.Embedding(WORDS, 4), nn.LazyLinear(WORDS)), f"but 1 have {WORDS} rows"),
        (nn.Embedding, "must be an nn.Module"),
    ],
)
def test_a_module_without_exactly_two_matrices_is_refused_and_its_parameters_are_listed(module, words):
    with pytest.raises(ValueError, match=words):
        dlviz.word2vec(DATA, model=module)


def test_attributes_that_hide_the_modules_own_methods_are_not_called():
    net = Bag()
    net.modules, net.parameters = [net.out], [1]
    net.__dict__["named_parameters"] = "words"
    view = dlviz.word2vec(DATA, model=net)
    view.update(0.5)
    assert torch.equal(view.vectors.matrix, net.words.weight)


def test_notes_name_the_module_and_its_bias():
    net = Bag(bias=True)
    view = dlviz.word2vec(DATA, model=net)
    notes = [note["text"] for note in view.scene["notes"]]
    assert "Your own loop trains net." in notes[0]
    assert "words.weight (as W) and out.weight (as U)" in notes[0]
    assert "out.weight has a bias" in notes[1]
    assert len(dlviz.word2vec(DATA, model=Bag()).scene["notes"]) == 1
    assert view.scene["trains"] is False
    assert repr(view) == f"dlviz.word2vec(net: {WORDS} words of 6 numbers, update 0)"


def test_settings_change_the_shown_step_but_not_the_snapshot():
    net = Bag()
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
    loop(net, view, 10)
    view.vectors  # noqa: B018 — the latest snapshot is drawn
    view.step = 4
    before = snapshot_matrix(view)
    view.loss = "negative"
    assert (view.step, view.snapshot["step"]) == (4, 4)
    assert torch.equal(snapshot_matrix(view), before)
    assert len(view.snapshot["table"]["rows"]) == 6
    other = Training(DATA.tokens, kind="cbow", loss="negative", vector_size=6)
    other.step = 4
    assert view.snapshot["table"]["rows"][0] == other.preview().candidates[0, 0]
    view.lr = 0.5
    view.step = 2
    assert view.lr == view.snapshot["lr"] == 0.5


def test_a_page_holds_up_to_forty_snapshots():
    net = Bag()
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
    loop(net, view, 100)
    full, frames = view._page_state(), view._precomputed()["step"]
    assert full["snapshot"]["step"] == 100
    assert 30 < len(frames) <= 41
    assert full["snapshot"]["steps"] == [frame["snapshot"]["step"] for frame in frames.values()]
    view._handle_custom_msg({"kind": "train", "from": 100}, [])
    assert torch.equal(view.vectors.matrix, net.words.weight)


def test_training_calls_are_refused_while_recording():
    net = Bag()
    view = dlviz.word2vec(DATA, model=net)
    for call in (lambda: view.run(3), lambda: view.training):
        with pytest.raises(ValueError, match="net is trained by your own loop"):
            call()
    with pytest.raises(ValueError, match="the vectors of net have 6 numbers, so it cannot be 9"):
        view.vector_size = 9
    for loss in ("x", torch.ones(2), [1], 10**400, 1j, b"1x"):
        with pytest.raises(ValueError, match="loss must be a number or a tensor of one number"):
            view.update(loss)
    view.update()
    assert math.isnan(view._timeline.recorder.losses[-1])
    view.close()
    assert repr(view) == "dlviz.word2vec(closed)"
    with pytest.raises(ValueError, match="has been closed"):
        view.update()
