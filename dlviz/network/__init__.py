"""A whole network opened on the learner's own input: every call, every map, what each unit is made of and what it sees."""

from dlviz.network.contributions import channel_contributions, linear_terms, logits_column, softmax_terms
from dlviz.network.receptive_field import ReceptiveField, receptive_field
from dlviz.network.receptive_field_rules import receptive_field_masks
from dlviz.network.record import Column, Network, Source, record

__all__ = [
    "Column",
    "ReceptiveField",
    "Network",
    "Source",
    "field",
    "fields",
    "products",
    "record",
    "scores",
    "channel_contributions",
    "softmax_terms",
]
