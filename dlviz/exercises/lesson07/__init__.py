"""Exercises and predictions of lesson 07."""
