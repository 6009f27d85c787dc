"""The autograd graph behind a tensor, with its forward values and gradients.

`record` and `recording` return it as data, without a widget; :func:`dlviz.graph` draws it.
"""

from dlviz.autograd.forward_recorder import recording
from dlviz.autograd.graph import Graph, Node
from dlviz.autograd.record import backward_order, record
from dlviz.autograd.tape import Tape

__all__ = ["Graph", "Node", "Tape", "backward_order", "record", "recording"]
