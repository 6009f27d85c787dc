"""Grad-CAM equals a reference without hooks, at any layer, however forward calls it."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.attribution import channel_terms, grad_cam, layers, record, score_function
from dlviz.attribution.layer_choices import default_layer
from dlviz.kit.errors import DlvizError
from tests.attribution import by_hand
from tests.attribution.nets import ImageNet

EXACT = {"rtol": 0, "atol": 1e-10}
SEEDS = [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 100))]


def choice(score, path):
    return next(layer for layer in layers(score) if layer.path == path)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_equals_the_reference_on_small_nets(seed):
    net = ImageNet(seed)
    x, twin = net.inputs(2), copy.deepcopy(net).eval()
    score = score_function(net, x, [0, 1])
    with torch.no_grad():
        maps = twin.features(x)
    for relu in (True, False):
        made = grad_cam(score, "features", relu)
        for k in range(2):
            expected = by_hand.grad_cam(maps[k : k + 1], twin.head, k, relu)
            torch.testing.assert_close(made.values[k], expected, **EXACT)
            torch.testing.assert_close(made.sum[k], expected.sum(), **EXACT)
    larger = F.interpolate(made.values[:, None], size=x.shape[2:], mode="bilinear")[:, 0]
    torch.testing.assert_close(made.maps, larger, **EXACT)


def test_every_layer_of_a_chain_equals_the_reference():
    net = ImageNet(4)
    x, twin = net.inputs(1), copy.deepcopy(net).eval()
    score = score_function(net, x, 1)
    found = [layer.path for layer in layers(score)]
    assert found[0] == "features.0"
    for path in found:
        name, _, number = path.partition(".")
        first = list(twin.features) if name == "features" else [*twin.features, *list(twin.head)[: int(number) + 1]]
        first = first[: int(number) + 1] if name == "features" else first
        rest = [*twin.features, *twin.head][len(first) :]
        with torch.no_grad():
            maps = nn.Sequential(*first)(x.clone())
        expected = by_hand.grad_cam(maps, nn.Sequential(*rest), 1, False)
        torch.testing.assert_close(grad_cam(score, path, False).values[0], expected, **EXACT)


def test_it_equals_the_reference_on_a_resnet_of_timm(timm):
    torch.manual_seed(0)
    net = timm.create_model("resnet18", num_classes=5, zero_init_last=False).double()
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    score = score_function(net, x, 3)
    twin = copy.deepcopy(net).eval()

    def stem(x):
        return twin.maxpool(twin.act1(twin.bn1(twin.conv1(x))))

    def head(maps, after):
        for name in ("layer2", "layer3", "layer4")[after - 1 :]:
            maps = getattr(twin, name)(maps)
        return twin.fc(twin.global_pool(maps))

    for number in (2, 4):
        with torch.no_grad():
            maps = stem(x)
            for k in range(1, number + 1):
                maps = getattr(twin, f"layer{k}")(maps)
        for relu in (True, False):
            expected = by_hand.grad_cam(maps, lambda maps, k=number: head(maps, k), 3, relu)
            torch.testing.assert_close(grad_cam(score, f"layer{number}", relu).values[0], expected, **EXACT)
    assert default_layer(score).aliases == ("layer4.1", "layer4")
    # timm adds the shortcut and applies ReLU in place, over what batch norm has returned.
    assert "in place" in choice(score, "layer4.1.bn2").note
    block, before = twin.layer4[1], {}
    with torch.no_grad():
        for k in (1, 2, 3):
            maps = stem(x) if k == 1 else maps
            maps = getattr(twin, f"layer{k}")(maps)
        before["x"] = twin.layer4[0](maps)
        inside = block.bn2(block.conv2(block.act1(block.bn1(block.conv1(before["x"])))))
    expected = by_hand.grad_cam(
        inside, lambda maps: twin.fc(twin.global_pool(torch.relu(maps + before["x"]))), 3, False
    )
    torch.testing.assert_close(grad_cam(score, "layer4.1.bn2", False).values[0], expected, **EXACT)


@pytest.mark.parametrize(
    ("name", "options", "prefix"),
    [
        ("vit_tiny_patch16_224", {"img_size": (32, 48), "depth": 2}, 1),
        ("vit_tiny_patch16_224", {"img_size": 32, "depth": 2, "class_token": False, "global_pool": "avg"}, 0),
        ("deit_tiny_distilled_patch16_224", {"img_size": 32, "depth": 2}, 2),
        ("vit_small_patch14_reg4_dinov2", {"img_size": 28, "depth": 2}, 5),
    ],
    ids=["class token", "no class token", "distillation token", "registers"],
)
def test_the_tokens_of_a_vision_transformer_are_a_grid(timm, name, options, prefix):
    torch.manual_seed(0)
    net = timm.create_model(name, num_classes=3, **options).double()
    size = options["img_size"] if isinstance(options["img_size"], tuple) else (options["img_size"],) * 2
    x = torch.randn(1, 3, *size, dtype=torch.float64)
    score = score_function(net, x, 2)
    chosen = default_layer(score)
    patch = net.patch_embed.patch_size[0]
    grid = (size[0] // patch, size[1] // patch)
    assert chosen.shape == (net.embed_dim, *grid)
    assert chosen.layout.prefix == prefix
    last = len(net.blocks) - 1
    if prefix:  # only the class token leaves the last block, so its output says nothing about the grid
        assert chosen.path == f"blocks.{last}.norm1"
        assert f"left out: {prefix}" in chosen.note
        assert not choice(score, f"blocks.{last}").usable
        assert not grad_cam(score, f"blocks.{last}", False).values.any()
    twin = copy.deepcopy(net).eval()
    kept = []
    handle = twin.blocks[last].norm1.register_forward_hook(lambda _, __, made: kept.append(made) or made)
    value = twin(x)[0, 2]
    handle.remove()
    weights = torch.autograd.grad(value, kept[0])[0][0, prefix:].mean(0)
    expected = (kept[0][0, prefix:] * weights).sum(1).reshape(grid)
    torch.testing.assert_close(grad_cam(score, f"blocks.{last}.norm1", False).values[0], expected.detach(), **EXACT)


def test_maps_with_channels_last_are_read_as_such(timm):
    torch.manual_seed(0)
    net = timm.create_model("swin_tiny_patch4_window7_224", img_size=64, window_size=2, num_classes=2, depths=(1, 1))
    score = score_function(net.double(), torch.randn(1, 3, 64, 64, dtype=torch.float64), 0)
    chosen = default_layer(score)
    assert (chosen.layout.order, chosen.layout.grid) == ("HWC", (8, 8))
    twin = copy.deepcopy(net).eval()
    with torch.no_grad():
        maps = twin.forward_features(score.inputs.x)
    expected = by_hand.grad_cam(
        maps.permute(0, 3, 1, 2), lambda maps: twin.forward_head(maps.permute(0, 2, 3, 1)), 0, True
    )
    torch.testing.assert_close(grad_cam(score).values[0], expected, **EXACT)


class Reused(nn.Module):
    """One ReLU in place after every convolution, a function in forward, and a function in place."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.conv1, self.conv2, self.conv3 = (nn.Conv2d(k, 3, 3, padding=1) for k in (1, 3, 3))
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(27, 2)
        self.double()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = F.max_pool2d(self.relu(self.conv2(x)), 2)
        x = F.relu(self.conv3(x))
        return self.head(x.flatten(1))


