"""Tensors: shape, strides and storage, views, broadcasting, indexing and products, on the learner's own numbers."""

from dlviz.tensors.broadcasting import Broadcast, align, combine
from dlviz.tensors.contraction import Contraction, einsum, matmul
from dlviz.tensors.indexing import Selection, select
from dlviz.tensors.record import TensorMetadata, flat_storage, same_storage, tensor_metadata
from dlviz.tensors.view_ops import ViewResult, evaluate_views

__all__ = [
    "Broadcast",
    "Contraction",
    "Selection",
    "TensorMetadata",
    "ViewResult",
    "align",
    "combine",
    "einsum",
    "evaluate_views",
    "flat_storage",
    "matmul",
    "same_storage",
    "select",
    "tensor_metadata",
]
