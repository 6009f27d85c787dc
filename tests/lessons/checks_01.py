"""Checks of lesson 01, run by nbval after the cell of the same id."""
