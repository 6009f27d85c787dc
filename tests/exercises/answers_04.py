"""Lesson 04: more right answers and more wrong ones."""

import torch
from torch.nn import functional as F

# 04.step


def step_in_place(w, b, x, y, lr):
    loss = (w * x + b - y).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
    return w, b


def step_in_place_zeroed(w, b, x, y, lr):
    F.mse_loss(w * x + b, y).backward()
    with torch.no_grad():
        for p in (w, b):
            p.sub_(lr * p.grad)
            p.grad = None
    return [w, b]


def step_in_place_detached(w, b, x, y, lr):
    (w * x + b - y).square().mean().backward()
    w.data -= lr * w.grad
    b.data -= lr * b.grad
    return w.detach(), b.detach()


def step_with_optimizer(w, b, x, y, lr):
    optimizer = torch.optim.SGD([w, b], lr=lr)
    ((w * x + b - y) ** 2).mean().backward()
    optimizer.step()
    return w, b


def step_half_in_place(w, b, x, y, lr):
    (w * x + b - y).pow(2).mean().backward()
    with torch.no_grad():
        w -= lr * w.grad
    return w, b - lr * b.grad


def step_in_place_uphill(w, b, x, y, lr):
    (w * x + b - y).pow(2).mean().backward()
    with torch.no_grad():
        w += lr * w.grad
        b += lr * b.grad
    return w, b


def step_in_place_without_return(w, b, x, y, lr):
    step_in_place(w, b, x, y, lr)


def step_in_place_that_is_not_the_result(w, b, x, y, lr):
    new = [p.detach().clone() for p in step_with_optimizer(w, b, x, y, lr)]
    with torch.no_grad():
        w += 1
    return new


def step_that_changes_x(w, b, x, y, lr):
    x += 0
    found = step_in_place(w, b, x, y, lr)
    x *= 2
    return found


def step_without_no_grad(w, b, x, y, lr):
    (w * x + b - y).pow(2).mean().backward()
    w -= lr * w.grad
    b -= lr * b.grad
    return w, b


def step_twice(w, b, x, y, lr):
    with torch.no_grad():
        for _ in range(2):
            error = w * x + b - y
            w, b = w - lr * 2 * (error * x).mean(), b - lr * 2 * error.mean()
    return w, b


def step_on_numbers(w, b, x, y, lr):
    (w * x + b - y).pow(2).mean().backward()
    return (w - lr * w.grad).item(), (b - lr * b.grad).item()


def step_of_absolute_errors(w, b, x, y, lr):
    (w * x + b - y).abs().mean().backward()
    with torch.no_grad():
        return w - lr * w.grad, b - lr * b.grad


def step_normalized(w, b, x, y, lr):
    (w * x + b - y).pow(2).mean().backward()
    return (w - lr * w.grad.sign()).detach(), (b - lr * b.grad.sign()).detach()


def step_with_one_gradient(w, b, x, y, lr):
    (w * x + b - y).pow(2).mean().backward()
    with torch.no_grad():
        return w - lr * w.grad, b - lr * w.grad


# 04.trace


def trace_by_tensors(x, y, lr):
    w, b, log = torch.zeros(()), torch.zeros(()), []
    for _ in range(3):
        w.requires_grad_(), b.requires_grad_()
        loss = (w * x + b - y).pow(2).mean()
        gradients = torch.autograd.grad(loss, (w, b))
        w, b = w.detach() - lr * gradients[0], b.detach() - lr * gradients[1]
        log.append((loss.item(), w.item(), b.item()))
    return tuple(log)


