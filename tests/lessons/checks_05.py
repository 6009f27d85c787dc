"""Checks of lesson 05, run by nbval after the cell of the same id."""

import torch
from torch import nn

import dlviz


def linear_by_hand(Z, layer, X):
    assert Z.tolist() == [[2, 1, 0]]
    assert torch.equal(layer(X), Z)


def softmax_by_formula(P):
    assert [round(p, 2) for p in P[0].tolist()] == [0.67, 0.24, 0.09]


def shifted(Z):
    assert torch.allclose(torch.softmax(Z, dim=1), torch.softmax(Z + 100, dim=1))


def overflow(large):
    assert (large.exp() / large.exp().sum())[0].isnan()
    assert torch.softmax(large, dim=0).tolist() == [1, 0]


def start_loss(loss_of):
    untrained = loss_of(torch.zeros(1, 10), torch.tensor([3])).item()
    assert abs(untrained - 2.303) < 0.001
    example = torch.tensor([[2.0, 1.0, 0.0]])
    losses = [round(loss_of(example, torch.tensor([label])).item(), 2) for label in (0, 2)]
    assert losses == [0.41, 2.41]


def gradient_by_autograd(z, P, target):
    assert torch.allclose(z.grad, P - target, atol=1e-4)


def one_layer(accuracy, line, new_x, new_y, straight):
    assert 0.8 < accuracy(line, new_x, new_y) < 0.92  # a line cuts off the tip of each moon
    assert len(straight.snapshots) > 15


def two_layers(two, x, product, accuracy, new_x, new_y):
    assert torch.allclose(two(x), product, atol=1e-3)
    assert 0.8 < accuracy(two, new_x, new_y) < 0.92


def paper(paper, folded, device):
    corners = torch.tensor([[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0]], device=device)
    assert paper[:3](corners).round(decimals=2).tolist() == [[1, 2]] * 4  # four points of the plane are one when folded
    assert folded.accuracy > 0.98


def hexagon(three, ring):
    logit = three(ring.grid).flatten()
    near = ring.grid[logit.abs() < 0.03]
    on = three[0](near) > 0  # which units are on, along the boundary
    assert len(on.unique(dim=0)) == 6  # six sides: on each, other units are on
    assert ring.accuracy == 1
    ring.edit("0", unit=2, input="bias", value=-3)  # its fold is now far away: two units are left
    assert ring.accuracy < 0.9
    assert three[0].bias[2] == 0  # the learner's model is as it was
    ring.reset()
    assert ring.accuracy == 1


def bumps(bump, largest_error):
    assert bump(torch.tensor([-1.0, 0.0, 1.0, 2.0, 3.0, 9.0])).tolist() == [0, 0, 1, 0, 0, 0]
    assert 3.5 < largest_error(16) / largest_error(32) < 5
    assert largest_error(32) < 0.006


def bent(accuracy, net, new_x, new_y):
    assert accuracy(net, new_x, new_y) > 0.98
    hidden = net[:2](new_x)  # the points in the folded plane, (300, 16)
    assert torch.allclose(net[2](hidden), net(new_x), atol=1e-3)  # the last layer is a straight cut, as in section 4


def widths(good):
    assert good[2] == 0
    assert good[2] <= good[4] <= good[8] <= good[16]
    assert good[4] < good[16]
    assert good[16] >= 4


def a_module(moons_net, net, new_x):
    own = {name: value.clone() for name, value in moons_net.state_dict().items()}
    moons_net.hidden.load_state_dict(net[0].state_dict())
    moons_net.output.load_state_dict(net[2].state_dict())
    assert torch.allclose(moons_net(new_x), net(new_x), atol=1e-3)
    moons_net.load_state_dict(own)
    assert sum(p.numel() for p in moons_net.parameters()) == 2 * 16 + 16 + 16 * 2 + 2


def plain_list(Forgetful):
    assert list(Forgetful().parameters()) == []  # an optimizer would find nothing to train


def zero_start(net, images, labels, loss_of):
    assert [bool(p.grad.any()) for p in net.parameters()] == [False, False, False, True]
    assert abs(loss_of(net(images), labels).item() - 2.303) < 0.001
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    for p in net.parameters():
        nn.init.constant_(p, 0.01)
    for _ in range(50):
        optimizer.zero_grad()
        loss_of(net(images), labels).backward()
        optimizer.step()
    weight = net[1].weight
    assert weight[0].std() > 0  # trained, and yet all units are still alike
    assert torch.allclose(weight, weight[:1].expand_as(weight), atol=1e-4)


