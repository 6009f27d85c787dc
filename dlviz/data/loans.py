"""Generated applicants of two groups, whose loans are repaid with different frequencies: data to measure fairness on."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.data.validation import check_size, is_finite, loader, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

_FEATURES = 2


@dataclass(frozen=True, eq=False, repr=False)
class Loans:
    """Applicants for a loan.

    ``x`` (N, 2) float32, two features; ``group`` (N,) int64, 0 or 1; ``repaid`` (N,) int64, 1 for a loan that was paid back;
    ``probability`` (N,) float32, the true probability of 1 given both features and the group, by Bayes' rule.
    """

    x: Tensor
    group: Tensor
    repaid: Tensor
    probability: Tensor

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        return message("data.loans.shown", x=tuple(self.x.shape), n=len(self.group))


@loader
def loans(
    n: int = 2000,
    *,
    base_rates: Sequence[float] = (0.7, 0.4),
    separation: float = 1.0,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> Loans:
    """Draw ``n`` applicants of two groups, half of them in each.

    In group g a loan is repaid with the probability ``base_rates[g]``, above 0 and below 1. Both features of an applicant are normal
    with standard deviation 1. Their mean is ``separation / 2`` for those who will repay and ``-separation / 2`` for the others, in both
    groups alike. So the features say as much about one group as about the other, and only the base rates differ.

    The applicants are generated, and the groups stand for nobody. The same ``seed`` gives the same ones; another seed gives new ones, to
    test on. Your own seeds are left alone. An argument that does not fit raises a ``ValueError``.

    Source: the setting of A. Chouldechova, Fair prediction with disparate impact, 2017.

    >>> from dlviz.data import loans
    >>> data = loans(1000)
    >>> data.x.shape, [round(data.repaid[data.group == g].float().mean().item(), 2) for g in (0, 1)]
    (torch.Size([1000, 2]), [0.72, 0.39])
    """
    if not is_integer(n) or n < 2:
        raise DlvizError(message("data.loans.n", value=repr(n)))
    two = isinstance(base_rates, (tuple, list)) and len(base_rates) == 2
    if not two or not all(is_finite(rate) and 0 < rate < 1 for rate in base_rates):
        raise DlvizError(message("data.loans.base_rates", value=repr(base_rates)))
    if not is_finite(separation) or separation < 0:
        raise DlvizError(message("data.loans.separation", value=repr(separation)))
    check_size("loans", n=n, features=_FEATURES)
    random = seeded_generator("loans", seed)
    group = torch.arange(int(n), device="cpu")[torch.randperm(int(n), generator=random, device="cpu")] % 2
    rate = torch.tensor([float(rate) for rate in base_rates], dtype=torch.float64, device="cpu")[group]
    repaid = torch.rand(int(n), generator=random, dtype=torch.float64, device="cpu") < rate
    noise = torch.randn(int(n), _FEATURES, generator=random, dtype=torch.float64, device="cpu")
    x = noise + float(separation) * (repaid[:, None].double() - 0.5)
    # The log of the ratio of both densities is separation · (x₀ + x₁), since their means are ± separation / 2.
    probability = (rate.logit() + float(separation) * x.sum(dim=1)).sigmoid()
    return Loans(*(on_device(one, device) for one in (x, group, repaid.long(), probability)))
