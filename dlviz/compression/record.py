"""A compressed copy of a model, what it costs, how good it is, and what became of the weights of each layer."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dlviz.compression.measurement import Call, Evaluation, Latency, Size, error_text, evaluate_model, latencies, size
from dlviz.compression.pruning import Weight, add_masks, make_permanent, prunable
from dlviz.compression.quantization import METHODS, quantize
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite
from dlviz.torchkit.array_data import is_wrapper, kind_of_data
from dlviz.torchkit.model_copies import GeneratorStates, generators_restored
from dlviz.torchkit.modules import modules, named_modules, named_parameters, parameters

SCOPES = ("global", "layer")
#: Largest share of weights that can be pruned.
MAX_AMOUNT = 0.99
#: Bars of a histogram of weights.
BINS = 60
#: Integers on each side of the middle one among which rounded weights are shown, and how many weights.
LEVELS, _MAX_LEVELS = 4, 48


@dataclass(frozen=True)
class Settings:
    """How a model is compressed.

    Attributes:
        amount: share of the weights that become 0, or of each layer's output channels, from 0 to 0.99.
        scope: "global" compares the weights of all layers; "layer" prunes the same share of each.
        structured: prune whole output channels of each layer.
        quantize: "none", "int8 weights" or "int8 dynamic", which rounds each layer's inputs too.
    """

    amount: float = 0.0
    scope: str = "global"
    structured: bool = False
    quantize: str = "none"

    @property
    def effective(self) -> "Settings":
        """The same settings without those that change nothing: nothing is pruned, or channels are pruned, which is done layer by layer."""
        amount = round(float(self.amount), 4)
        scope = "layer" if self.structured and amount else self.scope if amount else "global"
        return Settings(amount, scope, self.structured and amount > 0, self.quantize)


def check_settings(amount: Any, scope: Any, structured: Any, quantize: Any) -> Settings:
    """Return settings.

    Raises:
        DlvizError: one is out of its range.

    Example:
        >>> check_settings(0.5, "global", False, "none").effective
        Settings(amount=0.5, scope='global', structured=False, quantize='none')
    """
    if not is_finite(amount) or not 0 <= amount <= MAX_AMOUNT:
        raise DlvizError(message("compression.refused.amount", most=MAX_AMOUNT, got=repr(amount)[:60]))
    check_choice("scope", scope, SCOPES)
    check_choice("quantize", quantize, METHODS)
    if not isinstance(structured, bool):
        raise DlvizError(message("compression.refused.structured", got=repr(structured)[:60]))
    return Settings(float(amount), scope, structured, quantize)


def check_choice(name: str, value: Any, fits: Sequence[str]) -> None:
    """Raise a DlvizError if `value` is not one of some texts."""
    if not isinstance(value, str) or value not in fits:
        named = ", ".join(map(repr, fits))
        raise DlvizError(message("compression.refused.choice", name=name, fits=named, got=repr(value)[:60]))


@dataclass(frozen=True, eq=False)
class Layer:
    """The weights of one layer before and after.

    Attributes:
        name: the layer's path in the model.
        kind: its class, such as "Linear".
        shape: shape of the weight.
        zeros: number of weights that are 0 afterwards.
        count: number of weights.
        not_finite: how many of them were NaN or infinite before.
        quantized: whether they are stored as int8.
        limit: the histograms go from −limit to limit.
        before: number of weights in each of :data:`BINS` equal parts of that range, int64.
        after: the same afterwards, without those that are 0.
        error: largest difference between a weight that is not pruned and what stands in its place.
        levels: of a quantized layer some weights of median size, in steps of their row's scale, and the integers that stand for them;
            each (M,). ``None`` if there are none, or if the weights were trained again.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    zeros: int
    count: int
    not_finite: int
    quantized: bool
    limit: float
    before: Tensor
    after: Tensor
    error: float
    levels: tuple[Tensor, Tensor] | None = None


