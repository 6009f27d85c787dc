"""`dlviz.views`: several tensors above their storages, to see which share one and what was copied."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from torch import Tensor

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.messages import message
from dlviz.kit.widget import DataWidget, binary
from dlviz.tensors.record import check_not_nested, flat_storage, has_storage, same_storage, storage_ids, tensor_metadata
from dlviz.tensors.scene import (
    MAX_STORAGE,
    crop_notes,
    cropped_shape,
    known_names,
    opening_step,
    read_cropped,
    tensor_payload,
)
from dlviz.tensors.still import Layout, StorageRow, TensorGrid, draw
from dlviz.tensors.view_ops import ViewResult, evaluate_views, noncontiguous_dims
from dlviz.torchkit.array_data import check_data
from dlviz.torchkit.tensor_blocks import block_payload, read_block


class SharedStorageView(DataWidget[tuple[ViewResult, ...]]):
    """Widget that shows several tensors above their storages. Selecting an element highlights it in every tensor that shares it.

    Attributes:
        active: index of the tensor in which an element is selected.
        step: 0, or 1 + the row-major position of the selected element in the active tensor.
    """

    _view = Path(__file__).with_name("view") / "views.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "tensors"
    _function = "views"

    active = traitlets.Int(0, min=0, help="index of the tensor in which an element is selected").tag(sync=True)

    def __init__(self, results: list[ViewResult], **traits: Any) -> None:
        super().__init__(tuple(results), scene=binary(_scene(tuple(results))), **traits)

    @property
    def results(self) -> tuple[ViewResult, ...]:
        """For each tensor its value, whether it shares storage with the first, and torch's error message if it was refused."""
        return self.data

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors, ``None`` where torch refused."""
        return tuple(result.result for result in self.results)

    @property
    def shares_storage(self) -> tuple[bool, ...]:
        """For each tensor whether it uses the first one's storage."""
        return tuple(result.shares_storage for result in self.results)

    def _describe(self) -> str:
        parts = [f"{result.text} {_status(result)}" for result in self.results]
        return message("tensors.views.repr", parts=", ".join(parts))

    def _still(self) -> str:
        grids: list[TensorGrid | str] = []
        lines = []
        for result in self.results:
            if result.result is None:
                lines.append((f"{result.text}: {result.error}"[:110], "bad"))
            else:
                metadata = tensor_metadata(result.result, result.text)
                title = f"{metadata.name} {metadata.shape} {metadata.stride or ''}"
                grids.append(TensorGrid(title, read_cropped(result.result)))
        storages = [
            StorageRow(message("tensors.storage.of", name=title), read_block(flat_storage(x)))
            for title, x in _storages(self.results)
            if _is_drawn_whole(x)
        ]
        layout = Layout([grids[i : i + 3] for i in range(0, len(grids), 3)], storages, lines)
        summary = self.scene["summary"]
        return draw(message("tensors.views.name"), self.scene["signature"], summary, layout, self._still_theme)


