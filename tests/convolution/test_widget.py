"""The eight public functions: torch's signatures, arguments as traits, and refused arguments that keep the picture."""

import gc
import json
import weakref

import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _remove_buffers
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.kit.widget import Widget

X = torch.arange(50.0).view(1, 2, 5, 5) % 7
W = torch.arange(54.0).view(3, 2, 3, 3) % 5 - 2
B = torch.tensor([1.0, -1.0, 2.0])


@pytest.fixture(autouse=True)
def _closed():
    yield
    Widget.close_all()


CALLS = {
    "conv2d": (dlviz.conv2d, F.conv2d, (X, W, B), {"stride": (1, 2), "padding": 1, "dilation": 1}),
    "conv2d by place": (dlviz.conv2d, F.conv2d, (X, W, B, 2, (1, 0), 1, 1), {}),
    "conv2d unbatched": (dlviz.conv2d, F.conv2d, (X[0], W), {"padding": "same"}),
    "conv1d": (dlviz.conv1d, F.conv1d, (X[0, :, 0], W[:, :, 0]), {"padding": 2, "stride": 2}),
    "conv_transpose2d": (
        dlviz.conv_transpose2d,
        F.conv_transpose2d,
        (X[..., :3, :3], W.transpose(0, 1).contiguous()),
        {"stride": 2, "padding": 1, "output_padding": 1},
    ),
    "conv_transpose1d": (
        dlviz.conv_transpose1d,
        F.conv_transpose1d,
        (X[0, :, 0], W.transpose(0, 1)[..., 0].contiguous(), B, 2, 1, 1),
        {"dilation": (2,)},
    ),
    "max_pool1d": (dlviz.max_pool1d, F.max_pool1d, (X[:, :, 0], 3, 1, 1), {"dilation": 2, "ceil_mode": True}),
    "max_pool1d unbatched": (dlviz.max_pool1d, F.max_pool1d, (X[0, :, 0], (2,)), {}),
    "avg_pool1d": (dlviz.avg_pool1d, F.avg_pool1d, (X[:, :, 0], 3, 2, 1, True, False), {}),
    "max_pool2d": (dlviz.max_pool2d, F.max_pool2d, (X, 2), {"stride": 2, "ceil_mode": True}),
    "avg_pool2d": (dlviz.avg_pool2d, F.avg_pool2d, (X, (3, 2)), {"padding": 1, "count_include_pad": False}),
}


@pytest.mark.parametrize(("ours", "torchs", "positional", "named"), CALLS.values(), ids=CALLS)
def test_each_function_takes_the_arguments_of_torch_and_has_its_output(ours, torchs, positional, named, tmp_path):
    view = ours(*positional, **named)
    assert torch.equal(view.output, torchs(*positional, **named))
    assert str(tuple(view.output.shape)) in repr(view)
    plain, _, buffers = _remove_buffers(view.get_state())
    assert len(json.dumps(plain, allow_nan=False)) + sum(map(len, buffers)) < 12_000
    assert "<title>" in view.save(tmp_path / "a.svg").read_text(encoding="utf-8")
    assert view.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "<!doctype html>" in view.save(tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_the_arguments_of_a_module_are_used(mode):
    layer = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, padding_mode=mode)
    for view in (dlviz.conv2d(X, layer), dlviz.conv2d(layer, X)):
        assert torch.equal(view.output, layer(X).detach())
    up = nn.ConvTranspose2d(2, 2, 3, stride=2)
    assert torch.equal(dlviz.conv_transpose2d(X, up).output, up(X).detach())


def test_setting_a_trait_recomputes():
    view = dlviz.conv2d(X, W)
    for name, value in (
        ("stride", 2),
        ("padding", [1, 0]),
        ("dilation", 2),
        ("padding_mode", "reflect"),
        ("padding", "same"),
        ("stride", 1),
    ):
        setattr(view, name, value)
    layer = nn.Conv2d(2, 3, 3, padding="same", dilation=2, padding_mode="reflect", bias=False)
    layer.weight = nn.Parameter(W)
    assert torch.equal(view.output, layer(X).detach())
    assert view.refusal == ""


def test_a_refused_value_shows_torchs_message_and_keeps_the_picture():
    view = dlviz.conv2d(X, W)
    scene, output = view.scene, view.output
    view.dilation = 4
    with pytest.raises(RuntimeError) as refused:
        F.conv2d(X, W, dilation=4)
    assert view.refusal == str(refused.value).partition("\n")[0]
    assert view.scene is scene
    assert torch.equal(view.output, output)
    view.dilation = 1
    assert view.refusal == ""


def test_an_edit_changes_only_the_widgets_copy():
    x, w = X.clone(), W.clone()
    view = dlviz.conv2d(x, w, padding=1)
    view.edit("input", (1, 2, 2), 9)
    view.edit("weight", (0, 0, 1, 1), -4)
    changed_x, changed_w = X.clone(), W.clone()
    changed_x[0, 1, 2, 2], changed_w[0, 0, 1, 1] = 9, -4
    assert torch.equal(view.output, F.conv2d(changed_x, changed_w, padding=1))
    assert torch.equal(x, X)
    assert torch.equal(w, W)
    with pytest.raises(DlvizError, match=r"no element \(0, 9, 9\) of input"):
        view.edit("input", (0, 9, 9), 1)