def test_reused_inline_and_in_place_relus_are_told_apart():
    net = Reused()
    x = torch.randn(1, 1, 6, 6, dtype=torch.float64)
    score = score_function(net, x, 1)
    paths = [layer.path for layer in layers(score)]
    assert paths == ["conv1", "relu", "conv2", "relu (2)", "F.max_pool2d", "conv3", "F.relu"]
    assert "in place" in choice(score, "conv1").note
    assert choice(score, "conv3").note == choice(score, "relu").note == ""
    with torch.no_grad():
        first = net.conv1(x)
        second = net.conv2(first.relu())
        pooled = F.max_pool2d(second.relu(), 2)
        third = net.conv3(pooled)

    def after_third(maps):
        return net.head(maps.relu().flatten(1))

    def after_pool(maps):
        return after_third(net.conv3(maps))

    def after_second(maps):
        return after_pool(F.max_pool2d(maps.relu(), 2))

    expected = {
        "conv1": (first, lambda maps: after_second(net.conv2(maps.relu()))),
        "relu": (first.relu(), lambda maps: after_second(net.conv2(maps))),
        "conv2": (second, after_second),
        "relu (2)": (second.relu(), lambda maps: after_pool(F.max_pool2d(maps, 2))),
        "F.max_pool2d": (pooled, after_pool),
        "conv3": (third, after_third),
        "F.relu": (third.relu(), lambda maps: net.head(maps.flatten(1))),
    }
    for path, (maps, head) in expected.items():
        found = grad_cam(score, path, False).values[0]
        torch.testing.assert_close(found, by_hand.grad_cam(maps, head, 1, False), **EXACT)


