"""Lesson 06: more right answers and more wrong ones."""

import math

import numpy as np
import torch

# 06.updates


def _fit(optimizer_class=torch.optim.SGD, before=None, after=None, **settings):
    """Return a training function; ``before`` and ``after`` run between backward and step, and after the step."""

    def fit(x, y, lr, rounds):
        w = torch.zeros((), requires_grad=True)
        optimizer = optimizer_class([w], lr=lr, **settings)
        readings = []
        for _ in range(rounds):
            optimizer.zero_grad()
            (w * x - y).pow(2).mean().backward()
            if before:
                before(w)
            optimizer.step()
            readings.append((w.grad.item(), w.item()))
            if after:
                after(w)
        return readings

    return fit


def fitted_by_data(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for _ in range(rounds):
        w.grad = None
        (w * x - y).pow(2).mean().backward()
        w.data -= lr * w.grad
        readings.append([w.grad.item(), w.item()])
    return readings


def fitted_with_autograd_grad(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for _ in range(rounds):
        (g,) = torch.autograd.grad((w * x - y).pow(2).mean(), w)
        w = (w - lr * g).detach().requires_grad_()
        readings.append((g.item(), w.item()))
    return readings


def optimizer_in_the_loop(x, y, lr, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for _ in range(rounds):
        optimizer = torch.optim.SGD([w], lr=lr)
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(w * x, y).backward()
        optimizer.step()
        readings.append((w.grad.item(), w.item()))
    return readings


def weight_first(x, y, lr, rounds):
    return [(w, g) for g, w in fitted_by_data(x, y, lr, rounds)]


def last_reading_alone(x, y, lr, rounds):
    return fitted_by_data(x, y, lr, rounds)[-1:]


def one_round_more(x, y, lr, rounds):
    return fitted_by_data(x, y, lr, rounds + 1)


def first_reading_missing(x, y, lr, rounds):
    return fitted_by_data(x, y, lr, rounds + 1)[1:]


def summed_loss(x, y, lr, rounds):
    return [(g * len(x), w) for g, w in fitted_by_data(x, y, lr, rounds)]


def w_starts_again(x, y, lr, rounds):
    return fitted_by_data(x, y, lr, 1) * rounds


def _halved(w):
    w.grad.mul_(0.5)


def _cleared(w):
    w.grad.zero_()


def _clipped(w):
    w.grad.clamp_(-1, 1)


def _forgot(w):
    with torch.no_grad():
        w.zero_()


# 06.momentum


def momentum_in_place_of_a_copy(p, g, b, lr, mu):
    b = b.clone().mul_(mu).add_(g)
    return p - b * lr, b


def momentum_by_lists_of_terms(p, g, b, lr, mu):
    terms = torch.stack([mu * b, g])
    return p - lr * terms.sum(0), terms.sum(0)


def momentum_by_addcmul(p, g, b, lr, mu):
    new = torch.add(g, b, alpha=mu)
    return torch.sub(p, new, alpha=lr), new


MOMENTUM = [
    lambda p, g, b, lr, mu: (p - lr * (b + mu * g), b + mu * g),  # mu at the gradient
    lambda p, g, b, lr, mu: (p - lr * (mu * (b + g)), mu * (b + g)),
    lambda p, g, b, lr, mu: (p - mu * (lr * b + g), lr * b + g),  # lr and mu swapped
    lambda p, g, b, lr, mu: (p - (mu * b + g), mu * b + g),  # no lr
    lambda p, g, b, lr, mu: p - lr * (mu * b + g),  # the parameter alone
    lambda p, g, b, lr, mu: (mu * p - lr * (mu * b + g), mu * b + g),
    lambda p, g, b, lr, mu: (p - lr * (mu * b - g), mu * b - g),
    lambda p, g, b, lr, mu: (p - lr * (b + g), b + g),  # nothing is forgotten
    lambda p, g, b, lr, mu: (p - lr * g - mu * b, mu * b + g),
    lambda p, g, b, lr, mu: (p - lr * (mu * b + g), lr * (mu * b + g)),  # the step as the buffer
    lambda p, g, b, lr, mu: (p - lr * ((1 - mu) * b + g), (1 - mu) * b + g),
]


def momentum_into_the_buffer(p, g, b, lr, mu):
    b *= mu
    b += g
    return p - lr * b, b


def momentum_into_the_parameter(p, g, b, lr, mu):
    b = mu * b + g
    p -= lr * b
    return p, b


# 06.rmsprop


def rmsprop_in_place_of_a_copy(p, g, v, lr, alpha, eps):
    v = v.clone().mul_(alpha).addcmul_(g, g, value=1 - alpha)
    return torch.addcdiv(p, g, v.sqrt().add_(eps), value=-lr), v


def rmsprop_scaled_rate(p, g, v, lr, alpha, eps):
    v = v + (1 - alpha) * (torch.square(g) - v)
    rate = lr / (torch.sqrt(v) + eps)
    return p - rate * g, v


def rmsprop_with_numpy_power(p, g, v, lr, alpha, eps):
    v = g.pow(2) * (1 - alpha) + v * alpha
    return (p - g * lr / (eps + torch.pow(v, 0.5)), v)


def _v(g, v, alpha):
    return alpha * v + (1 - alpha) * g**2


RMSPROP = [
    lambda p, g, v, lr, alpha, eps: (
        p - lr * g / _v(g, v, alpha).sqrt() + eps,
        _v(g, v, alpha),
    ),  # eps beside the fraction
    lambda p, g, v, lr, alpha, eps: (p - lr * g / _v(g, v, alpha).sqrt(), _v(g, v, alpha)),  # no eps
    lambda p, g, v, lr, alpha, eps: (p - lr / (_v(g, v, alpha).sqrt() + eps), _v(g, v, alpha)),  # no gradient
    lambda p, g, v, lr, alpha, eps: (p - g / (_v(g, v, alpha).sqrt() + eps), _v(g, v, alpha)),  # no lr
    lambda p, g, v, lr, alpha, eps: (p - lr * g.sign() / (_v(g, v, alpha).sqrt() + eps), _v(g, v, alpha)),
    lambda p, g, v, lr, alpha, eps: (p - lr * g**2 / (_v(g, v, alpha).sqrt() + eps), _v(g, v, alpha)),
    lambda p, g, v, lr, alpha, eps: (
        p - lr * g / (_v(g, v, alpha).mean().sqrt() + eps),
        _v(g, v, alpha),
    ),  # one for all
    lambda p, g, v, lr, alpha, eps: (p - lr * g / (_v(g, v, 0.99).sqrt() + eps), _v(g, v, 0.99)),  # a fixed alpha
    lambda p, g, v, lr, alpha, eps: (p - lr * g / (_v(g, v, alpha).sqrt() + eps), _v(g, v, alpha) + eps),
    lambda p, g, v, lr, alpha, eps: (_v(g, v, alpha), p - lr * g / (_v(g, v, alpha).sqrt() + eps)),
    lambda p, g, v, lr, alpha, eps: (
        p - lr * g / (_v(g.abs() ** 0.5, v, alpha).sqrt() + eps),
        _v(g.abs() ** 0.5, v, alpha),
    ),
]


def rmsprop_into_v(p, g, v, lr, alpha, eps):
    v.mul_(alpha).addcmul_(g, g, value=1 - alpha)
    return p - lr * g / (v.sqrt() + eps), v


# 06.adam


def adam_by_lerp(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = g.lerp(m, beta1), g.square().lerp(v, beta2)
    return p - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps), m, v


def adam_with_corrected_names(p, g, m, v, t, lr, beta1, beta2, eps):
    m = m * beta1 + g * (1 - beta1)
    v = v * beta2 + g * g * (1 - beta2)
    return [p - lr / (1 - pow(beta1, t)) * m / (v.sqrt() / math.sqrt(1 - beta2**t) + eps), m, v]


def adam_sum_of_weights(p, g, m, v, t, lr, beta1, beta2, eps):
    """Divides by the sum of the weights that are present, added up one by one."""
    first = sum((1 - beta1) * beta1**k for k in range(t))
    second = sum((1 - beta2) * beta2**k for k in range(t))
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return p - lr * (m / first) / ((v / second).sqrt() + eps), m, v


def _adam(change_t=lambda t: t, change_g=lambda g: g, give=lambda p, m, v: (p, m, v), root=torch.sqrt, two=2, one=1):
    def adam(p, g, m, v, t, lr, beta1, beta2, eps):
        t, g = change_t(t), change_g(g)
        m = beta1 * m + (one - beta1) * g
        v = beta2 * v + (1 - beta2) * g**two
        return give(p - lr * m / (1 - beta1**t) / (root(v / (1 - beta2**t)) + eps), m, v)

    return adam


ADAM = [
    _adam(change_t=lambda t: t + 1),
    _adam(change_t=lambda t: max(t - 1, 1)),
    _adam(change_t=lambda t: 2 * t),
    _adam(change_g=torch.sign),
    _adam(change_g=lambda g: -g),
    _adam(give=lambda p, m, v: p),
    _adam(give=lambda p, m, v: (p, v, m)),
    _adam(give=lambda p, m, v: (m, v, p)),
    _adam(give=lambda p, m, v: (p, m)),
    _adam(give=lambda p, m, v: (p, m, v.sqrt())),
    _adam(root=lambda v: v),
    _adam(root=lambda v: v.mean().sqrt()),
    _adam(two=4),
    _adam(one=2),
]


def adam_without_weights(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + g, beta2 * v + g**2
    return p - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps), m, v


def adam_multiplied(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return p - lr * m * (1 - beta1**t) / ((v * (1 - beta2**t)).sqrt() + eps), m, v


def adam_into_m(p, g, m, v, t, lr, beta1, beta2, eps):
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    v = beta2 * v + (1 - beta2) * g**2
    return p - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps), m, v


# 06.schedule


def lr_in_one_line(t, total, warmup, peak):
    wave = 0.5 * (1 + math.cos((t - warmup) * math.pi / (total - warmup)))
    return peak * (wave if t >= warmup else (1 + t) / warmup)


def lr_by_numpy(t, total, warmup, peak):
    if warmup and t + 1 <= warmup:
        return peak / warmup * (t + 1)
    return peak * np.cos(np.pi / 2 * (t - warmup) / (total - warmup)) ** 2


def lr_by_sine(t, total, warmup, peak):
    if t < warmup:
        return peak * (t + 1) / warmup
    return peak * (1 - math.sin(math.pi / 2 * (t - warmup) / (total - warmup)) ** 2)


def _lr(warm, wave):
    def lr_at(t, total, warmup, peak):
        return warm(t, total, warmup, peak) if t < warmup else wave(t, total, warmup, peak)

    return lr_at


def _warm(t, total, warmup, peak):
    return peak * (t + 1) / warmup


def _wave(t, total, warmup, peak):
    return peak * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2


SCHEDULE = [
    _lr(lambda t, total, warmup, peak: peak * (t + 1) / (warmup + 1), _wave),
    _lr(lambda t, total, warmup, peak: peak, _wave),
    _lr(lambda t, total, warmup, peak: peak * (t + 1) / total, _wave),
    _lr(lambda t, total, warmup, peak: (t + 1) / warmup, _wave),
    _lr(_warm, lambda t, total, warmup, peak: peak),
    _lr(_warm, lambda t, total, warmup, peak: peak * math.cos(math.pi / 2 * (t - warmup) / (total - warmup))),
    _lr(_warm, lambda t, total, warmup, peak: peak * (1 + math.cos(2 * math.pi * (t - warmup) / (total - warmup))) / 2),
    _lr(_warm, lambda t, total, warmup, peak: peak * (1 + math.cos((t - warmup) / (total - warmup))) / 2),
    _lr(_warm, lambda t, total, warmup, peak: peak * (1 + math.cos(math.pi * (t - warmup + 1) / (total - warmup))) / 2),
    _lr(_warm, lambda t, total, warmup, peak: peak * (1 + math.cos(math.pi * (t - warmup) / (total - warmup - 1))) / 2),
    _lr(_warm, lambda t, total, warmup, peak: 0.5 * (1 + math.cos(math.pi * (t - warmup) / (total - warmup)))),
    lambda t, total, warmup, peak: (
        _warm(t, total, warmup, peak) if warmup and t <= warmup else _wave(t, total, warmup, peak)
    ),
    lambda t, total, warmup, peak: round(_lr(_warm, _wave)(t, total, warmup, peak), 3),
]

ACCEPTED = {
    "06.updates": [_fit(), fitted_by_data, fitted_with_autograd_grad, optimizer_in_the_loop],
    "06.momentum": [momentum_in_place_of_a_copy, momentum_by_lists_of_terms, momentum_by_addcmul],
    "06.rmsprop": [rmsprop_in_place_of_a_copy, rmsprop_scaled_rate, rmsprop_with_numpy_power],
    "06.adam": [adam_by_lerp, adam_with_corrected_names, adam_sum_of_weights],
    "06.schedule": [lr_in_one_line, lr_by_numpy, lr_by_sine],
    "06.order": [
        ["zero_grad", "forward", "zero_grad", "backward", "step", "schedule"],
        ["zero_grad", "forward", "backward", "step", "schedule", "forward"],
    ],
}
REJECTED = {
    "06.updates": [
        _fit(momentum=0.9),
        _fit(torch.optim.Adam),
        _fit(weight_decay=0.1),
        _fit(maximize=True),
        _fit(before=_halved),
        _fit(before=_cleared),
        _fit(before=_clipped),
        _fit(after=_forgot),
        weight_first,
        last_reading_alone,
        one_round_more,
        first_reading_missing,
        summed_loss,
        w_starts_again,
    ],
    "06.momentum": [*MOMENTUM, momentum_into_the_buffer, momentum_into_the_parameter],
    "06.rmsprop": [*RMSPROP, rmsprop_into_v],
    "06.adam": [*ADAM, adam_without_weights, adam_multiplied, adam_into_m],
    "06.schedule": SCHEDULE,
    "06.order": [
        ["zero_grad", "forward", "backward", "step", "schedule", "schedule"],
        ["zero_grad", "forward", "backward", "step", "step", "schedule"],
        ["zero_grad", "forward", "backward", "schedule"],
        ["zero_grad", "forward", "backward", "backward", "step", "schedule"],
        ["schedule", "zero_grad", "forward", "backward", "step"],
        ["step", "zero_grad", "forward", "backward", "schedule"],
        ["forward", "backward", "schedule", "zero_grad", "step"],
        ["zero_grad", "backward", "forward", "step", "schedule"],
        ["zero_grad", "forward", "schedule", "backward", "step"],
        ["zero_grad"],
        "zero_grad forward backward step schedule",
    ],
}
