"""Lesson 03: more right answers and more wrong ones."""

import torch

# 03.hand-gradient


def gradients_by_elements(w, b, x, y):
    dw, db = torch.zeros(()), torch.zeros(())
    for i in range(len(x)):
        error = w * x[i] + b - y[i]
        dw, db = dw + 2 * error * x[i] / len(x), db + 2 * error / len(x)
    return dw, db


def gradients_expanded(w, b, x, y):
    dw = 2 * (w * (x * x).mean() + b * x.mean() - (x * y).mean())
    db = 2 * (w * x.mean() + b - y.mean())
    return [dw, db]


def gradients_by_backward(w, b, x, y):
    w = w.detach().clone().requires_grad_()
    b = b.detach().clone().requires_grad_()
    ((w * x + b - y) ** 2).mean().backward()
    return w.grad, b.grad


def absolute_error(w, b, x, y):
    error = (w * x + b - y).abs()
    return (2 * error * x).mean(), (2 * error).mean()


def sign_of_the_error(w, b, x, y):
    error = w * x + b - y
    return (error.sign() * x).mean(), error.sign().mean()


def without_intercept(w, b, x, y):
    error = w * x - y
    return (2 * error * x).mean(), (2 * error).mean()


def gradient_at_x(w, b, x, y):
    error = w * x + b - y
    return (2 * error * w).mean(), (2 * error).mean()


def divided_by_one_less(w, b, x, y):
    error = w * x + b - y
    return (2 * error * x).sum() / (len(x) - 1), (2 * error).sum() / (len(x) - 1)


def for_each_point(w, b, x, y):
    error = w * x + b - y
    return 2 * error * x, 2 * error


def steps_downhill(w, b, x, y):
    error = w * x + b - y
    return -(2 * error * x).mean(), -(2 * error).mean()


def as_python_floats(w, b, x, y):
    error = w * x + b - y
    return (2 * error * x).mean().item(), (2 * error).mean().item()


def of_the_root(w, b, x, y):
    error = w * x + b - y
    root = error.pow(2).mean().sqrt()
    return (error * x).mean() / root, error.mean() / root


def tracked_in_place(w, b, x, y):
    w.requires_grad_()
    b.requires_grad_()
    return torch.autograd.grad(((w * x + b - y) ** 2).mean(), (w, b))


# 03.two-paths


def paths_expanded(h, v, t):
    return 2 * (h * v.pow(2).sum() - (v * t).sum())


def paths_in_python(h, v, t):
    return sum(2 * (vk * h - tk) * vk for vk, tk in zip(v, t, strict=True))


def one_merged_path(h, v, t):
    return 2 * (v.sum() * h - t.sum()) * v.sum()


def weights_added_apart(h, v, t):
    return 2 * (v * h - t).sum() + v.sum()


def largest_path(h, v, t):
    along = 2 * (v * h - t) * v
    return along[along.abs().argmax()]


def squared_weights(h, v, t):
    return (2 * (v * h - t) * v * v).sum()


def times_h(h, v, t):
    return (2 * (v * h - t) * h).sum()


def absolute_contributions(h, v, t):
    return (2 * (v * h - t) * v).abs().sum()


def the_other_sign(h, v, t):
    return (2 * (t - v * h) * v).sum()


def first_two_paths(h, v, t):
    return (2 * (v * h - t) * v)[:2].sum()


def the_loss(h, v, t):
    return ((v * h - t) ** 2).sum()


def in_a_vector(h, v, t):
    return (2 * (v * h - t) * v).sum().reshape(1)


# 03.finite-difference


def difference_with_float32_steps(f, x, h):
    gradient = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros(x.numel())
        step[i] = h
        gradient.view(-1)[i] = (f(x + step.view(x.shape)) - f(x - step.view(x.shape))) / (2 * h)
    return gradient


def difference_on_copies(f, x, h):
    gradient = torch.empty_like(x)
    for i in range(x.numel()):
        up, down = x.clone(), x.clone()
        up.view(-1)[i] += h
        down.view(-1)[i] -= h
        gradient.view(-1)[i] = (f(up) - f(down)) / (2 * h)
    return gradient


def difference_and_restored(f, x, h):
    slopes = []
    for i in range(x.numel()):
        before = x.view(-1)[i].item()
        x.view(-1)[i] = before + h
        up = f(x)
        x.view(-1)[i] = before - h
        down = f(x)
        x.view(-1)[i] = before
        slopes.append((up - down) / (2 * h))
    return torch.stack(slopes).reshape(x.shape)


def difference_stepped_in_place(f, x, h):
    gradient = torch.zeros_like(x)
    for i in range(x.numel()):
        x.view(-1)[i] += h
        up = f(x)
        x.view(-1)[i] -= 2 * h
        down = f(x)
        x.view(-1)[i] += h
        gradient.view(-1)[i] = (up - down) / (2 * h)
    return gradient


