"""Attribution: which numbers of an input a net's score rests on, by gradients, paths, class activation and occlusion."""

from dlviz.attribution.attribution_map import METHODS, Attribution
from dlviz.attribution.grad_cam import ChannelTerms, channel_terms, grad_cam
from dlviz.attribution.inputs import Inputs
from dlviz.attribution.layer_choices import LayerChoice, layers
from dlviz.attribution.methods import gradient_x_input, integrated_gradients, occlusion, saliency, smooth_grad
from dlviz.attribution.path import IntegrationPath, integration_path
from dlviz.attribution.record import Record, record
from dlviz.attribution.sanity import (
    DeletionInsertion,
    InputNoise,
    OtherClass,
    Randomization,
    deletion_insertion,
    input_noise,
    other_class,
    randomization,
    spearman,
)
from dlviz.attribution.score import ScoreFunction, score_function
from dlviz.attribution.terms import Term, Terms, terms

__all__ = [
    "METHODS",
    "Attribution",
    "ChannelTerms",
    "DeletionInsertion",
    "InputNoise",
    "Inputs",
    "IntegrationPath",
    "LayerChoice",
    "OtherClass",
    "Randomization",
    "Record",
    "ScoreFunction",
    "Term",
    "Terms",
    "channel_terms",
    "deletion_insertion",
    "grad_cam",
    "gradient_x_input",
    "input_noise",
    "integrated_gradients",
    "integration_path",
    "layers",
    "occlusion",
    "other_class",
    "randomization",
    "record",
    "saliency",
    "score_function",
    "smooth_grad",
    "spearman",
    "terms",
]
