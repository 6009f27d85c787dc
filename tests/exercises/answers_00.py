"""Lesson 00: more right answers and more wrong ones."""

import torch


def by_repeating(x):
    return x.new_tensor(2) * x if x.is_floating_point() else x + x


def through_numpy(x):
    return torch.from_numpy(x.numpy() * 2)


def through_a_list(x):
    return torch.tensor((2 * x).tolist())


def of_its_data(x):
    return 2 * x.data


def squared(x):
    return x**2


ACCEPTED = {"00.double": [by_repeating, through_numpy, through_a_list, of_its_data]}
REJECTED = {"00.double": [squared]}
