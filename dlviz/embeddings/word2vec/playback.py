"""What the player of word2vec steps through: the steps of a training, or the snapshots of the learner's module."""

from typing import Protocol

import torch
from torch import Tensor

from dlviz.embeddings.word2vec.model_recorder import ModelRecorder
from dlviz.embeddings.word2vec.record import Training


class Timeline(Protocol):
    """Positions of the player. ``run`` is the training whose matrices are shown; ``recorder`` is ``None`` unless a module is recorded."""

    run: Training

    @property
    def recorder(self) -> ModelRecorder | None:
        """The recorder of the learner's module."""

    def go_to(self, position: int) -> None:
        """Set the training to the matrices of a position."""

    def last_position(self) -> int:
        """Return the last position that has been reached."""

    def steps(self) -> list[int]:
        """Return the training step of each position; empty where positions are steps."""

    def page_positions(self, current: int) -> list[int]:
        """Return the positions that an exported page can show cheaply, `current` among them."""

    def losses(self) -> tuple[Tensor, dict[int, float]]:
        """Return the loss of every step so far, and the learning rates by the step from which they hold."""

    def set_lr(self, lr: float) -> None:
        """Use another learning rate from here on."""


class TrainingTimeline:
    """The steps of a training, which continues when the player moves beyond the last one."""

    recorder = None

    def __init__(self, run: Training) -> None:
        self.run = run

    def go_to(self, position: int) -> None:
        """Return to a step, or train until it."""
        self.run.go_to(position)

    def last_position(self) -> int:
        """Return the last step."""
        return self.run.last_step

    def steps(self) -> list[int]:
        """Return an empty list, because positions are steps."""
        return []

    def page_positions(self, current: int) -> list[int]:
        """Return the checkpoints, and the current step."""
        return sorted({*self.run.checkpoints, current})

    def losses(self) -> tuple[Tensor, dict[int, float]]:
        """Return the training's own losses and learning rates."""
        return self.run.losses, self.run.lr_schedule

    def set_lr(self, lr: float) -> None:
        """Use another learning rate from here on; later steps are discarded."""
        self.run.lr = lr


class RecorderTimeline:
    """The snapshots of the learner's module. The training computes an example with their matrices, and takes no step."""

    def __init__(self, run: Training, recorder: ModelRecorder) -> None:
        self.run, self.recorder = run, recorder
        self.go_to(0)
        run.vector_size = run.vectors.shape[1]

    def go_to(self, position: int) -> None:
        """Show the matrices of a snapshot."""
        snapshot = self.recorder.snapshots[position]
        self.run.vectors, self.run.outputs, self.run.step = snapshot.w, snapshot.u, snapshot.index

    def last_position(self) -> int:
        """Return the position of the latest snapshot."""
        return len(self.recorder.snapshots) - 1

    def steps(self) -> list[int]:
        """Return the update of each snapshot."""
        return [snapshot.index for snapshot in self.recorder.snapshots]

    def page_positions(self, current: int) -> list[int]:
        """Return all positions."""
        return list(range(len(self.recorder.snapshots)))

    def losses(self) -> tuple[Tensor, dict[int, float]]:
        """Return the losses that the learner passed."""
        return torch.tensor(self.recorder.losses), self.run.lr_schedule

    def set_lr(self, lr: float) -> None:
        """Compute the shown step with another learning rate."""
        self.run.lr_schedule = {0: lr}
