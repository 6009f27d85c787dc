"""Positional encodings: sinusoidal, rotary, ALiBi and learned, and how the score of two positions depends on their distance."""

from dlviz.positional_encoding.encodings import alibi, alibi_slopes, apply_rotary, pairs, rotary_angles, sinusoidal
from dlviz.positional_encoding.record import ByDistance, Encoding, Record, by_distance, record

__all__ = [
    "ByDistance",
    "Encoding",
    "Record",
    "alibi",
    "alibi_slopes",
    "apply_rotary",
    "by_distance",
    "pairs",
    "record",
    "rotary_angles",
    "sinusoidal",
]
