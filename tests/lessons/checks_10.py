"""Checks of lesson 10, run by nbval after the cell of the same id."""
