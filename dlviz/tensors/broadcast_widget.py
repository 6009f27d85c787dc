"""`dlviz.broadcast`: shapes right-aligned, ghosts where a size of 1 is stretched, and the result."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import binary
from dlviz.tensors.base_widget import TensorsWidget
from dlviz.tensors.broadcasting import Broadcast, combine
from dlviz.tensors.record import facts
from dlviz.tensors.scene import crop_note, cropped, described, item
from dlviz.tensors.still import Page, Sheet, draw
from dlviz.tensors.storage import check_layout
from dlviz.torchkit.tensor_blocks import block_payload, read_block


class BroadcastView(TensorsWidget[Broadcast]):
    """The picture of an element-wise operation. A step of the player is one element of the result.

    Attributes:
        data: operands, aligned shapes and result.
        step: 0, or 1 + the row-major number of the element of the result that is shown.
        origin: which slice is drawn, where there are more dimensions than the picture has room for.
    """

    _view = Path(__file__).with_name("view") / "broadcast.js"

    origin = traitlets.List(traitlets.Int(min=0), help="which slice is drawn").tag(sync=True)

    def __init__(self, broadcast: Broadcast, names: list[str], op: str, infix: bool, **traits: Any) -> None:
        self._names, self._op, self._infix = names, op, infix
        super().__init__(broadcast, scene=binary(_scene(broadcast, names, op, infix)), **traits)

    @property
    def output(self) -> Tensor | None:
        """What torch computed; ``None`` where it refused."""
        return self.data.result

    def _describe(self) -> str:
        made = self.data
        shapes = f" {self._op} ".join(str(tuple(x.shape)) for x in made.operands)
        end = message("tensors.broadcast.refused") if made.result is None else tuple(made.result.shape)
        return message("tensors.broadcast.repr", shapes=shapes, result=end)

    def _still(self) -> str:
        made = self.data
        row: list[Sheet | str] = []
        drawn = made.stretched or made.operands
        for i, x in enumerate(drawn):
            if i:
                row.append(self._op if self._infix else ",")
            ghosts = _ghosts(made, i) if made.stretched else ()
            title = f"{self._names[i]} {tuple(made.operands[i].shape)}"
            row.append(Sheet(title, read_block(x, None, cropped(tuple(x.shape))), stretched=ghosts))
        lines = []
        if made.result is not None:
            row.append("=")
            row.append(Sheet(str(tuple(made.result.shape)), read_block(made.result, None, cropped(tuple(made.result.shape)))))
        else:
            lines.append((made.error[:110], "bad"))
        page = Page([row], lines=lines)
        return draw(
            message("tensors.broadcast.name"), self.scene["signature"], self.scene["summary"], page, self._colors
        )


def broadcast(
    a: Any, b: Any, *more: Any, op: str | Callable[..., Tensor] = "+", names: list[str] | None = None, **traits: Any
) -> BroadcastView:
    """Show how torch stretches tensors of different shapes to combine them element by element.

    Shapes are aligned at their right ends; a size of 1, or a missing dimension, is stretched with stride 0 and nothing is copied.

    Args:
        a, b, more: any number of operands, tensors or plain numbers.
        op: an operator, ``+ - * / // % ** == != < <= > >= & | ^``, applied from left to right, or a function that takes them all, such as
            ``torch.maximum``.
        names: what to call the operands; by default your variables' names.
        traits: ``step``, ``theme``, ``speed`` and the other traits of :class:`BroadcastView`.

    Returns:
        The widget; ``.output`` is what torch computed. Where sizes clash, they are marked, beside torch's message.

    Raises:
        DlvizError: an operand is neither a tensor nor a number, or `op` is not known.

    Example:
        >>> import torch, dlviz
        >>> column, row = torch.tensor([[0], [10]]), torch.tensor([1, 2, 3])
        >>> dlviz.broadcast(column, row)
        dlviz.broadcast((2, 1) + (3,) -> (2, 3))

    Source:
        https://docs.pytorch.org/docs/stable/notes/broadcasting.html
    """
    values = (a, b, *more)
    for i, value in enumerate(values):
        if not isinstance(value, (Tensor, int, float, complex)):
            place = "ab"[i] if i < 2 else f"more[{i - 2}]"
            raise DlvizError(
                message("tensors.refused.number", caller="broadcast", name=place, got=type(value).__name__)
            )
        if isinstance(value, Tensor):
            check_layout("broadcast", "ab"[i] if i < 2 else f"more[{i - 2}]", value)
    if names is not None and len(names) != len(values):
        raise DlvizError(message("tensors.refused.names", got=len(names), count=len(values)))
    known = scope()
    called = names or [name_of(v, known, _letter(i)) if isinstance(v, Tensor) else str(v) for i, v in enumerate(values)]
    text = op if isinstance(op, str) else getattr(op, "__name__", "op")
    return BroadcastView(combine(values, op), called, text, isinstance(op, str), **traits)


def _letter(i: int) -> str:
    return chr(ord("a") + i) if i < 26 else f"operand {i}"


def _ghosts(made: Broadcast, i: int) -> tuple[int, ...]:
    """The dimensions of the result along which operand `i` is stretched."""
    pairs = zip(made.aligned[i], made.shape, strict=True)
    return tuple(d for d, (size, common) in enumerate(pairs) if size != common)


def _scene(made: Broadcast, names: list[str], op: str, infix: bool) -> dict[str, Any]:
    operands = []
    for i, (x, name) in enumerate(zip(made.operands, names, strict=True)):
        about = {"facts": described(facts(x, name)), "block": item(x, facts(x, name))["block"]}
        if made.stretched and made.result is not None:
            wide = made.stretched[i]
            about["block"] = block_payload(read_block(wide, None, cropped(tuple(wide.shape))))
            about["facts"]["stride"] = list(wide.stride()) if about["facts"]["stride"] is not None else None
            about["stretched"] = list(_ghosts(made, i))
        operands.append(about)
    result = None if made.result is None else item(made.result, facts(made.result, message("tensors.broadcast.result")))
    shapes = f" {op} ".join(str(tuple(x.shape)) for x in made.operands)
    notes = [{"kind": "bad", "text": message("tensors.broadcast.torch", torch=made.error)}] if made.error else []
    notes += [{"kind": "bad", "text": _clash(made, names, dim)} for dim in made.clashes]
    if made.result is not None:
        notes += crop_note({message("tensors.broadcast.result"): tuple(made.result.shape)})
    end = message("tensors.broadcast.refused") if made.result is None else tuple(made.result.shape)
    return {
        "operands": operands,
        "result": result,
        "op": op,
        "infix": infix,
        "aligned": made.aligned,
        "shape": made.shape,
        "signature": message("tensors.broadcast.signature", shapes=shapes, result=end),
        "badge": {"kind": "bad", "text": message("tensors.broadcast.refused")}
        if made.error
        else {"kind": "good", "text": message("tensors.badge.exact")},
        "notes": notes,
        "summary": message("tensors.broadcast.summary", shapes=shapes, result=end),
    }


def _clash(made: Broadcast, names: list[str], dim: int) -> str:
    back = dim - len(made.shape)
    sizes = ", ".join(
        f"{name} {row[dim]}" for name, row in zip(names, made.aligned, strict=True) if row[dim] not in (None, 1)
    )
    return message("tensors.broadcast.clash", dim=back, sizes=sizes)
