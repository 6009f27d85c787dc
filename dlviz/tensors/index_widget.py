"""`dlviz.index`: the elements that an index selects; the learner may predict the result's shape before it is shown."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.messages import message
from dlviz.kit.widget import DataWidget, binary
from dlviz.tensors.indexing import Selection, select
from dlviz.tensors.record import check_strided
from dlviz.tensors.scene import crop_notes, cropped_shape, known_names, read_cropped, tensor_payload
from dlviz.tensors.still import Layout, TensorGrid, draw
from dlviz.torchkit.array_data import check_data


class IndexView(DataWidget[Selection]):
    """Widget that shows an indexing expression. The result stays hidden until the learner reveals it or :attr:`revealed` is set.

    Attributes:
        data: what was selected, and whether torch returned a view.
        prediction: the shape that the learner predicts, as text such as "(2, 3)", or "error".
        revealed: whether the result is shown.
        step: 0, or 1 + the row-major position of the selected element of the result.
        origin: which slice of the source is drawn.
    """

    _view = Path(__file__).with_name("view") / "indexing.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "tensors"
    _function = "index"

    prediction = traitlets.Unicode("", help="the shape that the learner predicts").tag(sync=True)
    revealed = traitlets.Bool(False, help="whether the result is shown").tag(sync=True)
    origin = traitlets.List(traitlets.Int(min=0), help="which slice is drawn").tag(sync=True)

    def __init__(self, selection: Selection, name: str, **traits: Any) -> None:
        self._name = name
        super().__init__(selection, scene=binary(_scene(selection, name)), **traits)

    @property
    def output(self) -> Tensor | None:
        """What torch returned; ``None`` if it refused."""
        return self.data.result

    def _describe(self) -> str:
        text, result = self.data.expression.text, self.data.result
        if not self.revealed:
            return message("tensors.index.repr_hidden", text=text)
        if result is None:
            return message("tensors.index.repr_refused", text=text)
        return message("tensors.index.repr", text=text, shape=tuple(result.shape), kind=_view_or_copy(self.data))

    def _still(self) -> str:
        selection = self.data
        selected = frozenset(np.flatnonzero(_selected_mask(selection)).tolist())
        title = f"{self._name} {tuple(selection.source.shape)}"
        row: list[TensorGrid | str] = [TensorGrid(title, read_cropped(selection.source), selected=selected)]
        lines = []
        if not self.revealed:
            lines.append((message("tensors.index.question"), "ink-2"))
        elif selection.result is None:
            lines.append((selection.error[:110], "bad"))
        else:
            row += ["→", TensorGrid(str(tuple(selection.result.shape)), read_cropped(selection.result))]
        layout, summary = Layout([row], lines=lines), self.scene["summary"]
        return draw(message("tensors.index.name"), self.scene["signature"], summary, layout, self._still_theme)


def index(
    x: Any,
    expression: str,
    *,
    names: Mapping[str, Any] | None = None,
    revealed: bool = False,
    prediction: str = "",
    step: int = 0,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> IndexView:
    """Show what an indexing expression selects, and let the learner predict the shape of the result first.

    Args:
        x: the tensor; or an array, a pandas column, a list of numbers.
        expression: such as ``"x[mask, ::2]"``, ``"x[[0, 2], 1]"``, ``"x[x > 0]"`` or ``"x.gather(1, i)"``. Its first name
            stands for `x`, others for your variables. torch evaluates it; only indexing is accepted.
        names: values of other names in the expression; by default your variables.
        revealed: whether the result is shown at once.
        prediction: the shape that the learner predicts, such as "(2, 3)".
        step: 0, or 1 + the row-major position of the selected element of the result.
        theme: "auto", "light" or "dark".
        speed: the player's speed.
        traits: other traits of :class:`IndexView`.

    Returns:
        The widget; ``.output`` is what torch returned, ``.data.shares_storage`` whether that is a view.

    Raises:
        DlvizError: `x` is not a tensor, or `expression` contains more than indexing.

    Example:
        >>> import torch, dlviz
        >>> x = torch.arange(12).view(3, 4)
        >>> dlviz.index(x, "x[1:, ::2]", revealed=True)
        dlviz.index(x[1:, ::2] -> (2, 2), a view)

    Source:
        https://docs.pytorch.org/docs/stable/tensor_view.html
    """
    known = {**scope(), **known_names("index", names)}
    found = check_strided("index", "x", check_data(x, "tensors.refused.operand", caller="index", name="x"))
    selection = select(found.detach(), expression, known)
    shown = {"revealed": revealed, "prediction": prediction, "step": step, "theme": theme, "speed": speed}
    return IndexView(selection, name_of(x, known, selection.expression.name), **shown, **traits)


def _view_or_copy(selection: Selection) -> str:
    return message("tensors.index.a_view" if selection.shares_storage else "tensors.index.a_copy")


def _selected_mask(selection: Selection) -> np.ndarray:
    """Return 1 for each drawn element of the source that was selected, row-major."""
    source, positions = selection.source, selection.positions
    size = cropped_shape(tuple(source.shape))
    if positions is None:
        return np.zeros(prod(size), np.uint8)
    mask = torch.zeros(source.shape, dtype=torch.uint8)
    mask.view(-1)[positions.reshape(-1)] = 1
    return mask[tuple(slice(n) for n in size)].reshape(-1).numpy()


def _scene(selection: Selection, name: str) -> dict[str, Any]:
    text, shape, positions = selection.expression.text, tuple(selection.source.shape), selection.positions
    source = tensor_payload(selection.source, name)
    result, description = None, ""
    notes = crop_notes({name: shape})
    if positions is not None:
        source["selected"] = _selected_mask(selection)
    if selection.result is not None:
        result = tensor_payload(selection.result, text)
        description = message(
            "tensors.index.description",
            kind=message(f"tensors.index.kind.{_kind(selection)}"),
            returned=_view_or_copy(selection),
        )
        if positions is not None:
            drawn = positions[tuple(slice(n) for n in cropped_shape(tuple(selection.result.shape)))]
            result["positions"] = drawn.reshape(-1).numpy().astype(np.int32)
        elif not selection.source.is_meta:
            notes.append({"kind": "", "text": message("tensors.index.large")})
    return {
        "text": text,
        "source": source,
        "result": result,
        "error": selection.error,
        "description": description,
        "signature": message("tensors.index.signature", text=text, shape=shape),
        "badge": {"kind": "good", "text": message("tensors.badge.exact")},
        "notes": notes,
        "summary": message("tensors.index.summary", text=text, name=name, shape=shape),
    }


def _kind(selection: Selection) -> str:
    return selection.kind if selection.kind in ("basic", "boolean", "integer") else "method"
