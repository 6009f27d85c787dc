"""`dlviz.index`: what an index picks, lit in the source; the result's shape is for the learner to predict first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import binary
from dlviz.tensors.base_widget import TensorsWidget
from dlviz.tensors.indexing import Selection, select
from dlviz.tensors.record import facts
from dlviz.tensors.scene import crop_note, cropped, item
from dlviz.tensors.still import Page, Sheet, draw
from dlviz.torchkit.tensor_blocks import read_block


class IndexView(TensorsWidget[Selection]):
    """The picture of an indexing expression. The result stays hidden until the learner asks, or :attr:`revealed` is set.

    Attributes:
        data: what was picked, and whether torch handed back a view.
        guess: the shape that the learner predicts, as text such as "(2, 3)", or "error".
        revealed: whether the result is shown.
        step: 0, or 1 + the row-major number of the element of the result that is shown.
        origin: which slice of the source is drawn.
    """

    _view = Path(__file__).with_name("view") / "indexing.js"

    guess = traitlets.Unicode("", help="the learner's prediction").tag(sync=True)
    revealed = traitlets.Bool(False, help="whether the result is shown").tag(sync=True)
    origin = traitlets.List(traitlets.Int(min=0), help="which slice is drawn").tag(sync=True)

    def __init__(self, selection: Selection, name: str, **traits: Any) -> None:
        self._name = name
        super().__init__(selection, scene=binary(_scene(selection, name)), **traits)

    @property
    def output(self) -> Tensor | None:
        """What torch returned; ``None`` where it refused."""
        return self.data.result

    def _describe(self) -> str:
        text, found = self.data.expression.text, self.data.result
        if not self.revealed:
            return message("tensors.index.repr_hidden", text=text)
        if found is None:
            return message("tensors.index.repr_refused", text=text)
        return message("tensors.index.repr", text=text, shape=tuple(found.shape), kind=_handed(self.data))

    def _still(self) -> str:
        chosen = self.data
        lit = frozenset(np.flatnonzero(_lit(chosen, cropped(tuple(chosen.source.shape)))).tolist())
        row: list[Sheet | str] = [
            Sheet(
                f"{self._name} {tuple(chosen.source.shape)}",
                read_block(chosen.source, None, cropped(tuple(chosen.source.shape))),
                lit=lit,
            )
        ]
        lines = []
        if not self.revealed:
            lines.append((message("tensors.index.question"), "ink-2"))
        elif chosen.result is None:
            lines.append((chosen.error[:110], "bad"))
        else:
            shape = tuple(chosen.result.shape)
            row += ["→", Sheet(str(shape), read_block(chosen.result, None, cropped(shape)))]
        return draw(
            message("tensors.index.name"),
            self.scene["signature"],
            self.scene["summary"],
            Page([row], lines=lines),
            self._colors,
        )


def index(x: Tensor, expression: str, *, names: Mapping[str, Any] | None = None, **traits: Any) -> IndexView:
    """See what an indexing expression picks, and predict the shape of the result before it is shown.

    Args:
        x: the tensor.
        expression: such as ``"x[mask, ::2]"``, ``"x[[0, 2], 1]"``, ``"x[x > 0]"`` or ``"x.gather(1, i)"``. Its first name
            stands for `x`, others for your variables. torch evaluates it; indexing is accepted and nothing else.
        names: what other names mean; by default your variables.
        traits: ``revealed``, ``guess``, ``step``, ``theme``, ``speed`` and the other traits of :class:`IndexView`.

    Returns:
        The widget; ``.output`` is what torch returned, ``.data.shares`` whether that is a view.

    Raises:
        DlvizError: `x` is not a tensor, or `expression` is more than indexing.

    Example:
        >>> import torch, dlviz
        >>> x = torch.arange(12).view(3, 4)
        >>> dlviz.index(x, "x[1:, ::2]", revealed=True)
        dlviz.index(x[1:, ::2] -> (2, 2), a view)

    Source:
        https://docs.pytorch.org/docs/stable/tensor_view.html
    """
    if not isinstance(x, Tensor):
        raise DlvizError(message("tensors.refused.operand", caller="index", name="x", got=type(x).__name__))
    known = {**scope(), **(names or {})}
    selection = select(x.detach(), expression, known)
    return IndexView(selection, name_of(x, known, selection.expression.name), **traits)


def _handed(chosen: Selection) -> str:
    return message("tensors.index.a_view" if chosen.shares else "tensors.index.a_copy")


def _lit(chosen: Selection, size: tuple[int, ...]) -> np.ndarray:
    """1 for each drawn element of the source that was picked."""
    drawn = torch.zeros(chosen.source.shape, dtype=torch.uint8) if chosen.positions is not None else torch.zeros(size)
    if chosen.positions is not None:
        drawn.view(-1)[chosen.positions.reshape(-1)] = 1
    return drawn[tuple(slice(n) for n in size)].reshape(-1).to(torch.uint8).numpy()


def _scene(chosen: Selection, name: str) -> dict[str, Any]:
    text, shape = chosen.expression.text, tuple(chosen.source.shape)
    source = item(chosen.source, facts(chosen.source, name))
    result = None
    notes = crop_note({name: shape})
    if chosen.positions is not None:
        source["lit"] = _lit(chosen, cropped(shape))
    if chosen.result is not None:
        found = tuple(chosen.result.shape)
        result = item(chosen.result, facts(chosen.result, text))
        if chosen.positions is not None:
            part = chosen.positions[tuple(slice(n) for n in cropped(found))]
            result["positions"] = part.reshape(-1).numpy().astype(np.int32)
        elif not chosen.source.is_meta:
            notes.append({"kind": "", "text": message("tensors.index.large")})
    about = (
        ""
        if chosen.result is None
        else message("tensors.index.about", kind=message(f"tensors.index.kind.{_kind(chosen)}"), handed=_handed(chosen))
    )
    return {
        "text": text,
        "source": source,
        "result": result,
        "error": chosen.error,
        "about": about,
        "signature": message("tensors.index.signature", text=text, shape=shape),
        "badge": {"kind": "good", "text": message("tensors.badge.exact")},
        "notes": notes,
        "summary": message("tensors.index.summary", text=text, name=name, shape=shape),
    }


def _kind(chosen: Selection) -> str:
    return chosen.kind if chosen.kind in ("basic", "boolean", "integer") else "method"