@dataclass(frozen=True, eq=False)
class Trial:
    """One way to compress a model, and what came of it.

    Attributes:
        settings: how it was compressed.
        size: bytes on disk, as they are and zipped.
        evaluation: what the learner's function returned for it.
        latency: time of a call, and that of the original, measured in turns; ``None`` without an input.
        parameters: number of parameters; nonzero: how many of them are not 0.
        layers: the weights of each layer; empty for another model.
        is_student: whether it is another, smaller model.
    """

    settings: Settings
    size: Size
    evaluation: Evaluation
    latency: tuple[Latency, Latency] | None
    parameters: int
    nonzero: int
    layers: tuple[Layer, ...] = ()
    is_student: bool = False

    @property
    def score(self) -> float:
        """The number that the learner's function returned, or the accuracy."""
        return self.evaluation.score

    @property
    def quantized(self) -> list[str]:
        """Names of the layers that are stored as int8."""
        return [layer.name for layer in self.layers if layer.quantized]

    @property
    def sparsity(self) -> float:
        """Share of the weights of all layers that are 0."""
        count = sum(layer.count for layer in self.layers)
        return sum(layer.zeros for layer in self.layers) / count if count else 0.0


def copy_of(net: Any, name: str) -> nn.Module:
    """Return a copy of a learner's model.

    Raises:
        DlvizError: it is no module, or cannot be copied.
    """
    plain = getattr(net, "_orig_mod", net)  # a compiled module wraps the original one
    if not isinstance(plain, nn.Module) or isinstance(plain, torch.jit.ScriptModule):
        raise DlvizError(message("compression.refused.net", name=name, got=kind_of_data(net)))
    if any(map(is_lazy, parameters(plain))):
        raise DlvizError(message("compression.refused.lazy", name=name))
    try:
        return copy.deepcopy(plain)
    except Exception as error:  # a learner's attribute may refuse to be copied
        is_masked = any(one.endswith("_orig") for module in modules(plain) for one in module._parameters)
        key = "masked" if is_masked else "copy"
        raise DlvizError(message(f"compression.refused.{key}", name=name, error=error_text(error))) from error


def compressed(
    net: nn.Module,
    settings: Settings,
    finetune: Callable[[nn.Module], Any] | None = None,
    start: GeneratorStates | None = None,
) -> nn.Module:
    """Return a compressed copy of a model: pruned, perhaps trained again with its masks, then quantized.

    Args:
        net: the model, which stays as it is.
        settings: how to compress it.
        finetune: trains the pruned copy in place. What is pruned stays 0.
        start: states of the random generators from which it starts.

    Raises:
        DlvizError: `finetune` raises, or torchao is missing.

    Example:
        >>> net = nn.Linear(10, 10)
        >>> made = compressed(net, Settings(amount=0.9))
        >>> int((made.weight == 0).sum()), int((net.weight == 0).sum())
        (90, 0)
    """
    made = copy.deepcopy(net)
    plan = settings.effective
    if plan.amount:
        masked = add_masks(made, plan.amount, scope=plan.scope, structured=plan.structured)
        if finetune is not None:
            _finetune(made, finetune, start)
        make_permanent(masked)
        _restore_order(masked, net)
    if plan.quantize != "none":
        quantize(made, plan.quantize)
    for module in modules(made):
        module.training = False
    return made


def _restore_order(masked: Sequence[Weight], net: nn.Module) -> None:
    """Put the parameters of layers that had masks in their own order: without its mask a weight comes last.

    A ``state_dict`` in another order would differ by some bytes.
    """
    originals = dict(named_modules(net))
    for weight in masked:
        found = weight.module._parameters
        ordered = {name: found[name] for name in originals[weight.path.rpartition(".")[0]]._parameters}
        found.clear()
        found.update(ordered)


def _finetune(made: nn.Module, finetune: Callable[[nn.Module], Any], start: GeneratorStates | None) -> None:
    for module in modules(made):
        module.training = True
    try:
        with torch.enable_grad(), generators_restored(start):
            finetune(made)
    except Exception as error:  # a learner's function may raise anything
        raise DlvizError(message("compression.refused.finetune_raises", error=error_text(error))) from error


