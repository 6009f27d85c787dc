"""Several processes that train one model: what each computes, what they send to each other, and what it costs."""

from dlviz.multiprocess.failures import WorkerError
from dlviz.multiprocess.gradients import ParameterGradient
from dlviz.multiprocess.record import Collective, Rank, Record, Span, record
from dlviz.multiprocess.scaling import efficiency, gradient_difference, records, speedup

__all__ = [
    "Collective",
    "ParameterGradient",
    "Rank",
    "Record",
    "Span",
    "WorkerError",
    "efficiency",
    "gradient_difference",
    "record",
    "records",
    "speedup",
]
