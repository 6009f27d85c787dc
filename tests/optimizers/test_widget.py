"""`dlviz.race`: its paths equal torch's, invalid arguments are named, and close() releases everything."""

import functools
import gc
import inspect
import json
import re
import weakref

import numpy as np
import pytest
import torch
from torch.optim import SGD, Adam

import dlviz
from dlviz.kit import plotly
from dlviz.kit.errors import DlvizError
from dlviz.kit.svg import colors
from dlviz.optimizers import widget
from dlviz.optimizers.widget import SCALES
from tests.optimizers.reference import LOSSES, OPTIMIZERS, plain_loop


def small(**more):
    return dlviz.race(
        {"SGD": (SGD, {"lr": 0.05}), "Adam": (Adam, {"lr": 0.1})}, **{"loss": "ravine", "steps": 20, **more}
    )


def sent(view, name):
    """One path as the view reads it."""
    return next(one for one in view.paths_data["list"] if one["name"] == name)


def numbers(data, kind="float64"):
    return torch.from_numpy(np.frombuffer(data, kind).copy())


def test_paths_losses_and_state_sent_to_the_view_equal_torch():
    view = dlviz.race(OPTIMIZERS, "ravine")
    for name, (kind, arguments) in OPTIMIZERS.items():
        points, losses, grads = plain_loop(kind, arguments, LOSSES["ravine"], (-2.5, 1.0), 100)
        assert (view.paths[name] - points).abs().max() < 1e-10
        one = sent(view, name)
        assert torch.equal(numbers(one["points"]).reshape(101, 2), view.paths[name])
        assert torch.allclose(numbers(one["losses"])[:-1], losses, rtol=0, atol=1e-10)
        gradients = numbers(one["arrays"]["gradient"]["values"], "float32").reshape(101, 2)
        assert torch.allclose(gradients[:-1], grads.float(), rtol=1e-6, atol=1e-6)
        for key in one["state"]:
            assert torch.equal(
                numbers(one["arrays"][key]["values"], "float32").reshape(101, 2),
                view.trajectories[name].state[key].float(),
            )
    assert sent(view, "momentum")["momentum"] == "momentum_buffer"
    assert sent(view, "Adam")["momentum"] == "exp_avg"
    assert sent(view, "SGD")["momentum"] is None


def test_the_same_call_is_bit_identical():
    one, two = dlviz.race(OPTIMIZERS, "himmelblau", steps=20), dlviz.race(OPTIMIZERS, "himmelblau", steps=20)
    assert all(torch.equal(one.paths[name].view(torch.int64), two.paths[name].view(torch.int64)) for name in OPTIMIZERS)
    assert one.paths_data == two.paths_data
    assert one.to_html() == two.to_html()


def test_the_two_parameters_have_the_given_names():
    view = small(axes=("w", "b"))
    assert (view.scene["axes"], view.scene["pair"]) == (["w", "b"], "(w, b)")
    assert "from (w, b) = (-2.5, 1)" in view.scene["signature"]
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", view._still())
    assert {"w", "↑ b"} <= set(texts)
    assert {"x", "↑ y"} <= set(re.findall(r"<text[^>]*>([^<]*)</text>", small()._still()))


@pytest.mark.parametrize("axes", ["wb", "w", ("w",), ("w", "b", "c"), ("w", ""), (1, 2), ("w\n", "b"), None])
def test_invalid_axis_names_are_refused(axes):
    with pytest.raises(DlvizError, match="race: axes must be two names"):
        small(axes=axes)


def test_the_repr_is_stable_and_traits_are_ordinary():
    view = small()
    assert repr(view) == "dlviz.race(SGD, Adam on ravine, 20 steps)"
    assert (view.step, view.playing, view.view, view.opened, view.scale) == (20, False, "2d", "", 1.0)
    seen = []
    view.observe(lambda change: seen.append(change["new"]), "opened")
    view.opened = "Adam"
    assert seen == ["Adam"]
    assert small(step=3, opened="SGD", view="3d").step == 3


def test_scale_reruns_every_optimizer_with_its_learning_rate_multiplied():
    view = small()
    view.scale = 3.16
    for name, (kind, lr) in {"SGD": (SGD, 0.05), "Adam": (Adam, 0.1)}.items():
        points, _, _ = plain_loop(kind, {"lr": lr * 3.16}, LOSSES["ravine"], (-2.5, 1.0), 20)
        assert torch.equal(view.paths[name], points)
        assert sent(view, name)["lr"] == lr * 3.16
    assert sent(view, "SGD")["ended"] == {"step": 1, "reason": "up"}  # y is multiplied with −2.16
    assert torch.equal(small(scale=3.16).paths["SGD"], view.paths["SGD"])
    view.scale = 1.0
    assert torch.equal(view.paths["SGD"], small().paths["SGD"])