def views(
    x: Any,
    *others: Any,
    names: Mapping[str, Any] | None = None,
    active: int = 0,
    step: int | None = None,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> SharedStorageView:
    """Show several tensors side by side above the storage they share.

    Args:
        x: the first tensor; an array or a list of numbers is read as one.
        others: expressions on it, such as ``"x.T"``, ``"x.view(3, 4)"``, ``"x[:, 1:]"``, ``"x.T.contiguous()"``, or other tensors.
            The first name in an expression stands for `x`; view methods, copies and indexing are accepted, and torch evaluates them.
        names: values of other names in the expressions; by default your variables.
        active: index of the tensor in which an element is selected.
        step: 0, or 1 + the row-major position of the selected element; by default one of the first tensor.
        theme: "auto", "light" or "dark".
        speed: the player's speed.
        traits: other traits of :class:`SharedStorageView`.

    Returns:
        The widget. ``.tensors`` holds the tensors, ``.shares_storage`` whether each uses the first one's storage. If torch refuses an
        expression, the picture shows torch's message and, for ``view``, the strides that forbid it.

    Raises:
        DlvizError: `x` is not a tensor, or an expression contains something else.

    Example:
        >>> import torch, dlviz
        >>> x = torch.arange(6).view(2, 3)
        >>> dlviz.views(x, "x.T", "x.T.contiguous()", "x.T.view(6)").shares_storage
        (True, True, False, False)

    Source:
        https://docs.pytorch.org/docs/stable/tensor_view.html
    """
    known = {**scope(), **known_names("views", names)}
    first = check_not_nested("views", "x", check_data(x, "tensors.refused.operand", caller="views", name="x")).detach()
    results = [ViewResult(name_of(x, known, "x"), first, True)]
    for i, other in enumerate(others):
        if isinstance(other, str):
            results.append(evaluate_views(first, other, known))
        else:
            name = name_of(other, known, f"others[{i}]")
            found = check_data(other, "tensors.refused.other", caller="views", name=f"others[{i}]").detach()
            check_not_nested("views", f"others[{i}]", found)
            results.append(ViewResult(name, found, same_storage(first, found)))
    if step is None:
        step = opening_step(tuple(first.shape)) if active == 0 and has_storage(first) else 0
    return SharedStorageView(results, active=active, step=step, theme=theme, speed=speed, **traits)


def _is_drawn_whole(x: Tensor) -> bool:
    size = tensor_metadata(x, "").storage_size or 0
    return not x.is_meta and not x.is_quantized and 0 < size <= MAX_STORAGE


def _storages(results: tuple[ViewResult, ...]) -> list[tuple[str, Tensor]]:
    """Return every storage once: the name of the first tensor in it, and that tensor."""
    tensors = [(result.text, result.result) for result in results if result.result is not None]
    ids = storage_ids([x for _, x in tensors])
    return [tensors[ids.index(i)] for i in range(max(ids, default=-1) + 1)]


def _scene(results: tuple[ViewResult, ...]) -> dict[str, Any]:
    tensors = {result.text: result.result for result in results if result.result is not None}
    ids = iter(storage_ids([result.result for result in results if result.result is not None]))
    items = [
        _refusal_payload(result) if result.result is None else _item(result, result.result, next(ids))
        for result in results
    ]
    storages: list[dict[str, Any]] = []
    found = _storages(results)
    for i, (title, x) in enumerate(found):
        values = block_payload(read_block(flat_storage(x))) if _is_drawn_whole(x) else None
        storage: dict[str, Any] = {"title": title, "values": values}
        same = next((j for j, (_, other) in enumerate(found[:i]) if same_storage(x, other)), None)
        if same is not None:  # the same bytes, read as elements of another size
            storage["same_bytes"] = same
        storages.append(storage)
    first = results[0]
    assert first.result is not None
    return {
        "items": items,
        "storages": storages,
        "signature": message(
            "tensors.views.signature", shared=sum(result.shares_storage for result in results), count=len(results)
        ),
        "badge": {"kind": "good", "text": message("tensors.badge.exact")},
        "notes": crop_notes({name: tuple(x.shape) for name, x in tensors.items()}),
        "summary": message(
            "tensors.views.summary",
            name=first.text,
            shape=tensor_metadata(first.result, first.text).shape,
            parts="; ".join(f"{result.text}: {_status(result)}" for result in results[1:]),
        ),
    }


def _status(result: ViewResult) -> str:
    key = "refused" if result.result is None else "shares" if result.shares_storage else "copied"
    return message(f"tensors.views.{key}")


def _item(result: ViewResult, x: Tensor, storage: int) -> dict[str, Any]:
    item = {**tensor_payload(x, result.text), "storage": storage, "shares_storage": result.shares_storage}
    if result.source is not None:
        source = result.source[tuple(slice(size) for size in cropped_shape(tuple(x.shape)))]
        item["source"] = source.reshape(-1).numpy().astype(np.int32)
    return item


def _refusal_payload(result: ViewResult) -> dict[str, Any]:
    """Explain a refusal beside torch's message, with the strides if they are the reason."""
    x, reasons = result.failed_input, []
    for d in result.blocking_dims:
        assert x is not None
        following = next(e for e in range(d + 1, x.dim()) if x.shape[e] != 1)
        size, inner = x.shape[following], x.stride(following)
        values = {"dim": d, "following": following, "step": x.stride(d), "size": size, "inner": inner}
        reasons.append(message("tensors.views.why", **values, run=size * inner))
    if reasons:
        reasons.append(message("tensors.views.instead"))
    stride = None
    if x is not None and has_storage(x) and noncontiguous_dims(x.shape, x.stride()):
        stride = list(x.stride())
    return {
        "text": result.text,
        "metadata": {"name": result.text, "shape": []},
        "error": result.error,
        "reasons": reasons,
        "stride": stride,
    }
