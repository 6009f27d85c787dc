"""Exercises and predictions of lesson 12."""
