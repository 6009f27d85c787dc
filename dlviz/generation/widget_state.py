"""State behind the picture of generated text: the model, its continuations so far, and the settings of what comes next."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from torch import Tensor

from dlviz.generation.cache_cost import CacheCost, Cached, cache_cost
from dlviz.generation.next_token import NextToken
from dlviz.generation.record import Continuation, check_counts, extended, next_step, uniform_numbers
from dlviz.generation.sampling import Settings
from dlviz.generation.tokenizer import Tokenizer
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


class GeneratedText:
    """A model, its prompt, and the continuations that were generated so far.

    Args:
        model, cached, prompt, encode, decode, steps, continuations, context: as for :func:`dlviz.generate`.
        settings: temperature, top-k, top-p and greedy choice.
        seed: of the uniform numbers.

    Attributes:
        continuations: one or more of the same prompt.
        cost: work and memory along the first continuation, as it was generated first.

    Raises:
        DlvizError: an argument does not fit, or the model raises.
    """

    def __init__(
        self,
        model: Callable[[Tensor], Any],
        prompt: Any,
        encode: Any,
        decode: Any,
        steps: int,
        continuations: int,
        context: int | None,
        cached: Cached | None,
        settings: Settings,
        seed: int,
    ) -> None:
        check_counts(steps, seed, continuations, context)
        self.tokenizer, self.source = Tokenizer(encode, decode), NextToken(model, context, cached)
        self.prompt, self.target = tuple(self.tokenizer.encode(prompt)), steps
        self.settings, self.seed = settings, seed
        self.source.initialize(self.prompt)
        self.continuations = [Continuation(self.prompt)] * continuations
        self.generate()
        with self.source.untouched():
            self.cost: CacheCost = cache_cost(self.source, self.continuations[0], cached)

    def clear(self) -> None:
        """Drop all generated tokens, so that they are generated again with the model as it is then."""
        self.continuations = [Continuation(self.prompt)] * len(self.continuations)

    def is_complete(self) -> bool:
        """Whether every continuation has all its tokens, or has ended."""
        return all(one.has_ended or len(one.steps) >= self.target for one in self.continuations)

    def generate(self, seconds: float | None = None) -> None:
        """Generate what is missing; with a limit, at least one token of each continuation and as many as fit the time."""
        if self.is_complete():
            return
        began = perf_counter()
        numbers = [self._numbers(k) for k in range(len(self.continuations))]
        with self.source.untouched():
            while not self.is_complete():
                for k, one in enumerate(self.continuations):
                    if len(one.steps) < self.target:
                        self.continuations[k] = extended(self.source, one, self.settings, numbers[k][len(one.steps)])
                if seconds is not None and perf_counter() - began > seconds:
                    return

    def restart(self, settings: Settings, seed: int, step: int) -> None:
        """Draw token `step` of every continuation again with other settings, and drop what came after it.

        The model is not called: the logits of that token are known. At step 0 tokens chosen by hand are drawn again too.
        """
        self.settings, self.seed = settings, seed
        for k, one in enumerate(self.continuations):
            if len(one.steps) > step:
                redrawn = next_step(one.steps[step].logits, settings, self._numbers(k)[step])
                self.continuations[k] = replace(one, steps=(*one.steps[:step], redrawn))

    def choose(self, continuation: int, step: int, token: int) -> None:
        """Take a token by hand instead of the drawn one, and drop what came after it.

        Raises:
            DlvizError: there is no such token.
        """
        if not 0 <= token < self.source.vocabulary:
            raise DlvizError(message("generation.refused.id", got=token, last=self.source.vocabulary - 1))
        one = self.continuations[continuation]
        old = one.steps[step]
        chosen = next_step(old.logits, old.settings, old.u, token)
        self.continuations[continuation] = replace(one, steps=(*one.steps[:step], chosen))

    def with_settings(self, settings: Settings, seed: int, step: int) -> "GeneratedText":
        """Return what would be generated with other settings from a step on; this object stays as it is."""
        other = object.__new__(GeneratedText)
        vars(other).update({**vars(self), "continuations": list(self.continuations)})
        other.restart(settings, seed, step)
        other.generate()
        return other

    def _numbers(self, continuation: int) -> Sequence[float]:
        numbers: list[float] = uniform_numbers(self.seed, continuation, self.target).tolist()
        return numbers
