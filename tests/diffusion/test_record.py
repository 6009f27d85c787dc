"""What is computed of a network and its data, against calls of the network itself."""

import pytest
import torch
from torch import nn

import dlviz
from dlviz.diffusion import Schedule, add_noise, linear_schedule
from dlviz.diffusion.inputs import check_inputs
from dlviz.diffusion.noise_model import NoiseModel
from dlviz.diffusion.record import (
    MAX_FRAMES,
    MAX_IMAGE_FRAMES,
    CurveJob,
    drawn_times,
    frame_limit,
    predictions,
    process,
    step_counts,
    training_loss,
)
from dlviz.kit.errors import DlvizError
from dlviz.torchkit.energy_distance import energy_distance
from dlviz.torchkit.plane import grid
from tests.diffusion.models import Net, gaussian_noise

SCHEDULE = linear_schedule(30, 0.005, 0.3)


def inputs_of(model, x, labels=None, null=None, schedule=SCHEDULE):
    return check_inputs(NoiseModel(model, schedule, null=null), x, labels, None, None, 0, ("net", "x"))


def test_predictions_are_the_networks_own_at_every_drawn_step():
    net, x = Net(dtype=torch.float64), torch.randn(40, 2)
    inputs = inputs_of(net, x)
    times = drawn_times(30, 7)[1:]
    with inputs.model.running() as predict:
        found = predictions(inputs, predict, times, None)
    net.eval()
    for k, t in enumerate(times):
        a, b = SCHEDULE.signal[t], SCHEDULE.noise[t]
        noisy = a * x.double() + b * inputs.noise
        with torch.no_grad():
            eps = net(noisy, torch.full((40,), t))
        assert torch.allclose(found.item_noise[k], eps, atol=1e-12)
        assert torch.allclose(found.item_x0[k], (noisy - b * eps) / a, atol=1e-10)
        assert float(found.loss[k]) == pytest.approx(float((eps - inputs.noise).square().mean()), abs=1e-12)
    assert times[0] == 0
    assert found.grid_noise.shape == found.grid_score.shape == (7, 256, 2)


def test_of_images_there_is_no_grid_and_every_image_has_its_prediction():
    net, x = Net((1, 4, 4), dtype=torch.float64), torch.randn(50, 1, 4, 4)
    inputs = inputs_of(net, x)
    with inputs.model.running() as predict:
        found = predictions(inputs, predict, [0, 29], None)
    assert found.grid_noise.shape[1] == 0
    assert found.item_noise.shape == found.item_x0.shape == (2, 32, 1, 4, 4)


def test_a_conditional_grid_has_one_class_and_every_example_its_own():
    net, x = Net(classes=3, dtype=torch.float64), torch.randn(9, 2)
    labels = torch.arange(9) % 2
    inputs = inputs_of(net, x, labels, null=2)
    with inputs.model.running() as predict:
        found = predictions(inputs, predict, [4], 1)
        closed = predictions(inputs, predict, [4], -1)
        places = grid(inputs.limits, 16, inputs.x)
        expected = predict(places, 4, torch.ones(256, dtype=torch.long))
    assert torch.allclose(found.grid_noise[0], expected, atol=1e-12)
    assert closed.grid_noise.shape[1] == 0
    assert torch.allclose(closed.item_noise, found.item_noise, atol=1e-12)
    net.eval()
    noisy = add_noise(inputs.x, 4, inputs.noise, SCHEDULE)
    with torch.no_grad():
        assert torch.allclose(found.item_noise[0], net(noisy, torch.full((9,), 4), labels), atol=1e-12)


def test_a_process_ends_with_the_noise_of_the_last_step_and_says_how_much_data_is_left():
    x = torch.randn(20, 2, dtype=torch.float64)
    inputs = inputs_of(lambda x, t: x, x)
    for schedule in (SCHEDULE, linear_schedule(5), linear_schedule(1000)):
        found = process(inputs, schedule)
        assert found.times[0] == -1
        assert found.times[-1] == schedule.steps - 1
        assert len(found.times) == min(MAX_FRAMES + 1, schedule.steps + 1)
        assert torch.equal(found.x[0], x)
        for k, t in enumerate(found.times[1:], 1):
            assert torch.equal(found.x[k], add_noise(x, t, inputs.noise, schedule))
        assert found.signal_left == float(schedule.signal[-1])
        assert found.is_noise == (found.signal_left < 0.05)


