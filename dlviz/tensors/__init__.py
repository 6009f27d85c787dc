"""Tensors: shape, strides and storage, views, broadcasting, indexing and products, on the learner's own numbers."""

from dlviz.tensors.broadcasting import Broadcast, align, combine
from dlviz.tensors.contraction import Contraction, einsum, matmul
from dlviz.tensors.indexing import Selection, select
from dlviz.tensors.record import Facts, facts
from dlviz.tensors.storage import same_storage, tape

__all__ = [
    "Broadcast",
    "Contraction",
    "Facts",
    "Selection",
    "align",
    "combine",
    "einsum",
    "facts",
    "matmul",
    "same_storage",
    "select",
    "tape",
]
