"""The widget: what Python reads from it, what its controls change, snapshots, pages, and what it refuses."""

import re

import numpy as np
import pytest
import torch
from torch import nn

import dlviz
from dlviz.diffusion import add_noise, cosine_schedule, linear_schedule, sample, score, widget_state
from dlviz.diffusion.sampling import WalkJob
from dlviz.diffusion.scene import percent
from dlviz.kit.errors import DlvizError
from tests.diffusion.models import Net

T = 20
SCHEDULE = linear_schedule(T, 0.005, 0.4)


@pytest.fixture
def x():
    return torch.randn(40, 2, generator=torch.Generator().manual_seed(0))


def view_of(x, **options):
    torch.manual_seed(0)
    return dlviz.denoise(Net(), x, options.pop("schedule", SCHEDULE), **{"samples": 12} | options)


def conditional(x, **options):
    torch.manual_seed(0)
    labels = [("left", "right")[k % 2] for k in range(len(x))]
    return dlviz.denoise(Net(classes=3), x, SCHEDULE, labels=labels, null=2, samples=12, **options)


def numbers(found, name, dtype="float32"):
    return np.frombuffer(found[name], dtype)


def test_python_reads_what_torch_computes(x):
    torch.manual_seed(0)
    net = Net()
    view = dlviz.denoise(net, x, SCHEDULE, samples=12, seed=4, step=7)
    assert view.t == 6  # step number 7
    assert view.schedule is SCHEDULE
    noisy = view.noised(6)
    assert noisy.shape == (40, 2)
    net.eval()
    with torch.no_grad():
        eps = net(noisy, torch.full((40,), 6))
        at_grid = net(view.grid, torch.full((256,), 6))
    assert torch.allclose(view.predict(noisy, 6), eps, atol=1e-6)
    assert torch.allclose(view.score(noisy, 6), -eps / SCHEDULE.noise[6].float(), atol=1e-5)
    assert torch.allclose(view.arrows, score(at_grid, 6, SCHEDULE), atol=1e-5)
    assert torch.equal(view.paths, sample(net, (12, 2), SCHEDULE, seed=4, return_path=True))
    assert torch.equal(view.samples, view.paths[-1])
    assert view.walk.times == (*reversed(range(T)), -1)
    assert view.record.walk is view.walk
    assert view.record.process.signal_left == view.signal_left == float(SCHEDULE.signal[-1])


def test_the_noise_of_an_example_is_the_same_at_every_step(x):
    view = view_of(x)
    ones = (view.noised(3) - SCHEDULE.signal[3] * x) / SCHEDULE.noise[3]
    assert torch.allclose(ones, (view.noised(19) - SCHEDULE.signal[19] * x) / SCHEDULE.noise[19], atol=1e-4)


def test_samples_start_from_other_noise_than_that_of_the_data(x):
    view = view_of(x, samples=40)
    noise = (view.noised(19) - SCHEDULE.signal[19] * x) / SCHEDULE.noise[19]
    assert (noise - view.paths[0]).abs().mean() > 0.5


def test_the_scene_holds_the_process_the_schedule_and_the_predictions(x):
    view = view_of(x)
    times, points = view.scene["process"]["times"], numbers(view.scene["process"], "x").reshape(T + 1, 40, 2)
    assert times == list(range(-1, T))
    assert np.array_equal(points[0], x.numpy())
    assert np.allclose(points[8], view.noised(7).numpy())
    assert np.array_equal(numbers(view.scene, "signal", "float64"), SCHEDULE.signal.numpy())
    found = view.drawn_predictions
    grid_score = numbers(found, "grid_score").reshape(T, 256, 2)
    view.step = 8
    assert np.allclose(grid_score[7], view.arrows.numpy(), atol=1e-5)
    walk = view.drawn_walk
    assert walk["times"] == [*reversed(range(T)), -1]
    assert np.array_equal(numbers(walk, "path").reshape(T + 1, 12, 2), view.paths.numpy())


