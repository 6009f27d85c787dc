"""What the player of word2vec steps through: the steps of a training, or the snapshots of the learner's module."""

import torch
from torch import Tensor

from dlviz.embeddings.word2vec.model_recorder import ModelRecorder
from dlviz.embeddings.word2vec.record import Training


class Timeline:
    """The steps of a training, which continues when the player moves beyond the last one.

    Attributes:
        run: the training whose matrices are shown.
        recorder: the recorder of the learner's module; ``None`` for a training.
    """

    recorder: ModelRecorder | None = None

    def __init__(self, run: Training) -> None:
        self.run = run

    def go_to(self, position: int) -> None:
        """Set the training to the matrices of a position, and train until it where that is needed."""
        self.run.go_to(position)

    def last_position(self) -> int:
        """Return the last position that has been reached."""
        return self.run.last_step

    def steps(self) -> list[int]:
        """Return the training step of each position; empty where positions are steps."""
        return []

    def page_positions(self, current: int) -> list[int]:
        """Return the positions that an exported page can show cheaply, `current` among them."""
        return sorted({*self.run.checkpoints, current})

    def losses(self) -> tuple[Tensor, dict[int, float]]:
        """Return the loss of every step so far, and the learning rates by the step from which they hold."""
        return self.run.losses, self.run.lr_schedule

    def set_lr(self, lr: float) -> None:
        """Use another learning rate from here on; later steps are discarded."""
        self.run.lr = lr


class RecorderTimeline(Timeline):
    """The snapshots of the learner's module. The training computes an example with their matrices, and takes no step."""

    recorder: ModelRecorder

    def __init__(self, run: Training, recorder: ModelRecorder) -> None:
        super().__init__(run)
        self.recorder = recorder
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
