"""Export of a model: the program that torch.export makes of it, whether it computes the same, and what saving keeps."""

from dlviz.model_export.parity import Comparison, Parity
from dlviz.model_export.program import Operation, Program, Refusal
from dlviz.model_export.record import Record, record
from dlviz.model_export.saving import Finding, Saving, check_saving, check_state
from dlviz.model_export.shapes import Shapes, SizeRange

__all__ = [
    "Comparison",
    "Finding",
    "Operation",
    "Parity",
    "Program",
    "Record",
    "Refusal",
    "Saving",
    "Shapes",
    "SizeRange",
    "check_saving",
    "check_state",
    "record",
]
