"""Checks of lesson 00, run by nbval after the cell of the same id."""
