"""`dlviz.confusion` from Python: its numbers, snapshots, limits and errors, and that the learner's objects stay as they are."""

import gc
import json
import re
import weakref
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.evaluation import snapshots
from dlviz.evaluation.examples import picture_size, pixels, previews, texts
from dlviz.kit.errors import DlvizError
from dlviz.kit.page import to_json


def scored(count=200, classes=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, classes, (count,), generator=generator)
    return torch.randn(count, classes, generator=generator) + F.one_hot(targets, classes), targets


def numbers(bytes_, kind="<i4"):
    return np.frombuffer(bytes_, kind).tolist()


def listed(view, key="worst"):
    """Return the indices of a list of the scene."""
    scene = view.scene
    pool = numbers(scene["pool"]["number"])
    return [pool[place] for place in numbers(scene["lists"][key]["items"])]


def test_accuracy_loss_and_predictions_equal_the_learners_own_code():
    scores, targets = scored()
    view = dlviz.confusion(scores, targets)
    assert view.accuracy == pytest.approx((scores.argmax(1) == targets).float().mean().item())
    assert view.loss == pytest.approx(F.cross_entropy(scores, targets).item(), rel=1e-6)
    assert torch.equal(view.predictions, scores.argmax(1))
    right = int((scores.argmax(1) == targets).sum())
    assert f"({right} of 200)" in view.scene["signature"]
    assert repr(view) == f"dlviz.confusion(200 examples of 5 classes, {right} right)"


def test_the_scene_holds_what_torch_computed():
    scores, targets = scored()
    view = dlviz.confusion(scores, targets)
    assert np.frombuffer(view.scene["counts"], "<i4").reshape(5, 5).tolist() == view.matrix.tolist()
    for name in ("recall", "precision", "f1"):
        assert numbers(view.scene[name], "<f8") == getattr(view, name).tolist()
    assert listed(view) == view.worst[:60].tolist()
    pool = view.scene["pool"]
    index = torch.tensor(numbers(pool["number"]))
    losses = F.cross_entropy(scores, targets, reduction="none")[index]
    assert numbers(pool["loss"], "<f8") == pytest.approx(losses.tolist(), rel=1e-6)
    assert numbers(pool["p"], "<f8") == pytest.approx((-losses).exp().tolist(), rel=1e-5)
    probs = scores.softmax(1)[index]
    top_classes = torch.from_numpy(np.frombuffer(pool["top_classes"], "<i4").reshape(-1, 5).astype(np.int64))
    sent = torch.from_numpy(np.frombuffer(pool["probs"], "<f4").reshape(-1, 5).copy())
    assert torch.allclose(sent, probs.gather(1, top_classes), atol=1e-7)


