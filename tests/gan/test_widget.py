"""`dlviz.duel` from Python: what it shows is torch's, snapshots return, steps are the learner's own, a page replays."""

import copy
import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

import dlviz
from dlviz.export import examples
from dlviz.kit.errors import DlvizError
from dlviz.kit.page import to_json
from dlviz.torchkit.energy_distance import energy_distance
from tests.gan.models import Pair, Untidy, image_pair, images, mlp, ring
from tests.kit.test_page import payload


def made(pair=None, **options):
    one = pair or Pair()
    options = {"modes": one.centers, "mode_radius": 0.3, "samples": 60, "resolution": 10} | options
    view = dlviz.duel(one.generator, one.discriminator, one.real, step_d=one.step_d, step_g=one.step_g, **options)
    return one, view


def floats(scene, name):
    return torch.tensor(np.frombuffer(scene[name], "<f4").copy())


def test_the_scene_holds_the_numbers_of_the_record():
    _, view = made()
    view.train("both", 3)
    for step in (0, 3):
        view.step = step
        for name in ("fakes", "gradients", "d_fake", "heat", "warp"):
            assert torch.equal(floats(view.scene, name), getattr(view, name).flatten().float()), name
        assert repr(view) == "dlviz.duel(generator against discriminator on 600 real samples)"


def test_an_older_snapshot_shows_the_fakes_of_its_own_state():
    one, view = made()
    before = view.fakes
    states = [copy.deepcopy(one.generator)]
    for _ in range(3):
        one.step_g()
        view.update()
        states.append(copy.deepcopy(one.generator))
    assert view.step == 3
    for step in (1, 0, 3):
        view.step = step
        torch.testing.assert_close(view.fakes, states[step](view.record.noise).detach(), rtol=0, atol=0)
    view.step = 0
    assert torch.equal(view.fakes, before)
    torch.testing.assert_close(one.generator(view.record.noise), states[3](view.record.noise))


