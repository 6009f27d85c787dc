"""Checks of lesson 04, run by nbval after the cell of the same id."""
