"""Checks of lesson 05, run by nbval after the cell of the same id."""
