"""`dlviz.views`: several tensors over one storage, who shares it, what moved and what did not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from torch import Tensor

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import binary
from dlviz.tensors.base_widget import TensorsWidget
from dlviz.tensors.record import facts
from dlviz.tensors.scene import TAPE, crop_note, cropped, item
from dlviz.tensors.still import Page, Scroll, Sheet, draw
from dlviz.tensors.storage import groups, same_storage, tape
from dlviz.tensors.view_ops import Arranged, arrange
from dlviz.tensors.view_rules import broken_at
from dlviz.torchkit.tensor_blocks import block_payload, read_block


class ViewsView(TensorsWidget[tuple[Arranged, ...]]):
    """The picture of several tensors above the storage they lie in. Pointing at an element of one lights it in all.

    Attributes:
        active: which tensor is pointed at.
        step: 0, or 1 + the row-major number of the element of the active tensor.
    """

    _view = Path(__file__).with_name("view") / "views.js"

    active = traitlets.Int(0, min=0, help="which tensor is pointed at").tag(sync=True)

    def __init__(self, arranged: list[Arranged], **traits: Any) -> None:
        super().__init__(tuple(arranged), scene=binary(_scene(tuple(arranged))), **traits)

    @property
    def arranged(self) -> tuple[Arranged, ...]:
        """For each tensor what it is, whether it shares storage with the first, and why torch refused it, if it did."""
        return self.data

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors, ``None`` where torch refused."""
        return tuple(one.result for one in self.arranged)

    @property
    def shares(self) -> tuple[bool, ...]:
        """For each tensor whether it lies over the first one's storage."""
        return tuple(one.shares for one in self.arranged)

    def _describe(self) -> str:
        parts = []
        for one in self.arranged:
            key = "refused" if one.result is None else "shares" if one.shares else "copied"
            parts.append(f"{one.text} {message(f'tensors.views.{key}')}")
        return message("tensors.views.repr", parts=", ".join(parts))

    def _still(self) -> str:
        sheets: list[Sheet | str] = []
        lines = []
        for one in self.arranged:
            if one.result is None:
                lines.append((f"{one.text}: {one.error}"[:110], "bad"))
            else:
                about = facts(one.result, one.text)
                sheets.append(
                    Sheet(
                        f"{one.text} {about.shape} {about.stride or ''}", read_block(one.result, None, cropped(about.shape))
                    )
                )
        rows = [sheets[i : i + 3] for i in range(0, len(sheets), 3)]
        page = Page(
            rows,
            [
                Scroll(message("tensors.tape.of", name=title), read_block(tape(x)))
                for title, x in _tapes(self.arranged)
                if _small(x)
            ],
            lines,
        )
        return draw(message("tensors.views.name"), self.scene["signature"], self.scene["summary"], page, self._colors)


def views(x: Tensor, *others: str | Tensor, names: Mapping[str, Any] | None = None, **traits: Any) -> ViewsView:
    """Lay several tensors side by side above the storage they share.

    Args:
        x: the first tensor.
        others: expressions on it, such as ``"x.T"``, ``"x.view(3, 4)"``, ``"x[:, 1:]"``, ``"x.T.contiguous()"``, or tensors of yours.
            The first name in an expression stands for `x`; methods that arrange elements, and indexing, are accepted, and torch
            carries them out.
        names: what other names in the expressions mean; by default your variables.
        traits: ``active``, ``step``, ``theme``, ``speed`` and the other traits of :class:`ViewsView`.

    Returns:
        The widget. ``.tensors`` holds the tensors, ``.shares`` whether each lies over the first one's storage. Where torch refuses,
        the picture shows torch's message and, for ``view``, the strides that forbid it.

    Raises:
        DlvizError: `x` is not a tensor, or an expression holds what is not accepted.

    Example:
        >>> import torch, dlviz
        >>> x = torch.arange(6).view(2, 3)
        >>> dlviz.views(x, "x.T", "x.T.contiguous()", "x.T.view(6)").shares
        (True, True, False, False)

    Source:
        https://docs.pytorch.org/docs/stable/tensor_view.html
    """
    if not isinstance(x, Tensor):
        raise DlvizError(message("tensors.refused.operand", caller="views", name="x", got=type(x).__name__))
    here = scope()
    known = {**here, **(names or {})}
    first = name_of(x, known, "x")
    arranged = [Arranged(first, x.detach(), True)]
    for i, other in enumerate(others):
        if isinstance(other, Tensor):
            arranged.append(Arranged(name_of(other, known, f"others[{i}]"), other.detach(), same_storage(x, other)))
        else:
            arranged.append(arrange(x, other, known))
    return ViewsView(arranged, **traits)


