"""`dlviz.matmul` and `dlviz.einsum`: which row meets which column, and the terms of every element of the result."""

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import binary
from dlviz.tensors import contraction
from dlviz.tensors.base_widget import TensorsWidget
from dlviz.tensors.contraction import Contraction, partial_sums
from dlviz.tensors.record import facts
from dlviz.tensors.scene import crop_note, cropped, item
from dlviz.tensors.still import Page, Sheet, draw
from dlviz.torchkit.tensor_blocks import block_payload, read_block

#: The sums on the way are drawn for products of up to this many terms in all.
PARTIAL = 4096


class ProductView(TensorsWidget[Contraction]):
    """The picture of a product that sums. A step of the player is one element, one outer product, or one column of the result.

    Attributes:
        data: operands, labels and result; ``.data.terms(index)`` lists what is summed.
        order: "dot" (element by element), "outer" (sums of outer products) or "columns".
        batch: which matrix of a batch, or which slice of a large result, is drawn.
        step: 0, or how far the player has come.
    """

    _view = Path(__file__).with_name("view") / "product.js"

    order = traitlets.Unicode("dot", help="dot, outer or columns").tag(sync=True)
    batch = traitlets.List(traitlets.Int(min=0), help="which matrix of a batch is drawn").tag(sync=True)

    def __init__(self, made: Contraction, names: Sequence[str], kind: str, equation: str, **traits: Any) -> None:
        self._names, self._kind, self._equation = names, kind, equation
        self._orders = _orders(made, kind)
        self._shape = tuple(made.result.shape)
        super().__init__(made, scene=binary(_scene(made, names, kind, equation, self._orders)), **traits)

    @property
    def output(self) -> Tensor:
        """What torch computed."""
        return self.data.result

    @traitlets.validate("order")
    def _known_order(self, proposal: Any) -> str:
        if proposal["value"] not in self._orders:
            known = ", ".join(self._orders)
            raise DlvizError(
                message("tensors.refused.order", kind=self._kind, got=repr(proposal["value"]), known=known)
            )
        return str(proposal["value"])

    @traitlets.validate("batch")
    def _known_batch(self, proposal: Any) -> list[int]:
        shape = self._shape
        if len(proposal["value"]) > len(shape) or any(i >= n for i, n in zip(proposal["value"], shape, strict=False)):
            raise DlvizError(message("tensors.refused.batch", kind=self._kind, got=proposal["value"], shape=shape))
        return list(proposal["value"])

    def _describe(self) -> str:
        shapes = ", ".join(str(tuple(x.shape)) for x in self.data.operands)
        result = tuple(self.data.result.shape)
        if self._kind == "matmul":
            return message("tensors.product.repr_matmul", shapes=shapes, result=result)
        return message("tensors.product.repr_einsum", equation=self._equation, shapes=shapes, result=result)

    def _still(self) -> str:
        made = self.data
        row: list[Sheet | str] = []
        for x, name in zip(made.operands, self._names, strict=True):
            column = self._kind == "matmul" and bool(row) and x.dim() == 1
            row += [Sheet(f"{name} {tuple(x.shape)}", read_block(x, None, cropped(tuple(x.shape))), column=column), "·"]
        row[-1] = "="
        row.append(Sheet(str(tuple(made.result.shape)), read_block(made.result, None, cropped(tuple(made.result.shape)))))
        return draw(self._kind, self.scene["signature"], self.scene["summary"], Page([row]), self._colors)


def matmul(a: Tensor, b: Tensor, *, names: Sequence[str] | None = None, **traits: Any) -> ProductView:
    """Watch a matrix product: element by element, as a sum of outer products, or column by column.

    Vectors and batches are treated exactly as :func:`torch.matmul` does.

    Args:
        a: (…, M, K), or (K,), a row.
        b: (…, K, N), or (K,), a column. Batch dimensions broadcast.
        names: what to call the two; by default your variables' names.
        traits: ``order`` ("dot", "outer" or "columns"), ``batch``, ``step``, ``theme``, ``speed`` and the other
            traits of :class:`ProductView`.

    Returns:
        The widget; ``.output`` is what torch computed.

    Raises:
        DlvizError: torch refuses, with its message, or an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> view = dlviz.matmul(torch.tensor([[1, 2], [3, 4]]), torch.tensor([5, 6]))
        >>> view
        dlviz.matmul((2, 2), (2,) -> (2,))
        >>> view.output
        tensor([17, 39])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.matmul.html
    """
    made = contraction.matmul(a, b)
    return ProductView(made, _names((a, b), names), "matmul", "a @ b", **traits)


