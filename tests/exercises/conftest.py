import pytest


@pytest.fixture(autouse=True)
def progress_file(tmp_path, monkeypatch):
    """A progress file of its own for each test, and no strictness unless a test asks for it."""
    path = tmp_path / "progress.json"
    monkeypatch.setenv("DLVIZ_PROGRESS", str(path))
    monkeypatch.delenv("DLVIZ_STRICT", raising=False)
    return path
