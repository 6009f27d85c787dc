"""Checks of lesson 14, run by nbval after the cell of the same id."""

import math

import torch
from torch.nn import functional as F

import dlviz
from dlviz.torchkit.energy_distance import energy_distance


def data_and_networks(ring, generator, noise, real_batch, device):
    assert ring.points.shape == (2000, 2)
    assert ring.centers.shape == (8, 2)
    assert generator(noise(5)).shape == real_batch(5).shape == (5, 2)
    assert generator[0].weight.device.type == device.type
    assert all(round(value, 1) == 1.4 for value in ring.points.std(0).tolist())  # the number of section 8
    assert ring.std == 0.1


def half(bce, logits):
    loss = bce(logits, torch.ones_like(logits)) + bce(logits, torch.zeros_like(logits))
    assert abs(loss.item() - math.log(4)) < 1e-6


def exercise_losses(gan_losses):
    loss_d, loss_g = gan_losses(torch.tensor([[0.8]]).logit(), torch.tensor([[0.3]]).logit())
    assert (round(loss_d.item(), 3), round(loss_g.item(), 3)) == (0.58, 1.204)
    loss_d, loss_g = gan_losses(torch.tensor([[0.8]]).logit(), torch.tensor([[0.6]]).logit())
    assert (round(loss_d.item(), 3), round(loss_g.item(), 3)) == (1.139, 0.511)


def game(d_loss, g_loss, Game, device):
    torch.manual_seed(0)
    real, fake = torch.randn(2, 7, 1)
    bce = F.binary_cross_entropy_with_logits
    expected = bce(real, torch.ones(7, 1)) + bce(fake, torch.zeros(7, 1))
    assert torch.allclose(d_loss(real, fake), expected, atol=1e-6)
    assert torch.allclose(g_loss(fake), bce(fake, torch.ones(7, 1)), atol=1e-6)
    one = Game()
    before = [p.clone() for p in one.generator.parameters()]
    one.step_d()
    assert all(p.grad is None for p in one.generator.parameters())
    assert all(map(torch.equal, before, one.generator.parameters()))
    judges = [p.clone() for p in one.discriminator.parameters()]
    one.step_g()
    assert all(map(torch.equal, judges, one.discriminator.parameters()))
    assert not any(map(torch.equal, before, one.generator.parameters()))
    assert any(p.grad.any() for p in one.discriminator.parameters())  # why zero_grad is needed


def open_game(duel, game, device):
    assert duel.fakes.shape == (400, 2)
    assert torch.allclose(duel.fakes.to(device), game.generator(duel.record.noise.to(device)), atol=1e-3)
    assert duel.modes_covered == 0


def open_detach(attached, detached, graphs, forger):
    assert attached().item() == detached().item()
    assert len(dlviz.autograd.record(attached()).nodes) > len(dlviz.autograd.record(detached()).nodes)
    assert "forger" in str(graphs.scene)
    assert forger.weight.grad is None


def count_work(work):
    assert 0.3 < 1 - work["detached"] / work["attached"] < 0.4  # a third of the work


def into_generator(of_d, of_g):
    assert F.cosine_similarity(of_d, of_g, dim=0).item() < -0.95
    assert 0.7 < (of_d.norm() / of_g.norm()).item() < 1.4


def added(added):
    alone, both = added["minimax"]
    assert both < 1e-4 * alone
    alone, both = added["nonsaturating"]
    assert 0 < both < 0.2 * alone


def exercise_detach(train_discriminator, Game, real_batch, noise):
    one = Game()
    train_discriminator(one.generator, one.discriminator, one.optimizer_d, real_batch(), noise())
    assert all(p.grad is None for p in one.generator.parameters())


def second_time(error_text):
    assert error_text.startswith("Trying to backward through the graph a second time")
    assert "retain_graph=True" in error_text


def exercise_retain(train_both, Game, real_batch, noise):
    one = Game()
    z, real = noise(), real_batch()
    train_both(one.generator, one.discriminator, one.optimizer_g, one.optimizer_d, real, z)
    assert all(p.grad.any() for p in one.generator.parameters())


def exercise_gradients(generator_gradients):
    saturating, nonsaturating = generator_gradients(torch.tensor([0.01, 0.5]).logit())
    assert [round(value, 2) for value in saturating.tolist()] == [-0.01, -0.5]
    assert [round(value, 2) for value in nonsaturating.tolist()] == [-0.99, -0.5]


