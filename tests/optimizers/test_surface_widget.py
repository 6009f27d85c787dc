"""`dlviz.surface`: a loss of two numbers, and slices of a real network's loss, against direct evaluation."""

import copy
import gc
import re
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.optimizers.loss_landscape import random_plane


def net_and_data():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    x = torch.rand(40, 2) * 2 - 1
    return net, x, (x[:, 0] * x[:, 1] > 0).long()


def kept(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def trained():
    """A network, its loss, and its states before, during and after a training."""
    net, x, y = net_and_data()
    optimizer, states = torch.optim.Adam(net.parameters(), lr=0.03), [kept(net)]
    for _ in range(40):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        states.append(kept(net))
    optimizer.zero_grad()
    return net, lambda m: F.cross_entropy(m(x), y), states


def direct(net, loss, plane, a, b):
    """The loss of a copy whose parameters were written by hand."""
    other = copy.deepcopy(net)
    with torch.no_grad():
        for name, p in other.named_parameters():
            p.copy_(plane.center[name] + a * plane.first[name] + b * plane.second[name])
        return float(loss(other))


def test_every_value_is_the_loss_at_its_grid_point_and_levels_are_listed():
    view = dlviz.surface("himmelblau", limits=((-4, 4), (-3, 5)), size=9)
    for r, y in enumerate(view.y.tolist()):
        for c, x in enumerate(view.x.tolist()):
            assert float(view.values[r, c]) == pytest.approx((x * x + y - 11) ** 2 + (x + y * y - 7) ** 2)
    sent = np.frombuffer(view.scene["surface"]["values"], "float64").reshape(9, 9)
    assert (sent == view.values.numpy()).all()
    assert view.levels == [one["value"] for one in view.scene["surface"]["levels"]]
    assert len(view.levels) > 5
    assert repr(view).startswith("dlviz.surface(himmelblau: loss from ")


def test_the_learners_path_is_drawn_with_its_losses():
    p = torch.tensor([2.0, 1.0], requires_grad=True)
    trail = []
    for _ in range(5):
        trail.append(p.detach().clone())
        (p**2).sum().backward()
        with torch.no_grad():
            p -= 0.2 * p.grad
        p.grad = None
    view = dlviz.surface(lambda q: (q**2).sum(), path=trail)
    assert torch.equal(view.path, torch.stack(trail).double())
    assert view.step == 4
    (one,) = view.paths_data["list"]
    losses = np.frombuffer(one["losses"], "float64")
    assert losses == pytest.approx([float((q.double() ** 2).sum()) for q in trail])
    assert view.scene["surface"]["x"][0] < 0.3
    assert view.scene["surface"]["x"][1] > 2
    assert torch.equal(dlviz.surface("bowl", path=torch.stack(trail)).path, view.path)
    assert repr(view).endswith(", a path of 5 points)")


def test_the_values_of_a_slice_equal_direct_evaluation_and_the_model_is_not_changed():
    net, loss, _ = trained()
    before, mode, numbers = kept(net), net.training, torch.get_rng_state()
    view = dlviz.surface(net, loss=loss, size=5)
    for r, b in enumerate(view.y.tolist()):
        for c, a in enumerate(view.x.tolist()):
            assert float(view.values[r, c]) == pytest.approx(direct(net, loss, view.plane, a, b), rel=1e-5)
    assert float(view.values[2, 2]) == pytest.approx(float(loss(net).detach()), rel=1e-6)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())
    assert net.training is mode
    assert torch.equal(torch.get_rng_state(), numbers)
    assert view.scene["marked"] == [[0.0, 0.0]]
    assert view.scene["axes"] == ["a, along a random direction", "b, along another"]
    assert "Li et al. 2018" in view.scene["notes"][0]["text"]


def test_random_directions_are_filter_normalized_and_depend_on_the_seed():
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))
    plane = random_plane(net, 3)
    for direction in (plane.first, plane.second):
        for name, weight in plane.center.items():
            if weight.dim() < 2:
                assert not direction[name].any()
            else:
                assert torch.allclose(direction[name].flatten(1).norm(dim=1), weight.flatten(1).norm(dim=1), rtol=1e-5)
    repeated, other = random_plane(net, 3), random_plane(net, 4)
    assert all(torch.equal(plane.first[name], repeated.first[name]) for name in plane.center)
    assert not torch.equal(plane.first["0.weight"], other.first["0.weight"])
    assert not torch.equal(plane.first["0.weight"], plane.second["0.weight"])


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.BatchNorm1d(8)], ids=["dropout", "batch norm"])
def test_dropout_and_batch_norm_behave_the_same_at_every_grid_point(layer):
    net, x, y = net_and_data()
    net.insert(1, layer)
    before = kept(net)
    views = [dlviz.surface(net, loss=lambda m: F.cross_entropy(m(x), y), size=5) for _ in range(2)]
    assert torch.equal(views[0].values, views[1].values)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    if isinstance(layer, nn.BatchNorm1d):
        plane, loss = views[0].plane, lambda m: F.cross_entropy(m(x), y)
        assert float(views[0].values[0, 4]) == pytest.approx(direct(net, loss, plane, 1.0, -1.0), rel=1e-5)


