"""Exercises and predictions of lesson 04."""
