"""Predictions: questions whose answer is stored before torch computes the true one."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Real
from typing import Any

from torch import Tensor

from dlviz.exercises import progress_file
from dlviz.exercises.cards.gate import open_gates, watch_cells
from dlviz.exercises.cards.prediction_card import PredictionCard
from dlviz.exercises.cards.progress_bar import refresh_bars
from dlviz.exercises.compare import describe, shorten
from dlviz.exercises.exercise import record_result
from dlviz.exercises.report import SIGNS, Card, Displayable, Result, Verdict
from dlviz.exercises.run_answer import isolated_rng
from dlviz.kit.messages import message


@dataclass(frozen=True, kw_only=True, repr=False)
class Prediction(Displayable):
    """Question with a computed answer.

    It is false, and 0 as a number, as the result of a wrong answer is.

    Attributes:
        id: its id, such as "14.half".
        truth: returns one of ``options``, or without options a number, or a shape.
        options: the answers to choose from, if there are some.
        is_shape: whether the answer is a shape, or another tuple of integers.
        tolerance: by how much an answer may differ from a number that is asked for with few decimals; any may by a thousandth of it.
    """

    id: str
    truth: Callable[[], Any]
    options: tuple[str, ...] = ()
    is_shape: bool = False
    tolerance: float = 0.0

    def __bool__(self) -> bool:
        return False

    def __float__(self) -> float:
        return 0.0

    def card(self) -> Card:
        """Return the question and its options."""
        rows = tuple((f'"{option}"', message(self.key("options", option))) for option in self.options)
        option = next(iter(self.options), "")
        how = message(f"exercises.predict.{'choose' if rows else f'fill-{self._kind}'}", id=self.id, option=option)
        headline = f"{SIGNS['not attempted']} {self.id}: {message('exercises.verdict.not-attempted')}"
        return Card(headline, (message(self.key("question")), how), rows)

    def commit(self, answer: Any) -> Result:
        """Store the answer unless one is stored already, then compute the truth and judge the answer."""
        given = self._as_json(answer)
        if given is None:
            return Result(self.id, "not attempted", self._rejection(answer))
        judged = self._judge(given)
        first = judged["first"]
        notes = (judged["why"], *judged["notes"])
        if first is not None:
            notes += (message("exercises.predict.kept", first=self._show(first)),)
        verdict: Verdict = "right" if judged["right"] else "wrong"
        word = "near" if verdict == "right" and first is None and given != judged["truth"] else verdict
        key = f"exercises.predict.{'' if first is None else 'later-'}{word}"
        content = message(key, answer=self._show(given), truth=self._show(judged["truth"]))
        return Result(self.id, verdict, content, notes=notes, answer=given if first is None else first)

    def commit_answer(self, answer: Any) -> dict[str, Any] | None:
        """Commit an answer from the widget and record it; return what the widget then shows, None if the answer does not fit."""
        given = self._as_json(answer)
        if given is None:
            return None
        judged = self._judge(given)
        judged["notes"] += progress_file.record(self.id, judged["right"], float(judged["right"]))
        refresh_bars()
        return judged

    def shown(self) -> dict[str, Any]:
        """Return what the widget shows to a learner who asks for the answer without a prediction, and open the outputs that wait."""
        open_gates(self.id)
        return self.revealed()

    def answered(self) -> dict[str, Any]:
        """Return what the widget shows of an answer that was stored earlier; empty if there is none."""
        first = self._as_json(progress_file.committed(self.id))
        if first is None:
            return {}
        revealed = self.revealed()
        return revealed | {"given": first, "right": self._is_right(first)}

    def widget(self) -> PredictionCard:
        """Return the widget that asks the question in a notebook."""
        return PredictionCard(self)

    def _judge(self, given: Any) -> dict[str, Any]:
        """Store an answer, judge it, and open the outputs that wait for it."""
        first = self._as_json(progress_file.committed(self.id))
        notes = progress_file.commit(self.id, given) if first is None else ()
        revealed = self.revealed()
        open_gates(self.id)
        earlier = None if first is None or first == given else first
        return revealed | {
            "given": given,
            "right": self._is_right(given),
            "first": earlier,
            "notes": notes,
        }

    def revealed(self) -> dict[str, Any]:
        """Return the truth and its reason, as the widget shows them."""
        return {
            "given": None,
            "truth": self._truth,
            "right": False,
            "first": None,
            "why": message(self.key("why")),
            "notes": (),
        }

    def key(self, *path: str) -> str:
        """Return the key of one of this question's messages."""
        return ".".join(("exercises", self.id, *path))

    @cached_property
    def _truth(self) -> Any:
        """The truth as a JSON value, computed once: some train a network."""
        with isolated_rng(0):
            return self._as_json(self.truth())

    def _is_right(self, answer: Any) -> bool:
        """Return whether an answer, as a JSON value, is the truth."""
        if isinstance(answer, Real):
            share = 0.0 if isinstance(self._truth, int) else 1e-3  # a whole number is a count
            return math.isclose(answer, self._truth, rel_tol=share, abs_tol=max(self.tolerance, 1e-9))
        return bool(answer == self._truth)

    def _as_json(self, answer: Any) -> Any:
        """Return an answer as a JSON value, or None if it does not fit the question."""
        if self.options:
            return None if answer is None else self._option(answer)
        if self.is_shape:
            answer = (
                answer.tolist() if isinstance(answer, Tensor) else _tuple(answer) if isinstance(answer, str) else answer
            )
            is_tuple = isinstance(answer, (tuple, list))
            fits = is_tuple and all(type(n) in (int, float) and float(n).is_integer() for n in answer)
            return [int(n) for n in answer] if fits else None
        if isinstance(answer, Tensor) and answer.numel() == 1:
            answer = answer.item()
        if isinstance(answer, str):
            answer = _number(answer)
        if isinstance(answer, Real) and not isinstance(answer, bool):
            number = float(answer)
            return int(number) if number.is_integer() else number if math.isfinite(number) else None
        return None

    def _option(self, answer: Any) -> str | None:
        """Return the option that an answer names by its name, its text or its place in the list, or None."""
        if isinstance(answer, bool):
            answer = "yes" if answer else "no"
        name = _plain(str(answer))
        texts = {option: _plain(message(self.key("options", option))) for option in self.options}
        for option, text in texts.items():
            if name in (option.casefold(), text):
                return option
        starts = [option for option, text in texts.items() if re.match(rf"{re.escape(name)}(\W|$)", text)]
        if name in ("yes", "no") and len(starts) == 1:
            return starts[0]
        # Where the options are words, a number is a place in their list, as the key that chooses it in the widget.
        are_words = all(text[:1].isalpha() for text in (*texts, *texts.values()))
        return dict(zip(map(str, range(1, 10)), self.options, strict=False)).get(name) if are_words else None

    def _show(self, answer: Any) -> str:
        if isinstance(answer, list):
            return str(tuple(answer))
        if isinstance(answer, str):
            return f'"{message(self.key("options", answer))}"'
        return f"{answer:,}" if isinstance(answer, int) else f"{answer:g}"

    def _rejection(self, answer: Any) -> str:
        if self.options:
            return message(
                "exercises.predict.option", got=repr(answer), options=", ".join(f'"{o}"' for o in self.options)
            )
        got = repr(shorten(answer, 60)) if isinstance(answer, str) else describe(answer)
        return message(f"exercises.predict.{self._kind}", got=got)

    @property
    def _kind(self) -> str:
        return "shape" if self.is_shape else "number"


