"""Lesson 17: what its exercises use in place of a GPU, a second device and several processes behaves as these do."""

import pytest
import torch
from torch.nn import functional as F

from dlviz.exercises.catalog import items
from dlviz.exercises.lesson17.stand_ins import Accelerator, ElsewhereTensor, run_processes
from dlviz.exercises.mistakes import changed


def test_a_launch_returns_at_once_and_work_is_done_in_order():
    gpu = Accelerator()
    gpu.launch(500)
    gpu.launch(5)
    assert gpu.clock() == 20
    gpu.synchronize()
    gpu.synchronize()
    assert gpu.clock() == 10 + 500 + 5
    gpu.launch(1)  # after a pause it begins when it is launched
    gpu.synchronize()
    assert gpu.clock() == 515 + 10 + 1


def test_a_tensor_elsewhere_can_be_moved_and_refuses_everything_else():
    x = torch.rand(3, 4)
    y = x.as_subclass(ElsewhereTensor)
    cpu = torch.device("cpu")
    assert torch.equal(y.to(cpu), x)
    assert type(y.to(device=cpu, non_blocking=True)) is type(y.to(x)) is torch.Tensor
    assert (len(y), y.shape, y.size(1), y.dtype) == (3, x.shape, 4, x.dtype)
    weight = torch.rand(2, 4)
    for use in (lambda: F.linear(y, weight), lambda: x + y, lambda: y[0], lambda: y.sum(), lambda: y.tolist()):
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            use()


def test_a_tensor_elsewhere_does_not_move_to_a_device_that_is_written_in_the_code():
    y = torch.rand(3, 4).as_subclass(ElsewhereTensor)
    for move in (y.cpu, y.cuda, lambda: y.to("cpu"), lambda: y.to("cuda:0"), lambda: y.to(device="cpu")):
        with pytest.raises(RuntimeError, match="this move does not go to `device`"):
            move()
    with pytest.raises(RuntimeError, match="to got one of another device"):  # no move at all
        y.to(torch.float64)


@pytest.mark.parametrize(
    ("id", "name", "changes"),
    [
        ("17.device", "device_ignored", {"images.to(device), labels": 'images.to("cpu"), labels'}),
        ("17.prune", "quantile", {"pruned.abs().argsort()[:count]": "pruned.abs() < pruned.abs().quantile(amount)"}),
        ("17.prune", "cut_off", {"round(amount * weight.numel())": "int(amount * weight.numel() // 1)"}),
        ("17.quantize", "without_abs", {"w.abs().amax(dim=1, keepdim=True)": "w.max(1)[0][:, None]"}),
        (
            "17.average",
            "nothing_changed",
            {"parameter.grad)": "parameter.grad.clone())", "parameter.grad /=": "parameter.grad /"},
        ),
        (
            "17.average",
            "nothing_changed",
            {"dist.all_reduce(parameter.grad)": "pass", "parameter.grad /= dist.get_world_size()": "pass"},
        ),
    ],
)
def test_a_mistake_is_named_in_whatever_way_it_is_written(id, name, changes):
    exercise = items()[id]
    assert exercise.judge(changed(exercise.reference, "another_way", changes), 3).misconception == name


def test_every_process_gets_the_sum_over_all_of_each_call():
    tensors = [torch.arange(3.0) * rank for rank in range(3)]

    def twice(tensor, dist):
        assert dist.get_world_size() == 3
        dist.all_reduce(tensor)
        dist.all_reduce(tensor, op=dist.ReduceOp.SUM)

    run_processes(twice, tensors)
    assert [tensor.tolist() for tensor in tensors] == [[0, 9, 18]] * 3


def test_a_call_that_another_process_leaves_out_ends_with_an_error_in_place_of_waiting():
    def only_one(tensor, dist):
        if dist.get_rank() == 1:
            dist.all_reduce(tensor)

    with pytest.raises(RuntimeError, match="wait for ever"):
        run_processes(only_one, [torch.ones(1), torch.ones(1)])


def test_the_error_of_one_process_is_raised_and_not_that_of_the_one_it_left_alone():
    def fails(tensor, dist):
        if dist.get_rank() == 0:
            raise ZeroDivisionError
        dist.all_reduce(tensor)

    with pytest.raises(ZeroDivisionError):
        run_processes(fails, [torch.ones(1), torch.ones(1)])


def test_different_shapes_and_a_mean_over_gloo_are_refused():
    with pytest.raises(RuntimeError, match=r"different shapes, \(1,\) and \(2,\)"):
        run_processes(lambda tensor, dist: dist.all_reduce(tensor), [torch.ones(1), torch.ones(2)])
    with pytest.raises(RuntimeError, match="divide by the number of processes"):
        run_processes(lambda tensor, dist: dist.all_reduce(tensor, op=dist.ReduceOp.AVG), [torch.ones(1)])
