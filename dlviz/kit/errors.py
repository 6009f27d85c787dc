"""The error that a learner sees: in a notebook it shows its message without the traceback through dlviz."""

import traitlets


class DlvizError(ValueError, traitlets.TraitError):
    """Error in what a learner asked for; its message names the argument, the value it got, and what would fit.

    A trait that is refused with this error keeps its earlier value.

    >>> raise DlvizError("graph: loss is a float")
    Traceback (most recent call last):
        ...
    dlviz.kit.errors.DlvizError: graph: loss is a float
    """

    def _render_traceback_(self) -> list[str]:  # IPython shows these lines in place of the traceback
        return [f"{type(self).__name__}: {self}"]


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, without the trace that torch may append."""
    return str(error).partition("\n")[0]
