"""Mutants: right answers changed in one general way. Each mutant that changes a result must be rejected."""

from itertools import permutations

import torch
from torch import Tensor, nn


def each_tensor(value, change):
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (tuple, list)):
        return type(value)(each_tensor(item, change) for item in value)
    return value


def transpose(value):
    return each_tensor(value, lambda t: t.transpose(0, -1) if t.dim() > 1 else t)


def keepdim(value):
    return each_tensor(value, lambda t: t.unsqueeze(-1))


def detach(value):
    return each_tensor(value, Tensor.detach)


def other_dtype(value):
    """Return the value in narrower dtypes; a wider float is accepted where the dtype is not the point."""
    narrower = {
        torch.float64: torch.float32,
        torch.float32: torch.float16,
        torch.int64: torch.int32,
        torch.int8: torch.uint8,
    }
    return each_tensor(value, lambda t: t.to(narrower[t.dtype]))


def flattened(value):
    return each_tensor(value, lambda t: t.reshape(-1))


def in_a_tensor(value):
    if isinstance(value, (tuple, list)):
        return type(value)(in_a_tensor(item) for item in value)
    return value if isinstance(value, Tensor) else torch.tensor(value)


def off_by_a_little(value):
    if isinstance(value, float):
        return value * 1.001
    if isinstance(value, (tuple, list)):
        return type(value)(off_by_a_little(item) for item in value)
    return value * 1.001


def facts(value):
    """Return everything that a check compares; a mutant that changes none of it does not apply."""
    if isinstance(value, Tensor):
        return str(value.shape), str(value.dtype), value.requires_grad, value.tolist()
    return [facts(item) for item in value] if isinstance(value, (tuple, list)) else value


ON_RESULTS = (transpose, keepdim, detach, other_dtype, flattened, in_a_tensor, off_by_a_little)


def of_function(solution, cases):
    """Return every mutant of a function that differs from it on one of the cases, by name."""
    found = {}
    for change in ON_RESULTS:
        mutant = after(solution, change)
        if any(facts(solution(*copies(case))) != facts(mutant(*copies(case))) for case in cases):
            found[change.__name__] = mutant
    example = cases[0]
    answer = solution(*copies(example))
    found["constant"] = lambda *arguments: answer
    found["hard_coded"] = hard_coded(solution, example)
    if any(isinstance(argument, Tensor) for argument in example):
        found["in_place"] = in_place(solution)
    return found


def after(solution, change):
    return lambda *arguments: change(solution(*arguments))


def hard_coded(solution, example):
    """Return a mutant that is right on one example and zero elsewhere."""

    known = facts(list(example))

    def mutant(*arguments):
        value = solution(*arguments)
        return value if facts(list(arguments)) == known else zeroed(value)

    return mutant


def zeroed(value):
    if isinstance(value, (tuple, list)):
        return type(value)(zeroed(item) for item in value)
    return torch.zeros_like(value) if isinstance(value, Tensor) else type(value)(0)


def in_place(solution):
    """Return a mutant whose result is right, but which changes its last tensor argument."""

    def mutant(*arguments):
        value = each_tensor(solution(*arguments), lambda t: t * 1)
        with torch.no_grad():
            [argument for argument in arguments if isinstance(argument, Tensor)][-1].add_(1)
        return value

    return mutant


def copies(case):
    return [
        item.detach().clone().requires_grad_(item.requires_grad) if isinstance(item, Tensor) else item for item in case
    ]


def of_order(steps, accepted):
    """Return every order of one to all of the steps that is not known to be right."""
    orders = [order for size in range(1, len(steps) + 1) for order in permutations(steps, size)]
    return [order for order in orders if order not in accepted]


def of_model(solution):
    """Return models whose output or input is changed, by name."""

    def mutated(change):
        class Mutant(solution):
            def forward(self, images):
                return change(super().forward(images))

        return Mutant

    class InPlace(solution):
        def forward(self, images):
            out = super().forward(images.clone())
            images.add_(1)
            return out

    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = solution()

        def forward(self, images):
            return self.inside(torch.ones_like(images))

    found = {change.__name__: mutated(change) for change in (transpose, keepdim, detach, other_dtype, flattened)}
    return {**found, "in_place": InPlace, "constant": Constant}
