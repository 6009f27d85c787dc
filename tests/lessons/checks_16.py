"""Checks of lesson 16, run by nbval after the cell of the same id."""

import torch
from torch import nn

from dlviz.attribution import record
from dlviz.kit.messages import message

#: What the text tells the learner to open or to press.
NAMED_IN_THE_TEXT = {
    "attribution.check.title": "Is it an explanation?",
    "attribution.check.randomization_button": "Randomize the weights",
    "attribution.check.deletion_insertion_button": "Delete and insert",
    "attribution.control.signed": "signs",
}


def a_network(train_images, test_images, cnn):
    assert (tuple(train_images.shape), tuple(test_images.shape)) == ((1438, 1, 8, 8), (359, 1, 8, 8))
    assert cnn()(test_images[:2]).shape == (2, 10)


def train_it(net, accuracy, test_images, test_labels):
    assert accuracy(net, test_images, test_labels) > 0.97
    assert not net.training


def one_gradient(net, gradient, x, image, target):
    assert gradient.shape == x.shape == (1, 1, 8, 8)
    step = torch.zeros_like(image)
    place = gradient[0].abs().flatten().argmax()
    step.view(-1)[place] = 1e-2
    with torch.no_grad():
        change = (net((image + step)[None]) - net((image - step)[None]))[0, target] / 2e-2
    assert abs(change - gradient.flatten()[place]) < 0.1 * abs(change)
    assert all(parameter.grad is not None for parameter in net.parameters())  # of the training


def exercise_saliency(saliency, net, test_images, test_labels):
    def by_hand(x):  # the example of the text, as the score of class 0
        x = x.flatten(1)
        return torch.stack([2 * x[:, 0] - 3 * torch.relu(x[:, 1] - 1), x[:, 0]], dim=1)

    assert saliency(by_hand, torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([0])).tolist() == [[[2.0, 3.0]]]
    maps = saliency(net, test_images[:5], test_labels[:5])
    captum = record(net, test_images[:5], test_labels[:5], methods=["saliency"]).attributions["saliency"].strengths
    assert torch.allclose(maps.cpu(), captum.to(maps).cpu(), atol=1e-4)


def first_maps(first_maps, test_labels):
    assert first_maps.maps["saliency"].shape == (3, 8, 8)
    assert first_maps.record.inputs.targets.tolist() == test_labels[:3].tolist()
    most = first_maps.attributions["saliency"].strengths.flatten(1)
    empty = first_maps.record.inputs.x.flatten(1) == 0
    assert (most * empty.to(most)).amax() > 0.5 * most.amax()  # "an empty pixel is just as sensitive"


def saturated(f):
    assert [f(torch.tensor(x)).item() for x in (0.0, 1.0, 2.0)] == [0, 1, 1]


def exercise_integrated(integrated_gradients):
    def f(images):  # the example of the text, for one pixel
        return 1 - torch.relu(1 - images.flatten(1))

    found, error = integrated_gradients(f, torch.full((1, 1, 1), 2.0), torch.zeros(1, 1, 1), 0, 4)
    assert found.flatten().tolist() == [1]
    assert error == 0


def completeness(errors, product_error, should_be):
    assert 7 < should_be.mean() < 13
    assert errors[1] > errors[5] > errors[20] > errors[50] > errors[200]
    assert errors[50] < 0.004 * should_be.mean()
    assert product_error > 40 * errors[50]


def open_path(path_view, integrated, net, some, targets):
    ours = integrated(net, some[:3], targets[:3], steps=200)[:, 0]
    theirs = path_view.maps["integrated_gradients"].to(ours)
    assert torch.allclose(ours, theirs, atol=0.05)
    found = path_view.attributions["integrated_gradients"]
    assert found.completeness_error.abs().max() < 0.1
    path = path_view.integration_path()
    assert 0 <= path.alphas[0] < 0.05
    assert 0.95 < path.alphas[-1] <= 1


def white(integrated, net, some, targets, full, paper, shares):
    assert 0.07 < full.float().mean() < 0.13  # "9 % of the pixels"
    from_paper = integrated(net, some, targets).abs()
    assert not from_paper[paper].any()
    assert 0.2 < from_paper[full].sum() / from_paper.sum() < 0.4
    assert shares[0] == 0
    assert 0.5 < shares[1] < 0.8


def exercise_grad_cam(grad_cam, net, some, targets):
    class TwoMaps(nn.Module):  # the example of the text: two maps, and gradients 2 and −1
        def __init__(self):
            super().__init__()
            self.maps = nn.Identity()

        def forward(self, images):
            weights = torch.tensor([2.0, -1.0])[:, None, None]
            return (self.maps(images) * weights).sum(dim=(1, 2, 3))[:, None]

    model = TwoMaps()
    images = torch.tensor([[[[1.0, 0], [2, 1]], [[0, 3], [1, 0]]]]).requires_grad_()
    assert grad_cam(model, model.maps, images, torch.tensor([0])).tolist() == [[[2, 0], [3, 2]]]
    ours = grad_cam(net, net[3], some[:4], targets[:4])
    theirs = record(net, some[:4], targets[:4], methods=["grad_cam"], layer="3").attributions["grad_cam"].values
    assert torch.allclose(ours.cpu(), theirs.to(ours).cpu(), atol=1e-4)
    assert not net[3]._forward_hooks


def train_pooled(pooled_net, accuracy, test_images, test_labels):
    assert accuracy(pooled_net, test_images, test_labels) > 0.93


def cam_sums(sums, without_bias, empty, is_empty, accuracy, net, some, targets):
    assert (sums - without_bias).abs().max() < 1e-3
    assert empty["pooled"] < 0.05
    assert 0.2 < empty["cnn"] < 0.9
    assert accuracy(net, some[is_empty], targets[is_empty]) > 0.9


