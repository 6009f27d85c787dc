"""Magnitude pruning with `torch.nn.utils.prune`: the smallest weights of a model, or whole output channels, become 0."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import prune

from dlviz.torchkit.array_data import is_wrapper
from dlviz.torchkit.modules import named_modules, named_parameters

#: Normalization layers scale what other layers computed, and their few numbers are left; the weights of scripted modules cannot be masked.
_LEFT = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase, torch.jit.ScriptModule)
#: Layers whose output channels lie along the first dimension of the weight.
_WITH_CHANNELS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True, eq=False)
class Weight:
    """A weight that can be pruned.

    Attributes:
        path: its path in the model, such as "features.0.weight".
        module: the module that it belongs to.
        name: its name there.
    """

    path: str
    module: nn.Module
    name: str

    @property
    def parameter(self) -> nn.Parameter:
        """The weight itself."""
        return self.module._parameters[self.name]  # type: ignore[return-value]

    @property
    def layer(self) -> str:
        """The path without ".weight", which every layer of torch's has; of the model itself the weight's name."""
        return self.path.removesuffix(".weight")


def prunable(model: nn.Module) -> list[Weight]:
    """Return the weights of a model that pruning counts: parameters of two dimensions or more, outside of normalization layers.

    A weight that several layers share is returned once.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3))
        >>> [weight.path for weight in prunable(net)]
        ['0.weight', '3.weight']
    """
    found = dict(named_modules(model))
    weights = []
    for path, parameter in named_parameters(model):
        owner, _, name = path.rpartition(".")
        is_weight = parameter.dim() >= 2 and parameter.is_floating_point() and parameter.numel() > 0
        if is_weight and not is_wrapper(parameter) and not isinstance(found[owner], _LEFT):
            weights.append(Weight(path, found[owner], name))
    return weights


def with_channels(weights: list[Weight]) -> list[Weight]:
    """Return the weights whose output channels can be pruned: those of linear and convolution layers except the last layer.

    Each channel of the last layer is an answer of the model, such as a class.

    Example:
        >>> net = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 8), nn.Linear(8, 3))
        >>> [weight.layer for weight in with_channels(prunable(net))]
        ['1']
    """
    return [weight for weight in weights[:-1] if isinstance(weight.module, _WITH_CHANNELS)]


def add_masks(model: nn.Module, amount: float, *, scope: str = "global", structured: bool = False) -> list[Weight]:
    """Prune a model in place with masks, as `torch.nn.utils.prune` does: `weight_orig` is trained, and `weight` is it times the mask.

    Args:
        model: any module.
        amount: share of the weights, or of the output channels of each layer, from 0 to below 1.
        scope: "global" compares the weights of all layers, so that a layer of small weights loses more; "layer" prunes the same share of
            each.
        structured: prune whole output channels, those with the smallest L2 norm of each layer.

    Returns:
        The pruned weights.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> _ = nn.init.eye_(net[0].weight)
        >>> masked = add_masks(net, 0.75)
        >>> int(net[0].weight.count_nonzero()), int(net[0].weight_orig.count_nonzero())
        (1, 2)

    Source:
        https://docs.pytorch.org/docs/stable/nn.html#utilities; M. Zhu and S. Gupta, To prune, or not to prune, 2017 (arXiv 1710.01878)
    """
    weights = with_channels(prunable(model)) if structured else prunable(model)
    if structured:
        for weight in weights:
            prune.ln_structured(weight.module, weight.name, amount, n=2, dim=0)
    elif scope == "layer":
        for weight in weights:
            prune.l1_unstructured(weight.module, weight.name, amount)
    elif weights:
        prune.global_unstructured(
            [(weight.module, weight.name) for weight in weights], prune.L1Unstructured, amount=amount
        )
    return weights


def make_permanent(weights: list[Weight]) -> None:
    """Remove the masks of :func:`add_masks`: the zeros are then in the weights themselves.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2))
        >>> make_permanent(add_masks(net, 0.5))
        >>> int((net[0].weight == 0).sum()), [name for name, _ in net.named_parameters()]
        (2, ['0.bias', '0.weight'])
    """
    for weight in weights:
        prune.remove(weight.module, weight.name)
