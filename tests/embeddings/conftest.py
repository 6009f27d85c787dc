"""One thread for trainings of tiny matrices: threads that wait for each other on a busy machine make a step up to twenty times slower."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
