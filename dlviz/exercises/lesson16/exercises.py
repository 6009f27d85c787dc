"""Lesson 16, what did it look at?: its exercises."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: F401 (stored mistakes use it)

from dlviz.exercises.compare import Difference
from dlviz.exercises.function import Comparison, Function
from dlviz.exercises.lesson16.predictions import PREDICTIONS
from dlviz.exercises.repair import Repair
from dlviz.exercises.run_answer import Outcome

#: Classes of the networks in the cases.
_CLASSES = 4


def _net(channels, height, width, maps=3, gain=30):
    """Return a small convolutional network with scores of about `gain`, so that a small error can be seen.

    tanh has no corner, so that no gradient hangs on a rounding error.
    """
    net = nn.Sequential(
        nn.Conv2d(channels, maps, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(maps, maps, 3, padding=1),
        nn.Flatten(),
        nn.Linear(maps * height * width, _CLASSES),
    )
    with torch.no_grad():
        net[-1].weight *= gain
    return net


# 16.saliency: the gradient of the target's score


def saliency(net, images, targets):
    """Return maps (N, H, W): how strongly the score of each image's target reacts to each pixel.

    net gives scores (N, classes) of images (N, C, H, W), and targets (N,) are whole numbers. Of the channels of a
    pixel, the one that reacts most strongly counts.
    """
    x = images.detach().clone().requires_grad_()
    scores = net(x)[torch.arange(len(x)), targets]
    (gradient,) = torch.autograd.grad(scores.sum(), x)
    return gradient.abs().amax(dim=1)


def _images(i):
    n, channels, height, width = 3 + i % 3, 2 + i % 2, 3 + i, 4
    images = torch.rand(n, channels, height, width)
    return {"net": _net(channels, height, width), "images": images, "targets": torch.randint(_CLASSES, (n,))}


_PICKED = "net(x)[torch.arange(len(x)), targets]"

SALIENCY = Function(
    id="16.saliency",
    reference=saliency,
    case=_images,
    mistakes={
        "probability": {_PICKED: "net(x).softmax(dim=1)[torch.arange(len(x)), targets]"},
        "log_probability": {_PICKED: "net(x).log_softmax(dim=1)[torch.arange(len(x)), targets]"},
        "mean_loss": {_PICKED: "F.cross_entropy(net(x), targets)"},
        "all_scores": {_PICKED: "net(x)"},
        "predicted_class": {_PICKED: "net(x).amax(dim=1)"},
        "one_target": {_PICKED: "net(x)[:, targets[0]]"},
        "every_pair": {_PICKED: "net(x)[:, targets]"},
        "mean_of_the_batch": {"scores.sum()": "scores.mean()"},
        "signs_kept": {".abs()": ""},
        "strongest_sign": {"gradient.abs().amax(dim=1)": "gradient.amax(dim=1).abs()"},
        "channels_summed": {"amax(dim=1)": "sum(dim=1)"},
        "channels_averaged": {"amax(dim=1)": "mean(dim=1)"},
        "signs_cancel": {"abs().amax(dim=1)": "sum(dim=1).abs()"},
        "over_the_batch": {"amax(dim=1)": "amax(dim=0)"},
        "channels_kept": {".amax(dim=1)": ""},
        "first_channel": {"amax(dim=1)": "select(1, 0)"},
        "times_the_input": {"gradient.abs()": "(gradient * images).abs()"},
        "length_of_the_channels": {"abs().amax(dim=1)": "norm(dim=1)"},
        "divided_by_the_maximum": {
            "return gradient.abs().amax(dim=1)": (
                "return (maps := gradient.abs().amax(dim=1)) / maps.amax(dim=(1, 2), keepdim=True)"
            )
        },
    },
)

# 16.integrated: the path from a baseline


def integrated_gradients(net, image, baseline, target, steps):
    """Return attributions (C, H, W) of one image for one target, and the completeness error, without dimensions.

    The path from baseline (C, H, W) to image (C, H, W) is cut into equal steps; the gradient is taken in the middle of each.
    """
    alphas = (torch.arange(steps, device=image.device) + 0.5) / steps
    path = baseline + alphas[:, None, None, None] * (image - baseline)  # (steps, C, H, W)
    path.requires_grad_()
    (gradients,) = torch.autograd.grad(net(path)[:, target].sum(), path)
    attributions = (image - baseline) * gradients.mean(dim=0)
    with torch.no_grad():
        should_be = net(image[None])[0, target] - net(baseline[None])[0, target]
    return attributions, attributions.sum() - should_be


def _path(i):
    channels, height, width = 1 + i % 3, 3, 4 + i
    image, baseline = torch.rand(2, channels, height, width)
    net = _net(channels, height, width)
    with torch.no_grad():
        net[0].weight *= 3  # curved enough for an error that can be seen
    return {
        "net": net,
        "image": 2 * image,
        "baseline": baseline,
        "target": (1, 3, 0, 2, 1)[i],
        "steps": (4, 7, 5, 3, 6)[i],
    }


class _WithError(Function):
    """Function whose second result, a tensor without dimensions, may also be a Python number."""

    def _run(self, function: Callable[..., Any], case: dict[str, Any], seed: int) -> Outcome:
        outcome = super()._run(function, case, seed)
        value = outcome.value
        if type(value) in (tuple, list) and len(value) == 2 and isinstance(value[1], float):
            outcome = replace(outcome, value=type(value)((value[0], torch.tensor(value[1]))))
        return outcome


INTEGRATED = _WithError(
    id="16.integrated",
    reference=integrated_gradients,
    case=_path,
    mistakes={
        "left_ends": {" + 0.5": ""},
        "right_ends": {" + 0.5": " + 1"},
        "both_ends": {"(torch.arange(steps, device=image.device) + 0.5) / steps": "torch.linspace(0, 1, steps)"},
        "not_multiplied": {"(image - baseline) * gradients": "gradients"},
        "times_the_image": {"(image - baseline) * gradients": "image * gradients"},
        "summed": {"gradients.mean(dim=0)": "gradients.sum(dim=0)"},
        "scaled_image": {
            "baseline + alphas[:, None, None, None] * (image - baseline)": "alphas[:, None, None, None] * image"
        },
        "from_the_image": {
            "baseline + alphas[:, None, None, None] * (image - baseline)": "image + alphas[:, None, None, None] * (image - baseline)"
        },
        "at_the_image": {
            "gradients.mean(dim=0)": "torch.autograd.grad(net(x := image.clone().requires_grad_()[None])[0, target], x)[0][0]"
        },
        "backward_path": {"(image - baseline) * gradients": "(baseline - image) * gradients"},
        "probability": {"net(path)[:, target]": "net(path).softmax(dim=1)[:, target]"},
        "all_scores": {"net(path)[:, target]": "net(path)"},
        "baseline_forgotten": {" - net(baseline[None])[0, target]": ""},
        "sign_of_the_error": {"attributions.sum() - should_be": "should_be - attributions.sum()"},
        "sum_returned": {"attributions.sum() - should_be": "attributions.sum()"},
    },
)

# 16.grad-cam: what a layer's maps say about a class


def grad_cam(net, layer, images, targets):
    """Return the Grad-CAM maps (N, h, w) of images (N, C, H, W) for targets (N,), at a layer with output (N, K, h, w)."""
    kept = []
    handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    scores = net(images)[torch.arange(len(images)), targets]
    handle.remove()
    maps = kept[0]
    (gradients,) = torch.autograd.grad(scores.sum(), maps)  # (N, K, h, w)
    weights = gradients.mean(dim=(2, 3), keepdim=True)  # (N, K, 1, 1)
    return (weights * maps).sum(dim=1).relu().detach()


def _layer(i):
    n, size = 4 + i % 2, 4
    # As many maps as images, and square ones: a mean over the wrong dimension is broadcast without an error.
    net = _net(1 + i % 2, size, size, maps=n)
    return {
        "net": net,
        "layer": net[1 if i % 2 else 2],
        "images": torch.rand(n, 1 + i % 2, size, size),
        "targets": torch.randint(_CLASSES, (n,)),
    }


class _Detached(Function):
    """Function whose result must not be connected to the graph."""

    def _compare(self, answer: Callable[..., Any], case: dict[str, Any], seed: int) -> Comparison:
        run = super()._compare(answer, case, seed)
        if run.difference is None and run.mine.value.requires_grad:
            return replace(run, difference=Difference("kind", "", "requires_grad=True", "requires_grad=False"))
        return run


GRAD_CAM = _Detached(
    id="16.grad-cam",
    reference=grad_cam,
    case=_layer,
    mistakes={
        "not_detached": {".detach()": ""},
        "relu_missing": {".relu()": ""},
        "relu_and_detach_missing": {".relu().detach()": ""},
        "relu_before_the_sum": {".sum(dim=1).relu()": ".relu().sum(dim=1)"},
        "weights_clipped": {"(weights * maps)": "(weights.relu() * maps)"},
        "over_the_maps": {"mean(dim=(2, 3), keepdim=True)": "mean(dim=1, keepdim=True)"},
        "over_the_batch": {"mean(dim=(2, 3), keepdim=True)": "mean(dim=0, keepdim=True)"},
        "summed_gradients": {"gradients.mean(dim=(2, 3), keepdim=True)": "gradients.sum(dim=(2, 3), keepdim=True)"},
        "not_averaged": {"gradients.mean(dim=(2, 3), keepdim=True)": "gradients"},
        "magnitudes": {"gradients.mean(dim=(2, 3), keepdim=True)": "gradients.abs().mean(dim=(2, 3), keepdim=True)"},
        "maps_averaged": {".sum(dim=1)": ".mean(dim=1)"},
        "strongest_map": {".sum(dim=1)": ".amax(dim=1)"},
        "gradients_alone": {"(weights * maps)": "gradients"},
        "maps_alone": {"(weights * maps)": "maps"},
        "input_kept": {"kept.append(output)": "kept.append(inputs[0])"},
        "divided_by_the_maximum": {
            "return (weights * maps).sum(dim=1).relu().detach()": (
                "cams = (weights * maps).sum(dim=1).relu().detach()\n"
                "    return cams / cams.amax(dim=(1, 2), keepdim=True).clamp(min=1e-9)"
            )
        },
        "probability": {
            "net(images)[torch.arange(len(images)), targets]": "net(images).softmax(dim=1)[torch.arange(len(images)), targets]"
        },
        "predicted_class": {"net(images)[torch.arange(len(images)), targets]": "net(images).amax(dim=1)"},
        "all_scores": {"net(images)[torch.arange(len(images)), targets]": "net(images)"},
    },
)

# 16.deletion: delete the most important pixels first


def deletion_curve(net, image, attributions, target):
    """Return (P + 1,): the target's probability after 0, 1, …, P pixels of image (C, H, W) were set to 0, one after the other.

    The pixel with the largest of the attributions (H, W) goes first, P = H · W.
    """
    pixels = image.flatten(1).clone()  # (C, P)
    images = [pixels.clone()]
    for p in attributions.flatten().argsort(descending=True).tolist():
        pixels[:, p] = 0
        images.append(pixels.clone())
    with torch.no_grad():
        scores = net(torch.stack(images).unflatten(2, image.shape[1:]))  # (P + 1, classes)
    return scores.softmax(dim=1)[:, target]


def _deleted(i):
    channels, height, width = 2 + i % 2, 2 + i % 3, 3
    return {
        "net": _net(channels, height, width, gain=4),  # a probability that is not always 0 or 1
        "image": 2 * torch.rand(channels, height, width),
        "attributions": torch.randn(height, width),
        "target": (0, 2, 1, 3, 2)[i],
    }


DELETION = Function(
    id="16.deletion",
    reference=deletion_curve,
    case=_deleted,
    mistakes={
        "least_important_first": {"descending=True": ""},
        "by_magnitude": {"attributions.flatten()": "attributions.abs().flatten()"},
        "one_at_a_time": {
            "        pixels[:, p] = 0\n": "        pixels = image.flatten(1).clone()\n        pixels[:, p] = 0\n"
        },
        "not_copied": {
            "images = [pixels.clone()]": "images = [pixels]",
            "images.append(pixels.clone())": "images.append(pixels)",
        },
        "start_missing": {"images = [pixels.clone()]": "images = []"},
        "end_missing": {".argsort(descending=True).tolist()": ".argsort(descending=True).tolist()[:-1]"},
        "first_channel_only": {"pixels[:, p]": "pixels[0, p]"},
        "ink_instead": {"pixels[:, p] = 0": "pixels[:, p] = 1"},
        "inserted": {
            "pixels = image.flatten(1).clone()": "pixels = torch.zeros_like(image.flatten(1))",
            "pixels[:, p] = 0": "pixels[:, p] = image.flatten(1)[:, p]",
        },
        "scores_returned": {"scores.softmax(dim=1)": "scores"},
        "log_probabilities": {"softmax(dim=1)": "log_softmax(dim=1)"},
        "over_the_steps": {"softmax(dim=1)": "softmax(dim=0)"},
        "largest_probability": {".softmax(dim=1)[:, target]": ".softmax(dim=1).amax(dim=1)"},
        "all_classes": {"[:, target]": ""},
        "ranks_for_places": {"argsort(descending=True)": "argsort(descending=True).argsort()"},
    },
)

# 16.repair: three usual mistakes in eight lines


def class_maps(net, image, classes):
    """Return gradient × input (K, C, H, W) of one image (C, H, W), for the score of each of K classes."""
    was_training = net.training
    net.eval()
    x = image[None].clone().requires_grad_()
    maps = []
    for c in classes:
        x.grad = None
        scores = net(x)
        scores[0, c].backward()
        maps.append(x.grad[0] * image)
    net.train(was_training)
    return torch.stack(maps)


def _with_dropout(i):
    channels, height, width = 1 + i % 3, 3, 4
    net = _net(channels, height, width)
    net.insert(4, nn.Dropout(0.5))
    classes = ([2, 0, 1], [3, 1], [0, 2, 3], [1, 0, 2], [3, 2])[i]
    # Not every network comes in train mode: net.train() at the end is no way to hand it back as it came.
    return {"net": net.train(i != 2), "image": torch.rand(channels, height, width), "classes": classes}


def _against_differences(function):
    """Return the largest difference from gradients by finite differences, times the input, relative to the largest of these."""
    net, image = _net(1, 3, 3), torch.rand(1, 3, 3)
    net.insert(4, nn.Dropout(0.5))
    maps = function(net.train(), image, [0, 1, 2])
    exact, step = net.double().eval(), 1e-4 * torch.eye(9, dtype=torch.float64).view(9, 1, 3, 3)
    with torch.no_grad():
        change = (exact(image + step) - exact(image - step)).T[:3] / 2e-4  # (3, 9)
    expected = change.view(3, 1, 3, 3) * image
    return round(((maps - expected).abs().max() / expected.abs().max()).item(), 3)


_NO_EVAL = {"    net.eval()\n": ""}
_ADDED_UP = {"        x.grad = None\n": ""}
_PROBABILITY = {"scores = net(x)": "scores = net(x).softmax(dim=1)"}

REPAIR = Repair(
    id="16.repair",
    reference=class_maps,
    case=_with_dropout,
    broken="all_three",
    metric=_against_differences,
    mistakes={
        "all_three": _NO_EVAL | _ADDED_UP | _PROBABILITY,
        "train_mode_and_gradients": _NO_EVAL | _ADDED_UP,
        "train_mode_and_probability": _NO_EVAL | _PROBABILITY,
        "gradients_and_probability": _ADDED_UP | _PROBABILITY,
        "train_mode": _NO_EVAL,
        "gradients_add_up": _ADDED_UP,
        "probability": _PROBABILITY,
        "loss": {"scores = net(x)": "scores = net(x).log_softmax(dim=1)"},
        "not_multiplied": {"x.grad[0] * image": "x.grad[0]"},
        "magnitudes": {"x.grad[0] * image": "(x.grad[0] * image).abs()"},
        "all_scores": {"scores[0, c].backward()": "scores.sum().backward()"},
    },
)

ITEMS = (*PREDICTIONS, SALIENCY, INTEGRATED, GRAD_CAM, DELETION, REPAIR)
