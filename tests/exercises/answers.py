"""Answers that must pass besides the solutions, and models that must not."""

import torch
from torch import nn

# Each group: other right ways to write it.


def added(x):
    return x + x


def by_a_float(x):
    return torch.mul(x, 2.0)


def by_ellipsis(images):
    return images[::2, ..., 0:-4]


def by_narrow(images):
    return torch.stack([image.narrow(-1, 0, 4) for image in images[::2]])


def by_einsum(a, b):
    return torch.einsum("i,j->ij", a, b)


def by_unsqueeze(a, b):
    return a.unsqueeze(1) * b.unsqueeze(0)


def by_loop(x):
    return torch.stack([(column - column.mean()) / column.std() for column in x.T], dim=1)


def with_keepdim(x):
    std, mean = torch.std_mean(x, 0, keepdim=True)
    return (x - mean) / std


def cast_afterwards(rows):
    return torch.tensor(rows).float() + 1


def asked_torch(shape):
    return torch.empty(shape).stride()


def from_the_right(shape):
    return [torch.tensor(shape[d + 1 :]).prod().int().item() for d in range(len(shape))]


def by_sum(index, stride, offset):
    return offset + sum(i * s for i, s in zip(index, stride, strict=True))


def by_reshape(x):
    return x.reshape(len(x), -1)


def by_flatten(x):
    return x.flatten(1)


def by_hand(x):
    return torch.stack([example.flatten() for example in x])


def by_matmul(w, b, x, y):
    error = w * x + b - y
    return [2 / len(x) * (error @ x), 2 / len(x) * error.sum()]


def by_autograd(w, b, x, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad((w * x + b - y).pow(2).mean(), (w, b))


def path_by_path(h, v, t):
    total = torch.zeros(())
    for k in range(len(v)):
        total = total + 2 * v[k] * (v[k] * h - t[k])
    return total


def by_dot(h, v, t):
    return 2 * torch.dot(v * h - t, v)


def by_backward(h, v, t):
    h = h.clone().requires_grad_()
    (v * h - t).pow(2).sum().backward()
    return h.grad


def with_eye(f, x, h):
    steps = h * torch.eye(x.numel(), dtype=x.dtype)
    columns = [(f(x + step.view_as(x)) - f(x - step.view_as(x))) / 2 / h for step in steps]
    return torch.stack(columns).view_as(x)


def tracked_at_once(values):
    x = values.clone().requires_grad_()
    y = x + 2
    z = y.mm(y.T)
    z.sum().backward()
    return z, x.grad


def asked_for_directly(values):
    x = values.detach().clone().requires_grad_(True)
    z = (x + 2) @ (x + 2).T
    return z, torch.autograd.grad(z.sum(), x, retain_graph=True)[0]


def by_optimiser(x, y, rounds):
    w = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    readings = []
    for _ in range(rounds):
        optimizer.zero_grad()
        (w * x - y).pow(2).mean().backward()
        readings.append(w.grad.item())
    return readings


def zeroed_in_place(x, y, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for _ in range(rounds):
        if w.grad is not None:
            w.grad.zero_()
        (w * x - y).square().mean().backward()
        readings.append(float(w.grad))
    return tuple(readings)


def a_sequence():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(64, 32), nn.Linear(32, 10)])

    def forward(self, images):
        return self.layers[1](self.layers[0](images.reshape(len(images), 64)).clamp(min=0))


ACCEPTED = {
    "00.double": [added, by_a_float],
    "01.left-halves": [by_ellipsis, by_narrow],
    "01.outer": [by_einsum, by_unsqueeze],
    "01.standardise": [by_loop, with_keepdim],
    "01.floats": [cast_afterwards],
    "02.strides": [asked_torch, from_the_right],
    "02.address": [by_sum],
    "02.flatten": [by_flatten, by_hand],
    "02.view": [by_reshape, by_hand],
    "03.hand-gradient": [by_matmul, by_autograd],
    "03.two-paths": [path_by_path, by_dot, by_backward],
    "03.finite-difference": [with_eye],
    "03.untracked": [tracked_at_once, asked_for_directly],
    "03.accumulated": [by_optimiser, zeroed_in_place],
    "03.mlp": [a_sequence, a_sequence(), Listed],
    "03.order": [
        ["forward", "zero_grad", "backward", "step"],
        ("forward", "backward", "step", "zero_grad"),
        ["zero_grad", "forward", "zero_grad", "backward", "step"],
    ],
}


# Models that must not pass, by the fault that is to be reported.


class _Net(nn.Module):
    hidden_units = 32

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, self.hidden_units)
        self.output = nn.Linear(self.hidden_units, 10)

    def between(self, hidden):
        return torch.relu(hidden)

    def forward(self, images):
        return self.output(self.between(self.hidden(images.flatten(1))))


class Detached(_Net):
    def between(self, hidden):
        return torch.relu(hidden).detach()


class Silenced(_Net):
    def between(self, hidden):
        return torch.relu(hidden * 0)


class Straight(_Net):
    def between(self, hidden):
        return hidden


class Mixed(_Net):
    def between(self, hidden):
        return torch.relu(hidden - hidden.mean(0))


class Softened(_Net):
    def forward(self, images):
        return super().forward(images).softmax(1)


class Narrow(_Net):
    hidden_units = 16


class Frozen(_Net):
    def __init__(self):
        super().__init__()
        self.hidden.requires_grad_(False)


class Hidden(_Net):
    def __init__(self):
        super().__init__()
        self.layers = [self.hidden, self.output]
        del self.hidden, self.output

    def forward(self, images):
        return self.layers[1](torch.relu(self.layers[0](images.flatten(1))))


class Squeezed(_Net):
    def forward(self, images):
        return super().forward(images).squeeze()


class Centring(_Net):
    def forward(self, images):
        return super().forward(images.sub_(0.1))


FAULTY = {
    "output": Squeezed,
    "changed": Centring,
    "hidden": Hidden,
    "count": Narrow,
    "frozen": Frozen,
    "no-gradient": Detached,
    "zero-gradient": Silenced,
    "mixed": Mixed,
    "probabilities": Softened,
    "straight": Straight,
}
