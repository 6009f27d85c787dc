"""timm beside a torch without GPU, for which PyPI has no torchvision that loads."""

import warnings
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="session")
def timm() -> ModuleType:
    """The module ``timm``, whose nets have random weights here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torchvision  # noqa: F401
        except RuntimeError:  # torchvision's operators are missing; timm uses none of them
            library = torch.library.Library("torchvision", "FRAGMENT")
            for name in ("nms", "qnms"):
                library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            globals()["_library"] = library  # which forgets its operators when it is collected
        import timm
    return timm
