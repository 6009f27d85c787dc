"""Answers that must pass besides the solutions, and models that must not.

More of both, for each lesson, stand in ``answers_NN.py`` beside this file: ``ACCEPTED`` and ``REJECTED``, lists by id of the exercise.
"""

from importlib import import_module
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset

from dlviz.exercises.lesson05.exercises import MLP
from dlviz.exercises.mistakes import as_functions

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


def by_optimizer(x, y, rounds):
    w = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    readings = []
    for inputs, targets in zip(x, y, strict=True):
        optimizer.zero_grad()
        (w * inputs - targets).pow(2).mean().backward()
        readings.append(w.grad.item())
    return readings


def zeroed_in_place(x, y, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for i in range(rounds):
        if w.grad is not None:
            w.grad.zero_()
        (w * x[i] - y[i]).square().mean().backward()
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


def step_by_optimizer(w, b, x, y, lr):
    parameters = [w.detach().clone().requires_grad_(), b.detach().clone().requires_grad_()]
    optimizer = torch.optim.SGD(parameters, lr=lr)
    F.mse_loss(parameters[0] * x + parameters[1], y).backward()
    optimizer.step()
    return parameters


def step_still_tracked(w, b, x, y, lr):
    gradients = torch.autograd.grad(((w * x + b - y) ** 2).mean(), (w, b))
    return w - lr * gradients[0], b - lr * gradients[1]


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
    optimizer = torch.optim.SGD([w, b], lr=lr)
    log = []
    for _ in range(3):
        loss = F.mse_loss(w * x + b, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
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


def counted_by_torch(sizes):
    layers = [nn.Linear(*pair, device="meta") for pair in pairwise(sizes)]
    return sum(p.numel() for layer in layers for p in layer.parameters())


def inputs_and_a_one(sizes):
    return sum((into + 1) * out for into, out in pairwise(sizes))


def softmax_by_torch(z):
    return F.softmax(z, dim=1)


def softmax_by_logarithms(z):
    return (z - z.logsumexp(dim=1, keepdim=True)).exp()


def softmax_row_by_row(z):
    return torch.stack([(row - row.max()).exp() / (row - row.max()).exp().sum() for row in z])


def cross_entropy_by_torch(z, y):
    return nn.CrossEntropyLoss()(z, y)


def cross_entropy_gathered(z, y):
    return -z.log_softmax(1).gather(1, y.unsqueeze(1)).mean()


def cross_entropy_row_by_row(z, y):
    return sum(torch.logsumexp(row, 0) - row[label] for row, label in zip(z, y, strict=True)) / len(y)


def softmax_then_its_log(x, y, w, b):
    return F.nll_loss(F.log_softmax(F.linear(x, w, b), dim=1), y)


def log_softmax_first(x, y, w, b):  # harmless: its own softmax is what it came from
    return F.cross_entropy(torch.log_softmax(x @ w.T + b, dim=1), y)


def given_labels(scores, images, labels):
    return nn.CrossEntropyLoss()(scores, labels)


def one_hot_labels(scores, images, labels):
    return F.cross_entropy(scores, F.one_hot(labels, 10).float())


class WithF(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(784, 128)
        self.hidden2 = nn.Linear(128, 64)
        self.output = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.hidden1(x.flatten(1)))
        return self.output(F.relu(self.hidden2(x)))


def a_digit_sequence():
    sizes = (784, 128, 64)
    hidden = [layer for i in range(2) for layer in (nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(64, 10))


class Pairs(Dataset):
    def __init__(self, images, labels, transform=None):
        self.pairs = list(zip(images, labels, strict=True))
        self.transform = transform or nn.Identity()

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        image, label = self.pairs[i]
        return self.transform(image), int(label)


class Inherited(TensorDataset):
    def __init__(self, images, labels, transform=None):
        super().__init__(images, labels)
        self.change = transform

    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        return (image if self.change is None else self.change(image)), label


def accuracy_of_columns(scores, targets):
    return (scores.argmax(1, keepdim=True) == targets).float().mean()


def accuracy_counted(scores, targets):
    found = scores.max(dim=1).indices
    return (found == targets.squeeze(1)).sum() / len(scores)


def split_by_mask(images, labels, tests, seed):
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    images, labels = images[order], labels[order]
    x, y = images[tests:], labels[tests:]
    return torch.cat((x, x * 0.8)), y.repeat(2), images[:tests], labels[:tests]


def measured_in_inference_mode(model, images, labels):
    was = model.training
    with torch.inference_mode():
        right = (model.eval()(images).max(1).indices == labels).sum().item()
    model.train(was)
    return right / len(labels)


def measured_even_if_it_fails(model, images, labels):
    before = model.training
    try:
        model.eval()
        with torch.no_grad():
            return (model(images).softmax(1).argmax(1) == labels).float().mean()
    finally:
        if before:
            model.train()


def filled_column_by_column(train, test):
    tables = []
    for table in (train, test):
        columns = []
        for column, known in zip(table.T, train.T, strict=True):
            mean = known[~known.isnan()].mean()
            columns.append(column.where(~column.isnan(), mean))
        tables.append(torch.stack([*columns, *table.isnan().T.float()], dim=1))
    return tables


def filled_in_place_of_copies(train, test):
    mean = train.nanmean(dim=0, keepdim=True)
    found = []
    for table in (train, test):
        x, gap = table.clone(), torch.isnan(table)
        x[gap] = mean.expand_as(x)[gap]
        found.append(torch.hstack([x, gap.to(x.dtype)]))
    return tuple(found)


def zeroed_at_the_end(x, y, lr, rounds):
    w, readings = torch.zeros((), requires_grad=True), []
    for _ in range(rounds):
        (w * x - y).pow(2).mean().backward()
        with torch.no_grad():
            w -= lr * w.grad
        readings.append((w.grad.item(), w.item()))
        w.grad = None
    return readings


def fitted_by_hand(x, y, lr, rounds):
    w, readings = torch.zeros(()), []
    for _ in range(rounds):
        slope = (2 * (w * x - y) * x).mean()
        w = w - lr * slope
        readings.append([slope.item(), w.item()])
    return readings


def from_torch(kind, names, p, g, kept, t=1, **settings):
    """One step of a torch optimizer whose state stands as given."""
    q = p.clone().requires_grad_()
    optimizer = kind([q], **settings)
    optimizer.state[q] = {"step": torch.tensor(t - 1.0), **dict(zip(names, [one.clone() for one in kept], strict=True))}
    q.grad = g.clone()
    optimizer.step()
    return q.detach(), *(optimizer.state[q][name] for name in names)


def momentum_by_torch(p, g, b, lr, mu):
    return from_torch(torch.optim.SGD, ["momentum_buffer"], p, g, [b], lr=lr, momentum=mu)


def momentum_in_one_line(p, g, b, lr, mu):
    return [p - lr * (mu * b) - lr * g, g.add(b, alpha=mu)]


def rmsprop_by_torch(p, g, v, lr, alpha, eps):
    return from_torch(torch.optim.RMSprop, ["square_avg"], p, g, [v], lr=lr, alpha=alpha, eps=eps)


def rmsprop_by_lerp(p, g, v, lr, alpha, eps):
    v = v.lerp(g * g, 1 - alpha)
    return p - lr / (eps + v**0.5) * g, v


def adam_by_torch(p, g, m, v, t, lr, beta1, beta2, eps):
    names = ["exp_avg", "exp_avg_sq"]
    return from_torch(torch.optim.Adam, names, p, g, [m, v], t, lr=lr, betas=(beta1, beta2), eps=eps)


def adam_with_one_rate(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = torch.lerp(m, g, 1 - beta1), torch.lerp(v, g * g, 1 - beta2)
    root = (1 - beta2**t) ** 0.5
    return p - lr * root / (1 - beta1**t) * m / (v.sqrt() + eps * root), m, v


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


def stepped_by_torch(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.rnn_tanh_cell(x, h, w_ih, w_hh, b_ih, b_hh)


def stepped_joined(x, h, w_ih, w_hh, b_ih, b_hh):
    return (torch.cat([x, h], dim=1) @ torch.cat([w_ih, w_hh], dim=1).T + (b_ih + b_hh)).tanh()


def clipped_by_torch(a, b, limit):
    pair = torch.zeros_like(a).requires_grad_(), torch.zeros_like(b).requires_grad_()
    pair[0].grad, pair[1].grad = a.clone(), b.clone()
    nn.utils.clip_grad_norm_(pair, limit)
    return pair[0].grad, pair[1].grad


def clipped_if_long(a, b, limit):
    length = torch.cat([a.flatten(), b.flatten()]).norm().item()
    return [a * limit / length, b * limit / length] if length > limit else [a, b]


def detached_before(net, optimizer, x, y, size):
    state = None
    for begin in range(0, len(x), size):
        if state is not None:
            state = state.detach()
        guess, state = net(x[begin : begin + size], state)
        loss = F.mse_loss(guess, y[begin : begin + size])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return state


def detached_by_data(net, optimizer, x, y, size):
    state = torch.zeros(1, 4)
    for past, future in zip(x.split(size), y.split(size), strict=True):
        optimizer.zero_grad()
        guess, state = net(past, state.data)
        F.mse_loss(guess, future).backward()
        optimizer.step()
    return state


def remembered_by_halves(lstm, bias):
    hidden = lstm.hidden_size
    for name, values in lstm.named_parameters():
        if "bias" in name:
            values.data[hidden : 2 * hidden] = bias / 2


def remembered_gate_by_gate(lstm, bias):
    with torch.no_grad():
        for ends in (f"_l{layer}{way}" for layer in range(lstm.num_layers) for way in ("", "_reverse")):
            if hasattr(lstm, "bias_ih" + ends):
                getattr(lstm, "bias_ih" + ends).chunk(4)[1].zero_()
                getattr(lstm, "bias_hh" + ends).chunk(4)[1].fill_(bias)


def looked_up_by_torch(words, upstream, count):
    table = torch.zeros(count, upstream.shape[1], requires_grad=True)
    F.embedding(words, table).backward(upstream)
    return table.grad


def added_row_by_row(words, upstream, count):
    table = torch.zeros(count, upstream.shape[1])
    return table.index_add(0, words, upstream)


def told_apart_by_cross_entropy(middle, around, drawn):
    scores = torch.cat([around.unsqueeze(1), drawn], dim=1) @ middle.unsqueeze(2)
    truth = torch.zeros_like(scores)
    truth[:, 0] = 1
    return F.binary_cross_entropy_with_logits(scores, truth, reduction="sum") / len(middle)


def softened(middle, around, drawn):
    right = torch.einsum("nd,nd->n", middle, around)
    wrong = torch.einsum("nd,nkd->nk", middle, drawn)
    return (F.softplus(-right) + F.softplus(wrong).sum(1)).mean()


def ranked_by_cosine_similarity(vectors, a, b, c):
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    cosines = F.cosine_similarity(vectors, unit[b] - unit[a] + unit[c])
    return torch.tensor([row for row in cosines.argsort(descending=True).tolist() if row not in (a, b, c)])


def bagged_by_torch(table, texts):
    words = torch.tensor([word for text in texts for word in text])
    begins = torch.tensor([sum(map(len, texts[:k])) for k in range(len(texts))])
    return F.embedding_bag(words, table, begins, mode="mean")


def averaged_text_by_text(table, texts):
    return torch.stack([table[text].mean(0) for text in texts])


ACCEPTED = {
    "00.double": [added, by_a_float],
    "01.left-halves": [by_ellipsis, by_narrow],
    "01.outer": [by_einsum, by_unsqueeze],
    "01.standardize": [by_loop, with_keepdim],
    "01.floats": [cast_afterwards],
    "02.strides": [asked_torch, from_the_right],
    "02.address": [by_sum],
    "02.flatten": [by_flatten, by_hand],
    "02.view": [by_reshape, by_hand],
    "03.hand-gradient": [by_matmul, by_autograd],
    "03.two-paths": [path_by_path, by_dot, by_backward],
    "03.finite-difference": [with_eye],
    "03.untracked": [tracked_at_once, asked_for_directly],
    "03.accumulated": [by_optimizer, zeroed_in_place],
    "05.mlp": [a_sequence, a_sequence(), Listed],
    "03.order": [
        ["forward", "zero_grad", "backward", "step"],
        ("forward", "backward", "step", "zero_grad"),
    ],
    "04.step": [step_by_formula, step_by_optimizer, step_still_tracked],
    "04.trace": [traced_by_hand, zeroed_last],
    "04.broadcast": [both_flat, y_as_x, x_flat],
    "04.mask": [rows_known, replaced_before],
    "06.updates": [zeroed_at_the_end, fitted_by_hand],
    "06.order": [
        ["forward", "zero_grad", "backward", "step", "schedule"],
        ["forward", "backward", "step", "zero_grad", "schedule"],
        ["forward", "backward", "step", "schedule", "zero_grad"],
    ],
    "06.momentum": [momentum_by_torch, momentum_in_one_line],
    "06.rmsprop": [rmsprop_by_torch, rmsprop_by_lerp],
    "06.adam": [adam_by_torch, adam_with_one_rate],
    "05.parameters": [counted_by_torch, inputs_and_a_one],
    "05.softmax": [softmax_by_torch, softmax_by_logarithms, softmax_row_by_row],
    "05.cross_entropy": [cross_entropy_by_torch, cross_entropy_gathered, cross_entropy_row_by_row],
    "05.double": [softmax_then_its_log, log_softmax_first],
    "05.labels": [given_labels, one_hot_labels],
    "05.net": [WithF, a_digit_sequence],
    "07.dataset": [Pairs, Inherited],
    "07.accuracy": [accuracy_of_columns, accuracy_counted],
    "07.leakage": [split_by_mask],
    "07.mode": [measured_in_inference_mode, measured_even_if_it_fails],
    "07.gaps": [filled_column_by_column, filled_in_place_of_copies],
    "08.conv2d": [asked_functional, by_unfold, kernel_place_by_place],
    "08.max_pool": [pooled_by_torch, pooled_by_views],
    "08.out_size": [counted, measured],
    "08.equivariance": [the_other_way_around, joined_by_hand],
    "08.repair": [Viewed, a_picture_sequence],
    "09.cell": [stepped_by_torch, stepped_joined],
    "09.clip": [clipped_by_torch, clipped_if_long],
    "09.detach": [detached_before, detached_by_data],
    "09.forget": [remembered_by_halves, remembered_gate_by_gate],
    "10.lookup": [looked_up_by_torch, added_row_by_row],
    "10.negatives": [told_apart_by_cross_entropy, softened],
    "10.analogy": [ranked_by_cosine_similarity],
    "10.bag": [bagged_by_torch, averaged_text_by_text],
}


# Models that must not pass, by the fault that is to be reported: changes of the solution.
FAULTY = as_functions(
    MLP,
    {
        "output": {"images.flatten(1))))": "images.flatten(1)))).squeeze()"},
        "changed": {"images.flatten": "images.sub_(0.1).flatten"},
        "hidden": {
            "self.hidden = nn.Linear(64, 32)": "self.layers = [nn.Linear(64, 32), nn.Linear(32, 10)]",
            "self.output = nn.Linear(32, 10)": "",
            "self.output(torch": "self.layers[1](torch",
            "self.hidden(images": "self.layers[0](images",
        },
        "count": {"(64, 32)": "(64, 16)", "(32, 10)": "(16, 10)"},
        "frozen": {"(64, 32)": "(64, 32).requires_grad_(False)"},
        "no-gradient": {"images.flatten(1)))": "images.flatten(1))).detach()"},
        "zero-gradient": {"self.hidden(images": "0 * self.hidden(images"},
        "mixed": {"self.hidden(images.flatten(1))": "(h := self.hidden(images.flatten(1))) - h.mean(0)"},
        "probabilities": {"images.flatten(1))))": "images.flatten(1)))).softmax(1)"},
        "straight": {"torch.relu": ""},
    },
)

#: Answers that must not pass, though they share much with right ones.
REJECTED = {}
for file in sorted(Path(__file__).parent.glob("answers_??.py")):
    more = import_module(f"tests.exercises.{file.stem}")
    for id, answers in more.ACCEPTED.items():
        ACCEPTED[id] = [*ACCEPTED.get(id, []), *answers]
    REJECTED.update(more.REJECTED)