def test_the_player_goes_from_noise_to_data_when_samples_walk_back(x):
    view = view_of(x, direction="denoise")
    assert view.t == T - 1
    view.step = T
    assert view.t == -1
    view.walk_steps = 4
    assert view.drawn_walk["times"] == [19, 14, 9, 4, -1]
    assert view.paths.shape == (5, 12, 2)


def test_a_long_schedule_is_drawn_at_some_of_its_steps(x):
    view = view_of(x, schedule="linear", steps=300)
    assert len(view.scene["process"]["times"]) == 42
    assert view.scene["process"]["times"][:2] == [-1, 0]
    assert view.scene["process"]["times"][-1] == 299
    made = view.drawn_walk["made"]
    assert (made[0], made[-2:]) == (0, [299, 300])
    assert [299 - t for t in view.drawn_walk["times"]] == made
    assert set(view.drawn_walk["times"]) == set(view.scene["process"]["times"])
    assert view.paths.shape == (301, 12, 2)


def test_another_schedule_changes_the_process_and_not_the_model(x):
    view = view_of(x, schedule="linear", steps=100)
    walk = view.drawn_walk
    assert percent(view.signal_left) == "60%"
    assert view.scene["badge"]["kind"] == "bad"
    view.forward_steps = 1000
    assert view.forward_schedule == "linear"
    assert view.signal_left == pytest.approx(float(linear_schedule(1000).signal[-1]))
    assert view.scene["badge"]["kind"] == "good"
    assert not view.scene["own"]
    view.forward_steps = 50
    view.beta_end = 0.4
    assert view.signal_left == pytest.approx(float(linear_schedule(50, 1e-4, 0.4).signal[-1]))
    view.forward_schedule = "cosine"
    assert view.signal_left == pytest.approx(float(cosine_schedule(50).signal[-1]))
    assert view.schedule.steps == 100
    assert view.drawn_walk is walk
    view.forward_schedule = "model"
    assert view.scene["own"]
    view.forward_steps = 99
    assert not view.scene["own"]
    view.beta_end = 0.02
    view.forward_steps = 100  # the model's own schedule again
    assert view.scene["own"]
    assert percent(view.signal_left) == "60%"


def test_a_linear_schedule_that_is_tried_begins_and_ends_with_the_models_betas(x):
    view = view_of(x)
    view.forward_steps = 10
    assert torch.equal(view.process.schedule.betas, linear_schedule(10, 0.005, 0.4).betas)
    view = view_of(x, schedule=cosine_schedule(10))
    view.forward_schedule = "linear"
    assert torch.equal(view.process.schedule.betas, linear_schedule(10).betas)


def test_update_keeps_snapshots_whose_arrows_and_samples_come_back(x):
    torch.manual_seed(0)
    net = Net()
    view = dlviz.denoise(net, x, SCHEDULE, samples=12, step=5)
    arrows, samples = view.arrows, view.samples
    view.update()
    assert len(view.snapshots) == 1
    with torch.no_grad():
        net.last.weight.add_(1)
    view.update("later")
    assert view.snapshots == ["start", "later"]
    assert view.snapshot == 1
    assert view.drawn_predictions["times"] == [4]
    assert view.drawn_walk["path"] is None
    later = view.arrows
    assert not torch.allclose(later, arrows)
    assert np.allclose(numbers(view.drawn_predictions, "grid_score").reshape(256, 2), later.numpy(), atol=1e-5)
    assert torch.equal(view.samples, sample(net, (12, 2), SCHEDULE))
    assert view.drawn_walk["path"] is not None
    view.step = 9
    assert len(view.drawn_predictions["times"]) == T
    view.snapshot = 0
    assert torch.equal(view.samples, samples)
    view.step = 5
    assert torch.allclose(view.arrows, arrows)


def test_at_the_end_of_a_cell_samples_walk_with_the_trained_model(x):
    torch.manual_seed(0)
    net = Net()
    view = dlviz.denoise(net, x, SCHEDULE, samples=12)
    with torch.no_grad():
        net.last.weight.add_(1)
    view.update()
    assert view.drawn_walk["path"] is None
    view._finish()
    assert np.array_equal(numbers(view.drawn_walk, "path")[-24:], sample(net, (12, 2), SCHEDULE).flatten().numpy())
    assert len(view.drawn_predictions["times"]) == T


