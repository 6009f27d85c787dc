"""Checks of lesson 02, run by nbval after the cell of the same id."""
