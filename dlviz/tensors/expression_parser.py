"""Parser for expressions such as ``x[mask, ::2]`` and ``x.T.contiguous()``: nothing but indexing and view methods is evaluated."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type

#: Methods that select elements.
INDEXING_METHODS = frozenset(
    ("gather", "take_along_dim", "index_select", "masked_select", "take", "select", "narrow", "diagonal")
)
#: Methods that rearrange, copy or convert elements.
VIEW_METHODS = frozenset(
    (
        *("view", "reshape", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "expand", "unfold", "as_strided"),
        *("t", "transpose", "swapaxes", "swapdims", "permute", "movedim", "moveaxis", "diagonal", "select", "narrow"),
        *("contiguous", "clone", "detach", "flip", "roll", "repeat", "repeat_interleave", "tile", "rot90"),
        *("conj", "resolve_conj", "view_as_real", "view_as_complex"),
        *("to", "float", "double", "half", "bfloat16", "int", "long", "bool"),
    )
)
ATTRIBUTES = frozenset({"T", "mT", "H", "mH", "real", "imag"})
_MAX_LENGTH = 400

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
class Operation:
    """One subscript, method call or attribute access.

    Attributes:
        name: "index" for a subscript, else the name of the method or attribute.
        arguments: evaluated positional arguments; of a subscript the index alone.
        keywords: evaluated keyword arguments; ``None`` for a subscript or attribute.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] | None = None

    def __call__(self, x: Tensor) -> Any:
        """Apply the operation to `x`."""
        if self.name == "index":
            return x[self.arguments[0]]
        attribute = getattr(x, self.name)
        return attribute if self.keywords is None else attribute(*self.arguments, **self.keywords)


@dataclass(frozen=True)
class Expression:
    """A tensor's name and the operations applied to it, in order."""

    text: str
    name: str
    operations: tuple[Operation, ...]

    def evaluate(self, x: Tensor) -> Any:
        """Apply all operations to `x`. Exceptions from torch are not caught."""
        for operation in self.operations:
            x = operation(x)
        return x


def parse(caller: str, text: str, x: Tensor, names: Mapping[str, Any], allowed: frozenset[str]) -> Expression:
    """Parse `text` and evaluate its arguments. Its first name stands for `x`; other names are looked up in `names`.

    Args:
        caller: the public function, for error messages.
        text: such as ``"x[mask, ::2]"``.
        x: the tensor that the first name stands for.
        names: the learner's variables.
        allowed: names of methods that may be called besides subscripts.

    Raises:
        DlvizError: `text` contains anything but subscripts and these methods; the message quotes it.

    Example:
        >>> parse("index", "x[1:, 0]", torch.zeros(3, 2), {}, INDEXING_METHODS).operations[0].arguments[0]
        (slice(1, None, None), 0)
    """
    check_type(text, str, "tensors.refused.text", caller=caller)
    try:
        tree = ast.parse(text.strip(), mode="eval").body if len(text) <= _MAX_LENGTH else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None:
        raise DlvizError(message("tensors.refused.syntax", caller=caller, text=text[:_MAX_LENGTH]))
    return _Parser(caller, text, x, names, allowed).expression(tree)


class _Parser:
    def __init__(self, caller: str, text: str, x: Tensor, names: Mapping[str, Any], allowed: frozenset[str]) -> None:
        self.caller, self.text, self.names, self.allowed = caller, text, dict(names), allowed
        self.x = x

    def expression(self, tree: ast.expr) -> Expression:
        # The leading name may occur again, as in x[x > 0], and is the same tensor there.
        root = _leading_name(tree)
        if root is None:
            raise self.refuse(tree)
        self.names[root] = self.x
        return Expression(self.text, root, tuple(self.operations(tree)))

    def refuse(self, node: ast.AST) -> DlvizError:
        allowed = ", ".join(sorted(self.allowed))
        return DlvizError(
            message("tensors.refused.part", caller=self.caller, text=self.text, part=ast.unparse(node), allowed=allowed)
        )

    def operations(self, node: ast.expr) -> list[Operation]:
        if isinstance(node, ast.Name):
            return []
        if isinstance(node, ast.Subscript):
            return [*self.operations(node.value), Operation("index", (self.value(node.slice),))]
        if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES and "view" in self.allowed:
            return [*self.operations(node.value), Operation(node.attr)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in self.allowed:
            base, positional = node.func.value, node.args
            if _is_torch(base):  # torch.gather(x, 1, i) is x.gather(1, i)
                base, positional = node.args[0], node.args[1:]
            keywords = {keyword.arg: self.value(keyword.value) for keyword in node.keywords if keyword.arg is not None}
            if len(keywords) == len(node.keywords):
                arguments = tuple(self.value(argument) for argument in positional)
                return [*self.operations(base), Operation(node.func.attr, arguments, keywords)]
        raise self.refuse(node)

    def value(self, node: ast.expr) -> Any:
        """Evaluate an argument: numbers, slices, lists, variables, and comparisons and arithmetic on them."""
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
        """Evaluate an operand of arithmetic; lists are refused, since ``[0] * 10**9`` would repeat them."""
        value = self.value(node)
        if not isinstance(value, (bool, int, float, Tensor, np.ndarray)):
            raise self.refuse(node)
        return value

    def variable(self, node: ast.Name) -> Any:
        if node.id not in self.names:
            raise DlvizError(message("tensors.refused.name", caller=self.caller, text=self.text, name=node.id))
        value = self.names[node.id]
        if not _is_index_value(value):
            kind = type(value).__name__
            raise DlvizError(
                message("tensors.refused.kind", caller=self.caller, text=self.text, name=node.id, kind=kind)
            )
        return value


def _is_index_value(value: Any) -> bool:
    """Return whether `value` may occur in an index: a tensor, number, slice, dtype, or a list or tuple of these."""
    if value is None or value is Ellipsis:
        return True
    if isinstance(value, (list, tuple)):
        return all(_is_index_value(item) for item in value)
    if isinstance(value, FakeTensor):
        return False
    return isinstance(value, (Tensor, np.ndarray, np.integer, np.bool_, bool, int, float, slice, torch.dtype))


def _is_torch(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "torch"


def _leading_name(node: ast.expr) -> str | None:
    """Return the name that an expression begins with."""
    if isinstance(node, ast.Name):
        return node.id if node.id != "torch" else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if not _is_torch(node.func.value):
            return _leading_name(node.func.value)
        return _leading_name(node.args[0]) if node.args else None
    return _leading_name(node.value) if isinstance(node, (ast.Subscript, ast.Attribute)) else None
