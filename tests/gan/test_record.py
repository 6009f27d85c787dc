"""What a duel draws equals what torch computes with the two modules, and nothing of the learner's changes."""

import copy
import functools
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.gan import generator_loss, record
from dlviz.gan.inputs import MAX_POINTS, check_inputs
from dlviz.gan.record import WARP_CELLS, WARP_POINTS, class_counts, run
from dlviz.kit.errors import DlvizError
from dlviz.torchkit.plane import grid
from tests.gan.models import Untidy, image_pair, images, mlp, ring

EXACT = {"rtol": 0, "atol": 1e-12}


def pair(seed=0, noise=2, last=None):
    """Return modules of float64 and real points."""
    return (
        mlp(noise, 12, 2, seed=seed).double(),
        mlp(2, 12, 1, seed=seed + 1, last=last).double(),
        ring(100)[0].double(),
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["nonsaturating", "saturating", "wasserstein", "least squares"])
def test_outputs_and_gradients_equal_torchs(seed, kind):
    generator, discriminator, real = pair(seed)
    noise = torch.randn(30, 2, dtype=torch.float64)
    found = record(generator, discriminator, real, noise=noise, output="logits", loss=kind, resolution=12)
    fakes = generator(noise).detach().requires_grad_()
    logits = discriminator(fakes)[:, 0]
    losses = generator_loss(kind)(logits)
    (gradients,) = torch.autograd.grad(losses.sum(), fakes)
    torch.testing.assert_close(found.fakes, fakes.detach(), **EXACT)
    torch.testing.assert_close(found.logits_fake, logits.detach(), **EXACT)
    torch.testing.assert_close(found.d_fake, torch.sigmoid(logits).detach(), **EXACT)
    torch.testing.assert_close(found.losses, losses.detach(), **EXACT)
    torch.testing.assert_close(found.gradients, -gradients, **EXACT)
    torch.testing.assert_close(found.d_real, torch.sigmoid(discriminator(real)[:, 0]).detach(), **EXACT)


def test_the_plane_and_its_gradients_equal_torchs():
    generator, discriminator, real = pair()
    limits = (-2.0, 3.0, -1.0, 4.0)
    found = record(generator, discriminator, real, limits=limits, resolution=15)
    x = grid(limits, 15, real).requires_grad_()
    logits = discriminator(x)[:, 0]
    (gradients,) = torch.autograd.grad(F.softplus(-logits).sum(), x)
    torch.testing.assert_close(found.heat, torch.sigmoid(logits).detach(), **EXACT)
    torch.testing.assert_close(found.heat_logits, logits.detach(), **EXACT)
    torch.testing.assert_close(found.heat_gradients, -gradients, **EXACT)


def test_each_row_of_the_gradients_is_its_own_fakes():
    generator, discriminator, real = pair()
    many = record(generator, discriminator, real, noise=torch.randn(20, 2, dtype=torch.float64))
    one = record(generator, discriminator, real, noise=many.noise[7:8])
    torch.testing.assert_close(many.gradients[7:8], one.gradients, **EXACT)


def test_the_warp_is_the_generators_image_of_a_grid():
    generator, discriminator, real = pair()
    along = torch.linspace(-2, 2, WARP_CELLS + 1, dtype=torch.float64)
    noise = torch.stack([torch.stack((a, b)) for a in along for b in along])
    found = record(generator, discriminator, real)
    torch.testing.assert_close(found.warp, generator(noise).detach(), **EXACT)
    generator, discriminator, real = pair(noise=1)
    uniform = record(generator, discriminator, real, noise=lambda n: torch.rand(n, 1))
    noise = torch.linspace(0, 1, WARP_POINTS, dtype=torch.float64)[:, None]
    torch.testing.assert_close(uniform.warp, generator(noise).detach(), **EXACT)
    generator, discriminator, real = pair(noise=3)
    assert record(generator, discriminator, real).warp is None


