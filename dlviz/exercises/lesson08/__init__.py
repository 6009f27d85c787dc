"""Exercises and predictions of lesson 08."""
