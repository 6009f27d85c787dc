"""Attention step by step: every call of a forward pass with its queries, keys, values, scores and weights."""

from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.edits import Edits
from dlviz.transformer.head_summaries import distance_back, entropy
from dlviz.transformer.input_gradient import input_gradient
from dlviz.transformer.record import Record, record, record_edited

__all__ = ["AttentionCall", "Edits", "Record", "distance_back", "entropy", "input_gradient", "record", "record_edited"]