def trace_in_place(x, y, lr):
    w, b = (torch.zeros((), requires_grad=True) for _ in range(2))
    log = []
    for _ in range(3):
        loss = ((w * x + b - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p in (w, b):
                p -= lr * p.grad
                p.grad.zero_()
        log.append([loss.item(), w.item(), b.item()])
    return log


def trace_zeroed_in_between(x, y, lr):  # zero_grad after backward, once the step is done
    w, b = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=lr)
    log = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.mse_loss(w * x + b, y)
        loss.backward()
        optimizer.step()
        log.append((loss.item(), w.item(), b.item()))
    return log


def _traced(order, rounds=3, start=0.0, kind=torch.optim.SGD, total=torch.mean, as_numbers=True):
    def answer(x, y, lr):
        w, b = torch.full((), start, requires_grad=True), torch.full((), start, requires_grad=True)
        optimizer, log = kind([w, b], lr=lr), []
        for _ in range(rounds):
            loss = total((w * x + b - y).pow(2))
            for action in order:
                if action == "log":
                    log.append((loss.item(), w.item(), b.item()) if as_numbers else (loss, w, b))
                elif action == "backward":
                    loss.backward(retain_graph=True)
                else:
                    getattr(optimizer, action)()
        return log

    return answer


RIGHT_ORDER = ("zero_grad", "backward", "step", "log")

# 04.r2


def r2_of_sums(prediction, target):
    return 1 - ((target - prediction) ** 2).sum() / ((target - target.mean()) ** 2).sum()


def r2_of_variance(prediction, target):
    return 1 - F.mse_loss(prediction, target) / target.var(unbiased=False)


def r2_as_difference(prediction, target):
    rival = (target - target.mean()).square().mean()
    return (rival - (prediction - target).square().mean()) / rival


def r2_expanded(prediction, target):
    return 1 - F.mse_loss(prediction, target) / F.mse_loss(target.mean().expand_as(target), target)


def r2_as_number(prediction, target):
    return r2_of_sums(prediction, target).item()


def r2_by_columns(prediction, target):
    return 1 - (prediction - target).pow(2).mean(0) / (target.mean(0) - target).pow(2).mean(0)


def r2_both_unbiased(prediction, target):
    return 1 - (prediction - target).var() / target.var()


def r2_median(prediction, target):
    return 1 - F.mse_loss(prediction, target) / (target.median() - target).pow(2).mean()


def r2_of_pairs(prediction, target):
    return 1 - (prediction - target.flatten()).pow(2).mean() / (target.mean() - target).pow(2).mean()


def r2_explained(prediction, target):
    return (prediction - target.mean()).pow(2).mean() / (target.mean() - target).pow(2).mean()


def r2_percent(prediction, target):
    return 100 * r2_of_sums(prediction, target)


def r2_correlation_itself(prediction, target):
    return torch.corrcoef(torch.cat([prediction, target], dim=1).T)[0, 1]


def r2_rounded(prediction, target):
    return r2_of_sums(prediction, target).round(decimals=2)


def r2_of_squared_mean(prediction, target):
    return 1 - (prediction - target).mean() ** 2 / (target.mean() - target).pow(2).mean()


# 04.broadcast


def loss_by_rows(w, b, x, y):
    return torch.stack([(w * xi + b - yi) ** 2 for xi, yi in zip(x[:, 0], y, strict=True)]).mean()


def loss_as_a_row(w, b, x, y):
    return (w * x.T + b - y).pow(2).mean()


def loss_of_new_axis(w, b, x, y):
    return torch.mean((w * x + b - y[:, None]) ** 2)


def loss_of_the_diagonal(w, b, x, y):
    return (w * x + b - y).diagonal().pow(2).mean()


def loss_warned(w, b, x, y):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return F.mse_loss(w * x + b, y)


def loss_of_rows_on_both_sides(w, b, x, y):
    return (w * x + b - y.unsqueeze(0)).pow(2).mean()


def loss_as_number(w, b, x, y):
    return (w * x[:, 0] + b - y).pow(2).mean().item()


def loss_root(w, b, x, y):
    return (w * x[:, 0] + b - y).pow(2).mean().sqrt()


def loss_kept_dimension(w, b, x, y):
    return (w * x + b - y.unsqueeze(1)).pow(2).mean(dim=0)


def loss_of_the_first(w, b, x, y):
    return (w * x[0] + b - y).pow(2).mean()


def loss_halved(w, b, x, y):
    return (w * x[:, 0] + b - y).pow(2).mean() / 2


def loss_without_bias(w, b, x, y):
    return (w * x[:, 0] - y).pow(2).mean()


def loss_of_detached_weight(w, b, x, y):
    return (w.detach() * x[:, 0] + b - y).pow(2).mean()


def loss_reshaped_in_place(w, b, x, y):
    return (w * x + b - y.unsqueeze_(1)).pow(2).mean()


# 04.fit-parabola


def parabola_by_lstsq(x, y):
    return torch.linalg.lstsq(torch.hstack([x.square(), x, torch.ones(len(x), 1)]), y).solution


def parabola_by_pinv(x, y):
    return torch.linalg.pinv(torch.cat((x * x, x, x**0), 1)) @ y


def parabola_by_vander(x, y):
    return torch.linalg.lstsq(torch.vander(x[:, 0], 3), y)[0]


def parabola_by_inverse(x, y):
    columns = torch.stack([x[:, 0] ** 2, x[:, 0], torch.ones(len(x))], dim=1)
    return (columns.T @ columns).inverse() @ columns.T @ y


def parabola_through_three_points(x, y):
    rows = [0, len(x) // 2, -1]
    columns = torch.cat([x**2, x, torch.ones_like(x)], dim=1)
    return torch.linalg.solve(columns[rows], y[rows])


def parabola_after_a_few_steps(x, y):
    columns = torch.cat([x**2, x, torch.ones_like(x)], dim=1)
    found = torch.zeros(3, 1)
    for _ in range(20):
        found = found - 0.05 * 2 / len(x) * columns.T @ (columns @ found - y)
    return found


def parabola_absolute(x, y):
    return torch.linalg.lstsq(torch.cat([x.abs(), x, torch.ones_like(x)], dim=1), y).solution


def parabola_as_list(x, y):
    return parabola_by_pinv(x, y).flatten().tolist()


def parabola_of_rows(x, y):
    return torch.linalg.lstsq(torch.cat([x**2, x, torch.ones_like(x)]), torch.cat([y, y, y])).solution


def parabola_regularized(x, y):
    columns = torch.cat([x**2, x, torch.ones_like(x)], dim=1)
    return torch.linalg.solve(columns.T @ columns + 0.1 * torch.eye(3), columns.T @ y)


def parabola_of_inverted_roles(x, y):
    return torch.linalg.lstsq(torch.cat([y**2, y, torch.ones_like(y)], dim=1), x).solution


def parabola_whole_result(x, y):
    return torch.linalg.lstsq(torch.cat([x**2, x, torch.ones_like(x)], dim=1), y)


def parabola_zero(x, y):
    return torch.zeros(3, 1)


def parabola_negated(x, y):
    return -parabola_by_pinv(x, y)


# 04.mask


def mask_of_the_sum(w, b, x, y):
    known = ~torch.isnan(x + y)
    return F.mse_loss(w * x[known] + b, y[known])


def mask_of_rows(w, b, x, y):
    known = (~x.isnan() & ~y.isnan()).squeeze(1)
    return (w * x[known] + b - y[known]).pow(2).mean()


def mask_row_by_row(w, b, x, y):
    errors = [(w * xi + b - yi) ** 2 for xi, yi in zip(x[:, 0], y[:, 0], strict=True) if not (xi.isnan() or yi.isnan())]
    return sum(errors) / len(errors)


def mask_selected(w, b, x, y):
    known = (x == x) & (y == y)  # NaN is not equal to itself
    return (w * x.masked_select(known) + b - y.masked_select(known)).square().mean()


def mask_replaced_late(w, b, x, y):
    error = (w * x + b - y).pow(2)
    return torch.where(error.isnan(), torch.zeros_like(error), error).sum() / (~error.isnan()).sum()


def mask_nanmean(w, b, x, y):
    return (w * x + b - y).pow(2).nanmean()


def mask_multiplied(w, b, x, y):
    known = ~(x.isnan() | y.isnan())
    return ((w * x + b - y).pow(2) * known).sum() / known.sum()


def mask_of_x_only(w, b, x, y):
    known = ~x.isnan()
    return (w * x[known] + b - y[known]).pow(2).mean()


def mask_of_y_only(w, b, x, y):
    known = ~y.isnan()
    return (w * x[known] + b - y[known]).pow(2).mean()


def mask_of_either(w, b, x, y):
    known = ~(x.isnan() & y.isnan())
    return (w * x[known] + b - y[known]).pow(2).mean()


def mask_loss_to_zero(w, b, x, y):
    return (w * x + b - y).pow(2).mean().nan_to_num(0.0)


def mask_filled_in_place(w, b, x, y):
    known = ~(x.isnan() | y.isnan())
    x[~known] = 0
    y[~known] = 0
    return ((w * x + b - y).pow(2) * known).sum() / known.sum()


def mask_compared_with_nan(w, b, x, y):
    known = (x != torch.nan) & (y != torch.nan)
    return (w * x[known] + b - y[known]).pow(2).mean()


def mask_as_number(w, b, x, y):
    return mask_of_rows(w, b, x, y).item()


def mask_kept_shape(w, b, x, y):
    return mask_of_rows(w, b, x, y).reshape(1)


def mask_of_pairs(w, b, x, y):
    known = ~(x.isnan() | y.isnan()).squeeze(1)
    return (w * x[known] + b - y[known].flatten()).pow(2).mean()


ACCEPTED = {
    "04.step": [
        step_in_place,
        step_in_place_zeroed,
        step_in_place_detached,
        step_with_optimizer,
        step_half_in_place,
    ],
    "04.trace": [
        trace_by_tensors,
        trace_in_place,
        trace_zeroed_in_between,
        _traced(RIGHT_ORDER),
        _traced(("backward", "step", "zero_grad", "log")),
        _traced(("backward", "step", "log", "zero_grad")),
    ],
    "04.r2": [r2_of_sums, r2_of_variance, r2_as_difference, r2_expanded],
    "04.broadcast": [loss_by_rows, loss_as_a_row, loss_of_new_axis, loss_of_the_diagonal],
    "04.fit-parabola": [
        parabola_by_lstsq,
        parabola_by_pinv,
        parabola_by_vander,
        parabola_by_inverse,
    ],
    "04.mask": [mask_of_the_sum, mask_of_rows, mask_row_by_row, mask_selected],
}
REJECTED = {
    "04.step": [
        step_in_place_uphill,
        step_in_place_without_return,
        step_in_place_that_is_not_the_result,
        step_that_changes_x,
        step_without_no_grad,
        step_twice,
        step_on_numbers,
        step_of_absolute_errors,
        step_normalized,
        step_with_one_gradient,
    ],
    "04.trace": [
        _traced(("zero_grad", "log", "backward", "step")),
        _traced(("backward", "zero_grad", "log", "step")),
        _traced(("step", "zero_grad", "backward", "log")),
        _traced(("log", "step", "zero_grad", "backward")),
        _traced(("backward", "log", "step", "zero_grad")),
        _traced(("zero_grad", "backward", "backward", "step", "log")),
        _traced(("zero_grad", "backward", "step", "step", "log")),
        _traced(RIGHT_ORDER, rounds=2),
        _traced(RIGHT_ORDER, rounds=4),
        _traced(RIGHT_ORDER, start=0.1),
        _traced(RIGHT_ORDER, kind=torch.optim.Adam),
        _traced(RIGHT_ORDER, total=torch.sum),
        _traced(RIGHT_ORDER, as_numbers=False),
    ],
    "04.r2": [
        r2_as_number,
        r2_by_columns,
        r2_both_unbiased,
        r2_median,
        r2_of_pairs,
        r2_explained,
        r2_percent,
        r2_correlation_itself,
        r2_rounded,
        r2_of_squared_mean,
    ],
    "04.broadcast": [
        loss_warned,
        loss_of_rows_on_both_sides,
        loss_as_number,
        loss_root,
        loss_kept_dimension,
        loss_of_the_first,
        loss_halved,
        loss_without_bias,
        loss_of_detached_weight,
        loss_reshaped_in_place,
    ],
    "04.fit-parabola": [
        parabola_through_three_points,
        parabola_after_a_few_steps,
        parabola_absolute,
        parabola_as_list,
        parabola_of_rows,
        parabola_regularized,
        parabola_of_inverted_roles,
        parabola_whole_result,
        parabola_zero,
        parabola_negated,
    ],
    "04.mask": [
        mask_replaced_late,
        mask_nanmean,
        mask_multiplied,
        mask_of_x_only,
        mask_of_y_only,
        mask_of_either,
        mask_loss_to_zero,
        mask_filled_in_place,
        mask_compared_with_nan,
        mask_as_number,
        mask_kept_shape,
        mask_of_pairs,
    ],
}
