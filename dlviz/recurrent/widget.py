"""`dlviz.unroll`: a recurrent module step by step through time, with every gate, and gradients by earlier inputs."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor, nn

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.precomputed import Precomputed
from dlviz.kit.widget import Widget, binary
from dlviz.recurrent.drawn_gradients import MAX_STEPS, drawn_norm_by_lag, input_grad
from dlviz.recurrent.edits import check_initial_state, check_zeroed, edits_of, with_initial_state
from dlviz.recurrent.input_gradients import grad_norm_by_lag, input_gradient
from dlviz.recurrent.layer_trace import GATES, LayerTrace, order
from dlviz.recurrent.record import Record
from dlviz.recurrent.scene import Settings, layer_name, scene
from dlviz.recurrent.similar_spans import similar_spans
from dlviz.recurrent.still import draw
from dlviz.recurrent.tokens import Encode
from dlviz.recurrent.widget_state import UnrolledModule

#: Forget biases that an exported page can show.
_PAGE_BIASES = (0.0, 1.0, 2.0, 3.0, 4.0, -1.0, -2.0)


class Unroll(Widget):
    """Widget that shows a recurrent module over one sequence. A step of the player is a step of the drawn layer, in reading order.

    Attributes:
        layer: the drawn layer and direction, an index into torch's ``h_n``: layer · num_directions + direction.
        sequence: the index of the sequence in the batch.
        unit: the unit whose numbers are shown.
        gate: the gate whose sum is shown, as in torch's weights: 0 to 3 for i, f, g, o; 0 to 2 for r, z, n.
        text: the text that is read, if there is ``encode``.
        zeroed: ``[layer, gate, unit]`` of gates held at 0, such as ``[0, "f", -1]``; unit −1 is every unit.
        initial_state: ``[name, layer, unit, value]`` of states before the first step, such as ``["h", 0, 3, 0.5]``.
        forget_bias: added to the bias of every forget gate of an LSTM, in the drawn copy.
        clip: the clipping threshold of the gradient norm.
        threshold: the absolute value from which a unit counts as active, for similar spans; 0 for none.
        span: first and last position of the span to compare with, else empty.
        refusal: the error message of a text that cannot be drawn, else "".
        accepts_text: whether a text can be typed.
        input_grad_row: the gradient by the input of the shown step and unit, where the scene holds only a sample of steps.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "recurrent"
    _function = "unroll"
    _tensor_attributes = ("_unrolled", "_record")

    layer = traitlets.Int(0, min=0, help="layer · num_directions + direction").tag(sync=True)
    sequence = traitlets.Int(0, min=0, help="index of the sequence in the batch").tag(sync=True)
    unit = traitlets.Int(0, min=0, help="the unit whose numbers are shown").tag(sync=True)
    gate = traitlets.Int(0, min=0, help="the gate whose sum is shown").tag(sync=True)
    text = traitlets.Unicode("", help="the text that is read").tag(sync=True)
    zeroed = traitlets.List(traitlets.List(), help="layer, gate and unit of gates held at 0").tag(sync=True)
    initial_state = traitlets.List(traitlets.List(), help="states before the first step").tag(sync=True)
    forget_bias = traitlets.Float(0.0, help="added to the forget gate's bias").tag(sync=True)
    clip = traitlets.Float(1.0, help="clipping threshold of the gradient norm").tag(sync=True)
    threshold = traitlets.Float(0.0, min=0.0, help="absolute value from which a unit is active").tag(sync=True)
    span = traitlets.List(traitlets.Int(min=0), help="first and last position").tag(sync=True)
    refusal = traitlets.Unicode("", help="error message of a text that cannot be drawn").tag(sync=True)
    accepts_text = traitlets.Bool(False, help="whether a text can be typed").tag(sync=True)
    input_grad_row = traitlets.Dict(help="gradient by the input of the shown step").tag(sync=True)

    def __init__(self, unrolled: UnrolledModule, name: str, **traits: Any) -> None:
        self._unrolled: UnrolledModule | None = unrolled
        self._record: Record | None = None
        self._name, self._kind, self._sizes, self._sequences = name, unrolled.kind, unrolled.sizes, unrolled.sequences
        sequence = traits.get("sequence", 0)
        known = isinstance(sequence, int) and 0 <= sequence < self._sequences
        defaults = {"text": unrolled.text(sequence) if known else "", "accepts_text": unrolled.encode is not None}
        super().__init__(**defaults | traits)
        unrolled.take_snapshot("", self.sequence)
        self._read_text()
        self._draw()
        self.observe(self._draw_text, "text")
        self.observe(self._draw_sequence, "sequence")
        self.observe(self._draw, ["layer", "zeroed", "initial_state", "forget_bias", "clip"])
        self.observe(self._draw_input_grad, ["unit", "step"])

    # What Python can ask.

    @property
    def record(self) -> Record:
        """The drawn record, with all layers."""
        self._check_open()
        assert self._record is not None
        return self._record

    @property
    def output(self) -> Tensor:
        """What the module returns for the drawn sequence, (T, directions · outputs); for one step of a cell its h, (outputs,)."""
        return self.record.output[0] if self._state().one_step else self.record.output

    @property
    def states(self) -> dict[str, Tensor]:
        """States of the drawn layer: ``h`` (T, outputs), and for an LSTM ``c`` (T, hidden)."""
        trace = self._trace
        return {"h": trace.h} | ({} if trace.c is None else {"c": trace.c})

    @property
    def gates(self) -> dict[str, Tensor]:
        """Gates of the drawn layer by torch's names: i, f, g, o or r, z, n, each (T, hidden). A plain RNN has none."""
        if self._kind == "RNN":
            return {}
        return dict(zip(GATES[self._kind], self._trace.gates.unbind(1), strict=True))

    @property
    def input_gradient(self) -> Tensor:
        """∂h_t[unit]/∂x_s of the drawn layer at the player's position t, for every s, (T, inputs)."""
        count = self._trace.h.shape[1]
        if self.unit >= count:
            raise DlvizError(message("recurrent.refused.projected", count=count, got=self.unit))
        return input_gradient(self.record, self.layer, self.position, self.unit)

    @property
    def grad_norm_by_lag(self) -> Tensor:
        """‖∂h/∂x‖ of the drawn layer's last h and the x that it read k steps before, for every lag k, (T,)."""
        return grad_norm_by_lag(self.record, self.layer)

    @property
    def position(self) -> int:
        """The player's position in the sequence."""
        drawn = order(min(self._trace.steps, MAX_STEPS), self._trace.direction)
        return drawn[min(self.step, len(drawn) - 1)]

    @property
    def tokens(self) -> list[str]:
        """Names of the drawn steps."""
        return self._state().tokens(self.sequence)

    @property
    def snapshots(self) -> list[str]:
        """Labels of all snapshots of the module, oldest first."""
        return [snapshot.label for snapshot in self._state().snapshots]

    def similar_spans(self) -> list[tuple[int, int]]:
        """Return the spans in which three of four units that are active through :attr:`span` are active again.

        Source:
            Strobelt et al. 2016, LSTMVis (arXiv 1606.07461)
        """
        if len(self.span) != 2 or not self.threshold:
            return []
        first, last = self.span
        return similar_spans(self._trace.h, first, last, self.threshold)

    def zero(self, gate: str, unit: int | None = None, *, layer: int | None = None) -> None:
        """Hold a gate at 0 in the drawn copy; later steps are computed again, and the states without edits stay visible.

        Args:
            gate: "i", "f", "g" or "o" of an LSTM, "r", "z" or "n" of a GRU.
            unit: one unit of it; every unit without it.
            layer: the layer and direction; the drawn one without it.

        Raises:
            DlvizError: there is no such gate or unit.
        """
        self.zeroed = [*self.zeroed, [self.layer if layer is None else layer, gate, -1 if unit is None else unit]]

    def set_h0(self, value: float | Tensor, unit: int | None = None, *, layer: int | None = None) -> None:
        """Set the initial h.

        Args:
            value: a number, or one for every unit, (outputs,).
            unit: the unit that a single number is for; every unit without it.
            layer: the layer and direction; the drawn one without it.

        Raises:
            DlvizError: there is no such unit, or the shape does not fit.
        """
        self._set_initial_state("h", value, unit, layer)

    def set_c0(self, value: float | Tensor, unit: int | None = None, *, layer: int | None = None) -> None:
        """Set the initial c of an LSTM; arguments as for :meth:`set_h0`, value (hidden,)."""
        self._set_initial_state("c", value, unit, layer)

    def reset(self) -> None:
        """Remove all edits: text, initial states, gates and bias are those of the module and its input again."""
        with self.hold_sync():
            self.zeroed, self.initial_state, self.forget_bias = [], [], 0.0
            self.text = self._state().text(self.sequence)

    def update(self, label: str = "") -> None:
        """Read the module again, after some training; the earlier gradient norm by lag stays visible.

        A loop may call it as often as it likes: while a page still draws, updates are merged. Between ``loss.backward()`` and
        ``clip_grad_norm_`` it also records the norm of the module's own gradient.

        Args:
            label: label of this snapshot; without it, its number.
        """
        unrolled = self._state()
        unrolled.refresh()
        unrolled.take_snapshot(str(label), self.sequence)
        self._read_text()
        edits = edits_of(self.zeroed, self.initial_state, self.forget_bias)
        edited = unrolled.is_edited(self.sequence, edits)
        self._record = unrolled.record(self.sequence, edits) if edited else unrolled.unedited(self.sequence)[0]
        self._update_when_drawn(self._draw)

    def _state(self) -> UnrolledModule:
        self._check_open()
        assert self._unrolled is not None
        return self._unrolled

    @property
    def _trace(self) -> LayerTrace:
        return self.record.layers[self.layer]

    def _set_initial_state(self, name: str, value: float | Tensor, unit: int | None, layer: int | None) -> None:
        layer, size = self.layer if layer is None else layer, self._sizes.of(name)
        self.initial_state = with_initial_state(self.initial_state, name, layer, unit, value, size)

    # Checks of what Python and the view set.

    @traitlets.validate("layer", "sequence", "unit")
    def _validate_index(self, proposal: Any) -> int:
        name, got = proposal["trait"].name, proposal["value"]
        count = {"layer": self._sizes.count, "sequence": self._sequences, "unit": self._sizes.hidden}[name]
        if got >= count:
            raise DlvizError(message(f"recurrent.refused.{name}", count=count, last=count - 1, got=got))
        return int(got)

    @traitlets.validate("text")
    def _validate_text(self, proposal: Any) -> str:
        if proposal["value"] and self._unrolled is not None and self._unrolled.encode is None:
            raise DlvizError(message("recurrent.refused.text"))
        return str(proposal["value"])

    @traitlets.validate("zeroed")
    def _validate_zeroed(self, proposal: Any) -> list[list[Any]]:
        return check_zeroed(proposal["value"], self._kind, self._sizes)

    @traitlets.validate("initial_state")
    def _validate_initial_state(self, proposal: Any) -> list[list[Any]]:
        return check_initial_state(proposal["value"], self._kind, self._sizes)

    @traitlets.validate("forget_bias")
    def _validate_forget_bias(self, proposal: Any) -> float:
        value = float(proposal["value"])
        if value and (self._kind != "LSTM" or not math.isfinite(value)):
            raise DlvizError(message("recurrent.refused.forget_bias", kind=self._kind, got=value))
        return value

    @traitlets.validate("clip")
    def _validate_clip(self, proposal: Any) -> float:
        if not 0 < proposal["value"] < math.inf:
            raise DlvizError(message("recurrent.refused.clip", got=proposal["value"]))
        return float(proposal["value"])

    # Drawing.

    def _read_text(self) -> None:
        """Encode the text; if that fails, the picture stays."""
        try:
            self._state().type_text(self.text, self.sequence)
            self.refusal = ""
        except DlvizError as error:
            self.refusal = str(error)

    def _draw_text(self, _: Any = None) -> None:
        if self._closed:
            return
        self._read_text()
        if not self.refusal:
            self._draw()

    def _draw_sequence(self, _: Any = None) -> None:
        """Draw another sequence with its own text."""
        if self._unrolled is None:
            return
        with self.hold_sync():
            self._unrolled.typed, self.span = None, []
            text = self._unrolled.text(self.sequence)
            if self.text != text:
                self.text = text
            else:
                self._draw()

    def _draw_input_grad(self, _: Any = None) -> None:
        """Draw the selected unit's gradient by the input, if the scene holds another unit's or other steps' only."""
        if self._record is None:
            return
        units, positions = (self.scene["input_grad"][name] for name in ("units", "positions"))
        if units is not None and self.unit not in units and self.unit < self.scene["outputs"]:
            table = input_grad(self._record, self.layer, self.unit)
            self.scene = {**self.scene, "input_grad": dict(binary(table))}
        if positions is not None and self.position not in positions and self.unit < self.scene["outputs"]:
            self.input_grad_row = dict(binary(input_grad(self._record, self.layer, self.unit, self.position)))

    def _draw(self, _: Any = None) -> None:
        if self._closed:
            return
        self._record, shown = self._picture()
        with self.hold_sync():
            self.scene, self.input_grad_row = shown, {}
            self._draw_input_grad()

    def _picture(self, **changed: Any) -> tuple[Record, dict[str, Any]]:
        """Return record and scene for the current settings, except for those given."""
        names = [field.name for field in fields(Settings)]
        settings = Settings(**{name: changed.get(name, getattr(self, name)) for name in names})
        record, shown = scene(self._state(), self._name, settings)
        return record, dict(binary(shown))

    def _on_reset(self, content: Mapping[str, Any]) -> None:
        self.reset()

    def _precomputed(self) -> Precomputed:
        """Return the scenes of other layers, sequences, gates held at 0 and forget biases."""

        def scene_with(name: str, value: Any) -> dict[str, Any]:
            return {"scene": self._picture(**{name: value})[1], "input_grad_row": {}}

        def scenes(name: str, values: Sequence[Any]) -> dict[str, Callable[[], dict[str, Any]]]:
            return {json.dumps(value): partial(scene_with, name, value) for value in values}

        gates = GATES[self._kind] if self._kind != "RNN" else ()
        return {
            "layer": scenes("layer", range(self._sizes.count)),
            "zeroed": scenes("zeroed", [[], *([[self.layer, gate, -1]] for gate in gates)] if gates else []),
            "forget_bias": scenes("forget_bias", _PAGE_BIASES if self._kind == "LSTM" else ()),
            "sequence": scenes("sequence", range(min(8, self._sequences))),
        }

    def _describe(self) -> str:
        return message("recurrent.repr", name=self._name, kind=self._kind, steps=self.record.layers[0].steps)

    def _still(self) -> str:
        name, summary = layer_name(self._trace, self.record.directions), str(self.scene["summary"])
        line = self.scene["signature"]
        curve = drawn_norm_by_lag(self.record, self.layer)
        return draw(self._trace, self.tokens, curve, name, line, summary, self._still_theme)


