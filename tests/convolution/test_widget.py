"""The eight public functions: torch's signatures, arguments as traits, and refused arguments that keep the picture."""

import gc
import json
import random
import re
import warnings
import weakref

import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _remove_buffers
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.convolution import scene as scene_module
from dlviz.convolution import sliding_widget
from dlviz.kit.errors import DlvizError
from dlviz.kit.widget import Widget

X = torch.arange(50.0).view(1, 2, 5, 5) % 7
W = torch.arange(54.0).view(3, 2, 3, 3) % 5 - 2
B = torch.tensor([1.0, -1.0, 2.0])


class Table:
    """Numbers that NumPy reads, as a pandas column or table is."""

    def __init__(self, values):
        self.values = np.array(values)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


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
        (
            lambda: dlviz.conv2d({1}, W),
            DlvizError,
            "conv2d: x must be a tensor, an array or a list of numbers, but got set",
        ),
        (lambda: dlviz.conv2d(X[0, 0], W), DlvizError, r"2 spatial dimensions.*got x \(5, 5\)"),
        (lambda: dlviz.conv2d(X[:, :1], W), DlvizError, "expected input.* to have 2 channels"),
        (lambda: dlviz.conv2d(X, nn.Linear(2, 2)), DlvizError, "the module must be .* but got Linear"),
        (lambda: dlviz.conv2d(X, W, padding="some"), DlvizError, "Invalid padding string"),
        (lambda: dlviz.max_pool2d(X, 2, padding=2), DlvizError, "pad should be at most half"),
        (lambda: dlviz.conv2d(X, W, None, 1, stride=1), TypeError, "multiple values for argument 'stride'"),
        (lambda: dlviz.conv2d(X, W, color="red"), TypeError, "no such argument: color"),
        (lambda: dlviz.avg_pool1d(X[0], 2, divisor_override=3), TypeError, "no divisor_override"),
        (lambda: dlviz.avg_pool1d(X[0], 2, 2, 0, False, True, 3), TypeError, "positional arguments"),
        (lambda: dlviz.max_pool1d(X, 2), DlvizError, "max_pool1d: torch refuses"),
        (
            lambda: dlviz.avg_pool2d("x", 2),
            DlvizError,
            "avg_pool2d: x must be a tensor, an array or a list of numbers, but got str",
        ),
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