def test_training_goes_on_undisturbed(x):
    def trained(watched):
        torch.manual_seed(0)
        net = Net()
        view = dlviz.denoise(net, x, SCHEDULE, samples=12) if watched else None
        optimizer = torch.optim.Adam(net.parameters())
        for _ in range(5):
            t, noise = torch.randint(T, (40,)), torch.randn(40, 2)
            loss = (net(add_noise(x, t, noise, SCHEDULE), t) - noise).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if view:
                view.update()
        return [*net.parameters(), *net.buffers()]

    assert all(torch.equal(a, b) for a, b in zip(trained(False), trained(True), strict=True))


def test_a_function_around_a_network_has_snapshots_too(x):
    torch.manual_seed(0)
    net = Net()
    view = dlviz.denoise(lambda x, t: net(x, t), x, SCHEDULE, samples=12)
    first = view.samples
    with torch.no_grad():
        net.last.bias.add_(1)
    view.update()
    assert len(view.snapshots) == 2
    assert not torch.equal(view.samples, first)
    view.snapshot = 0
    assert torch.equal(view.samples, first)


def test_the_curve_over_numbers_of_steps_is_computed_on_request_in_portions(x):
    view = view_of(x)
    assert view.steps_curve is None
    assert view.drawn_curve == {}
    while not view.drawn_curve:
        view._on_curve({"kind": "curve"})
    curve = view.compute_steps()
    assert view.steps_curve is curve
    assert curve.n == (1, 2, 5, 10, 20)
    assert np.array_equal(numbers(view.drawn_curve, "ddim", "float64"), curve.ddim)
    assert view.job == {}


def test_a_walk_that_takes_long_is_computed_in_portions(x, monkeypatch):
    monkeypatch.setattr("dlviz.diffusion.widget._PORTION", 0.0)
    view = view_of(x)
    seen = [view.job["done"]]
    while view.job:
        assert view.job["kind"] == "walk"
        view._on_walk({"kind": "walk"})
        seen.append(view.job.get("done", 1.0))
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert np.array_equal(numbers(view.drawn_walk, "path").reshape(-1, 12, 2), view.paths.numpy())


def test_guidance_and_class_change_arrows_and_samples(x):
    view = conditional(x, step=5)
    assert view.scene["classes"] == ["left", "right"]
    unconditional = view.arrows
    view.condition = 1
    one = view.arrows
    assert view.walk.labels.tolist() == [1] * 12
    view.guidance = 3.0
    assert torch.allclose(view.arrows, unconditional + 3 * (one - unconditional), atol=1e-4)
    view.guidance = 0.0
    assert torch.allclose(view.arrows, unconditional, atol=1e-5)
    view.condition = -1
    assert view.walk.labels.tolist() == [0, 1] * 6


def test_without_a_null_class_arrows_wait_for_a_class(x):
    view = dlviz.denoise(Net(classes=2), x, SCHEDULE, labels=torch.arange(40) % 2, samples=5)
    assert view.drawn_predictions["grid_score"] is None
    assert view.arrows.shape == (0, 2)
    view.condition = 0
    assert view.arrows.shape == (256, 2)
    with pytest.raises(DlvizError, match="needs labels and null"):
        view.guidance = 2.0


@pytest.mark.parametrize("shape", [(6, 6), (1, 6, 6), (3, 6, 6), (2, 6, 6), (1, 40, 40)], ids=str)
def test_images_of_every_kind(shape):
    x = torch.rand(9, *shape)
    view = dlviz.denoise(Net(shape), x, SCHEDULE, samples=4, clip=(0, 1))
    assert view.samples.shape == (4, *shape)
    assert view.walk.path.shape[1:] == (4, *shape)
    assert view.noised(3).shape == x.shape
    image = view.scene["image"]
    frames = len(view.scene["process"]["times"])
    assert image["channels"] == (3 if shape[0] == 3 else 1)
    assert max(image["rows"], image["columns"]) <= 32
    size = image["channels"] * image["rows"] * image["columns"]
    assert len(view.scene["process"]["x"]) == frames * 9 * size
    assert len(view.drawn_walk["path"]) == len(view.drawn_walk["times"]) * 4 * size
    assert view._still().startswith("<svg")
    pixels = np.frombuffer(view.scene["process"]["x"], "uint8")[:size]
    if max(shape) <= 32 and image["channels"] in (1, 3) and shape[0] != 2:
        expected = ((x[0] - x.min()) / (x.max() - x.min()) * 255).round()
        assert np.abs(pixels - expected.flatten().numpy()).max() <= 1


