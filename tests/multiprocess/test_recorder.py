"""The recorder in this process, which is a process group of its own: steps, accumulated gradients, and what it leaves behind."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules import module as torch_module
from torch.optim import optimizer as torch_optimizer

from dlviz.multiprocess import recorder as recorder_module
from dlviz.multiprocess.recorder import Recorder, Recording


@pytest.fixture(scope="module", autouse=True)
def group() -> Iterator[None]:
    """Make this process a process group."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def hooks() -> list[object]:
    """Return what torch calls for every module and optimizer, and how a group communicates."""
    return [
        *(len(vars(torch_module)[name]) for name in ("_global_forward_hooks", "_global_forward_pre_hooks")),
        *(len(vars(torch_optimizer)[f"_global_optimizer_{name}_hooks"]) for name in ("pre", "post")),
        vars(dist.ProcessGroup)["allreduce"],
    ]


def descend(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int, *, zero: bool = True) -> list[Tensor]:
    """Make steps of gradient descent, and return the gradient of the first parameter at each."""
    found = []
    for _ in range(steps):
        if zero:
            optimizer.zero_grad()
        net(torch.randn(3, 2)).square().sum().backward()
        found.append(next(net.parameters()).grad.flatten().clone())
        optimizer.step()
    return found


def nets(count: int) -> list[tuple[nn.Module, torch.optim.Optimizer]]:
    made = [nn.Linear(2, 2) for _ in range(count)]
    return [(net, torch.optim.SGD(net.parameters(), lr=0.1)) for net in made]


def kinds(found: Recording) -> list[str]:
    return [span.kind for span in found.spans if span.kind != "other"]


def test_the_steps_of_trainings_in_a_row_are_counted_one_by_one():
    (first, second) = nets(2)
    with Recorder(20) as recorder:
        wanted = [*descend(*first, 3), *descend(*second, 2)]
    found = recorder.recording()
    assert len(found.step_ends) == len(found.step_seconds) == 5
    names = ["weight"] * 3 + ["weight (2)"] * 2
    for step, (name, gradient) in enumerate(zip(names, wanted, strict=True)):
        assert set(found.gradients.final[step]) == {name, name.replace("weight", "bias")}
        np.testing.assert_array_equal(found.gradients.final[step][name], gradient.double())
        np.testing.assert_array_equal(found.gradients.local[step][name], gradient.double())


def test_two_optimizers_that_take_turns_make_one_step():
    (critic, of_critic), (generator, of_generator) = nets(2)
    wanted = []
    with Recorder(20) as recorder:
        for _ in range(3):
            of_critic.zero_grad()
            critic(generator(torch.randn(3, 2)).detach()).sum().backward()
            wanted.append(critic.weight.grad.flatten().clone())
            of_critic.step()
            of_generator.zero_grad()
            critic(generator(torch.randn(3, 2))).sum().backward()
            of_generator.step()
    found = recorder.recording()
    assert len(found.step_ends) == 3
    # The net that is called first is named first.
    assert {len(step) for step in found.gradients.final} == {4}
    for step, gradient in enumerate(wanted):
        np.testing.assert_array_equal(found.gradients.final[step]["weight (2)"], gradient.double())
        np.testing.assert_array_equal(found.gradients.local[step]["weight (2)"], gradient.double())


def test_gradients_that_are_never_set_to_zero_add_up():
    ((net, optimizer),) = nets(1)
    with Recorder(20) as recorder:
        wanted = descend(net, optimizer, 3, zero=False)
    found = recorder.recording().gradients
    for local, final, gradient in zip(found.local, found.final, wanted, strict=True):
        np.testing.assert_allclose(local["weight"], gradient.double(), rtol=1e-6)
        np.testing.assert_array_equal(final["weight"], gradient.double())


def test_a_recording_ends_with_its_last_step_and_leaves_no_hook():
    before = hooks()
    ((net, optimizer),) = nets(1)
    with Recorder(2) as recorder:
        assert hooks() != before
        descend(net, optimizer, 3)
        assert hooks()[:2] == before[:2]
        dist.all_reduce(torch.zeros(1))
    assert hooks() == before
    assert not net.weight._backward_hooks
    found = recorder.recording()
    assert (len(found.step_ends), len(found.step_seconds), len(found.gradients.final)) == (2, 3, 2)
    assert kinds(found) == ["optimizer", "forward", "backward", "optimizer"] * 2


def test_communication_after_the_last_step_is_recorded_if_no_other_step_comes():
    ((net, optimizer),) = nets(1)
    with Recorder(2) as recorder:
        descend(net, optimizer, 2)
        dist.all_reduce(torch.zeros(3))
    assert [(span.name, span.bytes, span.shape) for span in recorder.recording().spans][-1] == (
        "all_reduce",
        12,
        "(3,)",
    )


def test_a_recording_ends_after_a_time(monkeypatch):
    monkeypatch.setattr(recorder_module, "_MOST_SECONDS", 0.0)
    ((net, optimizer),) = nets(1)
    with Recorder(20) as recorder:
        descend(net, optimizer, 3)
    found = recorder.recording()
    assert "forward" not in kinds(found)
    assert (found.step_ends, len(found.step_seconds)) == ([], 3)


def test_an_exception_in_a_model_leaves_later_calls_as_they_are():
    ((net, optimizer),) = nets(1)
    with Recorder(20) as recorder:
        with pytest.raises(RuntimeError):
            nn.Sequential(nn.Sequential(net))(torch.zeros(3, 5))
        descend(net, optimizer, 1)
    assert [span.name for span in recorder.recording().spans if span.kind == "forward"] == ["Sequential", "Linear"]


def test_a_compiled_model_is_recorded_under_its_own_name():
    ((net, optimizer),) = nets(1)
    with Recorder(20) as recorder:
        wanted = descend(torch.compile(net, backend="eager"), optimizer, 2)
    found = recorder.recording()
    assert kinds(found) == ["optimizer", "forward", "backward", "optimizer"] * 2
    assert {span.name for span in found.spans if span.kind == "forward"} == {"Linear"}
    np.testing.assert_array_equal(found.gradients.local[1]["weight"], wanted[1].double())


def test_sparse_complex_and_missing_gradients_are_noted_or_left_out():
    table = nn.Embedding(5, 2, sparse=True)
    tensor = torch.zeros(2, dtype=torch.complex64, requires_grad=True)
    unused = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([*table.parameters(), tensor, unused], lr=0.1)
    with Recorder(20) as recorder:
        for _ in range(2):
            optimizer.zero_grad()
            (table(torch.tensor([1, 1])).sum() + (tensor * (3 + 4j)).real.sum()).backward()
            optimizer.step()
    found = recorder.recording()
    final, local = found.gradients.final[1], found.gradients.local[1]
    assert final["weight"].tolist() == local["weight"].tolist() == [0, 0, 2, 2, 0, 0, 0, 0, 0, 0]
    assert final["tensor1"].tolist() == local["tensor1"].tolist() == [5, 5]
    assert set(final) == {"weight", "tensor1"}
    # Of the sparse gradient, a row and its index for each of the two words.
    assert found.memory == {"parameters": 4 * 10 + 8 * 2 + 4 * 3, "gradients": 2 * (2 * 4 + 8) + 8 * 2, "optimizer": 0}
