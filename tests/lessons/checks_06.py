"""Checks of lesson 06, run by nbval after the cell of the same id."""
