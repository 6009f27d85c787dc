"""Exported pages whose data hold NaN, infinity or numbers near the largest: they are written, open, and show no "undefined"."""

import math

import pytest
import torch
from torch import nn

import dlviz

NAN, INF = math.nan, math.inf


def filled(*shape, value=NAN):
    """Return random numbers with one that is not finite."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    x.view(-1)[0] = value
    return x


def graph(value):
    return dlviz.graph((filled(3, value=value).requires_grad_() * 2).sum())


def layers(value):
    return dlviz.layers(nn.Linear(2, 2), filled(1, 2, value=value))


def live(value):
    run = dlviz.live()
    run.knobs(clip={"clip": INF}, scale={"scale": 1e300})
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    run.watch(net)
    for _ in run.steps(range(3)):
        net(filled(1, 2, value=value)).sum().backward()
        run.log(loss=value)
    return run


def embedding(value):
    return dlviz.embedding(torch.randn(9, 4) * (1e25 if math.isnan(value) else 1e-30), list("abcdefghi"))


def conv2d(value):
    return dlviz.conv2d(filled(1, 1, 5, 5, value=value), torch.ones(1, 1, 3, 3))


def max_pool2d(value):
    return dlviz.max_pool2d(filled(1, 1, 4, 4, value=value), 2)


def tensor(value):
    return dlviz.tensor(filled(3, 4, value=value))


def matmul(value):
    return dlviz.matmul(filled(2, 3, value=value), torch.ones(3, 2))


def unroll(value):
    return dlviz.unroll(nn.RNN(2, 3), filled(4, 2, value=value))


def attention(value):
    return dlviz.attention(filled(1, 2, 4, 3, value=value), torch.ones(1, 2, 4, 3))


def generate(value):
    return dlviz.generate(
        lambda ids: filled(5, value=value) if ids.shape[1] > 2 else torch.ones(5), [0], steps=4, step=2
    )


def latent(value):
    x = filled(12, 1, 6, 6, value=value)
    coder = (lambda x: (x[:, 0, :3, 1], x[:, 0, :3, 0]), lambda code: code.repeat(1, 12).view(-1, 1, 6, 6))
    return dlviz.latent(*coder, x, labels=torch.arange(12) % 2, anomalies=x[:4], decoded_grid=True, ellipses=True)


def attribute(value):
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(72, 3))
    with torch.no_grad():
        net[0].weight[0, 0, 0, 0] = value
    view = dlviz.attribute(net, filled(2, 1, 6, 6, value=1.0), method="integrated_gradients")
    view.randomization()
    view.deletion_insertion()
    return view


def compress(value):
    net, x = nn.Linear(4, 3), torch.ones(2, 4)
    with torch.no_grad():
        net.weight[0, 0] = value
    view = dlviz.compress(net, lambda net: net(x).sum(), amount=0.5)
    view.axis = "latency"
    return view


def duel(value):
    generator, discriminator = nn.Linear(2, 2), nn.Linear(2, 1)
    with torch.no_grad():
        generator.bias[0] = value
        discriminator.weight[0, 1] = value
    view = dlviz.duel(
        generator, discriminator, torch.randn(20, 2), modes=torch.zeros(1, 2), mode_radius=1.0, selected=3
    )
    view.update(value, value, "label")
    return view


def denoise(value):
    net = nn.Linear(2, 2)
    with torch.no_grad():
        net.bias[0] = value
    view = dlviz.denoise(lambda x, t: net(x), torch.randn(20, 2), "cosine", steps=5, samples=4, point=1, step=2)
    view.compute_steps()
    return view


def confusion(value):
    return dlviz.confusion(torch.eye(3), torch.arange(3), filled(3, 1, 4, 4, value=value))


def race(value):
    return dlviz.race([(torch.optim.SGD, {"lr": 1e30 if math.isnan(value) else 1e200})], steps=3)


@pytest.mark.parametrize("value", [NAN, INF], ids=["nan", "inf"])
@pytest.mark.parametrize(
    "make",
    [
        graph,
        layers,
        live,
        embedding,
        conv2d,
        max_pool2d,
        tensor,
        matmul,
        unroll,
        attention,
        generate,
        latent,
        attribute,
        compress,
        duel,
        denoise,
        confusion,
        race,
    ],
)
def test_a_page_with_numbers_that_are_not_finite_opens(open_page, make, value):
    page = open_page(make(value))
    assert "undefined" not in page.locator(".dlviz").first.inner_text()
    assert "[object" not in page.locator(".dlviz").first.inner_text()
