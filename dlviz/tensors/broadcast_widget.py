"""`dlviz.broadcast`: right-aligned shapes, operands stretched along dimensions of size 1, and the result."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import DataWidget, binary
from dlviz.tensors.broadcasting import Broadcast, combine
from dlviz.tensors.record import check_strided
from dlviz.tensors.scene import crop_notes, opening_step, operand_names, read_cropped, tensor_payload
from dlviz.tensors.still import Layout, TensorGrid, draw
from dlviz.torchkit.array_data import check_data
from dlviz.torchkit.tensor_blocks import block_payload


class BroadcastView(DataWidget[Broadcast]):
    """Widget that shows an element-wise operation with broadcasting. One step of the player is one element of the result.

    Attributes:
        data: operands, aligned shapes and result.
        step: 0, or 1 + the row-major position of the selected element of the result.
        origin: which slice is drawn, if there are more dimensions than the picture can show.
    """

    _view = Path(__file__).with_name("view") / "broadcast.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "tensors"
    _function = "broadcast"

    origin = traitlets.List(traitlets.Int(min=0), help="which slice is drawn").tag(sync=True)

    def __init__(self, broadcast: Broadcast, names: list[str], op: str, infix: bool, **traits: Any) -> None:
        self._names, self._op, self._infix = names, op, infix
        super().__init__(broadcast, scene=binary(_scene(broadcast, names, op, infix)), **traits)

    @property
    def output(self) -> Tensor | None:
        """What torch computed; ``None`` if it refused."""
        return self.data.result

    def _describe(self) -> str:
        shapes, result = _shapes(self.data, self._op)
        return message("tensors.broadcast.repr", shapes=shapes, result=result)

    def _still(self) -> str:
        data = self.data
        row: list[TensorGrid | str] = []
        for i, x in enumerate(data.stretched or data.operands):
            if i:
                row.append(self._op if self._infix else ",")
            title = f"{self._names[i]} {tuple(data.operands[i].shape)}"
            stretched = _stretched_dims(data, i) if data.stretched else ()
            row.append(TensorGrid(title, read_cropped(x), stretched=stretched))
        lines = []
        if data.result is not None:
            row += ["=", TensorGrid(str(tuple(data.result.shape)), read_cropped(data.result))]
        else:
            lines.append((data.error[:110], "bad"))
        layout, summary = Layout([row], lines=lines), self.scene["summary"]
        return draw(message("tensors.broadcast.name"), self.scene["signature"], summary, layout, self._still_theme)


def broadcast(
    a: Any,
    b: Any,
    *more: Any,
    op: str | Callable[..., Tensor] = "+",
    names: Sequence[str] | None = None,
    origin: Sequence[int] = (),
    step: int | None = None,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> BroadcastView:
    """Show how torch stretches tensors of different shapes to combine them element by element.

    Shapes are right-aligned; a size of 1, or a missing dimension, is stretched with stride 0 without copying.

    Args:
        a, b, more: two or more operands: tensors, arrays, lists or numbers.
        op: an operator, ``+ - * / // % ** == != < <= > >= & | ^``, applied from left to right, or a function of all operands, such as
            ``torch.maximum``.
        names: the operands' names; by default your variables' names.
        origin: which slice is drawn, if there are more dimensions than the picture can show.
        step: 0, when nothing is computed, or 1 + the row-major position of the selected element of the result; by default one in the
            middle.
        theme: "auto", "light" or "dark".
        speed: the player's speed.
        traits: other traits of :class:`BroadcastView`.

    Returns:
        The widget; ``.output`` is what torch computed. Sizes that do not fit are marked beside torch's message.

    Raises:
        DlvizError: an operand is neither a tensor nor a number, or `op` is unknown.

    Example:
        >>> import torch, dlviz
        >>> column, row = torch.tensor([[0], [10]]), torch.tensor([1, 2, 3])
        >>> dlviz.broadcast(column, row)
        dlviz.broadcast((2, 1) + (3,) -> (2, 3))

    Source:
        https://docs.pytorch.org/docs/stable/notes/broadcasting.html
    """
    given = (a, b, *more)
    values = [_operand("ab"[i] if i < 2 else f"more[{i - 2}]", value) for i, value in enumerate(given)]
    shown_names = operand_names(given, names)
    text = op if isinstance(op, str) else str(getattr(op, "__name__", "op"))
    data = combine(values, op)
    if step is None:
        step = 0 if data.result is None else opening_step(tuple(data.result.shape))
    shown = {"origin": list(origin), "step": step, "theme": theme, "speed": speed}
    return BroadcastView(data, shown_names, text, isinstance(op, str), **shown, **traits)


def _operand(name: str, value: Any) -> Any:
    """Return a number as it is, since type promotion treats it differently from a tensor, and other data as a tensor."""
    if isinstance(value, (float, complex)) or (isinstance(value, int) and -(2**63) <= value < 2**63):
        return value
    if isinstance(value, int):
        raise DlvizError(message("tensors.refused.int", caller="broadcast", name=name))
    found = check_data(value, "tensors.refused.number", caller="broadcast", name=name)
    return check_strided("broadcast", name, found)


def _shapes(data: Broadcast, op: str) -> tuple[str, Any]:
    """Return the operands' shapes joined by `op`, and the result's shape."""
    shapes = f" {op} ".join(str(tuple(x.shape)) for x in data.operands)
    return shapes, message("tensors.broadcast.refused") if data.result is None else tuple(data.result.shape)


def _stretched_dims(data: Broadcast, i: int) -> tuple[int, ...]:
    """Return the dimensions of the result along which operand `i` is stretched."""
    pairs = zip(data.aligned[i], data.shape, strict=True)
    return tuple(d for d, (size, common) in enumerate(pairs) if size != common)


def _scene(data: Broadcast, names: list[str], op: str, infix: bool) -> dict[str, Any]:
    operands = []
    for i, (x, name) in enumerate(zip(data.operands, names, strict=True)):
        operand = tensor_payload(x, name)
        if data.stretched and data.result is not None:
            expanded = data.stretched[i]
            operand["block"] = block_payload(read_cropped(expanded))
            operand["metadata"]["stride"] = list(expanded.stride())
            operand["stretched"] = list(_stretched_dims(data, i))
        operands.append(operand)
    result_name = message("tensors.broadcast.result")
    result = None if data.result is None else tensor_payload(data.result, result_name)
    shapes, result_shape = _shapes(data, op)
    notes = [{"kind": "bad", "text": message("tensors.broadcast.torch", torch=data.error)}] if data.error else []
    notes += [{"kind": "bad", "text": _mismatch(data, names, dim)} for dim in data.mismatched_dims]
    if data.result is not None:
        notes += crop_notes({result_name: tuple(data.result.shape)})
    badge = ("bad", "tensors.broadcast.refused") if data.error else ("good", "tensors.badge.exact")
    return {
        "operands": operands,
        "result": result,
        "op": op,
        "infix": infix,
        "aligned": data.aligned,
        "shape": data.shape,
        "signature": message("tensors.broadcast.signature", shapes=shapes, result=result_shape),
        "badge": {"kind": badge[0], "text": message(badge[1])},
        "notes": notes,
        "summary": message("tensors.broadcast.summary", shapes=shapes, result=result_shape),
    }


def _mismatch(data: Broadcast, names: list[str], dim: int) -> str:
    sizes = ", ".join(
        f"{name} {row[dim]}" for name, row in zip(names, data.aligned, strict=True) if row[dim] not in (None, 1)
    )
    return message("tensors.broadcast.clash", dim=dim - len(data.shape), sizes=sizes)
