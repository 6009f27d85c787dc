"""Exercises and predictions of lesson 10."""
