"""Lesson 17: more right answers and more wrong ones."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune

from dlviz.compression import quantize_int8
from dlviz.exercises.lesson17.exercises import (
    average_gradients,
    export_any_batch,
    prune_by_magnitude,
    quantize,
    time_per_run,
    train_epoch,
)
from dlviz.exercises.mistakes import as_functions

# 17.timing


def timed_twice(gpu, work, runs):
    durations = []
    for count in (1, runs):
        gpu.synchronize()
        start = gpu.clock()
        for _ in range(count):
            work(gpu)
        gpu.synchronize()
        durations.append((gpu.clock() - start) / count)
    return durations[1]


def three_warm_ups(gpu, work, runs):
    for _ in range(3):
        work(gpu)
        gpu.synchronize()
    start = gpu.clock()
    [work(gpu) for _ in range(runs)]
    gpu.synchronize()
    return (gpu.clock() - start) / runs


def launches_after_waiting(gpu, work, runs):
    gpu.synchronize()
    return time_per_run(gpu, lambda device: work(device), runs) - gpu.LAUNCH


# 17.device


def epoch_in_one_line_each(net, loader, optimizer, device):
    losses = []
    for x, y in loader:
        optimizer.zero_grad(set_to_none=False)
        y = y.to(device=device, non_blocking=True)
        loss = F.cross_entropy(net(x.to(device)), y)
        loss.backward()
        optimizer.step()
        losses += [loss.detach()] * y.size(0)
    return torch.stack(losses).mean()


def zeroed_at_the_end(net, loader, optimizer, device):
    total, count = 0, 0
    for images, labels in loader:
        images, labels = (tensor.to(next(net.parameters()).device) for tensor in (images, labels))
        loss = F.cross_entropy(net(images), labels, reduction="sum")
        (loss / len(images)).backward()
        optimizer.step()
        optimizer.zero_grad()
        total, count = total + loss.item(), count + len(images)
    return total / count


def whole_loader_as_a_batch(net, loader, optimizer, device):
    images, labels = (torch.cat([tensor.to(device) for tensor in part]) for part in zip(*loader, strict=True))
    return train_epoch(net, [(images, labels)], optimizer, device)


# 17.prune


def pruned_by_torch(weight, amount):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight = nn.Parameter(weight)
    return prune.l1_unstructured(layer, "weight", amount=amount).weight.detach()


def pruned_by_a_threshold(weight, amount):
    count = round(amount * weight.numel())
    threshold = weight.abs().flatten().kthvalue(count).values
    return weight.where(weight.abs() > threshold, 0.0)


def one_more(weight, amount):
    return prune_by_magnitude(weight, amount + 1 / weight.numel())


def rescaled(weight, amount):
    return prune_by_magnitude(weight, amount) / (1 - amount)


# 17.quantize


def quantized_as_torchao_does(w):
    found = quantize_int8(w)
    return found.q, found.scale, found.dequantize()


def quantized_row_by_row(w):
    rows = []
    for row in w:
        s = row.abs().max() / 127.5
        q = torch.clamp(torch.round(row / s), -128, 127)
        rows.append((q.to(torch.int8), s[None], q * s))
    return [torch.stack(part) for part in zip(*rows, strict=True)]


def not_as_integers(w):
    q, s, found = quantize(w)
    return q.float(), s, found


def steps_without_a_dimension(w):
    q, s, found = quantize(w)
    return q, s[:, 0], found


# 17.export


def exported_by_name(net, example):
    names = {"input": {0: torch.export.Dim.DYNAMIC}}
    return torch.export.export(net.eval(), args=(example,), dynamic_shapes=names)


def exported_with_all_sizes_open(net, example):
    auto = torch.export.Dim.AUTO
    return torch.export.export(net.eval(), (example,), dynamic_shapes=((auto, auto),))


def exported_with_a_single_row(net, example):
    return export_any_batch(net, example[:1])


# 17.average


def averaged_before_the_sum(net, dist):
    for parameter in net.parameters():
        if parameter.grad is not None:
            parameter.grad.div_(dist.get_world_size())
            dist.all_reduce(parameter.grad, op=dist.ReduceOp.SUM)


def averaged_in_one_call(net, dist):
    gradients = [parameter.grad for parameter in net.parameters() if parameter.requires_grad]
    joined = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(joined)
    joined /= dist.get_world_size()
    for gradient, part in zip(gradients, joined.split([one.numel() for one in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def backwards_in_process_1(net, dist):
    parameters = [parameter for parameter in net.parameters() if parameter.grad is not None]
    for parameter in reversed(parameters) if dist.get_rank() == 1 else parameters:
        dist.all_reduce(parameter.grad)
        parameter.grad /= dist.get_world_size()


ACCEPTED = {
    "17.timing": [timed_twice, three_warm_ups],
    "17.device": [epoch_in_one_line_each, zeroed_at_the_end],
    "17.prune": [pruned_by_torch, pruned_by_a_threshold],
    "17.quantize": [quantized_as_torchao_does, quantized_row_by_row],
    "17.export": [exported_by_name, exported_with_all_sizes_open],
    "17.average": [averaged_before_the_sum, averaged_in_one_call],
}
REJECTED = {
    "17.timing": [launches_after_waiting],
    "17.device": [
        whole_loader_as_a_batch,
        *as_functions(
            train_epoch, {"nothing_moved": {"images.to(device), labels.to(device)": "images, labels"}}
        ).values(),
    ],
    "17.prune": [one_more, rescaled],
    "17.quantize": [not_as_integers, steps_without_a_dimension],
    "17.export": [exported_with_a_single_row],
    "17.average": [
        backwards_in_process_1,
        *as_functions(average_gradients, {"halved": {"dist.get_world_size()": "2.5"}}).values(),
    ],
}
