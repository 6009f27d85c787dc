"""Checks of lesson 03, run by nbval after the cell of the same id."""
