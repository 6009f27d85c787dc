"""Everything that rooms share and that does not need torch."""
