"""Snapshots of a model: the ends and labeled ones are kept of many, and each has its measures."""

import itertools

import numpy as np
import torch
from torch import nn

from dlviz.torchkit.model_snapshots import SnapshotHistory


def test_labeled_snapshots_and_the_ends_are_kept_of_many(monkeypatch):
    monkeypatch.setattr("dlviz.torchkit.model_snapshots.MAX_SNAPSHOTS", 12)
    model, history = nn.Linear(2, 1), SnapshotHistory()
    for k in range(50):
        history.add(model, "kept" if k == 7 else "", {"loss": 0.5})
    assert len(history) <= 12
    assert history.titles[0] == "snapshot 0"
    assert history.titles[-1] == "snapshot 49"
    left = [7 if title == "kept" else int(title.split()[1]) for title in history.titles]
    assert 7 in left
    assert left == sorted(left)
    assert max(b - a for a, b in itertools.pairwise(left)) <= 14


def test_a_snapshot_keeps_its_state_and_measures_while_the_model_changes():
    model, history = nn.Linear(2, 1), SnapshotHistory()
    before = model.weight.detach().clone()
    history.add(model, "start", {"loss": 2.0, "distance": None})
    assert not history.has_changed(model)
    with torch.no_grad():
        model.weight.add_(1)
    assert history.has_changed(model)
    history.add(model, "", {"loss": 1.0, "distance": 0.5})
    assert torch.equal(history.state(0)["weight"], before)
    assert torch.equal(history.state(9)["weight"], before + 1)
    series = history.series([0, 1])
    assert series["labels"] == ["start", "snapshot 1"]
    assert series["loss"].tolist() == [2, 1]
    assert np.isnan(series["distance"]).tolist() == [True, False]


def test_a_write_through_data_is_a_change_and_nan_is_none():
    model, history = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)), SnapshotHistory()
    with torch.no_grad():
        model[0].bias.fill_(float("nan"))
    history.add(model, "", {})
    assert not history.has_changed(model)
    model[1].num_batches_tracked.data.add_(1)
    assert history.has_changed(model)
    history.add(model, "", {})
    model[0].weight.data = model[0].weight.data.double()
    assert history.has_changed(model)