def test_the_strongest_channels_are_those_that_add_most():
    net = ImageNet(1)
    x, twin = net.inputs(1), copy.deepcopy(net).eval()
    score = score_function(net, x, 0)
    with torch.no_grad():
        maps = twin.features(x)
    weights = by_hand.gradient(twin.head, maps, 0)[0].mean((1, 2))
    adds = (weights * maps[0].sum((1, 2))).abs()
    made = channel_terms(score, "features", 0, most=2)
    assert made.count == maps.shape[1]
    assert made.channels.tolist() == adds.argsort(descending=True)[:2].tolist()
    torch.testing.assert_close(made.weights, weights[made.channels], **EXACT)
    torch.testing.assert_close(made.activations, maps[0][made.channels], **EXACT)
    every = channel_terms(score, "features", 0, most=99)
    total = (every.weights[:, None, None] * every.activations).sum(0)
    torch.testing.assert_close(total, grad_cam(score, "features", False).values[0], **EXACT)


class Tokens(nn.Module):
    """Embeddings, then a layer that returns them in another order or as one of several outputs."""

    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(0)
        self.kind, self.embedding, self.head = kind, nn.Embedding(9, 4), nn.Linear(4, 2)
        self.layer = nn.Conv1d(4, 4, 3, padding=1) if kind == "CT" else nn.GRU(4, 4, batch_first=kind == "TC")
        self.double()

    def forward(self, ids):
        return self.after(self.before(ids))

    def before(self, ids):
        x = self.embedding(ids)
        if self.kind == "CT":
            return self.layer(x.transpose(1, 2))
        return self.layer(x if self.kind == "TC" else x.transpose(0, 1))[0]

    def after(self, made):
        axis = {"CT": 2, "TC": 1, "TNC": 0}[self.kind]
        return self.head(made.tanh().mean(axis))


@pytest.mark.parametrize("kind", ["CT", "TC", "TNC"])
def test_tokens_have_one_axis_of_places_wherever_it_stands(kind):
    net, ids = Tokens(kind), torch.tensor([[1, 2, 3, 4, 5]])
    score = score_function(net, ids, 1)
    chosen = choice(score, "layer")
    assert (chosen.layout.order, chosen.shape) == (kind, (4, 5))
    with torch.no_grad():
        made = net.before(ids)
    gradient = by_hand.gradient(net.after, made, 1)
    order = {"CT": (0, 1, 2), "TC": (0, 2, 1), "TNC": (1, 2, 0)}[kind]
    maps, gradient = made.permute(order)[0], gradient.permute(order)[0]
    expected = (gradient.mean(1)[:, None] * maps).sum(0).clamp(min=0)
    torch.testing.assert_close(grad_cam(score, "layer").values[0], expected, **EXACT)


def test_a_layer_of_which_one_step_goes_on_is_not_the_default():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.gru, self.head = nn.Embedding(9, 4), nn.GRU(4, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, ids):
            return self.head(self.gru(torch.tanh(self.embedding(ids)))[0][:, -1])

    score = score_function(Last(), torch.tensor([[1, 2, 3]]))
    assert "one of these places" in choice(score, "gru").note
    assert default_layer(score).path == "F.tanh"