@pytest.mark.parametrize(
    ("ours", "torchs", "x"),
    [
        (dlviz.max_pool1d, F.max_pool1d, X[:, :, 0]),
        (dlviz.max_pool2d, F.max_pool2d, X),
        (dlviz.max_pool2d, F.max_pool2d, X[0]),
    ],
)
def test_flat_indices_of_maxima_equal_torch(ours, torchs, x):
    output, indices = torchs(x, 2, return_indices=True)
    for view in (ours(x, 2, return_indices=True), ours(x, 2, None, 0, 1, False, True)):
        assert torch.equal(view.output, output)
        assert torch.equal(view.indices, indices)
        assert np.frombuffer(view.scene["flat_indices"], np.int32).tolist() == indices.reshape(-1).tolist()
    assert ours(x, 2).scene["flat_indices"] is None


def test_a_preset_fills_every_kernel():
    view = dlviz.conv2d(X, W)
    view._on_preset({"kind": "preset", "name": "sobel_x"})
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).expand(3, 2, 3, 3)
    assert torch.equal(view.output, F.conv2d(X, sobel))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: dlviz.conv2d([1], W), DlvizError, "conv2d: x must be a tensor, but got list"),
        (lambda: dlviz.conv2d(X[0, 0], W), DlvizError, r"2 spatial dimensions.*got x \(5, 5\)"),
        (lambda: dlviz.conv2d(X[:, :1], W), DlvizError, "expected input.* to have 2 channels"),
        (lambda: dlviz.conv2d(X, nn.Linear(2, 2)), DlvizError, "the module must be .* but got Linear"),
        (lambda: dlviz.conv2d(X, W, padding="some"), DlvizError, "Invalid padding string"),
        (lambda: dlviz.max_pool2d(X, 2, padding=2), DlvizError, "pad should be at most half"),
        (lambda: dlviz.conv2d(X, W, None, 1, stride=1), TypeError, "stride twice"),
        (lambda: dlviz.conv2d(X, W, color="red"), TypeError, "no such argument: color"),
        (lambda: dlviz.avg_pool1d(X[0], 2, divisor_override=3), TypeError, "no divisor_override"),
        (lambda: dlviz.avg_pool1d(X[0], 2, 2, 0, False, True, 3), TypeError, "at most, but got 6"),
        (lambda: dlviz.max_pool1d(X, 2), DlvizError, "max_pool1d: torch refuses"),
        (lambda: dlviz.avg_pool2d("x", 2), DlvizError, "avg_pool2d: x must be a tensor, but got str"),
    ],
)
def test_bad_input_is_refused_with_an_explanation(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_large_images_and_many_channels_are_cropped_with_a_note():
    view = dlviz.conv2d(torch.zeros(1, 40, 300, 400), torch.zeros(64, 40, 3, 3))
    texts = [note["text"] for note in view.scene["notes"]]
    assert any("(40, 40) of (298, 398) output places" in text for text in texts)
    assert any("16 of 64 channels" in text for text in texts)
    assert sum(len(part) for part in _remove_buffers(view.get_state())[2]) < 400_000
    view.origin = [100, 200]
    assert view.scene["output"]["block"]["start"] == [0, 100, 200]


def test_the_minimap_is_a_subsampled_gray_image_of_the_first_channels():
    x = torch.rand(1, 5, 320, 480)
    minimap = dlviz.conv2d(x, torch.ones(1, 5, 3, 3)).scene["minimap"]
    assert (minimap["rows"], minimap["columns"]) == (160, 240)
    gray = x[0, :3, ::2, ::2].mean(0)
    wanted = ((gray - gray.min()) / (gray.max() - gray.min()) * 255).round()
    assert np.abs(np.frombuffer(minimap["values"], np.uint8) - wanted.reshape(-1).numpy()).max() <= 1
    odd = dlviz.conv1d(torch.full((1, 1, 99), float("nan")), torch.ones(1, 1, 3)).scene["minimap"]
    assert odd["values"] == bytes(99)
    assert "minimap" not in dlviz.conv2d(X, W).scene


def test_a_closed_widget_releases_its_tensors():
    array = np.ones((1, 1, 4, 4), np.float32)
    memory = weakref.ref(array)
    view = dlviz.max_pool2d(torch.from_numpy(array), 2)
    del array
    view.close()
    gc.collect()
    assert memory() is None
    with pytest.raises(DlvizError, match="closed"):
        view.save("never.svg")


def test_a_transposed_convolution_equals_its_equivalent_convolution():
    view = dlviz.conv_transpose2d(X[..., :3, :3], W.transpose(0, 1).contiguous(), stride=2, padding=1, output_padding=1)
    stamped = view.output
    view.equivalent = True
    assert view.scene["kind"] == "conv"
    assert torch.equal(view.output, stamped)
    assert view.scene["input"]["block"]["shape"] == [2, 3 + 2 + 2 + 1, 3 + 2 + 2 + 1]
    view.padding = 2
    view.output_padding = 0
    assert torch.equal(view.output, F.conv_transpose2d(X[..., :3, :3], W.transpose(0, 1), stride=2, padding=2))
    view.padding = 3  # the equivalent padding would be negative
    assert "equivalent" in view.refusal
