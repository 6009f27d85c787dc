import functools
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.decision_boundary.builder import NetworkBuilder
from dlviz.kit.errors import DlvizError

X, Y = dlviz.data.moons(60)


def build(width=4, depth=1, activation=nn.Tanh, lr=0.05, bias=True):
    sizes = [2, *[width] * depth]
    hidden = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b, bias), activation())]
    net = nn.Sequential(*hidden, nn.Linear(sizes[-1], 2))
    return net, torch.optim.Adam(net.parameters(), lr=lr)


def shown(function=build, **more):
    dlviz.seed(0)
    return dlviz.boundary(function, X, Y, **more)


def test_training_equals_the_learners_own_loop():
    view = shown()
    view.train(7)
    dlviz.seed(0)
    net, optimizer = build()
    for _ in range(7):
        loss = F.cross_entropy(net(X), Y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(view.model.state_dict(), net.state_dict(), rtol=0, atol=0)
    assert len(view.snapshots) == 8
    assert view.scene["snapshots"]["labels"][0] == "start"


def test_painted_points_are_trained_on():
    plain, painted = shown(), shown(painted=[[5.0, 5.0, 1]] * 30)
    plain.train(30), painted.train(30)
    at = torch.tensor([[5.0, 5.0]])
    assert painted.model(at).softmax(1)[0, 1] > plain.model(at).softmax(1)[0, 1]


def test_a_restart_repeats_the_training_bit_for_bit_and_random_numbers_stay():
    def with_dropout(p=0.3):
        net = nn.Sequential(nn.Linear(2, 8), nn.Dropout(p), nn.Linear(8, 2))
        return net, torch.optim.SGD(net.parameters(), lr=0.1)

    view = shown(with_dropout)
    before = torch.get_rng_state()
    view.train(5), view.train(5)
    first = view.model.state_dict()
    view.restart()
    assert view.snapshots == ["start"]
    view.train(10)
    torch.testing.assert_close(view.model.state_dict(), first, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), before)
    other = shown(with_dropout)
    other.train(10)
    other.settings = {"p": 0.0}
    other.train(10)
    assert not torch.equal(other.model[0].weight, first["0.weight"])


def test_an_option_of_the_optimizer_acts_at_once_and_another_argument_builds_anew():
    view = shown()
    view.train(3)
    trained = view.model.state_dict()
    view.settings = {"lr": 0.5}
    assert view.settings == {"width": 4, "depth": 1, "activation": "Tanh", "lr": 0.5, "bias": True}
    torch.testing.assert_close(view.model.state_dict(), trained, rtol=0, atol=0)
    view.train(1)
    assert float((view.model.state_dict()["0.weight"] - trained["0.weight"]).abs().max()) > 0.1  # Adam moves about lr
    view.settings = {"width": 6, "activation": nn.ReLU}
    assert (view.model[0].out_features, type(view.model[1]), view.snapshots) == (6, nn.ReLU, ["start"])
    view.settings = {"activation": "Tanh"}
    assert type(view.model[1]) is nn.Tanh
    dlviz.seed(0)
    torch.testing.assert_close(view.model.state_dict(), build(width=6)[0].state_dict(), rtol=0, atol=0)


def test_the_same_settings_again_change_nothing():
    view = shown()
    view.train(2)
    view.settings = {"width": 4}
    assert len(view.snapshots) == 3