class Counting(nn.Module):
    """Multiplies by the number of its calls."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += 1
        return x * self.seen


def test_every_grid_point_starts_with_the_models_own_buffers():
    net, x, y = net_and_data()
    net.append(Counting())
    loss = lambda m: F.cross_entropy(m(x), y)  # noqa: E731
    view = dlviz.surface(net, loss=loss, size=3)
    for r, b in enumerate(view.y.tolist()):
        for c, a in enumerate(view.x.tolist()):
            assert float(view.values[r, c]) == pytest.approx(direct(net, loss, view.plane, a, b), rel=1e-5)
    assert net[-1].seen == 0


def test_a_plane_through_three_states_has_them_at_its_corners():
    net, loss, states = trained()
    corners = (states[0], states[-1], states[8])
    view = dlviz.surface(net, loss=loss, directions=corners, limits=(0, 1), size=2, path=states)
    for (r, c), state in (((0, 0), corners[0]), ((0, 1), corners[1]), ((1, 0), corners[2])):
        other = copy.deepcopy(net)
        other.load_state_dict(state)
        assert float(view.values[r, c]) == pytest.approx(float(loss(other).detach()), rel=1e-5)
    assert view.path[0].tolist() == pytest.approx([0, 0], abs=1e-5)
    assert view.path[-1].tolist() == pytest.approx([1, 0], abs=1e-4)
    assert view.path[8].tolist() == pytest.approx([0, 1], abs=1e-4)
    assert view.scene["marked"] == [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert view.scene["axes"] == ["from state 1 to state 2", "from state 1 to state 3"]


def test_with_two_states_the_second_direction_is_orthogonal():
    net, loss, states = trained()
    view = dlviz.surface(net, loss=loss, directions=(states[0], states[-1]), size=3)
    flat = [torch.cat([one.flatten() for one in d.values()]).double() for d in (view.plane.first, view.plane.second)]
    assert abs(flat[0] @ flat[1]) < 1e-5 * flat[0].norm() ** 2
    assert float(flat[1].norm()) == pytest.approx(float(flat[0].norm()), rel=1e-5)


def test_a_path_of_states_is_projected_with_a_note_on_its_distance_from_the_plane():
    net, loss, states = trained()
    view = dlviz.surface(net, loss=loss, path=states, size=5)
    basis = torch.stack(
        [torch.cat([one.flatten() for one in d.values()]) for d in (view.plane.first, view.plane.second)], 1
    ).double()
    center = torch.cat([one.flatten() for one in view.plane.center.values()]).double()
    displacements = [
        torch.cat([state[name].flatten() for name in view.plane.center]).double() - center for state in states
    ]
    solution = torch.linalg.lstsq(basis, torch.stack(displacements, 1)).solution.T
    assert torch.allclose(view.path, solution, atol=1e-5)
    off = max(float((displacement - basis @ p).norm()) for displacement, p in zip(displacements, solution, strict=True))
    assert f"up to {off:.3g} away from the plane" in view.scene["notes"][1]["text"]
    (x0, x1), (y0, y1) = view.scene["surface"]["x"], view.scene["surface"]["y"]
    assert x0 <= view.path[:, 0].min()
    assert view.path[:, 0].max() <= x1
    assert y0 <= view.path[:, 1].min()
    assert view.path[:, 1].max() <= y1
    # The last state is the model itself: the center of the plane.
    losses = np.frombuffer(view.paths_data["list"][0]["losses"], "float64")
    assert losses[-1] == pytest.approx(float(loss(net).detach()), rel=1e-5)


NET, X, Y = net_and_data()
LOSS = lambda m: F.cross_entropy(m(X), Y)  # noqa: E731
REFUSALS = {
    "loss must be a function of a tensor of two numbers": lambda: dlviz.surface(3),
    "say what to draw": lambda: dlviz.surface(lambda p: p.sum()),
    "loss= and directions= belong to a network": lambda: dlviz.surface("bowl", loss=LOSS),
    "a network needs loss=": lambda: dlviz.surface(NET),
    "cannot be computed for a copy.*AttributeError": lambda: dlviz.surface(NET, loss=lambda m: m.nothing),
    "does not use the model": lambda: dlviz.surface(NET, loss=lambda m: F.cross_entropy(NET(X), Y), size=3),
    "one real number.*shape \\(40, 2\\)": lambda: dlviz.surface(NET, loss=lambda m: m(X)),
    "two or three state_dicts, but there are 1": lambda: dlviz.surface(NET, loss=LOSS, directions=[kept(NET)]),
    "are the same": lambda: dlviz.surface(NET, loss=LOSS, directions=[NET.state_dict(), NET.state_dict()]),
    "path must be state_dicts .* got Tensor": lambda: dlviz.surface(NET, loss=LOSS, path=[X]),
    "path must be state_dicts .* got an empty list": lambda: dlviz.surface(NET, loss=LOSS, path=[]),
    r"lacks a parameter.*0\.weight": lambda: dlviz.surface(NET, loss=LOSS, path=[{"weight": X}]),
    "path must be points.*shape \\(40,\\)": lambda: dlviz.surface("bowl", path=X[:, 0]),
    "path must be points.*'x'": lambda: dlviz.surface("bowl", path="x"),
    "from 2 to 401, but got 1": lambda: dlviz.surface("bowl", size=1),
    "surface: limits must be": lambda: dlviz.surface("bowl", limits=(1, 1)),
}


@pytest.mark.parametrize("words", REFUSALS)
def test_invalid_arguments_are_named_in_the_error(words):
    with pytest.raises(DlvizError, match=words):
        REFUSALS[words]()


def test_a_closed_surface_frees_the_networks_parameters():
    net, x, y = net_and_data()
    view = dlviz.surface(net, loss=lambda m: F.cross_entropy(m(x), y), size=3)
    gone = weakref.ref(view.plane.first["0.weight"])
    view.close()
    gc.collect()
    assert gone() is None
    assert repr(view) == "dlviz.surface(closed)"
    with pytest.raises(DlvizError, match="closed"):
        _ = view.values


def test_a_page_and_a_still_picture(tmp_path):
    view = dlviz.surface("bowl", path=[(2.0, 1.0), (1.0, 0.0)])
    assert '"kind": "surface"' in view.to_html(tmp_path / "a.html")
    text = view.save(tmp_path / "a.svg").read_text(encoding="utf-8")
    assert re.search(r"<title>The loss of bowl from above, from 0 to 13.5", text)


def test_the_axes_of_a_surface_have_the_given_names():
    view = dlviz.surface("bowl", axes=("w", "b"))
    assert (view.scene["axes"], view.scene["pair"]) == (["w", "b"], "(w, b)")
    assert dlviz.surface("bowl").scene["axes"] == ["x", "y"]
    net, x, y = net_and_data()
    slices = [
        dlviz.surface(net, loss=lambda m: F.cross_entropy(m(x), y), size=3, **more)
        for more in ({}, {"axes": ("towards SGD", "towards Adam")})
    ]
    assert slices[0].scene["axes"] == ["a, along a random direction", "b, along another"]
    assert slices[1].scene["axes"] == ["towards SGD", "towards Adam"]
    assert [view.scene["pair"] for view in slices] == ["", ""]
    with pytest.raises(DlvizError, match="surface: axes must be two names"):
        dlviz.surface("bowl", axes="wb")


def network():
    net, x = torch.nn.Linear(3, 1), torch.rand(8, 3)
    return net, lambda model: model(x).square().mean()


def test_a_path_may_be_any_table_of_numbers():
    points = [(2.0, 1.0), (1.0, 0.0)]
    kinds = [points, np.array(points), torch.tensor(points), [np.array(p, np.float32) for p in points], Table(points)]
    for path in kinds:
        assert torch.equal(dlviz.surface("bowl", path=path, size=np.int64(5)).path, torch.tensor(points).double())


class Table:
    """Like a table of pandas: iterating yields the names of columns."""

    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        return iter(["a", "b"])

    def __array__(self, dtype=None, copy=None):
        return np.array(self.rows, dtype)


def test_states_may_hold_arrays():
    net, loss = network()
    states = [{name: value.numpy() + shift for name, value in net.state_dict().items()} for shift in (0, 1)]
    view = dlviz.surface(net, loss=loss, directions=states, path=states, size=5)
    assert torch.allclose(view.path, torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64), atol=1e-6)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"path": 3}, "path must be state_dicts.*one int"),
        ({"directions": 3}, "directions must be state_dicts.*one int"),
        ({"path": {"weight": 3}}, "path must be state_dicts.*one dict"),
        ({"seed": "a"}, "surface: seed must be"),
        ({"size": 2.5}, "size is how many"),
    ],
)
def test_odd_arguments_of_a_network_s_slice_are_named(more, words):
    net, loss = network()
    with pytest.raises(DlvizError, match=words):
        dlviz.surface(net, loss=loss, **more)


def test_a_network_without_weights_is_refused_with_what_to_do():
    with pytest.raises(DlvizError, match="ReLU has no parameters"):
        dlviz.surface(torch.nn.ReLU(), loss=lambda m: m(torch.ones(2)).sum())
    with pytest.raises(DlvizError, match=r"Run LazyLinear\(x\) once"):
        dlviz.surface(torch.nn.LazyLinear(2), loss=lambda m: m(torch.ones(2)).sum())
