"""Exercises and predictions of lesson 17."""