def test_a_cell_lists_its_examples_and_paging_reaches_all():
    scores, targets = scored(3000, 3)
    view = dlviz.confusion(scores, targets)
    view.opened = [0, 0]
    everything = view.cell(0, 0).tolist()
    assert len(everything) > 100
    indices = []
    for page in range(0, -(-len(everything) // 12), 2):
        view.page = page
        assert view.scene["lists"]["0,0"]["start"] == page * 12
        indices += listed(view, "0,0")
    assert indices == everything
    view.opened, view.page = [], 0
    seen = []
    for page in range(0, -(-len(view.worst) // 12), 5):
        view.page = page
        seen += listed(view)
    assert seen == view.worst.tolist()


def test_an_example_can_be_followed_through_the_snapshots():
    scores, targets = scored(1000)
    view = dlviz.confusion(scores, targets, example=3)
    assert listed(view, "selected") == [3]
    view.update(scores + 5 * F.one_hot(targets, 5))
    assert listed(view, "selected") == [3]
    view.example = 999
    assert listed(view, "selected") == [999]
    view.example = 5000  # there is none
    assert "selected" not in view.scene["lists"]


def test_each_update_adds_a_snapshot_to_which_the_player_can_go_back():
    scores, targets = scored()
    view = dlviz.confusion(scores, targets)
    before = view.matrix
    view.update(scores + 3 * F.one_hot(targets, 5))
    assert view.step == 1
    after = view.matrix
    assert int(after.diag().sum()) > int(before.diag().sum())
    mistakes = view.scene["history"]["mistakes"]
    assert mistakes == [200 - int(before.diag().sum()), 200 - int(after.diag().sum())]
    view.step = 0
    assert torch.equal(view.matrix, before)
    assert view.loss == pytest.approx(F.cross_entropy(scores, targets).item(), rel=1e-6)


def test_the_number_of_snapshots_is_limited_with_a_note(monkeypatch):
    monkeypatch.setattr(snapshots, "MAX_SNAPSHOTS", 6)
    scores, targets = scored(20)
    view = dlviz.confusion(scores, targets)
    first = view.matrix
    for k in range(30):
        view.update(scores + 0.1 * k)
    assert len(view._history.snapshots) <= 6
    assert view._history.snapshots[-1].index == 30
    assert any("are kept" in note["text"] for note in view.scene["notes"])
    view.step = 0
    assert torch.equal(view.matrix, first)
    monkeypatch.setattr(snapshots, "MAX_BYTES", 1)
    view.update(scores)
    assert [snapshot.index for snapshot in view._history.snapshots] == [0, 31]


def test_new_targets_need_new_inputs():
    scores, targets = scored(20)
    x = torch.rand(20, 1, 4, 4)
    view = dlviz.confusion(scores, targets, x)
    view.update(scores, targets)  # the same targets, so the same examples
    assert view.scene["group"] == "0"
    view.update(scores[:10], targets[:10].flip(0))
    assert view.scene["group"] == "1"
    assert view.albums == {"1": {}}
    view.update(scores[:10], targets[:10].flip(0), x[:10])
    assert view.albums["2"]["height"] == 4
    view.step = 0
    assert list(view.albums) == ["0"]


def test_learners_tensors_graph_and_random_numbers_stay_as_they_are():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 3))
    x, y = torch.randn(30, 4), torch.randint(0, 3, (30,))
    scores = net(x)
    kept, random = scores.detach().clone(), torch.get_rng_state()
    view = dlviz.confusion(scores, y, x)
    view.update(scores)
    view.to_html()
    view._still()
    assert torch.equal(scores.detach(), kept)
    assert all(p.grad is None for p in net.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    assert net.training
    F.cross_entropy(scores, y).backward()  # the graph still exists
    graph = weakref.ref(scores)
    del scores
    gc.collect()
    assert graph() is None  # and the widget does not keep it alive


def test_later_changes_of_the_learners_tensors_do_not_change_the_widget():
    scores, targets = scored()
    view = dlviz.confusion(scores, targets)
    worst, cell = view.worst.tolist(), view.cell(1, 1).tolist()
    targets.zero_()
    scores.zero_()
    assert view.worst.tolist() == worst
    assert view.cell(1, 1).tolist() == cell
    for answer in (view.worst, view.cell(1, 1), view.matrix, view.predictions):
        answer.zero_()
    assert view.worst.tolist() == worst
    assert view.cell(1, 1).tolist() == cell
    assert int(view.matrix.sum()) == 200


def test_closing_releases_the_examples():
    scores, targets = scored()
    x = torch.rand(200, 1, 4, 4)
    watched = weakref.ref(x)
    view = dlviz.confusion(scores, targets, x)
    view.close()
    assert repr(view) == "dlviz.confusion(closed)"
    with pytest.raises(DlvizError, match="closed"):
        _ = view.accuracy
    with pytest.raises(DlvizError, match="closed"):
        view.update(scores)
    del x, view
    gc.collect()
    assert watched() is None


def test_of_many_classes_those_with_the_most_mistakes_are_drawn():
    scores, targets = scored(2000, 100)
    scores += 20 * F.one_hot(targets, 100) * (targets >= 30)[:, None]  # mistakes start at classes below 30
    scores[:, 30:] -= 10 * (targets < 30)[:, None]
    view = dlviz.confusion(scores, targets)
    assert numbers(view.scene["classes"]) == list(range(30))
    assert any("30 of 100 classes" in note["text"] for note in view.scene["notes"])
    assert view.matrix.shape == (100, 100)
    assert np.frombuffer(view.scene["counts"], "<i4").reshape(30, 30).tolist() == view.matrix[:30, :30].tolist()


def test_the_scene_of_a_thousand_classes_stays_small():
    scores, targets = scored(5000, 1000)
    view = dlviz.confusion(scores, targets, torch.zeros(1, 3, 200, 300).expand(5000, 3, 200, 300), opened=[0, 0])
    assert len(to_json(view.scene)) < 80_000
    assert len(to_json(dict(view.albums))) < 84 * 48 * 32 * 3 * 4 / 3 + 2000
    assert any("200 × 300" in note["text"] for note in view.scene["notes"])


def test_a_pages_size_is_limited_and_every_listed_example_has_its_picture():
    scores, targets = scored(4000, 4)
    view = dlviz.confusion(scores, targets, torch.rand(1, 3, 64, 64).expand(4000, 3, 64, 64))
    for k in range(20):
        view.update(scores + 0.01 * k)
    text = view.to_html()
    assert len(text) < 4_200_000
    full = view._page_state()
    for one in full["scene"]["lists"].values():
        assert len(one["items"]) // 4 <= one["total"]
    pictured = set(numbers(full["albums"]["0"]["numbers"]))
    pool = numbers(full["scene"]["pool"]["number"])
    assert set(pool) <= pictured
    assert len(full["scene"]["lists"]["worst"]["items"]) // 4 == 60
    assert len(full["scene"]["lists"]) > 10
    for frame in view._precomputed()["step"].values():
        assert set(numbers(frame["scene"]["pool"]["number"])) <= pictured


def test_a_page_of_many_snapshots_holds_some_with_a_note():
    scores, targets = scored(3000, 30)
    view = dlviz.confusion(scores, targets)
    for k in range(40):
        view.update(scores * (1 + 0.01 * k))
    full = view._page_state()
    shown = len(full["scene"]["history"]["captions"])
    assert 2 <= shown < 41
    assert full["step"] == shown - 1
    assert any(f"{shown} of 41 snapshots" in note["text"] for note in full["scene"]["notes"])
    payload = json.loads(re.search(r'id="payload">(.*?)</script>', view.to_html())[1])
    assert len(payload["state"]["precomputed"]["step"]) == shown


def test_pictures_are_the_learners_own_pixels():
    x = torch.randint(50, 100, (5, 3, 6, 4), dtype=torch.uint8)
    assert torch.equal(pixels(previews(x), [3, 1]), x[[3, 1]].permute(0, 2, 3, 1))
    gray = torch.rand(5, 8, 8)
    assert torch.equal(pixels(previews(gray), [2])[0, :, :, 0], (gray[2] * 255).round().to(torch.uint8))
    values = torch.randn(50, 1, 8, 8) * 3
    shown = previews(values)
    assert (shown.low, shown.high) == (values.min().item(), values.max().item())
    values = pixels(shown, list(range(50)))
    assert (int(values.min()), int(values.max())) == (0, 255)
    large = torch.rand(2, 1, 96, 192)
    assert picture_size(previews(large)) == (24, 48, 1)
    means = large.unfold(2, 4, 4).unfold(3, 4, 4).mean((-1, -2))
    assert (pixels(previews(large), [0, 1])[..., 0].float() / 255 - means[:, 0]).abs().max() < 0.003


def test_examples_that_are_no_pictures_are_shown_as_text():
    assert texts(previews(torch.tensor([[1, 2, 3, 4, 5, 6]])), [0]) == ["(1, 2, 3, 4, …)"]
    assert texts(previews(torch.tensor([0.25])), [0]) == ["0.25"]
    assert texts(previews(["a" * 200]), [0]) == ["a" * 79 + "…"]
    assert previews(torch.rand(3, 2, 8, 8)).kind == "texts"


def test_names_and_texts_reach_the_scene():
    scores, targets = scored(20, 2)
    view = dlviz.confusion(scores, targets, inputs=[f"text {k}" for k in range(20)], names=["<b>no</b>", "yes"])
    assert view.scene["names"] == ["<b>no</b>", "yes"]
    pool = numbers(view.scene["pool"]["number"])
    assert view.scene["pool"]["texts"] == [f"text {k}" for k in pool]
    assert "&lt;b&gt;no" in view._still()
    assert "<b>no" not in view.to_html().replace("\\u003c", "&lt;")


def test_the_scene_has_the_learners_variable_name_of_the_examples():
    scores, targets = scored(20, 2)
    images = torch.rand(20, 1, 4, 4)
    assert dlviz.confusion(scores, targets, images).scene["variable"] == "images"
    assert dlviz.confusion(scores, targets).scene["variable"] == "targets"


def test_the_still_has_a_summary_and_the_counts():
    scores, targets = scored(300, 3)
    view = dlviz.confusion(scores, targets, torch.rand(300, 1, 8, 8), theme="dark")
    text = view._still()
    assert "Confusion matrix of 300 examples of 3 classes" in text
    for count in view.matrix.flatten().tolist():
        assert f">{count}</text>" in text
    assert len(text) < 60_000


@pytest.mark.parametrize("classes", [10, 16, 1000])
def test_the_texts_of_the_stills_columns_do_not_touch(classes):
    text = dlviz.confusion(torch.randn(30, classes), torch.arange(30) % classes)._still()
    names = re.findall(r'<text x="([\d.]+)" y="78" [^>]*text-anchor="middle"[^>]*>(\w+)</text>', text)
    precisions = re.findall(r'<text x="([\d.]+)" y="[\d.]+">(\d\.\d\d|–)</text>', text)
    assert len(names) == len(precisions) > 7
    for row, size in ((names, 7.0), (precisions, 5.5)):
        ends = [(float(x) - size * len(label) / 2, float(x) + size * len(label) / 2) for x, label in row]
        assert all(left[1] + 2 < right[0] for left, right in pairwise(ends))


SCORES, TARGETS = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (({"cat": 1}, TARGETS), r"scores: .* but got dict"),
        (([[1, 2]], TARGETS), r"shape \(1, 2\) of torch.int64"),
        ((nn.Linear(2, 2), TARGETS), "but got Linear"),
        ((torch.randn(6, 3, 2), TARGETS), r"shape \(6, 3, 2\)"),
        ((torch.ones(6, 3, dtype=torch.long), TARGETS), "int64"),
        ((torch.randn(0, 3), TARGETS[:0]), "no examples"),
        ((torch.randn(6, 1001), TARGETS), "up to 1000"),
        ((SCORES, [0, 1]), r"targets: one label for each of the 6 .* shape \(2,\)"),
        ((SCORES, "catdog"), "targets: labels .* but got str"),
        ((SCORES, {0, 1}), "targets: labels .* but got set"),
        ((SCORES, [0.5] * 6), "targets: whole labels or names are needed, but got 0.5"),
        ((SCORES, ["cat", None] * 3), r"index 1 is missing \(None\)"),
        ((SCORES, ["cat", "dog"] * 3), "2 names, but scores are of 3 classes. Pass names"),
        ((SCORES, ["cat", "dgo"] * 3, None, ["cat", "dog", "ant"]), "'dgo' is none of the names: cat, dog, ant"),
        ((TARGETS, list("abcabc")), "whole labels on one side and names on the other"),
        ((SCORES, torch.full((6,), -100)), r"every label is ignore_index \(-100\)"),
        ((SCORES.to("meta"), TARGETS), "a tensor without numbers"),
        ((SCORES, TARGETS, None, 3), "names: a list .* but got int"),
        ((SCORES, TARGETS.float()), r"float32. Pass targets.long\(\)"),
        ((SCORES, TARGETS[:5]), r"shape \(6,\), but got shape \(5,\)"),
        ((SCORES, F.one_hot(TARGETS)), "argmax"),
        ((SCORES, TARGETS - 1), "from 0 on"),
        ((SCORES, TARGETS + 8), r"labels from 0 to 2, but got 10 with scores of 3 classes \(N, 3\)"),
        ((SCORES[:, 0], TARGETS), r"labels from 0 to 1, but got 2 with scores of 2 classes \(N,\)"),
        ((SCORES, TARGETS, torch.rand(5, 2)), "inputs: one example for each of the 6"),
        ((SCORES, TARGETS, "abcdef"), "inputs"),
        ((SCORES, TARGETS, None, ["a", "b"]), "each of the 3 classes is needed, but got 2"),
        ((TARGETS, TARGETS, None, ["a", "b"]), "scores: labels from 0 to 1, but got 2 with 2 names"),
        ((TARGETS - 3, TARGETS), "scores: labels from 0 on"),
        ((SCORES.to(torch.complex64), TARGETS), "complex64"),
    ],
)
def test_invalid_arguments_are_named(arguments, words):
    with pytest.raises(DlvizError, match=words):
        dlviz.confusion(*arguments)


def test_updates_and_cells_that_do_not_fit_are_refused():
    view = dlviz.confusion(SCORES, TARGETS)
    with pytest.raises(DlvizError, match=r"6 rows.*\(4, 3\)"):
        view.update(SCORES[:4])
    with pytest.raises(DlvizError, match="of 3 classes, but got 4"):
        view.update(torch.randn(6, 4))
    for cell in [(3, 0), (0, -2), (1.5, 0), (None, 0), ("0", "1"), (0, [1]), (torch.zeros(2), 0)]:
        with pytest.raises(DlvizError, match=r"cell: .* from 0 to 2 \(or -1, not classified\) are needed, but got"):
            view.cell(*cell)
    assert torch.equal(view.cell(np.int64(1), torch.tensor(2)), view.cell(1, 2))
    with pytest.raises(DlvizError, match="cell"):
        view.opened = [0, 1, 2]
    with pytest.raises(TypeError, match=r"no such argument: shwos. Did you mean shows"):
        dlviz.confusion(SCORES, TARGETS, shwos="counts")
    assert view.step == 0


def test_column_vectors_of_logits_labels_and_predictions_are_read():
    z, y = torch.randn(30, 1), torch.randint(0, 2, (30, 1))
    view = dlviz.confusion(z, y)
    assert view.loss == pytest.approx(F.binary_cross_entropy_with_logits(z, y.float()).item(), rel=1e-5)
    assert torch.equal(dlviz.confusion((z > 0), y).matrix, view.matrix)
    assert torch.equal(dlviz.confusion((z > 0).long(), y).matrix, view.matrix)


def test_single_scores_that_look_like_probabilities_are_marked():
    z, y = torch.linspace(-2, 2, 30), torch.arange(30) % 2
    p = z.sigmoid()
    p[3] = torch.nan
    columns = torch.stack((1 - p, p), 1).nan_to_num(nan=0.5)
    for scores, marked in [(p, True), (p[:, None], True), ((p > 0.5).float(), True), (z, False), (columns, False)]:
        notes = dlviz.confusion(scores, y).scene["notes"]
        assert any("as probabilities do" in note["text"] and note["kind"] == "warn" for note in notes) is marked


def test_nan_scores_are_counted_and_marked():
    scores, targets = SCORES.clone(), TARGETS
    scores[4, 1] = torch.nan
    view = dlviz.confusion(scores, targets)
    assert view.worst[0] == 4
    assert view.cell(1, -1).tolist() == [4]
    assert view.predictions[4] == -1
    assert numbers(view.scene["unclassified"]) == [0, 1, 0]
    assert "NaN" in view.scene["signature"]
    assert view.scene["notes"][0]["kind"] == "bad"
    assert view.accuracy == int((scores.argmax(1) == targets)[[0, 1, 2, 3, 5]].sum()) / 6
    assert "NaN" in view._still()
    json.dumps(to_json(dict(view._page_state())))
