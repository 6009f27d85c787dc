"""Torch utilities that several rooms share, without any display."""
