"""Data for the lessons, as tensors; each set has a datasheet in the folder ``datasets``."""

from dlviz.data.digits import Digits, digits

__all__ = ["Digits", "digits"]
