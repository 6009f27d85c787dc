"""The learner's worker: how it is checked, found in a file, and packed for other processes."""

import ast
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message


@dataclass(frozen=True)
class Function:
    """A worker that is a function."""

    function: Callable[..., Any]

    def load(self) -> Callable[..., Any]:
        """Return the function."""
        return self.function


@dataclass(frozen=True)
class InFile:
    """A worker that is a function in a Python file.

    Attributes:
        path: the file's absolute path.
        name: the function's name.
    """

    path: str
    name: str

    def load(self) -> Callable[..., Any]:
        """Run the file as a module, not as ``__main__``, and return the function."""
        module_name = Path(self.path).stem
        sys.path.insert(0, str(Path(self.path).parent))
        spec = importlib.util.spec_from_file_location(module_name, self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
        return getattr(module, self.name)


@dataclass(frozen=True)
class Work:
    """A checked worker.

    Attributes:
        label: its name.
        packed: the worker and its arguments, pickled.
    """

    label: str
    packed: bytes


def prepare(worker: Any, args: Sequence[Any], world_size: int, label: str) -> Work:
    """Check a worker and pack it.

    Raises:
        DlvizError: it is neither a function nor names one in a file, does not take the arguments, or cannot be pickled.
    """
    if isinstance(worker, str):
        found: Function | InFile
        found, signature = _in_file(worker)
        name = found.name
    elif callable(worker):
        found, name = Function(worker), getattr(worker, "__name__", type(worker).__name__)
        signature = _signature(worker)
    else:
        raise DlvizError(message("multiprocess.refused.worker", got=type(worker).__name__))
    if signature is not None:
        try:
            signature.bind(0, world_size, *args)
        except TypeError as error:
            values = {"name": name, "signature": f"{name}{signature}", "count": len(args), "why": str(error)}
            raise DlvizError(message("multiprocess.refused.signature", **values)) from None
    try:
        packed = cloudpickle.dumps((found, tuple(args)))
    except Exception as error:  # a learner's object may raise anything when it is pickled
        what = _unpicklable(worker, args)
        raise DlvizError(message("multiprocess.refused.pickle", what=what, why=first_line(error))) from None
    return Work(label or name, packed)


def _signature(worker: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(worker)
    except (TypeError, ValueError):  # a callable without Python code
        return None


def _in_file(text: str) -> tuple[InFile, inspect.Signature | None]:
    """Return the function that a text such as "worker.py:train" names, and its parameters; the file is read, not run."""
    file, _, name = text.rpartition(":")
    if Path(text).is_file():
        file, name = text, ""
    path = Path(file).absolute()
    if not file or not path.is_file():
        raise DlvizError(message("multiprocess.refused.file", got=repr(text), folder=os.getcwd()))
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except SyntaxError as error:
        why = f"{error.msg}, line {error.lineno}"
        raise DlvizError(message("multiprocess.refused.syntax", file=file, why=why)) from None
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    known = ", ".join(functions) or "–"
    if not name:
        raise DlvizError(message("multiprocess.refused.no_function", file=file, names=known))
    if name not in functions:
        raise DlvizError(message("multiprocess.refused.function", file=file, name=name, names=known))
    return InFile(str(path), name), _signature_of(functions[name])


def _signature_of(node: ast.FunctionDef) -> inspect.Signature:
    """Return the parameters of a function that is not run; every default value is None."""
    given = node.args
    kinds = inspect._ParameterKind
    plain = [
        *((a, kinds.POSITIONAL_ONLY) for a in given.posonlyargs),
        *((a, kinds.POSITIONAL_OR_KEYWORD) for a in given.args),
    ]
    first_default = len(plain) - len(given.defaults)
    found = [
        inspect.Parameter(arg.arg, kind, default=None if k >= first_default else inspect.Parameter.empty)
        for k, (arg, kind) in enumerate(plain)
    ]
    if given.vararg:
        found.append(inspect.Parameter(given.vararg.arg, kinds.VAR_POSITIONAL))
    for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found.append(
            inspect.Parameter(arg.arg, kinds.KEYWORD_ONLY, default=inspect.Parameter.empty if default is None else None)
        )
    if given.kwarg:
        found.append(inspect.Parameter(given.kwarg.arg, kinds.VAR_KEYWORD))
    return inspect.Signature(found)


def _unpicklable(worker: Any, args: Sequence[Any]) -> str:
    """Return the name of the first argument, or variable of the worker, that cannot be pickled."""
    for k, value in enumerate(args):
        if not _can_be_pickled(value):
            return message("multiprocess.refused.argument", index=k, kind=type(value).__name__)
    try:
        used = inspect.getclosurevars(worker)
    except TypeError:
        return message("multiprocess.refused.the_worker", kind=type(worker).__name__)
    for name, value in {**used.globals, **used.nonlocals}.items():
        if not _can_be_pickled(value):
            return message("multiprocess.refused.variable", name=name, kind=type(value).__name__)
    return message("multiprocess.refused.the_worker", kind=type(worker).__name__)


def _can_be_pickled(value: Any) -> bool:
    try:
        cloudpickle.dumps(value)
    except Exception:
        return False
    return True
