"""Silence while torch traces, exports and compiles: its log lines, warnings, and what a learner's forward prints each time it is run."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep log lines of torch, warnings and printed text out of the notebook. Errors are raised as ever.

    Example:
        >>> with quiet():
        ...     print("step 1")
    """
    # The loggers themselves stay on, because a draft export reads torch's log records.
    loggers = [
        logging.root,
        *(one for name, one in logging.root.manager.loggerDict.items() if name.startswith("torch")),
    ]
    every = [handler for logger in loggers for handler in getattr(logger, "handlers", ())]
    handlers: list[logging.Handler] = [handler for handler in every if isinstance(handler, logging.StreamHandler)]
    if logging.lastResort is not None:
        handlers.append(logging.lastResort)
    levels = [(handler, handler.level) for handler in handlers]
    try:
        for handler in handlers:
            handler.setLevel(logging.CRITICAL + 1)
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for handler, level in levels:
            handler.setLevel(level)


def first_paragraph(error: BaseException) -> str:
    """Return the first paragraph of an error's message on one line: torch appends debugging hints.

    Example:
        >>> first_paragraph(RuntimeError("Could not guard on u0.\\n\\nFor more information, …"))
        'Could not guard on u0.'
    """
    text = str(error).strip().split("\n\n")[0]
    return " ".join(text.split()) or type(error).__name__
