"""Decision boundary of a learner's own network over the plane: a map of every unit, and how each layer moves the plane."""

from dlviz.decision_boundary.forward import ForwardPass, LayerCall, forward_pass
from dlviz.decision_boundary.layer_projection import LayerProjection, project
from dlviz.decision_boundary.record import ModelOutputs, record_outputs
from dlviz.decision_boundary.unit_equation import equation
from dlviz.torchkit.plane import grid

__all__ = [
    "ForwardPass",
    "LayerCall",
    "LayerProjection",
    "ModelOutputs",
    "equation",
    "forward_pass",
    "grid",
    "project",
    "record_outputs",
]
