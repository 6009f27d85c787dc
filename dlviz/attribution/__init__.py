"""Attribution: which numbers of an input a net's score rests on, by gradients, paths, class activation and occlusion."""

from dlviz.attribution.attribution_map import METHODS, Attribution
from dlviz.attribution.inputs import Inputs
from dlviz.attribution.methods import gradient_x_input, integrated_gradients, occlusion, saliency, smooth_grad
from dlviz.attribution.record import Record, record
from dlviz.attribution.score import ScoreFunction, score_function

__all__ = [
    "METHODS",
    "Attribution",
    "Inputs",
    "Record",
    "ScoreFunction",
    "gradient_x_input",
    "integrated_gradients",
    "occlusion",
    "record",
    "saliency",
    "score_function",
    "smooth_grad",
]
