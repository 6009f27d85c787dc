"""Losses of a generator as functions of the discriminator's output, and the discriminator that no other one beats."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data

#: What a discriminator returns: logits, probabilities that a sample is real, or a critic's unbounded score.
OUTPUTS = ("logits", "probs", "score")

Loss = Callable[[Tensor], Tensor]

_LOSSES: dict[str, dict[str, Loss]] = {
    "nonsaturating": {"logits": lambda z: F.softplus(-z), "probs": lambda p: -torch.log(p)},
    "saturating": {"logits": lambda z: -F.softplus(z), "probs": lambda p: torch.log1p(-p)},
    "wasserstein": {"logits": lambda z: -z},
    "least squares": {"logits": lambda z: (z - 1) ** 2},
}
#: Names of the losses.
LOSSES = tuple(_LOSSES)


def generator_loss(kind: str, output: str = "logits") -> Loss:
    """Return the generator's loss of each fake as a function of the discriminator's output for it, (M,) → (M,).

    With D the probability that a fake is real, and s what the discriminator returns as it is:

    - "nonsaturating": −log D, which pushes most where D is sure that a sample is fake;
    - "saturating": log(1 − D), the loss of the minimax game, which hardly pushes there;
    - "wasserstein": −s, of a critic; it is the generator's part of the hinge loss too;
    - "least squares": (s − 1)².

    Args:
        kind: one of these names.
        output: what the discriminator returns: "logits", "probs", or "score", which the first two losses take for a logit.

    Raises:
        DlvizError: there is no such loss or output.

    Example:
        >>> generator_loss("nonsaturating")(torch.tensor([0.0])), generator_loss("saturating", "probs")(torch.tensor([0.5]))
        (tensor([0.6931]), tensor([-0.6931]))

    Source:
        I. Goodfellow et al., Generative Adversarial Nets, 2014, arXiv 1406.2661, section 3; for the last two
        M. Arjovsky et al., 2017, arXiv 1701.07875, and X. Mao et al., 2016, arXiv 1611.04076.
    """
    if not isinstance(kind, str) or kind not in _LOSSES:
        raise DlvizError(message("gan.refused.loss", names=", ".join(map(repr, LOSSES)), got=repr(kind)[:80]))
    if not isinstance(output, str) or output not in OUTPUTS:
        raise DlvizError(message("gan.refused.output", names=", ".join(map(repr, OUTPUTS)), got=repr(output)[:80]))
    losses = _LOSSES[kind]
    return losses.get(output, losses["logits"])


def logit_gradients(kind: str, probs: Tensor) -> Tensor:
    """Return |∂L/∂logit| where the discriminator gives fakes the probabilities `probs`, computed by autograd.

    Example:
        >>> logit_gradients("nonsaturating", torch.tensor([0.25])), logit_gradients("saturating", torch.tensor([0.25]))
        (tensor([0.7500]), tensor([0.2500]))
    """
    with torch.inference_mode(False), torch.enable_grad():
        logits = torch.logit(probs.detach()).clone().requires_grad_()
        (gradient,) = torch.autograd.grad(generator_loss(kind)(logits).sum(), logits)
    return gradient.abs()


def optimal_discriminator(log_p_real: Any, log_p_fake: Any) -> Tensor:
    """Return p_real / (p_real + p_fake), the best answer that a discriminator can give, of log-densities of any one shape.

    It is 1/2 wherever both densities are equal, so a generator that has learned everything leaves even the best discriminator guessing.

    Args:
        log_p_real, log_p_fake: logarithms of the densities of real and generated samples at the same places.

    Raises:
        DlvizError: they are no numbers.

    Example:
        >>> optimal_discriminator([0.0, 0.0], torch.tensor([3.0, 1.0]).log())
        tensor([0.2500, 0.5000])

    Source:
        I. Goodfellow et al., Generative Adversarial Nets, 2014, arXiv 1406.2661, proposition 1.
    """
    real, fake = _numbers("log_p_real", log_p_real), _numbers("log_p_fake", log_p_fake)
    return torch.sigmoid(real - fake)


def _numbers(name: str, values: Any) -> Tensor:
    found = as_plain_tensor(values)
    if found is None or found.is_complex():
        raise DlvizError(message("gan.refused.log_p", name=name, got=kind_of_data(values)))
    return found if found.is_floating_point() else found.float()
