"""Checks of lesson 09, run by nbval after the cell of the same id."""
