"""Optimizers for the tests, and two references for each: a plain torch loop, and the papers' formulas in Python numbers."""

import torch
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop

#: By name: class, arguments.
OPTIMIZERS = {
    "SGD": (SGD, {"lr": 0.05}),
    "momentum": (SGD, {"lr": 0.02, "momentum": 0.9}),
    "Nesterov": (SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "RMSprop": (RMSprop, {"lr": 0.05}),
    "Adam": (Adam, {"lr": 0.15}),
    "AdamW": (AdamW, {"lr": 0.15, "weight_decay": 0.1}),
    "Adagrad": (Adagrad, {"lr": 0.5}),
}
LOSSES = {
    "bowl": lambda p: (p[0] ** 2 + 2 * p[1] ** 2) / 2,
    "ravine": lambda p: (p[0] ** 2 + 20 * p[1] ** 2) / 2,
    "rosenbrock": lambda p: (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2,
    "saddle": lambda p: (p[0] ** 2 - p[1] ** 2) / 2,
    "himmelblau": lambda p: (p[0] ** 2 + p[1] - 11) ** 2 + (p[0] + p[1] ** 2 - 7) ** 2,
    "beale": lambda p: (
        (1.5 - p[0] + p[0] * p[1]) ** 2 + (2.25 - p[0] + p[0] * p[1] ** 2) ** 2 + (2.625 - p[0] + p[0] * p[1] ** 3) ** 2
    ),
}


def plain_loop(kind, arguments, loss, start, steps):
    """Return points, losses and gradients of a plain loop around ``torch.optim``."""
    p = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = kind([p], **arguments)
    points, losses, grads = [p.detach().clone()], [], []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(p)
        value.backward()
        losses.append(value.item())
        grads.append(p.grad.clone())
        optimizer.step()
        points.append(p.detach().clone())
    return torch.stack(points), torch.tensor(losses, dtype=torch.float64), torch.stack(grads)


def by_hand(name, arguments, slope, start, steps):
    """Return the same points by the formulas of the papers, in Python numbers, one coordinate at a time."""
    p, paths = list(start), [list(start)]
    lr, state = arguments["lr"], [[0.0, 0.0], [0.0, 0.0]]
    for t in range(1, steps + 1):
        g = slope(*p)
        for i in (0, 1):
            m, v = state[0][i], state[1][i]
            if name == "SGD":
                p[i] -= lr * g[i]
            elif name in ("momentum", "Nesterov"):
                m = 0.9 * m + g[i]
                p[i] -= lr * (m if name == "momentum" else g[i] + 0.9 * m)
            elif name == "RMSprop":
                v = 0.99 * v + 0.01 * g[i] ** 2
                p[i] -= lr * g[i] / (v**0.5 + 1e-8)
            elif name == "Adagrad":
                v += g[i] ** 2
                p[i] -= lr * g[i] / (v**0.5 + 1e-10)
            else:
                if name == "AdamW":
                    p[i] -= lr * 0.1 * p[i]
                m, v = 0.9 * m + 0.1 * g[i], 0.999 * v + 0.001 * g[i] ** 2
                p[i] -= lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
            state[0][i], state[1][i] = m, v
        paths.append(list(p))
    return torch.tensor(paths, dtype=torch.float64)
