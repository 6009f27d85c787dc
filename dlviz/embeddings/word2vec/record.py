"""word2vec trained step by step; any step can be returned to, and is then the same to the last bit."""

from array import array
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from dlviz.embeddings.word2vec.corpus import Examples, cbow, skip_gram, vocabulary
from dlviz.embeddings.word2vec.objective import Update, negative_sampling, softmax
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: So many states are kept at most, and of large matrices fewer: all of them together take up to so many bytes. Where there would be more,
#: every second one is forgotten.
_KEPT, _MEMORY = 200, 256_000_000
#: A drawn word that is the target is drawn so many times again at first.
_AGAIN = 20
_KINDS = {"skip-gram": skip_gram, "cbow": cbow}


class Training:
    """Two matrices of word vectors, moved by plain gradient descent, on the CPU.

    A step sees ``batch`` examples, sums their gradients and moves ``vectors`` by −rate · ∂loss/∂W and ``outputs`` by −rate · ∂loss/∂U.
    Order and drawn words follow from the seed and the number of the step alone; torch's own stream of random numbers is left alone.

    Args:
        sentences: lists of words.
        kind: ``"skip-gram"`` (from a word guess its neighbors) or ``"cbow"`` (from the neighbors guess the word).
        loss: ``"softmax"`` (guess among all words) or ``"negative"`` (tell the right word from a few drawn ones).
        size: how many numbers a vector has.
        window: how many places away a neighbor may be.
        negatives: how many words are drawn for an example; each with a chance in proportion to its count to the power 0.75.
        rate: the learning rate.
        batch: how many examples a step sees.
        seed: where its random numbers begin.
        least: words that occur less often are left out.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> run = Training([["a", "b", "c"], ["a", "c", "b"]], size=4)
        >>> run.vectors.shape, run.next().scores.shape, run.step
        (torch.Size([3, 4]), torch.Size([1, 6]), 1)
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[str]],
        *,
        kind: str = "skip-gram",
        loss: str = "negative",
        size: int = 16,
        window: int = 3,
        negatives: int = 5,
        rate: float = 0.05,
        batch: int = 1,
        seed: int = 0,
        least: int = 1,
    ) -> None:
        _among("kind", kind, tuple(_KINDS))
        _among("loss", loss, ("softmax", "negative"))
        counts = {"size": size, "window": window, "negatives": negatives, "batch": batch, "least": least}
        for name, value in counts.items():
            _whole(name, value)
        self.kind, self.loss, self.batch, self.seed = kind, loss, batch, _seed(seed)
        #: The rate of every step: that of the nearest entry at or before it.
        self.rates = {0: _rate(rate)}
        self.vocabulary = vocabulary(sentences, least)
        self.examples: Examples = _KINDS[kind](sentences, self.vocabulary, window)
        if not len(self.examples.targets):
            raise DlvizError(message("embedding.refused.lonely"))
        self.negatives, self.window, self.size, self.least = negatives, window, size, least
        self.noise = self.vocabulary.counts.double() ** 0.75
        self.step = 0
        first = torch.Generator("cpu").manual_seed(self.seed)
        words = len(self.vocabulary.words)
        # As in word2vec.c: small vectors at random, outputs at zero, so that at first every word is as likely as any other.
        self.vectors = (torch.rand(words, size, generator=first, device="cpu", dtype=torch.float32) - 0.5) / size
        self.outputs = torch.zeros(words, size, device="cpu", dtype=torch.float32)
        self._epoch = -1
        self._order = self._drawn = torch.empty(0, dtype=torch.int64)
        self._losses = array("f")
        self._every = 100
        self._kept = {0: (self.vectors.clone(), self.outputs.clone())}

    @property
    def words(self) -> tuple[str, ...]:
        """The word of each row."""
        return self.vocabulary.words

    @property
    def steps_an_epoch(self) -> int:
        """After so many steps every example has been seen once; the last step of an epoch may see fewer."""
        return -(-len(self.examples.targets) // self.batch)

    @property
    def rate(self) -> float:
        """The learning rate of the step that comes next. Set it, and it holds from here on; steps taken beyond this one are forgotten."""
        return self.rates[max(since for since in self.rates if since <= self.step)]

    @rate.setter
    def rate(self, rate: float) -> None:
        if _rate(rate) == self.rate:
            return
        self.rates = {since: one for since, one in self.rates.items() if since < self.step} | {self.step: _rate(rate)}
        self._kept = {step: kept for step, kept in self._kept.items() if step <= self.step}
        del self._losses[self.step :]

    @property
    def losses(self) -> Tensor:
        """The mean loss of every step that was ever reached, in nats, (steps,)."""
        return torch.frombuffer(self._losses, dtype=torch.float32).clone() if self._losses else torch.empty(0)

    @property
    def reached(self) -> int:
        """The furthest step, which is the last one that can be returned to without training further."""
        return len(self._losses)

    @property
    def kept(self) -> tuple[int, ...]:
        """The steps whose matrices are at hand."""
        return tuple(sorted(self._kept))

    @property
    def spot(self) -> tuple[int, int, int]:
        """Where the first example of the next step stands: sentence, place of the word in the middle, place of the word to be guessed."""
        self._examples(self.step)
        first = self._order[self.step % self.steps_an_epoch * self.batch]
        sentence, middle, other = self.examples.spots[first].tolist()
        return sentence, middle, other

    def look(self) -> Update:
        """The step that comes next, seen through; nothing moves."""
        inputs, targets, drawn = self._examples(self.step)
        if self.loss == "softmax":
            return softmax(self.vectors, self.outputs, inputs, targets)
        return negative_sampling(self.vectors, self.outputs, inputs, targets, drawn)

    def next(self) -> Update:
        """Take one step, and give what was seen before it."""
        seen, rate = self.look(), self.rate
        self.vectors.index_add_(0, *seen.input_rows(), alpha=-rate)
        self.outputs.index_add_(0, *seen.output_rows(), alpha=-rate)
        if self.step == len(self._losses):
            self._losses.append(float(seen.loss.mean()))
        self.step += 1
        if self.step % self._every == 0 and self.step not in self._kept:
            self._keep()
        return seen

    def run(self, steps: int) -> float:
        """Take many steps; gives the mean loss of their examples, in nats."""
        _whole("steps", steps)
        losses = [self.next().loss for _ in range(steps)]
        return float(torch.cat(losses).mean())

    def go(self, step: int) -> None:
        """Stand at a step, earlier or later; it is the same to the last bit as when it was first reached."""
        if not _integral(step) or step < 0:
            raise DlvizError(message("embedding.refused.step", got=repr(step)))
        nearest = max(kept for kept in self._kept if kept <= step)
        if step < self.step or nearest > self.step:
            self.step = nearest
            self.vectors, self.outputs = (matrix.clone() for matrix in self._kept[nearest])
        while self.step < step:
            self.next()

    def _keep(self) -> None:
        self._kept[self.step] = (self.vectors.clone(), self.outputs.clone())
        if len(self._kept) > room(self.vectors):
            self._every *= 2
            self._kept = {step: kept for step, kept in self._kept.items() if step % self._every == 0}

    def _examples(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Known words, targets and drawn words of a step."""
        epoch, place = divmod(step, self.steps_an_epoch)
        if epoch != self._epoch:
            self._shuffle(epoch)
        chosen = self._order[place * self.batch : (place + 1) * self.batch]
        drawn = self._drawn[place * self.batch : (place + 1) * self.batch]
        return self.examples.inputs[chosen], self.examples.targets[chosen], drawn

    def _shuffle(self, epoch: int) -> None:
        """The order of an epoch and its drawn words, none of which is the target it stands beside."""
        # Epochs of one seed and neighboring seeds have streams of their own.
        random = torch.Generator("cpu").manual_seed((self.seed + 1) * 2**31 + epoch)
        self._order = torch.randperm(len(self.examples.targets), generator=random, device="cpu")
        self._epoch = epoch
        if self.loss == "softmax":
            self._drawn = self._order.new_empty(len(self._order), 0)
            return
        targets = self.examples.targets[self._order].unsqueeze(1).expand(-1, self.negatives)
        self._drawn = self.noise.multinomial(targets.numel(), replacement=True, generator=random).view_as(targets)
        for _ in range(_AGAIN):
            if not (same := self._drawn == targets).any():
                return
            self._drawn[same] = self.noise.multinomial(int(same.sum()), replacement=True, generator=random)
        # Where nearly all words are the target, drawing again would hardly ever end: those that are left are drawn from the others.
        same = self._drawn == targets
        for target in targets[same].unique().tolist():
            wanted = same & (targets == target)
            others = self.noise.index_fill(0, torch.tensor([target]), 0)
            self._drawn[wanted] = others.multinomial(int(wanted.sum()), replacement=True, generator=random)


def room(matrix: Tensor) -> int:
    """How many states of two matrices of this size are kept.

    Example:
        >>> room(torch.zeros(200, 16)), room(torch.zeros(20_000, 100))
        (200, 16)
    """
    return max(4, min(_KEPT, _MEMORY // (2 * matrix.numel() * matrix.element_size())))


def _among(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise DlvizError(
            message("embedding.refused.choice", name=name, known=", ".join(map(repr, known)), got=repr(value))
        )


def _integral(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _whole(name: str, value: Any) -> None:
    if not _integral(value) or value < 1:
        raise DlvizError(message("embedding.refused.whole", name=name, got=repr(value)))


def _rate(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < float("inf"):
        raise DlvizError(message("embedding.refused.rate", got=repr(value)))
    return float(value)


def _seed(value: Any) -> int:
    if not _integral(value) or not 0 <= value < 2**31:
        raise DlvizError(message("embedding.refused.seed", got=repr(value)))
    return int(value)
