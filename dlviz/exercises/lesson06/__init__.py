"""Exercises and predictions of lesson 06."""
