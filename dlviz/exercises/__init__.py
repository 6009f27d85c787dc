"""Exercises that check themselves: say what you expect, write the code, have it checked.

>>> from dlviz.exercises import exercise, predict
>>> exercise("00.double").check(...).verdict
'not attempted'

Each lesson has a folder. In its ``exercises.py`` are the solutions, plain PyTorch without annotations because learners read them,
and the ``mistakes`` people make in their place: mostly the pieces of the solution that change, see :mod:`dlviz.exercises.mistakes`.
In its ``predictions.py`` every truth is computed by torch when the question is answered.
"""

from dlviz.exercises.catalog import Unknown, exercise, predict, progress
from dlviz.exercises.report import NotAttempted, Result, Wrong

__all__ = ["NotAttempted", "Result", "Unknown", "Wrong", "exercise", "predict", "progress"]
