"""An error written for a learner: in a notebook it shows its message, not the inside of dlviz."""

import traitlets


class DlvizError(ValueError, traitlets.TraitError):
    """What was asked for cannot be done; the message names the argument, what came and what would fit.

    Where a widget's setting is refused with it, traitlets puts back what stood there.

    >>> raise DlvizError("graph: loss is a float")
    Traceback (most recent call last):
        ...
    dlviz.kit.errors.DlvizError: graph: loss is a float
    """

    def _render_traceback_(self) -> list[str]:  # IPython shows these lines in place of the traceback
        return [f"{type(self).__name__}: {self}"]