def quantized(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates them
        return torch.quantize_per_tensor(x, 0.1, 0, torch.quint8)


def scene_numbers(view, settings):
    """Return what a page shows with these settings, but the badge."""
    state = view._state(settings)
    return {**state, "scene": {**state["scene"], "badge": None}} if "scene" in state else state


@pytest.mark.parametrize("seed", range(60))
def test_a_picture_of_a_large_input_is_computed_from_its_drawn_part_with_the_same_numbers(seed, monkeypatch):
    draw = random.Random(seed)
    dims, kind = draw.choice([1, 2]), draw.choice(["conv", "conv_transpose", "max_pool", "avg_pool"])
    generator = torch.Generator().manual_seed(seed)

    def pair(*choices):
        return tuple(draw.choice(choices) for _ in range(dims))

    sizes = pair(4, 30, 41)
    x = torch.randint(-9, 9, (2, 4, *sizes), generator=generator).double()
    kernel = pair(1, 2, 3)
    given = {"stride": pair(1, 2, 3)}
    if kind == "conv":
        given |= {"padding": pair(0, 1, 3), "dilation": pair(1, 2), "groups": draw.choice([1, 2])}
        given["padding_mode"] = draw.choice(["zeros", "reflect", "replicate", "circular"])
        weight = torch.randint(-3, 3, (6, 4 // given["groups"], *kernel), generator=generator).double()
        arguments = (weight, torch.arange(6.0).double())
    elif kind == "conv_transpose":
        given |= {"padding": pair(0, 1), "groups": draw.choice([1, 2]), "dilation": pair(1, 2)}
        weight = torch.randint(-3, 3, (4, 4, *kernel), generator=generator).double()
        arguments = (weight, torch.arange(4.0 * given["groups"]).double())
    else:
        given |= {"padding": tuple(draw.randint(0, k // 2) for k in kernel), "ceil_mode": draw.choice([False, True])}
        given |= {"dilation": pair(1, 2)} if kind == "max_pool" else {"count_include_pad": draw.choice([False, True])}
        arguments = (kernel,)
    monkeypatch.setattr(scene_module, "MAX_POSITIONS", 5)
    for module in (scene_module, sliding_widget):
        monkeypatch.setattr(module, "MAX_CHANNELS", 2)
    try:
        view = getattr(dlviz, f"{kind}{dims}d")(x, *arguments, **given)
    except DlvizError:
        return  # torch refuses these arguments
    counts = view.output.shape[2:]
    more = {"max_pool": {"return_indices": True, "gradient": True}, "avg_pool": {"gradient": True}}.get(kind, {})
    for origin in ([0] * dims, [draw.randrange(n) for n in counts], [n - 1 for n in counts]):
        view.origin = origin
        settings = view._settings() | more | {"sample": 1}
        monkeypatch.setattr(sliding_widget, "_MAX_WHOLE", 10**9)
        whole = scene_numbers(view, settings)
        monkeypatch.setattr(sliding_widget, "_MAX_WHOLE", 0)
        assert scene_numbers(view, settings) == whole


def test_a_page_of_a_large_input_never_computes_all_of_it_again(monkeypatch):
    x = torch.randn(2, 20, 300, 300)
    for view in (dlviz.max_pool2d(x, 2), dlviz.conv2d(x, torch.randn(4, 20, 3, 3))):
        read, compute = [], view._compute

        def counted(settings, x, weight, bias, *, compute=compute, read=read):
            data = compute(settings, x, weight, bias)
            read.append(x.numel())
            return data

        monkeypatch.setattr(view, "_compute", counted)
        page = view.to_html()
        assert "precomputed" in page
        assert read
        assert max(read) < x.numel() / 2 / 2  # one sample, and a part of it


def test_an_empty_stride_is_the_size_of_the_window_as_in_torch():
    x = torch.arange(16.0).view(1, 4, 4)
    for stride in ((), []):
        for view in (dlviz.avg_pool2d(x, 2, stride=stride), dlviz.max_pool2d(x, 2, stride)):
            assert view.output.shape == (1, 2, 2)
            assert "<!doctype html>" in view.to_html()
        assert torch.equal(dlviz.avg_pool2d(x, 2, stride=stride).output, F.avg_pool2d(x, 2, stride=()))
    assert torch.equal(dlviz.avg_pool1d(x[:, 0], 2, stride=()).output, F.avg_pool1d(x[:, 0], 2, stride=()))


@pytest.mark.parametrize(
    ("show", "layer", "x"),
    [
        (dlviz.max_pool2d, nn.MaxPool2d(2), X),
        (dlviz.max_pool2d, nn.MaxPool2d(3, 2, 1, 1, ceil_mode=True, return_indices=True), X),
        (dlviz.max_pool1d, nn.MaxPool1d(2, dilation=2), X[:, :, 0]),
        (dlviz.avg_pool2d, nn.AvgPool2d(2, padding=1, count_include_pad=False, divisor_override=3), X),
        (dlviz.avg_pool1d, nn.AvgPool1d(3, 1, 1, True), X[:, :, 0]),
        (dlviz.conv1d, nn.Conv1d(2, 3, 2, stride=2), X[:, :, 0]),
        (dlviz.conv_transpose1d, nn.ConvTranspose1d(2, 3, 2, output_padding=1, stride=2), X[:, :, 0]),
    ],
)
def test_a_layer_is_taken_with_its_arguments(show, layer, x):
    expected = layer(x)
    expected = expected[0] if isinstance(expected, tuple) else expected
    for view in (show(x, layer), show(layer, x)):
        assert torch.equal(view.output, expected.detach())
    assert show(x, layer, stride=3).stride == 3


def test_an_argument_of_its_own_goes_before_the_layers():
    assert torch.equal(dlviz.max_pool2d(X, nn.MaxPool2d(2, 2), stride=1).output, F.max_pool2d(X, 2, 1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: dlviz.max_pool2d(X, nn.AvgPool2d(2)), "must be an nn.MaxPool2d, but got AvgPool2d"),
        (lambda: dlviz.conv2d(X, nn.LazyConv2d(4, 3)), "Call it once"),
        (lambda: dlviz.conv2d(X), "weight is missing"),
        (lambda: dlviz.conv2d(X[:0], W), r"no number to draw"),
        (lambda: dlviz.max_pool2d(X[:0], 2), r"no number to draw"),
        (lambda: dlviz.conv2d(X.to(torch.complex64), W.to(torch.complex64)), "x.real and x.imag"),
        (lambda: dlviz.conv2d(X, W.to(torch.complex64)), "weight.real and weight.imag"),
        (lambda: dlviz.avg_pool2d(X.to("meta"), 2), "no numbers"),
        (lambda: dlviz.avg_pool2d(X.to_sparse(), 2), "sparse_coo"),
        (lambda: dlviz.max_pool2d(quantized(X), 2), "dequantize"),
        (lambda: dlviz.conv2d("cat", W), "got str"),
        (lambda: dlviz.conv2d(X, W).set_weight(torch.zeros(1, 1, 1, 1)), r"must have shape \(3, 2, 3, 3\)"),
    ],
)
def test_what_cannot_be_drawn_is_said_with_a_way_out(make, words):
    with pytest.raises(DlvizError, match=words) as raised:
        make()
    assert "torch refuses" not in str(raised.value)


def test_arrays_lists_and_tables_are_data():
    image = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    expected = F.max_pool2d(torch.tensor(image).float()[None], 2)
    assert torch.equal(dlviz.max_pool2d([image], 2).output, expected)
    assert torch.equal(dlviz.max_pool2d(np.array([image]), 2).output, expected)
    assert torch.equal(dlviz.avg_pool1d(Table(image), 3).output, F.avg_pool1d(torch.tensor(image).float(), 3))
    wide = np.random.default_rng(0).random((1, 2, 6, 7))  # float64, as NumPy makes it
    view = dlviz.conv2d(wide, W, np.zeros(3))
    assert torch.equal(view.output, F.conv2d(torch.from_numpy(wide).float(), W, torch.zeros(3)))
    assert torch.equal(dlviz.conv2d(wide, nn.Conv2d(2, 3, 3)).output[0, 0, 0, 0] * 0, torch.tensor(0.0))
    assert dlviz.conv2d(X.double(), W.numpy()).output.dtype == torch.float64


def test_integers_of_numpy_are_arguments():
    view = dlviz.max_pool2d(X, np.int64(2), stride=(np.int32(1), np.int64(2)))
    assert torch.equal(view.output, F.max_pool2d(X, 2, (1, 2)))
    assert view.kernel_size == 2
    assert "<!doctype html>" in view.to_html()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30])
@pytest.mark.parametrize("show", [lambda x: dlviz.conv2d(x, W), lambda x: dlviz.max_pool2d(x, 2, gradient=True)])
def test_numbers_that_are_not_finite_are_drawn(value, show, tmp_path):
    x = X.clone()
    x[0, 0, 2, 2] = value
    view = show(x)
    for svg in (view._still(), show(x.repeat(1, 1, 9, 9))._still()):
        assert not re.search(r'="[^"]*(?:nan|inf)[^"]*"', svg.split("<desc")[-1])
    assert "<!doctype html>" in view.to_html()
    assert view.save(tmp_path / "a.png").exists()


def test_a_settings_own_refusal_is_not_said_to_be_torchs():
    view = dlviz.conv_transpose1d(torch.ones(1, 1, 5), torch.ones(1, 1, 2), padding=2)
    view.equivalent = True
    assert (view.refused_by, "no equivalent" in view.refusal) == ("dlviz", True)
    view.equivalent = False
    view.padding = 90
    assert view.refused_by == "torch"


def test_an_edit_that_the_dtype_cannot_hold_is_refused():
    view = dlviz.max_pool2d(torch.ones(1, 4, 4, dtype=torch.int8), 2)
    with pytest.raises(DlvizError, match=r"torch\.int8 can hold"):
        view.edit("input", (0, 0, 0), 1e30)


@pytest.mark.parametrize(
    ("name", "newer", "stale"),
    [
        ("step", 3, 5),
        ("stride", [2, 1], [1, 2]),
        ("channel", 1, 2),
        ("sample", 1, 0),
        ("selection", ["input", 0, 1, 1], []),
    ],
)
def test_a_value_that_the_page_sent_before_it_knew_pythons_newer_one_is_ignored(name, newer, stale):
    view = dlviz.conv2d(X.repeat(2, 1, 1, 1), W)
    seen = dict(view._written)
    setattr(view, name, newer)
    view.set_state({name: stale, "_seen": {name: seen.get(name, 0)}})
    assert getattr(view, name) == newer
    view.set_state({name: stale, "_seen": dict(view._written)})
    assert getattr(view, name) == stale


def test_a_pooling_opens_on_the_window_whose_maximum_differs_most_from_its_mean():
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, :2, 2:] = 5  # the largest numbers, but all equal
    x[0, 0, 3, 1] = 4
    assert dlviz.max_pool2d(x, 2).step == 3
    assert dlviz.avg_pool2d(x, 2).step == 3
    assert dlviz.max_pool1d(torch.tensor([[[1.0, 1, 2, 9, 5, 5]]]), 2).step == 2
    assert dlviz.max_pool2d(x, 2, step=0).step == 0
    x[0, 0, 0, 0] = float("inf")
    assert dlviz.max_pool2d(x, 2).step == 3
    assert dlviz.max_pool2d(torch.rand(1, 1, 64, 64), 2).step == 0  # a large output is shown whole
