"""State behind the widget: the learner's model as it was, every way to compress it that was tried, and the student."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from dlviz.compression.distillation import distill
from dlviz.compression.measurement import Call
from dlviz.compression.pruning import prunable, with_channels
from dlviz.compression.quantization import quantizable
from dlviz.compression.record import Settings, Trial, compressed, copy_of, measure
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.model_copies import GeneratorStates
from dlviz.torchkit.modules import parameters


class CompressionState:
    """The model as it was, and what was tried with it.

    Args:
        net: the learner's model; a copy of it is kept.
        evaluate: the learner's evaluation.
        x: arguments of the calls that are timed; by default those of the first call in `evaluate`.
        finetune: trains a pruned model again.
        classes: names of the classes.

    Attributes:
        trials: every way that was tried, the model as it is first.
        student: what came of the student, ``None`` without one.
        student_model: the trained student.
    """

    def __init__(
        self,
        net: nn.Module,
        evaluate: Callable[[nn.Module], Any],
        x: Call | None,
        finetune: Callable[[nn.Module], Any] | None,
        classes: Sequence[str] | None,
    ) -> None:
        self.original = copy_of(net, "net")
        self._evaluate, self._x, self._finetune, self._classes = evaluate, x, finetune, classes
        self._start = GeneratorStates.now()
        weights = prunable(self.original)
        if not weights:
            raise DlvizError(message("compression.refused.no_weights", got=type(net).__name__))
        self.has_channels, self.has_linear = bool(with_channels(weights)), bool(quantizable(self.original))
        self._made: tuple[Settings, nn.Module] = Settings(), self.original
        self.trials: list[Trial] = []
        self.student: Trial | None = None
        self.student_model: nn.Module | None = None
        self.index_of(Settings())

    @property
    def finetuned(self) -> bool:
        """Whether a pruned model is trained again."""
        return self._finetune is not None

    def index_of(self, settings: Settings) -> int:
        """Return the index of the trial with these settings, which is made if there is none yet.

        Raises:
            DlvizError: a function of the learner's raises, torchao is missing, or no layer is of the kind that is to be changed.
        """
        wanted = settings.effective
        for index, trial in enumerate(self.trials):
            if trial.settings == wanted:
                return index
        if wanted.structured and not self.has_channels:
            raise DlvizError(message("compression.refused.no_channels"))
        if wanted.quantize != "none" and not self.has_linear:
            raise DlvizError(message("compression.refused.no_linear"))
        made = self._compressed(wanted)
        found = measure(self.original, made, self._evaluate, settings=wanted, x=self._x, classes=self._classes)
        self.trials.append(found)
        self._made = wanted, made
        return len(self.trials) - 1

    def model(self, index: int) -> nn.Module:
        """Return the compressed model of a trial."""
        settings = self.trials[index].settings
        if self._made[0] != settings:
            self._made = settings, self._compressed(settings)
        return self._made[1]

    def _compressed(self, settings: Settings) -> nn.Module:
        return compressed(self.original, settings, self._finetune, self._start)

    def add_student(self, student: nn.Module, data: Any, options: Mapping[str, Any]) -> None:
        """Train a copy of a small model on the logits of the original, and measure it."""
        self.student_model = distill(self.original, copy_of(student, "student"), data, **options)
        self.student = measure(
            self.original,
            self.student_model,
            self._evaluate,
            settings=Settings(),
            x=self._x,
            classes=self._classes,
            is_student=True,
        )


def check_call(x: Any, net: nn.Module) -> Call | None:
    """Return the arguments of the calls that are timed: a tuple of them, a dictionary of keywords, or one input.

    Raises:
        DlvizError: an input is no array of numbers.
    """
    if x is None:
        return None
    if isinstance(x, Mapping):
        return Call((), {str(name): _input(value, net) for name, value in x.items()})
    return Call(tuple(_input(value, net) for value in x) if isinstance(x, tuple) else (_input(x, net),))


def _input(value: Any, net: nn.Module) -> Tensor:
    found = as_plain_tensor(value)
    if found is None or not found.dim():
        raise DlvizError(message("compression.refused.x", got=kind_of_data(value)))
    like = next((parameter for parameter in parameters(net) if parameter.is_floating_point()), None)
    if like is None:
        return found
    is_plain = not isinstance(value, Tensor) and found.is_floating_point()
    return found.to(like.device, like.dtype if is_plain else None)


def row(trial: Trial, metric: str) -> dict[str, Any]:
    """Return a trial as a row of a table."""
    shown = trial.settings
    method = (
        "student" if trial.is_student else "channels" if shown.structured else shown.scope if shown.amount else "none"
    )
    timed = trial.latency
    return {
        "pruning": method,
        "amount": shown.amount,
        "quantize": shown.quantize,
        metric: trial.score,
        "bytes": trial.size.disk,
        "zipped": trial.size.zipped,
        "latency": None if timed is None else timed[1].median,
        "latency_q25": None if timed is None else timed[1].q25,
        "latency_q75": None if timed is None else timed[1].q75,
        "latency_original": None if timed is None else timed[0].median,
        "parameters": trial.parameters,
        "nonzero": trial.nonzero,
    }
