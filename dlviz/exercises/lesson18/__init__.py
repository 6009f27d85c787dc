"""Exercises and predictions of lesson 18."""