def test_the_threshold_is_in_the_widget_and_in_the_view_and_holds():
    view = dlviz.race(OPTIMIZERS, "ravine", limits=(-3, 3))
    assert view.quadratic
    assert view.threshold["SGD"] == pytest.approx(0.1)
    assert view.threshold["momentum"] == pytest.approx(0.19)
    assert view.threshold["Nesterov"] == pytest.approx(2 * 1.9 / (20 * 2.8))
    assert all(view.threshold[name] is None for name in ("RMSprop", "Adam", "AdamW", "Adagrad"))
    assert sent(view, "SGD")["threshold"] == view.threshold["SGD"]
    for share in (0.97, 1.03):
        view.scale = view.threshold["SGD"] / 0.05 * share
        assert (view.losses["SGD"][-1] > view.losses["SGD"][0]) == (share > 1)
    words = view.scene["thresholds"]
    assert "λmax = 20, the same everywhere" in words[0]
    assert "2(1 + 0.9) / λmax = 0.19" in words[1]
    assert "does not bound it" in words[4]


def test_the_threshold_is_called_local_unless_quadratic_and_negative_curvature_is_mentioned():
    local = dlviz.race(OPTIMIZERS, "rosenbrock", steps=5)
    assert not local.quadratic
    assert "local" in local.scene["thresholds"][0]
    assert "bends down" in small(loss="saddle").scene["thresholds"][0]
    hill = small(loss=lambda p: -(p**2).sum(), start=(1, 1))
    assert hill.threshold["SGD"] is None
    assert "no threshold" in hill.scene["thresholds"][0]


def test_the_limits_of_the_learners_own_loss_surround_the_paths():
    def mine(p):
        return ((p - 100.0) ** 2).sum()

    view = small(loss=mine, start=(90, 95), steps=50)
    (x0, x1), (y0, y1) = view.scene["surface"]["x"], view.scene["surface"]["y"]
    assert x0 < 90 < x1 < 120
    assert y0 < 95 < y1 < 120
    assert view.scene["signature"].startswith("mine · from (x, y) = (90, 95)")
    assert small(loss=mine, start=(90, 95), limits=(80, 120)).scene["surface"]["y"] == [80.0, 120.0]


def test_code_of_the_opened_optimizer():
    view = small(opened="Adam")
    assert "torch.optim.Adam([p], lr=0.1)" in view.code()
    assert "torch.optim.SGD([p], lr=0.05)" in view.code("SGD")
    view.scale = 2.15
    assert "torch.optim.SGD([p], lr=0.1075)" in view.code("SGD")
    with pytest.raises(DlvizError, match="There are SGD, Adam"):
        view.code("Adagrad")


class Odd(torch.optim.Optimizer):
    """An optimizer without a learning rate."""

    def __init__(self, params):
        super().__init__(params, {"pace": 1.0})


REFUSALS = {
    "must be a mapping or a list": lambda: dlviz.race("SGD"),
    "optimizers is empty": lambda: dlviz.race([]),
    "made already": lambda: dlviz.race([SGD([torch.zeros(1, requires_grad=True)], lr=0.1)]),
    r"torch refuses functools.partial\(.*Invalid learning rate": lambda: dlviz.race([functools.partial(SGD, lr=-1.0)]),
    r"torch refuses \(SGD, \{'lrr': 1\}\)": lambda: dlviz.race([(SGD, {"lrr": 1})]),
    "an optimizer is a class.*but got 3": lambda: dlviz.race([lambda params: 3]),
    'no learning rate "lr"': lambda: dlviz.race([Odd]),
    "one of bowl, ravine.*but got 'hill'": lambda: small(loss="hill"),
    "say where to start": lambda: small(loss=lambda p: p.sum()),
    "start must be two finite numbers": lambda: small(start=(1, 2, 3)),
    "start must be two finite numbers, .*nan": lambda: small(start=(1, float("nan"))),
    "whole number from 1 to 2000, but got 0": lambda: small(steps=0),
    "must return a tensor of one real number.*shape \\(2,\\)": lambda: small(loss=lambda p: p, start=(1, 1)),
    "cannot be computed.*IndexError": lambda: small(loss=lambda p: p[2], start=(1, 1)),
    "has no gradient": lambda: small(loss=lambda p: (p.detach() ** 2).sum(), start=(1, 1)),
    "limits must be .*finite and ascending": lambda: small(limits=(2, 1)),
    "limits must be .*'wide'": lambda: small(limits="wide"),
    "must be above 0": lambda: small(scale=0),
    "no optimizer 'Adagrad'": lambda: small(opened="Adagrad"),
}


@pytest.mark.parametrize("words", REFUSALS)
def test_invalid_arguments_are_named_in_the_error(words):
    with pytest.raises(DlvizError, match=words):
        REFUSALS[words]()


def test_unknown_settings_are_refused():
    with pytest.raises(TypeError, match="no such argument: pace"):
        small(pace=3)


def payload(text):
    return json.loads(re.search(r'id="payload">(.*?)</script>', text, re.S)[1])


def test_a_page_holds_every_setting_of_the_slider_and_plotly_only_for_3d():
    view = small()
    state = payload(view.to_html())["state"]
    assert set(map(float, state["precomputed"]["scale"])) == set(SCALES)
    assert "plotly" not in state
    assert len(view.to_html()) < 1_500_000
    view.view = "3d"
    text = view.to_html()
    assert text.count(payload(text)["state"]["plotly"]["$bytes"][:200]) == 1
    assert len(text) < 4_000_000