def test_probabilities_of_a_last_sigmoid_are_taken_as_they_are():
    generator, discriminator, real = pair(last=nn.Sigmoid())
    found = record(generator, discriminator, real)
    probs = discriminator(found.fakes)[:, 0].detach()
    torch.testing.assert_close(found.d_fake, probs, **EXACT)
    torch.testing.assert_close(found.logits_fake, torch.logit(probs), **EXACT)
    plain = record(generator, discriminator[:-1], real)
    torch.testing.assert_close(found.gradients, plain.gradients)
    named = record(generator, nn.Sequential(discriminator, nn.Identity()), real, output="probs")
    torch.testing.assert_close(named.d_fake, found.d_fake)


class SigmoidInside(nn.Module):
    """Discriminator with a sigmoid as its last layer, which it uses between two others."""

    def __init__(self):
        super().__init__()
        self.first, self.last, self.act = nn.Linear(2, 8), nn.Linear(8, 1), nn.Sigmoid()

    def forward(self, x):
        return self.last(self.act(self.first(x)))


class SigmoidFunction(nn.Linear):
    """Discriminator that calls torch.sigmoid, and returns (N,)."""

    def forward(self, x):
        return torch.sigmoid(super().forward(x)).clamp(1e-6, 1 - 1e-6).squeeze(1)


@pytest.mark.parametrize(
    ("discriminator", "loss", "output"),
    [
        (mlp(2, 4, 1), None, "logits"),
        (mlp(2, 4, 1, last=nn.Sigmoid()), None, "probs"),
        (SigmoidFunction(2, 1), None, "probs"),
        (SigmoidInside(), None, "logits"),
        (mlp(2, 4, 1), "wasserstein", "score"),
        (mlp(2, 4, 1), "least squares", "score"),
        (mlp(2, 4, 1, last=nn.Sigmoid()), "least squares", "probs"),
        (nn.Sequential(nn.LazyLinear(1), nn.Sigmoid()), None, "probs"),
    ],
    ids=["linear", "sigmoid", "function", "inside", "critic", "least squares", "both", "lazy"],
)
def test_what_the_discriminator_returns_is_read_off_its_last_operation(discriminator, loss, output):
    assert check_inputs(mlp(2, 2), discriminator, ring()[0], loss=loss).output == output


class Conditional(nn.Module):
    """Generator of points of a class."""

    def __init__(self):
        super().__init__()
        self.embed, self.net = nn.Embedding(3, 2), nn.Linear(4, 2)

    def forward(self, z, y):
        return self.net(torch.cat((z, self.embed(y)), 1))


def test_functions_that_call_modules_are_taken():
    net, critic = Conditional(), mlp(2, 8, 3)
    inputs = check_inputs(
        lambda z: net(z, torch.arange(len(z)) % 3), functools.partial(mean_of, critic), ring()[0], noise=2, samples=9
    )
    found = run(inputs, 10)
    torch.testing.assert_close(found.fakes, net(found.noise, torch.arange(9) % 3).detach())
    torch.testing.assert_close(found.logits_fake, critic(found.fakes).mean(1).detach())
    state = {name: tensor.detach().clone() for name, tensor in inputs.both.state_dict().items()}
    with torch.no_grad():
        net.net.bias.add_(1.0)
    torch.testing.assert_close(run(inputs, 10, state).fakes, found.fakes)
    torch.testing.assert_close(run(inputs, 10).fakes, found.fakes + 1.0)


def mean_of(net, x):
    return net(x).mean(1)


def test_a_critic_has_scores_and_the_wasserstein_loss():
    generator, discriminator, real = pair()
    found = record(generator, discriminator, real, output="score")
    scores = discriminator(found.fakes)[:, 0].detach()
    assert torch.equal(found.d_fake, scores)
    assert torch.equal(found.logits_fake, scores)
    assert torch.equal(found.losses, -scores)


def test_a_learners_own_loss_gives_the_gradients():
    generator, discriminator, real = pair()
    found = record(generator, discriminator, real, loss=lambda output: F.relu(1 - output).mean(), samples=50)
    fakes = found.fakes.clone().requires_grad_()
    (gradients,) = torch.autograd.grad(F.relu(1 - discriminator(fakes)).mean(), fakes)
    torch.testing.assert_close(found.gradients, -gradients, **EXACT)


