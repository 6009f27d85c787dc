"""Export of notebooks and of the gallery: pages hold all text and outputs, and no file of the user is overwritten."""

import json
import re
from html import unescape
from pathlib import Path

import nbformat
import pytest
from jupyter_client.channels import ZMQSocketChannel
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import dlviz
from dlviz import __main__
from dlviz.export import examples, execute, gallery, lesson, outputs
from dlviz.export.markdown import highlight_code, latex_to_mathml, markdown_to_html
from dlviz.export.page import html_page, write_page
from dlviz.kit.errors import DlvizError
from dlviz.kit.svg import colors

LESSONS = Path(__file__).parent.parent / "lessons"
SILENT = [].append


def payload(text):
    return json.loads(re.search(r'id="payload">(.*?)</script>', text, re.S)[1])


def put(folder, name, *cells):
    path = folder / name
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A notebook that shows two widgets, one of them twice and changed later, one in a box; and its page."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "value.txt").write_text("41", encoding="utf-8")
    cells = [
        new_markdown_cell(
            "# My *own*\n\nIt costs $5 and $6, but $w^2$ is a formula. [next](other.ipynb#a) [away](gone.ipynb)"
        ),
        new_code_cell("import os, torch, dlviz, ipywidgets\nfrom IPython.display import HTML, Markdown, display"),
        new_code_cell("x = torch.arange(6).view(2, 3)\nview = dlviz.tensor(x, name='x')\nview"),
        new_code_cell(
            "w = torch.ones(2, requires_grad=True)\nipywidgets.VBox([ipywidgets.HBox([dlviz.graph(lambda: w.sum())])])"
        ),
        new_markdown_cell("## Later & more"),
        new_code_cell("view.step = 4\ndisplay(view)\nprint(int(open('value.txt').read()) + 1, '<b>&')"),
        new_code_cell("gone = dlviz.tensor(x.T, name='gone')\ndisplay(gone)\ngone.close()"),
        new_code_cell("dlviz.predict('01.numpy-bridge')"),
        new_code_cell("# after 01.numpy-bridge\nprint('the', 'same', 'storage')"),
        new_markdown_cell("<details><summary>After your prediction</summary>\n\nOne storage.\n\n</details>"),
        new_code_cell("_ = ipywidgets.interact(lambda turn: print('turned', turn), turn=(0, 3))"),
        new_code_cell("print(dlviz.predict('00.sum', 6))\ndlviz.exercises.progress()"),
        new_code_cell("dlviz.exercise('00.double').check(lambda x: 2 * x)"),
        new_code_cell("display(HTML('<table><tr><td>cell</td></tr></table>'), Markdown('**m**'))\n1 / 0"),
        new_code_cell(""),
    ]
    cells[13].metadata["tags"] = ["raises-exception"]
    path, reports = put(folder, "mine.ipynb", *cells), []
    put(folder, "other.ipynb", new_markdown_cell("## a"))
    progress = folder / "progress.json"
    progress.write_text('{"exercises": {}, "predictions": {"00.sum": {"answer": 5}}}', encoding="utf-8")
    before = path.read_bytes(), progress.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLVIZ_PROGRESS", str(progress))
        lesson.export_notebooks([str(path), str(folder / "other.ipynb")], folder / "pages", reports.append)
    assert (path.read_bytes(), progress.read_bytes()) == before
    return (folder / "pages" / "mine.html").read_text(encoding="utf-8"), reports


def test_a_page_has_the_notebooks_text_and_outputs(exported):
    text, reports = exported
    assert "<title>My own</title>" in text
    assert "It costs $5 and $6, but <math" in text
    assert "<pre>42 &lt;b&gt;&amp;</pre>" in text  # run in the notebook's folder
    assert "<td>cell</td>" in text
    assert "<strong>m</strong>" in text
    assert "<pre>ZeroDivisionError: division by zero</pre>" in text
    assert '<li><a href="#later-more">Later &amp; more</a></li>' in text
    assert [line.split(":")[0].rsplit("/", 1)[-1] for line in reports][::2] == ["mine.ipynb", "other.ipynb"]


def test_links_between_notebooks_lead_only_to_pages_exported_with_them(exported):
    text, _ = exported
    assert '<a href="other.html#a">next</a>' in text
    assert " away</p>" in text


