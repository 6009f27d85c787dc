"""The kit: what every room is built from. It knows nothing of torch."""
