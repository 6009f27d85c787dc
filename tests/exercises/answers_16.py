"""Lesson 16: more right answers and more wrong ones."""

import torch

from dlviz.exercises.lesson16.exercises import class_maps, deletion_curve, grad_cam, integrated_gradients, saliency
from dlviz.exercises.mistakes import as_functions

# 16.saliency


def saliency_by_backward(net, images, targets):
    x = images.clone().requires_grad_(True)
    net(x).gather(1, targets[:, None]).sum().backward()
    return x.grad.abs().max(dim=1).values


def saliency_image_by_image(net, images, targets):
    maps = []
    for image, target in zip(images, targets, strict=True):
        x = image[None].detach().clone().requires_grad_()
        maps.append(torch.autograd.grad(net(x)[0, target], x)[0][0].abs().amax(0))
    return torch.stack(maps)


def saliency_by_func(net, images, targets):
    def score(image, target):
        return net(image[None])[0].gather(0, target[None])[0]

    return torch.func.vmap(torch.func.grad(score))(images, targets).abs().amax(1)


def still_on_the_graph(net, images, targets):
    x = images.clone().requires_grad_()
    return torch.autograd.grad(net(x)[range(len(x)), targets].sum(), x, create_graph=True)[0].abs().amax(1)


def squared(net, images, targets):
    return saliency(net, images, targets) ** 2


def scaled_to_one(net, images, targets):
    maps = saliency(net, images, targets)
    return maps / maps.amax(dim=(1, 2), keepdim=True)


def next_class(net, images, targets):
    return saliency(net, images, (targets + 1) % 4)


# 16.integrated


def integrated_in_a_loop(net, image, baseline, target, steps):
    total = torch.zeros_like(image)
    for k in range(steps):
        x = (baseline + (k + 0.5) / steps * (image - baseline)).requires_grad_()
        net(x[None])[0, target].backward()
        total += x.grad
    found = (image - baseline) * total / steps
    return found, found.sum() - (net(image[None]) - net(baseline[None]))[0, target]


def integrated_as_a_list(net, image, baseline, target, steps):
    found, error = integrated_in_a_loop(net, image, baseline, target, steps)
    return [found, error.detach()]


def integrated_from_the_other_end(net, image, baseline, target, steps):
    found, error = integrated_gradients(net, baseline, image, target, steps)
    return -found, -error


def twice_the_steps(net, image, baseline, target, steps):
    return integrated_gradients(net, image, baseline, target, 2 * steps)


def summed_over_channels(net, image, baseline, target, steps):
    found, error = integrated_gradients(net, image, baseline, target, steps)
    return found.sum(0), error


def only_the_attributions(net, image, baseline, target, steps):
    return integrated_gradients(net, image, baseline, target, steps)[0]


# 16.grad-cam


def cam_by_retained_gradients(net, layer, images, targets):
    kept = {}

    def keep(module, inputs, output):
        output.retain_grad()
        kept["maps"] = output

    handle = layer.register_forward_hook(keep)
    net(images).gather(1, targets[:, None]).sum().backward()
    handle.remove()
    maps = kept["maps"]
    return torch.einsum("nk,nkhw->nhw", maps.grad.mean((2, 3)), maps.detach()).clamp(min=0)


def cam_by_two_hooks(net, layer, images, targets):
    maps, gradients = [], []
    handles = [
        layer.register_forward_hook(lambda m, i, o: maps.append(o.detach())),
        layer.register_full_backward_hook(lambda m, i, o: gradients.append(o[0])),
    ]
    net(images)[range(len(images)), targets].sum().backward()
    for handle in handles:
        handle.remove()
    weights = gradients[0].flatten(2).mean(2)
    return torch.relu((weights[:, :, None, None] * maps[0]).sum(1))


def cam_scaled_to_one(net, layer, images, targets):
    maps = grad_cam(net, layer, images, targets)
    return maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-9)


def cam_with_a_channel(net, layer, images, targets):
    return grad_cam(net, layer, images, targets)[:, None]


def cam_of_the_first_image(net, layer, images, targets):
    return grad_cam(net, layer, images[:1], targets[:1]).expand(len(images), -1, -1)


# 16.deletion


def deleted_by_ranks(net, image, attributions, target):
    rank = (-attributions).flatten().argsort().argsort()
    kept = rank >= torch.arange(len(rank) + 1)[:, None]
    images = (image.flatten(1) * kept[:, None]).unflatten(2, image.shape[1:])
    with torch.no_grad():
        return net(images).softmax(1)[:, target]


def deleted_one_by_one(net, image, attributions, target):
    left, curve = image.clone(), []
    width = image.shape[-1]
    order = sorted(range(attributions.numel()), key=lambda p: -attributions.flatten()[p].item())
    for p in [None, *order]:
        if p is not None:
            left[:, p // width, p % width] = 0
        curve.append(net(left[None]).softmax(-1)[0, target])
    return torch.stack(curve).detach()


def inserted(net, image, attributions, target):
    return deletion_curve(net, image, -attributions, target).flip(0)


def deleted_to_the_mean(net, image, attributions, target):
    return deletion_curve(net, image - image.mean(), attributions, target)


# 16.repair


def maps_with_fresh_copies(net, image, classes):
    training = net.training
    net.eval()
    maps = []
    for c in classes:
        x = image.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(net(x[None])[0, c], x)
        maps.append(gradient * image)
    net.train(training)
    return torch.stack(maps)


def maps_from_one_pass(net, image, classes):
    training = net.training
    net.eval()
    x = image[None].clone().requires_grad_()
    scores = net(x)
    gradients = [torch.autograd.grad(scores[0, c], x, retain_graph=True)[0][0] for c in classes]
    net.train(training)
    return torch.stack([gradient * image for gradient in gradients])


def maps_of_one_class(net, image, classes):
    return class_maps(net, image, classes[:1] * len(classes))


def dropout_for_each_class(net, image, classes):
    x = image[None].clone().requires_grad_()
    return torch.stack([torch.autograd.grad(net(x)[0, c], x)[0][0] * image for c in classes])


ACCEPTED = {
    "16.saliency": [saliency_by_backward, saliency_image_by_image, saliency_by_func, still_on_the_graph],
    "16.integrated": [integrated_in_a_loop, integrated_as_a_list, integrated_from_the_other_end],
    "16.grad-cam": [cam_by_retained_gradients, cam_by_two_hooks],
    "16.deletion": [deleted_by_ranks, deleted_one_by_one],
    "16.repair": [maps_with_fresh_copies, maps_from_one_pass],
}
REJECTED = {
    "16.saliency": [
        squared,
        scaled_to_one,
        next_class,
        *as_functions(saliency, {"keeps_a_dimension": {"amax(dim=1": "amax(dim=1, keepdim=True"}}).values(),
    ],
    "16.integrated": [twice_the_steps, summed_over_channels, only_the_attributions],
    "16.grad-cam": [cam_scaled_to_one, cam_with_a_channel, cam_of_the_first_image],
    "16.deletion": [inserted, deleted_to_the_mean],
    "16.repair": [maps_of_one_class, dropout_for_each_class],
}