def test_a_layer_that_the_score_does_not_react_to_is_said_to_be_one():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
            self.shortcut, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(4, 2)
            nn.init.zeros_(self.norm.weight)  # as many residual networks begin

        def forward(self, x):
            return self.head((self.shortcut(x) + self.norm(self.conv(x))).relu().mean((2, 3)))

    score = score_function(Residual().eval(), torch.rand(1, 1, 8, 8), 0)
    assert not choice(score, "conv").usable
    assert "does not react to this layer" in choice(score, "conv").note
    assert choice(score, "shortcut").note == ""


def test_rows_through_one_dimensional_convolutions_have_places():
    class Signal(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv1d(1, 3, 3, stride=2), nn.Linear(9, 2)

        def forward(self, x):
            return self.head(self.conv(x[:, None]).relu().flatten(1))

    score = score_function(Signal(), torch.randn(2, 8))
    made = grad_cam(score)
    assert made.layer == "F.relu"
    assert made.values.shape == (2, 3)
    assert made.maps.shape == (2, 8)


def test_a_compiled_and_a_wrapped_net_show_the_layers_inside():
    net = ImageNet(0)
    x = net.inputs(1)
    plain = [layer.path for layer in layers(score_function(net, x))]
    assert [layer.path for layer in layers(score_function(torch.compile(net, backend="eager"), x))] == plain
    assert [layer.path for layer in layers(score_function(lambda x: net(x), x))] == [f"0.{path}" for path in plain]


def test_the_module_itself_may_be_named():
    net = ImageNet(0)
    x = net.inputs(1)
    assert record(net, x, layer=net.features[0]).attributions["grad_cam"].layer == "features.0"


@pytest.mark.parametrize(
    "layer", ["features.9", "head.3", 7, nn.ReLU()], ids=["unknown", "no places", "number", "other net's"]
)
def test_another_layer_is_refused_with_the_names_of_those_that_fit(layer):
    net = ImageNet(0)
    with pytest.raises(DlvizError, match=r"layer must be one with places that moves the score: features\.0, "):
        record(net, net.inputs(1), layer=layer)


def test_without_any_layer_it_is_left_out_unless_asked_for():
    net, x = nn.Sequential(nn.Flatten(), nn.Linear(9, 2)), torch.rand(1, 3, 3)
    made = record(net, x)
    assert "grad_cam" not in made.attributions
    assert any("Grad-CAM is left out" in note for note in made.notes)
    with pytest.raises(DlvizError, match="Grad-CAM needs a layer"):
        record(net, x, methods="grad_cam")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_inside_a_traced_net_no_layer_is_seen_and_that_is_said():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    x = torch.rand(1, 1, 4, 4)
    traced = torch.jit.trace(net, x)
    made, plain = record(traced, x, steps=2, samples=2), record(net, x, steps=2, samples=2)
    assert "grad_cam" not in made.attributions
    assert any("traced net" in note for note in made.notes)
    torch.testing.assert_close(made.attributions["saliency"].values, plain.attributions["saliency"].values)


def test_a_layer_that_is_dead_for_the_first_input_only_can_be_used():
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        net[3].weight.abs_()
        net[3].bias.fill_(-0.01)  # of an empty image the hidden ReLU is 0, and so is every gradient
        net[0].bias.zero_()
    x = torch.stack([torch.zeros(1, 6, 6), torch.rand(1, 6, 6) + 1])
    assert "grad_cam" not in record(net, x[:1], 0).attributions
    found = record(net, x, 0)
    assert [layer.path for layer in found.layers if layer.usable] == ["0", "1"]
    values = found.attributions["grad_cam"].values
    assert not values[0].any()
    with torch.no_grad():
        maps = net[:2](x[1:])
    torch.testing.assert_close(values[1], by_hand.grad_cam(maps, net[2:], 0, True), rtol=1e-5, atol=1e-7)