def test_choices():
    def choices(function, given=None):
        return {name: one.choices for name, one in NetworkBuilder(function, given).arguments.items()}

    def made(width=2, p=0.0, lr=0.1, batch=False, kind="a", offset=0):
        net = nn.Linear(2, 2)
        return net, torch.optim.SGD(net.parameters(), lr=0.1)

    natural = choices(made)
    assert natural["width"] == tuple(range(1, 9))
    assert natural["p"] == (0.0, 1e-4, 1e-3, 0.01, 0.1, 1.0)
    assert natural["lr"] == (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    assert (natural["batch"], natural["kind"], natural["offset"][0]) == ((False, True), ("a",), 0)
    given = choices(made, {"width": (8, 32), "kind": ["b", "c"]})
    assert (given["width"], given["kind"]) == ((2, 8, 32), ("a", "b", "c"))
    assert choices(functools.partial(made, width=3))["width"][-1] == 12


def test_a_function_that_makes_the_step_itself():
    seen = []

    def own(scale=1.0):
        net = nn.Linear(2, 2)

        def step(x, y):
            seen.append((x.shape, y.shape, net.training))
            with torch.no_grad():
                net.weight += scale

        return net, step

    view = shown(own)
    weight = view.model.weight
    view.train(3)
    assert seen == [(X.shape, Y.shape, True)] * 3
    torch.testing.assert_close(view.model.weight, weight + 3)
    view.settings = {"scale": 2.0}  # the function knows nothing of an optimizer
    assert view.snapshots == ["start"]
    assert "net, step = function(scale=2.0)" in view.code()
    assert "    step(X, Y)\n" in view.code()


def test_the_code_is_the_training_that_was_made():
    view = shown(choices={"activation": (nn.ReLU,)})
    view.settings = {"activation": "ReLU"}
    code = view.code()
    assert "net, optimizer = function(width=4, depth=1, activation=nn.ReLU, lr=0.05, bias=True)\n" in code
    dlviz.seed(0)
    variables = {"function": build, "X": X, "Y": Y}
    exec(code.replace("range(1, 501)", "range(1, 8)"), variables)
    view.train(7)
    torch.testing.assert_close(view.model.state_dict(), variables["net"].state_dict(), rtol=0, atol=0)


def test_a_step_is_explained_with_the_functions_own_optimizer():
    view = shown()
    view.train(2)
    view.explain(point=3)
    assert (view.explained.optimizer, view.explained.lr) == ("Adam", 0.05)
    view.explain(point=3, lr=0.2)
    assert (view.explained.optimizer, view.explained.lr) == ("SGD", 0.2)


@pytest.mark.parametrize(
    ("function", "more", "words"),
    [
        (lambda width: None, {}, "needs a default value.*width has none"),
        (lambda width=3: nn.Linear(2, width), {}, "must return the network and an optimizer.*returned Linear"),
        (lambda: (nn.Linear(2, 2), 3), {}, "returned Linear and int"),
        (lambda width=3: 1 / 0, {}, r"raised an error for \(width=3\): ZeroDivisionError"),
        (build, {"choices": ["width"]}, "choices must be a dictionary"),
        (build, {"choices": {"widht": (1, 2)}}, "no argument 'widht'; it has width, depth"),
        (build, {"choices": {"width": ()}}, "choices of width must be a list"),
        (build, {"choices": {"activation": "ReLU"}}, "choices of activation must be a list"),
        (nn.Linear(2, 2), {"choices": {"width": (1, 2)}}, "model is Linear. Pass the function"),
        (nn.Linear, {}, "model must be an nn.Module, .* or a function that builds a network"),
    ],
    ids=["default", "no optimizer", "no step", "raises", "list", "unknown", "empty", "text", "module", "class"],
)
def test_what_does_not_fit_is_said(function, more, words):
    with pytest.raises(DlvizError, match=words):
        dlviz.boundary(function, X, Y, **more)


def test_a_network_that_cannot_be_built_leaves_all_as_it_was():
    def of_classes(classes=2, width=4):
        net = nn.Sequential(nn.Linear(2, width), nn.Linear(width, classes))
        return net, torch.optim.SGD(net.parameters(), lr=0.1)

    view = shown(of_classes)
    view.train(2)
    before, settings = view.model.state_dict(), view.settings
    for wanted, words in (
        ({"width": -1}, "raised an error"),
        ({"classes": 3}, "as many classes as the first one, 2, but this one has 3"),
        ({"depth": 1}, "no argument 'depth'"),
    ):
        with pytest.raises(DlvizError, match=words):
            view.settings = wanted
        assert (view.settings, len(view.snapshots)) == (settings, 3)
        torch.testing.assert_close(view.model.state_dict(), before, rtol=0, atol=0)


def test_only_a_built_network_is_trained():
    view = dlviz.boundary(nn.Linear(2, 2), X, Y)
    assert (view.settings, view.scene["build"]) == ({}, None)
    for act in (view.train, view.restart, lambda: setattr(view, "settings", {"width": 3})):
        with pytest.raises(DlvizError, match="was not built by a function of yours"):
            act()
    with pytest.raises(DlvizError, match="n must be a whole number from 1"):
        shown().train(0)


def test_a_step_that_raises_keeps_the_steps_before_it():
    left = [3]

    def breaks():
        net = nn.Linear(2, 2)

        def step(x, y):
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("out of steps")
            with torch.no_grad():
                net.bias += 1

        return net, step

    view = shown(breaks)
    bias = view.model.bias
    with pytest.raises(RuntimeError, match="out of steps"):
        view.train(10)
    torch.testing.assert_close(view.model.bias, bias + 3)
    view._on_train({"kind": "train", "count": 5})
    assert any("RuntimeError: out of steps" in note["text"] for note in view.scene["notes"])
    left[0] = 5
    view._on_train({"kind": "train", "count": 2})
    assert not any("out of steps" in note["text"] for note in view.scene["notes"])