def record(
    net: nn.Module,
    evaluate: Callable[[nn.Module], Any],
    *,
    x: Call | None = None,
    settings: Settings | None = None,
    finetune: Callable[[nn.Module], Any] | None = None,
    classes: Sequence[str] | None = None,
) -> Trial:
    """Compress a copy of a model and measure it beside the original.

    Args:
        net: the model, which stays as it is.
        evaluate, classes: as in :func:`dlviz.compression.evaluate_model`.
        x: arguments of the calls that are timed; by default those of the first call in `evaluate`.
        settings: how to compress it; not at all by default.
        finetune: as in :func:`compressed`.

    Raises:
        DlvizError: one of the functions raises, or torchao is missing.

    Example:
        >>> net, x = nn.Linear(100, 10), torch.randn(50, 100)
        >>> labels = net(x).argmax(1)
        >>> trial = record(net, lambda net: (net(x), labels), settings=Settings(amount=0.5))
        >>> trial.sparsity, trial.parameters, trial.nonzero, len(trial.layers)
        (0.5, 1010, 510, 1)
    """
    original = copy_of(net, "net")
    made = compressed(original, settings or Settings(), finetune)
    return measure(original, made, evaluate, settings=settings or Settings(), x=x, classes=classes)


def measure(
    original: nn.Module,
    made: nn.Module,
    evaluate: Callable[[nn.Module], Any],
    *,
    settings: Settings,
    x: Call | None = None,
    classes: Sequence[str] | None = None,
    is_student: bool = False,
) -> Trial:
    """Measure a compressed model, or another one, beside the original."""
    evaluation = evaluate_model(made, evaluate, classes)
    call = x if x is not None else evaluation.call
    timed = None if call is None else latencies([original, made], call)
    every = [_plain(parameter) for parameter in parameters(made)]
    found = () if is_student else layers(original, made)
    return Trial(
        settings=settings.effective,
        size=size(made),
        evaluation=evaluation,
        latency=None if timed is None else (timed[0], timed[1]),
        parameters=sum(tensor.numel() for tensor in every),
        nonzero=sum(int(tensor.count_nonzero()) for tensor in every),
        layers=found,
        is_student=is_student,
    )


def layers(original: nn.Module, made: nn.Module) -> tuple[Layer, ...]:
    """Return what became of the weights of each layer."""
    after = dict(named_parameters(made))
    return tuple(_layer(before, after[before.path]) for before in prunable(original))


def _layer(before: Weight, after: nn.Parameter) -> Layer:
    old, new = _on_cpu(_plain(before.parameter)), _on_cpu(_plain(after))
    quantized = is_wrapper(after)
    zero = new == 0
    kept = new[~zero]
    limit = max(_largest(old), _largest(new))
    return Layer(
        name=before.layer,
        kind=type(before.module).__name__,
        shape=tuple(old.shape),
        zeros=int(zero.sum()),
        count=old.numel(),
        not_finite=old.numel() - int(old.isfinite().sum()),
        quantized=quantized,
        limit=limit or 1.0,
        before=_histogram(old, limit),
        after=_histogram(kept, limit),
        error=_largest((new - old).masked_fill(zero, 0)),
        levels=_levels(old, after.detach()) if quantized else None,
    )


def _on_cpu(tensor: Tensor) -> Tensor:
    """Return a tensor as float32, or float64 if it is that already: numbers of 16 bits would round differences."""
    return tensor.to("cpu", torch.promote_types(tensor.dtype, torch.float32))


def _largest(values: Tensor) -> float:
    """Return the largest finite magnitude; 0 without any."""
    finite = values.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return float(finite.abs().max())


def _levels(old: Tensor, new: Any) -> tuple[Tensor, Tensor] | None:
    """Return some weights around the median of those above 0, in steps of their row's scale, and the integers that stand for them."""
    steps = old / new.scale.cpu()
    integers = new.qdata.cpu()
    is_kept = integers != 0
    # Weights that were trained again after pruning are not those that were rounded.
    was_trained = bool(((steps - integers).abs()[is_kept] > 0.5 + 1e-3).any())
    if was_trained or not bool((integers > 0).any()):
        return None
    shown = is_kept & ((steps - integers[integers > 0].median()).abs() < LEVELS + 0.5)
    return steps[shown][:_MAX_LEVELS], integers[shown][:_MAX_LEVELS].long()


def _histogram(values: Tensor, limit: float) -> Tensor:
    finite = values[values.isfinite()]
    # torch takes 0 and 0 for "the range of the numbers".
    bound = limit or 1.0
    return torch.histc(finite, BINS, -bound, bound).long()


def _plain(parameter: Tensor) -> Tensor:
    """Return a parameter as a tensor of floats; a quantized one as the numbers that its integers stand for."""
    tensor = parameter.detach()
    return tensor.dequantize() if is_wrapper(tensor) else tensor
