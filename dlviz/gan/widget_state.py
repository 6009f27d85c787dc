"""State behind the picture of a duel: snapshots of both modules with their measures, painted points, and the learner's training steps."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.gan.inputs import Inputs
from dlviz.gan.modes import high_quality, modes_covered
from dlviz.gan.record import Record, class_counts, fakes_of, run, shown_real
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.pending_steps import MAX_STEPS, PendingSteps
from dlviz.kit.snapshots import evenly_spaced
from dlviz.kit.validation import is_integer
from dlviz.torchkit.array_data import as_plain_tensor
from dlviz.torchkit.energy_distance import energy_distance
from dlviz.torchkit.model_snapshots import SnapshotHistory

#: Names of the steps that can be made.
STEPS = ("d", "g", "both")
#: Rows of fakes and of real samples that the energy distance compares at most.
MEASURED_ROWS = 400

Step = Callable[[], Any]


class Duel:
    """Both modules with their snapshots.

    Args:
        inputs: the learner's modules and data, checked.
        side: grid points along a side of the plane.
        steps: the learner's functions that make a step of the discriminator and of the generator; ``None`` where there is none.

    Attributes:
        given: the inputs with the learner's own real samples.
        inputs: the inputs with the real samples that are drawn: painted points, if there are any.
        side: grid points along a side of the plane.
        history: the snapshots.
        step: the snapshot that is drawn, or will be.
        training: steps that are still to be made.
        counts: how many fakes of the last snapshot the classifier takes for each class, ``None`` without one.

    Raises:
        DlvizError: a module raises, or returns something that does not fit.
    """

    def __init__(self, inputs: Inputs, side: int, steps: tuple[Step | None, Step | None]) -> None:
        self.given = self.inputs = inputs
        self.side, self.steps = side, steps
        self.history = SnapshotHistory()
        self.training = PendingSteps()
        self.counts: Tensor | None = None
        #: Whether snapshots were measured against other real samples than those that are drawn.
        self._is_outdated = False
        self.step = 0
        self._record: Record | None = run(inputs, side)
        self.add_snapshot(message("gan.start"))

    @property
    def record(self) -> Record:
        """What both modules compute in the state of :attr:`step`, computed when it is first read."""
        if self._record is None:
            self._record = self.record_at(self.step)
        return self._record

    def record_at(self, step: int) -> Record:
        """Run both modules in the state of a snapshot."""
        return run(self.inputs, self.side, self.history.state(step))

    def forget_record(self) -> None:
        """Compute the record anew when it is next read, because something that it depends on has changed."""
        self._record = None

    def go(self, step: int) -> None:
        """Draw another snapshot."""
        self.step = step
        self.forget_record()
        self.measure_again()

    # Snapshots and their measures.

    def update(self, label: str = "", d_loss: float | None = None, g_loss: float | None = None) -> None:
        """Go to the modules' present state, and keep it as a snapshot if it has changed, or has a label or losses."""
        if label or d_loss is not None or g_loss is not None or self.history.has_changed(self.inputs.both):
            self.add_snapshot(label, d_loss, g_loss)
        self.go(self.history.last)

    def add_snapshot(self, label: str, d_loss: float | None = None, g_loss: float | None = None) -> None:
        """Keep the modules' present state with its measures."""
        measures = {"d_loss": d_loss, "g_loss": g_loss, **self.measure(fakes_of(self.inputs))}
        self.history.add(self.inputs.both, label, measures)

    def measure(self, fakes: Tensor) -> dict[str, float | None]:
        """Return what the losses do not say of some fakes: their distance to the real samples, and the modes or classes that they reach."""
        inputs = self.inputs
        # On the CPU, because not every device has double precision.
        fakes, real = fakes.cpu(), shown_real(inputs).cpu().reshape(-1, *fakes.shape[1:])
        rows = [samples[evenly_spaced(len(samples), MEASURED_ROWS)] for samples in (fakes, real)]
        measures: dict[str, float | None] = {"energy": energy_distance(*rows), "modes": None, "quality": None}
        if inputs.classifier is not None:
            self.counts = class_counts(inputs, fakes.to(inputs.real.device))
            measures["modes"] = float((self.counts > 0).sum())
        elif inputs.modes is not None:
            found = (inputs.modes.centers, inputs.modes.radius)
            measures["modes"], measures["quality"] = float(modes_covered(fakes, *found)), high_quality(fakes, *found)
        return measures

    def measure_again(self, steps: Sequence[int] | None = None) -> bool:
        """Measure snapshots against the real samples that are drawn, and return whether those have changed since.

        Args:
            steps: some snapshots; by default all of them.
        """
        if not self._is_outdated:
            return False
        for step in range(len(self.history)) if steps is None else steps:
            self.history.replace_measures(step, self.measure(fakes_of(self.inputs, self.history.state(step))))
        self._is_outdated = steps is not None
        return True

    def measure_at(self, step: int) -> dict[str, float]:
        """Return the measures of a snapshot; NaN for those that could not be taken."""
        series = self.history.series([min(step, self.history.last)])
        return {name: float(values[0]) for name, values in series.items() if name != "labels"}

    @property
    def mode_count(self) -> int:
        """How many modes or classes there are, 0 where none are known."""
        if self.inputs.classifier is not None and self.counts is not None:
            return len(self.counts)
        return 0 if self.inputs.modes is None else len(self.inputs.modes.centers)

    # The real samples.

    def paint(self, points: Sequence[Sequence[float]]) -> None:
        """Take painted points of the plane for the real ones; without any the learner's own again."""
        real = torch.tensor(points).to(self.given.real) if points else None
        self.inputs = self.given if real is None else self.given.with_real(real)
        self.forget_record()
        # The others wait until they are asked for, so that a brush stroke is not slow after a long training.
        self._is_outdated = True
        self.measure_again([min(self.step, self.history.last)])

    # The learner's own steps.

    def check_step(self, which: Any, count: Any) -> None:
        """Check that such steps can be made.

        Raises:
            DlvizError: there is no such step, the learner gave no function for it, or `count` is no whole number from 1 on.
        """
        if which not in STEPS:
            raise DlvizError(message("gan.refused.which", got=repr(which)[:80]))
        needed = {"d": ("step_d",), "g": ("step_g",), "both": ("step_d", "step_g")}[which]
        have = {name for name, step in zip(("step_d", "step_g"), self.steps, strict=True) if step is not None}
        missing = [name for name in needed if name not in have]
        if missing:
            raise DlvizError(message("gan.refused.no_step", names=" and ".join(missing), which=repr(which)))
        if not is_integer(count) or not 1 <= count <= MAX_STEPS:
            raise DlvizError(message("gan.refused.count", most=f"{MAX_STEPS:,}", got=repr(count)[:80]))

    def train(self, seconds: float | None = None) -> None:
        """Make the steps that remain, with a snapshot every few of them; with a limit, at least one and as many as fit the time.

        Raises:
            Exception: what a step raises; no step remains then, and those that were made are kept as a snapshot.
        """
        losses: dict[str, float | None] = {}

        def step() -> None:
            nonlocal losses
            losses = self._train_once(self.training.which)

        def keep() -> None:
            # Kept in any case: torch does not count what a step writes through `.data`, as when it clips a critic's weights.
            self.add_snapshot("", **losses)
            self.go(self.history.last)

        try:
            self.training.run(step, keep, seconds)
        except BaseException:
            self.update("", **losses)
            raise

    def _train_once(self, which: str) -> dict[str, float | None]:
        losses: dict[str, float | None] = {}
        d, g = self.steps
        if which != "g" and d is not None:
            losses["d_loss"] = as_number(d())
        if which != "d" and g is not None:
            losses["g_loss"] = as_number(g())
        return losses


def as_number(loss: Any) -> float | None:
    """Return a loss as a float; ``None`` for anything that is not a single number.

    Example:
        >>> as_number(torch.tensor(0.5)), as_number(2), as_number(None), as_number("loss")
        (0.5, 2.0, None, None)
    """
    if isinstance(loss, (bool, str, bytes)) or loss is None:
        return None
    if isinstance(loss, (int, float)):
        return float(loss)
    found = as_plain_tensor(loss)
    return float(found) if found is not None and found.numel() == 1 and not found.is_complex() else None
