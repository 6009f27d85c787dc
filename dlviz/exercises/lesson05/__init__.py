"""Exercises and predictions of lesson 05."""
