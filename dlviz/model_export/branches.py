"""Code that depends on numbers in a tensor: which statement it is, what a program would keep of it, and how to write it instead."""

import ast
import copy
import linecache
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeGuard, TypeVar, cast

from dlviz.model_export.source import CodeLine

#: Lines that an excerpt of a statement shows.
_MAX_LINES = 12
#: Functions that return a tensor of True and False.
_CONDITIONS = {
    "all",
    "any",
    "isnan",
    "isinf",
    "isfinite",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "logical_and",
    "logical_or",
    "logical_not",
}
#: Functions whose output may share memory with their input.
_VIEWS = {
    *(
        "view",
        "view_as",
        "reshape",
        "flatten",
        "unflatten",
        "squeeze",
        "unsqueeze",
        "transpose",
        "permute",
        "movedim",
        "t",
        "T",
        "mT",
    ),
    *(
        "expand",
        "expand_as",
        "select",
        "narrow",
        "diagonal",
        "swapaxes",
        "contiguous",
        "to",
        "float",
        "double",
        "detach",
        "real",
    ),
}
_Node = TypeVar("_Node", bound=ast.AST)
_Statement = TypeVar("_Statement", bound=ast.stmt)


@dataclass(frozen=True)
class Branch:
    """A statement that depends on numbers in a tensor.

    Attributes:
        line: where it stands.
        kind: "if", "choice" (a conditional expression), "loop", "assert", "number" (a tensor that becomes a number of Python's), "numpy" or
            "other".
        code: the statement.
        taken: for "if" and "choice", which side the example takes; ``None`` if torch does not say.
        repair: code to write instead; "" where only the message says what to do.
        has_clone: whether that code makes a copy of what a side would hand on.
    """

    line: CodeLine
    kind: str
    code: str
    taken: bool | None
    repair: str
    has_clone: bool = False


def branch_at(line: CodeLine, taken: bool | None = None) -> Branch:
    """Return the statement at a line of code, and how to write it so that torch.export takes it.

    Args:
        line: the line that torch names.
        taken: how its condition came out for the example.
    """
    statement = _statement(line)
    if statement is None:
        return Branch(line, "other", line.text, taken, "")
    source = _source(line.file)
    code = textwrap.dedent("\n".join(source[statement.lineno - 1 : statement.end_lineno][:_MAX_LINES]))
    if isinstance(statement, ast.If):
        repair = _repair_if(statement, _function(line))
        return Branch(line, "if", code, taken, repair, repair.count(".clone()") > code.count(".clone()"))
    if isinstance(statement, (ast.While, ast.For)):
        return Branch(line, "loop", code, None, "")
    if isinstance(statement, ast.Assert):
        return Branch(line, "assert", code, None, f"torch._check({ast.unparse(statement.test)})")
    choice = next((node for node in ast.walk(statement) if isinstance(node, ast.IfExp)), None)
    if choice is not None:
        parts = (_condition(choice.test), choice.body, choice.orelse)
        test, yes, no = (ast.unparse(ast.fix_missing_locations(part)) for part in parts)
        is_tensor = not any(isinstance(part, (ast.Tuple, ast.List, ast.Dict)) for part in parts)
        return Branch(line, "choice", code, taken, f"torch.where({test}, {yes}, {no})" if is_tensor else "")
    calls = {_called(node) for node in ast.walk(statement) if isinstance(node, ast.Call)}
    if "numpy" in calls:
        return Branch(line, "numpy", code, None, "")
    if calls & {"item", "tolist", "int", "float", "bool"}:
        return Branch(line, "number", code, None, _repair_number(statement))
    return Branch(line, "other", code, taken, "")


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _source(file: str) -> list[str]:
    return [line.rstrip("\n") for line in linecache.getlines(file)]


@cache
def _tree(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):  # a notebook's cell with a magic command, or no Python at all
        return None


def _nodes(line: CodeLine) -> list[ast.AST]:
    """Return every node of the syntax tree that contains the line, the outermost first."""
    tree = _tree("\n".join(_source(line.file)))
    if tree is None:
        return []
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line.line <= (node.end_lineno or node.lineno)
    ]