def sure(sure, strength):
    assert sure["D"] < 0.02
    assert sure["-log D"] > 60 * sure["log(1 - D)"]  # 120 to 580 in 20 runs
    assert strength.d_fake.max().item() < 0.2  # the ticks stand at the left end


def train_collapse(collapse, game, train):
    modes = torch.tensor(collapse.series["modes"])
    assert len(modes) == 61
    assert modes[5:36].mean() < 5  # one to three on the machine of the text
    losses = torch.tensor(collapse.series["d_loss"][1:])
    assert losses.isfinite().all()


def exercise_modes(coverage, ring):
    covered, share = coverage(ring.points[:400], ring.centers, 0.3)
    assert covered == 8
    assert share > 0.95
    covered, share = coverage(ring.centers[:2] + 1.0, ring.centers, 0.3)
    assert (covered, share) == (0, 0)


def measures(measure, game, probe, ring):
    fakes = game.generator(probe).detach()
    modes, energy = measure(game.generator)
    assert abs(energy - energy_distance(fakes, ring.points[:400])) < 1e-3
    assert modes == dlviz.gan.modes_covered(fakes, ring.centers, 0.3)
    assert energy_distance(torch.zeros(5, 1), torch.full((5, 1), 3.0)) == 6  # the example of the text


def compare(results):
    means = {name: sum(modes for modes, _ in runs) / len(runs) for name, runs in results.items()}
    assert means["no momentum"] > 7
    assert means["Adam as it comes"] < 6
    assert means["sees the batch"] > means["Adam as it comes"] + 0.5
    energies = {name: sum(energy for _, energy in runs) / len(runs) for name, runs in results.items()}
    assert energies["no momentum"] < 0.15
    assert energies["no momentum"] < min(energies["Adam as it comes"], energies["sees the batch"])


def open_steady(steady):
    series = {name: torch.tensor(steady.series[name]) for name in ("modes", "energy", "quality", "d_loss", "g_loss")}
    assert series["modes"][-20:].mean() > 7
    assert series["quality"][10] < 0.35
    assert series["quality"][-10:].mean() > max(0.3, 1.3 * series["quality"][10])
    assert series["energy"][-10:].mean() < 0.2 * series["energy"][0]
    for name in ("d_loss", "g_loss"):  # hardly change
        assert (series[name][10:20].mean() - series[name][-10:].mean()).abs() < 0.25


def blind(blind):
    sees_all, sees_first, sees_distance = blind.values()
    assert abs(sees_all[0] - sees_first[0]) < 0.2
    assert abs(sees_all[1] - sees_first[1]) < 0.3
    assert sees_all[3] < 0.15 < 0.2 < sees_first[3]
    assert abs(sees_distance[0] - math.log(4)) < 0.05
    assert abs(sees_distance[1] - math.log(2)) < 0.05
    assert 1.5 < sees_distance[3] < 3.5


def train_best(learned, best, x):
    known = x <= 2
    assert (learned - best)[known].abs().max() < 0.06
    assert (learned - best)[~known].abs().min() > 0.3
    formula = -2 * (x - 1) ** 2 + math.log(2) + (x + 1) ** 2 / 2
    assert torch.allclose(best, formula.sigmoid(), atol=1e-4)
    p, q = torch.distributions.Normal(1.0, 0.5), torch.distributions.Normal(-1.0, 1.0)
    beyond = 1 - q.cdf(torch.tensor(3.5, dtype=torch.float64)) + 1 - p.cdf(torch.tensor(3.5, dtype=torch.float64))
    assert 1500 * 512 * beyond < 5  # samples that are expected beyond 3.5


def digit_classifier(right):
    assert right > 0.94


def train_digits(gallery):
    assert len(gallery.snapshots) == 41
    modes = gallery.series["modes"]
    assert modes[0] <= 3
    assert modes[-1] >= 8
    assert gallery.series["energy"][-1] < 0.2 * gallery.series["energy"][0]


def digit_measures(counts, distances):
    assert sum(counts) == 500
    assert sum(count > 0 for count in counts) >= 9
    assert distances["new real digits"] < distances["fakes"] < 0.06
    assert round(distances["new real digits"], 3) == 0.018
