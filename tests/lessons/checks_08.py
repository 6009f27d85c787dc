"""Checks of lesson 08, run by nbval after the cell of the same id."""
