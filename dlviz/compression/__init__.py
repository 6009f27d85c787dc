"""Smaller models: pruning, quantization to integers of 8 bits, distillation, and what each of them costs and saves."""

from dlviz.compression.distillation import distill, distillation_loss
from dlviz.compression.measurement import Call, Evaluation, Latency, Size, evaluate_model, latencies, size
from dlviz.compression.pruning import add_masks, make_permanent, prunable
from dlviz.compression.quantization import Quantized, linear_int8_dynamic, linear_int8_weights, quantize, quantize_int8
from dlviz.compression.record import Layer, Settings, Trial, compressed, record

__all__ = [
    "Call",
    "Evaluation",
    "Latency",
    "Layer",
    "Quantized",
    "Settings",
    "Size",
    "Trial",
    "add_masks",
    "compressed",
    "distill",
    "distillation_loss",
    "evaluate_model",
    "latencies",
    "linear_int8_dynamic",
    "linear_int8_weights",
    "make_permanent",
    "prunable",
    "quantize",
    "quantize_int8",
    "record",
    "size",
]
