"""Exercises and predictions of lesson 13."""
