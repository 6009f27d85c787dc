"""timm, whose nets have random weights here."""

import warnings
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def timm(torchvision_loads) -> ModuleType:
    """The module ``timm``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import timm
    return timm
