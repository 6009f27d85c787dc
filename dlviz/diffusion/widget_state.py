"""State behind the picture of a diffusion model: the learner's network with its snapshots, and what has been computed of one of them."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import torch
from torch import Tensor

from dlviz.diffusion.inputs import Inputs, image_count
from dlviz.diffusion.noise_model import NoiseModel
from dlviz.diffusion.record import (
    CurveJob,
    Predictions,
    StepsCurve,
    drawn_times,
    frame_limit,
    predictions,
    training_loss,
)
from dlviz.diffusion.sampling import Clip, Sampler, Walk, WalkJob, check_clip, eta_of, kept_states
from dlviz.diffusion.schedule import Schedule, cosine_schedule, linear_schedule
from dlviz.diffusion.steps import check_eta, subsequence
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite, is_integer
from dlviz.torchkit.model_snapshots import SnapshotHistory

#: Samples of points and of images at most.
MAX_SAMPLES, MAX_IMAGE_SAMPLES = 1000, 32
#: Numbers that another walk in a page computes at most, those of all its steps together: about ten seconds of work.
MAX_PAGE_NUMBERS = 2**27


@dataclass(frozen=True)
class WalkSettings:
    """Settings of a walk.

    Attributes:
        sampler, eta: as for :func:`dlviz.diffusion.sampling.sample`.
        steps: number of steps.
        condition: the class of all samples; −1 for every class in turn.
        guidance: strength of guidance.
        samples: number of samples.
        seed: of the random numbers.
        clip: limits of predicted data, ``None`` for none.
    """

    sampler: Sampler
    eta: float
    steps: int
    condition: int
    guidance: float
    samples: int
    seed: int
    clip: Clip = None


def check_walk(
    inputs: Inputs,
    sampler: Any,
    eta: Any,
    steps: Any,
    condition: Any,
    guidance: Any,
    samples: Any,
    seed: Any,
    clip: Any,
) -> WalkSettings:
    """Return the settings of a walk: T steps without `steps`, 200 points or up to 32 images without `samples`.

    The sampler, `eta`, `guidance` and `seed` have been checked by themselves.

    Raises:
        DlvizError: a setting does not fit the network or the data.
    """
    most = MAX_SAMPLES if inputs.is_plane else MAX_IMAGE_SAMPLES
    usual = 200 if inputs.is_plane else image_count(inputs.x[0])
    count = usual if samples is None else samples
    if not is_integer(count) or not 1 <= count <= most:
        raise DlvizError(message("diffusion.refused.samples", most=most, got=repr(samples)[:80]))
    length = inputs.model.schedule.steps if steps is None else steps
    for name, value in (("walk_steps", length), ("condition", condition), ("guidance", guidance)):
        check_setting(name, value, inputs)
    numbers = (float(eta), int(length), int(condition), float(guidance), int(count), int(seed))
    return WalkSettings(sampler, *numbers, check_clip(clip))


def check_setting(name: str, value: Any, inputs: Inputs) -> None:
    """Raise a DlvizError if a setting of the walk does not fit the network or the data."""
    if name == "eta":
        check_eta(value)
    elif name == "guidance":
        if not is_finite(value):
            raise DlvizError(message("diffusion.refused.guidance", got=repr(value)[:80]))
        if value != 1 and inputs.model.null is None:
            raise DlvizError(message("diffusion.refused.guidance_null", got=value))
    elif name == "condition" and not inputs.classes:
        if not is_integer(value) or value != -1:
            raise DlvizError(message("diffusion.refused.condition_alone", got=repr(value)[:80]))
    else:
        steps = inputs.model.schedule.steps
        check_range(name, value, *((1, steps) if name == "walk_steps" else (-1, len(inputs.classes) - 1)))


def check_range(name: str, value: Any, low: int, last: int) -> None:
    """Raise a DlvizError unless `value` is a whole number from `low` to `last`."""
    if not is_integer(value) or not low <= value <= last:
        raise DlvizError(message("diffusion.refused.trait", name=name, low=low, last=last, got=repr(value)[:80]))


class DenoiseState:
    """The network as it is drawn: one of its snapshots, with predictions, a walk and the curve over numbers of steps.

    Args:
        inputs: the learner's network and data, checked.
        settings: of the walk.
        schedule_kind: "linear", "cosine" or "betas": the kind of the model's own schedule.

    Attributes:
        inputs, settings, schedule_kind: as given; the settings may be exchanged.
        history: snapshots of the training, empty for a function that runs no module.
        snapshot: the snapshot that is drawn.
        curve: the curve over numbers of steps, ``None`` before it is computed.
    """

    def __init__(self, inputs: Inputs, settings: WalkSettings, schedule_kind: str) -> None:
        self.inputs, self.settings, self.schedule_kind = inputs, settings, schedule_kind
        self.history = SnapshotHistory()
        self.snapshot = 0
        self.curve: StepsCurve | None = None
        self._curve_job: CurveJob | None = None
        self._walk: Walk | None = None
        self._walk_job: WalkJob | None = None
        self._known: dict[str, Predictions] = {}
        labels = None if inputs.labels is None else inputs.labels[:1].to(inputs.x.device)
        inputs.model.initialize(inputs.x[:1], labels)
        self.keep(message("diffusion.start"), always=True)

    @property
    def model(self) -> NoiseModel:
        """The learner's network."""
        return self.inputs.model

    @property
    def titles(self) -> list[str]:
        """Titles of all snapshots."""
        return self.history.titles

    def tried_schedule(self, kind: str, steps: int, beta_end: float) -> Schedule:
        """Return the model's own schedule for "model", or one that is tried; a linear one begins where the model's begins."""
        own = self.model.schedule
        if kind == "model":
            return own
        if kind == "cosine":
            return cosine_schedule(steps)
        start = float(own.betas[0]) if self.schedule_kind == "linear" else 1e-4
        return linear_schedule(steps, min(start, beta_end), beta_end)

    def keep(self, label: str, *, always: bool) -> None:
        """Keep the network's present state as a snapshot if it has changed, and go to it; measures the training loss."""
        with self.model.running(guidance=1.0) as predict:
            loss = training_loss(self.inputs, predict)
        module = self.model.module
        if module is not None and (always or label or self.history.has_changed(module)):
            self.history.add(module, label, {"loss": loss})
        self.show(max(0, self.history.last))

    def show(self, snapshot: int) -> None:
        """Go to a snapshot; what was computed of another one is forgotten."""
        self.snapshot = snapshot
        self.curve = self._curve_job = None
        self.forget_walk()
        self._known = {}

    def change(self, **settings: Any) -> None:
        """Change settings of the walk."""
        self.settings = replace(self.settings, **settings)
        self.forget_walk()
        if "condition" in settings or "guidance" in settings:
            self._known = {}
            self.curve = self._curve_job = None

    def variant(self, *, snapshot: int | None = None, **settings: Any) -> "DenoiseState":
        """Return a state of the same network at another snapshot or with other settings; this one stays as it is."""
        other = copy.copy(self)
        other._known = dict(self._known)
        if snapshot is not None:
            other.show(snapshot)
        if settings:
            other.change(**settings)
        return other

    def forget_walk(self) -> None:
        """Compute the walk anew when it is next needed."""
        self._walk = self._walk_job = None
        self._known.pop("walk", None)

    # What runs the network.

    def run(self, call: Callable[[Any], Any]) -> Any:
        """Return what `call` makes of the running network in the state that is drawn."""
        state = self.history.state(self.snapshot) if len(self.history) else None
        with self.model.running(state, self.settings.guidance) as predict:
            return call(predict)

    def predict(self, x: Tensor, t: int | Tensor, y: Tensor | None) -> Tensor:
        """Return the predicted noise of x_t."""
        return self.run(lambda predict: predict(x, t, y))

    def predictions_at(self, times: Sequence[int]) -> Predictions:
        """Return the predictions at some steps."""
        return self.run(lambda predict: predictions(self.inputs, predict, times, self.grid_condition))

    @property
    def process_predictions(self) -> Predictions:
        """The predictions at all drawn steps of the model's own schedule."""
        return self._predictions("process", self.process_times[1:])

    @property
    def walk_predictions(self) -> Predictions | None:
        """The predictions at the steps at which the walk is drawn; ``None`` if :attr:`process_predictions` have them all."""
        if set(self.walk_times) <= set(self.process_times):
            return None
        return self._predictions("walk", self.walk_times[:-1])

    def _predictions(self, name: str, times: Sequence[int]) -> Predictions:
        if name not in self._known:
            self._known[name] = self.predictions_at(sorted({0, *times}))
        return self._known[name]

    @property
    def grid_condition(self) -> int | None:
        """The class for which the grid is computed, ``None`` without classes, −1 for none."""
        if self.inputs.labels is None:
            return None
        if self.settings.condition >= 0:
            return self.settings.condition
        return -1 if self.model.null is None else self.model.null

    @property
    def process_times(self) -> tuple[int, ...]:
        """The indices at which the noising of the model's own schedule is drawn."""
        return drawn_times(self.model.schedule.steps, frame_limit(self.inputs.x[0], len(self.inputs.drawn)))

    @property
    def walk_times(self) -> tuple[int, ...]:
        """The indices at which the walk is drawn, decreasing."""
        visited = [*reversed(subsequence(self.model.schedule.steps, self.settings.steps)), -1]
        return tuple(visited[k] for k in self.walk_steps_made)

    @property
    def walk_steps_made(self) -> list[int]:
        """How many sampling steps are made when the walk is drawn, increasing: of a long one not every state is kept."""
        return kept_states(self.settings.steps, self._frames)

    @property
    def page_walk_steps(self) -> int:
        """How many steps the walks with other settings in a page have at most: fewer of large images."""
        return MAX_PAGE_NUMBERS // (self.settings.samples * self.inputs.x[0].numel())

    @property
    def _frames(self) -> int:
        return frame_limit(self.inputs.x[0], self.settings.samples)

    @property
    def walk_labels(self) -> Tensor | None:
        """The class of each sample."""
        if self.inputs.labels is None:
            return None
        ids = [k for k in range(len(self.inputs.classes)) if k != self.model.null] or [0]
        chosen = ids if self.settings.condition < 0 else [self.settings.condition]
        return torch.tensor(chosen)[torch.arange(self.settings.samples) % len(chosen)]

    # What takes time, in portions.

    @property
    def has_walk(self) -> bool:
        """Whether the walk is finished."""
        return self._walk is not None

    @property
    def walk(self) -> Walk:
        """The walk, computed to its end."""
        while self._walk is None:
            self.work_on_walk(60.0)
        return self._walk

    def work_on_walk(self, seconds: float) -> float:
        """Compute the walk for some seconds, and return the fraction that is done."""
        if self._walk is not None:
            return 1.0
        settings, schedule = self.settings, self.model.schedule
        if self._walk_job is None:
            shape = (settings.samples, *self.inputs.x.shape[1:])
            times, eta = subsequence(schedule.steps, settings.steps), eta_of(settings.sampler, settings.eta)
            # All states of points are kept, of images those that are drawn.
            most = None if self.inputs.is_plane else self._frames
            self._walk_job = WalkJob(
                shape, schedule, self.inputs.x[:0], times, eta, self.walk_labels, settings.seed, settings.clip, most
            )
        job = self._walk_job
        self._advance(job, seconds)
        if job.done == job.total:
            self._walk, self._walk_job = job.walk, None
        return job.done / job.total

    def work_on_curve(self, seconds: float) -> float:
        """Compute the curve over numbers of steps for some seconds, and return the fraction that is done."""
        if self.curve is not None:
            return 1.0
        if self._curve_job is None:
            self._curve_job = CurveJob(self.inputs, self.settings.seed, self.settings.clip)
        job = self._curve_job
        self._advance(job, seconds)
        if job.done == job.total:
            self.curve, self._curve_job = job.curve, None
        return job.done / job.total

    def _advance(self, job: WalkJob | CurveJob, seconds: float) -> None:
        end = monotonic() + seconds

        def advance(predict: Any) -> None:
            while job.done < job.total:
                job.advance(predict)
                if monotonic() >= end:
                    return

        self.run(advance)
