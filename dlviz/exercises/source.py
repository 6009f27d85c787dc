"""Source code of exercises: the listing of a solution, the starter made from it, and whether an answer is the starter."""

import ast
import dis
import inspect
import textwrap
from collections.abc import Callable
from types import CodeType
from typing import Any

_NO_EFFECT = ("RESUME", "LOAD_CONST", "RETURN", "NOP", "POP_TOP", "COPY_FREE_VARS")


def listing(thing: Callable[..., Any], name: str | None = None) -> str:
    """Return the source of a function or class, under ``name`` if given, ready to run in a cell."""
    code = textwrap.dedent(inspect.getsource(thing)).rstrip()
    return code if name is None else code.replace(f" {thing.__name__}(", f" {name}(", 1)


def starter(solution: Callable[..., Any]) -> str:
    """Return the head and docstring of a function or class, with ``...`` in place of every body.

    >>> print(starter(listing))
    def listing(thing: Callable[..., Any], name: str | None = None) -> str:
        \"\"\"Return the source of a function or class, under ``name`` if given, ready to run in a cell.\"\"\"
        ...
    """
    code = listing(solution)
    before, docstring, _ = split_at_docstring(code)
    if not inspect.isclass(solution):
        return f"{before}{docstring}    ..."
    methods = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    heads = ["\n".join(code.splitlines()[node.lineno - 1 : node.body[0].lineno - 1]) for node in methods]
    return before + docstring + "\n" + "\n\n".join(f"{head} ..." for head in heads)


def split_at_docstring(code: str) -> tuple[str, str, str]:
    """Split the source of a function or class: the lines before its docstring, the docstring, the lines after it."""
    (definition,) = ast.parse(code).body
    assert isinstance(definition, (ast.FunctionDef, ast.ClassDef))
    lines = code.splitlines(keepends=True)
    first = definition.body[0]
    start = first.lineno - 1
    end = first.end_lineno if ast.get_docstring(definition) is not None else start
    return "".join(lines[:start]), "".join(lines[start:end]), "".join(lines[end:])


def is_starter(answer: object, source: str) -> bool:
    """Return whether a function or class has the same bytecode as the starter, or does nothing."""
    if inspect.isclass(answer):
        mine = {name: _bytecode(item.__code__) for name, item in vars(answer).items() if inspect.isfunction(item)}
    elif inspect.isfunction(answer):
        if _does_nothing(answer.__code__):
            return True
        mine = {answer.__code__.co_name: _bytecode(answer.__code__)}
    else:
        return False
    return mine == {code.co_name: _bytecode(code) for code in _functions(compile(source, "<starter>", "exec"))}


def _does_nothing(code: CodeType) -> bool:
    """Return whether a function's body is at most a docstring and ``...``, ``pass`` or ``return``."""
    effects = [step for step in dis.get_instructions(code) if not step.opname.startswith(_NO_EFFECT)]
    return not effects and all(item in (None, ...) for item in _constants(code))


def _functions(module: CodeType) -> list[CodeType]:
    """Return the code of every function in a module and in its classes."""
    inside = [item for item in module.co_consts if isinstance(item, CodeType)]
    functions = [code for code in inside if code.co_flags & inspect.CO_OPTIMIZED]
    classes = [code for code in inside if code not in functions]
    return functions + [function for code in classes for function in _functions(code)]


def _bytecode(code: CodeType) -> tuple[Any, ...]:
    """Return a function's bytecode, names and constants, without line numbers and docstring."""
    constants = [_bytecode(item) if isinstance(item, CodeType) else repr(item) for item in _constants(code)]
    return code.co_code, code.co_names, tuple(constants)


def _constants(code: CodeType) -> tuple[Any, ...]:
    """Return a function's constants without its docstring."""
    return code.co_consts[1:] if code.co_consts and isinstance(code.co_consts[0], str) else code.co_consts
