"""`dlviz.parallel`: what Python reads of a run, and what the widget refuses."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.multiprocess.widget import Parallel
from tests.multiprocess import invented


def train(rank, world_size, x, y):
    torch.manual_seed(0)
    net = DistributedDataParallel(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double())
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x[rank::world_size]), y[rank::world_size])
        loss.backward()
        optimizer.step()
    print("done")
    return loss.item()


@pytest.fixture(scope="module")
def trained():
    x = torch.randn(8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return dlviz.parallel(train, x, x.sum(1, keepdim=True), nprocs=(2, 1), label="train")


def test_two_processes_have_the_gradients_of_one(trained):
    assert sorted(trained.records) == [1, 2]
    assert trained.record is trained.records[2]
    assert len(trained.results) == 2
    assert trained.gradient_difference < 1e-12
    assert trained.scene["badge"]["kind"] == "good"
    assert trained.speedup.keys() == trained.efficiency.keys() == {2}
    assert trained.efficiency[2] == trained.speedup[2] / 2
    assert repr(trained) == "dlviz.parallel(train; processes: 1, 2)"


def test_the_picture_of_a_real_run_has_its_steps_gradients_and_memory(trained):
    scene = trained.scene
    assert len(scene["steps"]) == 4
    assert [one["name"] for one in scene["gradients"]["parameters"]] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert all(one["rows"] == ["0", "1", "mean", "grad", "single"] for one in scene["gradients"]["parameters"])
    verdicts = [kind["kind"] for one in scene["gradients"]["parameters"] for step in one["verdicts"] for kind in step]
    assert set(verdicts) == {"good"}
    weights = 8 * sum(p.numel() for p in nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1)).parameters())
    assert scene["memory"][0]["bytes"][:2] == [weights, weights]
    assert scene["memory"][0]["bytes"][2] >= 2 * weights  # Adam keeps two numbers for each
    assert [one["printed"] for one in scene["output"]] == ["done\n", "done\n"]
    assert "all_reduce" in scene["blocks"]["names"]


@pytest.mark.parametrize("records", [invented.several(1, 2), {2: invented.pipeline()}, {2: invented.sharded()},
                                     {2: invented.without_optimizer()}, {1: invented.alone()}])  # fmt: skip
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_kind_of_run_has_a_still_picture_and_a_page(records, theme):
    view = Parallel(records, theme=theme)
    assert view._still().startswith("<svg")
    assert len(view.to_html()) < 200_000
    view.close()
    assert repr(view) == "dlviz.parallel(closed)"


def test_numbers_that_are_not_finite_are_drawn():
    run = invented.run(2)
    bad = replace(run.gradients[0][0], averaged=[float("nan"), float("inf"), *[0.0] * 6], difference=float("inf"))
    view = Parallel({2: replace(run, gradients=[[bad]])})
    assert "NaN" in view._still()
    assert "∞" in view._still()
    assert view.gradient_difference == float("inf")
    assert "$number" not in view.scene["badge"]["text"]
    view.to_html()


def test_an_argument_that_does_not_fit_is_refused_before_a_process_starts():
    with pytest.raises(DlvizError, match="nprocs must be"):
        dlviz.parallel(train, nprocs=0)
    with pytest.raises(DlvizError, match="theme must be one of auto, light, dark, but got 'x'"):
        dlviz.parallel(lambda rank, world_size: 1 / 0, theme="x")
    with pytest.raises(TypeError, match="Did you mean nprocs"):
        dlviz.parallel(train, nproc=2)
    with pytest.raises(DlvizError, match="parameter must be below 2"):
        Parallel({2: invented.run(2)}).parameter = 2
    with pytest.raises(DlvizError, match="shown must be"):
        Parallel({2: invented.run(2)}, shown="all")


def test_a_closed_widget_keeps_no_record():
    view = Parallel(invented.several(1, 2))
    view.close()
    for use in (lambda: view.records, lambda: view.results, lambda: view.speedup, lambda: view.to_html()):
        with pytest.raises(DlvizError, match="closed"):
            use()
