"""Exercises and predictions of lesson 11."""