def test_a_discriminator_without_a_path_to_its_input_has_no_gradient():
    class Constant(nn.Module):
        def forward(self, x):
            return x.detach().sum(1)

    generator, _, real = pair()
    assert not record(generator, Constant(), real).gradients.any()


@pytest.mark.parametrize("training", [True, False])
def test_drawing_changes_nothing_of_the_learners(training):
    generator, discriminator = mlp(2, 8, 2), Untidy()
    generator.train(training), discriminator.train(training)
    discriminator(torch.randn(4, 2)).sum().backward()
    everything = nn.ModuleList((generator, discriminator))
    before = copy.deepcopy((everything.state_dict(), [p.grad for p in everything.parameters()], discriminator.calls))
    modes = [module.training for module in everything.modules()]
    attributes = [set(vars(module)) for module in everything.modules()]
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    with torch.inference_mode():
        found = record(generator, discriminator, ring()[0], noise=lambda n: torch.randn(n, 2) + np.random.rand())
    assert found.gradients.any()
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])
    after = everything.state_dict(), [p.grad for p in everything.parameters()], discriminator.calls
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert [module.training for module in everything.modules()] == modes
    assert [set(vars(module)) for module in everything.modules()] == attributes
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in everything.modules())


def test_both_modules_run_in_eval_mode():
    generator, discriminator = mlp(2, 8, 2), Untidy()
    for _ in range(3):
        discriminator(torch.randn(50, 2) * 3 + 1)
    found = record(generator, discriminator.train(), ring()[0])
    with torch.no_grad():
        torch.testing.assert_close(found.logits_fake, discriminator.eval()(found.fakes)[:, 0])


def test_the_same_noise_in_every_run_and_state():
    generator, discriminator, real = pair()
    inputs = check_inputs(generator, discriminator, real)
    first = run(inputs, 10)
    state = {f"generator.{name}": 2 * value for name, value in generator.state_dict().items()}
    second = run(inputs, 10, state)
    assert first.noise is second.noise
    assert torch.equal(first.noise, check_inputs(generator, discriminator, real).noise)
    doubled = copy.deepcopy(generator)
    doubled.load_state_dict({name: 2 * value for name, value in generator.state_dict().items()})
    torch.testing.assert_close(second.fakes, doubled(inputs.noise).detach(), **EXACT)


def test_a_generator_that_draws_noise_itself_gives_the_same_fakes_and_draws_nothing_of_the_learners():
    class Noisy(nn.Module):
        def forward(self, z):
            return z + torch.randn_like(z)

    _, discriminator, real = pair()
    inputs = check_inputs(Noisy(), discriminator, real, noise=2)
    first = run(inputs, 10)
    state = torch.get_rng_state()
    torch.testing.assert_close(run(inputs, 10).fakes, first.fakes, **EXACT)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first.fakes, first.noise)


def test_images_get_the_gradient_of_their_pixels_and_are_counted_by_class():
    generator, discriminator = image_pair()
    real = images()
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(36, 5))
    inputs = check_inputs(generator, discriminator, real, classifier=classifier, samples=30)
    found = run(inputs, 10)
    fakes = generator(found.noise).detach().requires_grad_()
    (gradients,) = torch.autograd.grad(F.softplus(-discriminator(fakes)).sum(), fakes)
    torch.testing.assert_close(found.gradients, -gradients)
    assert found.heat.numel() == 0
    expected = classifier(found.fakes).argmax(1)
    assert class_counts(inputs, found.fakes).tolist() == [int((expected == k).sum()) for k in range(5)]
    flat = record(generator, discriminator, real[:, 0])
    assert flat.real.shape == (60, 1, 6, 6)


def test_noise_of_a_transposed_convolution_and_of_any_size():
    dcgan = nn.Sequential(nn.ConvTranspose2d(8, 1, 6), nn.Tanh())
    found = record(dcgan, image_pair()[1], images(), samples=5)
    assert found.noise.shape == (5, 8, 1, 1)
    assert found.fakes.shape == (5, 1, 6, 6)

    class Sized(nn.Module):
        def forward(self, z):
            return z[:, :2]

    with pytest.raises(DlvizError, match="noise=2"):
        record(Sized(), mlp(2, 1), ring()[0])
    assert record(Sized(), mlp(2, 1), ring()[0], noise=7).noise.shape == (400, 7)


