"""`dlviz.compress`: your own model pruned, quantized or distilled, and what that costs and saves."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import traitlets
from torch import nn

from dlviz.compression import scene as scenes
from dlviz.compression.quantization import METHODS
from dlviz.compression.record import MAX_AMOUNT, SCOPES, Settings, Trial, check_choice, check_settings
from dlviz.compression.still import draw
from dlviz.compression.widget_state import CompressionState, check_call, row
from dlviz.kit.arguments import check_options, suggests_names
from dlviz.kit.caller_frames import name_of
from dlviz.kit.caller_frames import scope as caller_scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.precomputed import Precomputed
from dlviz.kit.validated_widget import float_field
from dlviz.kit.validation import is_finite, is_integer, list_of_texts
from dlviz.kit.widget import Widget, binary

#: Shares that :meth:`Compress.sweep` tries.
SWEEP = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95)
_AXES = ("zipped", "disk", "latency")
_SETTINGS = ("amount", "scope", "structured", "quantize")


class Compress(Widget):
    """Widget that shows what pruning and quantization do to a model. A step of the player is a trial, the model as it is first.

    Attributes:
        amount: share of the weights that become 0, or with `structured` of each layer's output channels, from 0 to 0.99.
        scope: "global" compares the weights of all layers; "layer" prunes the same share of each.
        structured: whether whole output channels are pruned, layer by layer.
        quantize: "none", "int8 weights", or "int8 dynamic", which rounds each layer's inputs too.
        layer: index of the layer whose weights are shown.
        axis: against what the score is drawn: "zipped" or "disk" bytes, or "latency".
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "compression"
    _function = "compress"
    _tensor_attributes = ("_state",)

    amount = traitlets.Float(0.0, min=0.0, max=MAX_AMOUNT, help="share of the weights that are pruned").tag(sync=True)
    scope = traitlets.Enum(SCOPES, "global", help="which weights are compared").tag(sync=True)
    structured = traitlets.Bool(False, help="whether whole channels are pruned").tag(sync=True)
    quantize = traitlets.Enum(METHODS, "none", help="how the numbers are rounded").tag(sync=True)
    layer = traitlets.Int(0, min=0, help="index of the layer whose weights are shown").tag(sync=True)
    axis = traitlets.Enum(_AXES, "zipped", help="horizontal axis").tag(sync=True)

    def __init__(self, state: CompressionState, name: str, metric: str, **traits: Any) -> None:
        self._state: CompressionState | None = state
        self._name, self._metric = name, metric
        self._failure = self._progress = ""
        #: Whether the traits are being set to the settings of a trial.
        self._follows = False
        settings = {name: traits.pop(name) for name in _SETTINGS if name in traits}
        self._check_options(settings)
        super().__init__(**traits)
        self._show(0)
        self.observe(self._apply_traits, list(_SETTINGS))
        self.observe(self._show_step, "step")
        if settings:
            self.apply(**settings)

    # What Python can ask.

    @property
    def record(self) -> Trial:
        """What came of the present settings."""
        return self._compression.trials[self.step]

    @property
    def model(self) -> nn.Module:
        """The compressed copy of the model, in eval mode."""
        return self._compression.model(self.step)

    @property
    def student(self) -> nn.Module | None:
        """The trained copy of the student, ``None`` without one."""
        return self._compression.student_model

    @property
    def tried(self) -> list[dict[str, Any]]:
        """Every trial as a row of a table, the student last: for ``pandas.DataFrame(view.tried)``."""
        state = self._compression
        return [row(one, self._metric) for one in (*state.trials, *([] if state.student is None else [state.student]))]

    def apply(
        self,
        *,
        amount: float | None = None,
        scope: str | None = None,
        structured: bool | None = None,
        quantize: str | None = None,
    ) -> Trial:
        """Change some settings at once, and return what came of it.

        Raises:
            DlvizError: a setting is out of its range, or cannot be applied.
        """
        given = {"amount": amount, "scope": scope, "structured": structured, "quantize": quantize}
        wanted = {name: getattr(self, name) if value is None else value for name, value in given.items()}
        self._apply(check_settings(**wanted))
        return self.record

    def sweep(self, amounts: Sequence[float] = SWEEP) -> list[Trial]:
        """Try several shares of pruned weights with the present scope and quantization, and return to the present settings.

        Args:
            amounts: from 0 to 0.99.

        Raises:
            DlvizError: an amount is out of its range.
        """
        state, before = self._compression, self.step
        wanted = [check_settings(amount, self.scope, self.structured, self.quantize) for amount in _list(amounts)]
        found = []
        try:
            for done, settings in enumerate(wanted, 1):
                self._progress = message("compression.progress", done=done, count=len(wanted))
                self._show(before)
                found.append(state.trials[state.index_of(settings)])
        finally:
            self._progress = ""
            self._show(before)
        return found

    @property
    def _compression(self) -> CompressionState:
        """The state behind the picture.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        assert self._state is not None
        return self._state

    @traitlets.validate("layer")
    def _validate_layer(self, proposal: Any) -> int:
        last = len(self._compression.trials[0].layers) - 1
        if proposal["value"] > last:
            raise DlvizError(message("compression.refused.layer", last=last, got=proposal["value"]))
        return int(proposal["value"])

    # Drawing.

    def _apply(self, settings: Settings) -> None:
        index = self._compression.index_of(settings)
        self._failure = ""
        self._show(index, settings)

    def _show(self, index: int, settings: Settings | None = None) -> None:
        """Show a trial; the traits get its settings, or those that were asked for and come to the same."""
        state = self._compression
        shown = state.trials[index].settings if settings is None else settings
        self._follows = True
        try:
            with self.hold_sync():
                self.step = index
                for name in _SETTINGS:
                    setattr(self, name, getattr(shown, name))
                self.scene = dict(
                    binary(scenes.scene(state, index, self._name, self._metric, self._failure, self._progress))
                )
        finally:
            self._follows = False

    def _apply_traits(self, _: Any) -> None:
        if self._closed or self._follows:
            return
        try:
            self._apply(Settings(*(getattr(self, name) for name in _SETTINGS)))
        except DlvizError:
            self._show(self.step)
            raise

    def _show_step(self, _: Any) -> None:
        if self._closed or self._follows:
            return
        self._failure = ""
        self._show(min(self.step, len(self._compression.trials) - 1))

    def _on_try(self, content: Mapping[str, Any]) -> None:
        """Try the settings that the page asks for; if that fails, the picture says why."""
        with self._answering():
            asked = {"amount": float_field(content, "amount"), **{name: content.get(name) for name in _SETTINGS[1:]}}
            self._apply(check_settings(**asked))

    def _on_sweep(self, _: Mapping[str, Any]) -> None:
        with self._answering():
            self.sweep()

    @contextmanager
    def _answering(self) -> Any:
        try:
            yield
        except DlvizError as error:
            self._failure = str(error)
            self._show(self.step)

    def _describe(self) -> str:
        state, trial = self._compression, self.record
        return (
            message(
                "compression.repr",
                name=self._name,
                what=scenes.label(trial.settings),
                zipped=scenes.bytes_text(trial.size.zipped),
                metric=self._metric,
                score=scenes.score_text(trial),
            )
            if state
            else ""
        )

    def _still(self) -> str:
        state = self._compression
        return draw(
            state,
            self.step,
            self.layer,
            self._metric,
            str(self.scene["signature"]),
            str(self.scene["summary"]),
            self._still_theme,
        )

    def _precomputed(self) -> Precomputed:
        """Return every trial, for the player of an exported page."""
        count = len(self._compression.trials)
        return (
            {"step": {json.dumps(index): partial(self._page_step, index) for index in range(count)}}
            if count > 1
            else {}
        )

    def _page_step(self, index: int) -> dict[str, Any]:
        state = self._compression
        shown = state.trials[index].settings
        return {
            "scene": dict(binary(scenes.scene(state, index, self._name, self._metric))),
            **{name: getattr(shown, name) for name in _SETTINGS},
        }


def _list(amounts: Any) -> list[Any]:
    try:
        return list(amounts)
    except Exception:  # an object of another library may raise anything
        raise DlvizError(message("compression.refused.amounts", most=MAX_AMOUNT, got=repr(amounts)[:60])) from None


@suggests_names
def compress(
    net: Any,
    evaluate: Callable[[nn.Module], Any],
    *,
    x: Any = None,
    finetune: Callable[[nn.Module], Any] | None = None,
    student: nn.Module | None = None,
    data: Any = None,
    classes: Sequence[Any] | None = None,
    metric: str | None = None,
    amount: float = 0.0,
    scope: str = "global",
    structured: bool = False,
    quantize: str = "none",
    layer: int = 0,
    axis: str = "zipped",
    distill_steps: int = 300,
    distill_lr: float = 0.003,
    temperature: float = 2.0,
    distill_seed: int = 0,
    speed: float = 1.0,
    theme: str = "auto",
) -> Compress:
    """See what pruning and quantization do to your own model: its weights, its size, its time, and what it still gets right.

    All of it happens to copies: the model stays as it is, and what you train later is not seen. Pruning is `torch.nn.utils.prune`;
    quantization is torchao's (``pip install 'dlviz[ship]'``).

    Args:
        net: any ``nn.Module`` with weights.
        evaluate: your own function of a model. It returns a number, such as the accuracy, or ``(preds, labels)``: class indices or names
            (N,), or scores (N, C), and labels (N,). It must call the model that it is given.
        x: an example input for the time of a call: a tensor, a tuple of arguments, or a dictionary of keywords. By default what `evaluate`
            passes to the model first.
        finetune: your own function that trains a pruned model in place; what is pruned stays 0.
        student: a smaller model as a rival. A copy of it learns the logits of `net`.
        data: the inputs (N, …) from which the student learns; labels are not needed.
        classes: names of the classes, in the order of the labels.
        metric: what the number is called; "accuracy" for predictions and labels, else "score".
        amount, scope, structured, quantize, layer, axis: what is shown; see :class:`Compress`.
        distill_steps, distill_lr, temperature, distill_seed: of the student's training; see :func:`dlviz.compression.distill`.
        speed: the player's speed, from 0.25 to 4.
        theme: "auto", "light" or "dark".

    Returns:
        The widget; ``.tried``, ``.model``, ``.record``, ``.student``, ``.apply(amount=…)``, ``.sweep(amounts)``.

    Raises:
        DlvizError: an argument does not fit, one of the functions raises, or torchao is missing.

    Example:
        >>> import torch, dlviz
        >>> dlviz.seed(0)
        >>> images, digits = dlviz.data.digits("test")
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
        >>> view = dlviz.compress(net, lambda net: (net(images), digits))
        >>> trial = view.apply(amount=0.5)
        >>> trial.sparsity, int((view.model[1].weight == 0).sum() + (view.model[3].weight == 0).sum())
        (0.5, 1184)
        >>> len(view.tried), view.tried[1]["zipped"] < view.tried[0]["zipped"]
        (2, True)

    Source:
        S. Han, J. Pool, J. Tran and W. Dally, Learning both Weights and Connections for Efficient Neural Networks, 2015 (arXiv 1506.02626)
    """
    name = name_of(net, caller_scope(), message("compression.model"))
    for key, function in (("evaluate", evaluate), ("finetune", finetune)):
        if not callable(function) and not (key == "finetune" and function is None):
            raise DlvizError(message(f"compression.refused.{key}", got=type(function).__name__))
    if metric is not None and not isinstance(metric, str):
        raise DlvizError(message("compression.refused.metric", got=type(metric).__name__))
    names = None if classes is None else list_of_texts(classes, "compression.refused.classes")
    if student is None and data is not None:
        raise DlvizError(message("compression.refused.no_student"))
    if student is not None and data is None:
        raise DlvizError(message("compression.refused.no_data"))
    training = _training(distill_steps, distill_lr, temperature, distill_seed)
    settings = check_settings(amount, scope, structured, quantize)
    check_choice("axis", axis, _AXES)
    shown: dict[str, Any] = {"layer": layer, "axis": axis, "speed": speed, "theme": theme}
    check_options("compress", Compress, shown)  # before the model is evaluated
    call = check_call(x, net) if isinstance(net, nn.Module) else None
    state = CompressionState(net, evaluate, call, finetune, names)
    if student is not None:
        state.add_student(student, data, training)
    is_accuracy = state.trials[0].evaluation.recall is not None
    title = metric if metric is not None else message(f"compression.{'accuracy' if is_accuracy else 'score'}")
    shown |= {key: getattr(settings, key) for key in _SETTINGS}
    return Compress(state, name, title, **shown)


def _training(steps: Any, lr: Any, temperature: Any, seed: Any) -> dict[str, Any]:
    for name, value, least in (("distill_steps", steps, 1), ("distill_seed", seed, 0)):
        if not is_integer(value) or value < least:
            raise DlvizError(message("compression.refused.count", name=name, least=least, got=repr(value)[:60]))
    for name, value in (("distill_lr", lr), ("temperature", temperature)):
        if not is_finite(value) or value <= 0:
            raise DlvizError(message("compression.refused.positive", name=name, got=repr(value)[:60]))
    return {"steps": int(steps), "lr": float(lr), "temperature": float(temperature), "seed": int(seed)}
