"""Generative adversarial networks: fakes, the discriminator's opinion of them, gradients, and measures of what the losses do not say."""

from dlviz.gan.losses import generator_loss, optimal_discriminator
from dlviz.gan.modes import Modes, high_quality, modes_covered
from dlviz.gan.record import Record, record

__all__ = [
    "Modes",
    "Record",
    "generator_loss",
    "high_quality",
    "modes_covered",
    "optimal_discriminator",
    "record",
]