def test_the_distance_to_noise_is_large_while_data_are_left_and_about_zero_when_none_are():
    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(3)) + 3
    inputs = inputs_of(lambda x, t: x, x)
    short, long = process(inputs, linear_schedule(50)), process(inputs, linear_schedule(1000))
    assert short.distance > 1
    assert abs(long.distance) < 0.05


def test_data_far_from_the_origin_need_more_noise():
    schedule = Schedule(torch.full((100,), 0.1))
    assert process(inputs_of(lambda x, t: x, torch.randn(9, 2)), schedule).is_noise
    assert not process(inputs_of(lambda x, t: x, torch.randn(9, 2) * 30), schedule).is_noise


def test_the_training_loss_is_that_of_a_loop_with_evenly_spaced_steps():
    net, x = Net(dtype=torch.float64), torch.randn(30, 2)
    inputs = inputs_of(net, x)
    with inputs.model.running() as predict:
        loss = training_loss(inputs, predict)
    net.eval()
    t = torch.arange(30)
    with torch.no_grad():
        error = net(add_noise(inputs.x, t, inputs.noise, SCHEDULE), t) - inputs.noise
    assert loss == pytest.approx(float(error.square().mean()), abs=1e-12)


def test_the_curve_falls_to_the_floor_for_the_exact_network():
    mean = torch.tensor([1.0, 0.0], dtype=torch.float64)
    x = mean + 0.5 * torch.randn(600, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    inputs = inputs_of(gaussian_noise(mean, 0.5, SCHEDULE), x)
    job = CurveJob(inputs, 0)
    with inputs.model.running() as predict:
        while job.done < job.total:
            job.advance(predict)
    curve = job.curve
    assert curve.n == step_counts(30) == (1, 2, 5, 10, 20, 30)
    assert curve.floor == energy_distance(x[::2], x[1::2])
    assert curve.ddim[0] > 0.1 > 0.02 > abs(curve.ddim[-1])
    assert len(curve.ddpm) == 6
    assert job.total == 2 * sum(curve.n)


def test_large_images_have_fewer_frames():
    assert frame_limit(torch.zeros(2), 1000) == MAX_FRAMES
    assert frame_limit(torch.zeros(1, 8, 8), 32) == MAX_IMAGE_FRAMES
    assert 6 == frame_limit(torch.zeros(3, 64, 64), 32) < frame_limit(torch.zeros(1, 28, 28), 32) < MAX_IMAGE_FRAMES


def test_a_module_decides_the_dtype_and_a_plain_function_leaves_that_of_the_data():
    x = torch.randn(5, 2)
    assert inputs_of(Net(dtype=torch.float64), x).x.dtype == torch.float64
    assert inputs_of(lambda x, t: x, x.double()).x.dtype == torch.float64
    assert inputs_of(torch.nn.Identity(), x.half()).x.dtype == torch.float16


class Energy(nn.Module):
    """Network whose score is the gradient of an energy, −∂E/∂x."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Linear(8, 1))

    def forward(self, x, t):
        x = x.detach().requires_grad_()
        energy = self.net(torch.cat((x, t[:, None] / 10), 1)).sum()
        return -torch.autograd.grad(energy, x)[0]


def test_a_network_that_differentiates_inside_forward_is_run_without_a_trace():
    torch.manual_seed(0)
    model, x = Energy(), torch.randn(30, 2)
    before = {name: (value.clone(), value._version) for name, value in model.named_parameters()}
    with torch.no_grad():
        view = dlviz.denoise(model, x, steps=10, predicts="score", samples=5)
        assert not torch.is_grad_enabled()
    t = torch.full((30,), 4)
    torch.testing.assert_close(view.score(x, 4), model(x, t).detach())
    assert not view.samples.requires_grad
    for name, value in model.named_parameters():
        assert value.grad is None
        assert value._version == before[name][1]
        assert torch.equal(value, before[name][0])

    def broken(x, t):
        raise RuntimeError("something else")

    with pytest.raises(DlvizError, match="something else"):
        dlviz.denoise(broken, x, steps=10)