def test_widgets_are_stored_once_in_their_final_state(exported):
    text, _ = exported
    held = payload(text)
    places = re.findall(r'data-widget="([^"]+)"', text)
    # A widget shown twice, a box and its content, a question, a report; a closed widget is its still picture.
    assert len(places) == 5
    assert len(held["widgets"]) == len(set(places)) == 4
    assert held["widgets"][places[0]]["state"]["step"] == 4
    assert places[0] == places[2]
    assert len(held["kinds"]) == len({kind["esm"] for kind in held["kinds"]}) == 4
    assert text.count('alt="dlviz.tensor(gone') == 1
    assert text.count("--ink: #1b1f24") == 1  # The theme is there once, although four kinds of widget use it.


def test_features_that_need_a_notebook_have_a_note(exported):
    text, _ = exported
    cells = text.split('<div class="cell">')
    (turned,) = [cell for cell in cells if "A control that moves only in a notebook" in cell]
    assert "interact" in turned
    assert "IntSlider" not in text


def test_an_output_that_answers_a_prediction_is_folded_and_so_is_the_text_below(exported):
    text, _ = exported
    (gated,) = re.findall(r'<details class="gate" data-after="01.numpy-bridge">.*?</details>', text, re.S)
    assert "the same storage" in gated
    assert '<details data-after="01.numpy-bridge">' in text
    (state,) = [one["state"] for one in payload(text)["widgets"].values() if one["state"].get("stored")]
    assert state["result"] == {}
    assert state["stored"]["truth"] == "same"


def test_a_page_makes_no_request_and_contains_no_local_path(exported):
    text, _ = exported
    assert not re.search(r'(?:src|srcset)="(?!data:)', text)
    assert not re.search(r"/(?:home|root|tmp|private|Users)/\w", text)
    assert "script-src 'sha256-" in text


def test_the_learners_progress_is_neither_read_nor_written(exported):
    text, _ = exported  # the fixture asserts that the file is unchanged
    assert "Your first prediction, before you saw the result, was 5" not in text
    assert "Kept in progress.json on this machine" in text


def test_a_cell_that_fails_is_named_and_no_page_is_written(tmp_path, capsys):
    path = put(tmp_path, "bad.ipynb", new_markdown_cell("# t"), new_code_cell("\nbroken(1)\n2"))
    assert __main__.main(["export", str(path), str(tmp_path / "out")]) == 1
    text = capsys.readouterr().err
    assert "bad.ipynb, cell 2 failed" in text
    assert "broken(1)\n" in text
    assert "NameError: name 'broken' is not defined" in text
    assert not (tmp_path / "out").exists()


def test_a_cell_that_ends_python_is_named(tmp_path):
    path = put(tmp_path, "dead.ipynb", new_code_cell("import os\nos._exit(1)"))
    with pytest.raises(DlvizError, match=r"dead\.ipynb, cell 1 ended Python itself"):
        lesson.lesson_page(path, {}.get, SILENT)


@pytest.mark.parametrize("lost", ["the reply", "the idle status"])
def test_a_lost_message_of_the_kernel_does_not_hang_an_export(tmp_path, monkeypatch, lost):
    get_msg, dropped = ZMQSocketChannel.get_msg, []

    def get_others(channel, timeout=None):
        while True:
            received = get_msg(channel, timeout)
            idle = received["content"].get("execution_state") == "idle"
            ends = {"the reply": received["msg_type"] == "execute_reply", "the idle status": idle}
            if received["parent_header"].get("msg_type") != "execute_request" or not ends[lost]:
                return received
            dropped.append(received)

    monkeypatch.setattr(ZMQSocketChannel, "get_msg", get_others)
    monkeypatch.setattr(execute, "_WAIT", 0.5)
    path = put(tmp_path, "lost.ipynb", new_code_cell("print(6 * 7)"))
    assert "<pre>42</pre>" in lesson.lesson_page(path, {}.get, SILENT)
    assert len(dropped) == 2  # of the notebook's cell and of the one that collects the widgets
    path = put(tmp_path, "lost.ipynb", new_code_cell("1"), new_code_cell("1 / 0"))
    with pytest.raises(DlvizError, match=r"lost\.ipynb, cell 2 failed(?s:.*)ZeroDivisionError: division by zero"):
        lesson.lesson_page(path, {}.get, SILENT)


def test_a_kernel_that_does_not_start_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # without its library Python ends at once
    path = put(tmp_path, "mine.ipynb", new_code_cell("1"))
    with pytest.raises(DlvizError, match=r"no kernel started for mine\.ipynb: Kernel died"):
        lesson.lesson_page(path, {}.get, SILENT)


@pytest.mark.parametrize(
    "name", ["3", "03", "03-autograd", "autograd", "03-autograd.ipynb", str(LESSONS / "03-autograd.ipynb")]
)
def test_a_lesson_is_found_by_number_name_and_path(name):
    assert lesson.find_notebook(name).name == "03-autograd.ipynb"