class Unsqueezing(nn.Module):
    """Generator of images from vectors (M, 8), or of conditional ones whose first layer reads the class."""

    def __init__(self, *, conditional=False):
        super().__init__()
        self.of_class = nn.Linear(3, 8) if conditional else None
        self.net = nn.Sequential(nn.ConvTranspose2d(8, 1, 6), nn.Tanh())

    def forward(self, z):
        if self.of_class is None:
            return self.net(z[:, :, None, None])
        return self.net(z + self.of_class(torch.ones(3, device=z.device))[:, None, None])


@pytest.mark.parametrize("noise", [None, 8])
def test_a_generator_that_adds_the_dimensions_of_an_image_itself_gets_vectors(noise):
    found = record(Unsqueezing(), image_pair()[1], images(), samples=5, noise=noise)
    assert found.noise.shape == (5, 8)
    of_tensor = record(Unsqueezing(), image_pair()[1], images(), noise=found.noise)
    assert of_tensor.noise.shape == (5, 8)
    conditional = Unsqueezing(conditional=True)
    assert record(conditional, image_pair()[1], images(), samples=5, noise=8).noise.shape == (5, 8, 1, 1)
    with pytest.raises(DlvizError, match=r"noise of shape \(100, 7.*lambda n"):
        record(Unsqueezing(), image_pair()[1], images(), noise=7)


def test_lazy_layers_many_real_points_and_other_data_are_taken():
    points = ring(3000)[0]
    found = record(mlp(2, 2), mlp(2, 1), points.numpy())
    assert len(found.real) == MAX_POINTS
    assert len(record(mlp(2, 2), mlp(2, 1), points[:5].tolist()).d_real) == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"generator": lambda z: z}, "generator is a function that calls no nn.Module"),
        ({"generator": 3}, "generator must be an nn.Module"),
        ({"generator": nn.Embedding(3, 2)}, "Pass noise="),
        ({"generator": mlp(3, 2), "noise": 2}, "raised on noise of shape"),
        ({"generator": mlp(2, 3)}, r"each of shape \(2,\), but returned \(400, 3\)"),
        ({"discriminator": mlp(2, 2)}, r"one number for each sample.*\(400, 2\)|\(600, 2\)"),
        ({"discriminator": mlp(5, 1)}, "raised on samples of shape"),
        ({"real": torch.zeros(3, 3)}, r"\(3, 3\)"),
        ({"real": torch.tensor([[0.0, float("nan")]])}, "index 0"),
        ({"output": "logit"}, "'auto', 'logits'"),
        ({"loss": "hinge"}, "nonsaturating"),
        ({"loss": lambda output: 1.0}, "must return a tensor"),
        ({"noise": torch.zeros(4)}, r"\(4,\)"),
        ({"noise": lambda n: torch.zeros(3, 2)}, "must return 400 rows"),
        ({"loss": nn.BCEWithLogitsLoss()}, "ones_like"),
        ({"real": torch.zeros(3, 8, 8, 3)}, r"permute\(0, 3, 1, 2\)"),
        ({"real": torch.zeros(3, 64)}, r"reshape\(-1, 8, 8\)"),
        (
            {"discriminator": image_pair()[1][:2], "real": images(), "generator": image_pair()[0]},
            r"flatten\(1\).mean\(1\)",
        ),
        ({"discriminator": mlp(2, 2)}, r"returned \(600, 2\)\.$"),
        ({"modes": [[0.0, 0.0]]}, "mode_radius=…"),
        ({"samples": 0}, "from 1 to 1000"),
        ({"limits": (1, 0, 0, 1)}, "limits"),
        ({"classifier": nn.Linear(2, 2)}, "for images"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:20],
)
def test_what_does_not_fit_is_refused(change, words):
    given = {"generator": mlp(2, 2), "discriminator": mlp(2, 1), "real": ring()[0]} | change
    with pytest.raises(DlvizError, match=words):
        record(given.pop("generator"), given.pop("discriminator"), given.pop("real"), **given)
