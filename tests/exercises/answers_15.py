"""Lesson 15: more right answers and more wrong ones."""

import torch

from dlviz import diffusion
from dlviz.exercises.lesson15.exercises import add_noise, ddim_step, guided_noise, reverse_step, walk_back
from dlviz.exercises.mistakes import as_functions

# 15.add-noise


def image_by_image(x0, t, noise, betas):
    made = []
    for image, step, extra in zip(x0, t.tolist(), noise, strict=True):
        signal = 1.0
        for k in range(step + 1):
            signal = signal * (1 - betas[k])
        made.append(signal**0.5 * image + (1 - signal) ** 0.5 * extra)
    return torch.stack(made)


def step_by_step_in_variances(x0, t, noise, betas):
    signal, variance = torch.ones(len(t), 1, 1, 1), torch.zeros(len(t), 1, 1, 1)
    for k, beta in enumerate(betas):
        now = (k <= t).reshape(-1, 1, 1, 1)
        signal = torch.where(now, signal * (1 - beta).sqrt(), signal)
        variance = torch.where(now, variance * (1 - beta) + beta, variance)
    return signal * x0 + variance.sqrt() * noise


def with_none(x0, t, noise, betas):
    a = torch.cumprod(1.0 - betas, 0)[t][:, None, None, None]
    return x0 * a**0.5 + noise * (1 - a) ** 0.5


def by_the_room(x0, t, noise, betas):
    return diffusion.add_noise(x0, t, noise, diffusion.Schedule(betas))


def every_image_at_the_first_step(x0, t, noise, betas):
    return add_noise(x0, torch.full_like(t, t[0]), noise, betas)


def noise_replaced(x0, t, noise, betas):
    return add_noise(x0, t, noise.flip(0), betas)


def down_the_columns(x0, t, noise, betas):
    a = (1 - betas).cumprod(0)[t].repeat(2)[: x0.shape[2]].reshape(1, 1, -1, 1)
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


# 15.reverse


def from_predicted_data(x, t, predicted, betas, noise):
    """The same mean, as the mixture of the predicted data and x."""
    bars = torch.cat([torch.ones(1), (1 - betas).cumprod(0)])
    bar, before, alpha = bars[t + 1], bars[t], 1 - betas[t]
    x0 = (x - (1 - bar).sqrt() * predicted) / bar.sqrt()
    mean = before.sqrt() * betas[t] / (1 - bar) * x0 + alpha.sqrt() * (1 - before) / (1 - bar) * x
    return mean + (t > 0) * betas[t].sqrt() * noise


def with_a_product(x, t, predicted, betas, noise):
    bar = (1 - betas[: t + 1]).prod()
    x = (x - betas[t] * predicted / (1 - bar) ** 0.5) / (1 - betas[t]) ** 0.5
    return x + betas[t] ** 0.5 * noise if t else x


def by_the_score(x, t, predicted, betas, noise):
    score = -predicted / (1 - (1 - betas).cumprod(0)[t]).sqrt()
    return (x + betas[t] * score) / (1 - betas[t]).sqrt() + (noise * betas[t].sqrt() if t > 0 else 0)


def next_beta(x, t, predicted, betas, noise):
    return reverse_step(x, max(t - 1, 0), predicted, betas, noise)


def half_the_noise(x, t, predicted, betas, noise):
    return reverse_step(x, t, predicted, betas, noise / 2)


# 15.loop


def counting_down(model, x, betas, noises):
    t = len(betas) - 1
    while t >= 0:
        bar = (1 - betas[: t + 1]).prod()
        x = (x - betas[t] * model(x, torch.tensor([t] * len(x))) / (1 - bar).sqrt()) / (1 - betas[t]).sqrt()
        x = x + betas[t].sqrt() * noises[t] * (t != 0)
        t -= 1
    return x


def by_the_exercise_before(model, x, betas, noises):
    for t in range(len(betas) - 1, -1, -1):
        x = reverse_step(x, t, model(x, torch.full((len(x),), t)), betas, noises[t])
    return x