@pytest.mark.parametrize("name", ["", "99", "autogra", "nowhere/03.ipynb", "0x3"])
def test_an_unknown_lesson_lists_the_existing_ones(name):
    with pytest.raises(DlvizError, match=r"00-start, 01-tensors"):
        lesson.find_notebook(name)


def test_a_file_that_is_not_a_notebook_is_rejected(tmp_path):
    for text in ("{", "[]", '{"cells": 3}'):
        path = tmp_path / "x.ipynb"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DlvizError, match="is no notebook"):
            lesson.lesson_page(path, {}.get, SILENT)


def test_two_notebooks_of_one_name_are_rejected_before_either_runs(tmp_path):
    one, other = tmp_path / "a", tmp_path / "b"
    for folder in (one, other):
        folder.mkdir()
    paths = [str(put(folder, "mine.ipynb", new_code_cell("1"))) for folder in (one, other)]
    with pytest.raises(DlvizError, match=r"a.mine\.ipynb and .*b.mine\.ipynb would be one page"):
        lesson.export_notebooks(paths, tmp_path / "out", SILENT)
    assert not (tmp_path / "out").exists()


def test_files_that_dlviz_did_not_write_are_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr(lesson, "lesson_page", lambda *_: html_page("new", ""))
    out = tmp_path / "out"
    out.mkdir()
    (out / "00-start.html").write_text("my own page", encoding="utf-8")
    with pytest.raises(DlvizError, match=r"00-start\.html was not written by dlviz export"):
        lesson.export_notebooks(["0"], out, SILENT)
    assert (out / "00-start.html").read_text(encoding="utf-8") == "my own page"
    with pytest.raises(DlvizError, match="was not written by dlviz export"):
        lesson.export_notebooks(["0"], out / "00-start.html", SILENT)
    for place in (out / "00-start.html" / "deeper", out / "00-start.html" / "page.html"):
        with pytest.raises(DlvizError, match=r"00-start\.html is no folder that you may write"):
            lesson.export_notebooks(["1"], place, SILENT)
    with pytest.raises(DlvizError, match="2 notebooks need a folder"):
        lesson.export_notebooks(["0", "1"], tmp_path / "one.html", SILENT)
    for _ in range(2):  # Its own page is overwritten; files that it did not write are not.
        lesson.export_notebooks(["1"], out, SILENT)
        lesson.export_notebooks(["1"], tmp_path / "named.html", SILENT)
    assert "<title>new</title>" in (out / "01-tensors.html").read_text(encoding="utf-8")
    assert (tmp_path / "named.html").is_file()


def test_the_gallery_has_an_index_and_a_page_for_each_widget(tmp_path):
    reports = []
    some = {"tensors": (examples.broadcast, examples.index), "networks": (examples.graph,)}
    gallery.export_gallery(tmp_path / "site", reports.append, some)
    pages = {path.name: path for path in (tmp_path / "site").iterdir()}
    assert set(pages) == {"index.html", "colors.html", "dlviz.broadcast.html", "dlviz.index.html", "dlviz.graph.html"}
    size = sum(path.stat().st_size for path in pages.values())
    assert f"5 pages, {size / 1e6:.1f} MB" in reports[0]
    index = pages["index.html"].read_text(encoding="utf-8")
    assert "<script" not in index
    assert re.findall(r'href="(dlviz\.[^"]+)"', index) == [
        "dlviz.broadcast.html",
        "dlviz.index.html",
        "dlviz.graph.html",
    ]
    dark, light = (re.findall(rf'{name}="(data:image/svg[^"]+)"', index) for name in ("srcset", "src"))
    assert len(dark) == len(light) == 3
    assert all("%230d1117" in one and " " not in one for one in dark)
    assert all("%23ffffff" in one for one in light)
    for path in pages.values():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'(?:src|srcset)="(?!data:)', text)
        assert all((tmp_path / "site" / link).is_file() for link in re.findall(r'href="([^"#]+)"', text))
    assert (
        payload(pages["dlviz.graph.html"].read_text(encoding="utf-8"))["widgets"]["graph"]["state"]["theme"] == "auto"
    )


def test_the_page_of_colors_explains_every_hue_of_the_theme_once():
    neutral = re.compile("ink|line|paper|raised|on-accent|.*-soft")
    hues = [token for token in colors("light") if not neutral.match(token)]
    assert sorted(token for tokens in gallery.COLORS.values() for token in tokens) == sorted(hues)