def _plain(text: str) -> str:
    """Return a text in small letters, without spaces, backticks and a final period."""
    return "".join(text.replace("`", "").casefold().split()).removeprefix("torch.").removesuffix(".")


def _number(text: str) -> float | None:
    """Return the number that is written, such as 0.25, 3/4, 75% or 20,100, or None.

    >>> _number("75 %"), _number("1/4"), _number("20,100"), _number("0,75")
    (0.75, 0.25, 20100.0, None)
    """
    written = text.strip().replace("−", "-")
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", written):
        written = written.replace(",", "")
    try:
        return float(Fraction(written.removesuffix("%").strip()) / (100 if written.endswith("%") else 1))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def _tuple(text: str) -> tuple[int, ...] | None:
    """Return the whole numbers that are written, such as (2, 3), 2x3 or torch.Size([2, 3]), or None.

    >>> _tuple("torch.Size([2, 3])"), _tuple("2 × 3"), _tuple("two")
    ((2, 3), (2, 3), None)
    """
    bare = text.strip().removeprefix("torch.Size").strip("()[] ")
    parts = [part for part in re.split(r"\s*[,x×]\s*", bare) if part]
    return tuple(map(int, parts)) if parts and all(re.fullmatch(r"-?\d+", part) for part in parts) else None


def ask_or_commit(prediction: Prediction, answer: Any) -> Displayable:
    """Return the question if there is no answer, else commit the answer and record the result."""
    if answer is None or answer is ...:
        record_result(Result(prediction.id, "not attempted", message("exercises.predict.missing")))
        watch_cells()
        return prediction
    return record_result(prediction.commit(answer))
