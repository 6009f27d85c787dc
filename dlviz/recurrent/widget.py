"""`dlviz.unroll`: step the learner's own recurrent module through time, with every gate, and see memory as gradients."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor, nn

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import Widget, binary
from dlviz.recurrent.activation_spans import similar
from dlviz.recurrent.input_jacobian import influence, lags, norms
from dlviz.recurrent.layer import GATES
from dlviz.recurrent.record import Edits, Record, follow
from dlviz.recurrent.scene import UNITS, lane_name, scene, table
from dlviz.recurrent.snapshots import Moment, grad_norm, history, thinned
from dlviz.recurrent.still import draw
from dlviz.recurrent.tokens import Encode, encoded, joined, split, tokens_of
from dlviz.recurrent.validation import Sequences, called, copied, kind_of, size_of

#: Up to so many numbers on the way, the influence on every unit is computed beforehand; beyond, that on the unit that is looked at.
_BEFOREHAND = 4_000_000
#: A text that is typed, or pasted, may have so many letters: what is computed grows with its square.
LONGEST = 2000
#: Settings of the forget gate's bias that an exported page holds.
_BIASES = (0.0, 1.0, 2.0, 3.0, 4.0, -1.0, -2.0)


class Unroll(Widget):
    """A recurrent module unrolled over one sequence. A step of the player is a step of the drawn layer, in the order it reads.

    Attributes:
        lane: which layer and direction is drawn, counted as in torch's ``h_n``: layer · directions + direction.
        sequence: which sequence of the batch.
        unit: the unit whose numbers are shown.
        gate: the gate whose sum is shown, as in torch's weights: 0 to 3 for i, f, g, o; 0 to 2 for r, z, n.
        text: what is read, where the learner gave ``encode``.
        zeroed: ``[lane, gate, unit]`` of what is held at 0, such as ``[0, "f", -1]``; unit −1 is every unit.
        start: ``[name, lane, unit, value]`` of a state before the first step, such as ``["h", 0, 3, 0.5]``.
        forget_bias: added to the bias of every forget gate of an LSTM, in the drawn copy.
        clip: the threshold at which the gradient's length is shown clipped.
        threshold: beyond which a unit counts as on, for similar spans; 0 for none.
        span: first and last place of the span to compare with, else empty.
        refusal: why the text as it stands is not drawn, else "".
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "recurrent"

    lane = traitlets.Int(0, min=0, help="layer · directions + direction").tag(sync=True)
    sequence = traitlets.Int(0, min=0, help="which sequence of the batch").tag(sync=True)
    unit = traitlets.Int(0, min=0, help="the unit whose numbers are shown").tag(sync=True)
    gate = traitlets.Int(0, min=0, help="the gate whose sum is shown").tag(sync=True)
    text = traitlets.Unicode("", help="what is read").tag(sync=True)
    zeroed = traitlets.List(traitlets.List(), help="lane, gate and unit held at 0").tag(sync=True)
    start = traitlets.List(traitlets.List(), help="states before the first step").tag(sync=True)
    forget_bias = traitlets.Float(0.0, help="added to the forget gate's bias").tag(sync=True)
    clip = traitlets.Float(1.0, help="threshold of the gradient's length").tag(sync=True)
    threshold = traitlets.Float(0.0, min=0.0, help="beyond which a unit is on").tag(sync=True)
    span = traitlets.List(traitlets.Int(min=0), help="first and last place").tag(sync=True)
    refusal = traitlets.Unicode("", help="why the text is not drawn").tag(sync=True)
    writes = traitlets.Bool(False, help="whether a text can be typed").tag(sync=True)

    def __init__(
        self, module: nn.Module, x: Any, h0: Any, tokens: Any, encode: Encode | None, name: str, **traits: Any
    ) -> None:
        self._kind, self._learners, self._name, self._encode = kind_of(module), module, name, encode
        self._written = x if isinstance(x, str) else None
        if self._written is not None and encode is None:
            raise DlvizError(message("recurrent.refused.x", got="str"))
        self._x, self._hx = x, h0
        self._moments: list[Moment] = []
        self._typed: tuple[str, Sequences] | None = None
        self._record: Record | None = None
        self._sizes, self._batch = size_of(module), self._called()
        self._count = len(self._batch.lengths)
        named = split(self._written, self._batch.lengths[0]) if self._written and tokens is None else tokens
        self._tokens = tokens_of(named, self._batch.lengths)
        self._model, self._bases = copied(module), dict[int, tuple[Record, list[Tensor]]]()
        sequence = traits.get("sequence", 0)
        own = self._own(sequence) if isinstance(sequence, int) and 0 <= sequence < len(self._tokens) else ""
        super().__init__(**{"text": own, "writes": encode is not None} | traits)
        self._look("")
        self._type()
        self._draw()
        self.observe(self._type_and_draw, "text")
        self.observe(self._another, "sequence")
        self.observe(self._redraw, ["lane", "zeroed", "start", "forget_bias", "clip"])
        self.observe(self._unit_moved, "unit")
        self.on_msg(self._answer)

    # What Python can ask.

    @property
    def record(self) -> Record:
        """All layers of what is drawn."""
        if self._record is None:
            raise DlvizError(message("recurrent.refused.closed"))
        return self._record

    @property
    def output(self) -> Tensor:
        """What the module returns for the drawn sequence, (T, directions · outputs)."""
        return self.record.output

    @property
    def states(self) -> dict[str, Tensor]:
        """Of the drawn layer: ``h`` (T, outputs), and of an LSTM ``c`` (T, hidden)."""
        lane = self.record.lanes[self.lane]
        return {"h": lane.h} | ({} if lane.c is None else {"c": lane.c})

    @property
    def gates(self) -> dict[str, Tensor]:
        """Of the drawn layer, by torch's names: i, f, g, o or r, z, n, each (T, hidden). A plain RNN has none."""
        if self._kind == "RNN":
            return {}
        return dict(zip(GATES[self._kind], self.record.lanes[self.lane].gates.unbind(1), strict=True))

    @property
    def influence(self) -> Tensor:
        """∂h_t[unit]/∂x_s of the drawn layer's h where the player stands, for every s, (T, inputs)."""
        if self.unit >= self.record.lanes[self.lane].h.shape[1]:
            raise DlvizError(
                message("recurrent.refused.projected", count=self.record.lanes[self.lane].h.shape[1], got=self.unit)
            )
        return influence(self.record, self.lane, self.place, self.unit)

    @property
    def lags(self) -> Tensor:
        """‖∂h/∂x‖ of the last h that the drawn layer reads and the x that it read k steps before, for every k, (T,)."""
        return lags(self.record, self.lane)

    @property
    def place(self) -> int:
        """Where in the sequence the player stands."""
        order = self.record.lanes[self.lane].order
        return order[min(self.step, len(order) - 1)]

    @property
    def tokens(self) -> list[str]:
        """What the drawn steps are called."""
        if self._typed is None:
            return self._tokens[self.sequence]
        return split(self._typed[0], self._typed[1].lengths[0])

    @property
    def snapshots(self) -> list[str]:
        """The labels of all looks at the module, oldest first."""
        return [moment.label for moment in self._moments]

    def similar(self) -> list[tuple[int, int]]:
        """Stretches in which the units that are on through :attr:`span`, beyond :attr:`threshold`, are on again; three of four do.

        Source:
            Strobelt et al. 2016, LSTMVis (arXiv 1606.07461)
        """
        if len(self.span) != 2 or not self.threshold:
            return []
        first, last = self.span
        return similar(self.record.lanes[self.lane].h, first, last, self.threshold)

    def zero(self, gate: str, unit: int | None = None, *, lane: int | None = None) -> None:
        """Hold a gate at 0 in the drawn copy; what comes later is computed again, and the old path stays as a ghost.

        Args:
            gate: "i", "f", "g" or "o" of an LSTM, "r", "z" or "n" of a GRU.
            unit: one unit of it; every unit without.
            lane: of which layer and direction; without it, the drawn one.

        Raises:
            DlvizError: there is no such gate or unit.
        """
        self.zeroed = [*self.zeroed, [self.lane if lane is None else lane, gate, -1 if unit is None else unit]]

    def set_h0(self, value: float | Tensor, unit: int | None = None, *, lane: int | None = None) -> None:
        """Begin from another h.

        Args:
            value: a number, or one for every unit, (outputs,).
            unit: for which unit a single number is; every unit without.
            lane: of which layer and direction; without it, the drawn one.

        Raises:
            DlvizError: there is no such unit, or the numbers do not fit.
        """
        self._begin("h", value, unit, lane)

    def set_c0(self, value: float | Tensor, unit: int | None = None, *, lane: int | None = None) -> None:
        """Begin an LSTM from another c; arguments as for :meth:`set_h0`, value (hidden,)."""
        self._begin("c", value, unit, lane)

    def reset(self) -> None:
        """Let go of all edits: text, states, gates and bias are the learner's again."""
        with self.hold_sync():
            self.zeroed, self.start, self.forget_bias = [], [], 0.0
            self.text = self._own(self.sequence)

    def update(self, label: str = "") -> None:
        """Read the module again, after some training. The gradient against lag as it was stays behind as a ghost.

        Called between ``loss.backward()`` and ``clip_grad_norm_``, it also shows how long the learner's own gradient is, before and after.

        Args:
            label: what to call this look; without one it has its number.
        """
        if self._record is None:
            raise DlvizError(message("recurrent.refused.closed"))
        self._batch, self._model, self._bases = self._called(), copied(self._learners), {}
        self._look(label)
        self._type()
        self._draw()

    def close(self) -> None:
        """Take the widget off the page and let go of module and tensors."""
        self._record, self._typed, self._moments, self._bases = None, None, [], {}
        self._learners = self._model = nn.Module()
        self._x = self._hx = self._batch = self._encode = None  # type: ignore[assignment]
        super().close()

    # Reading.

    def _called(self) -> Sequences:
        if self._written is not None and self._encode is not None:
            x = encoded(self._encode, self._written, int(self._learners.input_size))  # type: ignore[arg-type]
            return called(self._learners, x if isinstance(self._learners, nn.RNNBase) else x[:, None], self._hx)
        return called(self._learners, self._x, self._hx)

    def _own(self, sequence: int) -> str:
        """The text of a sequence as it is."""
        if self._encode is None:
            return ""
        return self._written if self._written is not None else joined(self._tokens[sequence])

    def _base(self, sequence: int) -> tuple[Record, list[Tensor]]:
        """A sequence without edits, and the gradient against lag of every lane."""
        if sequence not in self._bases:
            record = follow(self._model, self._batch, sequence, Edits())
            self._bases = {sequence: (record, [lags(record, lane) for lane in range(len(record.lanes))])}
        return self._bases[sequence]

    def _look(self, label: str) -> None:
        curves = tuple(self._base(self.sequence)[1])
        name = message("recurrent.look", number=len(self._moments)) if self._moments else message("recurrent.first")
        moment = Moment(str(label) or name, self.sequence, curves, grad_norm(self._learners))
        self._moments = thinned([*self._moments, moment])

    def _type(self) -> None:
        """Encode the text, if it is another one than the sequence's own; where that fails, the picture stays."""
        if self.text == self._own(self.sequence) or self._encode is None:
            self._typed, self.refusal = None, ""
            return
        if len(self.text) > LONGEST:
            self.refusal = message("recurrent.refused.long", most=LONGEST, got=len(self.text))
            return
        try:
            self._typed = self.text, self._spoken(self.text)
            self.refusal = ""
        except DlvizError as problem:
            self.refusal = str(problem)

    def _spoken(self, text: str) -> Sequences:
        assert self._encode is not None
        model, batch, k = self._model, self._batch, self.sequence
        x = encoded(self._encode, text, int(model.input_size))  # type: ignore[arg-type]
        h, c = batch.h0[:, k], None if batch.c0 is None else batch.c0[:, k]
        if not isinstance(model, nn.RNNBase):
            return called(model, x[:, None], h if c is None else (h, c))
        return called(model, x, h if c is None else (h, c))

    def _begin(self, name: str, value: float | Tensor, unit: int | None, lane: int | None) -> None:
        lane = self.lane if lane is None else lane
        size = self._size(name)
        if unit is not None:
            pairs = [(unit, float(value))]
        else:
            found = torch.as_tensor(value, dtype=torch.float64).detach().cpu()
            if found.dim() and tuple(found.shape) != (size,):
                raise DlvizError(
                    message("recurrent.refused.start_shape", name=name, count=size, got=tuple(found.shape))
                )
            pairs = list(enumerate(found.expand(size).tolist()))
        kept = [one for one in self.start if tuple(one[:3]) not in {(name, lane, u) for u, _ in pairs}]
        self.start = [*kept, *([name, lane, u, v] for u, v in pairs)]

    def _size(self, name: str) -> int:
        return self._sizes[2 if name == "h" else 3]

    @property
    def _lanes(self) -> int:
        return self._sizes[0] * self._sizes[1]

    @traitlets.validate("lane")
    def _lane_is_there(self, proposal: Any) -> int:
        if proposal["value"] >= self._lanes:
            raise DlvizError(message("recurrent.refused.lane", count=self._lanes, got=proposal["value"]))
        return int(proposal["value"])

    @traitlets.validate("sequence")
    def _sequence_is_there(self, proposal: Any) -> int:
        if proposal["value"] >= self._count:
            got = proposal["value"]
            raise DlvizError(message("recurrent.refused.sequence", count=self._count, last=self._count - 1, got=got))
        return int(proposal["value"])

    @traitlets.validate("unit")
    def _unit_is_there(self, proposal: Any) -> int:
        if proposal["value"] >= self._size("c"):
            raise DlvizError(message("recurrent.refused.unit", count=self._size("c"), got=proposal["value"]))
        return int(proposal["value"])

    @traitlets.validate("text")
    def _text_can_be_read(self, proposal: Any) -> str:
        if proposal["value"] and self._encode is None:
            raise DlvizError(message("recurrent.refused.text"))
        return str(proposal["value"])

    @traitlets.validate("zeroed")
    def _zeroed_are_gates(self, proposal: Any) -> list[list[Any]]:
        gates = GATES[self._kind] if self._kind != "RNN" else ()
        for one in proposal["value"]:
            fits = len(one) == 3 and one[1] in gates and one[0] in range(self._lanes)
            if not fits or one[2] not in range(-1, self._size("c")):
                names = ", ".join(gates) or message("recurrent.none")
                raise DlvizError(message("recurrent.refused.zeroed", kind=self._kind, names=names, got=one))
        return [list(one) for one in proposal["value"]]

    @traitlets.validate("start")
    def _start_is_states(self, proposal: Any) -> list[list[Any]]:
        names = ("h", "c") if self._kind == "LSTM" else ("h",)
        for one in proposal["value"]:
            fits = len(one) == 4 and one[0] in names and one[1] in range(self._lanes)
            number = fits and isinstance(one[3], (int, float)) and abs(one[3]) < float("inf")
            if not number or one[2] not in range(self._size(one[0])):
                raise DlvizError(message("recurrent.refused.start", kind=self._kind, names=", ".join(names), got=one))
        return [list(one) for one in proposal["value"]]

    @traitlets.validate("forget_bias")
    def _forget_bias_is_an_lstms(self, proposal: Any) -> float:
        value = float(proposal["value"])
        if value and (self._kind != "LSTM" or abs(value) == float("inf") or value != value):
            raise DlvizError(message("recurrent.refused.forget_bias", kind=self._kind, got=value))
        return value

    @traitlets.validate("clip")
    def _clip_is_a_length(self, proposal: Any) -> float:
        if not 0 < proposal["value"] < float("inf"):
            raise DlvizError(message("recurrent.refused.clip", got=proposal["value"]))
        return float(proposal["value"])

    # Drawing.

    def _type_and_draw(self, _: Any = None) -> None:
        if self._record is None:
            return
        self._type()
        if not self.refusal:
            self._draw()

    def _another(self, _: Any = None) -> None:
        """Another sequence is read as it is."""
        if self._record is None:
            return
        with self.hold_sync():
            self._typed, self.span = None, []
            if self.text != self._own(self.sequence):
                self.text = self._own(self.sequence)
            else:
                self._draw()

    def _redraw(self, _: Any = None) -> None:
        if self._record is not None:
            self._draw()

    def _unit_moved(self, _: Any = None) -> None:
        """Of a large module the influence is known of one unit only."""
        if self._record is None:
            return
        known = self.scene["memory"]["units"]
        if known is not None and self.unit not in known and self.unit < self.scene["outs"]:
            self.scene = {**self.scene, "memory": dict(binary(self._memory(self._record, self.lane)))}

    def _edits(self, zeroed: Sequence[Sequence[Any]], forget_bias: float) -> Edits:
        held = frozenset((int(lane), str(gate), int(unit)) for lane, gate, unit in zeroed)
        return Edits(held, {(name, lane, unit): value for name, lane, unit, value in self.start}, forget_bias)

    def _draw(self) -> None:
        self._record, self.scene = self._picture(self.lane, self.sequence, self.zeroed, self.forget_bias)

    def _picture(
        self, lane: int, sequence: int, zeroed: Sequence[Sequence[Any]], forget_bias: float
    ) -> tuple[Record, dict[str, Any]]:
        """What is drawn for these settings, with the text and the states as they stand."""
        edits = self._edits(zeroed, forget_bias)
        base, curves = self._base(sequence)
        typed = self._typed if sequence == self.sequence else None
        edited = edits != Edits() or typed is not None
        if typed is not None:
            record = follow(self._model, typed[1], 0, edits)
        else:
            record = follow(self._model, self._batch, sequence, edits) if edited else base
        tokens = self._tokens[sequence] if typed is None else split(typed[0], typed[1].lengths[0])
        now = lags(record, lane) if edited else curves[lane]
        found = scene(
            record,
            lane,
            tokens=tokens,
            ghost=base if edited else None,
            memory=self._memory(record, lane),
            history=history(self._moments, sequence, lane, now, curves[lane] if edited else None, self.clip),
            edits={"typed": typed is not None, "count": len(zeroed) + len(self.start) + bool(forget_bias)},
            sequences=self._count,
            signature=self._signature(record),
            notes=self._notes(),
        )
        return record, dict(binary(found))

    def _memory(self, record: Record, lane: int) -> dict[str, Any]:
        of = record.lanes[lane]
        outs = min(UNITS, of.h.shape[1])
        if of.steps * of.steps * outs * of.weights.ih.shape[0] <= _BEFOREHAND:
            return table(norms(record, lane, range(outs)), None)
        # A unit that is not drawn, or has no h of its own, stands in for none.
        unit = self.unit if self.unit < outs else 0
        return table(norms(record, lane, [unit]), [unit])

    def _notes(self) -> list[dict[str, str]]:
        notes = []
        dropped = float(getattr(self._learners, "dropout", 0.0))
        if self._learners.training and dropped and self._sizes[0] > 1:
            notes.append({"kind": "", "text": message("recurrent.note.dropout", p=f"{dropped:g}")})
        return notes

    def _signature(self, record: Record) -> str:
        kind = f"{type(self._learners).__name__}({self._learners.extra_repr()})"
        return message("recurrent.signature", name=self._name, kind=kind, steps=record.lanes[0].steps)

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        """The view asks for all edits to be let go."""
        if self._record is not None and content.get("kind") == "reset":
            self.reset()

    # A page.

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Other layers, sequences, a gate held at 0, another bias."""
        zeroed, bias = self.zeroed, self.forget_bias

        def one(lane: int, sequence: int, zeroed: Any, bias: float) -> dict[str, Any]:
            return {"scene": self._picture(lane, sequence, zeroed, bias)[1]}

        gates = GATES[self._kind] if self._kind != "RNN" else ()
        held = [[], *([[self.lane, gate, -1]] for gate in gates)]
        biases = _BIASES if self._kind == "LSTM" else ()
        return {
            "lane": {json.dumps(k): one(k, self.sequence, zeroed, bias) for k in range(self._lanes)},
            "zeroed": {json.dumps(k): one(self.lane, self.sequence, k, bias) for k in held} if gates else {},
            "forget_bias": {json.dumps(k): one(self.lane, self.sequence, zeroed, k) for k in biases},
            "sequence": {json.dumps(k): one(self.lane, k, zeroed, bias) for k in range(min(8, self._count))},
        }

    def _describe(self) -> str:
        if self._record is None:
            return message("recurrent.repr_closed")
        return message("recurrent.repr", name=self._name, kind=self._kind, steps=self._record.lanes[0].steps)

    def _still(self) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        record = self.record
        lane = record.lanes[self.lane]
        name, summary = lane_name(lane, record.directions), str(self.scene["summary"])
        return draw(lane, self.tokens, self.lags, name, self._signature(record), summary, theme)


def unroll(
    module: nn.Module,
    x: Any,
    h0: Any = None,
    tokens: Any = None,
    *,
    encode: Encode | None = None,
    **settings: Any,
) -> Unroll:
    """Step your own RNN, LSTM or GRU through time: every gate with its numbers, and what each state remembers of each input.

    It is called as the module itself is: ``dlviz.unroll(lstm, x, (h0, c0))``. Nothing of yours changes. Call ``view.update()`` in your
    loop, every few steps, and the picture follows; what was drawn before stays as a ghost.

    Args:
        module: an ``nn.RNN``, ``nn.LSTM``, ``nn.GRU``, or one of their cells.
        x: what the module takes: (T, N, inputs), (N, T, inputs) with ``batch_first``, (T, inputs), or a ``PackedSequence``. A cell takes
            one step, (N, inputs) or (inputs,), or a sequence (T, N, inputs). With `encode` also a text.
        h0: what the module takes beside it: h0, or (h0, c0) of an LSTM.
        tokens: what the steps are called: T names, or a text of T letters; for a batch also a list of such lists.
        encode: a function from a text to a tensor (T, inputs), such as ``lambda text: one_hot(ids(text), 27).float()``; with it, a text can
            be typed into the picture.
        settings: traits of :class:`Unroll`, such as ``lane``, ``sequence``, ``unit``, ``step`` or ``theme``.

    Returns:
        The widget; ``.output``, ``.states``, ``.gates``, ``.influence``, ``.lags``, ``.zero(gate)``, ``.set_h0(value)``, ``.text``,
        ``.update()``, ``.reset()``.

    Raises:
        DlvizError: an argument does not fit, or torch refuses it.

    Example:
        >>> import torch, dlviz
        >>> lstm = torch.nn.LSTM(3, 8)
        >>> view = dlviz.unroll(lstm, torch.randn(5, 3), tokens="hello")
        >>> view
        dlviz.unroll(lstm: LSTM over 5 steps)
        >>> list(view.gates), view.gates["f"].shape, view.influence.shape
        (['i', 'f', 'g', 'o'], torch.Size([5, 8]), torch.Size([5, 3]))
        >>> view.zero("f")
        >>> view.gates["f"].sum().item()
        0.0

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html and GRU.html
    """
    name = name_of(module, scope(), type(module).__name__.lower())
    return Unroll(getattr(module, "_orig_mod", module), x, h0, tokens, encode, name, **settings)
