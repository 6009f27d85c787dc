"""Checks of lesson 15, run by nbval after the cell of the same id."""

import math

import torch

import dlviz
from dlviz.diffusion import Schedule, ddpm_step, score
from dlviz.kit.messages import message

#: What the text tells the learner to press, to move or to read.
NAMED_IN_THE_TEXT = {
    "diffusion.direction.noise": "add noise",
    "diffusion.direction.denoise": "walk back to data",
    "diffusion.chart.log_snr": "log SNR",
    "diffusion.control.guidance": "guidance w",
    "diffusion.curve.title": "How many sampling steps are enough?",
}


def schedule(betas, alphas_bar, heart, new_heart):
    x, signal, parts = 2.0, 1.0, 0.0
    for noise in (1.0, -0.5):  # the numbers of section 1
        x, signal, parts = 0.8 * x + 0.6 * noise, 0.8 * signal, 0.8 * parts + 0.6 * noise
    assert math.isclose(x, 1.46)
    assert math.isclose(2 * signal, 1.28)
    assert math.isclose(parts, 0.18)
    assert abs(0.48**2 + 0.6**2 - 0.59) < 1e-3
    assert math.isclose(0.48**2 + 0.6**2, 1 - 0.64**2)
    assert torch.allclose(alphas_bar.cpu().double(), Schedule(betas.cpu()).alphas_bar, rtol=1e-4)
    assert abs(alphas_bar[50].sqrt().item() - 0.26) < 0.005
    assert abs(alphas_bar[-1].sqrt().item() - 0.005) < 5e-4
    assert heart.shape == new_heart.shape == (2000, 2)
    assert not torch.equal(heart, new_heart)


def measure_std(heart, alphas_bar):
    for a in alphas_bar[::20]:
        x = a.sqrt() * heart + (1 - a).sqrt() * torch.randn_like(heart)
        assert abs(x.square().mean().sqrt() - 1) < 0.05


def exercise_add_noise(add_noise):
    x = add_noise(
        torch.full((1, 1, 1, 1), 2.0), torch.tensor([1]), torch.full((1, 1, 1, 1), 0.234), torch.full((2,), 0.36)
    )
    assert abs(x.item() - 1.46) < 0.005
    images, t, noise, betas = (
        torch.randn(4, 1, 8, 8),
        torch.tensor([0, 3, 5, 9]),
        torch.randn(4, 1, 8, 8),
        torch.rand(10) / 5,
    )
    expected = dlviz.diffusion.add_noise(images, t, noise, Schedule(betas))
    assert torch.allclose(add_noise(images, t, noise, betas), expected, atol=1e-5)


def best(best_noise):
    two = torch.tensor([[-1.0], [1.0]])
    squared = torch.tensor([0.64])
    assert abs(best_noise(torch.tensor([[0.0]]), torch.tensor([0]), two, squared).item()) < 1e-6
    assert abs(best_noise(torch.tensor([[0.8]]), torch.tensor([0]), two, squared).item() - 0.07) < 0.005
    assert abs(math.exp((1.6 / 0.6) ** 2 / 2) - 35) < 1


def best_widget(best_noise, heart, alphas_bar, perfect):
    assert {key: message(key) for key in NAMED_IN_THE_TEXT} == NAMED_IN_THE_TEXT
    assert message("diffusion.readout.loss", loss=0).startswith("Mean squared error")
    # The gradient of the log density of the noisy training points, by autograd.
    t = torch.full((5,), 30, device=heart.device)
    x = torch.randn(5, 2, device=heart.device, requires_grad=True)
    a = alphas_bar[30]
    log_density = (-(torch.cdist(x, a.sqrt() * heart) ** 2) / (2 * (1 - a))).logsumexp(1)
    (gradient,) = torch.autograd.grad(log_density.sum(), x)
    from_noise = score(best_noise(x.detach(), t, heart, alphas_bar), 30, perfect.schedule)
    assert torch.allclose(from_noise, gradient, atol=1e-2, rtol=1e-2)
    last = best_noise(x.detach(), torch.full((5,), 99, device=heart.device), heart, alphas_bar)
    assert torch.allclose(last, x.detach(), atol=0.05)
    assert perfect.signal_left < 0.01
    loss = perfect.record.predictions.loss
    assert loss[0] > 0.5 > 0.01 > loss[-1]
    # With little noise an arrow at a place beside the line points to the nearest piece of the heart.
    beside = torch.tensor([[0.0, -0.5]], device=heart.device)
    arrow = -best_noise(beside, torch.tensor([0], device=heart.device), heart, alphas_bar)
    nearest = heart[torch.cdist(beside, heart).argmin()] - beside
    assert torch.cosine_similarity(arrow, nearest).item() > 0.9


