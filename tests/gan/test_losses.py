"""Losses of a generator equal torch's own, and a discriminator that is trained on two known Gaussians finds the closed form."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.gan import generator_loss, optimal_discriminator
from dlviz.gan.losses import logit_gradients
from dlviz.kit.errors import DlvizError

LOGITS = torch.linspace(-6, 6, 25, dtype=torch.float64)


@pytest.mark.parametrize("output", ["logits", "probs"])
def test_the_losses_of_the_paper_equal_torchs_cross_entropy(output):
    given = LOGITS if output == "logits" else torch.sigmoid(LOGITS)
    expected = F.binary_cross_entropy_with_logits(LOGITS, torch.ones_like(LOGITS), reduction="none")
    torch.testing.assert_close(generator_loss("nonsaturating", output)(given), expected)
    expected = -F.binary_cross_entropy_with_logits(LOGITS, torch.zeros_like(LOGITS), reduction="none")
    torch.testing.assert_close(generator_loss("saturating", output)(given), expected)


@pytest.mark.parametrize("output", ["logits", "probs", "score"])
def test_the_other_losses_take_the_output_as_it_is(output):
    assert torch.equal(generator_loss("wasserstein", output)(LOGITS), -LOGITS)
    expected = F.mse_loss(LOGITS, torch.ones_like(LOGITS), reduction="none")
    torch.testing.assert_close(generator_loss("least squares", output)(LOGITS), expected)


def test_the_gradient_of_the_logit_saturates_for_the_minimax_loss_alone():
    probs = torch.linspace(0.01, 0.99, 9, dtype=torch.float64)
    torch.testing.assert_close(logit_gradients("nonsaturating", probs), 1 - probs)
    torch.testing.assert_close(logit_gradients("saturating", probs), probs)


@pytest.mark.parametrize(
    ("kind", "output"), [("wgan", "logits"), (None, "logits"), ("saturating", "prob"), (["x"], "logits")]
)
def test_unknown_names_are_refused_with_those_that_exist(kind, output):
    with pytest.raises(DlvizError, match=r"nonsaturating|'probs'"):
        generator_loss(kind, output)


def test_the_closed_form_is_the_share_of_the_real_density():
    real, fake = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    torch.testing.assert_close(optimal_discriminator(real, fake), real.exp() / (real.exp() + fake.exp()))
    assert float(optimal_discriminator([-800.0], [-801.0])) == pytest.approx(1 / (1 + torch.e**-1))
    with pytest.raises(DlvizError, match="log_p_fake"):
        optimal_discriminator([0.0], "text")


def test_a_discriminator_trained_on_two_gaussians_finds_the_closed_form():
    torch.manual_seed(0)
    real, fake = torch.distributions.Normal(-1.0, 1.0), torch.distributions.Normal(1.0, 1.0)
    net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(600):
        x = torch.cat((real.sample((512, 1)), fake.sample((512, 1))))
        y = torch.cat((torch.ones(512, 1), torch.zeros(512, 1)))
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(net(x), y).backward()
        optimizer.step()
    x = torch.linspace(-2.5, 2.5, 51)[:, None]
    expected = optimal_discriminator(real.log_prob(x), fake.log_prob(x))
    with torch.no_grad():
        assert float((torch.sigmoid(net(x)) - expected).abs().max()) < 0.05
