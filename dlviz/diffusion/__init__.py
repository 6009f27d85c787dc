"""Diffusion models: noise schedules, the steps there and back, sampling, and what a learner's own network predicts at every step."""

from dlviz.diffusion.record import Predictions, Process, Record, StepsCurve
from dlviz.diffusion.sampling import Walk, sample
from dlviz.diffusion.schedule import Schedule, cosine_schedule, linear_schedule
from dlviz.diffusion.steps import add_noise, ddim_step, ddpm_step, from_noise, score, subsequence, to_noise

__all__ = [
    "Predictions",
    "Process",
    "Record",
    "Schedule",
    "StepsCurve",
    "Walk",
    "add_noise",
    "cosine_schedule",
    "ddim_step",
    "ddpm_step",
    "from_noise",
    "linear_schedule",
    "sample",
    "score",
    "subsequence",
    "to_noise",
]
