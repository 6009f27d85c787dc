"""Checks of lesson 07, run by nbval after the cell of the same id."""