def train_now(view, model, heart):
    assert len(view.snapshots) == 11
    assert view.grid.shape == view.arrows.shape == (256, 2)
    drawn = model(heart[:3], torch.full((3,), 20, device=heart.device)).cpu()
    assert torch.allclose(view.predict(heart[:3], 20), drawn.detach(), atol=1e-3)


def loss_by_t(model, best_noise, new_heart, heart, alphas_bar):
    found = {}
    for t in (0, 50, 75, 99):
        noise, steps = torch.randn_like(new_heart), torch.full((len(new_heart),), t, device=heart.device)
        x = alphas_bar[t].sqrt() * new_heart + (1 - alphas_bar[t]).sqrt() * noise
        with torch.no_grad():
            pair = [
                (guess - noise).square().mean().item()
                for guess in (model(x, steps), best_noise(x, steps, heart, alphas_bar))
            ]
        found[t] = pair
    assert 0.7 < found[0][0] < 0.9
    assert found[99][0] < 0.02
    assert found[75][0] < 0.02
    assert all(abs(one - other) < 0.08 for one, other in found.values())
    assert math.isclose((2.2 - 0.36 / 0.6) / 0.8, 2)


def exercise_reverse(reverse_step):
    x, predicted, noise, betas = *torch.randn(3, 4, 2), torch.rand(6) / 3
    alphas = (1 - betas).cumprod(0)
    for t in (0, 4):
        ours = reverse_step(x, t, predicted, betas, torch.zeros(4, 2))
        theirs = ddpm_step(x, t, predicted, Schedule(betas), torch.zeros(4, 2))
        assert torch.allclose(ours, theirs, atol=1e-5)
    added = reverse_step(x, 4, predicted, betas, noise) - reverse_step(x, 4, predicted, betas, 0 * noise)
    assert torch.allclose(added, betas[4].sqrt() * noise, atol=1e-5)
    assert 0 < alphas[4] < 1


def walk(drawn, near_heart, energy_distance, heart, new_heart):
    assert near_heart(drawn.to(heart.device)) > 0.97
    assert energy_distance(drawn.to(heart.device), new_heart) < 0.006
    assert near_heart(heart) == 1
    assert abs(energy_distance(heart, new_heart)) < 0.002
    noise = torch.randn(2000, 2, device=heart.device)
    assert abs(near_heart(noise) - 0.2) < 0.05
    assert abs(energy_distance(noise, new_heart) - 0.04) < 0.01


def signal_left():
    left = [dlviz.diffusion.linear_schedule(steps).signal[-1].item() for steps in (1000, 100, 20)]
    assert abs(left[0] - 0.006) < 1e-3
    assert abs(left[1] - 0.6) < 0.01
    assert abs(left[2] - 0.9) < 0.01


def train_short(short_model, short_betas, sample, near_heart, energy_distance, new_heart, drawn):
    samples = [sample(short_model, (2000, 2), Schedule(short_betas), seed=k).to(new_heart.device) for k in range(4)]
    assert all(near_heart(x) > 0.98 for x in samples)
    far = sum(energy_distance(x, new_heart) for x in samples) / len(samples)  # each from 0.004 to 0.011
    near = energy_distance(drawn.to(new_heart.device), new_heart)
    assert far > near + 0.003


