"""Where tensors of a forward pass come from: from a product of queries and keys through scale and mask to softmax, written by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.recording.einsum_operands import MatrixProduct, matrix_product
from dlviz.transformer.recording.sdpa import with_heads

#: Functions that only arrange the numbers of a tensor anew.
ARRANGING = {
    "view",
    "reshape",
    "transpose",
    "permute",
    "flatten",
    "unflatten",
    "squeeze",
    "unsqueeze",
    "movedim",
    "moveaxis",
}
ARRANGING |= {
    "swapaxes",
    "swapdims",
    "T",
    "mT",
    "chunk",
    "split",
    "unbind",
    "tensor_split",
    "getitem",
    "select",
    "narrow",
}
#: Functions that keep every number where it is.
KEEPING = {
    "contiguous",
    "clone",
    "detach",
    "to",
    "float",
    "double",
    "half",
    "bfloat16",
    "type",
    "type_as",
    "nan_to_num",
}
PRODUCTS = {"matmul", "bmm", "mm", "baddbmm", "einsum"}

Function = Callable[..., Any]
Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]


@dataclass(frozen=True)
class Scaled:
    """Tag of a tensor that was multiplied by a number."""

    factor: float


@dataclass(frozen=True, eq=False)
class Scores:
    """Tag of scores: scale · left @ right, with a mask.

    Attributes:
        product: the queries (…, L, D) and the transposed keys.
        rows: for each row of the scores its index in the flattened rows of the product; the shape is that of the scores without the last.
        scale, prescale, mask, fill, mask_source: as in :class:`AttentionCall`; the mask broadcasts to the scores.
    """

    product: MatrixProduct
    rows: Tensor
    scale: float = 1.0
    prescale: float = 1.0
    mask: Tensor | None = None
    fill: float = -torch.inf
    mask_source: str = ""

    @property
    def shape(self) -> torch.Size:
        """Shape of the scores."""
        return torch.Size([*self.rows.shape, self.product.right.shape[-1]])

    def arranged(self, function: Function, args: Arguments, kwargs: Keywords, output: Tensor) -> "Scores | None":
        """Return the tag after a function of :data:`ARRANGING`; ``None`` if rows are torn apart."""
        if not output.dim() or output.shape[-1] != self.shape[-1]:
            return None
        rows = arrange(function, self.rows[..., None].expand(self.shape), args, kwargs)
        if rows.stride(-1) and not torch.equal(rows, rows[..., :1].expand_as(rows)):
            return None
        mask = None if self.mask is None else arrange(function, self.mask.expand(self.shape), args, kwargs)
        return replace(self, rows=rows[..., 0], mask=mask)

    def broadcast(self, shape: torch.Size) -> "Scores | None":
        """Return the tag after an elementwise function that broadcast the scores to a shape."""
        if shape == self.shape:
            return self
        return replace(self, rows=self.rows.expand(shape[:-1])) if shape[-1] == self.shape[-1] else None

    def times(self, factor: float) -> "Scores":
        """Return the tag of the scores times a positive number."""
        mask = self.mask if self.mask is None or self.mask.dtype == torch.bool else self.mask * factor
        return replace(self, scale=self.scale * factor, mask=mask, fill=self.fill * factor)

    def plus(self, added: Tensor) -> "Scores":
        """Return the tag of the scores plus a tensor; one that adds the same to a whole row does not change softmax."""
        if not added.dim() or (added.shape[-1] == 1 and self.shape[-1] > 1):
            return self
        mask = added.clone() if self.mask is None else self._added_mask() + added
        return replace(self, mask=mask, mask_source=_joined(self.mask_source, "added"))

    def without(self, hidden: Tensor, fill: float) -> "Scores":
        """Return the tag of the scores with a number written where `hidden` is ``True``."""
        source = _joined(self.mask_source, "filled")
        if self.mask is None:
            return replace(self, mask=~hidden, fill=fill, mask_source=source)
        if self.mask.dtype == torch.bool and fill == self.fill:
            return replace(self, mask=self.mask & ~hidden, mask_source=source)
        return replace(self, mask=self._added_mask().masked_fill(hidden, fill), mask_source=source)

    def _added_mask(self) -> Tensor:
        assert self.mask is not None
        if self.mask.dtype != torch.bool:
            return self.mask
        zeros = torch.zeros(self.mask.shape, dtype=self.product.left.dtype, device=self.mask.device)
        return zeros.masked_fill(~self.mask, self.fill)


@dataclass(frozen=True, eq=False)
class Exponentials:
    """Tag of the exponentials of scores, of which a softmax written out is made, or of their sums.

    Attributes:
        scores: what exp was applied to.
        summed: whether these are the sums over the keys.
    """

    scores: Scores
    summed: bool = False


@dataclass(frozen=True, eq=False)
class Weights:
    """Tag of attention weights: softmax of scores.

    Attributes:
        scores: what softmax was applied to.
        probs: the weights before dropout.
        dropout: probability with which they were dropped since.
        is_transposed: whether the tensor has the keys in its rows.
    """

    scores: Scores
    probs: Tensor
    dropout: float = 0.0
    is_transposed: bool = False


def scores_of(function: str, args: Arguments, kwargs: Keywords, prescale: float) -> Scores | None:
    """Return the tag of the result of one of :data:`PRODUCTS`, ``None`` if it multiplies no two matrices of activations."""
    scale, mask = 1.0, None
    if function == "einsum":
        found = einsum_product(args, None)
        if found is None or found.order != tuple(range(len(found.order))):
            return None
    else:
        if function == "baddbmm":
            scale = float(kwargs.get("alpha", 1))
            mask = args[0] * kwargs["beta"] if "beta" in kwargs else args[0]
            args = args[1:]
        pair = operands(args, kwargs)
        if pair is None:
            return None
        found = MatrixProduct(*pair, order=())
    if is_parameter(found.right) or scale <= 0:  # a layer written as a product, or the gate of a mixture of experts
        return None
    batch = torch.broadcast_shapes(found.left.shape[:-2], found.right.shape[:-2])
    rows = torch.Size([*batch, found.left.shape[-2]])
    made = Scores(found, torch.arange(rows.numel(), device=found.left.device).view(rows), scale, prescale)
    return made if mask is None or kwargs.get("beta") == 0 else made.plus(mask)


def attention_call(name: str, tag: Weights, found: MatrixProduct, output: Tensor) -> AttentionCall | None:
    """Return the call that ends in the product of weights and values; ``None`` if rows of several queries are mixed in it.

    Args:
        name: name of the call.
        tag: of the weights.
        found: the product of weights (…, L, S) and values (…, S, D_v).
        output: its result.
    """
    scores = tag.scores
    left, right = scores.product.left, scores.product.right.transpose(-2, -1)
    length, rows = left.shape[-2], scores.rows
    heads = output.permute([found.order.index(i) for i in range(output.dim())]) if found.order else output
    sequence = rows // length
    if rows.dim() < 1 or not torch.equal(sequence, sequence[..., :1].expand_as(sequence)):
        return None
    batch = heads.shape[:-2]
    full = torch.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    q = left.expand(*full, *left.shape[-2:]).flatten(0, -2)[rows.flatten()].view(*rows.shape, -1)
    k = right.expand(*full, *right.shape[-2:]).reshape(-1, *right.shape[-2:])[sequence[..., 0].flatten()]
    k = k.view(*rows.shape[:-1], *right.shape[-2:])

    def whole(x: Tensor) -> Tensor:
        return with_heads(x.expand(*batch, *x.shape[-2:]).clone(), batch)

    heads = whole(heads)
    return AttentionCall(
        name=name,
        kind="softmax",
        query=whole(q),
        key=whole(k),
        value=whole(found.right),
        mask=None if scores.mask is None else with_heads(scores.mask.clone(), batch),
        mask_source=scores.mask_source,
        scale=scores.scale,
        dropout=tag.dropout,
        heads=heads,
        output=heads.transpose(1, 2).flatten(2),
        given_weights=whole(tag.probs.to(output.dtype)),
        fill=scores.fill,
        prescale=scores.prescale,
    )


def operands(args: Arguments, kwargs: Keywords) -> tuple[Tensor, Tensor] | None:
    """Return the two matrices of a product, ``None`` if it has others."""
    pair = (*args, *(value for name, value in kwargs.items() if name not in ("alpha", "beta", "out")))[:2]
    if len(pair) < 2 or not all(isinstance(x, Tensor) and x.dim() > 1 for x in pair):
        return None
    return pair


def einsum_product(args: Arguments, weights: int | None) -> MatrixProduct | None:
    """Return an einsum as a product of matrices, of which one may be attention weights: its index among the operands."""
    flat = args[1] if len(args) == 2 and isinstance(args[1], (list, tuple)) else args[1:]
    if not isinstance(args[0], str) or len(flat) != 2:
        return None
    if weights is None and any(is_parameter(x) for x in flat):
        return None
    return matrix_product(args[0], flat[0], flat[1], rows_of=weights)


def values_product(
    name: str, weights: Tensor, args: Arguments, kwargs: Keywords, *, is_transposed: bool = False
) -> MatrixProduct | None:
    """Return a product of attention weights and values; ``None`` if the weights are not its rows.

    Args:
        name: the function's name.
        weights: the weights among its arguments.
        args, kwargs: its arguments.
        is_transposed: whether the weights are transposed, and multiplied from the left by transposed values, as in networks for images.
    """
    if is_transposed:
        pair = operands(args, kwargs)
        if pair is None or pair[1] is not weights or name in ("einsum", "baddbmm"):
            return None
        dims = max(x.dim() for x in pair)
        return MatrixProduct(weights.mT, pair[0].mT, order=(*range(dims - 2), dims - 1, dims - 2))
    if name == "einsum":
        flat = args[1] if isinstance(args[1], (list, tuple)) else args[1:]
        index = next((i for i, x in enumerate(flat) if x is weights), None)
        return None if index is None else einsum_product(args, index)
    pair = operands(args, kwargs)
    return MatrixProduct(*pair, order=()) if pair is not None and pair[0] is weights and name != "baddbmm" else None


def projection_of(name: str, x: Tensor, args: Arguments, kwargs: Keywords) -> tuple[Tensor, Tensor | None] | None:
    """Return weight (outputs, inputs) and bias of a linear layer that is applied to x; ``None`` for another function."""
    if name == "linear" and args and args[0] is x:
        given = [*args[1:], *(kwargs[key] for key in ("weight", "bias") if key in kwargs)]
        return given[0].clone(), given[1].clone() if len(given) > 1 and given[1] is not None else None
    if name in ("matmul", "mm") and len(args) == 2 and args[0] is x and args[1].dim() == 2:
        return args[1].T.clone(), None
    if name == "addmm" and len(args) == 3 and args[1] is x and not kwargs:  # as in GPT-2
        return args[2].T.clone(), args[0].clone()
    return None


def arrange(function: Function, x: Tensor, args: Arguments, kwargs: Keywords) -> Any:
    """Apply a function of :data:`ARRANGING` to another tensor of the same shape."""
    if getattr(function, "__name__", "") == "view":  # which wants other strides
        return x.reshape(*args[1:], **kwargs)
    return function(x, *args[1:], **kwargs)


def is_parameter(x: Tensor) -> bool:
    """Return whether a tensor is a parameter or a view of one."""
    return isinstance(x, nn.Parameter) or isinstance(x._base, nn.Parameter)


def number_in(x: Any, *, repeated: bool = False) -> float | None:
    """Return a number, or the number in a tensor of one element or, if it may be `repeated`, of equal ones; else ``None``."""
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return float(x)
    if (
        not isinstance(x, Tensor)
        or x.dtype == torch.bool
        or x.is_complex()
        or not x.numel()
        or (x.numel() > 1 and not repeated)
    ):
        return None
    first = x.flatten()[0]
    return float(first) if x.numel() == 1 or bool((x == first).all()) else None


def _joined(source: str, more: str) -> str:
    return source if more in source.split("+") else f"{source}+{more}".lstrip("+")