def noises_from_the_front(model, x, betas, noises):
    return walk_back(model, x, betas, noises.flip(0))


def every_second_step(model, x, betas, noises):
    return walk_back(model, x, betas[::2], noises[::2])


def without_noise(model, x, betas, noises):
    return walk_back(model, x, betas, torch.zeros_like(noises))


# 15.last-index


def with_a_one_in_front(x, t, predicted, alphas_bar):
    bars = torch.cat([torch.ones(1), alphas_bar])
    x0 = (x - (1 - bars[t + 1]) ** 0.5 * predicted) / bars[t + 1] ** 0.5
    return bars[t] ** 0.5 * x0 + (1 - bars[t]) ** 0.5 * predicted


def by_the_rooms_ddim(x, t, predicted, alphas_bar):
    alphas = alphas_bar / torch.cat([torch.ones(1), alphas_bar[:-1]])
    return diffusion.ddim_step(x, t, t - 1, predicted, diffusion.Schedule(1 - alphas))


def returning_early(x, t, predicted, alphas_bar):
    x0 = (x - (1 - alphas_bar[t]).sqrt() * predicted) / alphas_bar[t].sqrt()
    if t == 0:
        return x0
    return alphas_bar[t - 1].sqrt() * x0 + (1 - alphas_bar[t - 1]).sqrt() * predicted


def ddpm_mean(x, t, predicted, alphas_bar):
    alpha = alphas_bar[t] / alphas_bar[t - 1] if t else alphas_bar[0]
    return (x - (1 - alpha) / (1 - alphas_bar[t]).sqrt() * predicted) / alpha.sqrt()


def almost_one(x, t, predicted, alphas_bar):
    before = alphas_bar[t - 1] if t > 0 else torch.tensor(0.999)
    return (before / alphas_bar[t]).sqrt() * (x - (1 - alphas_bar[t]).sqrt() * predicted) + (
        1 - before
    ).sqrt() * predicted


# 15.guide


def in_shares(model, x, t, y, null, w):
    return w * model(x, t, y) + (1 - w) * model(x, t, torch.zeros_like(y) + null)


def in_one_call(model, x, t, y, null, w):
    ids = torch.cat([y, torch.full_like(y, null)])
    with_class, without = model(torch.cat([x, x]), torch.cat([t, t]), ids).chunk(2)
    return torch.lerp(without, with_class, w)


def from_the_class_on(model, x, t, y, null, w):
    with_class = model(x, t, y)
    return with_class + (w - 1) * (with_class - model(x, t, torch.tensor([null] * len(y))))


def never_below_one(model, x, t, y, null, w):
    return guided_noise(model, x, t, y, null, max(w, 1.0))


def one_class_for_all(model, x, t, y, null, w):
    return guided_noise(model, x, t, torch.full_like(y, 1), null, w)


def at_the_first_step(model, x, t, y, null, w):
    return guided_noise(model, x, torch.zeros_like(t), y, null, w)


ACCEPTED = {
    "15.add-noise": [image_by_image, step_by_step_in_variances, with_none, by_the_room],
    "15.reverse": [from_predicted_data, with_a_product, by_the_score],
    "15.loop": [counting_down, by_the_exercise_before],
    "15.last-index": [with_a_one_in_front, by_the_rooms_ddim, returning_early],
    "15.guide": [in_shares, in_one_call, from_the_class_on],
}
REJECTED = {
    "15.add-noise": [every_image_at_the_first_step, noise_replaced, down_the_columns],
    "15.reverse": [
        next_beta,
        half_the_noise,
        *as_functions(reverse_step, {"no_division": {" / (1 - betas[t]).sqrt()": ""}}).values(),
    ],
    "15.loop": [noises_from_the_front, every_second_step, without_noise],
    "15.last-index": [
        ddpm_mean,
        almost_one,
        *as_functions(ddim_step, {"two_back": {"[t - 1] if t > 0": "[t - 2] if t > 1"}}).values(),
    ],
    "15.guide": [never_below_one, one_class_for_all, at_the_first_step],
}
