"""Lesson 09: more right answers and more wrong ones."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from dlviz.exercises.lesson09.exercises import bits, cell, clip, lstm_step, one_pass, remember
from dlviz.exercises.mistakes import as_functions

# 09.cell


def stepped_by_linear(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh))


def stepped_by_einsum(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(torch.einsum("ni,hi->nh", x, w_ih) + torch.einsum("nk,hk->nh", h, w_hh) + b_ih + b_hh)


def stepped_row_by_row(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.stack([torch.tanh(w_ih @ a + b_ih + w_hh @ b + b_hh) for a, b in zip(x, h, strict=True)])


def all_rows_joined(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + (h @ w_hh.T).mean(0) + b_hh)


def first_state_for_all(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h[:1] @ w_hh.T + b_hh)


def state_detached(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h.detach() @ w_hh.T + b_hh)


def two_steps(x, h, w_ih, w_hh, b_ih, b_hh):
    once = cell(x, h, w_ih, w_hh, b_ih, b_hh)
    return cell(x, once, w_ih, w_hh, b_ih, b_hh)


def rectified(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.relu(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


def as_a_pair(x, h, w_ih, w_hh, b_ih, b_hh):
    new = cell(x, h, w_ih, w_hh, b_ih, b_hh)
    return new, new


# 09.clip


def clipped_by_min(a, b, limit):
    factor = min(1.0, limit / math.sqrt(a.square().sum().item() + b.square().sum().item()))
    return a * factor, b * factor


def clipped_by_hypot(a, b, limit):
    norm = torch.hypot(a.norm(), b.norm())
    return (a, b) if norm <= limit else (a / norm * limit, b / norm * limit)


def clipped_in_place(a, b, limit):
    factor = (limit / torch.hypot(a.norm(), b.norm())).clamp(max=1)
    return a.mul_(factor), b.mul_(factor)


def first_alone(a, b, limit):
    return clip(a, b, limit)[0], b


def in_reverse(a, b, limit):
    return clip(a, b, limit)[::-1]


def to_norm_one(a, b, limit):
    norm = torch.hypot(a.norm(), b.norm())
    return (a, b) if norm <= limit else (a / norm, b / norm)


def joined(a, b, limit):
    a, b = clip(a, b, limit)
    return torch.cat([a.flatten(), b.flatten()])


def by_absolute_values(a, b, limit):
    factor = (limit / (a.abs().sum() + b.abs().sum())).clamp(max=1)
    return factor * a, factor * b


def by_root_mean_square(a, b, limit):
    factor = (limit / torch.cat([a.flatten(), b.flatten()]).square().mean().sqrt()).clamp(max=1)
    return factor * a, factor * b


def by_the_norm_of_a(a, b, limit):
    factor = (limit / a.norm()).clamp(max=1)
    return factor * a, factor * b


def above_the_limit_alone(a, b, limit):
    return tuple(torch.where(g.abs() > limit, g.sign() * limit, g) for g in (a, b))


def factor_squared(a, b, limit):
    factor = (limit / torch.hypot(a.norm(), b.norm())).clamp(max=1) ** 2
    return factor * a, factor * b


# 09.detach


def detached_as_it_goes_in(net, optimizer, x, y, size):
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        guess, state = net(past, None if state is None else state.detach())
        loss = F.mse_loss(guess, future)
        net.zero_grad()
        loss.backward()
        optimizer.step()
    return state.detach()


def detached_after_the_step(net, optimizer, x, y, size):
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        optimizer.zero_grad()
        guess, state = net(past, state)
        (guess - future).square().mean().backward()
        optimizer.step()
        state = state.detach()
    return state


def by_range(net, optimizer, x, y, size):
    state = None
    for k in range(0, len(x), size):
        guess, state = net(x[k : k + size], state)
        optimizer.zero_grad()
        F.mse_loss(guess, y[k : k + size]).backward()
        optimizer.step()
        state = state.data
    return state


def short_piece_left_out(net, optimizer, x, y, size):
    state = None
    for k in range(0, len(x) // size * size, size):
        guess, state = net(x[k : k + size], state)
        state = state.detach()
        optimizer.zero_grad()
        F.mse_loss(guess, y[k : k + size]).backward()
        optimizer.step()
    return state


def state_read_again_after_the_step(net, optimizer, x, y, size):
    state = None
    for past, future in zip(x.split(size), y.split(size), strict=True):
        guess, _ = net(past, state)
        optimizer.zero_grad()
        F.mse_loss(guess, future).backward()
        optimizer.step()
        with torch.no_grad():
            _, state = net(past, state)
    return state


def without_a_gradient(net, optimizer, x, y, size):
    state = None
    for past in x.split(size):
        with torch.no_grad():
            _, state = net(past, state)
    return state


def twice_along(net, optimizer, x, y, size):
    one_pass(net, optimizer, x, y, size)
    return one_pass(net, optimizer, x, y, size)


# 09.lstm


def stepped_by_slices(a, c):
    hidden = c.shape[1]
    gates = torch.sigmoid(a)
    i, f, o = gates[:, :hidden], gates[:, hidden : 2 * hidden], gates[:, 3 * hidden :]
    new = f * c + i * a[:, 2 * hidden : 3 * hidden].tanh()
    return [o * new.tanh(), new]


def stepped_by_torch(a, c):
    n, hidden = c.shape
    eye, zeros = torch.eye(4 * hidden), torch.zeros(4 * hidden, hidden)
    return torch.lstm_cell(a, (torch.zeros(n, hidden), c), eye, zeros)


def stepped_by_view(a, c):
    i, f, g, o = a.view(len(a), 4, -1).unbind(1)
    new = torch.addcmul(f.sigmoid() * c, i.sigmoid(), g.tanh())
    return o.sigmoid() * new.tanh(), new


def gates_of_interleaved_columns(a, c):
    i, f, g, o = (a[:, k::4] for k in range(4))
    new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(new), new


def rows_in_four(a, c):
    return lstm_step(a.flip(0), c)


def h_alone(a, c):
    return lstm_step(a, c)[0]


def state_cut_off(a, c):
    return lstm_step(a, c.detach())


# 09.forget


def remembered_by_state_dict(lstm, bias):
    state = lstm.state_dict()
    for name, values in state.items():
        if "bias" in name:
            values.view(4, -1)[1] = bias if "_ih_" in name else 0
    lstm.load_state_dict(state)


def remembered_by_difference(lstm, bias):
    hidden = lstm.hidden_size
    with torch.no_grad():
        for name, values in lstm.named_parameters():
            if "bias_ih" in name:
                other = lstm.get_parameter(name.replace("_ih_", "_hh_"))
                values[hidden : 2 * hidden] = bias - other[hidden : 2 * hidden]


def remembered_and_returned(lstm, bias):
    remember(lstm, bias)
    return lstm


def weights_too(lstm, bias):
    remember(lstm, bias)
    with torch.no_grad():
        lstm.weight_hh_l0[lstm.hidden_size : 2 * lstm.hidden_size] = 0


def nothing_changed(lstm, bias):
    return lstm


def a_new_lstm(lstm, bias):
    new = nn.LSTM(lstm.input_size, lstm.hidden_size, lstm.num_layers, bidirectional=lstm.bidirectional)
    remember(new, bias)
    return new


def always_two(lstm, bias):
    remember(lstm, 2.0)


def first_unit_alone(lstm, bias):
    with torch.no_grad():
        for name, values in lstm.named_parameters():
            if "bias" in name:
                values[lstm.hidden_size] = bias / 2


def by_input_size(lstm, bias):
    size = lstm.input_size
    with torch.no_grad():
        for name, values in lstm.named_parameters():
            if "bias" in name:
                values[size : 2 * size] = bias / 2


# 09.bits


def bits_by_cross_entropy(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100) / math.log(2)


def bits_by_log2(logits, targets):
    p = logits.softmax(-1)[targets >= 0]
    return -p[torch.arange(len(p)), targets[targets >= 0]].log2().mean()


def bits_transposed(logits, targets):
    return F.cross_entropy(logits.transpose(1, 2), targets) / torch.tensor(2.0).log()


def decimal_logarithm(logits, targets):
    return bits(logits, targets) * math.log10(2)


def as_a_number(logits, targets):
    return bits(logits, targets).item()


def letter_by_letter(logits, targets):
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none") / math.log(2)


def of_the_likeliest(logits, targets):
    return -logits.log_softmax(-1).amax(-1)[targets >= 0].mean() / math.log(2)


def entropy(logits, targets):
    log_p = logits.log_softmax(-1)[targets >= 0]
    return -(log_p.exp() * log_p).sum(-1).mean() / math.log(2)


def last_step_left_out(logits, targets):
    return bits(logits[:, :-1], targets[:, :-1])


def logarithm_of_the_mean(logits, targets):
    p = logits.softmax(-1)[targets >= 0]
    return -p[torch.arange(len(p)), targets[targets >= 0]].mean().log2()


def scaled_by_four_tenths(a, b, limit):
    return (0.4 * a, 0.4 * b) if norm_of_both(a, b) > limit else (a, b)


def rounded_factor(a, b, limit):
    factor = round(min(1, float(limit / norm_of_both(a, b))), 2)
    return factor * a, factor * b


def norm_of_both(a, b):
    return torch.cat([a.flatten(), b.flatten()]).norm()


def frozen_by_hand(lstm, bias):
    for parameter in lstm.parameters():
        parameter.requires_grad = False
    remember(lstm, bias)


def gradients_switched_off(lstm, bias):
    torch.set_grad_enabled(False)
    remember(lstm, bias)


def left_in_eval_mode(lstm, bias):
    remember(lstm.eval(), bias)


ACCEPTED = {
    "09.cell": [stepped_by_linear, stepped_by_einsum, stepped_row_by_row],
    "09.clip": [clipped_by_min, clipped_by_hypot],
    "09.detach": [detached_as_it_goes_in, detached_after_the_step, by_range],
    "09.lstm": [stepped_by_slices, stepped_by_torch, stepped_by_view],
    "09.forget": [remembered_by_state_dict, remembered_by_difference, remembered_and_returned],
    "09.bits": [bits_by_cross_entropy, bits_by_log2, bits_transposed],
}

REJECTED = {
    "09.cell": [
        all_rows_joined,
        first_state_for_all,
        state_detached,
        two_steps,
        rectified,
        as_a_pair,
        *as_functions(
            cell,
            {
                "first_bias_missing": {" + b_ih": ""},
                "biases_subtracted": {" + b_hh": " - b_hh"},
                "first_bias_twice": {" + b_hh": " + b_ih"},
                "input_and_state_multiplied": {" + h @": " * h @"},
            },
        ).values(),
    ],
    "09.clip": [
        scaled_by_four_tenths,
        rounded_factor,
        clipped_in_place,
        first_alone,
        in_reverse,
        to_norm_one,
        joined,
        by_absolute_values,
        by_root_mean_square,
        by_the_norm_of_a,
        above_the_limit_alone,
        factor_squared,
    ],
    "09.detach": [
        short_piece_left_out,
        state_read_again_after_the_step,
        without_a_gradient,
        twice_along,
        *as_functions(
            one_pass,
            {
                "loss_summed": {".mean()": ".sum()"},
                "never_stepped": {"optimizer.step()": ""},
                "zeroed_before_the_step": {"optimizer.step()": "optimizer.zero_grad(); optimizer.step()"},
                "absolute_error": {".pow(2)": ".abs()"},
                "state_of_zeros": {"state.detach()": "torch.zeros_like(state)"},
                "head_of_the_series_alone": {
                    "x.split(size)": "x[:size].split(size)",
                    "y.split(size)": "y[:size].split(size)",
                },
            },
        ).values(),
    ],
    "09.lstm": [
        gates_of_interleaved_columns,
        rows_in_four,
        h_alone,
        state_cut_off,
        *as_functions(
            lstm_step,
            {
                "output_gate_missing": {"torch.sigmoid(o) * ": ""},
                "forget_gate_inverted": {"torch.sigmoid(f)": "(1 - torch.sigmoid(f))"},
                "gates_by_tanh": {"sigmoid(f)": "tanh(f)", "sigmoid(i)": "tanh(i)", "sigmoid(o)": "tanh(o)"},
                "candidate_not_squashed": {"torch.tanh(g)": "g"},
                "h_by_sigmoid": {"torch.tanh(c)": "torch.sigmoid(c)"},
                "product_in_place_of_a_sum": {"* c + torch": "* c * torch"},
            },
        ).values(),
    ],
    "09.forget": [
        weights_too,
        nothing_changed,
        a_new_lstm,
        always_two,
        first_unit_alone,
        by_input_size,
        frozen_by_hand,
        gradients_switched_off,
        left_in_eval_mode,
        *as_functions(
            remember,
            {
                "negative": {"= bias": "= -bias"},
                "half": {"= bias": "= bias / 2"},
                "reverse_alone": {
                    '("bias_ih")': '("bias_ih") and name.endswith("_reverse")',
                    '("bias_hh")': '("bias_hh") and name.endswith("_reverse")',
                },
            },
        ).values(),
    ],
    "09.bits": [
        decimal_logarithm,
        as_a_number,
        letter_by_letter,
        of_the_likeliest,
        entropy,
        last_step_left_out,
        logarithm_of_the_mean,
        *as_functions(
            bits,
            {
                "first_step_left_out": {"targets != -100": "(targets != -100) & (torch.arange(targets.shape[1]) > 0)"},
                "letter_0_left_out": {"targets != -100": "targets > 0"},
                "probabilities": {"log_softmax": "softmax"},
            },
        ).values(),
    ],
}