def _statement(line: CodeLine) -> ast.stmt | None:
    """Return the statement whose own expression stands at the line: of an if or a loop its head."""
    inner = [node for node in _nodes(line) if isinstance(node, ast.stmt)]
    # Of several that contain the line the last one found is the innermost, because ast.walk goes down level by level.
    return inner[-1] if inner and not isinstance(inner[-1], (ast.FunctionDef, ast.ClassDef)) else None


def _function(line: CodeLine) -> ast.FunctionDef | None:
    found = [node for node in _nodes(line) if isinstance(node, ast.FunctionDef)]
    return found[-1] if found else None


def _repair_if(statement: ast.If, function: ast.FunctionDef | None) -> str:
    """Return the statement with torch.cond, if both sides return something or assign the same names."""
    if function is None or any(_has_side_effect(node) for node in ast.walk(statement)):
        return ""
    statement, rest = _copied(statement), [_copied(one) for one in _following(statement, function)]
    sides = _Sides(_names_before(statement, function), _numbers(function), function)
    try:
        written = ast.unparse(ast.fix_missing_locations(ast.Module(sides.written(statement, rest), [])))
        return "\n".join(row for row in written.splitlines() if row)
    except _NoRepairError:
        return ""


class _NoRepairError(Exception):
    """A statement that torch.cond cannot stand for."""


@dataclass(frozen=True)
class _Sides:
    """Writes an if as two functions and a call of torch.cond.

    Attributes:
        known: names that have a value before the statement.
        numbers: those of them that are no tensors, as far as the code tells; torch.cond takes tensors only, the functions find the others.
        function: the function around the statement.
    """

    known: frozenset[str]
    numbers: frozenset[str]
    function: ast.FunctionDef

    def written(self, statement: ast.If, rest: list[ast.stmt], asked: list[str] | None = None) -> list[ast.stmt]:
        """Return the statements to write instead.

        Args:
            statement: the if.
            rest: what follows it; of an if that returns, the else.
            asked: the names that both sides must set; by default those that the function reads elsewhere.
        """
        is_return = _returns(statement)
        otherwise = [*statement.orelse, *rest] if is_return and not _ends(statement.orelse) else statement.orelse
        targets = [] if is_return else self._targets(statement) if asked is None else asked
        if not is_return and (not targets or any(isinstance(node, ast.Return) for node in ast.walk(statement))):
            raise _NoRepairError
        bodies = [self._body(side, targets) for side in (statement.body, otherwise)]
        operands = self._operands(bodies, targets)
        arguments = ", ".join(operands)
        functions: list[ast.stmt] = []
        for name, body in zip(("if_true", "if_false"), bodies, strict=True):
            made = ast.parse(f"def {name}({arguments}):\n    pass").body[0]
            assert isinstance(made, ast.FunctionDef)
            made.body = _cloned(body, set(operands) | {_own_name(self.function)})
            functions.append(made)
        condition = ast.unparse(_condition(statement.test))
        call = f"torch.cond({condition}, if_true, if_false, ({arguments}{',' if len(operands) == 1 else ''}))"
        return functions + ast.parse(f"{', '.join(targets)} = {call}" if targets else f"return {call}").body

    def _body(self, side: list[ast.stmt], targets: list[str]) -> list[ast.stmt]:
        """Return the body of the function of a side, which returns what both sides must return."""
        body: list[ast.stmt] = []
        for k, one in enumerate(side):
            last = k == len(side) - 1
            if isinstance(one, ast.If) and (_returns(one) or (last and targets and one.orelse)):
                inner = _Sides(self.known | frozenset(_assigned(body)), self.numbers, self.function)
                body += inner.written(one, side[k + 1 :], targets or None)
                if _returns(one):
                    return body
            else:
                body.append(_out_of_place(one) if isinstance(one, ast.AugAssign) else one)
        if targets:
            return [one for one in body if not isinstance(one, ast.Pass)] + ast.parse(
                f"return {', '.join(targets)}"
            ).body
        if not body or not isinstance(body[-1], ast.Return) or body[-1].value is None:
            raise _NoRepairError
        return body

    def _targets(self, statement: ast.If) -> list[str]:
        """Return the names that the statement sets on every path, or changes, and that the function reads outside of it."""
        inside = {id(node) for node in ast.walk(_original(statement, self.function))}
        read = {node.id for node in ast.walk(self.function) if _is_read(node) and id(node) not in inside}
        both = _assigned(statement.body) & _assigned(statement.orelse)
        either = _assigned(statement.body) | _assigned(statement.orelse)
        return sorted((both | (either & self.known)) & read)

    def _operands(self, bodies: list[list[ast.stmt]], targets: list[str]) -> list[str]:
        """Return the local variables that the sides read, in the order in which they do."""
        # The functions find the module itself around them.
        usable = self.known - {_own_name(self.function)}
        changed = {name for body in bodies for name in _assigned(body)}
        read = [node.id for body in bodies for one in body for node in ast.walk(one) if _is_read(node)]
        local = [name for name in read if name in usable and (name not in self.numbers or name in changed)]
        operands = list(dict.fromkeys(local))
        if self.numbers & {*operands, *targets}:
            raise _NoRepairError
        return operands


