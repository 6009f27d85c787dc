"""Texts that a language model continues, token by token, with the distribution that each token was drawn from."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.generation.next_token import NextToken
from dlviz.generation.sampling import ROWS, Draw, Settings, Stages, sample, stages
from dlviz.generation.tokenizer import Tokenizer
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

#: Most continuations of one prompt, and most tokens of each.
MAX_CONTINUATIONS, MAX_STEPS = 8, 1000


@dataclass(frozen=True, eq=False)
class Rows:
    """The most probable tokens of a step, and sums over all others.

    Attributes:
        ids: (R,), the most probable first.
        logits, scaled, softmax, probs: each stage, (R,).
        running: sums of the probabilities after top-k, which top-p compares with p, (R,).
        cuts: for each of them 0 if it can be drawn, 1 if top-k or greedy choice cuts it, 2 if top-p does, 3 if its logit is −∞, (R,).
        others: number of the other tokens.
        others_softmax, others_prob: their probability before and after the cuts.
        kept: number of all tokens that can be drawn after top-k, and after top-p.
    """

    ids: Tensor
    logits: Tensor
    scaled: Tensor
    softmax: Tensor
    running: Tensor
    probs: Tensor
    cuts: Tensor
    others: int
    others_softmax: float
    others_prob: float
    kept: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Step:
    """One generated token.

    Attributes:
        logits: what the model returned for it, (V,).
        settings: how it was chosen.
        u: the uniform number of this step.
        draw: the token that `u` draws; ``None`` where the logits give no distribution, which ends the continuation.
        token: the token that was taken: the drawn one, or another that was chosen by hand; −1 without a distribution.
        log_prob: logarithm of its probability under the model itself: temperature 1, nothing cut.
        prob: its probability after temperature, top-k and top-p.
        rows: the most probable tokens.
    """

    logits: Tensor
    settings: Settings
    u: float
    draw: Draw | None
    token: int
    log_prob: float
    prob: float
    rows: Rows | None

    @property
    def stages(self) -> Stages:
        """Every stage from logits to probabilities, over the whole vocabulary."""
        return stages(self.logits, self.settings)

    @property
    def is_chosen(self) -> bool:
        """Whether the token was chosen by hand instead of drawn."""
        return self.draw is not None and self.token != self.draw.token


@dataclass(frozen=True, eq=False)
class Continuation:
    """A prompt and the tokens that were generated after it.

    Attributes:
        prompt: ids of the prompt.
        steps: the generated tokens.
    """

    prompt: tuple[int, ...]
    steps: tuple[Step, ...] = ()

    @property
    def generated(self) -> list[int]:
        """Ids of the generated tokens."""
        return [step.token for step in self.steps if step.draw is not None]

    @property
    def ids(self) -> list[int]:
        """Ids of the prompt and of the generated tokens."""
        return [*self.prompt, *self.generated]

    @property
    def has_ended(self) -> bool:
        """Whether the model gave no distribution for the next token."""
        return bool(self.steps) and self.steps[-1].draw is None

    @property
    def log_prob(self) -> float:
        """Sum of the log-probabilities of the generated tokens under the model, in nats."""
        return math.fsum(step.log_prob for step in self.steps if step.draw is not None)

    @property
    def perplexity(self) -> float:
        """exp(−mean log-probability) of the generated tokens; NaN without any."""
        mean = self.log_prob / len(self.generated) if self.generated else math.nan
        return math.exp(-mean) if -mean < 700 else math.inf


@dataclass(frozen=True, eq=False)
class Record:
    """Continuations of one prompt.

    Attributes:
        continuations: one or more.
        texts: the text of each, with the prompt.
        vocabulary: V.
    """

    continuations: tuple[Continuation, ...]
    texts: tuple[str, ...]
    vocabulary: int


def record(
    model: Callable[[Tensor], Any],
    prompt: Any,
    *,
    encode: Any = None,
    decode: Any = None,
    settings: Settings | None = None,
    steps: int = 40,
    seed: int = 0,
    continuations: int = 1,
    context: int | None = None,
) -> Record:
    """Continue a prompt token by token. The model, its modes and the random generators stay unchanged.

    Args:
        model, prompt, encode, decode, steps, seed, continuations, context: as for :func:`dlviz.generate`.
        settings: temperature, top-k, top-p and greedy choice; by default temperature 1 and no cut.

    Raises:
        DlvizError: an argument does not fit, or the model raises.

    Example:
        >>> table = torch.tensor([[0.0, 5.0, 0.0], [0.0, 0.0, 5.0], [5.0, 0.0, 0.0]])
        >>> found = record(lambda ids: table[ids], [0], settings=Settings(greedy=True), steps=4)
        >>> found.continuations[0].ids, found.texts
        ([0, 1, 2, 0, 1], ('0 1 2 0 1',))
    """
    check_counts(steps, seed, continuations, context)
    tokenizer, source = Tokenizer(encode, decode), NextToken(model, context)
    start = Continuation(tuple(tokenizer.encode(prompt)))
    source.initialize(start.prompt)
    found = []
    with source.untouched():
        for k in range(continuations):
            continuation = start
            for u in uniform_numbers(seed, k, steps).tolist():
                continuation = extended(source, continuation, settings or Settings(), u)
            found.append(continuation)
    texts = tuple(tokenizer.text(one.ids) for one in found)
    return Record(tuple(found), texts, source.vocabulary)


def check_counts(steps: Any, seed: Any, continuations: Any, context: Any) -> None:
    """Check how much is generated.

    Raises:
        DlvizError: a number is not whole, or out of range.
    """
    if not is_integer(steps) or not 1 <= steps <= MAX_STEPS:
        raise DlvizError(message("generation.refused.steps", most=MAX_STEPS, got=_shown(steps)))
    if not is_integer(seed) or not 0 <= seed < 2**53:
        raise DlvizError(message("generation.refused.seed", got=_shown(seed)))
    if not is_integer(continuations) or not 1 <= continuations <= MAX_CONTINUATIONS:
        raise DlvizError(message("generation.refused.continuations", most=MAX_CONTINUATIONS, got=_shown(continuations)))
    if context is not None and (not is_integer(context) or context < 1):
        raise DlvizError(message("generation.refused.context", got=_shown(context)))


def _shown(value: Any) -> Any:
    return value if isinstance(value, (int, float)) else type(value).__name__


def uniform_numbers(seed: int, continuation: int, count: int) -> Tensor:
    """Return the uniform numbers in [0, 1) of one continuation, float64 (count,).

    Every continuation has a stream of its own, which depends neither on how many there are nor on how long they are.

    Example:
        >>> bool((uniform_numbers(0, 1, 5)[:3] == uniform_numbers(0, 1, 3)).all())
        True
    """
    seeds = torch.randint(2**62, (MAX_CONTINUATIONS,), generator=torch.Generator().manual_seed(int(seed)))
    generator = torch.Generator().manual_seed(int(seeds[continuation]))
    return torch.rand(count, dtype=torch.float64, generator=generator)


def extended(source: NextToken, continuation: Continuation, settings: Settings, u: float) -> Continuation:
    """Return a continuation with one token more; the same one if it has ended. Call it inside ``source.untouched()``."""
    if continuation.has_ended:
        return continuation
    step = next_step(source.logits(continuation.ids), settings, u)
    return Continuation(continuation.prompt, (*continuation.steps, step))


def next_step(logits: Tensor, settings: Settings, u: float, token: int | None = None) -> Step:
    """Return the step that the logits (V,) and a uniform number give; with `token` that one is taken instead of the drawn one."""
    if not gives_distribution(logits):
        return Step(logits, settings, u, None, -1, math.nan, math.nan, None)
    found = stages(logits, settings)
    draw = sample(found.probs, u, found.order)
    taken = draw.token if token is None else token
    log_prob = float(logits.log_softmax(0)[taken])
    return Step(logits, settings, u, draw, taken, log_prob, float(found.probs[taken]), _rows(found))


def gives_distribution(logits: Tensor) -> bool:
    """Return whether softmax of the logits is a distribution: no NaN, no +∞, and not all −∞.

    Example:
        >>> gives_distribution(torch.tensor([0.0, -torch.inf])), gives_distribution(torch.tensor([0.0, torch.nan]))
        (True, False)
    """
    return bool(torch.isfinite(logits.max()))


def _rows(found: Stages) -> Rows:
    ids, rest = found.order[:ROWS], found.order[ROWS:]
    cuts = torch.zeros(len(ids), dtype=torch.uint8)
    cuts[found.after_top_p[ids] == -torch.inf] = 2
    cuts[found.after_top_k[ids] == -torch.inf] = 1
    cuts[found.scaled[ids] == -torch.inf] = 3
    kept = [int((one > -torch.inf).sum()) for one in (found.after_top_k, found.after_top_p)]
    return Rows(
        ids=ids,
        logits=found.logits[ids],
        scaled=found.scaled[ids],
        softmax=found.softmax[ids],
        running=found.after_top_k.double().softmax(0)[ids].cumsum(0),
        probs=found.probs[ids],
        cuts=cuts,
        others=len(rest),
        others_softmax=float(found.softmax[rest].sum()),
        others_prob=float(found.probs[rest].sum()),
        kept=(kept[0], kept[1]),
    )


def rows_of(steps: Sequence[Step], name: str) -> Tensor:
    """Return one field of the rows of some steps, (steps, R); NaN or 0 where a step has none."""
    first = next((step.rows for step in steps if step.rows is not None), None)
    if first is None:
        return torch.zeros(len(steps), 0)
    like = getattr(first, name)
    return torch.stack([torch.zeros_like(like) if step.rows is None else getattr(step.rows, name) for step in steps])
