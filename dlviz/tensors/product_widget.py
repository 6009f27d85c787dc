"""`dlviz.matmul` and `dlviz.einsum`: the terms that are summed for every element of the result."""

from collections.abc import Sequence
from itertools import product
from math import isnan, prod
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import DataWidget, binary
from dlviz.tensors import contraction
from dlviz.tensors.contraction import Contraction, partial_sums
from dlviz.tensors.scene import (
    crop_notes,
    cropped_shape,
    opening_step,
    operand_names,
    read_cropped,
    tensor_payload,
)
from dlviz.tensors.still import Layout, TensorGrid, draw
from dlviz.torchkit.tensor_blocks import block_payload, read_block

#: Partial sums of outer products are drawn for products of up to this many terms in all.
MAX_PARTIAL_TERMS = 4096


class ProductView(DataWidget[Contraction]):
    """Widget that shows a matmul or einsum. One step of the player is one element, one outer product, or one column of the result.

    Attributes:
        data: operands, labels and result; ``.data.terms(index)`` lists the summed terms.
        order: "dot" (element by element), "outer" (sums of outer products) or "columns".
        batch: index of the drawn matrix in the batch.
        step: 0, when nothing is computed, or the number of steps taken.
    """

    _view = Path(__file__).with_name("view") / "product.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "tensors"

    order = traitlets.Unicode("dot", help="dot, outer or columns").tag(sync=True)
    batch = traitlets.List(traitlets.Int(min=0), help="index of the drawn matrix in the batch").tag(sync=True)

    def __init__(self, data: Contraction, names: Sequence[str], kind: str, equation: str, **traits: Any) -> None:
        self._names, self._kind, self._equation = names, kind, equation
        self._function = kind
        self._orders = _orders(data, kind)
        self._shape = tuple(data.result.shape)
        super().__init__(data, scene=binary(_scene(data, names, kind, equation, self._orders)), **traits)

    @property
    def output(self) -> Tensor:
        """What torch computed."""
        return self.data.result

    @traitlets.validate("order")
    def _validate_order(self, proposal: Any) -> str:
        order = proposal["value"]
        if order not in self._orders:
            known = ", ".join(self._orders)
            raise DlvizError(message("tensors.refused.order", kind=self._kind, got=repr(order), known=known))
        return str(order)

    @traitlets.validate("batch")
    def _validate_batch(self, proposal: Any) -> list[int]:
        batch, shape = proposal["value"], self._shape
        if len(batch) > len(shape) or any(i >= n for i, n in zip(batch, shape, strict=False)):
            raise DlvizError(message("tensors.refused.batch", kind=self._kind, got=batch, shape=shape))
        return list(batch)

    def _describe(self) -> str:
        values = {"shapes": _shapes(self.data.operands), "result": tuple(self.data.result.shape)}
        if self._kind == "matmul":
            return message("tensors.product.repr_matmul", **values)
        return message("tensors.product.repr_einsum", equation=self._equation, **values)

    def _still(self) -> str:
        data = self.data
        row: list[TensorGrid | str] = []
        for x, name in zip(data.operands, self._names, strict=True):
            column = self._kind == "matmul" and bool(row) and x.dim() == 1
            row += [TensorGrid(f"{name} {tuple(x.shape)}", read_cropped(x), column=column), "·"]
        row[-1] = "="
        row.append(TensorGrid(str(tuple(data.result.shape)), read_cropped(data.result)))
        return draw(self._kind, self.scene["signature"], self.scene["summary"], Layout([row]), self._still_theme)


