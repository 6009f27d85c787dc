"""Lesson 16: answers that are nearly right, and other ways to return a right result."""

import pytest
import torch

from dlviz.exercises import exercise
from dlviz.exercises.lesson16.exercises import class_maps, deletion_curve, grad_cam, integrated_gradients, saliency
from dlviz.exercises.mistakes import changed


def judge(id, answer):
    result = exercise(id).judge(answer, 0)
    return result.verdict, result.misconception


def test_a_network_that_is_always_left_in_train_mode_is_not_handed_back_as_it_came():
    answer = changed(class_maps, "always_train", {"net.train(was_training)": "net.train()"})
    result = exercise("16.repair").judge(answer, 0)
    assert result.verdict == "wrong"
    assert "not as it came" in result.message


def test_grad_cam_must_be_detached():
    attached = changed(grad_cam, "attached", {".detach()": ""})
    assert judge("16.grad-cam", attached) == ("wrong", "not_detached")
    assert judge("16.grad-cam", lambda *case: attached(*case).clone().detach_()) == ("right", None)


@pytest.mark.parametrize("number", [float, torch.Tensor.item, torch.Tensor.detach])
def test_the_completeness_error_may_be_a_number_or_a_tensor(number):
    def answer(net, image, baseline, target, steps):
        attributions, error = integrated_gradients(net, image, baseline, target, steps)
        return attributions, number(error)

    assert judge("16.integrated", answer)[0] == "right"


def test_a_wrong_error_is_named_as_a_number_too():
    def answer(net, image, baseline, target, steps):
        attributions, error = integrated_gradients(net, image, baseline, target, steps)
        return attributions, -error.item()

    assert judge("16.integrated", answer) == ("wrong", "sign_of_the_error")


def euclidean(net, images, targets):
    x = images.clone().requires_grad_()
    net(x).gather(1, targets[:, None]).sum().backward()
    return x.grad.pow(2).sum(1).sqrt()


def saliency_for_drawing(net, images, targets):
    maps = saliency(net, images, targets)
    return maps / maps.flatten(1).max(1).values[:, None, None]


def cam_for_drawing(net, layer, images, targets):
    maps = grad_cam(net, layer, images, targets)
    return maps / (maps.amax((1, 2), keepdim=True) + 1e-8)


def cam_of_the_input(net, layer, images, targets):
    kept = []
    handle = layer.register_forward_pre_hook(lambda module, inputs: kept.append(inputs[0]))
    scores = net(images).gather(1, targets[:, None]).sum()
    handle.remove()
    weights = torch.autograd.grad(scores, kept[0])[0].mean((2, 3))
    return torch.einsum("nk,nkhw->nhw", weights, kept[0]).clamp(min=0).detach()


def insertion(net, image, attributions, target):
    return deletion_curve(net, image, -attributions, target).flip(0)


def log_probability(net, image, attributions, target):
    return deletion_curve(net, image, attributions, target).log()


@pytest.mark.parametrize(
    ("id", "answer", "mistake"),
    [
        ("16.saliency", euclidean, "length_of_the_channels"),
        ("16.saliency", saliency_for_drawing, "divided_by_the_maximum"),
        ("16.grad-cam", cam_for_drawing, "divided_by_the_maximum"),
        ("16.grad-cam", cam_of_the_input, "input_kept"),
        ("16.deletion", insertion, "inserted"),
        ("16.deletion", log_probability, "log_probabilities"),
    ],
)
def test_a_mistake_is_named_however_it_is_written(id, answer, mistake):
    assert judge(id, answer) == ("wrong", mistake)


@pytest.mark.parametrize("id", ["16.repair", "18.search"])
def test_the_label_of_a_metric_is_short(id):
    result = exercise(id).judge(exercise(id).reference, 0)
    assert all(len(label) < 70 for label, _ in result.rows)
