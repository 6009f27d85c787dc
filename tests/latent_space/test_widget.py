"""`dlviz.latent` from Python: what it shows is torch's, it follows a training, and its page has what the kernel would answer."""

import copy
import json
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.latent_space import record
from tests.kit.test_page import payload
from tests.latent_space.models import Coder, images

EXACT = {"rtol": 0, "atol": 1e-12}


def view_of(size=2, *, variational=True, **options):
    net = Coder(size).train()
    x = images()
    options = {"labels": torch.arange(30) % 3} | options
    view = dlviz.latent(net if variational else net.mean, None if variational else net.decode, x, **options)
    return view, copy.deepcopy(net).eval(), x


def numbers(raw, kind="float32"):
    return np.frombuffer(raw, f"<{np.dtype(kind).str[1:]}")


def test_python_can_ask_for_everything_that_is_shown():
    view, net, x = view_of(anomalies=images(9, seed=7))
    assert repr(view) == "dlviz.latent(net: 30 images, code of 2)"
    expected = record(net, x, anomalies=images(9, seed=7))
    torch.testing.assert_close(view.codes, expected.codes, **EXACT)
    torch.testing.assert_close(view.std, expected.std, **EXACT)
    torch.testing.assert_close(view.kl, expected.kl, **EXACT)
    torch.testing.assert_close(view.kl_per_example, expected.kl_per_example, **EXACT)
    torch.testing.assert_close(view.errors, expected.errors, **EXACT)
    torch.testing.assert_close(view.reconstructions, expected.reconstructions, **EXACT)
    threshold = float(view.errors.median())
    assert view.rates(threshold).false_alarm == float((view.errors > threshold).double().mean())
    view.threshold = threshold
    assert view.rates() == view.rates(threshold)
    assert 0 <= view.auc <= 1
    with torch.no_grad():
        torch.testing.assert_close(view.encode(x[3]), net.mean(x[3:4])[0], **EXACT)
        torch.testing.assert_close(view.encode(x[:3]), net.mean(x[:3]), **EXACT)
        torch.testing.assert_close(
            view.decode([0.5, -1.0]), net.decode(torch.tensor([[0.5, -1.0]]).double())[0], **EXACT
        )
        noise = torch.randn(4, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        torch.testing.assert_close(view.samples(4, seed=3), net.decode(noise), **EXACT)


@pytest.mark.parametrize("size", [1, 2, 6])
@pytest.mark.parametrize("variational", [True, False])
def test_an_anomaly_is_selected_by_its_number_after_the_data(size, variational):
    others = images(9, seed=7)
    view, _, _ = view_of(size, variational=variational, anomalies=others)
    view.example = 34
    expected, shown = view.record.anomalies, view.selection
    np.testing.assert_allclose(numbers(shown["input"]), others[4].flatten(), rtol=1e-6)
    np.testing.assert_allclose(numbers(shown["output"]), expected.reconstructions[4].flatten(), rtol=1e-6)
    np.testing.assert_allclose(
        numbers(shown["difference"]), (expected.reconstructions - others)[4].flatten(), rtol=1e-4, atol=1e-6
    )
    assert (shown["error"], shown["label"], shown["kl"]) == (float(expected.errors[4]), "", None)
    assert shown["place"] == view._latent.place(expected.codes)[4].tolist()
    np.testing.assert_allclose(numbers(view.details["values"]), numbers(shown["output"]), rtol=1e-4, atol=1e-5)
    view.select(34, target=3)
    t = torch.linspace(0, 1, 13, dtype=torch.float64)[:, None]
    codes = expected.codes[4] * (1 - t) + view.codes[3] * t
    np.testing.assert_allclose(numbers(view.selection["path"]["values"]), view.decode(codes).flatten(), atol=1e-6)
    assert view._repr_mimebundle_()
    page = view._page_state()
    assert page["selection"]["example"] == 34
    carried = page["carried"]
    rows = numbers(carried["rows"], "int32").tolist()
    assert rows == list(range(39))
    np.testing.assert_allclose(numbers(carried["errors"], "float64")[30:], expected.errors)
    assert (view.scene["scores"]["missed"]["rows"]) == [30 + k for k in expected.errors.argsort()[:4].tolist()]
    np.testing.assert_allclose(numbers(view.scene["anomaly_errors"]), expected.errors, rtol=1e-6)
    with pytest.raises(DlvizError, match="from -1 to 38"):
        view.example = 39
    with pytest.raises(DlvizError, match=r"target must be .* to 29"):
        view.target = 30


@pytest.mark.parametrize("size", [1, 2, 6])
def test_a_path_is_what_torch_decodes_on_the_straight_line(size):
    view, net, x = view_of(size)
    with torch.no_grad():
        a, b = net.mean(x[[4, 9]])
        expected = torch.cat([net.decode((a + (b - a) * k / 5)[None]) for k in range(6)])
    torch.testing.assert_close(view.path(4, 9, steps=5), expected, **EXACT)
    view.select(4, target=9)
    path = view.selection["path"]
    drawn = numbers(path["values"]).reshape(13, 1, 6, 6)
    np.testing.assert_allclose(drawn, view.path(4, 9).float().numpy())
    places = numbers(path["places"]).reshape(13, 2)
    np.testing.assert_allclose(np.diff(places, axis=0), np.broadcast_to(np.diff(places, axis=0)[0], (12, 2)), atol=1e-5)


def test_the_probe_decodes_the_code_at_its_place():
    view, net, x = view_of()
    view.probe = [0.25, -0.75]
    with torch.no_grad():
        expected = net.decode(torch.tensor([[0.25, -0.75]], dtype=torch.float64))
    np.testing.assert_allclose(numbers(view.details["values"]), expected.float().flatten().numpy(), rtol=1e-6)
    view.example = 5
    assert view.probe == []
    with torch.no_grad():
        expected = net.decode(net.mean(x[5:6]))
    np.testing.assert_allclose(numbers(view.details["values"]), expected.float().flatten().numpy(), rtol=1e-6)


@pytest.mark.parametrize("axes", ["pca", [0, 3]], ids=str)
def test_in_a_larger_code_the_drag_begins_exactly_at_the_example(axes):
    view, net, x = view_of(5, axes=axes, example=7)
    view._on_probe({"kind": "probe", "x": view.details["place"][0], "y": view.details["place"][1]})
    with torch.no_grad():
        expected = net.decode(net.mean(x[7:8]))
    np.testing.assert_allclose(
        numbers(view.details["values"]), expected.float().flatten().numpy(), rtol=1e-5, atol=1e-6
    )
    assert view.axes == axes
    assert len(view.variance_ratio) == (2 if axes == "pca" else 0)


def test_the_decoded_grid_holds_what_the_codes_at_its_places_decode_to():
    view, net, _ = view_of(resolution=5)
    assert view.background == {}
    view.decoded_grid = True
    left, right, bottom, top = view.scene["limits"]
    drawn = numbers(view.background["values"]).reshape(5, 5, 36)
    for row, column in ((0, 0), (1, 3), (4, 4)):
        place = [left + (column + 0.5) * (right - left) / 5, top - (row + 0.5) * (top - bottom) / 5]
        with torch.no_grad():
            expected = net.decode(torch.tensor([place], dtype=torch.float64)).flatten()
        np.testing.assert_allclose(drawn[row, column], expected.float().numpy(), rtol=1e-5, atol=1e-6)


def test_a_drawing_is_encoded_and_decoded():
    view, net, _ = view_of()
    drawn = torch.zeros(36, dtype=torch.float64)
    drawn[7:20] = 1
    view._on_paint({"kind": "paint", "values": drawn.tolist()})
    with torch.no_grad():
        code = net.mean(drawn.view(1, 1, 6, 6))
        output = net.decode(code)
    np.testing.assert_allclose(view.drawing["place"], code[0].numpy(), atol=1e-12)
    np.testing.assert_allclose(numbers(view.drawing["output"]), output.float().flatten().numpy(), rtol=1e-6)
    assert view.drawing["error"] == pytest.approx(float((output.flatten() - drawn).square().mean()), abs=1e-12)
    view.axes = [1, 0]
    np.testing.assert_allclose(view.drawing["place"], code[0].flip(0).numpy(), atol=1e-12)
    with pytest.raises(DlvizError):
        view._on_paint({"kind": "paint", "values": [1.0, 2.0]})


def test_update_follows_a_training_and_earlier_snapshots_come_back():
    torch.manual_seed(0)
    x = torch.rand(20, 8)
    encoder, decoder = nn.Linear(8, 2), nn.Linear(2, 8)
    view = dlviz.latent(encoder, decoder, x)
    codes, errors = [view.codes], [view.errors]
    for k in range(3):
        with torch.no_grad():
            encoder.weight += 0.5
            decoder.bias -= 0.25
        view.update(f"step {k}")
        codes.append(view.codes)
        errors.append(view.errors)
    with torch.no_grad():
        torch.testing.assert_close(view.codes, encoder(x))
    assert view.step == 3
    assert view.snapshots[1:] == ["step 0", "step 1", "step 2"]
    for step in (0, 2, 3, 1):
        view.step = step
        torch.testing.assert_close(view.codes, codes[step], **EXACT)
        torch.testing.assert_close(view.errors, errors[step], **EXACT)
        points = numbers(view.scene["points"]).reshape(20, 2)
        np.testing.assert_allclose(points, codes[step].numpy(), rtol=1e-6, atol=1e-6)
    view.update()
    assert view.step == 4


def test_of_functions_without_parameters_the_numbers_are_kept():
    x, factor = torch.rand(10, 4), [1.0]
    view = dlviz.latent(lambda x: x[:, :2] * factor[0], lambda code: code.repeat(1, 2), x, anomalies=x[:2] + 1)
    first = view.codes
    factor[0] = 3.0
    view.update()
    torch.testing.assert_close(view.codes, 3 * first)
    view.step = 0
    torch.testing.assert_close(view.codes, first)
    assert view.record.anomalies.codes.shape == (2, 2)
    assert "functions without parameters" in str(view.scene["notes"])


def test_nothing_of_the_model_is_changed():
    net, x = Coder(3).train(), images()
    net.encoder[4].eval()
    before = copy.deepcopy(net.state_dict())
    modes = [module.training for module in net.modules()]
    state = torch.get_rng_state()
    view = dlviz.latent(net, x, target=3, decoded_grid=True)
    view.probe = [0.1, 0.2]
    view.update()
    view.samples()
    view._still()
    view.to_html()
    assert [module.training for module in net.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_large_set_is_drawn_in_part_and_a_note_says_so():
    x = torch.rand(2500, 6)
    view = dlviz.latent(lambda x: x[:, :2], lambda code: code.repeat(1, 3), x)
    assert len(numbers(view.scene["rows"], "int32")) == 2000
    assert "2000 of 2500" in str(view.scene["notes"])
    assert len(view.codes) == 2500
    view.example = 2499
    assert view.selection["error"] == pytest.approx(float(view.errors[2499]))


def test_codes_that_are_not_finite_are_said_so_and_harm_nothing():
    x = torch.rand(12, 4)
    x[3] = torch.nan
    view = dlviz.latent(lambda x: x[:, :3], lambda code: torch.cat((code, code[:, :1]), 1), x, decoded_grid=True)
    assert "1 code holds NaN or Inf and has no place on the map." in str(view.scene["notes"])
    assert all(np.isfinite(view.scene["limits"]))
    view.example = 3
    ElementTree.fromstring(view._still())
    view.to_html()


@pytest.mark.parametrize("variance", ["var", "std", "log_var", "log_std"])
def test_a_second_output_that_cannot_be_a_variance_is_said_so(variance):
    net, x = Coder(), images()
    second = net.eval().encode(x)[1]
    view = dlviz.latent(net.encode, net.decode, x, variance=variance)
    is_log = variance.startswith("log")
    said = "" if is_log else f"is negative or NaN in {int((second < 0).sum())} of {second.numel()} places"
    assert said in str(view.scene["notes"])
    assert ("log_var" in str(view.scene["notes"])) is not is_log
    positive = dlviz.latent(
        lambda x: (x[:, 0, 0, :2], x[:, 0, 1, :2]), lambda code: code.repeat(1, 18), x, variance=variance
    )
    assert "negative" not in str(positive.scene["notes"])
    view.to_html()


def test_labels_may_be_names_and_classes_name_numbers():
    x = torch.rand(6, 4)
    coder = (lambda x: x[:, :2], lambda code: code.repeat(1, 2), x)
    view = dlviz.latent(*coder, labels=["b", "a", "b", "a", "b", "c"])
    assert [one["name"] for one in view.scene["classes"]] == ["a", "b", "c"]
    assert view.selection["label"] == "b"
    view = dlviz.latent(*coder, labels=[0, 1, 0, 1, 0, 1], classes=["cat", "dog"], example=1)
    assert view.selection["label"] == "dog"
    view = dlviz.latent(*coder, labels=[7, 7, 9, 9, 7, 9], example=2)
    assert view.selection["label"] == "9"


REFUSED = {
    "labels": (lambda v: view_of(labels=[1, 2]), "30 labels"),
    "classes": (lambda v: view_of(classes=["a"]), "classes has 1 names"),
    "axes": (lambda v: view_of(3, axes=(0, 3)), "from 0 to 2"),
    "example": (lambda v: view_of(example=30), "from -1 to 29"),
    "axes none": (lambda v: setattr(v, "axes", None), "from 0 to 1"),
    "label kind": (lambda v: view_of(labels=torch.rand(30)), r"Pass labels.long\(\)"),
    "axes later": (lambda v: setattr(v, "axes", [0, 2]), "from 0 to 1"),
    "example later": (lambda v: setattr(v, "example", 99), "from -1 to 29"),
    "probe later": (lambda v: setattr(v, "probe", [1.0]), "two numbers"),
    "threshold text": (lambda v: setattr(v, "threshold", "high"), "threshold must be a number, but"),
    "threshold later": (lambda v: setattr(v, "threshold", float("nan")), "must be a number"),
    "resolution later": (lambda v: setattr(v, "resolution", 3), "resolution"),
    "code": (lambda v: v.decode([1.0, 2.0, 3.0]), "K = 2"),
    "x": (lambda v: v.encode(torch.rand(3, 3)), r"\(M, 1, 6, 6\)"),
    "path": (lambda v: v.path(0, 30), "from 0 to 29"),
    "samples": (lambda v: v.samples(0), "from 1 to 10000"),
    "seed": (lambda v: v.samples(2, seed=-1), "from 0 to"),
    "rates": (lambda v: v.rates("high"), "must be a number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_name_and_changes_nothing(name):
    view = view_of()[0]
    call, words = REFUSED[name]
    before = view.scene
    with pytest.raises(DlvizError, match=words):
        call(view)
    assert view.scene is before
    assert view.axes == [0, 1]


def test_a_page_holds_examples_a_grid_and_a_path_for_the_time_without_a_kernel():
    view = view_of(example=2)[0]
    state = payload(view.to_html())["state"]
    assert state["background"]["side"] == 12
    assert state["carried"]["path"]["example"] == 2
    assert len(state["carried"]["codes"]) == 30
    assert view.carried == {}
    assert view.background == {}


def test_a_page_has_the_map_along_other_axes_and_leaves_the_picture_as_it_was():
    view = view_of(5, example=3)[0]
    before = dict(view.scene), view._latent.places.clone(), view.axes
    found = view._precomputed()["axes"]
    assert len(found) == 6
    name, make = next(iter(found.items()))
    made = make()
    assert (dict(view.scene), view.axes) == (before[0], before[2])
    assert torch.equal(view._latent.places, before[1])
    view.axes = json.loads(name)
    assert made["scene"]["points"] == view.scene["points"]
    assert made["selection"] == view.selection
    assert "axes" not in view_of(2)[0]._precomputed()


def test_a_page_scrubs_through_the_snapshots():
    torch.manual_seed(0)
    encoder, decoder = nn.Linear(8, 2), nn.Linear(2, 8)
    view = dlviz.latent(encoder, decoder, torch.rand(20, 8))
    for _ in range(4):
        with torch.no_grad():
            encoder.weight += 0.5
        view.update()
    found = view._precomputed()["step"]
    assert list(found) == ["0", "1", "2", "3", "4"]
    first = found["0"]()
    view.step = 0
    assert first["scene"]["points"] == view.scene["points"]
    assert first["selection"]["error"] == view.selection["error"]


@pytest.mark.parametrize("kind", ["image", "rgb", "series", "row"])
def test_the_still_picture_is_drawn_for_every_kind(kind):
    shape = {"image": (9, 1, 6, 6), "rgb": (9, 3, 6, 6), "series": (9, 2, 40), "row": (9, 5)}[kind]
    x = torch.rand(shape)
    view = dlviz.latent(lambda x: x.flatten(1)[:, :2], lambda code: torch.zeros(len(code), *shape[1:]), x)
    picture = ElementTree.fromstring(view._still())
    texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert any("reconstruction" in text for text in texts)
    assert any(text.startswith("mean squared error") for text in texts)


def test_a_closed_widget_lets_its_tensors_go():
    view = view_of()[0]
    view.close()
    assert view._state is None
    with pytest.raises(DlvizError, match="closed"):
        view.codes  # noqa: B018


def test_the_clean_examples_of_a_denoiser_are_shown_and_carried_by_a_page():
    net, clean = Coder(), images()
    noisy = clean + 2
    view = dlviz.latent(net, noisy, compare_with=clean, example=4)
    np.testing.assert_allclose(numbers(view.selection["compared"]), clean[4].float().flatten().numpy())
    np.testing.assert_allclose(numbers(view.selection["input"]), noisy[4].float().flatten().numpy())
    difference = (view.reconstructions[4] - clean[4]).float().flatten().numpy()
    np.testing.assert_allclose(numbers(view.selection["difference"]), difference, rtol=1e-5, atol=1e-6)
    assert view.scene["picture"]["low"] == [0.0]
    assert view.scene["picture"]["high"] == [1.0]
    carried = payload(view.to_html())["state"]["carried"]
    assert set(carried) >= {"input", "compared", "output", "difference"}
    assert view_of()[0].selection["compared"] is None


@pytest.mark.parametrize(
    ("shape", "words"),
    [((3, 1, 112, 56), "56 × 28 pixels"), ((3, 500), "256 values"), ((3, 1, 56, 56), ""), ((3, 256), "")],
)
def test_a_note_says_that_large_examples_are_drawn_averaged(shape, words):
    x = torch.rand(shape)
    view = dlviz.latent(lambda x: x.flatten(1)[:, :2], lambda code: torch.zeros(len(code), *shape[1:]), x)
    assert (words in str(view.scene["notes"])) if words else view.scene["notes"] == []


def test_points_of_a_data_set_are_taken_and_a_seed_has_a_limit():
    points = dlviz.data.moons(20)
    net = nn.Linear(2, 2)
    view = dlviz.latent(lambda x: (net(x), net(x)), net, points)
    assert torch.equal(view.codes, net(points.points).detach())
    torch.testing.assert_close(dlviz.latent(net, net, points, anomalies=points).codes, view.codes)
    with pytest.raises(DlvizError, match="sample_seed"):
        view.sample_seed = 2**70
    with pytest.raises(DlvizError, match=r"0 to 2\*\*63 − 1"):
        view.samples(3, seed=2**63)


def test_one_is_counted_in_the_singular():
    view = dlviz.latent(*[nn.Flatten()] * 2, torch.rand(1, 1, 4, 4))
    assert repr(view) == "dlviz.latent(encoder: 1 image, code of 16)"
    assert "1 image 4×4" in view.scene["signature"]
    assert "the codes of 1 example;" in view.scene["summary"]
    assert "3 images" in repr(dlviz.latent(*[nn.Flatten()] * 2, torch.rand(3, 1, 4, 4)))