def einsum(equation: str, *operands: Tensor, names: Sequence[str] | None = None, **traits: Any) -> ProductView:
    """Watch an einsum: which letters are kept, which are summed over, and the terms of each element.

    Args:
        equation: as for :func:`torch.einsum`, such as ``"ij,jk->ik"``; ellipses, repeated letters and an implicit result are understood.
        operands: the tensors.
        names: what to call them; by default your variables' names.
        traits: ``step``, ``batch``, ``theme``, ``speed`` and the other traits of :class:`ProductView`.

    Returns:
        The widget; ``.output`` is what torch computed.

    Raises:
        DlvizError: torch refuses, with its message, or an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> a = torch.arange(6).view(2, 3)
        >>> dlviz.einsum("ij->j", a).output
        tensor([3, 5, 7])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.einsum.html
    """
    made = contraction.einsum(equation, *operands)
    return ProductView(made, _names(operands, names), "einsum", equation, **traits)


def _names(operands: Sequence[Tensor], names: Sequence[str] | None) -> list[str]:
    if names is not None:
        if len(names) != len(operands):
            raise DlvizError(message("tensors.refused.names", got=len(names), count=len(operands)))
        return [str(name) for name in names]
    known = scope()
    return [name_of(x, known, chr(ord("a") + i % 26)) for i, x in enumerate(operands)]


def _orders(made: Contraction, kind: str) -> list[str]:
    if kind != "matmul" or made.result.is_meta:
        return ["dot"]
    rows, columns = "i" in made.output, "j" in made.output
    orders = ["dot"]
    shapes = [tuple(x.shape) for x in (*made.operands, made.result)]
    if rows and columns and prod(made.sizes.values()) <= PARTIAL and all(cropped(shape) == shape for shape in shapes):
        orders.append("outer")
    return [*orders, "columns"] if columns and made.terms_each else orders


def _scene(made: Contraction, names: Sequence[str], kind: str, equation: str, orders: list[str]) -> dict[str, Any]:
    operands = []
    for i, (x, name, labels) in enumerate(zip(made.operands, names, made.labels, strict=True)):
        operands.append(
            {**item(x, facts(x, name)), "labels": list(labels), "column": kind == "matmul" and i == 1 and x.dim() == 1}
        )
    end = message("tensors.product.result")
    result = {
        **item(made.result, facts(made.result, end)),
        "labels": list(made.output),
        "column": kind == "matmul" and made.output == ("i",),
    }
    shapes = ", ".join(str(tuple(x.shape)) for x in made.operands)
    scene = {
        "kind": kind,
        "equation": equation,
        "operands": operands,
        "result": result,
        "summed": list(made.summed),
        "sizes": made.sizes,
        "terms": made.terms_each,
        "orders": orders,
        "signature": message(
            "tensors.product.signature", equation=equation, shapes=shapes, result=tuple(made.result.shape)
        ),
        "badge": _badge(made),
        "notes": crop_note(
            {name: tuple(x.shape) for name, x in zip((*names, end), (*made.operands, made.result), strict=True)}
        ),
        "summary": message(
            "tensors.product.summary",
            equation=equation,
            shapes=shapes,
            result=tuple(made.result.shape),
            terms=made.terms_each,
        ),
    }
    if "outer" in orders:
        scene["partial"] = block_payload(read_block(_partial(made)))
    return scene


def _partial(made: Contraction) -> Tensor:
    """(K, …, M, N): the sums on the way to every matrix of the batch."""
    batch = tuple(made.result.shape[:-2])
    if not batch:
        return partial_sums(made)
    count = prod(batch)
    found = []
    for flat in range(count):
        index: list[int] = []
        left = flat
        for size in reversed(batch):
            index.insert(0, left % size)
            left //= size
        found.append(partial_sums(made, tuple(index)))
    stacked = found[0].new_empty((found[0].shape[0], count, *found[0].shape[1:]))
    for flat, sums in enumerate(found):
        stacked[:, flat] = sums
    return stacked.reshape(found[0].shape[0], *batch, *found[0].shape[1:])


def _badge(made: Contraction) -> dict[str, str]:
    off = made.off()
    if off is None:
        return {"kind": "", "text": message("tensors.badge.exact")}
    if off == 0:
        return {"kind": "good", "text": message("tensors.product.balanced")}
    if off != off:
        return {"kind": "bad", "text": message("tensors.product.not_finite")}
    return {"kind": "good", "text": message("tensors.product.within", off=f"{off:.1g}")}