def scale_at_the_start(size_after_ten_layers):
    assert size_after_ten_layers(0.01) < 1e-10
    assert 0.3 < size_after_ten_layers((2 / 100) ** 0.5) < 2
    assert size_after_ten_layers(1.0) > 1e7
    layer = nn.Linear(100, 100)
    assert 0.099 < layer.weight.abs().max() <= 0.1
    assert layer.bias.abs().max() <= 0.1


def vanishing_gradient(build, loss_of):
    ratios = {}
    for activation in ("Sigmoid", "ReLU"):
        torch.manual_seed(0)
        net = build(16, 8, activation)
        device = net[0].weight.device
        x = torch.randn(300, 2, device=device)
        loss_of(net(x), torch.arange(300, device=device) % 3).backward()
        ratios[activation] = (net[0].weight.grad.norm() / net[-1].weight.grad.norm()).item()
    assert ratios["Sigmoid"] < 1e-5
    assert ratios["ReLU"] > 1000 * ratios["Sigmoid"]
    assert ratios["ReLU"] < 0.01

    started_by_he = {"Sigmoid": [], "ReLU": []}
    x, y = dlviz.data.moons(300, device=device)
    for activation, measured in started_by_he.items():
        for seed in range(5):
            torch.manual_seed(seed)
            net = build(16, 8, activation)
            for parameter in net.parameters():
                (nn.init.kaiming_normal_ if parameter.dim() == 2 else nn.init.zeros_)(parameter)
            loss_of(net(x), y).backward()
            measured.append((net[0].weight.grad.norm() / net[-1].weight.grad.norm()).item())
    assert 0.1 < min(started_by_he["ReLU"]) < max(started_by_he["ReLU"]) < 0.6
    assert max(started_by_he["Sigmoid"]) < 1e-4


def compare_designs(small, large, run, stage, build, fit, accuracy, spiral_x, spiral_y, new_spiral_x, new_spiral_y):
    assert small < 0.85
    assert large > 0.95
    assert run.past_runs[-1].history["new_points"].values[-1] == small  # the old curve behind the new one
    layers = [type(layer).__name__ for layer in stage.children[0].model]
    assert layers == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]

    reached, bends = {}, {}
    for activation in ("Identity", "ReLU", "Tanh"):
        torch.manual_seed(0)
        net = build(32, 1, activation)
        fit(net, spiral_x, spiral_y)
        reached[activation] = accuracy(net, new_spiral_x, new_spiral_y)
        net = build(16, 1, activation).double()
        second = [torch.func.hessian(lambda p, net=net: net(p)[0])(point) for point in new_spiral_x[:20].double()]
        bends[activation] = torch.stack(second).abs().max().item()
    assert reached["Identity"] < 0.65  # three classes, and straight lines between them
    assert min(reached["ReLU"], reached["Tanh"]) > 0.8
    assert bends["ReLU"] == 0  # flat between the folds
    assert bends["Tanh"] > 0.01


def three_ends(runs):
    after = {name: run.history["test"].values[-1] for name, run in runs.items()}
    assert after["logits"] > 0.9
    assert abs(after["log_softmax"] - after["logits"]) < 0.03  # softmax of log_softmax is the same softmax
    assert after["softmax"] < 0.6
    assert min(runs["softmax"].history["loss"].values) > 1.46


def digits_run(accuracy, net, test_images, test_labels, before):
    assert accuracy(net, test_images, test_labels) > 0.955
    assert sum(p.numel() for p in net.parameters()) == 64 * 64 + 64 + 64 * 10 + 10
    assert not torch.equal(before["1.weight"], net[1].weight)  # the copy was not trained along


def look_inside(net, test_images, test_labels, view, wrong, device):
    logits = net(test_images).detach()
    assert torch.allclose(view.output.to(device), logits, atol=1e-2)
    assert logits[wrong].argmax() != test_labels[wrong]


def save(accuracy, loaded, net, test_images, test_labels):
    assert accuracy(loaded, test_images, test_labels) == accuracy(net, test_images, test_labels)
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), net.parameters(), strict=True))


def wrong_device(net, device, test_images):
    assert next(net.parameters()).device.type == device.type
    try:
        net(test_images.to("meta"))
        message = ""
    except RuntimeError as error:
        message = str(error)
    assert "device" in message
    assert test_images.device.type == device.type  # .to() returned a copy


def device_loop(accuracy, moved, test_images, test_labels, cpu_images):
    assert cpu_images.device.type == "cpu"
    assert accuracy(moved, test_images, test_labels) > 0.7


def a_thousand_runs(errors):
    assert "is out of bounds" in errors[0]
    assert 3 < 1000 - len(errors) < 30  # the largest number happened to be one of the first ten
