"""Exercises and predictions of lesson 01."""
