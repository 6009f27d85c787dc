"""Lesson 17, faster, smaller, shipped: its exercises."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.exercises.function import Function
from dlviz.exercises.lesson17.predictions import PREDICTIONS
from dlviz.exercises.lesson17.stand_ins import Accelerator, ElsewhereTensor, run_processes
from dlviz.exercises.usage import Usage

# 17.timing: a clock that stops while the accelerator still works


def time_per_run(gpu, work, runs):
    """Return the mean time of work(gpu) in microseconds, without that of a first run and of what was queued before."""
    work(gpu)
    gpu.synchronize()
    start = gpu.clock()
    for _ in range(runs):
        work(gpu)
    gpu.synchronize()
    return (gpu.clock() - start) / runs


def _timed(i):
    return {
        "kernels": [[300.0, 200.0], [1000.0], [40.0, 40.0, 80.0], [700.0, 5.0], [250.0]][i],
        "first": [5000.0, 900.0, 20000.0, 3000.0, 1500.0][i],
        "queued": [2000.0, 8000.0, 400.0, 10000.0, 600.0][i],
        "runs": [10, 5, 20, 4, 8][i],
    }


def _use_timing(answer, kernels, first, queued, runs):
    """Time some kernels on an accelerator that still has work queued, and whose first run takes longer."""
    gpu, calls = Accelerator(), []

    def work(device):
        calls.append(1)
        for microseconds in kernels:
            device.launch(microseconds + (first if len(calls) == 1 else 0))

    gpu.launch(queued)
    return [answer(gpu, work, runs), len(calls) > runs]


_START = "    work(gpu)\n    gpu.synchronize()\n    start"
_NO_WARM_UP = {_START: "    gpu.synchronize()\n    start"}
_NOT_BEFORE = {_START: "    work(gpu)\n    start"}
_NEITHER = {_START: "    start"}
_NOT_AFTER = {"    gpu.synchronize()\n    return": "    return"}

TIMING = Usage(
    id="17.timing",
    reference=time_per_run,
    case=_timed,
    use=_use_timing,
    broken="all_three",
    mistakes={
        "all_three": _NEITHER | _NOT_AFTER,
        "end_alone": _NEITHER,
        "not_at_the_end": _NOT_AFTER,
        "not_at_the_start": _NOT_BEFORE,
        "first_run_counted": _NO_WARM_UP,
        "every_run": {"        work(gpu)": "        work(gpu)\n        gpu.synchronize()"},
        "not_divided": {" / runs": ""},
    },
)

# 17.device: each batch on the model's device


def train_epoch(net, loader, optimizer, device):
    """Train net for one epoch, and return the mean loss of all examples. net is on the device, and the batches are not."""
    total, count = 0.0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


def _batches(i):
    sizes = [4 + i % 2, 4 + i % 2, 1 + i % 3]
    count, features = sum(sizes), 3 + i
    return {
        "images": torch.randn(count, features),
        "labels": torch.randint(3, (count,)),
        "sizes": sizes,
        "weight": torch.randn(3, features),
    }


def _use_epoch(answer, images, labels, sizes, weight):
    """Train a linear model by batches that are in the memory of another device."""
    net = nn.Linear(weight.shape[1], 3)
    with torch.no_grad():
        net.weight.copy_(weight)
        net.bias.zero_()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    elsewhere = [tensor.as_subclass(ElsewhereTensor) for tensor in (*images.split(sizes), *labels.split(sizes))]
    loader = list(zip(elsewhere[: len(sizes)], elsewhere[len(sizes) :], strict=True))
    loss = answer(net, loader, optimizer, torch.device("cpu"))
    return [loss.item() if isinstance(loss, Tensor) else loss, net.weight.detach(), net.bias.detach()]


_MOVED = "        images, labels = images.to(device), labels.to(device)\n"
_ONE_MOVED = {
    "    total, count": "    images, labels = next(iter(loader))\n" + _MOVED[4:] + "    total, count",
    _MOVED: "",
}
_ZEROED = {"        optimizer.zero_grad()\n": ""}

DEVICE = Usage(
    id="17.device",
    reference=train_epoch,
    case=_batches,
    use=_use_epoch,
    broken="one_batch",
    mistakes={
        "one_batch": _ONE_MOVED | _ZEROED,
        "labels_left": {_MOVED: "        images = images.to(device)\n"},
        "device_ignored": {"images.to(device), labels.to(device)": "images.cpu(), labels.cpu()"},
        "gradients_add_up": _ZEROED,
        "mean_of_batches": {" * len(images)": "", "count += len(images)": "count += 1"},
        "last_loss": {"total / count": "loss.item()"},
        "sum": {"total / count": "total"},
        "one_batch_trained": {"        total +=": "        break\n    if True:\n        total +="},
        "no_step": {"        optimizer.step()\n": ""},
    },
)

# 17.prune: the smallest weights become 0


def prune_by_magnitude(weight, amount):
    """Return a copy of weight in which the share `amount` of its numbers, the smallest magnitudes, is 0."""
    count = round(amount * weight.numel())
    pruned = weight.flatten().clone()
    pruned[pruned.abs().argsort()[:count]] = 0
    return pruned.view_as(weight)


def _weights(i):
    """Return a weight whose share is 10, 17.6, 8.4, 56.7 or 19.2 numbers, so that every other rounding is seen."""
    rows, columns = [(4, 5), (2, 11), (4, 7), (3, 21), (4, 8)][i]
    weight = torch.randn(rows, columns) * torch.rand(rows, 1).add(0.2)
    return {"weight": weight, "amount": [0.5, 0.8, 0.3, 0.9, 0.6][i]}


_SMALLEST = "pruned.abs().argsort()[:count]"

PRUNE = Function(
    id="17.prune",
    reference=prune_by_magnitude,
    case=_weights,
    mistakes={
        "largest": {_SMALLEST: "pruned.abs().argsort(descending=True)[:count]"},
        "most_negative": {_SMALLEST: "pruned.argsort()[:count]"},
        "kept_instead": {"amount * weight.numel()": "(1 - amount) * weight.numel()"},
        "share_of_the_largest": {_SMALLEST: "pruned.abs() < amount * pruned.abs().max()"},
        "threshold_is_the_share": {_SMALLEST: "pruned.abs() < amount"},
        "cut_off": {"round(amount * weight.numel())": "int(amount * weight.numel())"},
        "rounded_up": {"round(amount * weight.numel())": "-int(-amount * weight.numel() // 1)"},
        "quantile": {_SMALLEST: "pruned.abs() <= pruned.abs().quantile(amount)"},
        "first_ones": {_SMALLEST: ":count"},
        "per_row": {
            "pruned = weight.flatten().clone()\n": "pruned = weight.clone()\n",
            f"pruned[{_SMALLEST}] = 0": (
                "pruned.scatter_(1, pruned.abs().argsort(1)[:, : round(amount * weight.shape[1])], 0.0)"
            ),
        },
        "mask": {"return pruned.view_as(weight)": "return (pruned != 0).view_as(weight).to(weight)"},
        "magnitudes": {"weight.flatten().clone()": "weight.abs().flatten().clone()"},
    },
)

# 17.quantize: 8 bits for each weight


def quantize(w):
    """Return integers q (N, K) as int8, the steps s (N, 1), and the numbers (N, K) that they stand for, of a matrix w (N, K).

    A row's step is its largest magnitude divided by 127.5, and its integers lie from -128 to 127.
    """
    s = w.abs().amax(dim=1, keepdim=True) / 127.5
    q = (w / s).round().clamp(-128, 127).to(torch.int8)
    return q, s, q * s


def _rows(i):
    """Return rows whose largest magnitude is positive in one and negative in the next.

    No other quotient lies near the middle of two integers, where the last bit of a division would decide. The steps are
    powers of two, by which a division is exact, so that -127.5 becomes -128 however it is computed.
    """
    n, k = 3 + i, 6 + i
    quotients = torch.randint(-120, 121, (n, k)) + 0.8 * (torch.rand(n, k) - 0.5)
    quotients[:, i % k] = 127.5
    quotients[:, (i + 2) % k] = -127.3
    quotients[i % 2 :: 2] *= -1
    return {"w": quotients * 0.5 ** (torch.randperm(n)[:, None] + 4)}


_STEP = "w.abs().amax(dim=1, keepdim=True) / 127.5"

QUANTIZE = Function(
    id="17.quantize",
    reference=quantize,
    case=_rows,
    mistakes={
        "one_step_for_all": {_STEP: "w.abs().max().expand(len(w), 1) / 127.5"},
        "one_number": {_STEP: "w.abs().max() / 127.5"},
        "wrapped": {".clamp(-128, 127)": ""},
        "truncated": {".round()": ""},
        "rounded_down": {".round()": ".floor()"},
        "per_column": {_STEP: "w.abs().amax(dim=0, keepdim=True) / 127.5"},
        "signed_maximum": {_STEP: "w.amin(dim=1, keepdim=True).abs() / 127.5"},
        "without_abs": {_STEP: "w.amax(dim=1, keepdim=True) / 127.5"},
        "from_minus_127": {"-128": "-127"},
        "steps_of_255": {"127.5": "255"},
        "divided_by_127": {"127.5": "127"},
        "multiplied": {"(w / s)": "(w * s)"},
        "weights_returned": {"return q, s, q * s": "return q, s, w"},
        "integers_returned": {"return q, s, q * s": "return q, s, q.to(w)"},
    },
)

# 17.export: a program for batches of any size


def export_any_batch(net, example):
    """Return the ExportedProgram of net in evaluation mode, for inputs like the example (N, D) with any number of rows."""
    net.eval()
    batch = torch.export.Dim("batch")
    return torch.export.export(net, (example,), dynamic_shapes=({0: batch},))


def _example(i):
    return {"example": torch.randn(4, 3), "more": torch.randn(3 + i, 3), "weight": torch.randn(2, 3)}


def _use_export(answer, example, more, weight):
    """Export a linear model with dropout, and call the program with three sizes of a batch."""
    net = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Dropout(0.5)).train()
    with torch.no_grad():
        net[0].weight.copy_(weight)
    program = answer(net, example).module()
    return [program(rows).detach() for rows in (example, more, torch.cat([more, example]))]


EXPORT = Usage(
    id="17.export",
    reference=export_any_batch,
    case=_example,
    use=_use_export,
    mistakes={
        "fixed": {", dynamic_shapes=({0: batch},)": ""},
        "features_vary": {"{0: batch}": "{1: batch}"},
        "training_mode": {"    net.eval()\n": ""},
        "module_returned": {"dynamic_shapes=({0: batch},))": "dynamic_shapes=({0: batch},)).module()"},
    },
)

# 17.average: one gradient from several processes


def average_gradients(net, dist):
    """Replace the gradients of net's parameters by their mean over all processes; a parameter without a gradient stays so.

    Every process calls it. dist is torch.distributed, or has its functions all_reduce and get_world_size.
    """
    for parameter in net.parameters():
        if parameter.grad is not None:
            dist.all_reduce(parameter.grad)
            parameter.grad /= dist.get_world_size()


def _parts(i):
    count = 2 + i % 3
    return {"x": torch.randn(count, 4, 3), "y": torch.randn(count, 4, 2), "weight": torch.randn(4, 3)}


def _use_average(answer, x, y, weight):
    """Average the gradients of a model in several processes, each with a part of the batch.

    Its parameters differ from process to process, which tells an answer that averages them from one that does nothing.
    """
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    net[2].bias.requires_grad_(False)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(weight.flatten()[: parameter.numel()].view_as(parameter))
    nets = [copy.deepcopy(net) for _ in x]
    with torch.no_grad():
        for rank, one in enumerate(nets):
            one[0].weight += 0.25 * rank
    for one, inputs, targets in zip(nets, x, y, strict=True):
        F.mse_loss(one(inputs), targets).backward()
    run_processes(answer, nets)
    parameters = [parameter for one in nets for parameter in one.parameters()]
    return [[p.grad for p in parameters if p.grad is not None], [p.detach() for p in parameters]]


AVERAGE = Usage(
    id="17.average",
    reference=average_gradients,
    case=_parts,
    use=_use_average,
    mistakes={
        "summed": {"            parameter.grad /= dist.get_world_size()": ""},
        "nothing_changed": {
            "dist.all_reduce(parameter.grad)": "gradient = parameter.grad / dist.get_world_size()",
            "parameter.grad /= dist.get_world_size()": "dist.all_reduce(gradient)",
        },
        "not_reduced": {"            dist.all_reduce(parameter.grad)\n": ""},
        "divided_twice": {"dist.all_reduce": "parameter.grad /= dist.get_world_size()\n            dist.all_reduce"},
        "parameters_averaged": {
            "dist.all_reduce(parameter.grad)": "dist.all_reduce(parameter)",
            "parameter.grad /=": "parameter.data /=",
        },
        "frozen_reduced": {"        if parameter.grad is not None:\n": "        if True:\n"},
        "one_process_calls": {
            "if parameter.grad is not None": "if parameter.grad is not None and dist.get_rank() == 0"
        },
        "first_parameter": {"net.parameters()": "list(net.parameters())[:1]"},
    },
)

ITEMS = (*PREDICTIONS, TIMING, DEVICE, PRUNE, QUANTIZE, EXPORT, AVERAGE)
