"""Views are linked into one module, and unsupported syntax is an error."""

import re

import pytest

from dlviz.kit.linker import LinkError, link


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / "view.js"


def test_modules_are_joined_in_order_and_keep_their_own_names(tmp_path):
    entry = write(
        tmp_path,
        base="const secret = 1;\nexport function one() {\nreturn secret;\n}\nexport const two = 2;\n",
        middle='import { one, two } from "./base.js";\nconst secret = 3;\nexport class Three {}\n'
        "export const four = one() + two + secret;\n",
        view='import { four } from "./middle.js";\nimport { two } from "./base.js";\nexport default { render() { return four + two; } };\n',
    )
    linked = link(entry)
    assert linked.index("return secret") < linked.index("class Three") < linked.index("export default")
    assert linked.count("const secret") == 2
    assert re.findall(r"^(?:import|export) .*", linked, re.M) == ["export default { render() { return four + two; } };"]


def test_comments_and_indentation_are_removed(tmp_path):
    linked = link(write(tmp_path, view="// why\n/**\n * what\n */\nexport default {\n  a: 1, // kept\n};\n"))
    assert linked == "export default {\na: 1, // kept\n};"


@pytest.mark.parametrize(
    "line",
    [
        'import base from "./base.js";',
        'import * as base from "./base.js";',
        'import "./base.js";',
        'import { one as uno } from "./base.js";',
        'import { one } from "lodash";',
        'export { one } from "./base.js";',
        "export * from './base.js';",
        "const a = 1;\nexport { a };",
        'const base = await import("./base.js");',
        "const here = import.meta.url;",
    ],
)
def test_other_import_forms_are_refused_with_file_and_line(tmp_path, line):
    entry = write(tmp_path, base="export const one = 1;\n", view=f"// first\n{line}\nexport default {{}};\n")
    with pytest.raises(LinkError, match=r"view\.js, line [23]"):
        link(entry)


def test_a_blob_that_was_made_in_the_page_may_be_imported(tmp_path):
    line = "const view = await import(URL.createObjectURL(blob));"
    assert line in link(write(tmp_path, view=f"{line}\nexport default view;\n"))


def test_only_the_entry_has_a_default_export(tmp_path):
    entry = write(tmp_path, base="export default {};\n", view='import { one } from "./base.js";\nexport default {};\n')
    with pytest.raises(LinkError, match=r"base\.js, line 1"):
        link(entry)


def test_import_cycles_missing_files_and_missing_names_are_named(tmp_path):
    (tmp_path / "circle").mkdir()
    circle = write(
        tmp_path / "circle",
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 1;\n',
        view='import { a } from "./a.js";\nexport default a;\n',
    )
    with pytest.raises(LinkError, match=r"circle.*a\.js -> b\.js -> a\.js"):
        link(circle)
    with pytest.raises(LinkError, match=r"gone\.js: imported by view\.js"):
        link(write(tmp_path, view='import { x } from "./gone.js";\nexport default x;\n'))
    (tmp_path / "names").mkdir()
    with pytest.raises(LinkError, match="nothing is not exported by base"):
        link(
            write(
                tmp_path / "names",
                base="export const one = 1;\n",
                view='import { nothing } from "./base.js";\nexport default 1;\n',
            )
        )


def test_a_template_over_several_lines_is_refused(tmp_path):
    with pytest.raises(LinkError, match="several lines"):
        link(write(tmp_path, view="const a = `one\n  two`;\nexport default a;\n"))


def test_exported_functions_that_nobody_uses_are_left_out(tmp_path):
    (tmp_path / "a.js").write_text(
        "export function unused() {\n  return 1;\n}\nexport function short() { return 2; }\n"
        "export function helper() {\n  return 3;\n}\nexport function used() {\n  return helper();\n}\n"
    )
    (tmp_path / "index.js").write_text(
        'import { used } from "./a.js";\nexport function render() {\n  return used();\n}\n'
    )
    linked = link(tmp_path / "index.js")
    assert "unused" not in linked
    assert "short" not in linked
    assert "function helper" in linked
    assert "return { used };" in linked


def test_a_statement_after_a_comment_on_its_line_stays(tmp_path):
    view = "/** Says what follows. */\n/**\n * Says more.\n */\nlet a = 1;\n/** @type {any} */ (a).b = 2; // so\nexport default a;\n"
    linked = link(write(tmp_path, view=view))
    assert "(a).b = 2" in linked
    assert "Says" not in linked
