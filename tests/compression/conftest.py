"""Times are measured with few rounds: no test reads them."""

import pytest

from dlviz.compression import measurement


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch):
    monkeypatch.setattr(measurement, "_SECONDS", 0.0)
    monkeypatch.setattr(measurement, "_BLOCK", 0.0)
