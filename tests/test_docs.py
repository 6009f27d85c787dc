"""Every docstring example runs and gives its documented output, and the main public functions have examples."""

import doctest
import importlib
import inspect
import pkgutil

import pytest
import torch

import dlviz

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(dlviz.__path__, "dlviz.") if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", ["dlviz", *MODULES])
def test_examples_run(name, monkeypatch, tmp_path):
    monkeypatch.setenv("DLVIZ_PROGRESS", str(tmp_path / "progress.json"))
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"torch": torch, "dlviz": dlviz}, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_the_main_functions_have_examples():
    for call in (dlviz.graph, dlviz.autograd.record, dlviz.autograd.recording, dlviz.exercise, dlviz.predict):
        assert ">>>" in inspect.getdoc(call), call
    for call in (dlviz.device, dlviz.seed, dlviz.data.digits):
        assert ">>>" in inspect.getdoc(call), call