def test_data_of_every_kind(x):
    for data in (x.numpy(), x.tolist(), x.double()):
        assert dlviz.denoise(Net(), data, SCHEDULE, samples=3).samples.shape == (3, 2)


def test_a_page_holds_other_settings_with_their_own_numbers(x):
    view = conditional(x)
    found = {name: {value: state() for value, state in values.items()} for name, values in view._precomputed().items()}
    assert list(found) == [
        "guidance",
        "condition",
        "walk_steps",
        "sampler",
        "forward_steps",
        "forward_schedule",
        "beta_end",
    ]
    before = (view.drawn_walk, view.drawn_predictions, view.scene)
    for name, value, key in (("walk_steps", 5, "5"), ("sampler", "ddim", '"ddim"'), ("guidance", 3.0, "3.0")):
        other = conditional(x, **{name: value})
        state = found[name][key]
        assert state["drawn_walk"] == other.drawn_walk
        if name == "guidance":
            assert state["drawn_predictions"] == other.drawn_predictions
    shorter = found["forward_steps"]["10"]
    assert shorter["forward_schedule"] == "linear"
    assert shorter["scene"]["steps"] == 10
    steeper = found["beta_end"]["0.2"]
    assert steeper["forward_schedule"] == "linear"
    last = numbers(steeper["scene"], "signal", "float64")[-1]
    assert last == pytest.approx(float(linear_schedule(T, 0.005, 0.2).signal[-1]))
    assert (view.drawn_walk, view.drawn_predictions, view.scene) == before
    assert len(view.to_html()) < 4_000_000


def test_snapshots_are_in_the_page(x):
    torch.manual_seed(0)
    net = Net()
    view = dlviz.denoise(net, x, SCHEDULE, samples=12)
    for k in range(3):
        with torch.no_grad():
            net.last.bias.add_(k + 1)
        view.update()
    states = view._precomputed()["snapshot"]
    assert list(states) == ["0", "1", "2", "3"]
    view.snapshot = 1
    assert states["1"]()["drawn_walk"] == view.drawn_walk


def test_nonfinite_predictions_break_nothing(x):
    def model(x, t):
        return torch.where(t[:, None] > 10, torch.nan, x)

    view = dlviz.denoise(model, x, SCHEDULE, samples=5)
    assert view.samples.isnan().all()
    view.compute_steps()
    assert np.isnan(numbers(view.drawn_curve, "ddim", "float64")).all()
    assert len(view.to_html()) > 10_000
    assert view._still().startswith("<svg")


def test_a_closed_widget_has_let_everything_go(x):
    view = view_of(x)
    view.close()
    assert repr(view) == "dlviz.denoise(closed)"
    with pytest.raises(DlvizError, match="closed"):
        _ = view.samples