def test_measures_are_those_of_their_functions():
    one, view = made()
    assert view.energy_distance == pytest.approx(energy_distance(view.fakes, one.real[:: 600 // 400]), abs=0.05)
    assert view.modes_covered == dlviz.gan.modes_covered(view.fakes, one.centers, 0.3)
    assert view.high_quality == dlviz.gan.high_quality(view.fakes, one.centers, 0.3)
    one.step_g()
    view.update(torch.tensor(0.25), 0.5, "first")
    series = view.series
    assert series["labels"] == ["start", "first"]
    assert math.isnan(series["d_loss"][0])
    assert [series[name][1] for name in ("d_loss", "g_loss")] == [0.25, 0.5]
    assert series["energy"][1] == pytest.approx(view.energy_distance)
    assert series["modes"][1] == view.modes_covered
    assert series["quality"][1] == pytest.approx(view.high_quality)


def test_the_last_state_is_drawn_where_snapshots_are_dropped(monkeypatch):
    monkeypatch.setattr("dlviz.torchkit.model_snapshots.MAX_SNAPSHOTS", 4)
    one, view = made()
    for _ in range(12):
        one.step_g()
        view.update()
        torch.testing.assert_close(view.fakes, one.generator(view.record.noise).detach(), rtol=0, atol=0)
    assert len(view.snapshots) <= 4


def test_an_update_without_a_change_keeps_no_snapshot():
    one, view = made()
    view.update()
    assert view.snapshots == ["start"]
    view.update(label="again")
    one.step_d()
    view.update()
    assert len(view.snapshots) == 3


@pytest.mark.parametrize("from_page", [False, True])
@pytest.mark.parametrize("which", ["d", "g", "both"])
def test_a_step_changes_the_modules_as_the_functions_alone(which, from_page):
    one, view = made()
    other = Pair()
    torch.manual_seed(5)
    for _ in range(2):
        if from_page:
            view._on_train({"kind": "train", "which": which, "count": 1})
        else:
            view.train(which)
    after = torch.get_rng_state()
    torch.manual_seed(5)
    losses = {}
    for _ in range(2):
        if which != "g":
            losses["d_loss"] = other.step_d().item()
        if which != "d":
            losses["g_loss"] = other.step_g().item()
    assert torch.equal(torch.get_rng_state(), after)
    for mine, theirs in ((one.generator, other.generator), (one.discriminator, other.discriminator)):
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(a, b)
            assert (a.grad is None) == (b.grad is None)
            assert a.grad is None or torch.equal(a.grad, b.grad)
    assert {name: view.series[name][-1] for name in losses} == losses


def test_many_steps_of_the_page_come_in_slices_and_can_be_stopped(monkeypatch):
    monkeypatch.setattr("dlviz.gan.widget.SLICE", 0.0)
    one, view = made()
    view._on_train({"kind": "train", "which": "both", "count": 5})
    assert view.scene["training"] == {"which": "both", "remaining": 4}
    view._on_continue({"kind": "continue"})
    assert view.scene["training"]["remaining"] == 3
    view._on_stop({"kind": "stop"})
    assert view.scene["training"]["remaining"] == 0
    before = copy.deepcopy(one.generator.state_dict())
    view._on_continue({"kind": "continue"})
    torch.testing.assert_close(one.generator.state_dict(), before, rtol=0, atol=0)
    assert len(view.snapshots) == 3


def test_a_step_that_writes_through_data_is_kept_too():
    one = Pair()
    view = dlviz.duel(one.generator, one.discriminator, one.real, step_g=lambda: one.generator[0].bias.data.add_(1.0))
    before = view.fakes
    view.train("g")
    assert len(view.snapshots) == 2
    assert not torch.equal(view.fakes, before)


def test_an_update_after_a_write_through_data_keeps_a_snapshot():
    one, view = made()
    for parameter in one.discriminator.parameters():
        parameter.data.clamp_(-0.01, 0.01)
    view.update()
    assert len(view.snapshots) == 2
    torch.testing.assert_close(view.logits_fake, one.discriminator(view.fakes)[:, 0].detach(), rtol=0, atol=0)
    view.update()
    assert len(view.snapshots) == 2


def test_many_steps_keep_few_snapshots_and_the_last_state():
    one, view = made()
    view.train("both", 100)
    assert 20 <= len(view.snapshots) <= 30
    torch.testing.assert_close(view.fakes, one.generator(view.record.noise).detach(), rtol=0, atol=0)


def test_a_step_that_raises_shows_its_error_and_ends():
    calls = []

    def step():
        calls.append(1)
        raise ValueError("the loss is <b>NaN</b>")

    one = Pair()
    view = dlviz.duel(one.generator, one.discriminator, one.real, step_d=step, step_g=one.step_g)
    view._on_train({"kind": "train", "which": "both", "count": 10})
    assert len(calls) == 1
    assert view.scene["training"]["remaining"] == 0
    assert "ValueError: the loss is <b>NaN</b>" in view.scene["notes"][0]["text"]
    with pytest.raises(ValueError, match="the loss is"):
        view.train("d")
    view._on_train({"kind": "train", "which": "g", "count": 1})
    assert not any("raised" in note["text"] for note in view.scene["notes"])


def test_an_interrupted_training_keeps_what_was_reached():
    one = Pair()
    count = []

    def step():
        if len(count) == 3:
            raise KeyboardInterrupt
        count.append(1)
        return one.step_g()

    view = dlviz.duel(one.generator, one.discriminator, one.real, step_g=step)
    with pytest.raises(KeyboardInterrupt):
        view.train("g", 100)
    torch.testing.assert_close(view.fakes, one.generator(view.record.noise).detach(), rtol=0, atol=0)
    assert view.scene["training"]["remaining"] == 0


@pytest.mark.parametrize(
    ("which", "n", "words"),
    [
        ("x", 1, "which must be"),
        ("d", 1, "no step_d"),
        ("both", 1, "no step_d"),
        ("g", 0, "from 1 to"),
        ("g", True, "from 1 to"),
    ],
)
def test_steps_that_cannot_be_made_are_refused(which, n, words):
    one = Pair()
    view = dlviz.duel(one.generator, one.discriminator, one.real, step_g=one.step_g)
    with pytest.raises(DlvizError, match=words):
        view.train(which, n)


def test_painted_points_are_the_real_ones_until_they_are_cleared():
    one, view = made()
    view._on_paint({"kind": "paint", "points": [[0.5, 1.0], [0.0, 0.0]]})
    assert view.real.tolist() == [[0.5, 1.0], [0.0, 0.0]]
    view._on_paint({"kind": "paint", "points": [[1.5, 1.0]]})
    assert view.painted == [[0.5, 1.0], [0.0, 0.0], [1.5, 1.0]]
    assert floats(view.scene, "real").tolist() == [0.5, 1.0, 0.0, 0.0, 1.5, 1.0]
    assert view.modes_covered is None
    torch.manual_seed(3)
    drawn = view.sample_real(50)
    torch.manual_seed(3)
    assert torch.equal(drawn, view.real[torch.randint(3, (50,))])
    view._on_clear({"kind": "clear"})
    assert torch.equal(view.real, one.real)
    assert view.modes_covered is not None
    for bad in ([[1.0]], [[1.0, math.nan]]):
        with pytest.raises(DlvizError, match="painted"):
            view.painted = bad
    assert torch.equal(view.real, one.real)
    assert dlviz.duel(one.generator, one.discriminator, one.real, painted=[(1, 2)]).real.tolist() == [[1.0, 2.0]]


def test_all_snapshots_are_measured_against_the_painted_points():
    _, view = made()
    view.train("both", 3)
    before = view.series
    view._on_paint({"kind": "paint", "points": [[3.0, 3.0], [3.0, 2.0]]})
    painted = torch.tensor(view.painted)
    drawn = np.frombuffer(view.scene["snapshots"]["energy"], "<f8")
    assert drawn[3] == pytest.approx(energy_distance(view.fakes, painted))
    assert f"{drawn[3]:.3g}" in view.scene["badge"]["text"]
    for step in (1, 3):
        view.step = step
        assert view.series["energy"][step] == pytest.approx(energy_distance(view.fakes, painted))
        drawn = np.frombuffer(view.scene["snapshots"]["energy"], "<f8")
        assert drawn.tolist() == pytest.approx(view.series["energy"])
    assert view.series["d_loss"][1:] == before["d_loss"][1:]
    view.clear()
    for name, values in before.items():
        assert view.series[name] == pytest.approx(values, nan_ok=True) if name != "labels" else values
    view.painted = [[3.0, 3.0]]
    state = payload(view.to_html())["state"]
    assert state["scene"]["snapshots"] == json.loads(to_json(view.scene))["snapshots"]
    assert view.series["energy"][0] == pytest.approx(float(np.frombuffer(view.scene["snapshots"]["energy"], "<f8")[0]))


@pytest.mark.parametrize("n", [0, -1, 2.5, "3"])
def test_a_number_of_rows_that_does_not_fit_is_refused(n):
    with pytest.raises(DlvizError, match="sample_real"):
        made()[1].sample_real(n)


@pytest.mark.parametrize(("name", "value"), [("resolution", 5), ("selected", 60), ("show_grid", "yes"), ("step", -1)])
def test_a_refused_value_keeps_the_earlier_one(name, value):
    _, view = made()
    before = getattr(view, name)
    with pytest.raises(Exception, match=name):
        setattr(view, name, value)
    assert getattr(view, name) == before


def test_the_notes_say_what_a_learner_has_to_know():
    def notes(view):
        return " ".join(note["text"] for note in view.scene["notes"])

    one = Pair()
    assert notes(dlviz.duel(one.generator, one.discriminator, one.real)) == ""
    untidy = Untidy()
    text = notes(dlviz.duel(one.generator, untidy, one.real))
    assert "still 0 and 1" in text
    assert "dropout (discriminator.body.3) keeps everything" in text
    untidy(torch.randn(8, 2))
    view = dlviz.duel(one.generator, untidy, one.real)
    assert "batch norm (discriminator.body.1) uses its running" in notes(view)
    assert "still 0 and 1" not in notes(view)
    assert "no probabilities" in notes(dlviz.duel(one.generator, one.discriminator, one.real, output="probs"))
    assert "no probabilities" not in notes(
        dlviz.duel(one.generator, nn.Sequential(one.discriminator, nn.Sigmoid()), one.real)
    )
    with torch.no_grad():
        one.generator[-1].bias.fill_(math.nan)
    view = dlviz.duel(one.generator, one.discriminator, one.real, modes=one.centers)
    assert "60 of 60 fakes hold NaN" in notes(dlviz.duel(one.generator, one.discriminator, one.real, samples=60))
    assert view.modes_covered == 0
    assert view._still()


class Cut(nn.Module):
    """Discriminator that cuts the path to its input."""

    def __init__(self, how):
        super().__init__()
        self.net, self.how = nn.Linear(2, 1), how

    def forward(self, x):
        if self.how == "no_grad":
            with torch.no_grad():
                return self.net(x)
        return self.net(x.detach() if self.how == "detach" else 0 * x if self.how == "vanishing" else x)


@pytest.mark.parametrize("how", ["detach", "no_grad", "vanishing", "none"])
def test_a_discriminator_that_cuts_the_path_to_the_fakes_is_said_to(how):
    one = Pair()
    view = dlviz.duel(one.generator, Cut(how), one.real)
    is_cut = how in ("detach", "no_grad")
    assert view.record.is_cut is is_cut
    assert ("No gradient reaches the generator" in str(view.scene["notes"])) is is_cut
    assert bool(view.gradients.any()) is (how == "none")
    constant = dlviz.duel(one.generator, Cut("none"), one.real, loss=lambda output: torch.ones(len(output)))
    assert constant.record.is_cut


def test_a_page_holds_every_snapshot():
    one, view = made()
    view.train("both", 4)
    state = payload(view.to_html())["state"]
    kept = state["precomputed"]["step"]
    assert set(kept) == {"0", "1", "2", "3", "4"}
    view.step = 1
    assert kept["1"]["scene"]["fakes"] == json.loads(to_json(view.scene))["fakes"]
    assert one.generator.training


def test_a_long_training_fits_a_page_with_fewer_snapshots():
    one, view = made(samples=1000, resolution=40)
    for _ in range(110):
        one.step_g()
        view.update()
    page = view.to_html()
    assert len(page) < 4_400_000
    kept = payload(page)["state"]["precomputed"]["step"]
    assert 20 <= len(kept) < 110


def test_images_and_their_classes():
    generator, discriminator = image_pair()
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(36, 5))
    view = dlviz.duel(generator, discriminator, images(), classifier=classifier, samples=40)
    counts = torch.bincount(classifier(view.fakes).argmax(1), minlength=5)
    assert view.modes_covered == int((counts > 0).sum())
    assert view.scene["class_counts"] == counts.tolist()
    assert view.high_quality is None
    assert view.warp is None
    low, high = view.record.real.min(), view.record.real.max()
    expected = ((view.fakes[:25] - low) / (high - low)).clamp(0, 1).mul(255).round()
    assert (torch.tensor(list(view.scene["fakes"])) - expected.flatten()).abs().max() <= 1
    assert torch.equal(floats(view.scene, "gradients"), view.gradients[:25].flatten())
    with pytest.raises(DlvizError, match="plane"):
        view.painted = [[0.0, 1.0]]
    assert payload(view.to_html())["state"]["scene"]["shape"] == [1, 6, 6]


def test_the_still_shows_the_measures_in_both_themes():
    for theme in ("light", "dark"):
        _, view = made(theme=theme)
        root = ElementTree.fromstring(view._still())
        texts = ["".join(node.itertext()) for node in root.iter() if node.tag.endswith("text")]
        assert f"{view.modes_covered} of 8 modes" in texts
    generator, discriminator = image_pair()
    assert "image" in dlviz.duel(generator, discriminator, images())._still()


def test_an_update_stays_small_on_the_wire():
    _, view = made(samples=400, resolution=40)
    assert sum(len(value) for value in view.scene.values() if isinstance(value, bytes)) < 50_000


def test_a_critic_and_a_compiled_or_lazy_module():
    one = Pair()
    view = dlviz.duel(one.generator, one.discriminator, one.real, output="score", samples=20)
    assert view.scene["curves"] is None
    assert view.scene["middle"] == pytest.approx(float(view.d_real.mean() + view.d_fake.mean()) / 2, rel=1e-5)
    lazy = nn.Sequential(nn.LazyLinear(1))
    assert dlviz.duel(one.generator, lazy, one.real).d_fake.shape == (400,)
    assert lazy[0].weight.shape == (1, 2)


def test_the_example_of_the_gallery_goes_from_few_modes_to_all():
    modes = examples.duel().series["modes"]
    assert min(modes[1:8]) <= 3
    assert max(modes[12:]) == 8
    assert min(modes[-6:]) >= 6


def test_unknown_arguments_get_the_nearest_suggested():
    with pytest.raises(TypeError, match="Did you mean mode_radius"):
        made(mode_radus=2)


def test_one_network_as_both_and_real_points_with_a_data_set():
    net = mlp(2, 2)

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x).sum(1)

    points, _ = ring()
    view = dlviz.duel(net, Norm(), points, samples=10)
    torch.testing.assert_close(view.logits_fake, net(net(view.record.noise)).sum(1).detach())


def test_a_closed_widget_says_so():
    _, view = made()
    view.close()
    for use in (lambda: view.fakes, lambda: view.real, view.update, lambda: view.train("d"), lambda: view.series):
        with pytest.raises(DlvizError, match="closed"):
            use()


@pytest.mark.parametrize(
    ("loss", "got"), [("a", "str"), (torch.ones(3), r"a tensor of shape \(3,\)"), ([1.0, 2.0], "list")]
)
def test_a_loss_that_is_no_single_number_is_refused(loss, got):
    _, view = made()
    count = len(view.snapshots)
    with pytest.raises(DlvizError, match=f"d_loss must be a single number.*but got {got}"):
        view.update(loss, 1.0)
    with pytest.raises(DlvizError, match="g_loss must be"):
        view.update(1.0, loss)
    assert len(view.snapshots) == count
    view.update(np.float32(0.5), torch.tensor([2.0], requires_grad=True))
    view.update(math.nan)
    assert view.series["d_loss"][1] == 0.5
    assert view.series["g_loss"][1] == 2.0


def test_one_is_counted_in_the_singular():
    net = mlp(2, 2)
    view = dlviz.duel(net, mlp(2, 1), torch.zeros(1, 2), samples=1)
    assert repr(view).endswith("on 1 real sample)")
    assert "1 fake, 1 real" in view.scene["signature"]
