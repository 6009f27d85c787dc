"""Exercises and predictions of lesson 09."""
