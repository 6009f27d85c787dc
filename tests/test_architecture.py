"""Import rules and the floor plan of the rooms. The checker is itself tested on a source tree with planted violations."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dlviz"
#: The rooms that may import from another room, as (from, to). There are no cycles.
DOORS: set[tuple[str, str]] = {("network", "convolution")}
#: A folder with a view is a room, or a subpackage of a room.
FLOORS = sorted(folder.parent for folder in PACKAGE.rglob("view") if folder.is_dir())
ROOMS = {floor.relative_to(PACKAGE).parts[0] for floor in FLOORS}
FLOOR_PLAN = ("record.py", "scene.py", "widget.py", "still.py", "view/index.js", "view/style.css", "messages.en.toml")
#: Modules that display rather than compute.
DISPLAY = {"widget", "scene", "still", "page_states", "captions", "diagram", "grouping", "layout", "coordinates"}
#: Suffixes of the names of such modules in a room with several widgets.
WIDGET_FILE = "_widget"
WIDGETS = {"dlviz.kit.widget", "dlviz.kit.page", "dlviz.kit.linker", "anywidget", "ipywidgets"}
#: Extras with libraries that single rooms need; everything else works without them.
EXTRAS = ("attribute", "ship")
#: Distributions whose import name differs.
IMPORT_NAMES = {"scikit-learn": "sklearn", "pyyaml": "yaml", "resvg-py": "resvg_py", "pillow": "PIL"}


def imports(path: Path) -> set[str]:
    """Return every module that the Python file imports, at any level."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def shows(name: str) -> bool:
    """Return whether a room's module of this name displays rather than computes."""
    return name in DISPLAY or name.endswith(WIDGET_FILE)


def missing(floor: Path) -> list[str]:
    """Return the files of the floor plan that a room lacks."""
    return [name for name in FLOOR_PLAN if not (floor / name).is_file()]


def faults(package: Path, rooms: set[str], doors: set[tuple[str, str]]) -> list[str]:
    """Return every import in the tree that the rules do not allow."""
    found = []
    for path in sorted(package.rglob("*.py")):
        room, name = path.relative_to(package).parts[0], path.stem
        for module in imports(path):
            parts = module.split(".")
            other = parts[1] if parts[0] == "dlviz" and len(parts) > 1 else ""
            where = f"{path.relative_to(package).as_posix()} imports {module}"
            if room == "kit" and (parts[0] in ("torch", "torchviz") or (other and other != "kit")):
                found.append(f"{where}: the kit knows neither torch nor rooms")
            if room == "torchkit" and (module in WIDGETS or other in rooms):
                found.append(f"{where}: torchkit knows neither widgets nor rooms")
            if room in rooms and other in rooms and other != room and (room, other) not in doors:
                found.append(f"{where}: rooms do not import each other")
            if (
                room in rooms
                and not shows(name)
                and (module in WIDGETS or (other == room and any(map(shows, parts[2:]))))
            ):
                found.append(f"{where}: what computes does not import what displays")
            if room in rooms and name in DISPLAY - {"widget"} and (module in WIDGETS or "widget" in parts[2:]):
                found.append(f"{where}: a scene knows no widget")
            if room in ("exercises", "data") and other in rooms:
                found.append(f"{where}: exercises and data know no room")
    for path in sorted(package.rglob("*.js")):
        room = path.relative_to(package).parts[0]
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r'from "([^"]+)"', text):
            reached = (path.parent / target).resolve()
            inside = (
                reached.relative_to(package.resolve()).parts[0]
                if reached.is_relative_to(package.resolve())
                else "outside"
            )
            if inside not in ("kit", room):
                found.append(
                    f"{path.relative_to(package).as_posix()} imports {target}: a view knows the kit and its own room"
                )
    return found


def test_no_import_breaks_the_rules():
    assert ROOMS
    assert faults(PACKAGE, ROOMS, DOORS) == []


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: floor.relative_to(PACKAGE).as_posix())
def test_every_room_has_the_same_floor_plan(floor):
    assert missing(floor) == []


def test_a_missing_file_of_the_floor_plan_is_named(tmp_path):
    (tmp_path / "record.py").touch()
    assert missing(tmp_path) == [name for name in FLOOR_PLAN if name != "record.py"]


def test_imports_between_rooms_have_no_cycle():
    reached = set(DOORS)
    for _ in DOORS:
        reached |= {(a, d) for a, b in reached for c, d in DOORS if b == c}
    assert not any(a == b for a, b in reached)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("kit/x.py", "import torch", "neither torch"),
        ("kit/x.py", "from dlviz.autograd import record", "neither torch"),
        ("torchkit/x.py", "from dlviz.autograd import record", "torchkit knows"),
        ("torchkit/x.py", "from dlviz.kit.widget import Widget", "torchkit knows"),
        ("autograd/graph.py", "from dlviz.other import x", "each other"),
        ("autograd/graph.py", "from dlviz.autograd.scene import scene", "computes"),
        ("autograd/graph.py", "def f():\n    import anywidget", "computes"),
        ("autograd/graph.py", "from dlviz.autograd.other_widget import Other", "computes"),
        ("autograd/scene.py", "from dlviz.kit.widget import Widget", "knows no widget"),
        ("exercises/a.py", "from dlviz.autograd import record", "know no room"),
        ("autograd/view/index.js", 'import { a } from "../../other/view/a.js";', "its own room"),
    ],
)
def test_a_planted_violation_is_found(tmp_path, file, text, words):
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert [fault for fault in faults(tmp_path, {"autograd", "other"}, set()) if words in fault]


def test_importing_dlviz_imports_neither_torch_nor_a_room():
    code = (
        "import sys, dlviz; print([m for m in ('torch', 'anywidget', 'numpy', 'dlviz.autograd') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_every_public_name_loads_and_none_has_the_name_of_a_room():
    import dlviz

    for name in dlviz.__all__:
        assert getattr(dlviz, name) is not None
    assert not ROOMS & set(dlviz._HOME)
    with pytest.raises(AttributeError, match=r"dir\(dlviz\)"):
        dlviz.nothing_like_it  # noqa: B018


def test_what_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [need for name in EXTRAS for need in project["optional-dependencies"][name]]
    declared = {re.split(r"[<>=\[; ]", need)[0] for need in [*project["dependencies"], *extras]}
    allowed = (
        {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in declared} | set(sys.stdlib_module_names) | {"dlviz"}
    )
    # These are installed by declared dependencies: torchgen with torch, traitlets with ipywidgets, jupyter_core with jupyterlab.
    allowed |= {"torchgen", "traitlets", "IPython", "jupyter_core", "sklearn"}
    found = {(path.name, module.split(".")[0]) for path in PACKAGE.rglob("*.py") for module in imports(path)}
    assert {pair for pair in found if pair[1] not in allowed} == set()


def test_views_and_styles_contain_no_url():
    for path in (*PACKAGE.rglob("*.js"), *PACKAGE.rglob("*.css")):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]+\.[a-z]+/|url\(", text), path.name


def test_no_widget_assigns_a_private_attribute_of_its_base_class():
    """JupyterLab finds a view by traits such as `_model_name`; a widget's own attribute of that name makes it disappear there only."""
    import anywidget

    inherited = {name for name in dir(anywidget.AnyWidget) if name.startswith("_") and not name.startswith("__")}
    found = []
    for path in PACKAGE.rglob("*widget.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
            if own and isinstance(node.ctx, ast.Store) and node.attr in inherited:
                found.append((path.name, node.attr))
    assert found == []
