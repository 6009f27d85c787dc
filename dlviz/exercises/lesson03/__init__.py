"""Exercises and predictions of lesson 03."""
