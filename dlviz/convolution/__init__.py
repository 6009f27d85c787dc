"""Convolution and pooling, as sliding windows on the learner's own numbers."""
