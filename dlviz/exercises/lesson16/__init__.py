"""Exercises and predictions of lesson 16."""
