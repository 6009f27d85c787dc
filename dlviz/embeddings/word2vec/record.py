"""word2vec trained step by step; every step can be returned to, and is then bit-identical."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from dlviz.embeddings.word2vec.corpus import TrainingExamples, cbow, skip_gram, vocabulary
from dlviz.embeddings.word2vec.objective import ForwardBackward, negative_sampling, softmax
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

#: Limits on the checkpoints: their number, and the bytes of all of them. Beyond that every second one is dropped.
_CHECKPOINTS, _BYTES = 200, 256_000_000
#: How often a drawn word that is the target is drawn again, before it is drawn from the other words alone.
_REDRAWS = 20
#: The largest ``vector_size`` and ``negatives``; more do not fit in memory for long.
_MAX_SIZE = 10_000
_EXAMPLES = {"skip-gram": skip_gram, "cbow": cbow}


@dataclass(frozen=True)
class Defaults:
    """The default settings of a training, which :class:`Training` and ``dlviz.word2vec`` share."""

    kind: str = "skip-gram"
    loss: str = "negative"
    vector_size: int = 16
    window: int = 3
    negatives: int = 5
    lr: float = 0.05
    batch_size: int = 1
    seed: int = 0
    min_count: int = 1


class Training:
    """Two matrices of word vectors, trained with SGD on the CPU.

    A step sums the gradients of ``batch_size`` examples and updates ``vectors`` by −lr · ∂loss/∂W and ``outputs`` by −lr · ∂loss/∂U.
    The order of examples and the drawn words depend only on the seed and the step; torch's global random state is not used.

    Args:
        sentences: lists of words.
        kind: ``"skip-gram"`` (predict each neighbor of a word) or ``"cbow"`` (predict a word from its neighbors).
        loss: ``"softmax"`` (predict among all words) or ``"negative"`` (distinguish the target from a few drawn words).
        vector_size: numbers in a vector.
        window: the largest distance of a neighbor.
        negatives: words drawn for an example, each with a probability proportional to its count to the power 0.75.
        lr: the learning rate.
        batch_size: examples in a step.
        seed: the seed of its random numbers.
        min_count: words that occur less often are left out.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> run = Training([["a", "b", "c"], ["a", "c", "b"]], vector_size=4)
        >>> run.vectors.shape, run.take_step().scores.shape, run.step
        (torch.Size([3, 4]), torch.Size([1, 6]), 1)
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[str]],
        *,
        kind: str = Defaults.kind,
        loss: str = Defaults.loss,
        vector_size: int = Defaults.vector_size,
        window: int = Defaults.window,
        negatives: int = Defaults.negatives,
        lr: float = Defaults.lr,
        batch_size: int = Defaults.batch_size,
        seed: int = Defaults.seed,
        min_count: int = Defaults.min_count,
    ) -> None:
        _check_choice("kind", kind, tuple(_EXAMPLES))
        _check_choice("loss", loss, ("softmax", "negative"))
        counts = {
            "vector_size": vector_size,
            "window": window,
            "negatives": negatives,
            "batch_size": batch_size,
            "min_count": min_count,
        }
        for name, value in counts.items():
            _check_count(name, value)
        self.kind, self.loss, self.batch_size, self.seed = kind, loss, batch_size, _checked_seed(seed)
        #: The learning rate by the step from which it holds.
        self.lr_schedule = {0: _checked_lr(lr)}
        self.vocabulary = vocabulary(sentences, min_count)
        self.examples: TrainingExamples = _EXAMPLES[kind](sentences, self.vocabulary, window)
        if not len(self.examples.targets):
            raise DlvizError(message("embedding.refused.no_neighbors"))
        self.negatives, self.window, self.vector_size, self.min_count = negatives, window, vector_size, min_count
        self.noise_weights = self.vocabulary.counts.double() ** 0.75
        self.step = 0
        generator = torch.Generator("cpu").manual_seed(self.seed)
        words = len(self.vocabulary.words)
        # As in word2vec.c: small random vectors, and outputs at zero, so that at first every word is equally likely.
        uniform = torch.rand(words, vector_size, generator=generator, device="cpu", dtype=torch.float32)
        self.vectors = (uniform - 0.5) / vector_size
        self.outputs = torch.zeros(words, vector_size, device="cpu", dtype=torch.float32)
        self._epoch = -1
        self._order = self._drawn = torch.empty(0, dtype=torch.int64)
        self._losses = array("f")
        self._checkpoint_interval = 100
        self._checkpoints = {0: (self.vectors.clone(), self.outputs.clone())}

    @property
    def words(self) -> tuple[str, ...]:
        """The word of each row."""
        return self.vocabulary.words

    @property
    def steps_per_epoch(self) -> int:
        """How many steps see every example once; the last step of an epoch may see fewer."""
        return -(-len(self.examples.targets) // self.batch_size)

    @property
    def lr(self) -> float:
        """The learning rate of the next step. A new value holds from this step on, and later steps are discarded."""
        return self.lr_schedule[max(since for since in self.lr_schedule if since <= self.step)]

    @lr.setter
    def lr(self, lr: float) -> None:
        if _checked_lr(lr) == self.lr:
            return
        earlier = {since: value for since, value in self.lr_schedule.items() if since < self.step}
        self.lr_schedule = earlier | {self.step: _checked_lr(lr)}
        self._checkpoints = {step: saved for step, saved in self._checkpoints.items() if step <= self.step}
        del self._losses[self.step :]

    @property
    def losses(self) -> Tensor:
        """The mean loss of every step taken so far, in nats, (steps,)."""
        return torch.frombuffer(self._losses, dtype=torch.float32).clone() if self._losses else torch.empty(0)

    @property
    def last_step(self) -> int:
        """The last step taken so far."""
        return len(self._losses)

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The steps whose matrices are kept."""
        return tuple(sorted(self._checkpoints))

    @property
    def example_position(self) -> tuple[int, int, int]:
        """Of the next step's first example: index of the sentence, position of the center word, position of the target."""
        self._batch(self.step)
        first = self._order[self.step % self.steps_per_epoch * self.batch_size]
        sentence, center, target = self.examples.positions[first].tolist()
        return sentence, center, target

    def preview(self) -> ForwardBackward:
        """Compute the next step without taking it."""
        inputs, targets, drawn = self._batch(self.step)
        if self.loss == "softmax":
            return softmax(self.vectors, self.outputs, inputs, targets)
        return negative_sampling(self.vectors, self.outputs, inputs, targets, drawn)

    def take_step(self) -> ForwardBackward:
        """Take one step, and return its forward and backward pass."""
        passed, lr = self.preview(), self.lr
        self.vectors.index_add_(0, *passed.input_gradients(), alpha=-lr)
        self.outputs.index_add_(0, *passed.output_gradients(), alpha=-lr)
        if self.step == len(self._losses):
            self._losses.append(float(passed.loss.mean()))
        self.step += 1
        if self.step % self._checkpoint_interval == 0 and self.step not in self._checkpoints:
            self._save_checkpoint()
        return passed

    def run(self, steps: int) -> float:
        """Take `steps` steps, and return the mean loss of their examples, in nats."""
        _check_count("steps", steps)
        losses = [self.take_step().loss for _ in range(steps)]
        return float(torch.cat(losses).mean())

    def go_to(self, step: int) -> None:
        """Return to an earlier step or train to a later one; the matrices are bit-identical to those of the first time."""
        if not is_integer(step) or step < 0:
            raise DlvizError(message("embedding.refused.step", got=repr(step)))
        nearest = max(saved for saved in self._checkpoints if saved <= step)
        if step < self.step or nearest > self.step:
            self.step = nearest
            self.vectors, self.outputs = (matrix.clone() for matrix in self._checkpoints[nearest])
        while self.step < step:
            self.take_step()

    def _save_checkpoint(self) -> None:
        self._checkpoints[self.step] = (self.vectors.clone(), self.outputs.clone())
        if len(self._checkpoints) > max_copies(self.vectors):
            self._checkpoint_interval *= 2
            interval = self._checkpoint_interval
            self._checkpoints = {step: saved for step, saved in self._checkpoints.items() if step % interval == 0}

    def _batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return known words, targets and drawn words of a step."""
        epoch, index = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._shuffle(epoch)
        batch = slice(index * self.batch_size, (index + 1) * self.batch_size)
        chosen = self._order[batch]
        return self.examples.inputs[chosen], self.examples.targets[chosen], self._drawn[batch]

    def _shuffle(self, epoch: int) -> None:
        """Draw the order of an epoch and its negative words, which never equal the target of their example."""
        # Neighboring seeds and the epochs of one seed have separate random streams.
        generator = torch.Generator("cpu").manual_seed((self.seed + 1) * 2**31 + epoch)
        self._order = torch.randperm(len(self.examples.targets), generator=generator, device="cpu")
        self._epoch = epoch
        if self.loss == "softmax":
            self._drawn = self._order.new_empty(len(self._order), 0)
            return

        def draw(weights: Tensor, count: int) -> Tensor:
            return weights.multinomial(count, replacement=True, generator=generator)

        targets = self.examples.targets[self._order].unsqueeze(1).expand(-1, self.negatives)
        self._drawn = draw(self.noise_weights, targets.numel()).view_as(targets)
        for _ in range(_REDRAWS):
            if not (equal := self._drawn == targets).any():
                return
            self._drawn[equal] = draw(self.noise_weights, int(equal.sum()))
        # Where nearly all words are the target, redrawing would hardly ever end: the rest is drawn from the other words.
        equal = self._drawn == targets
        for target in targets[equal].unique().tolist():
            mask = equal & (targets == target)
            others = self.noise_weights.index_fill(0, torch.tensor([target]), 0)
            self._drawn[mask] = draw(others, int(mask.sum()))


def max_copies(matrix: Tensor) -> int:
    """Return how many copies of two matrices of this size are kept.

    Example:
        >>> max_copies(torch.zeros(200, 16)), max_copies(torch.zeros(20_000, 100))
        (200, 16)
    """
    return max(4, min(_CHECKPOINTS, _BYTES // (2 * matrix.numel() * matrix.element_size())))


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DlvizError(
            message("embedding.refused.choice", name=name, known=", ".join(map(repr, choices)), got=repr(value))
        )


def _check_count(name: str, value: Any) -> None:
    if not is_integer(value) or value < 1:
        raise DlvizError(message("embedding.refused.count", name=name, got=repr(value)))
    if name in ("vector_size", "negatives") and value > _MAX_SIZE:
        raise DlvizError(message("embedding.refused.count_most", name=name, most=f"{_MAX_SIZE:,}", got=repr(value)))


def _checked_lr(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < float("inf"):
        raise DlvizError(message("embedding.refused.lr", got=repr(value)))
    return float(value)


def _checked_seed(value: Any) -> int:
    if not is_integer(value) or not 0 <= value < 2**31:
        raise DlvizError(message("embedding.refused.seed", got=repr(value)))
    return int(value)
