"""What the learner is shown: one card, as text and as HTML, the same each time for the same answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from dlviz.kit.messages import message

Verdict = Literal["right", "wrong", "not attempted"]
SIGNS: Mapping[str, str] = {"right": "✓", "wrong": "✗", "not attempted": "○"}


@dataclass(frozen=True)
class Card:
    """A headline, some lines, rows of label and value, and code, all plain text."""

    headline: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    code: str = ""

    def text(self) -> str:
        """Write the card as plain text, the rows aligned under each other."""
        width = max((len(label) for label, _ in self.rows), default=0)
        rows = [f"  {label:<{width}}  {value}" for label, value in self.rows]
        return "\n".join([self.headline, *self.lines, *rows, *([self.code] if self.code else [])])

    def html(self) -> str:
        """Write the card as HTML that takes its colors from the page, so it reads in light and dark themes alike."""
        lines = "".join(f'<p style="margin:.3em 0">{escape(line)}</p>' for line in self.lines)
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


class Displayable:
    """Something a notebook shows as a card."""

    def card(self) -> Card:
        """Return what is to be shown."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Show the card as text."""
        return self.card().text()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        card = self.card()
        return {"text/plain": card.text(), "text/html": card.html()}


@dataclass(frozen=True, repr=False)
class Note(Displayable):
    """A hint, a question or a listing of code; ``source`` is the code alone."""

    shown: Card

    @property
    def source(self) -> str:
        """The code on the card, ready for a cell."""
        return self.shown.code

    def card(self) -> Card:
        """Return the card itself."""
        return self.shown


@dataclass(frozen=True, repr=False)
class Result(Displayable):
    """What a check found.

    ``verdict`` is "right", "wrong" or "not attempted"; ``message`` says why in words; ``misconception`` is the name of
    the stored wrong answer that gives the learner's very numbers, else None; ``rows`` puts values side by side.
    """

    id: str
    verdict: Verdict
    message: str
    misconception: str | None = None
    rows: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.verdict == "right"

    def card(self) -> Card:
        """Show the verdict, its reason and the values."""
        word = message(f"exercises.verdict.{self.verdict.replace(' ', '-')}")
        return Card(f"{SIGNS[self.verdict]} {self.id}: {word}", (self.message, *self.notes), self.rows)


class NotAttempted(AssertionError):  # noqa: N818 - the name says what happened
    """Under ``DLVIZ_STRICT=1``: the answer is still the starter."""


class Wrong(AssertionError):  # noqa: N818 - the name says what happened
    """Under ``DLVIZ_STRICT=1``: the answer is wrong; the message is the whole report."""