def test_repr_and_summary_say_what_is_shown(x):
    view = view_of(x, predicts="v")
    assert repr(view) == "dlviz.denoise(model on 40 points · T = 20, predicts v)"
    assert "of the data is left in x_T" in view.scene["summary"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": 3}, r"a function model\(x_t, t\), but got int"),
        ({"model": nn.Linear(2, 2)}, "raises TypeError"),
        ({"data": torch.zeros(4, 3)}, r"has the shape \(4, 3\)"),
        ({"data": torch.zeros(4, 2, dtype=torch.long)}, "torch.int64"),
        ({"data": torch.full((4, 2), torch.nan)}, "hold NaN"),
        ({"data": torch.zeros(0, 2)}, r"\(0, 2\)"),
        ({"data": "moons"}, "but got str"),
        ({"labels": [0, 1]}, "one class for each of the 40 examples"),
        ({"labels": [0] * 40, "classes": []}, "at least 1 names, but got"),
        ({"classes": ["a"]}, "pass labels too"),
        ({"null": 2}, "pass labels too"),
        ({"labels": [0] * 40, "null": 0.5}, "null must be"),
        ({"guidance": 2.0}, "needs labels and null"),
        ({"samples": 0}, "samples must be from 1 to 1000, but got 0"),
        ({"walk_steps": 21}, "walk_steps must be from 1 to 20"),
        ({"condition": 0}, "condition chooses a class, so pass labels too"),
        ({"point": 500}, "point must be"),
        ({"limits": (1, 0, 0, 1)}, "left < right"),
        ({"direction": "sideways"}, "direction must be"),
        ({"clip": 1.0}, r"clip must be two numbers"),
        ({"predicts": "eps"}, 'predicts must be "noise"'),
        ({"time": 0.5}, "time must be"),
        ({"steps": 5}, "has 20 steps of its own"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_refused(x, options, words):
    given = {"model": Net(), "data": x} | options
    with pytest.raises(DlvizError, match=words):
        dlviz.denoise(given.pop("model"), given.pop("data"), SCHEDULE, **given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("walk_steps", 21),
        ("condition", 0),
        ("point", 500),
        ("snapshot", 1),
        ("beta_end", 1.0),
        ("guidance", 2.0),
        ("eta", float("nan")),
    ],
)
def test_a_trait_set_to_something_else_says_what_fits(x, name, value):
    view = view_of(x)
    with pytest.raises(DlvizError, match=r"must be|needs|so pass"):
        setattr(view, name, value)
    assert view.samples.shape == (12, 2)


def test_a_misspelled_argument_is_corrected(x):
    with pytest.raises(TypeError, match="Did you mean predicts"):
        dlviz.denoise(Net(), x, SCHEDULE, predict="v")


def test_what_is_read_with_the_wrong_arguments_is_refused(x):
    view = view_of(x)
    with pytest.raises(DlvizError, match=r"from 0 to 19.*but got 20"):
        view.noised(20)
    with pytest.raises(DlvizError, match=r"shape of the data"):
        view.predict(torch.zeros(3, 3), 0)
    with pytest.raises(DlvizError, match=r"shape of the data, \(N, 2\), but got \(3, 3\)"):
        view.predict(torch.zeros(3, 3), 0)
    with pytest.raises(DlvizError, match="one for each of the 40 rows, but has 10"):
        view.noised(torch.arange(10))
    with pytest.raises(DlvizError, match="takes no classes, so leave out y"):
        view.predict(x, 3, [0] * 40)


def test_classes_of_a_prediction_are_ids_or_names_one_for_each_row_or_for_all(x):
    view = conditional(x)
    ids = torch.ones(40, dtype=torch.long)
    right = view.predict(x, 3, ids)
    assert not torch.equal(right, view.predict(x, 3, 0))
    for y in (["right"] * 40, "right", 1):
        assert torch.equal(view.predict(x, 3, y), right)
    for y, words in (("up", "right"), (ids[:3], r"for each of the 40 rows"), (ids.float(), "whole labels")):
        with pytest.raises(DlvizError, match=words):
            view.predict(x, 3, y)


def test_whole_numbers_of_an_array_are_refused_as_those_of_a_tensor_are(x):
    pixels = np.full((4, 8, 8), 255, dtype=np.uint8)
    for data in (pixels, torch.tensor(pixels), x.bool()):
        with pytest.raises(DlvizError, match=r"must be floating-point numbers, but got .*(uint8|bool)"):
            view_of(data)
    assert view_of([[0, 1], [1, 0]]).noised(0).shape == (2, 2)


def test_a_page_offers_strengths_of_guidance_that_differ_much(x):
    x = torch.randn(300, 2)
    labels = torch.arange(300) % 2
    view = dlviz.denoise(Net(classes=3), x, linear_schedule(100, 1e-3, 0.2), labels=labels, null=2, guidance=1.5)
    offered = view.page_payload(4_000_000)["state"]["precomputed"]
    assert {"0.0", "1.0", "1.5", "3.0", "8.0"} <= set(offered["guidance"])
    assert set(offered["condition"]) == {"-1", "0", "1"}
    assert all(len(offered[name]) > 1 for name in ("walk_steps", "forward_steps", "forward_schedule", "beta_end"))


def test_data_of_an_unusual_scale_have_a_note(x):
    assert not view_of(x).scene["notes"]
    for scale in (100, 0.01):
        view = view_of(x * scale)
        assert "root mean square" in view.scene["notes"][0]["text"]


def test_a_page_of_large_images_still_has_other_schedules():
    view = dlviz.denoise(lambda x, t: x, torch.rand(9, 3, 64, 64), SCHEDULE)
    offered = view.page_payload(4_000_000)["state"]["precomputed"]
    assert len(offered["forward_steps"]) > 1


def test_a_page_of_large_images_has_no_long_walk_but_the_one_that_is_drawn(monkeypatch):
    calls = 0

    def model(x, t):
        nonlocal calls
        calls += 1
        return 0 * x

    images = torch.rand(8, 3, 64, 64)
    monkeypatch.setattr(widget_state, "MAX_PAGE_NUMBERS", images.numel() * 50)
    view = dlviz.denoise(model, images, steps=100)
    assert "other walks of at most 50 steps only" in str(view.scene["notes"])
    view.samples  # noqa: B018
    calls = 0
    offered = view.page_payload(40_000_000)["state"]["precomputed"]
    assert set(offered["walk_steps"]) == {"100", "1", "2", "5", "10", "20", "50"}
    assert "sampler" not in offered
    assert calls <= 88 + 30  # the steps of the other walks, and predictions
    short = dlviz.denoise(model, images, steps=100, walk_steps=50)
    assert "other walks" not in str(short.scene["notes"])
    assert set(short.page_payload(40_000_000)["state"]["precomputed"]["sampler"]) == {'"ddpm"', '"ddim"'}


def test_a_walk_without_added_noise_draws_none(x, monkeypatch):
    view, drawn = view_of(x, sampler="ddim"), []
    normal = WalkJob._normal
    monkeypatch.setattr(WalkJob, "_normal", lambda job: drawn.append(job) or normal(job))
    view.sampler, view.sampler = "ddpm", "ddim"
    assert len(view.samples) == 12
    assert len(drawn) == view.schedule.steps + 2  # the first noise of both walks, and that of each step of DDPM


def test_a_still_picture_keeps_the_proportions_of_images():
    view = dlviz.denoise(lambda x, t: x, torch.rand(9, 6, 18), SCHEDULE, samples=4)
    sizes = re.findall(r'<image [^>]*width="([0-9.]+)" height="([0-9.]+)"', view._still())
    assert sizes
    assert all(float(wide) == pytest.approx(3 * float(high)) for wide, high in sizes)


def test_points_of_a_data_set_and_numbers_of_numpy_are_taken():
    points = dlviz.data.moons(50)
    view = dlviz.denoise(Net(), points, steps=np.int64(9), samples=np.int64(4), seed=np.int64(1), eta=np.float32(0.5))
    expected = dlviz.denoise(Net(), points.points, steps=9, samples=4, seed=1, eta=0.5)
    assert torch.equal(view.noised(3), expected.noised(3))
    with pytest.raises(DlvizError, match=r"0 to 2\*\*63 − 2"):
        dlviz.denoise(Net(), points, seed=2**63 - 1)


def test_one_is_counted_in_the_singular(x):
    assert "on 1 image 1×4×4" in repr(dlviz.denoise(lambda x, t: x, torch.rand(1, 1, 4, 4), steps=5))
    assert "on 1 point ·" in repr(dlviz.denoise(lambda x, t: x, x[:1], steps=5))
    assert f"on {len(x)} points ·" in repr(dlviz.denoise(lambda x, t: x, x, steps=5))