def test_plotly_is_read_from_the_installed_wheel_and_sent_on_request(monkeypatch):
    import gzip
    from importlib.metadata import files

    found = next(one for one in files("plotly") if one.name == "plotly.min.js")
    assert gzip.decompress(plotly.plotly_gzip()) == found.locate().read_bytes()
    assert plotly.plotly_gzip() is plotly.plotly_gzip()
    view, messages = small(), []
    monkeypatch.setattr(type(view), "send", lambda self, content, buffers=None: messages.append((content, buffers)))
    view._handle_custom_msg({"kind": "else"}, [])
    assert messages == []
    view._handle_custom_msg({"kind": "plotly"}, [])
    assert messages == [({"kind": "plotly"}, [plotly.plotly_gzip()])]


def test_the_view_is_small_and_plotly_is_no_trait():
    view = dlviz.race(OPTIMIZERS, "ravine")
    assert len(view._shared.view) < 60_000
    assert not any(name == "plotly" for name in view.trait_names())


def test_a_closed_widget_releases_the_loss_and_refuses_calls():
    class Mine:
        def __call__(self, p):
            return (p**2).sum()

    loss = Mine()
    gone = weakref.ref(loss)
    view = small(loss=loss, start=(1.0, 1.0))
    view.close()
    del loss
    gc.collect()
    assert gone() is None
    assert repr(view) == "dlviz.race(closed)"
    with pytest.raises(DlvizError, match="closed"):
        _ = view.paths
    view.scale = 2.0  # no effect after close()


def test_the_still_picture_has_every_path_in_its_color(tmp_path):
    view = small()
    text = view.save(tmp_path / "a.svg").read_text(encoding="utf-8")
    assert len(text) < 100_000
    for k in range(2):
        assert text.count(f'stroke="{colors("light")[f"run-{k}"]}"') >= 2
    evil = dlviz.race({"<script>": (SGD, {"lr": 0.1})}, "bowl", steps=2)
    assert "<script>" not in evil._still()
    assert "<script>x" not in evil.to_html()


def test_an_optimizer_that_cannot_take_a_step_is_refused_in_its_own_words():
    with pytest.raises(DlvizError, match=r"SparseAdam cannot take a step.*does not support dense gradients"):
        dlviz.race([torch.optim.SparseAdam])


def test_a_loss_that_fails_where_a_path_leads_is_refused_with_the_place():
    def loss(p):
        if p[0].item() > 1:
            raise ValueError("outside")
        return -p.sum()

    with pytest.raises(DlvizError, match=r"cannot be computed at \(10, 10\).*ValueError: outside"):
        dlviz.race([(SGD, {"lr": 10.0})], loss, start=(0, 0), steps=5)


def test_a_page_computes_the_nearest_settings_as_long_as_they_cost_little(monkeypatch):
    monkeypatch.setattr(widget, "MAX_EVALUATIONS", 100)
    view = small()
    settings = set(map(float, payload(view.to_html())["state"]["precomputed"]["scale"]))
    assert settings == set(SCALES[7:11])  # a setting takes 2 × 21 evaluations, so after three the limit is passed


@pytest.mark.parametrize(
    "more",
    [
        {"start": np.array([-2.0, 1.0])},
        {"steps": np.int64(20)},
        {"seed": np.int64(3)},
        {"limits": np.array([[-3, 3], [-2, 2]])},
        {"axes": np.array(["w", "b"])},
        {"scale": np.float32(2)},
    ],
)
def test_numbers_of_numpy_are_accepted(more):
    assert small(**more).paths["SGD"].shape == (21, 2)


@pytest.mark.parametrize("words", ["seed must be", "scale multiplies", "no optimizer 'SDG'. There are SGD, Adam"])
def test_odd_settings_are_named(words):
    odd = {"seed": None} if "seed" in words else {"scale": "big"} if "scale" in words else {"opened": "SDG"}
    with pytest.raises(DlvizError, match=words):
        small(**odd)


@pytest.mark.parametrize("loss", [lambda p: p[0] * 0 + 1, lambda p: p.sum() * float("inf")])
def test_paths_that_do_not_move_have_a_picture(loss):
    view = dlviz.race([SGD], loss, start=(1, 1), steps=5)
    assert view._still().startswith("<svg")
    (low, high), _ = view._limits
    assert low < 1 < high


def test_any_iterable_of_optimizers_is_a_race():
    assert set(dlviz.race({"a": SGD}.values(), steps=5).paths) == {"SGD"}


@pytest.mark.parametrize("function", [dlviz.race, dlviz.surface, dlviz.graph])
def test_every_option_stands_in_the_signature_and_a_misspelled_one_is_suggested(function):
    parameters = inspect.signature(function).parameters
    assert {"theme", "step", "speed"} <= set(parameters)
    assert not [p for p in parameters.values() if p.kind is p.VAR_KEYWORD]
    with pytest.raises(TypeError, match="Did you mean theme"):
        function([SGD], thme="dark")
