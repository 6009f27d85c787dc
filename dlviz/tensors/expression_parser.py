"""Expressions such as ``x[mask, ::2]`` and ``x.T.contiguous()``, read as syntax and carried out by torch; nothing else is accepted."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: What picks elements out of a tensor.
SELECTING = frozenset(
    ("gather", "take_along_dim", "index_select", "masked_select", "take", "select", "narrow", "diagonal")
)
#: What arranges the elements of a tensor anew, moved or copied.
ARRANGING = frozenset(
    (
        *("view", "reshape", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "expand", "unfold", "as_strided"),
        *("t", "transpose", "swapaxes", "swapdims", "permute", "movedim", "moveaxis", "diagonal", "select", "narrow"),
        *("contiguous", "clone", "detach", "flip", "roll", "repeat", "repeat_interleave", "tile", "rot90"),
        *("conj", "resolve_conj", "view_as_real", "view_as_complex"),
        *("to", "float", "double", "half", "bfloat16", "int", "long", "bool"),
    )
)
ATTRIBUTES = frozenset({"T", "mT", "H", "mH", "real", "imag"})
_LONGEST = 400

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_UNARY: dict[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert}


@dataclass(frozen=True)
class Step:
    """One subscript, method or attribute: `what` is "index" or a name; `arguments` are evaluated, `keywords` too."""

    what: str
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] | None = None

    def __call__(self, x: Tensor) -> Any:
        """Carry it out on `x`, by torch."""
        if self.what == "index":
            return x[self.arguments[0]]
        found = getattr(x, self.what)
        return found if self.keywords is None else found(*self.arguments, **self.keywords)


@dataclass(frozen=True)
class Expression:
    """A tensor's name and what is done with it, step after step."""

    text: str
    name: str
    steps: tuple[Step, ...]

    def trace(self, x: Tensor) -> list[Any]:
        """`x` and what each step makes of it. What torch raises passes through."""
        made: list[Any] = [x]
        for step in self.steps:
            made.append(step(made[-1]))
        return made


def parse(caller: str, text: str, x: Tensor, names: Mapping[str, Any], allowed: frozenset[str]) -> Expression:
    """Read `text`. Its first name stands for `x`, whatever it is; the others are looked up in `names`.

    Args:
        caller: the public function, for messages.
        text: such as ``"x[mask, ::2]"``.
        x: the tensor that is meant.
        names: the learner's variables.
        allowed: names of methods that may be called, beside subscripts.

    Raises:
        DlvizError: anything but subscripts and these methods; the message says what stood there.

    Example:
        >>> parse("index", "x[1:, 0]", torch.zeros(3, 2), {}, SELECTING).steps[0].arguments[0]
        (slice(1, None, None), 0)
    """
    if not isinstance(text, str):
        raise DlvizError(message("tensors.refused.text", caller=caller, got=type(text).__name__))
    try:
        tree = ast.parse(text.strip(), mode="eval").body if len(text) <= _LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None:
        raise DlvizError(message("tensors.refused.syntax", caller=caller, text=text[:_LONGEST]))
    return _Reader(caller, text, x, names, allowed).expression(tree)


