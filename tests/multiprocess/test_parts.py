"""Models in parts: stages of a pipeline, parameters that FSDP2 shards, and communication in groups."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlviz.multiprocess import Record, record
from dlviz.multiprocess.capture import LEADING
from tests.multiprocess import workers
from tests.multiprocess.batches import batch, torchs_gradients


@pytest.fixture(scope="module")
def pipeline() -> Record:
    return record(workers.pipeline, (*batch(), 3))


def test_stages_of_a_pipeline_have_the_gradients_of_the_whole_net(pipeline):
    x, y = batch()
    wanted = torchs_gradients(1, x, y, 2)
    for rows, gradients in zip(pipeline.gradients, wanted, strict=True):
        assert sorted(row.name for row in rows) == sorted(gradients)
        for row in rows:
            owner = 0 if row.name.startswith("0.") else 1
            assert row.ranks == (owner,)
            assert row.local[1 - owner] == []
            shown = gradients[row.name].flatten()[:LEADING]
            torch.testing.assert_close(torch.tensor(row.averaged, dtype=torch.float64), shown, rtol=0, atol=1e-12)


def test_every_activation_and_gradient_of_a_pipeline_is_sent_once(pipeline):
    x, _ = batch()
    width = workers.net(1)[0].out_features
    pairs = [one for one in pipeline.collectives if one.name == "send"]
    assert [one.spans[0][0] for one in pairs].count(0) == [one.spans[0][0] for one in pairs].count(1) == 2 * 3
    assert {one.bytes for one in pairs} == {len(x) // 3 * width * 8}
    for one in pairs:
        (sender, k), (receiver, j) = one.spans
        assert (pipeline.ranks[sender].spans[k].name, pipeline.ranks[receiver].spans[j].name) == ("send", "recv")
        assert pipeline.ranks[receiver].spans[j].end >= pipeline.ranks[sender].spans[k].start - pipeline.clock_error


def test_each_process_holds_half_of_what_fsdp_shards():
    x, y = batch()
    found = record(workers.sharded, (x, y))
    count = 8 * 32 + 32 + 32 * 4 + 4
    # Adam counts the steps of each of the four parameters in a number of its own.
    half = {"parameters": 8 * count // 2, "gradients": 8 * count // 2, "optimizer": 2 * 8 * count // 2 + 4 * 4}
    assert [rank.memory for rank in found.ranks] == [half, half]
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 4)).double()
    F.mse_loss(net(x), y.expand(-1, 4)).backward()
    for row, parameter in zip(found.gradients[0], net.parameters(), strict=True):
        assert row.local == ([], [])
        shown = parameter.grad.flatten()[:LEADING]
        torch.testing.assert_close(torch.tensor(row.averaged, dtype=torch.float64), shown, rtol=0, atol=1e-12)


def test_communication_in_a_group_is_matched_within_it():
    found = record(workers.groups, nprocs=3)
    assert found.results == [2 * 4 * (1.0 + 3.0) + 2.0] * 3
    members = [(one.name, tuple(rank for rank, _ in one.spans)) for one in found.collectives]
    assert members.count(("all_reduce", (0, 2))) == 3
    assert members.count(("all_reduce", (0, 1, 2))) == 1
    assert ("barrier", (0, 1, 2)) in members
    for one in found.collectives:
        spans = [found.ranks[rank].spans[index] for rank, index in one.spans]
        assert min(span.end for span in spans) >= max(span.start for span in spans) - found.clock_error