def exercise_last_index(ddim_step):
    x, predicted, betas = *torch.randn(2, 4, 2), torch.rand(6) / 3
    room = Schedule(betas)
    for t in (0, 1, 5):
        expected = dlviz.diffusion.ddim_step(x, t, t - 1, predicted, room)
        assert torch.allclose(ddim_step(x, t, predicted, (1 - betas).cumprod(0)), expected, atol=1e-5)


def one_step_measured(model, best_noise, heart, alphas_bar):
    noise, last = torch.randn(500, 2, device=heart.device), torch.full((500,), 99, device=heart.device)
    found = []
    for predicted in (best_noise(noise, last, heart, alphas_bar), model(noise, last).detach()):
        found.append(((noise - (1 - alphas_bar[-1]).sqrt() * predicted) / alphas_bar[-1].sqrt()).std().item())
    assert found[0] < 0.1
    assert found[1] > 5
    assert (model(noise, last) - best_noise(noise, last, heart, alphas_bar)).square().mean().sqrt().item() < 0.12


def steps_curve(curve):
    ddim, ddpm = dict(zip(curve.n, curve.ddim, strict=True)), dict(zip(curve.n, curve.ddpm, strict=True))
    assert min(ddim[2], ddpm[2]) > 0.1
    assert ddim[5] < ddpm[5]
    assert max(ddim[20], ddpm[20]) < 0.03 < min(ddim[5], ddpm[5])
    assert ddpm[100] < 0.015


def exercise_guide(guided_noise):
    def model(x, t, y):
        return torch.where(y == 3, 1.0, 1.5)[:, None].expand_as(x)

    x, t, y = torch.zeros(2, 2), torch.zeros(2, dtype=torch.long), torch.tensor([0, 1])
    assert guided_noise(model, x, t, y, 3, 3.0).tolist() == [[2.5, 2.5]] * 2
    assert guided_noise(model, x, t, y, 3, 0.0).tolist() == [[1.0, 1.0]] * 2


def guidance_measured(cloud_model, sample, betas, options, clouds, inside):
    found = {}
    for w in (0, 1, 3):
        x = sample(cloud_model, (1000, 2), Schedule(betas), guidance=w, seed=5, **options).to(betas.device)
        own = (torch.cdist(x, clouds.centers).argmin(1) == 0).float().mean().item()
        found[w] = own, x.norm(dim=1).mean().item(), x.std(dim=0).mean().item()
    assert abs(found[0][0] - 1 / 3) < 0.08
    assert abs(found[1][0] - 0.97) < 0.02
    assert abs(found[1][2] - inside.std(dim=0).mean()) < 0.07
    assert found[3][0] > 0.99
    assert found[3][1] > found[1][1] + 0.08
    assert found[3][2] < 0.7 * found[1][2]


def judge_digits(judged, digits, test_digits):
    limits = (-1, 1)
    assert digits.shape == (1438, 64)
    assert (digits.abs() == 1).float().mean() > 0.5
    assert judged[1, None][0] > 0.93
    assert judged[0, None][0] < 0.2
    assert judged[1, None][2] < 0.06
    nearest = torch.cdist(test_digits, digits).amin(dim=1).mean().item()
    assert abs(nearest - 2.1) < 0.05
    assert nearest < judged[1, None][1] < 3.3
    assert judged[2, None][2] > judged[1, None][2] + 0.05
    assert judged[4, None][2] > 1
    assert judged[4, limits][0] > 0.97
    assert judged[2, limits][0] > 0.97
    assert 0.08 < judged[1, limits][2] < 0.2
    assert judged[4, limits][2] > 2 * judged[2, limits][2]


def copies(copied):
    assert copied.max() < 0.05


def compare(compared, near_heart, energy_distance, new_heart):
    vae, gan = compared["VAE"], compared["GAN"]
    assert 0.65 < near_heart(vae) < 0.87
    assert near_heart(gan) > 0.87
    assert energy_distance(gan, new_heart) < 0.015
    assert energy_distance(vae, new_heart) < 0.03
