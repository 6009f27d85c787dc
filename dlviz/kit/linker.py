"""Join a view's ES modules into one string.

anywidget loads a view from a blob, where ``import "../kit/js/card.js"`` cannot be resolved. The linker supports the two
forms that views use: ``import { a, b } from "./x.js";`` on one line, and ``export`` before a function, class or const. Any other form is
an error, except ``import(url)`` of a blob that was made in the page.
"""

import re
from functools import cache
from pathlib import Path

_IMPORT = re.compile(r'^import \{ (?P<names>\w+(?:, \w+)*) \} from "(?P<path>\.{1,2}/[^"]+)";$', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (?P<name>\w+))", re.M)
_DEFAULT = re.compile(r"^export default (?=\{|\w)", re.M)
_SUSPECT = re.compile(
    r'^[ \t]*(?:import\b(?!\s*\.\s*meta)|export\b).*$|\bimport\s*\(\s*["\x27`]|\bimport\s*\.\s*meta\b', re.M
)

#: A line that only holds a comment: // …, or part of a block comment as views write them.
_COMMENT = re.compile(r"^\s*(?://|/\*\*(?!.*\*/\s*\S)|\*/|\* |\*$)")
#: A type annotation inside a line, which only the type checker reads.
_TYPE = re.compile(r"/\*\* @type \{[^*`\"]*\} \*/ ?")


class LinkError(ValueError):
    """A module uses a form that the linker does not support; the message names file and line."""


@cache
def link(entry: Path, prefix: str = "$m") -> str:
    """Return the view in `entry` and everything it imports as one module.

    Args:
        entry: the file of the view.
        prefix: begins the names that the imported modules get; two linked files that are joined need different ones.

    Raises:
        LinkError: an unsupported form of import or export, a missing file, a name that is not exported, or an import cycle.
    """
    order: dict[Path, str] = {}
    _visit(entry.resolve(), (), order)
    ids = {path: f"{prefix}{i}" for i, path in enumerate(order)}
    exported = {path: {m["name"] for m in _EXPORT.finditer(source)} for path, source in order.items()}
    used: dict[Path, set[str]] = {path: set() for path in order}
    for path, source in order.items():
        for match in _IMPORT.finditer(source):
            used[(path.parent / match["path"]).resolve()].update(match["names"].split(", "))
    parts = []
    for path, source in order.items():

        def bind(match: re.Match[str], path: Path = path) -> str:
            needed = (path.parent / match["path"]).resolve()
            unknown = [name for name in match["names"].split(", ") if name not in exported[needed]]
            if unknown:
                raise LinkError(f"{path.name}: {', '.join(unknown)} is not exported by {needed.name}")
            return f"const {{ {match['names']} }} = {ids[needed]};"

        body = _IMPORT.sub(bind, source)
        if path != entry.resolve():
            body = _without_unused(body, exported[path] - used[path])
        if path == entry.resolve():
            parts.append(body)
        else:
            names = ", ".join(sorted(used[path]))
            parts.append(f"const {ids[path]} = (() => {{\n{_EXPORT.sub('', body)}\nreturn {{ {names} }};\n}})();")
    return minify("\n".join(parts))


def _without_unused(body: str, names: set[str]) -> str:
    """Return a module's source without the exported functions in `names` that the module itself does not call either."""
    for name in sorted(names):
        function = re.compile(rf"^export (?:async )?function {name}\b(?:[^\n]*}}$|.*?^}}$)\n?", re.M | re.S)
        shorter = function.sub("", body)
        if not re.search(rf"\b{name}\b", shorter):
            body = shorter
    return body


def _visit(path: Path, above: tuple[Path, ...], order: dict[Path, str]) -> None:
    if path in above:
        raise LinkError(f"{path.name}: imports go round in a circle: {' -> '.join(p.name for p in (*above, path))}")
    if path in order:
        return
    if not path.is_file():
        raise LinkError(f"{path.name}: imported by {above[-1].name if above else 'nobody'} but there is no such file")
    source = path.read_text(encoding="utf-8")
    _refuse_other_forms(path, source, is_entry=not above)
    for match in _IMPORT.finditer(source):
        _visit((path.parent / match["path"]).resolve(), (*above, path), order)
    order[path] = source


def _refuse_other_forms(path: Path, source: str, *, is_entry: bool) -> None:
    for suspect in _SUSPECT.finditer(source):
        known = _IMPORT.match(source, suspect.start()) or _EXPORT.match(source, suspect.start())
        if not known and not (is_entry and _DEFAULT.match(source, suspect.start())):
            line = source.count("\n", 0, suspect.start()) + 1
            raise LinkError(
                f"{path.name}, line {line}: {suspect[0].strip()!r}: views may use `import {{ a, b }} from './x.js';` with double quotes, "
                "`export` before a function, class or const, and, in the entry, `export default`"
            )


def minify(source: str) -> str:
    """Return `source` without indentation, comment lines and type annotations, about a third shorter.

    Raises:
        LinkError: a template literal spans several lines, and would lose its indentation.
    """
    if any(line.count("`") % 2 for line in source.splitlines() if not _COMMENT.match(line)):
        raise LinkError("a view has a template literal over several lines; put it on one")
    lines = (line for line in source.splitlines() if line.strip() and not _COMMENT.match(line))
    return "\n".join(_TYPE.sub("", line).strip() for line in lines)
