from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Networks as small as an exercise's train many times faster on one thread than on threads that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def progress_file(tmp_path, monkeypatch):
    """Use a separate progress file for each test, and no strict mode unless the test sets it."""
    path = tmp_path / "progress.json"
    monkeypatch.setenv("DLVIZ_PROGRESS", str(path))
    monkeypatch.delenv("DLVIZ_STRICT", raising=False)
    return path
