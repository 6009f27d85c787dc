"""Which outputs wait for a prediction."""

from types import SimpleNamespace

import pytest

from dlviz.exercises import predict
from dlviz.exercises.cards import gate


@pytest.fixture
def gates(monkeypatch):
    """Return the gates of a notebook's cells, and a function that says whether an output is folded for a cell and its request."""
    cells = gate._CellGates()
    monkeypatch.setattr(gate, "display", lambda box: None)

    def is_folded(source, **request):
        kernel = SimpleNamespace(get_parent=lambda: {"content": {"allow_stdin": True} | request})
        monkeypatch.setattr(gate, "ipython_shell", lambda: SimpleNamespace(kernel=kernel))
        cells.before(SimpleNamespace(raw_cell=source))
        folded = cells._running is not None
        cells.after(SimpleNamespace(success=True))
        return folded

    return is_folded


def test_an_output_is_folded_until_its_prediction_has_an_answer(gates):
    assert gates("# after 00.sum\nprint(10)")
    assert not gates("print(10)  # after 00.sum")
    predict("00.sum", 3)
    assert not gates("# after 00.sum\nprint(10)")


def test_nothing_is_folded_for_a_tool_that_executes_notebooks_or_when_a_teacher_says_so(gates, monkeypatch):
    assert not gates("# after 00.sum\nprint(10)", allow_stdin=False)
    monkeypatch.setenv("DLVIZ_GATE", "open")
    assert not gates("# after 00.sum\nprint(10)")
