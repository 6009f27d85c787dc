"""Exercises and predictions of lesson 14."""
