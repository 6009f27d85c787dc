"""Everything that is drawn of a diffusion model: data with more and more noise, what the network predicts, and distances of samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.diffusion.inputs import MAX_VALUES, Inputs, drawn_size
from dlviz.diffusion.noise_model import Predict
from dlviz.diffusion.sampling import Clip, Walk, WalkJob
from dlviz.diffusion.schedule import Schedule
from dlviz.diffusion.steps import add_noise, from_noise, score, subsequence
from dlviz.kit.snapshots import evenly_spaced
from dlviz.torchkit.energy_distance import energy_distance
from dlviz.torchkit.plane import grid

#: Arrows along a side of the plane.
ARROWS = 16
#: Evenly spaced moments of the process, and states of a walk, that are drawn of points and of images: points move, images are larger.
MAX_FRAMES, MAX_IMAGE_FRAMES = 41, 26
#: Rows and numbers that the network gets in one call at most: a function may compare every row with all data.
_CALL_ROWS, _CALL_NUMBERS = 4096, 2**20
#: Of x_T this much of the data may be left, in units of the noise, before it is said not to be noise.
NEARLY_NOTHING = 0.05
#: Samples that the distance to the data is computed with.
CURVE_SAMPLES = 300


@dataclass(frozen=True, eq=False)
class Process:
    """The drawn examples with more and more noise.

    Attributes:
        schedule: the schedule that adds it.
        times: the drawn indices, increasing; the first is −1, the data.
        x: the examples at each of them, (F, P, …).
        signal_left: √ᾱ of the last step, the fraction of the data in x_T.
        is_noise: whether the rest of the data in x_T is small beside the noise.
        distance: energy distance between x_T and as many standard normal numbers.
    """

    schedule: Schedule
    times: tuple[int, ...]
    x: Tensor
    signal_left: float
    is_noise: bool
    distance: float


@dataclass(frozen=True, eq=False)
class Predictions:
    """What the network predicts at some steps: at the points of a grid over the plane, and for the drawn examples.

    Attributes:
        times: the steps, (M,).
        grid_noise, grid_score, grid_x0: at the grid points, (M, G, 2); G is 0 for images, and where the class is open.
        item_noise, item_x0: for the examples with their own noise, (M, P, …).
        loss: mean squared error of the predicted noise of the examples, (M,).
    """

    times: tuple[int, ...]
    grid_noise: Tensor
    grid_score: Tensor
    grid_x0: Tensor
    item_noise: Tensor
    item_x0: Tensor
    loss: Tensor


@dataclass(frozen=True)
class StepsCurve:
    """Energy distance between samples and data for several numbers of steps.

    Attributes:
        n: numbers of steps.
        ddim, ddpm: the distance with each of them.
        floor: the distance between two halves of the data, which no sampler beats except by chance.
    """

    n: tuple[int, ...]
    ddim: tuple[float, ...]
    ddpm: tuple[float, ...]
    floor: float


@dataclass(frozen=True, eq=False)
class Record:
    """All that has been computed: the process that is drawn, predictions at the steps of the model's own schedule, the walk, the curve.

    Attributes:
        schedule: the schedule with which the network was trained.
        process, predictions, walk: see the classes.
        curve: ``None`` before ``compute_steps()``.
    """

    schedule: Schedule
    process: Process
    predictions: Predictions
    walk: Walk
    curve: StepsCurve | None


def frame_limit(item: Tensor, items: int) -> int:
    """Return how many moments of a process are drawn: fewer of large images."""
    values = 3 * items * drawn_size(item)
    return MAX_FRAMES if item.ndim == 1 else max(6, min(MAX_IMAGE_FRAMES, MAX_VALUES // values))


def drawn_times(steps: int, most: int) -> tuple[int, ...]:
    """Return `most` of the indices −1 … `steps` − 1, evenly spaced, both ends among them, and the first step.

    Example:
        >>> drawn_times(4, 9), drawn_times(100, 5)
        ((-1, 0, 1, 2, 3), (-1, 0, 24, 49, 74, 99))
    """
    return tuple(sorted({0, *(k - 1 for k in evenly_spaced(steps + 1, most))}))


def process(inputs: Inputs, schedule: Schedule) -> Process:
    """Return the drawn examples with the noise of every drawn step; each example keeps its noise."""
    x0, noise = inputs.x[inputs.drawn], inputs.noise[inputs.drawn]
    times = drawn_times(schedule.steps, frame_limit(x0[0], len(x0)))
    x = torch.stack([x0, *(add_noise(x0, t, noise, schedule) for t in times[1:])])
    last = add_noise(inputs.x, schedule.steps - 1, inputs.noise, schedule)
    left = float(schedule.signal[-1])
    spread = max(1.0, float(inputs.x.double().square().mean().sqrt()))
    distance = energy_distance(last.cpu(), inputs.normal.cpu())
    return Process(schedule, times, x.cpu(), left, left * spread <= NEARLY_NOTHING, distance)


def predictions(inputs: Inputs, predict: Predict, times: Sequence[int], condition: int | None) -> Predictions:
    """Return what the network predicts at some steps.

    Args:
        inputs: network and data.
        predict: the running network.
        times: indices of the steps.
        condition: class for the grid, ``None`` for a network without classes; −1 where the class is open, then there is no grid.
    """
    schedule, x0, noise = inputs.model.schedule, inputs.x[inputs.drawn], inputs.noise[inputs.drawn]
    has_grid = inputs.is_plane and condition != -1
    places = grid(inputs.limits, ARROWS, x0) if has_grid else x0[:0]
    labels = None if inputs.labels is None else inputs.labels[inputs.drawn].to(x0.device)
    y = None if labels is None else torch.cat((labels.new_full((len(places),), condition or 0), labels))
    rows = len(places) + len(x0)
    at_once = max(1, min(_CALL_ROWS // rows, _CALL_NUMBERS // (rows * x0[0].numel())))
    parts: list[Tensor] = []
    for start in range(0, len(times), at_once):
        some = torch.tensor(list(times[start : start + at_once]))
        x = torch.stack([torch.cat((places, add_noise(x0, int(t), noise, schedule))) for t in some])
        indices = some.repeat_interleave(rows)
        eps = predict(x.flatten(0, 1), indices, None if y is None else y.repeat(len(some)))
        x0_hat = from_noise(eps, x.flatten(0, 1), indices, schedule, "x0")
        scores = score(eps, indices, schedule)
        parts.append(torch.stack((eps, scores, x0_hat)).unflatten(1, (len(some), rows)))
    eps, scores, x0_hat = torch.cat(parts, dim=1)
    split = len(places)
    loss = (eps[:, split:] - noise).double().square().flatten(1).mean(1)
    noises, field, data = (part[:, :split].cpu() for part in (eps, scores, x0_hat))
    of_items = (eps[:, split:].cpu(), x0_hat[:, split:].cpu())
    return Predictions(tuple(times), noises, field, data, *of_items, loss.cpu())


def training_loss(inputs: Inputs, predict: Predict) -> float:
    """Return the mean squared error of the predicted noise of the drawn examples, each at a step of its own, evenly spaced."""
    schedule, x0, noise = inputs.model.schedule, inputs.x[inputs.drawn], inputs.noise[inputs.drawn]
    t = torch.linspace(0, schedule.steps - 1, len(x0)).round().long()
    labels = None if inputs.labels is None else inputs.labels[inputs.drawn].to(x0.device)
    eps = predict(add_noise(x0, t, noise, schedule), t, labels)
    return float((eps - noise).double().square().mean())


def step_counts(steps: int) -> tuple[int, ...]:
    """Return numbers of steps to compare: 1, 2, 5, 10, … and all.

    Example:
        >>> step_counts(200), step_counts(3)
        ((1, 2, 5, 10, 20, 50, 100, 200), (1, 2, 3))
    """
    round_numbers = [unit * 10**power for power in range(5) for unit in (1, 2, 5)]
    return (*(n for n in round_numbers if n < steps), steps)


class CurveJob:
    """The distance between samples and data for several numbers of steps, computed step by step.

    Args:
        inputs: network and data.
        seed: of all walks.
        clip: limits of predicted data.
    """

    def __init__(self, inputs: Inputs, seed: int, clip: Clip = None) -> None:
        self._inputs, self._seed, self._clip = inputs, seed, clip
        chosen = torch.tensor(evenly_spaced(len(inputs.x), CURVE_SAMPLES if inputs.is_plane else 100))
        self._labels = None if inputs.labels is None else inputs.labels[chosen]
        self._shape = (len(chosen), *inputs.x.shape[1:])
        steps = inputs.model.schedule.steps
        self._tasks = [(n, eta) for n in step_counts(steps) for eta in (0.0, 1.0)]
        self._found: list[float] = []
        self._job = self._next()
        self.done, self.total = 0, sum(n for n, _ in self._tasks)

    def _next(self) -> WalkJob:
        n, eta = self._tasks[len(self._found)]
        schedule, like = self._inputs.model.schedule, self._inputs.x
        times = subsequence(schedule.steps, n)
        return WalkJob(self._shape, schedule, like, times, eta, self._labels, self._seed, self._clip, 2)

    def advance(self, predict: Predict) -> None:
        """Make one step of one walk."""
        self._job.advance(predict)
        self.done += 1
        if self._job.done == self._job.total:
            self._found.append(energy_distance(self._job.x.cpu(), self._inputs.x.cpu()))
            if len(self._found) < len(self._tasks):
                self._job = self._next()

    @property
    def curve(self) -> StepsCurve:
        """The finished curve."""
        data = self._inputs.x.cpu()
        floor = energy_distance(data[::2], data[1::2]) if len(data) > 3 else 0.0
        n = tuple(n for n, eta in self._tasks if eta == 0)
        return StepsCurve(n, tuple(self._found[::2]), tuple(self._found[1::2]), floor)