def open_cam(cam_view):
    assert cam_view.layer == "6"
    assert {choice.path for choice in cam_view.layers if choice.usable} >= {"0", "3", "6"}


def exercise_repair(class_maps, net, some):
    was = net.training
    net.train()
    one, other = class_maps(net, some[0], [2, 5]), class_maps(net, some[0], [5])
    assert torch.equal(one[1], other[0])
    assert net.training
    net.train(was)


def a_shortcut(data, cheat, accuracy):
    assert accuracy(cheat, data.test, data.test_labels) > 0.99
    assert int(data.mark.sum()) == 8


def swapped(cheat, data, accuracy):
    removed, other = accuracy(cheat, data.removed, data.test_labels), accuracy(cheat, data.swapped, data.test_labels)
    assert 0.5 < removed < 0.9
    assert 0.25 < other < 0.6
    assert other < removed


def open_shortcut(cheat_view, data):
    assert cheat_view.maps["integrated_gradients"].shape == (3, 8, 8)
    assert data.test_labels[[4, 8, 0]].tolist() == [0, 7, 6]


def corner_sums(in_the_corner, cheat, corner_share):
    corner, rest = in_the_corner(cheat)
    assert 0.35 < corner / (corner + rest) < 0.7
    assert corner_share < 0.4


def repaired(honest, data, accuracy, in_the_corner):
    for images in (data.test, data.removed, data.swapped):
        assert accuracy(honest, images, data.test_labels) > 0.96
    corner, rest = in_the_corner(honest)
    assert abs(corner) < 0.15 * rest


def fit_tables(leaky_model, plain_model, r_squared, later):
    assert r_squared(leaky_model, later) > 0.7
    assert 0.05 < r_squared(plain_model, later) < 0.45


def first_day(leaky_model, plain_model, r_squared, first_day, later, table_view, mean, std):
    assert r_squared(leaky_model, first_day) < -1
    assert r_squared(plain_model, first_day) == r_squared(plain_model, later)
    assert table_view.record.inputs.features[-1] == "visits"
    rows = (later.x - mean) / std
    found = record(leaky_model, rows, methods=["integrated_gradients"]).attributions["integrated_gradients"].strengths
    shares = found.mean(0) / found.mean(0).sum()
    assert 0.35 < shares[-1] < 0.55
    assert shares[-1] > shares[:-1].sort(descending=True).values[:5].sum()
    assert shares[:-1].max() < 0.13


def train_readers(readers, accuracy, new_reviews):
    for reader in readers:
        assert accuracy(reader, *new_reviews) > 0.94


def open_reader(word_view, tokens):
    assert word_view.record.inputs.targets.tolist() == [1, 1]
    found, removed = word_view.maps["integrated_gradients"].sum(1), word_view.maps["occlusion"].sum(1)
    assert (removed > 1.3 * found).all()
    assert (found > 0).all()


def agreement(word_agreement, order, new_reviews):
    assert {scores.shape for scores in order.values()} == {new_reviews.ids.shape}
    assert len(word_agreement) == 3
    assert all(-0.1 < value < 0.7 for value in word_agreement.values())


def inverted(inverted_net, inverted_images, net, test_images, products):
    assert torch.allclose(inverted_net(inverted_images), net(test_images), atol=1e-4)
    ink = test_images > 0.5
    shares = [(one.abs()[ink].sum() / one.abs().sum()).item() for one in products.values()]
    assert shares[0] > 0.7
    assert shares[1] < 0.12
    assert not products["ink is 1"][test_images == 0].any()


def rank_correlation(rank_correlation, some):
    assert abs(rank_correlation(some, 2 * some) - 1) < 1e-6
    assert abs(rank_correlation(torch.rand(100, 64), torch.rand(100, 64))) < 0.06


def random(similar, ink_alone, untrained, accuracy, test_images, test_labels):
    assert accuracy(untrained, test_images, test_labels) < 0.3
    assert similar["gradient × input"] > 0.85
    assert similar["integrated gradients"] > 0.85
    assert abs(similar["saliency"]) < 0.3
    assert ink_alone > 0.88


def open_checks(check_view):
    assert {key: message(key) for key in NAMED_IN_THE_TEXT} == NAMED_IN_THE_TEXT
    changed = {name: check_view.randomization(name).correlations[-1] for name in check_view.maps}
    assert abs(changed["saliency"]) < 0.5
    assert changed["gradient_x_input"] > 0.75


def exercise_deletion(deletion_curve, net, some, targets):
    curve = deletion_curve(net, some[0], some[0, 0], targets[0])
    assert curve.shape == (65,)
    assert torch.allclose(curve[-1], net(torch.zeros_like(some[:1])).softmax(1)[0, targets[0]])
    assert abs(torch.trapezoid(torch.tensor([0.9, 0.3, 0.1, 0.1])).item() / 3 - 0.3) < 1e-6  # the example by hand


def areas(areas, deletion_area, net, some, targets):
    assert max(areas["integrated gradients"], areas["gradient × input"]) < 0.12
    assert areas["the ink itself"] < areas["saliency"] < areas["random order"]
    assert abs(areas["saliency"] - areas["random, ink first"]) < 0.1
    assert areas["random order"] > areas["random, ink first"] + 0.08
    made = deletion_area(net, some, torch.arange(64.0, device=some.device).expand(len(some), 64), targets)
    assert 0 < made < 1


def retrained(again, gaps_alone):
    assert gaps_alone > 0.95
    assert again["most important"][0] < 0.05
    assert again["most important"][1] > 0.9
    assert again["most important"][1] > again["random"][1]
    assert 0.5 < again["random"][0] < 0.8
