"""A whole network on the user's own input: every call, every feature map, what each unit is computed from and its receptive field."""

from dlviz.network.contributions import channel_contributions, linear_terms, logits_column, softmax_terms
from dlviz.network.receptive_field import ReceptiveField, receptive_field
from dlviz.network.receptive_field_rules import receptive_field_masks
from dlviz.network.record import Column, Network, Source, record

__all__ = [
    "Column",
    "Network",
    "ReceptiveField",
    "Source",
    "channel_contributions",
    "linear_terms",
    "logits_column",
    "receptive_field",
    "receptive_field_masks",
    "record",
    "softmax_terms",
]
