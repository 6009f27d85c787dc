"""Lesson 00: more right answers and more wrong ones."""


def by_repeating(x):
    return x.new_tensor(2) * x if x.is_floating_point() else x + x


def squared(x):
    return x**2


ACCEPTED = {"00.double": [by_repeating]}
REJECTED = {"00.double": [squared]}
