"""Widgets of the exercises: the question of a prediction, the report on an answer, the progress of a lesson, and a folded output."""
