"""Where the time of your own code goes: what ``torch.profiler`` saw, by module, by operation, by line and over time."""

from dlviz.profiling.attribution import Attribution, Line, Row
from dlviz.profiling.events import Events, Memory
from dlviz.profiling.record import Operation, Record, from_profiler, record

__all__ = ["Attribution", "Events", "Line", "Memory", "Operation", "Record", "Row", "from_profiler", "record"]
