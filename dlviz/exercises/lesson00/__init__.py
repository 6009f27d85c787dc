"""Exercises and predictions of lesson 00."""
