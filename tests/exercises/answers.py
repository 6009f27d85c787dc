"""Answers that must pass besides the solutions, and models that must not."""

import torch
from torch import nn
from torch.nn import functional as F

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


def step_by_formula(w, b, x, y, lr):
    with torch.no_grad():
        error = w * x + b - y
        return w - lr * 2 * (error * x).mean(), b - lr * 2 * error.mean()


def step_by_optimiser(w, b, x, y, lr):
    parameters = [w.detach().clone().requires_grad_(), b.detach().clone().requires_grad_()]
    optimiser = torch.optim.SGD(parameters, lr=lr)
    F.mse_loss(parameters[0] * x + parameters[1], y).backward()
    optimiser.step()
    return parameters


def step_still_tracked(w, b, x, y, lr):
    slopes = torch.autograd.grad(((w * x + b - y) ** 2).mean(), (w, b))
    return w - lr * slopes[0], b - lr * slopes[1]


def traced_by_hand(x, y, lr):
    w = b = 0.0
    log = []
    for _ in range(3):
        error = w * x + b - y
        w, b = w - lr * 2 * (error * x).mean().item(), b - lr * 2 * error.mean().item()
        log.append([error.pow(2).mean().item(), w, b])
    return log


def zeroed_last(x, y, lr):
    w, b = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
    optimiser = torch.optim.SGD([w, b], lr=lr)
    log = []
    for _ in range(3):
        loss = F.mse_loss(w * x + b, y)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        log.append((loss.item(), w.item(), b.item()))
    return log


def both_flat(w, b, x, y):
    return F.mse_loss((w * x + b).squeeze(1), y)


def y_as_x(w, b, x, y):
    return ((w * x + b - y.view_as(x)) ** 2).mean()


def x_flat(w, b, x, y):
    return (w * x[:, 0] + b - y).square().sum() / len(y)


def rows_known(w, b, x, y):
    rows = torch.cat([x, y], dim=1)
    x, y = rows[rows.isfinite().all(dim=1)].T
    return F.mse_loss(w * x + b, y)


def replaced_before(w, b, x, y):
    known = ~(x.isnan() | y.isnan())
    error = w * torch.where(known, x, 0.0) + b - torch.where(known, y, 0.0)
    return (error.pow(2) * known).sum() / known.sum()


def asked_functional(x, weight, bias, stride):
    return F.conv2d(x, weight, bias, stride)


def by_unfold(x, weight, bias, stride):
    kernel = weight.shape[2:]
    columns = F.unfold(x[None], kernel, stride=stride)[0]
    rows = (x.shape[1] - kernel[0]) // stride + 1
    return (weight.flatten(1) @ columns + bias[:, None]).unflatten(1, (rows, -1))


def kernel_place_by_place(x, weight, bias, stride):
    windows = x.unfold(1, weight.shape[2], stride).unfold(2, weight.shape[3], stride)
    return torch.einsum("chwij,ocij->ohw", windows, weight) + bias[:, None, None]


def pooled_by_torch(x, size):
    return F.max_pool2d(x, size)


def pooled_by_views(x, size):
    rows, columns = x.shape[1] // size, x.shape[2] // size
    kept = x[:, : rows * size, : columns * size]
    return kept.reshape(len(x), rows, size, columns, size).amax(dim=(2, 4))


def counted(size, kernel, stride, padding, dilation):
    last = size + 2 * padding - dilation * (kernel - 1)
    return len(range(0, last, stride))


def measured(size, kernel, stride, padding, dilation):
    series, ones = torch.zeros(1, 1, size), torch.ones(1, 1, kernel)
    return F.conv1d(series, ones, None, stride, padding, dilation).shape[-1]


def the_other_way_around(f, x, steps):
    return (torch.roll(f(x), steps, -1) - f(torch.roll(x, steps, -1))).abs().amax()


def joined_by_hand(f, x, steps):
    def moved(t):
        return torch.cat([t[..., -steps:], t[..., :-steps]], dim=-1)

    return torch.linalg.vector_norm(f(moved(x)) - moved(f(x)), torch.inf)


class Viewed(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(32, 64, 3, padding="same"),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
        )
        self.hidden = nn.Linear(4096, 128)
        self.output = nn.Linear(128, 10)

    def forward(self, pictures):
        x = self.features(pictures)
        return self.output(F.relu(self.hidden(x.view(x.size(0), -1))))


def a_picture_sequence():
    return nn.Sequential(Viewed().features, nn.Flatten(), nn.Linear(64 * 8 * 8, 128), nn.ReLU(), nn.Linear(128, 10))


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
    "04.step": [step_by_formula, step_by_optimiser, step_still_tracked],
    "04.trace": [traced_by_hand, zeroed_last],
    "04.broadcast": [both_flat, y_as_x, x_flat],
    "04.mask": [rows_known, replaced_before],
    "08.conv2d": [asked_functional, by_unfold, kernel_place_by_place],
    "08.max_pool": [pooled_by_torch, pooled_by_views],
    "08.out_size": [counted, measured],
    "08.equivariance": [the_other_way_around, joined_by_hand],
    "08.repair": [Viewed, a_picture_sequence],
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