def _small(x: Tensor) -> bool:
    return not x.is_meta and not x.is_quantized and 0 < (facts(x, "").storage or 0) <= TAPE


def _tapes(arranged: tuple[Arranged, ...]) -> list[tuple[str, Tensor]]:
    """Every storage once, by the name of the first tensor that lies in it."""
    tensors = [one.result for one in arranged if one.result is not None]
    titles = [one.text for one in arranged if one.result is not None]
    numbers = groups(tensors)
    return [(titles[numbers.index(n)], tensors[numbers.index(n)]) for n in range(max(numbers, default=-1) + 1)]


def _scene(arranged: tuple[Arranged, ...]) -> dict[str, Any]:
    made = [one.result for one in arranged if one.result is not None]
    numbers = iter(groups(made))
    items = [_refusal(one) if one.result is None else _item(one, one.result, next(numbers)) for one in arranged]
    tapes = []
    found = _tapes(arranged)
    for t, (title, x) in enumerate(found):
        about: dict[str, Any] = {"title": title, "stored": block_payload(read_block(tape(x))) if _small(x) else None}
        twin = next((s for s, (_, other) in enumerate(found[:t]) if same_storage(x, other)), None)
        if twin is not None:  # the same bytes, read as elements of another size
            about["same"] = twin
        tapes.append(about)
    shared = sum(one.shares for one in arranged)
    first = facts(made[0], arranged[0].text)
    return {
        "items": items,
        "tapes": tapes,
        "signature": message("tensors.views.signature", shared=shared, count=len(arranged)),
        "badge": {"kind": "good", "text": message("tensors.badge.exact")},
        "notes": crop_note({one.text: tuple(one.result.shape) for one in arranged if one.result is not None}),
        "summary": message(
            "tensors.views.summary",
            name=first.name,
            shape=first.shape,
            parts="; ".join(_sentence(one) for one in arranged[1:]),
        ),
    }


def _sentence(one: Arranged) -> str:
    key = "refused" if one.result is None else "shares" if one.shares else "copied"
    return f"{one.text}: {message(f'tensors.views.{key}')}"


def _item(one: Arranged, x: Tensor, number: int) -> dict[str, Any]:
    about = {**item(x, facts(x, one.text)), "tape": number, "shares": one.shares}
    if one.source is not None:
        part = one.source[tuple(slice(size) for size in cropped(tuple(x.shape)))]
        about["source"] = part.reshape(-1).numpy().astype(np.int32)
    return about


def _refusal(one: Arranged) -> dict[str, Any]:
    """Why it cannot be, in our words beside torch's."""
    x, why, stride = one.refused_on, [], None
    if x is not None and facts(x, "").stride is not None and (one.faults or broken_at(x.shape, x.stride())):
        stride = list(x.stride())
    for d in one.faults:
        assert x is not None
        following = next(e for e in range(d + 1, x.dim()) if x.shape[e] != 1)
        step, size, inner = x.stride(d), x.shape[following], x.stride(following)
        why.append(
            message(
                "tensors.views.why", dim=d, following=following, step=step, size=size, inner=inner, run=size * inner
            )
        )
    if one.faults:
        why.append(message("tensors.views.instead"))
    return {
        "text": one.text,
        "facts": {"name": one.text, "shape": []},
        "error": one.error,
        "why": why,
        "stride": stride,
    }