def difference_by_index(f, x, h):
    gradient = torch.zeros_like(x)
    for index in torch.cartesian_prod(*[torch.arange(n) for n in x.shape]).reshape(-1, x.dim()).tolist():
        step = torch.zeros_like(x)
        step[tuple(index)] = h
        gradient[tuple(index)] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


def differences(f, x, up, down, divisor):
    gradient = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = 1
        gradient.view(-1)[i] = (f(x + up * step) - f(x - down * step)) / divisor
    return gradient


def backward_sided(f, x, h):
    return differences(f, x, 0, h, h)


def with_a_fixed_step(f, x, h):
    return differences(f, x, 0.01, 0.01, 0.02)


def with_half_a_step(f, x, h):
    return differences(f, x, h / 2, h / 2, h)


def divided_by_four(f, x, h):
    return differences(f, x, h, h, 4 * h)


def divided_by_h_squared(f, x, h):
    return differences(f, x, h, h, 2 * h * h)


def the_other_way(f, x, h):
    return differences(f, x, -h, -h, 2 * h)


def flat(f, x, h):
    return differences(f, x, h, h, 2 * h).reshape(-1)


def in_float32(f, x, h):
    return differences(f, x, h, h, 2 * h).float()


def only_the_first(f, x, h):
    gradient = torch.zeros_like(x)
    gradient.view(-1)[0] = differences(f, x, h, h, 2 * h).view(-1)[0]
    return gradient


def never_restored(f, x, h):
    gradient = torch.zeros_like(x)
    for i in range(x.numel()):
        x.view(-1)[i] += h
        up = f(x)
        x.view(-1)[i] -= 2 * h
        gradient.view(-1)[i] = (up - f(x)) / (2 * h)
    return gradient


# 03.untracked


def backward_with_ones(values):
    x = values.detach().clone()
    x.requires_grad_()
    y = x + 2
    z = y @ y.T
    z.backward(torch.ones_like(z))
    return z, x.grad


def gradient_by_hand(values):
    x = values.clone().requires_grad_()
    y = x + 2
    z = torch.einsum("im,jm->ij", y, y)
    return z, (2 * y.sum(0)).expand_as(x).detach()


def made_anew(values):
    x = torch.tensor(values.tolist(), requires_grad=True)
    y = x + 2
    z = y.mm(y.T)
    out = z.sum()
    out.backward()
    return [z, x.grad]


def z_detached(values):
    z, gradient = backward_with_ones(values)
    return z.detach(), gradient


def input_tracked(values):
    values.requires_grad_()
    y = values + 2
    z = y.mm(y.T)
    z.sum().backward()
    return z, values.grad


def backward_twice(values):
    x = values.clone().requires_grad_()
    z = (x + 2).mm((x + 2).T)
    z.sum().backward(retain_graph=True)
    z.sum().backward()
    return z, x.grad


def from_y(values):
    x = values.clone().requires_grad_()
    y = x + 2
    z = y.mm(y.T)
    y.sum().backward()
    return z, x.grad


def from_the_diagonal(values):
    x = values.clone().requires_grad_()
    y = x + 2
    z = y.mm(y.T)
    z.diagonal().sum().backward()
    return z, x.grad


def half_detached(values):
    x = values.clone().requires_grad_()
    y = x + 2
    z = y.mm(y.T.detach())
    z.sum().backward()
    return z, x.grad


def without_the_two(values):
    x = values.clone().requires_grad_()
    z = x.mm(x.T)
    z.sum().backward()
    return z, x.grad


def only_the_gradient(values):
    return backward_with_ones(values)[1]


def never_tracked(values):
    x = values.clone()
    z = (x + 2).mm((x + 2).T)
    return z, x.grad


def under_no_grad(values):
    x = values.clone().requires_grad_()
    with torch.no_grad():
        y = x + 2
    z = y.mm(y.T)
    z.sum().backward()
    return z, x.grad


# 03.accumulated


def asked_for_the_gradient(x, y, rounds):
    w = torch.zeros((), requires_grad=True)
    return [torch.autograd.grad((w * x[i] - y[i]).pow(2).mean(), w)[0].item() for i in range(rounds)]


def a_new_w_each_round(x, y, rounds):
    readings = []
    for i in range(rounds):
        w = torch.zeros((), requires_grad=True)
        (w * x[i] - y[i]).pow(2).mean().backward()
        readings.append(w.grad.item())
    return readings