def test_a_gallery_is_overwritten_but_no_other_file(tmp_path):
    some = {"tensors": (examples.broadcast,)}
    for _ in range(2):
        gallery.export_gallery(tmp_path / "site", SILENT, some)
    (tmp_path / "home").mkdir()
    mine = tmp_path / "home" / "thesis.txt"
    mine.write_text("mine", encoding="utf-8")
    for out in (tmp_path / "home", mine):
        with pytest.raises(DlvizError, match="something else than a gallery"):
            gallery.export_gallery(out, SILENT, some)
    (tmp_path / "home" / "index.html").write_text("<!doctype html>", encoding="utf-8")
    with pytest.raises(DlvizError, match="something else than a gallery"):
        gallery.export_gallery(tmp_path / "home", SILENT, some)
    assert mine.read_text(encoding="utf-8") == "mine"


def test_every_public_widget_is_in_the_gallery_once():
    shown = [make.__name__ for makers in gallery.GROUPS.values() for make in makers]
    kin = {"conv1d", "conv_transpose1d", "max_pool1d", "avg_pool1d", "avg_pool2d"}  # represented by similar widgets
    no_widgets = {"exercise", "predict", "device", "seed", "knob", "load_run"}
    assert sorted(shown) == sorted(set(dlviz._HOME) - kin - no_widgets)


def test_a_graph_of_the_gallery_names_the_line_of_its_example():
    code = gallery.example_code(examples.graph)
    view = gallery.run_example("graph", code)
    source = view.graph.nodes[0].source
    assert (source.where, source.text) == ("graph example", code.splitlines()[source.line - 1])
    assert "mse_loss" in source.text
    view.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "only"], "name a lesson and a place"),
        (["export", "--gallery", "03", "out"], "name a lesson and a place"),
        (["export", "03", "out", "--what"], "export does not know --what"),
        (["export"], "OUT"),
    ],
)
def test_an_invalid_command_is_explained(arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        __main__.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_prose_has_formulas_pictures_and_tables_inside():
    text = markdown_to_html(
        "![p](pictures/graph-light.png) ![](https://a.b/c.png) ![gone](no.png)\n\n| a |\n|---|\n| $k$ |", LESSONS
    )
    assert re.search(r'<img alt="p" src="data:image/png;base64,[\w+/]{99}', text)
    assert '<a href="https://a.b/c.png">picture</a>' in text
    assert "gone" in text
    assert text.count("<img") == 1
    assert "<td><math" in text


def test_a_formula_on_its_own_lines_is_a_block():
    text = markdown_to_html("before\n\n$$\n\\begin{aligned}a&=b\\\\c&=d\\end{aligned}\n$$\n\nafter $$x$$, `$y$`")
    assert text.count('display="block"') == 1
    assert "<mtable" in text
    assert "&</mi>" not in text
    assert "<p>after <math" in text
    assert "<code>$y$</code>" in text


@pytest.mark.parametrize("broken", ["x^", "\\frac{", "}{", "\\begin{pmatrix}", "<b>&", ""])
def test_a_broken_formula_does_not_prevent_export(broken):
    assert "<b>" not in latex_to_mathml(broken)
    assert markdown_to_html(f"${broken}$")


def test_a_notebook_with_any_unicode_character_is_exported(tmp_path):
    size = write_page(tmp_path / "a.html", html_page("half \ud800", "<p>\udfff</p>"))
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert size == len(text.encode())
    assert "half �" in text


def test_highlighting_keeps_every_character():
    for source in ("a = '<&>'\n\n\nb = 2", "%time x\n!ls", "\n  x", "déjà # 猫"):
        plain = unescape(re.sub(r"<[^>]+>", "", highlight_code(source)))
        assert plain.rstrip("\n") == source.rstrip()
    assert highlight_code("x", "no such language").startswith('<pre class="code">')


def test_other_kinds_of_output_are_shown():
    def one(data):
        return outputs.outputs_html(new_code_cell("x", outputs=[new_output("display_data", data)]), {})

    assert 'src="data:image/png;base64,iVBO"' in one({"image/png": "iVBO\n", "text/plain": "figure"})
    assert "<svg" in one({"image/svg+xml": "<svg></svg>"})
    assert "<math" in one({"text/latex": "$x$"})
    slider = one({"application/vnd.jupyter.widget-view+json": {"model_id": "no"}, "text/plain": "slider"})
    assert "A control that moves only in a notebook" in slider
    assert ">slider<" not in slider
    assert one({"application/x-odd": "?"}) == ""
    stream = new_output("stream", text="\x1b[31mred\x1b[0m\n")
    assert "<pre>red</pre>" in outputs.outputs_html(new_code_cell("x", outputs=[stream]), {})
