"""Exercises and predictions of lesson 02."""
