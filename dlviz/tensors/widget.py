"""`dlviz.tensor`: one tensor as a grid above its storage, with the path from an index to its element."""

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type, is_integer
from dlviz.kit.widget import DataWidget, binary
from dlviz.tensors.record import TensorMetadata, flat_storage, tensor_metadata
from dlviz.tensors.scene import EXPORTED_SIZE, LIVE_SIZE, loaded_window, sparse_block, tensor_scene
from dlviz.tensors.still import Layout, StorageRow, TensorGrid, draw
from dlviz.torchkit.array_data import check_data
from dlviz.torchkit.tensor_blocks import block_window, read_block

#: A still picture shows storages of up to this many elements.
STILL_STORAGE = 48


class TensorView(DataWidget[Tensor]):
    """Widget that shows one tensor. Selecting a cell draws the path in storage from the offset to that element.

    Attributes:
        metadata: shape, stride, offset, dtype, device and the rest.
        step: 0, or 1 + the row-major position of the selected element; :attr:`index` is the same as an index.
        origin: the index of the first element shown, if the tensor is larger than the picture.
        loaded: the numbers that the browser has.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "tensors"
    _function = "tensor"

    loaded = traitlets.Dict(help="the numbers that the browser has").tag(sync=True)
    origin = traitlets.List(traitlets.Int(min=0), help="index of the first element shown").tag(sync=True)

    def __init__(self, x: Tensor, name: str, **traits: Any) -> None:
        self.metadata: TensorMetadata = tensor_metadata(x, name)
        origin = self._origin(traits.pop("origin", None))
        index = traits.pop("index", None)
        if index is not None:
            traits["step"] = self._step_of(index)
        # A detached alias shares the storage and keeps no graph alive.
        super().__init__(
            x.detach(),
            scene=binary(tensor_scene(x, self.metadata)),
            loaded=binary(loaded_window(x, self.metadata, origin, LIVE_SIZE)),
            origin=list(origin),
            **traits,
        )
        self.observe(self._move_window, "origin")

    @property
    def index(self) -> tuple[int, ...] | None:
        """The index of the selected element, or ``None``; it can be set."""
        if self.step == 0:
            return None
        rest, index = self.step - 1, []
        for size in reversed(self.metadata.shape):
            index.append(rest % size)
            rest //= size
        return tuple(reversed(index))

    @index.setter
    def index(self, value: tuple[int, ...] | None) -> None:
        self.step = 0 if value is None else self._step_of(value)

    def refresh(self) -> None:
        """Read the tensor again after it was modified.

        Raises:
            DlvizError: the widget has been closed.
        """
        with self.hold_sync():
            self.scene = binary(tensor_scene(self.data, self.metadata))
            self.loaded = binary(loaded_window(self.data, self.metadata, tuple(self.origin), LIVE_SIZE))

    def _step_of(self, index: Any) -> int:
        index = tuple(index) if isinstance(index, (tuple, list)) else (index,)
        shape = self.metadata.shape
        fits = len(index) == len(shape) and all(
            is_integer(i) and -n <= i < n for i, n in zip(index, shape, strict=False)
        )
        if not fits:
            raise DlvizError(message("tensors.refused.index", got=repr(index)[:80], shape=shape))
        return 1 + sum((i % n) * prod(shape[d + 1 :]) for d, (i, n) in enumerate(zip(index, shape, strict=True)))

    def _origin(self, origin: Any) -> tuple[int, ...]:
        """Return the first index of the window if it fits the shape; ``None`` is the origin."""
        shape = self.metadata.shape
        if origin is None:
            return (0,) * len(shape)
        listed = tuple(origin) if isinstance(origin, (list, tuple)) else ()
        if len(listed) != len(shape) or not all(is_integer(i) and i >= 0 for i in listed):
            raise DlvizError(message("tensors.refused.origin", got=repr(origin)[:80], shape=shape))
        return tuple(map(int, listed))

    def _move_window(self, _: Any) -> None:
        if not self._closed:
            self._origin(self.origin)
            loaded = loaded_window(self._data, self.metadata, tuple(self.origin), LIVE_SIZE)
            if list(loaded["block"]["start"]) != self.loaded["block"]["start"]:
                self.loaded = binary(loaded)

    def _describe(self) -> str:
        shown = self.metadata
        return message("tensors.repr", name=shown.name, shape=shown.shape, dtype=shown.dtype, device=shown.device)

    def _page_state(self) -> dict[str, Any]:
        state = super()._page_state()
        if not self._closed:
            state["loaded"] = binary(loaded_window(self._data, self.metadata, tuple(self.origin), EXPORTED_SIZE))
        return state

    def _still(self) -> str:
        metadata, x = self.metadata, self.data
        storages = []
        if metadata.storage_size is not None and 0 < metadata.storage_size <= STILL_STORAGE and not x.is_quantized:
            storages = [StorageRow(message("tensors.storage.title"), read_block(flat_storage(x)), metadata.addresses())]
        title = f"{metadata.name} {metadata.shape}" + (f" stride {metadata.stride}" if metadata.stride else "")
        if metadata.layout == "strided":
            block = read_block(x, *block_window(metadata.shape, tuple(self.origin), LIVE_SIZE))
        else:
            block = sparse_block(x, metadata)
        lines = [(note["text"][:110], "bad" if note["kind"] == "bad" else "ink-2") for note in self.scene["notes"]]
        layout = Layout([[TensorGrid(title, block)]], storages, lines)
        summary = self.scene["summary"]
        return draw(message("tensors.tensor.name"), self.scene["signature"], summary, layout, self._still_theme)


def tensor(
    x: Any,
    *,
    name: str | None = None,
    index: int | Sequence[int] | None = None,
    origin: Sequence[int] | None = None,
    step: int = 0,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> TensorView:
    """Show a tensor: its numbers as a grid, its storage below, and how an index finds its element.

    Every dtype, device and number of dimensions is accepted. A large tensor is shown through a movable window of 16 × 16, with a minimap,
    extremes and a histogram computed on its own device; only what is shown leaves the device. Sparse and meta tensors show what they have.

    Args:
        x: the tensor; or an array, a pandas column, a list of numbers.
        name: the name shown; by default your variable's name.
        index: the selected element.
        origin: first index of the window.
        step: 0, or 1 + the row-major position of the selected element.
        theme: "auto", "light" or "dark".
        speed: the player's speed.
        traits: other traits of :class:`TensorView`.

    Returns:
        The widget; ``.metadata`` holds shape, stride and the rest, ``.index`` the selected element.

    Raises:
        DlvizError: `x` is not a tensor, or `index` or `origin` does not fit its shape.
        TypeError: an unknown argument.

    Example:
        >>> import torch, dlviz
        >>> x = torch.arange(12).view(3, 4)
        >>> dlviz.tensor(x.T, name="x.T")
        dlviz.tensor(x.T: (4, 3) int64 on cpu)
        >>> dlviz.tensor(x, index=(1, 2)).step
        7

    Source:
        https://docs.pytorch.org/docs/stable/tensor_view.html
    """
    if name is not None:
        check_type(name, str, "tensors.refused.label")
    shown = name or name_of(x, scope(), "tensor")
    found = check_data(x, "tensors.refused.operand", caller="tensor", name="x")
    place = {} if index is None else {"index": index}
    return TensorView(found, shown, origin=origin, step=step, theme=theme, speed=speed, **place, **traits)