def _is_read(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def _copied(node: _Statement) -> _Statement:
    return copy.deepcopy(node)


def _original(statement: ast.If, function: ast.FunctionDef) -> ast.If:
    """Return the node of the function's own tree that a copy was made from."""
    places = (node for node in ast.walk(function) if isinstance(node, ast.If))
    return next(
        (node for node in places if (node.lineno, node.col_offset) == (statement.lineno, statement.col_offset)),
        statement,
    )


def _has_side_effect(node: ast.AST) -> bool:
    """Return whether a node changes something that is no local variable: torch.cond takes no side that does."""
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return not isinstance(node.ctx, ast.Load)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return node.func.attr.endswith("_") and not node.func.attr.endswith("__")


def _returns(statement: ast.If) -> bool:
    """Return whether the first side of an if ends with a return, or with an if whose first side does."""
    last = statement.body[-1]
    return isinstance(last, ast.Return) or (isinstance(last, ast.If) and _returns(last))


def _ends(side: list[ast.stmt]) -> bool:
    """Return whether a side returns on each of its paths."""
    last = side[-1] if side else None
    return isinstance(last, ast.Return) or (isinstance(last, ast.If) and _ends(last.body) and _ends(last.orelse))


def _following(statement: ast.If, function: ast.FunctionDef) -> list[ast.stmt]:
    """Return the statements after an if in its block, up to the end of the function."""
    return function.body[function.body.index(statement) + 1 :] if statement in function.body else []


def _assigned(body: Sequence[ast.AST]) -> set[str]:
    return {
        node.id
        for one in body
        for node in ast.walk(one)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _names_before(statement: ast.If, function: ast.FunctionDef) -> frozenset[str]:
    arguments = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    before = [one for one in ast.walk(function) if isinstance(one, ast.Name) and one.lineno < statement.lineno]
    return frozenset(arguments | _assigned(before))


def _numbers(function: ast.FunctionDef) -> frozenset[str]:
    """Return the local variables that hold numbers, texts or sizes: by their default, or by all that is assigned to them."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(named[len(named) - len(arguments.defaults) :], arguments.defaults, strict=True)]
    pairs += [(one, value) for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    found = {one.arg for one, value in pairs if isinstance(value, ast.Constant) and value.value is not None}
    given: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            for name in _assigned(node.targets if isinstance(node, ast.Assign) else [node.target]):
                given.setdefault(name, []).append(node.value)
    return frozenset(found | {name for name, values in given.items() if all(map(_is_number, values))})


def _is_number(value: ast.expr) -> bool:
    if isinstance(value, ast.Subscript):
        return _is_number(value.value)
    if isinstance(value, ast.BinOp):
        return _is_number(value.left) and _is_number(value.right)
    if isinstance(value, ast.Call):
        return _called(value) in {"size", "len", "dim", "numel"}
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Attribute) and value.attr in {"shape", "ndim"})


def _own_name(function: ast.FunctionDef) -> str:
    """Return what the method of a module calls the module: usually "self"."""
    arguments = function.args.args
    return arguments[0].arg if len(arguments) > 1 or (arguments and arguments[0].arg == "self") else ""


def _out_of_place(statement: ast.AugAssign) -> ast.stmt:
    """Return `x = x + 1` for `x += 1`, which would change an operand of torch.cond."""
    target = ast.unparse(statement.target)
    whole = ast.Assign([statement.target], ast.BinOp(ast.Name(target, ast.Load()), statement.op, statement.value))
    return ast.parse(ast.unparse(ast.fix_missing_locations(whole))).body[0]


def _condition(test: ast.expr) -> ast.expr:
    """Return a condition as one tensor: Python's `and`, `or` and `not` would ask for its number again."""
    test = _as_tensor(test)
    if isinstance(test, ast.BoolOp):
        operator = ast.BitAnd() if isinstance(test.op, ast.And) else ast.BitOr()
        first, *others = map(_condition, test.values)
        for other in others:
            first = ast.BinOp(first, operator, other)
        return first
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return ast.UnaryOp(ast.Invert(), _condition(test.operand))
    if isinstance(test, ast.Compare):
        sides = [test.left, *test.comparators]
        parts: list[ast.expr] = [
            ast.Compare(sides[k], [operator], [sides[k + 1]]) for k, operator in enumerate(test.ops)
        ]
        return parts[0] if len(parts) == 1 else _condition(ast.BoolOp(ast.And(), parts))
    is_condition = isinstance(test, ast.Call) and _called(test) in _CONDITIONS
    return test if is_condition else ast.Compare(test, [ast.NotEq()], [ast.Constant(0)])


def _cloned(body: list[ast.stmt], given: set[str]) -> list[ast.stmt]:
    """Return the body of a side with copies in place of what it hands on: torch.cond refuses outputs that share memory.

    Args:
        body: its statements, the last a return.
        given: names of the operands, and of the module.
    """
    last = body[-1]
    if not isinstance(last, ast.Return) or last.value is None or _is_cond(last.value):
        return body
    seen: set[str] = set()

    def own(value: ast.expr) -> ast.expr:
        if isinstance(value, (ast.Tuple, ast.List)):
            return type(value)([own(one) for one in value.elts], ast.Load())
        if isinstance(value, ast.Dict):
            return ast.Dict(value.keys, [own(one) for one in value.values])
        text = ast.unparse(value)
        is_again = text in seen and isinstance(value, ast.Name)
        seen.add(text)
        if not is_again and not _is_handed_on(value, body[:-1], given):
            return value
        return ast.Call(ast.Attribute(value, "clone", ast.Load()), [], [])

    return [*body[:-1], ast.Return(own(last.value))]


def _is_cond(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and _called(value) == "cond"


def _is_handed_on(value: ast.expr, body: list[ast.stmt], given: set[str]) -> bool:
    """Return whether a value is a tensor that came into the function, or a view of one."""
    if isinstance(value, (ast.Attribute, ast.Subscript)):
        return _is_handed_on(value.value, body, given)
    if isinstance(value, ast.Call):
        is_view = isinstance(value.func, ast.Attribute) and value.func.attr in _VIEWS
        # Of torch.flatten(x) the first argument is the tensor.
        whole = [value.func.value, *value.args[:1]] if is_view and isinstance(value.func, ast.Attribute) else []
        return any(_is_handed_on(one, body, given) for one in whole)
    if isinstance(value, (ast.IfExp, ast.Tuple)):
        parts = value.elts if isinstance(value, ast.Tuple) else (value.body, value.orelse)
        return any(_is_handed_on(one, body, given) for one in parts)
    if not isinstance(value, ast.Name):
        return False
    for k in range(len(body) - 1, -1, -1):
        if value.id in _assigned([body[k]]):
            one = body[k]
            # What an if or a loop assigns is not followed: a copy too many does no harm.
            return _is_handed_on(one.value, body[:k], given) if isinstance(one, ast.Assign) else True
    return value.id in given


def _repair_number(statement: ast.stmt) -> str:
    """Return the statement with the tensor itself in place of its number."""
    return ast.unparse(_as_tensor(statement)) if isinstance(statement, ast.Assign) else ""


def _as_tensor(node: _Node) -> _Node:
    """Return a copy of a piece of code in which a tensor stays one."""

    class Keep(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            name = _called(node)
            if name == "item" and isinstance(node.func, ast.Attribute):
                return node.func.value
            if name in ("int", "float", "bool") and len(node.args) == 1:
                return node.args[0]
            return node

    return cast(_Node, Keep().visit(copy.deepcopy(node)))
