"""Reports: cards shown as text and as HTML, the same for the same answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from dlviz import __version__
from dlviz.exercises.compare import Case
from dlviz.kit.messages import message
from dlviz.kit.notebook_output import in_notebook

if TYPE_CHECKING:
    from dlviz.exercises.cards.card_widget import CardWidget

Verdict = Literal["right", "wrong", "not attempted"]
SIGNS: Mapping[str, str] = {"right": "✓", "wrong": "✗", "not attempted": "○"}


@dataclass(frozen=True)
class Card:
    """Headline, lines, rows of label and value, and code, all plain text."""

    headline: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    code: str = ""

    def text(self) -> str:
        """Return the card as plain text with aligned rows."""
        width = max((len(label) for label, _ in self.rows), default=0)
        rows = [f"  {label:<{width}}  {value}" for label, value in self.rows]
        return "\n".join([self.headline, *self.lines, *rows, *([self.code] if self.code else [])])

    def html(self) -> str:
        """Return the card as HTML that inherits its colors from the page, for light and dark themes."""
        lines = "".join(f'<p style="margin:.3em 0">{_inline(line)}</p>' for line in self.lines)
        rows = "".join(
            '<tr style="background:none">'
            f'<th scope="row" style="text-align:left;padding:.1em 1.2em .1em 0">{escape(label)}</th>'
            f'<td style="text-align:left;font-family:monospace;white-space:pre-wrap">{escape(value)}</td></tr>'
            for label, value in self.rows
        )
        table = f'<table style="margin:.4em 0;border:0;color:inherit;font-size:inherit">{rows}</table>' if rows else ""
        code = f'<pre style="margin:.4em 0;white-space:pre-wrap">{escape(self.code)}</pre>' if self.code else ""
        frame = "border-left:3px solid currentColor;padding:.2em 0 .2em .9em;margin:.3em 0"
        headline = f'<p style="margin:.3em 0"><strong>{escape(self.headline)}</strong></p>'
        return f'<div style="{frame}">{headline}{lines}{table}{code}</div>'


def _inline(text: str) -> str:
    """Return text as HTML, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


class Displayable:
    """Object that a notebook displays as a card."""

    def card(self) -> Card:
        """Return the card to display."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return the card as text."""
        return self.card().text()

    def widget(self) -> "CardWidget | None":
        """Return the widget that shows this in a notebook, or None if the card is all there is."""
        return None

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Any:
        card = self.card()
        plain = {"text/plain": card.text(), "text/html": card.html()}
        widget = self.widget() if in_notebook() else None
        return plain if widget is None else widget._repr_mimebundle_()[0] | plain


@dataclass(frozen=True, repr=False)
class Note(Displayable):
    """Hint or listing of code; ``source`` is the code alone."""

    content: Card

    @property
    def source(self) -> str:
        """Code on the card, ready for a cell."""
        return self.content.code

    def card(self) -> Card:
        """Return the card."""
        return self.content


@dataclass(frozen=True, repr=False)
class Result(Displayable):
    """Result of a check, which is true only if the answer is right.

    ``verdict`` is "right", "wrong" or "not attempted"; ``message`` says why; ``misconception`` is the name of the stored
    mistake that gives the same results as the answer, else None; ``rows`` puts values side by side. ``float(result)`` is the
    share of cases that a wrong answer passed, from 0 to 1, with which a grader can give partial credit. ``answer`` is the first
    answer to a prediction.
    """

    id: str
    verdict: Verdict
    message: str
    misconception: str | None = None
    rows: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = field(default=())
    share: float = 0.0
    cases: tuple[Case, ...] = ()
    answer: Any = None

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.verdict == "right"

    def __bool__(self) -> bool:
        return self.passed

    def __float__(self) -> float:
        return 1.0 if self.passed else self.share

    def card(self) -> Card:
        """Return the verdict, its reason and the values."""
        word = message(f"exercises.verdict.{self.verdict.replace(' ', '-')}")
        return Card(f"{SIGNS[self.verdict]} {self.id}: {word}", (self.message, *self.notes), self.rows)

    def widget(self) -> "CardWidget | None":
        """Return a card with the cases, hints and solution of an exercise; a prediction that is answered in code has a plain card."""
        from dlviz.exercises.cards.exercise_card import ExerciseCard  # the catalog and the cards import this module
        from dlviz.exercises.catalog import items
        from dlviz.exercises.exercise import Exercise

        item = items().get(self.id)
        return ExerciseCard(item, self) if isinstance(item, Exercise) else None

    def output_metadata(self) -> dict[str, Any]:
        """Return what a saved notebook keeps of the result beside the card, for ``dlviz collect``.

        It is metadata of the output, not a MIME type of its own: some front ends offer an unknown type instead of the card.
        """
        kept = {"id": self.id, "verdict": self.verdict, "share": float(self), "version": __version__}
        return {"dlviz": kept | ({} if self.answer is None else {"answer": self.answer})}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Any:
        return super()._repr_mimebundle_(), self.output_metadata()


class NotAttempted(AssertionError):  # noqa: N818 - public name
    """Raised under ``DLVIZ_STRICT=1`` for an answer that is still the starter."""


class Wrong(AssertionError):  # noqa: N818 - public name
    """Raised under ``DLVIZ_STRICT=1`` for a wrong answer; the message is the whole report."""
