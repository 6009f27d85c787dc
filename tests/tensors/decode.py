"""Decode the numbers of a scene as the browser does, so that tests compare what is really sent."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

_KINDS = {
    "float32": "<f4",
    "float64": "<f8",
    "int32": "<i4",
    "bool": "u1",
    "complex64": "<c8",
    "complex128": "<c16",
}


def numbers(block: dict[str, Any]) -> np.ndarray:
    """Return the block as an array of its size."""
    if block["kind"] == "text":
        return np.array([int(text) for text in block["values"]], dtype=object).reshape(block["size"])
    return np.frombuffer(block["values"], _KINDS[block["kind"]]).reshape(block["size"])


def same(block: dict[str, Any], x: Tensor) -> bool:
    """Return whether the block equals the part of `x` that it covers, NaN included."""
    part = x.detach().resolve_conj().resolve_neg()
    for dim, (first, length) in enumerate(zip(block["start"], block["size"], strict=True)):
        part = part.narrow(dim, first, length)
    shown = numbers(block)
    if block["kind"] == "text":
        return shown.reshape(-1).tolist() == part.reshape(-1).tolist()
    wide = {"bool": torch.bool}.get(block["kind"], torch.from_numpy(shown.copy()).dtype)
    back = torch.from_numpy(shown.copy()).to(wide).to(part.dtype)
    return (
        torch.equal(torch.nan_to_num(back, nan=12345.0), torch.nan_to_num(part.cpu(), nan=12345.0))
        if (part.is_floating_point() and part.element_size() > 1)
        else bool((back == part.cpu()).all())
    )
