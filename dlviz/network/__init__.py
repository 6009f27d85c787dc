"""A whole network opened on the learner's own input: every call, every map, what each unit is made of and what it sees."""

from dlviz.network.contributions import products, scores, shares, softmax_terms
from dlviz.network.receptive_field import Field, field
from dlviz.network.receptive_field_rules import fields
from dlviz.network.record import Column, Network, Source, record

__all__ = [
    "Column",
    "Field",
    "Network",
    "Source",
    "field",
    "fields",
    "products",
    "record",
    "scores",
    "shares",
    "softmax_terms",
]
