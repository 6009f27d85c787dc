"""Argument checks that several rooms share. Each names the key of the message that a learner sees if the argument does not fit."""

import math
import os
from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


def is_integer(value: Any) -> bool:
    """Return whether `value` is an integer of Python or NumPy, and not a bool."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Return whether `value` is a finite number of Python or NumPy, and not a bool."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_type(value: Any, kind: type, key: str, /, **values: Any) -> None:
    """Check that `value` is an instance of `kind`.

    Raises:
        DlvizError: it is not; the message `key` receives the name of its type as ``got``, and `values`.

    Example:
        >>> check_type(3, str, "kit.refused.unfit", name="title")
        Traceback (most recent call last):
            ...
        dlviz.kit.errors.DlvizError: title cannot be int. Nothing was changed.
    """
    if not isinstance(value, kind):
        raise DlvizError(message(key, got=type(value).__name__, **values))


def python_float(value: Any) -> Any:
    """Return a floating-point number of NumPy as Python's, because traitlets takes no other; anything else as it is.

    Example:
        >>> import numpy as np
        >>> type(python_float(np.float32(0.5))), python_float("a")
        (<class 'float'>, 'a')
    """
    return float(value) if isinstance(value, np.floating) else value


def has_length(value: Any) -> bool:
    """Return whether ``len(value)`` is known; a sparse matrix of SciPy has the method and raises in it.

    Example:
        >>> has_length([1, 2]), has_length(3)
        (True, False)
    """
    try:
        len(value)
    except Exception:  # an object of another library may raise anything
        return False
    return True


def check_length(items: Sized, count: int, key: str) -> None:
    """Check that there are `count` items.

    Raises:
        DlvizError: there are not; the message `key` receives ``count``, and their number as ``got``.
    """
    if len(items) != count:
        raise DlvizError(message(key, count=count, got=len(items)))


def class_names(names: Sequence[Any] | None, count: int, key: str) -> list[str]:
    """Return the names of `count` classes; their indices by default.

    Raises:
        DlvizError: the number of names differs from the number of classes; the message is as in :func:`check_length`.

    Example:
        >>> class_names(None, 3, "kit.refused.unfit"), class_names(["cat", 7], 2, "kit.refused.unfit")
        (['0', '1', '2'], ['cat', '7'])
    """
    if names is None:
        return [str(label) for label in range(count)]
    texts = [str(name) for name in names]
    check_length(texts, count, key)
    return texts


def list_of_texts(values: Any, key: str) -> list[str]:
    """Return names of any type as texts.

    Raises:
        DlvizError: `values` is a single text or cannot be looped over; the message `key` receives the name of its type as ``got``.

    Example:
        >>> list_of_texts(("cat", 7), "kit.refused.unfit")
        ['cat', '7']
    """
    try:
        if not isinstance(values, (str, bytes)):
            return [str(value) for value in values]
    except Exception:  # an object of another library may raise anything
        pass
    raise DlvizError(message(key, got=type(values).__name__))


def file_path(path: Any) -> Path:
    """Return the path of a file.

    Raises:
        DlvizError: it is neither a string nor a path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise DlvizError(message("kit.refused.path", got=type(path).__name__))
    return Path(path)


@contextmanager
def writing(path: Any) -> Iterator[Path]:
    """Write a file inside the block, which gets its path.

    Raises:
        DlvizError: the file cannot be written, because there is no such folder or for a reason that the system gives.

    Example:
        >>> with writing("no such folder/loss.svg") as path:
        ...     path.write_text("<svg/>")
        Traceback (most recent call last):
            ...
        dlviz.kit.errors.DlvizError: save: there is no folder 'no such folder'. Make it first, or save into another one.
    """
    file = file_path(path)
    try:
        yield file
    except FileNotFoundError:
        raise DlvizError(message("kit.refused.folder", folder=repr(str(file.parent)))) from None
    except OSError as error:
        raise DlvizError(message("kit.refused.write", path=repr(str(file)), why=error.strerror or str(error))) from None


def is_iterable(value: Any) -> bool:
    """Return whether `value` can be looped over. No loop is begun, because a data loader draws random numbers when one begins."""
    kind = type(value)
    # Two types of torch have the method and raise in it: a scripted module, and a tensor whose numbers only its own functions read.
    if hasattr(kind, "forward_magic_method") or (hasattr(kind, "__tensor_flatten__") and not value.is_nested):
        return False
    return (hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")) and getattr(value, "ndim", 1) != 0
