"""Exercises and predictions of lesson 15."""
