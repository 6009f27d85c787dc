"""Lesson 17, faster, smaller, shipped: its predictions."""

import io
import time
import warnings
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune

from dlviz.data import digits
from dlviz.exercises.lesson17.stand_ins import Accelerator
from dlviz.exercises.prediction import Prediction
from dlviz.exercises.run_answer import isolated_rng


def _mlp() -> nn.Sequential:
    """Return the network of the lesson, untrained."""
    layers = (nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    return nn.Sequential(nn.Flatten(), *layers)


@cache
def _trained() -> nn.Module:
    net, (images, labels) = _mlp(), digits("train")
    optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
    for _ in range(5):
        for batch in torch.randperm(len(images)).split(64):
            loss = F.cross_entropy(net(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net.eval().requires_grad_(False)


def _varied(images: Tensor) -> Tensor:
    """Return a copy of each image with another strength of its ink, and with noise."""
    found = []
    for image in images:
        strength, noise = 0.7 + 0.6 * torch.rand(1), 0.1 * torch.randn(1, 8, 8)
        found.append((strength * image + noise).clamp(0, 1))
    return torch.stack(found)


def _where() -> str:
    """Return what takes longest in a training step: the fastest of 20 measurements of each, taken in turns."""
    net, stepped, (images, labels) = _mlp(), _mlp(), digits("train")
    images, labels = images[:256], labels[:256]
    loss = F.cross_entropy(net(images), labels)
    F.cross_entropy(stepped(images), labels).backward()
    parts: dict[str, Callable[[], object]] = {
        "images": partial(_varied, images),
        "forward": lambda: F.cross_entropy(net(images), labels),
        "backward": partial(loss.backward, retain_graph=True),
        "optimizer": torch.optim.Adam(stepped.parameters()).step,  # of another net: backward needs the old weights
    }
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the lesson
    for _ in range(20):
        for name, part in parts.items():
            start = time.perf_counter()
            part()
            seconds[name].append(time.perf_counter() - start)
    torch.set_num_threads(threads)
    return max(parts, key=lambda name: min(seconds[name]))


def _early() -> float:
    gpu = Accelerator()
    start = gpu.clock()
    for _ in range(4):
        gpu.launch(500)
    return gpu.clock() - start


def _bytes_of(model: nn.Module) -> int:
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    return file.tell()


def _zeros() -> str:
    net = _mlp()
    before = _bytes_of(net)
    for layer in net:
        if isinstance(layer, nn.Linear):
            prune.remove(prune.l1_unstructured(layer, "weight", amount=0.9), "weight")
    ratio = _bytes_of(net) / before
    return "tenth" if ratio < 0.2 else "half" if ratio < 0.7 else "same"


def _eight() -> str:
    """Return how the accuracy changes if each weight is one of 256 numbers: the rounding of section 7, layer by layer."""
    images, labels = digits("test")
    net, rounded = _trained(), _mlp()
    rounded.load_state_dict(net.state_dict())
    with torch.no_grad():
        for layer in rounded:
            if isinstance(layer, nn.Linear):
                s = layer.weight.abs().amax(1, keepdim=True) / 127.5
                layer.weight.copy_((layer.weight / s).round().clamp(-128, 127) * s)
        right = [(model(images).argmax(1) == labels).float().mean() for model in (net, rounded)]
    lost = (right[0] - right[1]).item()
    return "much" if lost > 0.1 else "some" if lost > 0.01 else "same"


class _Brightened(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.mean() > 0.5:
            x = 1 - x
        return x


def _traced() -> str:
    dark, bright = torch.full((1, 4), 0.2), torch.full((1, 4), 0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that tracing is deprecated, and that it keeps one branch
        program = torch.jit.trace(_Brightened(), dark)
        try:
            found = program(bright)
        except RuntimeError:
            return "error"
    return "right" if torch.equal(found, _Brightened()(bright)) else "unchanged"


def _unequal() -> str:
    with isolated_rng(0):
        net, x, y = nn.Linear(3, 1), torch.randn(8, 3), torch.randn(8, 1)

    def gradient(part: slice) -> Tensor:
        return torch.autograd.grad(F.mse_loss(net(x[part]), y[part]), net.weight)[0]

    joint, mean = gradient(slice(8)), (gradient(slice(6)) + gradient(slice(6, 8))) / 2
    by_count = (6 * gradient(slice(6)) + 2 * gradient(slice(6, 8))) / 8
    return "same" if torch.allclose(mean, joint) else "small" if torch.allclose(by_count, joint) else "large"


PREDICTIONS = (
    Prediction(id="17.where", truth=_where, options=("images", "forward", "backward", "optimizer")),
    Prediction(id="17.early", truth=_early),
    Prediction(id="17.bfloat16", truth=lambda: (torch.tensor(256.0, dtype=torch.bfloat16) + 1).item()),
    Prediction(id="17.zeros", truth=_zeros, options=("tenth", "half", "same")),
    Prediction(id="17.eight", truth=_eight, options=("much", "some", "same")),
    Prediction(id="17.traced", truth=_traced, options=("right", "unchanged", "error")),
    Prediction(id="17.unequal", truth=_unequal, options=("same", "small", "large")),
)