def cleared_after_reading(x, y, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for i in range(rounds):
        loss = (w * x[i] - y[i]).pow(2).mean()
        loss.backward()
        readings.append(w.grad.item())
        w.grad.zero_()
    return readings


def rounds_of(x, y, rounds, clear=lambda w, i: setattr(w, "grad", None), step=0.0, count=0):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for i in range(rounds + count):
        clear(w, i)
        (w * x[i % rounds] - y[i % rounds]).pow(2).mean().backward()
        readings.append(w.grad.item())
        w.data -= step * w.grad
    return readings


def cleared_once(x, y, rounds):
    return rounds_of(x, y, rounds, clear=lambda w, i: None if i else setattr(w, "grad", None))


def cleared_every_second_round(x, y, rounds):
    return rounds_of(x, y, rounds, clear=lambda w, i: setattr(w, "grad", None) if i % 2 == 0 else None)


def also_steps(x, y, rounds):
    return rounds_of(x, y, rounds, step=0.1)


def one_round_less(x, y, rounds):
    return rounds_of(x, y, rounds, count=-1)


def one_round_more(x, y, rounds):
    return rounds_of(x, y, rounds, count=1)


def one_reading_only(x, y, rounds):
    return rounds_of(x, y, rounds)[0]


def w_cleared_instead(x, y, rounds):
    w = torch.ones((), requires_grad=True)
    readings = []
    for i in range(rounds):
        w.data.zero_()
        (w * x[i] - y[i]).pow(2).mean().backward()
        readings.append(w.grad.item())
    return readings


def of_the_sum(x, y, rounds):
    return [reading * x.shape[1] for reading in rounds_of(x, y, rounds)]


def losses(x, y, rounds):
    return [y[i].pow(2).mean().item() for i in range(rounds)]


def never_cleared(x, y, rounds):
    return rounds_of(x, y, rounds, clear=lambda w, i: None)


def averaged_so_far(x, y, rounds):
    return [reading / (i + 1) for i, reading in enumerate(never_cleared(x, y, rounds))]


def all_rounds_at_once(x, y, rounds):
    w = torch.zeros((), requires_grad=True)
    (w * x - y).pow(2).mean().backward()
    return [w.grad.item()] * rounds


def tensors_that_are_one(x, y, rounds):
    w = torch.zeros((), requires_grad=True)
    readings = []
    for i in range(rounds):
        (w * x[i] - y[i]).pow(2).mean().backward()
        readings.append(w.grad)
    return [reading.item() for reading in readings]


ACCEPTED = {
    "03.hand-gradient": [gradients_by_elements, gradients_expanded, gradients_by_backward],
    "03.two-paths": [paths_expanded, paths_in_python],
    "03.finite-difference": [
        difference_with_float32_steps,
        difference_on_copies,
        difference_and_restored,
        difference_stepped_in_place,
        difference_by_index,
    ],
    "03.untracked": [backward_with_ones, gradient_by_hand, made_anew],
    "03.accumulated": [asked_for_the_gradient, a_new_w_each_round, cleared_after_reading],
}
REJECTED = {
    "03.hand-gradient": [
        absolute_error,
        sign_of_the_error,
        without_intercept,
        gradient_at_x,
        divided_by_one_less,
        for_each_point,
        steps_downhill,
        as_python_floats,
        of_the_root,
        tracked_in_place,
    ],
    "03.two-paths": [
        one_merged_path,
        weights_added_apart,
        largest_path,
        squared_weights,
        times_h,
        absolute_contributions,
        the_other_sign,
        first_two_paths,
        the_loss,
        in_a_vector,
    ],
    "03.finite-difference": [
        backward_sided,
        with_a_fixed_step,
        with_half_a_step,
        divided_by_four,
        divided_by_h_squared,
        the_other_way,
        flat,
        in_float32,
        only_the_first,
        never_restored,
    ],
    "03.untracked": [
        z_detached,
        input_tracked,
        backward_twice,
        from_y,
        from_the_diagonal,
        half_detached,
        without_the_two,
        only_the_gradient,
        never_tracked,
        under_no_grad,
    ],
    "03.accumulated": [
        cleared_once,
        cleared_every_second_round,
        also_steps,
        one_round_less,
        one_round_more,
        one_reading_only,
        w_cleared_instead,
        of_the_sum,
        losses,
        never_cleared,
        averaged_so_far,
        all_rounds_at_once,
        tensors_that_are_one,
    ],
    "03.order": [
        ["zero_grad", "forward", "forward", "backward", "step"],
        ["zero_grad", "forward", "zero_grad", "backward", "step"],
        ["zero_grad", "zero_grad", "forward", "backward", "step"],
        ["zero_grad", "forward", "backward", "step", "zero_grad"],
        ["zero_grad", "forward", "backward", "step", "forward"],
        ["forward"],
        ["backward", "forward", "step", "zero_grad"],
        ["zero_grad", "forward", "backward", "step", "step"],
        ["zero_grad", "forward", "backward", "zero_grad", "step"],
        ["zero_grad", "forward", "backward", "forward", "backward", "step"],
        ["zero_grad", "zero_grad", "forward", "step"],
        ["step", "zero_grad", "forward", "backward"],
        ["zero_grad", "forward", "backward", "backward", "step"],
        ["zero_grad", "forward", "backward", "step", "update"],
        "zero_grad forward backward step",
    ],
}