def matmul(
    a: Any,
    b: Any,
    *,
    names: Sequence[str] | None = None,
    order: str = "dot",
    batch: Sequence[int] = (),
    step: int | None = None,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> ProductView:
    """Show a matrix product: element by element, as a sum of outer products, or column by column.

    Vectors and batches are treated exactly as :func:`torch.matmul` does.

    Args:
        a: (…, M, K), or (K,), a row: a tensor, an array or a list.
        b: (…, K, N), or (K,), a column. Batch dimensions broadcast.
        names: the operands' names; by default your variables' names.
        order: "dot", "outer" or "columns".
        batch: index of the drawn matrix in the batch.
        step: 0, when nothing is computed, or the number of steps taken; by default about half of them.
        theme: "auto", "light" or "dark".
        speed: the player's speed.
        traits: other traits of :class:`ProductView`.

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
    data = contraction.matmul(a, b)
    step = _opening_step(data, order) if step is None else step
    shown = {"order": order, "batch": list(batch), "step": step, "theme": theme, "speed": speed}
    return ProductView(data, operand_names((a, b), names), "matmul", "a @ b", **shown, **traits)


def einsum(
    equation: str,
    *operands: Any,
    names: Sequence[str] | None = None,
    batch: Sequence[int] = (),
    step: int | None = None,
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> ProductView:
    """Show an einsum: which letters are kept, which are summed over, and the terms of each element.

    Args:
        equation: as for :func:`torch.einsum`, such as ``"ij,jk->ik"``; ellipses, repeated letters and an implicit output are supported.
        operands: the tensors, arrays or lists.
        names, batch, step, theme, speed, traits: as for :func:`matmul`; an einsum has one order.

    Returns, Raises:
        As :func:`matmul`.

    Example:
        >>> import torch, dlviz
        >>> a = torch.arange(6).view(2, 3)
        >>> dlviz.einsum("ij->j", a).output
        tensor([3, 5, 7])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.einsum.html
    """
    data = contraction.einsum(equation, *operands)
    step = opening_step(tuple(data.result.shape)) if step is None else step
    shown = {"batch": list(batch), "step": step, "theme": theme, "speed": speed}
    return ProductView(data, operand_names(operands, names), "einsum", equation, **shown, **traits)


def _opening_step(data: Contraction, order: str) -> int:
    """Return the step of a matmul at which about half of its result is computed."""
    if order in ("outer", "columns"):
        return (data.terms_per_output + 1) // 2 if order == "outer" else (data.sizes.get("j", 0) + 1) // 2
    batch = sum(label.startswith("b") for label in data.output)
    return opening_step(tuple(data.result.shape[batch:]))


def _shapes(operands: Sequence[Tensor]) -> str:
    return ", ".join(str(tuple(x.shape)) for x in operands)


def _orders(data: Contraction, kind: str) -> list[str]:
    """Return the orders of computation that the player offers for these shapes."""
    if kind != "matmul" or data.result.is_meta:
        return ["dot"]
    rows, columns = "i" in data.output, "j" in data.output
    orders = ["dot"]
    shapes = [tuple(x.shape) for x in (*data.operands, data.result)]
    whole = all(cropped_shape(shape) == shape for shape in shapes)
    if rows and columns and whole and prod(data.sizes.values()) <= MAX_PARTIAL_TERMS:
        orders.append("outer")
    return [*orders, "columns"] if columns and data.terms_per_output else orders


def _scene(data: Contraction, names: Sequence[str], kind: str, equation: str, orders: list[str]) -> dict[str, Any]:
    operands = [
        # The right vector of a matmul stands upright, as the column that it is.
        {**tensor_payload(x, name), "labels": list(labels), "column": kind == "matmul" and i == 1 and x.dim() == 1}
        for i, (x, name, labels) in enumerate(zip(data.operands, names, data.labels, strict=True))
    ]
    result_name = message("tensors.product.result")
    result = {
        **tensor_payload(data.result, result_name),
        "labels": list(data.output),
        "column": kind == "matmul" and data.output == ("i",),
    }
    values = {"equation": equation, "shapes": _shapes(data.operands), "result": tuple(data.result.shape)}
    drawn = zip((*names, result_name), (*data.operands, data.result), strict=True)
    scene = {
        "kind": kind,
        "equation": equation,
        "operands": operands,
        "result": result,
        "summed": list(data.summed),
        "sizes": data.sizes,
        "terms": data.terms_per_output,
        "orders": orders,
        "signature": message("tensors.product.signature", **values),
        "badge": _badge(data),
        "notes": crop_notes({name: tuple(x.shape) for name, x in drawn}),
        "summary": message("tensors.product.summary", **values, terms=data.terms_per_output),
    }
    if "outer" in orders:
        scene["partial_sums"] = block_payload(read_block(_batched_partial_sums(data)))
    return scene


def _batched_partial_sums(data: Contraction) -> Tensor:
    """Return the partial sums of every matrix of the batch, (K, …, M, N)."""
    batch = tuple(data.result.shape[:-2])
    sums = [partial_sums(data, index) for index in product(*map(range, batch))]
    if not sums:
        return data.result.new_empty((data.terms_per_output, *data.result.shape))
    return torch.stack(sums, 1).unflatten(1, batch) if batch else sums[0]


def _badge(data: Contraction) -> dict[str, str]:
    error = data.max_error()
    if error is None:
        return {"kind": "", "text": message("tensors.badge.exact")}
    if error == 0:
        return {"kind": "good", "text": message("tensors.product.balanced")}
    if isnan(error):
        return {"kind": "bad", "text": message("tensors.product.not_finite")}
    return {"kind": "good", "text": message("tensors.product.within", off=f"{error:.1g}")}
