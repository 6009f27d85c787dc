"""Text generation with a language model, token by token: the distribution of each token, what is cut, and how it is drawn."""

from dlviz.generation.cache_cost import CacheCost, cache_cost, multiplications
from dlviz.generation.next_token import NextToken
from dlviz.generation.record import Continuation, Record, Step, record, uniform_numbers
from dlviz.generation.sampling import Draw, Settings, Stages, keep_top_k, keep_top_p, sample, scale, stages

__all__ = [
    "CacheCost",
    "Continuation",
    "Draw",
    "NextToken",
    "Record",
    "Settings",
    "Stages",
    "Step",
    "cache_cost",
    "keep_top_k",
    "keep_top_p",
    "multiplications",
    "record",
    "sample",
    "scale",
    "stages",
    "uniform_numbers",
]
