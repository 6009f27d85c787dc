"""Code that depends on numbers in a tensor: which statement it is, what a program would keep of it, and how to write it instead."""

import ast
import builtins
import linecache
import textwrap
from dataclasses import dataclass
from functools import cache

from dlviz.model_export.source import CodeLine

#: Lines that an excerpt of a statement shows.
_MAX_LINES = 12


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
    """

    line: CodeLine
    kind: str
    code: str
    taken: bool | None
    repair: str


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
        return Branch(line, "if", code, taken, _repair_if(statement, _function(line), line))
    if isinstance(statement, (ast.While, ast.For)):
        return Branch(line, "loop", code, None, "")
    if isinstance(statement, ast.Assert):
        return Branch(line, "assert", code, None, f"torch._check({ast.unparse(statement.test)})")
    choice = next((node for node in ast.walk(statement) if isinstance(node, ast.IfExp)), None)
    if choice is not None:
        test, yes, no = (ast.unparse(part) for part in (choice.test, choice.body, choice.orelse))
        return Branch(line, "choice", code, taken, f"torch.where({test}, {yes}, {no})")
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


def _repair_if(statement: ast.If, function: ast.FunctionDef | None, line: CodeLine) -> str:
    """Return the statement with torch.cond, if both sides return something or assign the same names."""
    if function is None or not statement.orelse:
        otherwise = _following(statement, function) if function is not None else []
    else:
        otherwise = statement.orelse
    sides = [statement.body, otherwise]
    if not all(sides):
        names = _assigned(statement.body)
        if len(names) != 1 or any(isinstance(node, ast.Return) for one in statement.body for node in ast.walk(one)):
            return ""
        # Without an else the name keeps its value.
        sides = [statement.body, [ast.Pass()]]
    returns = [isinstance(side[-1], ast.Return) and side[-1].value is not None for side in sides]
    targets: list[str] = []
    if not all(returns):
        targets = sorted(_assigned(sides[0]) | _assigned(sides[1]))
        inner = [node for side in sides for one in side for node in ast.walk(one)]
        if any(returns) or len(targets) != 1 or any(isinstance(node, ast.Return) for node in inner):
            return ""
    operands = _operands(sides, targets, function)
    arguments = ", ".join(operands)
    lines = []
    for name, side in zip(("if_true", "if_false"), sides, strict=True):
        body = [ast.unparse(one) for one in side if not isinstance(one, ast.Pass)]
        if targets:
            body.append(f"return {targets[0]}")
        lines.append(f"def {name}({arguments}):")
        lines += [f"    {row}" for part in body for row in part.splitlines()]
    call = f"torch.cond({ast.unparse(statement.test)}, if_true, if_false, ({arguments}{',' if len(operands) == 1 else ''}))"
    lines.append(f"{targets[0]} = {call}" if targets else f"return {call}")
    return "\n".join(lines)


def _following(statement: ast.If, function: ast.FunctionDef) -> list[ast.stmt]:
    """Return the statements after an if that returns: they are its else."""
    if not isinstance(statement.body[-1], ast.Return):
        return []
    for node in ast.walk(function):
        body = getattr(node, "body", None)
        if isinstance(body, list) and statement in body:
            return body[body.index(statement) + 1 :]
    return []


def _assigned(body: list[ast.stmt]) -> set[str]:
    return {
        node.id
        for one in body
        for node in ast.walk(one)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _operands(sides: list[list[ast.stmt]], targets: list[str], function: ast.FunctionDef | None) -> list[str]:
    """Return the local variables that the sides read, in the order in which they do."""
    known = (
        {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)} if function else set()
    )
    known |= _assigned(function.body) if function else set()
    read = [
        node.id
        for side in sides
        for one in side
        for node in ast.walk(one)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]
    local = [name for name in [*read, *targets] if name in known and not hasattr(builtins, name)]
    # The functions find the module itself around them.
    made = {name for side in sides for name in _assigned(side)} - set(targets) | _own_name(function)
    return list(dict.fromkeys(name for name in local if name not in made))


def _own_name(function: ast.FunctionDef | None) -> set[str]:
    """Return what the method of a module calls the module: usually "self"."""
    arguments = function.args.args if function is not None else []
    return {arguments[0].arg} if len(arguments) > 1 or (arguments and arguments[0].arg == "self") else set()


def _repair_number(statement: ast.stmt) -> str:
    """Return the statement with the tensor itself in place of its number."""

    class Keep(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            name = _called(node)
            if name == "item" and isinstance(node.func, ast.Attribute):
                return node.func.value
            if name in ("int", "float", "bool") and len(node.args) == 1:
                return node.args[0]
            return node

    if isinstance(statement, ast.Return) or not isinstance(statement, ast.Assign):
        return ""
    return ast.unparse(Keep().visit(ast.parse(ast.unparse(statement))))