class _Reader:
    def __init__(self, caller: str, text: str, x: Tensor, names: Mapping[str, Any], allowed: frozenset[str]) -> None:
        self.caller, self.text, self.names, self.allowed = caller, text, dict(names), allowed
        self.x = x

    def expression(self, tree: ast.expr) -> Expression:
        # Every other mention of the leading name, as in x[x > 0], is the same tensor.
        root = _root(tree)
        if root is None:
            raise self.refuse(tree)
        self.names[root] = self.x
        return Expression(self.text, root, tuple(self.steps(tree)))

    def refuse(self, node: ast.AST) -> DlvizError:
        allowed = ", ".join(sorted(self.allowed))
        return DlvizError(
            message("tensors.refused.part", caller=self.caller, text=self.text, part=ast.unparse(node), allowed=allowed)
        )

    def steps(self, node: ast.expr) -> list[Step]:
        if isinstance(node, ast.Name):
            return []
        if isinstance(node, ast.Subscript):
            return [*self.steps(node.value), Step("index", (self.value(node.slice),))]
        if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES and "view" in self.allowed:
            return [*self.steps(node.value), Step(node.attr)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in self.allowed:
            base, given = node.func.value, node.args
            if _is_torch(base):  # torch.gather(x, 1, i) is x.gather(1, i)
                base, given = node.args[0], node.args[1:]
            keywords = {word.arg: self.value(word.value) for word in node.keywords if word.arg is not None}
            if len(keywords) == len(node.keywords):
                arguments = tuple(self.value(argument) for argument in given)
                return [*self.steps(base), Step(node.func.attr, arguments, keywords)]
        raise self.refuse(node)

    def value(self, node: ast.expr) -> Any:
        """An argument: numbers, slices, lists, the learner's variables, comparisons and plain arithmetic on them."""
        if isinstance(node, ast.Constant) and (
            node.value in (None, ...) or isinstance(node.value, (bool, int, float, str))
        ):
            return node.value
        if isinstance(node, ast.Name):
            return self.variable(node)
        if isinstance(node, ast.Tuple):
            return tuple(self.value(item) for item in node.elts)
        if isinstance(node, ast.List):
            return [self.value(item) for item in node.elts]
        if isinstance(node, ast.Slice):
            return slice(*(part if part is None else self.value(part) for part in (node.lower, node.upper, node.step)))
        if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
            return _UNARY[type(node.op)](self.number(node.operand))
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _BINARY[type(node.op)](self.number(node.left), self.number(node.right))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            return _COMPARE[type(node.ops[0])](self.number(node.left), self.number(node.comparators[0]))
        if isinstance(node, ast.Subscript):
            return self.number(node.value)[self.value(node.slice)]
        if isinstance(node, ast.Attribute) and _is_torch(node.value):
            dtype = getattr(torch, node.attr, None)
            if isinstance(dtype, torch.dtype):
                return dtype
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_torch(node.func.value):
            if node.func.attr == "tensor" and len(node.args) == 1 and not node.keywords:
                return torch.tensor(self.value(node.args[0]))
            if node.func.attr == "arange" and not node.keywords:
                return torch.arange(*(self.value(argument) for argument in node.args))
        raise self.refuse(node)

    def number(self, node: ast.expr) -> Any:
        """A value that arithmetic may work on: repeating a list is not arithmetic."""
        found = self.value(node)
        if not isinstance(found, (bool, int, float, Tensor, np.ndarray)):
            raise self.refuse(node)
        return found

    def variable(self, node: ast.Name) -> Any:
        if node.id not in self.names:
            raise DlvizError(message("tensors.refused.name", caller=self.caller, text=self.text, name=node.id))
        found = self.names[node.id]
        if not _plain(found):
            kind = type(found).__name__
            raise DlvizError(
                message("tensors.refused.kind", caller=self.caller, text=self.text, name=node.id, kind=kind)
            )
        return found


def _plain(value: Any) -> bool:
    """What may stand in an index: tensors, numbers, slices, and lists or tuples of these."""
    if value is None or value is Ellipsis:
        return True
    if isinstance(value, (list, tuple)):
        return all(_plain(item) for item in value)
    return isinstance(value, (Tensor, np.ndarray, np.integer, np.bool_, bool, int, float, slice, torch.dtype))


def _is_torch(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "torch"


def _root(node: ast.expr) -> str | None:
    """The name that an expression begins with."""
    if isinstance(node, ast.Name):
        return node.id if node.id != "torch" else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if not _is_torch(node.func.value):
            return _root(node.func.value)
        return _root(node.args[0]) if node.args else None
    return _root(node.value) if isinstance(node, (ast.Subscript, ast.Attribute)) else None