def unroll(
    module: nn.Module,
    x: Any,
    h0: Any = None,
    tokens: Any = None,
    *,
    encode: Encode | None = None,
    layer: int = 0,
    sequence: int = 0,
    unit: int = 0,
    gate: int = 0,
    step: int = 0,
    zeroed: Sequence[Sequence[Any]] = (),
    initial_state: Sequence[Sequence[Any]] = (),
    forget_bias: float = 0.0,
    clip: float = 1.0,
    threshold: float = 0.0,
    span: Sequence[int] = (),
    theme: str = "auto",
    speed: float = 1.0,
    **traits: Any,
) -> Unroll:
    """Step your own RNN, LSTM or GRU through time: every gate with its numbers, and the gradient of each state by each input.

    It is called like the module itself: ``dlviz.unroll(lstm, x, (h0, c0))``. Your module stays unchanged. Call ``view.update()`` every few
    steps of your training loop, and the picture follows; earlier gradient curves stay visible behind the newest.

    Args:
        module: an ``nn.RNN``, ``nn.LSTM``, ``nn.GRU``, or one of their cells.
        x: the module's input, a tensor, an array or a list: (T, N, inputs), (N, T, inputs) with ``batch_first``, (T, inputs), or a
            ``PackedSequence``. A cell takes one step, (N, inputs) or (inputs,), or a sequence (T, N, inputs). With `encode` it may be
            a text.
        h0: the module's initial state: h0, or (h0, c0) for an LSTM.
        tokens: names of the steps: T names, or a text of T letters; for a batch also a list of such lists.
        encode: a function from a text to a tensor (T, inputs), such as ``lambda text: one_hot(ids(text), 27).float()``; with it, a text can
            be typed into the picture.
        layer, sequence, unit, gate, step: what is shown; see :class:`Unroll`, as for the next line.
        zeroed, initial_state, forget_bias, clip, threshold, span: edits of the drawn copy, the clipping threshold, and similar spans.
        theme: "auto", "light" or "dark".
        speed: the player's speed.
        traits: other traits of :class:`Unroll`.

    Returns:
        The widget; ``.output``, ``.states``, ``.gates``, ``.input_gradient``, ``.grad_norm_by_lag``, ``.zero(gate)``, ``.set_h0(value)``,
        ``.text``, ``.update()``, ``.reset()``.

    Raises:
        DlvizError: an argument does not fit, or torch raises.

    Example:
        >>> import torch, dlviz
        >>> lstm = torch.nn.LSTM(3, 8)
        >>> view = dlviz.unroll(lstm, torch.randn(5, 3), tokens="hello")
        >>> view
        dlviz.unroll(lstm: LSTM over 5 steps)
        >>> list(view.gates), view.gates["f"].shape, view.input_gradient.shape
        (['i', 'f', 'g', 'o'], torch.Size([5, 8]), torch.Size([5, 3]))
        >>> view.zero("f")
        >>> view.gates["f"].sum().item()
        0.0

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html and GRU.html
    """
    name = name_of(module, scope(), type(module).__name__.lower())
    original = getattr(module, "_orig_mod", module)  # a compiled module wraps the original one
    shown = {"layer": layer, "sequence": sequence, "unit": unit, "gate": gate, "step": step, "span": list(span)}
    shown |= {"zeroed": list(zeroed), "initial_state": list(initial_state), "forget_bias": forget_bias, "clip": clip}
    shown |= {"threshold": threshold, "theme": theme, "speed": speed}
    return Unroll(UnrolledModule(original, x, h0, tokens, encode), name, **shown, **traits)
