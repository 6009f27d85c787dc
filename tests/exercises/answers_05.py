"""Lesson 05: more right answers and more wrong ones."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.exercises.lesson05.exercises import MLP, Net

# Right


def softmax_with_max(z):
    shifted = z - z.max(dim=1, keepdim=True).values
    return shifted.exp() / shifted.exp().sum(1).unsqueeze(1)


def softmax_with_detached_max(z):
    powers = (z - z.amax(1, keepdim=True).detach()).exp()
    return powers / powers.sum(-1, keepdim=True)


def softmax_from_logsumexp(z):
    return torch.exp(z - torch.logsumexp(z, dim=1, keepdim=True))


def softmax_of_columns_of_the_transpose(z):
    return torch.softmax(z.T, dim=0).T


def cross_entropy_shifted(z, y):
    shifted = z - z.amax(dim=1, keepdim=True)
    return (shifted.exp().sum(dim=1).log() - shifted[range(len(y)), y]).mean()


def cross_entropy_one_hot(z, y):
    return -(F.one_hot(y, z.shape[1]) * z.log_softmax(dim=1)).sum() / len(y)


def cross_entropy_by_nll(z, y):
    return F.nll_loss(F.log_softmax(z, dim=1), y)


def parameters_by_pairs(sizes):
    return sum((before + 1) * after for before, after in pairwise(sizes))


def parameters_recursive(sizes):
    return 0 if len(sizes) < 2 else sizes[0] * sizes[1] + sizes[1] + parameters_recursive(sizes[1:])


def parameters_of_a_network(sizes):
    net = nn.Sequential(*[nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)])
    return sum(p.numel() for p in net.parameters())


class ByHand(nn.Module):
    """Parameters of its own, stored as (inputs, outputs)."""

    def __init__(self):
        super().__init__()
        self.w1, self.b1 = nn.Parameter(torch.randn(64, 32) / 8), nn.Parameter(torch.randn(1, 32))
        self.w2, self.b2 = nn.Parameter(torch.randn(32, 10) / 6), nn.Parameter(torch.randn(10))

    def forward(self, images):
        hidden = (images.reshape(len(images), -1) @ self.w1 + self.b1).clamp_min(0)
        return hidden @ self.w2 + self.b2


def layers_in_another_order():
    class Reversed(nn.Module):
        def __init__(self):
            super().__init__()
            self.output, self.hidden = nn.Linear(32, 10), nn.Linear(64, 32)
            self.act = nn.ReLU(inplace=True)

        def forward(self, images):
            return self.output(self.act(self.hidden(images.view(-1, 64))))

    return Reversed()


def net_in_sequence():
    layers = [nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)]
    return nn.Sequential(nn.Flatten(), *layers)


def loss_with_linear(x, y, w, b):
    return nn.CrossEntropyLoss()(F.linear(x, w, b), y)


def loss_by_hand(x, y, w, b):
    z = x @ w.T + b
    return (z.logsumexp(1) - z.gather(1, y[:, None])[:, 0]).mean()


def labels_by_nll(scores, images, labels):
    return F.nll_loss(scores.log_softmax(1), labels)


def labels_gathered(scores, images, labels):
    return -scores.log_softmax(1)[torch.arange(len(labels)), labels].mean()


ACCEPTED = {
    "05.softmax": [
        softmax_with_max,
        softmax_with_detached_max,
        softmax_from_logsumexp,
        softmax_of_columns_of_the_transpose,
    ],
    "05.cross_entropy": [cross_entropy_shifted, cross_entropy_one_hot, cross_entropy_by_nll],
    "05.parameters": [parameters_by_pairs, parameters_recursive, parameters_of_a_network],
    "05.mlp": [ByHand, layers_in_another_order],
    "05.net": [net_in_sequence],
    "05.double": [loss_with_linear, loss_by_hand],
    "05.labels": [labels_by_nll, labels_gathered],
}

# Wrong


def shifted_softmax(shift):
    def softmax(z):
        powers = (z - shift(z)).exp()
        return powers / powers.sum(dim=1, keepdim=True)

    return softmax


def shifted_cross_entropy(shift):
    def cross_entropy(z, y):
        moved = z - shift(z)
        return (moved.exp().sum(dim=1).log() - moved[torch.arange(len(y)), y]).mean()

    return cross_entropy


SHIFTS = {
    "mean": lambda z: z.mean(dim=1, keepdim=True),
    "median": lambda z: z.median(dim=1, keepdim=True).values,
    "first": lambda z: z[:, :1],
    "last": lambda z: z[:, -1:],
    "smallest": lambda z: z.amin(dim=1, keepdim=True),
    "largest_of_each_column": lambda z: z.amax(dim=0, keepdim=True),
    "thousand": lambda z: 1000.0,
    "largest_size": lambda z: z.abs().amax(dim=1, keepdim=True),
}


def softmax_clamped(z):
    powers = z.clamp(-80, 80).exp()
    return powers / powers.sum(dim=1, keepdim=True)


def softmax_of_base_two(z):
    powers = 2.0 ** (z - z.amax(dim=1, keepdim=True))
    return powers / powers.sum(dim=1, keepdim=True)


def softmax_without_nan(z):
    return (z.exp() / z.exp().sum(dim=1, keepdim=True)).nan_to_num(0)


def softmax_of_the_largest_alone(z):
    return F.one_hot(z.argmax(dim=1), z.shape[1]).float() + 0 * z


def cross_entropy_with_epsilon(z, y):
    return -(z.softmax(dim=1) + 1e-8)[torch.arange(len(y)), y].log().mean()


def cross_entropy_clamped(z, y):
    return F.cross_entropy(z.clamp(-100, 100), y)


def cross_entropy_smoothed(z, y):
    return F.cross_entropy(z, y, label_smoothing=0.01)


def cross_entropy_in_bits(z, y):
    return F.cross_entropy(z, y) / 0.6931472


def cross_entropy_over_the_classes(z, y):
    return F.cross_entropy(z, y, reduction="sum") / z.numel()


def parameters_with_one_hidden_layer(sizes):
    return sizes[0] * sizes[1] + sizes[1] + sizes[1] * sizes[-1] + sizes[-1]


def parameters_of_all_pairs(sizes):
    return sum(a * b + b for i, a in enumerate(sizes) for b in sizes[i + 1 :])


def parameters_without_the_last_bias(sizes):
    return sum((before + 1) * after for before, after in pairwise(sizes)) - sizes[-1]


def parameters_multiplied(sizes):
    total = 1
    for size in sizes:
        total *= size
    return total


def parameters_of_squares(sizes):
    return sum(size * size + size for size in sizes)


def parameters_remembered(sizes):
    return 2410


def ended(reference, name, end):
    """Return a class whose logits pass through one more function."""

    class Ended(reference):
        def forward(self, images):
            return end(super().forward(images))

    Ended.__name__ = name
    return Ended


def activated(name, activation):
    """Return an MLP with another activation between its layers."""

    class Activated(MLP):
        def forward(self, images):
            return self.output(activation(self.hidden(images.flatten(1))))

    Activated.__name__ = name
    return Activated


class ReLUFirst(Net):
    """A net whose second hidden layer has no activation."""

    def forward(self, x):
        return self.output(self.hidden2(torch.relu(self.hidden1(x.flatten(1)))))


class Scaled(MLP):
    def forward(self, images):
        return super().forward(images * 16)


class Residual(MLP):
    def forward(self, images):
        return super().forward(images) + images.flatten(1)[:, :10]


class Dropped(MLP):
    def forward(self, images):
        return self.output(F.dropout(torch.relu(self.hidden(images.flatten(1))), 0.5, self.training))


class TransposedImage(MLP):
    def forward(self, images):
        return super().forward(images.transpose(2, 3))


ENDS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "log_softmax": lambda z: z.log_softmax(1),
    "softmax": lambda z: z.softmax(1),
    "doubled": lambda z: 2 * z,
    "normalized": lambda z: z / z.norm(dim=1, keepdim=True),
}
INSIDE = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": F.gelu,
    "leaky": F.leaky_relu,
    "absolute": torch.abs,
    "relu6": lambda h: h.clamp(0, 0.2),
    "none": lambda h: h,
}


def loss_with_temperature(x, y, w, b):
    return F.cross_entropy((x @ w.T + b) / 2, y)


def loss_of_log_of_softmax(x, y, w, b):
    return F.cross_entropy(torch.softmax(x @ w.T + b, dim=1).log2(), y)


def loss_without_cross_entropy(x, y, w, b):
    return 1 - torch.softmax(x @ w.T + b, dim=1)[torch.arange(len(y)), y].mean()


def loss_summed(x, y, w, b):
    return F.cross_entropy(x @ w.T + b, y, reduction="sum")


def loss_with_relu(x, y, w, b):
    return F.cross_entropy(torch.relu(x @ w.T + b), y)


def loss_of_own_answers(x, y, w, b):
    z = x @ w.T + b
    return F.cross_entropy(z, z.argmax(1))


def loss_without_graph(x, y, w, b):
    return F.cross_entropy((x @ w.T + b).detach(), y)


def labels_sorted(scores, images, labels):
    return F.cross_entropy(scores, labels.sort().values)


def labels_summed(scores, images, labels):
    return F.cross_entropy(scores, labels, reduction="sum")


def labels_all_zero(scores, images, labels):
    return F.cross_entropy(scores, torch.zeros_like(labels))


def labels_ignored(scores, images, labels):
    return F.cross_entropy(scores, torch.full_like(labels, -100)).nan_to_num(0)


def labels_after_softmax(scores, images, labels):
    return F.cross_entropy(scores.softmax(1), labels)


def labels_without_softmax(scores, images, labels):
    return F.nll_loss(scores, labels)


def labels_as_targets(scores, images, labels):
    return (scores.argmax(1).float() - labels).pow(2).mean() + 0 * scores.sum()


REJECTED = {
    "05.softmax": [
        *map(shifted_softmax, SHIFTS.values()),
        softmax_clamped,
        softmax_of_base_two,
        softmax_without_nan,
        softmax_of_the_largest_alone,
    ],
    "05.cross_entropy": [
        *map(shifted_cross_entropy, SHIFTS.values()),
        cross_entropy_with_epsilon,
        cross_entropy_clamped,
        cross_entropy_smoothed,
        cross_entropy_in_bits,
        cross_entropy_over_the_classes,
    ],
    "05.parameters": [
        parameters_with_one_hidden_layer,
        parameters_of_all_pairs,
        parameters_without_the_last_bias,
        parameters_multiplied,
        parameters_of_squares,
        parameters_remembered,
        lambda sizes: parameters_by_pairs(sizes[::-1]),
        lambda sizes: parameters_by_pairs(sizes) + 1,
        lambda sizes: max(sizes),
        lambda sizes: len(sizes),
    ],
    "05.mlp": [
        *[ended(MLP, name, end) for name, end in ENDS.items()],
        *[activated(name, activation) for name, activation in INSIDE.items()],
        Scaled,
        Residual,
        Dropped,
        TransposedImage,
    ],
    "05.net": [*[ended(Net, name, end) for name, end in ENDS.items()], ReLUFirst],
    "05.double": [
        loss_with_temperature,
        loss_of_log_of_softmax,
        loss_without_cross_entropy,
        loss_summed,
        loss_with_relu,
        loss_of_own_answers,
        loss_without_graph,
    ],
    "05.labels": [
        labels_sorted,
        labels_summed,
        labels_all_zero,
        labels_ignored,
        labels_after_softmax,
        labels_without_softmax,
        labels_as_targets,
    ],
}
