"""The rooms of generative models: GAN Lab's published networks beside one of our own, steps to cover all modes, and time of an update."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import dlviz
from dlviz.gan import high_quality, modes_covered
from dlviz.kit.page import to_json
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import evaluate_page
from tests.benchmarks.measured import one_thread

#: Steps after which a training that has not covered every mode is ended, and the share of fakes that must lie near one.
MOST, NEAR = 5000, 0.5

#: Median time in ms until a snapshot of a page is drawn on the canvas.
_STEP = """async () => {
  const model = globalThis.dlvizModel;
  const times = [];
  for (let k = 0; k <= Number(document.querySelector(".dlviz-player input").max); k += 1) {
    const start = performance.now();
    model.set("step", k);
    await new Promise((done) => requestAnimationFrame(done));
    document.querySelector("canvas").getContext("2d").getImageData(0, 0, 1, 1);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}"""


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the tables, one for each room."""
    with one_thread():
        yield from gan_lines(quick)
        yield from diffusion_lines(quick)
        yield from latent_lines(quick)


@dataclass(frozen=True)
class Setup:
    """Networks and optimizers of one training.

    Attributes:
        name: what the table calls it.
        hidden_g, hidden_d: sizes of the hidden layers.
        optimizer: makes the optimizer of parameters and a learning rate.
        lr_g, lr_d: learning rates.
        steps_d: steps of the discriminator for each one of the generator.
        noise: function from a number of rows to noise.
        smoothing: weight of the real half of the discriminator's loss, beside 1 of the other half.
        bounded: whether the generator ends in tanh.
    """

    name: str
    hidden_g: tuple[int, ...]
    hidden_d: tuple[int, ...]
    optimizer: Callable[..., torch.optim.Optimizer]
    lr_g: float
    lr_d: float
    steps_d: int
    noise: Callable[[int], Tensor]
    smoothing: float = 1.0
    bounded: bool = True


def _uniform(n: int) -> Tensor:
    return torch.rand(n, 2)


def _normal(n: int) -> Tensor:
    return torch.randn(n, 2)


def _truncated(n: int) -> Tensor:
    return nn.init.trunc_normal_(torch.empty(n, 2), 0.5, 0.25, 0.0, 1.0)


def _adam(parameters: Iterator[Tensor], lr: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=lr, betas=(0.5, 0.9))


#: GAN Lab's settings are those saved with its pretrained models "ring" (812 steps) and "gaussians" (1931 steps), and the constants in its
#: source: batches of 150, SGD, −log D, samples in the unit square, a generator that ends in tanh. Source: github.com/poloclub/ganlab,
#: pretrained_models/pretrained_ring.json, demo/pretrained_models/pretrained_gaussians.json, src/ganlab.ts, src/ganlab_models.ts.
RING = Setup("GAN Lab, ring", (10, 10), (9, 9, 9), torch.optim.SGD, 0.03, 0.1, 3, _uniform, 0.95)
GAUSSIANS = Setup("GAN Lab, gaussians", (8, 8), (8, 8), torch.optim.SGD, 0.03, 0.1, 2, _truncated, 0.95)
OURS = Setup("the gallery's", (32, 32), (32, 32), _adam, 3e-3, 3e-3, 1, _normal, bounded=False)
BATCH = 150


def targets() -> dict[str, tuple[Tensor, Tensor, float]]:
    """Return points, modes and radius of each target, in the unit square as GAN Lab has them."""
    ring = dlviz.data.gaussian_ring(2000, radius=0.3, std=0.02)
    generator = torch.Generator().manual_seed(0)
    pair = torch.tensor([[0.3, 0.6], [0.7, 0.4]])
    points = pair[torch.arange(2000) % 2] + 0.05 * torch.randn(2000, 2, generator=generator)
    return {"8 modes on a ring": (ring.points + 0.5, ring.centers + 0.5, 0.06), "2 Gaussians": (points, pair, 0.15)}


def mlp(sizes: tuple[int, ...], last: nn.Module | None = None) -> nn.Sequential:
    """Return linear layers with ReLU between them, initialized as GAN Lab's are: normal weights with variance 1/inputs, biases of 0."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        linear = nn.Linear(inputs, outputs)
        nn.init.normal_(linear.weight, 0, 1 / math.sqrt(inputs))
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1], *([] if last is None else [last]))


class Training:
    """A generator and a discriminator with the functions that train them."""

    def __init__(self, setup: Setup, points: Tensor, seed: int) -> None:
        torch.manual_seed(seed)
        self.setup, self.points = setup, points
        self.generator = mlp((2, *setup.hidden_g, 2), nn.Tanh() if setup.bounded else None)
        self.discriminator = mlp((2, *setup.hidden_d, 1))
        self.optimizer_g = setup.optimizer(self.generator.parameters(), lr=setup.lr_g)
        self.optimizer_d = setup.optimizer(self.discriminator.parameters(), lr=setup.lr_d)

    def step_d(self) -> Tensor:
        """Make the steps of the discriminator that one of the generator follows."""
        loss = torch.zeros(())
        for _ in range(self.setup.steps_d):
            real = self.discriminator(self.points[torch.randint(len(self.points), (BATCH,))])
            fake = self.discriminator(self.generator(self.setup.noise(BATCH)).detach())
            loss = self.setup.smoothing * F.softplus(-real).mean() + F.softplus(fake).mean()
            self.optimizer_d.zero_grad()
            loss.backward()
            self.optimizer_d.step()
        return loss.detach()

    def step_g(self) -> Tensor:
        """Make one step of the generator."""
        loss = F.softplus(-self.discriminator(self.generator(self.setup.noise(BATCH)))).mean()
        self.optimizer_g.zero_grad()
        loss.backward()
        self.optimizer_g.step()
        return loss.detach()


def gan_lines(quick: bool) -> Iterator[str]:
    """Yield the table of `duel`: trainings until all modes are covered, then the time of its updates."""
    yield f"duel: steps of the generator until 400 fakes cover all modes, and {NEAR:.0%} of them lie near one (− where they never did)"
    yield row("target", "networks", "seed", "covered", "steps", "near", "ms/step")
    most, seeds = (60, 1) if quick else (MOST, 2)
    for name, (points, centers, radius) in targets().items():
        for setup in (OURS,) if quick else (OURS, RING, GAUSSIANS):
            for seed in range(seeds):
                yield row(name, setup.name, str(seed), *_covered(setup, points, centers, radius, seed, most))
    yield "duel: one update with 400 fakes, 40 × 40 points of the plane and the grid, beside a step of both modules of the gallery's"
    yield row("networks", "step ms", "snapshot ms", "drawn ms", "updates/s", "kB", "browser ms")
    points, centers, radius = targets()["8 modes on a ring"]
    for setup in (OURS,) if quick else (OURS, RING):
        yield row(setup.name, *_update_times(setup, points, centers, radius, quick))


def _covered(setup: Setup, points: Tensor, centers: Tensor, radius: float, seed: int, most: int) -> list[str]:
    """Train until all modes are covered well; return how many are, the steps, the share of fakes near one, and ms for each step."""
    training = Training(setup, points, seed)
    noise = setup.noise(400)
    covered, near, step, start = 0, 0.0, 0, perf_counter()
    while (covered < len(centers) or near < NEAR) and step < most:
        training.step_d()
        training.step_g()
        step += 1
        if step % 20 == 0:
            with torch.no_grad():
                fakes = training.generator(noise)
            covered, near = modes_covered(fakes, centers, radius), high_quality(fakes, centers, radius)
    seconds = perf_counter() - start
    steps = str(step) if covered == len(centers) and near >= NEAR else "−"
    return [f"{covered}/{len(centers)}", steps, f"{near:.2f}", f"{1000 * seconds / step:.2f}"]


def _update_times(setup: Setup, points: Tensor, centers: Tensor, radius: float, quick: bool) -> list[str]:
    training = Training(setup, points, 0)
    view = dlviz.duel(training.generator, training.discriminator, points, modes=centers, mode_radius=radius, noise=2)
    count = 5 if quick else 40
    steps, kept, drawn = [], [], []
    for _ in range(count):
        start = perf_counter()
        training.step_d()
        training.step_g()
        stepped = perf_counter()
        view._state.update()
        snapshot = perf_counter()
        view._show_last()
        steps.append(stepped - start)
        kept.append(snapshot - stepped)
        drawn.append(perf_counter() - snapshot)
    step, snapshot, draw = (sorted(times)[count // 2] for times in (steps, kept, drawn))
    size = len(to_json(view.scene)) * 3 // 4 // 1000
    shown = "–" if quick else evaluate_page(view.to_html(), _STEP)
    view.close()
    per_second = f"{1 / (step + snapshot + draw):.0f}"
    return [*(f"{1000 * time:.1f}" for time in (step, snapshot, draw)), per_second, str(size), shown]


def diffusion_lines(quick: bool) -> Iterator[str]:
    """Yield the table of `denoise`: its updates in a loop, and sampling beside a loop of the network's own calls."""
    yield "denoise: an update with 256 arrows and 300 points beside a training step; 200 samples in 100 steps beside the network's calls"
    yield row("hidden", "step ms", "snapshot ms", "drawn ms", "updates/s", "sample ms", "calls ms", "kB", "browser ms")
    for hidden in ((64, 64),) if quick else ((64, 64), (128, 128, 128)):
        yield row("×".join(map(str, hidden)), *_denoise_times(hidden, quick))


def _denoise_times(hidden: tuple[int, ...], quick: bool) -> list[str]:
    torch.manual_seed(0)
    points, _ = dlviz.data.moons(300)
    schedule = dlviz.diffusion.linear_schedule(100, 0.001, 0.2)
    layers = [layer for a, b in pairwise((3, *hidden)) for layer in (nn.Linear(a, b), nn.SiLU())]
    net = nn.Sequential(*layers, nn.Linear(hidden[-1], 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.003)

    def model(x: Tensor, t: Tensor) -> Tensor:
        return net(torch.cat((x, t[:, None] / 50 - 1), dim=1))

    view = dlviz.denoise(model, points, schedule, step=10)
    count = 5 if quick else 40
    steps, kept, drawn = [], [], []
    for _ in range(count):
        start = perf_counter()
        t, noise = torch.randint(100, (300,)), torch.randn(300, 2)
        loss = F.mse_loss(model(dlviz.diffusion.add_noise(points, t, noise, schedule), t), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        stepped = perf_counter()
        view._state.keep("", always=False)
        snapshot = perf_counter()
        view._show_update()
        steps.append(stepped - start)
        kept.append(snapshot - stepped)
        drawn.append(perf_counter() - snapshot)
    step, snapshot, draw = (sorted(times)[count // 2] for times in (steps, kept, drawn))
    size = len(to_json(view.drawn_predictions)) * 3 // 4 // 1000
    start = perf_counter()
    assert view.samples.shape == (200, 2)
    sampled = perf_counter()
    with torch.no_grad():
        for k in range(100):
            model(points[:200], torch.full((200,), k))
    called = perf_counter()
    shown = "–" if quick else evaluate_page(view.to_html(), _STEP)
    view.close()
    times = (step, snapshot, draw), (sampled - start, called - sampled)
    in_loop, sampling = ([f"{1000 * time:.1f}" for time in part] for part in times)
    return [*in_loop, f"{1 / (step + snapshot + draw):.0f}", *sampling, str(size), shown]


def latent_lines(quick: bool) -> Iterator[str]:
    """Yield the table of `latent`: a drag of the probe beside the decoder's own call, and an update in a loop."""
    yield "latent: a drag to the decoded image beside the decoder's own call, and an update of 500 images beside a training step"
    yield row("images", "decode ms", "drag ms", "kB", "step ms", "update ms", "updates/s")
    for side in (8,) if quick else (8, 28):
        yield row(f"{side} × {side}", *_latent_times(side, quick))


def _latent_times(side: int, quick: bool) -> list[str]:
    torch.manual_seed(0)
    images = F.interpolate(dlviz.data.digits("train").images[:500], (side, side))
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(side * side, 128), nn.ReLU(), nn.Linear(128, 2))
    decoder = nn.Sequential(nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, side * side), nn.Unflatten(1, (1, side, side)))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.003)
    view = dlviz.latent(encoder, decoder, images)
    count = 5 if quick else 40
    decoded, dragged, steps, updates = [], [], [], []
    for k in range(count):
        start = perf_counter()
        with torch.no_grad():
            decoder(torch.tensor([[k / count, 0.1]]))
        called = perf_counter()
        view._on_probe({"kind": "probe", "x": k / count, "y": 0.1})
        probed = perf_counter()
        loss = F.mse_loss(decoder(encoder(images)), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        stepped = perf_counter()
        view.update()
        decoded.append(called - start)
        dragged.append(probed - called)
        steps.append(stepped - probed)
        updates.append(perf_counter() - stepped)
    decode, drag, step, update = (sorted(times)[count // 2] for times in (decoded, dragged, steps, updates))
    size = len(to_json(view.details)) * 3 / 4 / 1000
    view.close()
    ms = [f"{1000 * time:.2f}" for time in (decode, drag)]
    return [*ms, f"{size:.1f}", *(f"{1000 * time:.1f}" for time in (step, update)), f"{1 / (step + update):.0f}"]
