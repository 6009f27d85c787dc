"""`dlviz.tensor`: one tensor, its grid above its storage, every index a walk along the strides."""

from math import prod
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import binary
from dlviz.tensors.base_widget import TensorsWidget
from dlviz.tensors.record import Facts, facts
from dlviz.tensors.scene import EXPORTED, LIVE, held, tensor_scene
from dlviz.tensors.still import Page, Scroll, Sheet, draw
from dlviz.tensors.storage import tape
from dlviz.torchkit.tensor_blocks import Block, block_window, read_block, read_sparse_block


class TensorView(TensorsWidget[Tensor]):
    """The picture of one tensor. Clicking a cell, or a step of the player, walks from the offset to the element.

    Attributes:
        facts: shape, stride, offset, dtype, device and the rest, as data.
        step: 0, or 1 + the row-major number of the element that is shown; :attr:`index` is the same as an index.
        origin: the index of the first element shown, where the tensor is larger than the picture.
        held: the numbers that the browser has.
    """

    _view = Path(__file__).with_name("view") / "index.js"

    held = traitlets.Dict(help="the numbers that the browser has").tag(sync=True)
    origin = traitlets.List(traitlets.Int(min=0), help="index of the first element shown").tag(sync=True)

    def __init__(self, x: Tensor, name: str, **traits: Any) -> None:
        self.facts: Facts = facts(x, name)
        origin = tuple(traits.pop("origin", None) or (0,) * len(self.facts.shape))
        self._check_origin(origin)
        index = traits.pop("index", None)
        if index is not None:
            traits["step"] = self._step_of(index)
        # An alias shares the storage and keeps no graph alive.
        super().__init__(
            x.detach(),
            scene=binary(tensor_scene(x, self.facts)),
            held=binary(held(x, self.facts, origin, LIVE)),
            origin=list(origin),
            **traits,
        )
        self.observe(self._move, "origin")

    @property
    def index(self) -> tuple[int, ...] | None:
        """The index of the element that is shown, or ``None``; it can be set."""
        if self.step == 0:
            return None
        left, found = self.step - 1, []
        for size in reversed(self.facts.shape):
            found.append(left % size)
            left //= size
        return tuple(reversed(found))

    @index.setter
    def index(self, value: tuple[int, ...] | None) -> None:
        self.step = 0 if value is None else self._step_of(value)

    def refresh(self) -> None:
        """Read the tensor again, after it was written to.

        Raises:
            DlvizError: the widget has been closed.
        """
        with self.hold_sync():
            self.scene = binary(tensor_scene(self.data, self.facts))
            self.held = binary(held(self.data, self.facts, tuple(self.origin), LIVE))

    def _step_of(self, index: Any) -> int:
        index = tuple(index) if isinstance(index, (tuple, list)) else (index,)
        shape = self.facts.shape
        fits = len(index) == len(shape) and all(
            isinstance(i, int) and -n <= i < n for i, n in zip(index, shape, strict=False)
        )
        if not fits:
            raise DlvizError(message("tensors.refused.index", got=index, shape=shape))
        return 1 + sum((i % n) * prod(shape[d + 1 :]) for d, (i, n) in enumerate(zip(index, shape, strict=True)))

    def _check_origin(self, origin: tuple[int, ...]) -> None:
        if len(origin) != len(self.facts.shape):
            raise DlvizError(message("tensors.refused.origin", got=origin, shape=self.facts.shape))

    def _move(self, _: Any) -> None:
        if self._data is not None:
            self._check_origin(tuple(self.origin))
            found = held(self._data, self.facts, tuple(self.origin), LIVE)
            if list(found["block"]["start"]) != self.held["block"]["start"]:
                self.held = binary(found)

    def _describe(self) -> str:
        about = self.facts
        return message("tensors.repr", name=about.name, shape=about.shape, dtype=about.dtype, device=about.device)

    def _page_state(self) -> dict[str, Any]:
        traits = super()._page_state()
        if self._data is not None:
            traits["held"] = binary(held(self._data, self.facts, tuple(self.origin), EXPORTED))
        return traits

    def _still(self) -> str:
        about, x = self.facts, self.data
        scrolls = []
        if about.storage is not None and 0 < about.storage <= 48 and not x.is_quantized:
            scrolls = [Scroll(message("tensors.tape.title"), read_block(tape(x)), _reached(about))]
        title = f"{about.name} {about.shape}" + (f" stride {about.stride}" if about.stride else "")
        page = Page([[Sheet(title, _block(x, about, tuple(self.origin)))]], scrolls)
        for note in self.scene["notes"]:
            page.lines.append((note["text"][:110], "bad" if note["kind"] == "bad" else "ink-2"))
        return draw(message("tensors.tensor.name"), self.scene["signature"], self.scene["summary"], page, self._colors)


def tensor(x: Tensor, *, name: str | None = None, **traits: Any) -> TensorView:
    """Look into a tensor: its numbers as a grid, its storage below, and how an index finds its element.

    Every dtype, any number of dimensions, every device. A large tensor is shown through a window of 16 × 16 that the learner moves,
    with a coarse map, extremes and a histogram computed where the tensor lives; only what is shown leaves it. Of sparse and meta
    tensors is shown what there is.

    Args:
        x: the tensor.
        name: what to call it; by default your variable's name.
        traits: ``index`` (the element to point at), ``origin`` (first index of the window), ``theme``, ``speed`` and the other traits of
            :class:`TensorView`.

    Returns:
        The widget; ``.facts`` holds shape, stride and the rest, ``.index`` the element pointed at.

    Raises:
        DlvizError: `x` is not a tensor, or `index` or `origin` does not fit its shape.
        TypeError: an argument that it does not take.

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
    if not isinstance(x, Tensor):
        raise DlvizError(message("tensors.refused.operand", caller="tensor", name="x", got=type(x).__name__))
    return TensorView(x, name or name_of(x, scope(), "tensor"), **traits)


def _block(x: Tensor, about: Facts, origin: tuple[int, ...]) -> Block:
    """The block that a still picture shows."""
    if about.layout != "strided":
        return read_sparse_block(x, LIVE * LIVE) or Block(about.shape, (), (0,), "none", b"")
    return read_block(x, *block_window(about.shape, origin, LIVE))


def _reached(about: Facts) -> frozenset[int]:
    """The places in storage that `x` reaches."""
    assert about.stride is not None
    assert about.offset is not None
    places = {about.offset}
    for size, step in zip(about.shape, about.stride, strict=True):
        places = {place + i * step for place in places for i in range(size)}
    return frozenset(places)
