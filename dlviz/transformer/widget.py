"""`dlviz.attention`: every attention call of a module, head by head and stage by stage, with numbers that add up."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor, nn

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.precomputed import Precomputed
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import Widget, binary
from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.blocks import block
from dlviz.transformer.head import one_head
from dlviz.transformer.module_call import ModuleCall, from_tensors, is_data
from dlviz.transformer.options import split_options
from dlviz.transformer.record import Record
from dlviz.transformer.scene import MAX_WIDE, matrices, row, scene, stages
from dlviz.transformer.still import draw
from dlviz.transformer.tiles import tiles
from dlviz.transformer.tokens import call_tokens, check_tokens, token_lists
from dlviz.transformer.what_if import change, check_entries, edits_of

#: Options of `dlviz.attention` that are no arguments of the module.
OPTIONS = (
    "tokens",
    "key_tokens",
    "encode",
    "call",
    "head",
    "sample",
    "query",
    "key",
    "edits",
    "step",
    "theme",
    "speed",
)


class Attention(Widget):
    """Widget that shows the attention calls of a module. A step of the player is a stage of the open head.

    Attributes:
        call: index of the open call in :attr:`calls`.
        head: index of the open head.
        opened: the open head counted over all calls; follows `call` and `head`.
        sample: index of the sequence in the batch.
        query, key: the selected pair of positions.
        snapshot: index of the shown snapshot.
        text: the text that is read, if there is ``encode``.
        accepts_text: whether a text can be typed.
        edits: what differs from the module: lists ``[call, kind, …]``, see :func:`dlviz.transformer.what_if.check_entries`.
        refusal: the error message of a text that cannot be drawn, else "".
        tiles: small pictures of all heads, and the labels of the snapshots.
        row: numbers of the selected query and key, where the scene holds them only binned.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "transformer"
    _function = "attention"
    _tensor_attributes = ("_module_call", "_record", "_matrices")

    call = traitlets.Int(0, min=0, help="index of the open call").tag(sync=True)
    head = traitlets.Int(0, min=0, help="index of the open head").tag(sync=True)
    opened = traitlets.Int(0, min=0, help="the open head, counted over all calls").tag(sync=True)
    sample = traitlets.Int(0, min=0, help="index of the sequence in the batch").tag(sync=True)
    query = traitlets.Int(0, min=0, help="the selected query").tag(sync=True)
    key = traitlets.Int(0, min=0, help="the selected key").tag(sync=True)
    snapshot = traitlets.Int(0, min=0, help="index of the shown snapshot").tag(sync=True)
    text = traitlets.Unicode("", help="the text that is read").tag(sync=True)
    edits = traitlets.List(traitlets.List(), help="what differs from the module").tag(sync=True)
    accepts_text = traitlets.Bool(False, help="whether a text can be typed").tag(sync=True, user_editable=False)
    refusal = traitlets.Unicode("", help="error message of a text that cannot be drawn").tag(sync=True)
    tiles = traitlets.Dict(help="pictures of all heads").tag(sync=True)
    row = traitlets.Dict(help="numbers of the selected query and key").tag(sync=True)

    def __init__(self, module_call: ModuleCall, name: str, tokens: Any, key_tokens: Any, **traits: Any) -> None:
        self._module_call: ModuleCall | None = module_call
        self._record: Record | None = None
        self._matrices: dict[str, Tensor] | None = None
        self._name, self._kind = name, module_call.kind
        self._read_text = module_call.text  # the last one that was not refused
        module_call.take_snapshot("")
        found = module_call.snapshots[-1].record
        self._tokens, self._key_tokens = token_lists(tokens, "tokens"), token_lists(key_tokens, "key_tokens")
        lengths = [size for call in found.calls for size in call.shape[2:]]
        for lists, argument in ((self._tokens, "tokens"), (self._key_tokens, "key_tokens")):
            check_tokens(lists, argument, lengths, found.calls[0].shape[0])
        self._heads = [call.shape[1] for call in found.calls]
        self._record = found
        chosen = {
            "text": module_call.text,
            "accepts_text": module_call.encode is not None,
            **traits,
            **_selection(found, traits),
        }
        super().__init__(**chosen)
        self._draw_all()
        self.observe(self._draw_opened, "opened")
        self.observe(self._follow_call, ["call", "head"])
        self.observe(self._draw_all, ["sample", "snapshot"])
        self.observe(self._draw_row, ["query", "key"])
        self.observe(self._draw_text, "text")
        self.observe(self._draw_edits, "edits")

    # What Python can ask.

    @property
    def calls(self) -> tuple[AttentionCall, ...]:
        """Every attention call of the shown run, in execution order."""
        return self._shown.calls

    @property
    def output(self) -> Any:
        """What the module returned in the shown run."""
        return self._shown.output

    @property
    def record(self) -> Record:
        """The record of the shown run."""
        return self._shown

    @property
    def snapshots(self) -> list[str]:
        """Labels of all snapshots of the module, oldest first."""
        return [one.label for one in self._state().snapshots]

    def _on_reset(self, content: Mapping[str, Any]) -> None:
        self.reset()

    def reset(self) -> None:
        """Remove all edits, those of the text included."""
        with self.hold_sync():
            self.edits, self.text = [], self._state().text

    def update(self, label: str = "") -> None:
        """Call the module again, after some training, and keep the earlier picture as a snapshot.

        A loop may call it as often as it likes: while a page still draws, updates are merged.

        Args:
            label: label of this snapshot; without it, its number.
        """
        state = self._state()
        state.take_snapshot(str(label))
        last = len(state.snapshots) - 1
        self._record = self._record_with(self.edits, last)
        self._update_when_drawn(self._draw_edits)

    def _state(self) -> ModuleCall:
        self._check_open()
        assert self._module_call is not None
        return self._module_call

    @property
    def _shown(self) -> Record:
        self._check_open()
        assert self._record is not None
        return self._record

    # Checks of what Python and the view set.

    @traitlets.validate("call", "head", "opened", "sample", "query", "key", "snapshot")
    def _validate_index(self, proposal: Any) -> int:
        name, got = proposal["trait"].name, int(proposal["value"])
        count = self._count(name)
        return _index(name, got, count)

    def _count(self, name: str) -> int:
        if self._record is None or self._module_call is None:
            return 2**31
        call = self._record.calls[min(self.call, len(self._record.calls) - 1)]
        n, heads, length, count = call.shape
        sizes = {"call": len(self._heads), "head": heads, "opened": sum(self._heads), "sample": n}
        return (sizes | {"query": length, "key": count, "snapshot": len(self._module_call.snapshots)})[name]

    @traitlets.validate("edits")
    def _validate_edits(self, proposal: Any) -> list[list[Any]]:
        return check_entries(proposal["value"], [] if self._record is None else [c.shape for c in self._record.calls])

    @traitlets.validate("text")
    def _validate_text(self, proposal: Any) -> str:
        if proposal["value"] and self._module_call is not None and self._module_call.encode is None:
            raise DlvizError(message("transformer.refused.text"))
        return str(proposal["value"])

    # Drawing.

    def _follow_call(self, change: Any) -> None:
        """Open the head of another call; one with fewer heads keeps the last."""
        if change["name"] == "call" and self.head >= self._heads[self.call]:
            self.head = self._heads[self.call] - 1
            return
        self.opened = sum(self._heads[: self.call]) + self.head

    def _draw_opened(self, _: Any = None) -> None:
        call, head = _place(self._heads, self.opened)
        with self.hold_sync():
            self.call, self.head = call, head
            self._draw()

    def _draw_text(self, _: Any = None) -> None:
        """Read another text; if the module or `encode` refuses it, the picture stays."""
        if self._closed:
            return
        try:
            self._state().call(self.text)
            self.refusal = ""
        except DlvizError as error:
            self.refusal = str(error)
            return
        self._read_text = self.text
        self._draw_edits()

    def _draw_edits(self, _: Any = None) -> None:
        if self._closed:
            return
        last = len(self._state().snapshots) - 1
        if self.snapshot != last:
            self.snapshot = last
        else:
            self._draw_all()

    def _draw_all(self, _: Any = None) -> None:
        """Draw the tiles and the open head of the shown snapshot."""
        if self._closed:
            return
        with self.hold_sync():
            self._record = self._record_with(self.edits, self.snapshot)
            self.tiles = self._tiles(self._record, self.sample)
            self._draw()

    def _record_with(self, edits: Sequence[Sequence[Any]], snapshot: int) -> Record:
        """Return the record of a snapshot; of the last one with edits and another text."""
        state, plain = self._state(), self._of_snapshot(snapshot)
        text = "" if self._read_text == state.text else self._read_text
        if plain is not state.snapshots[-1].record or not (edits or text):
            return plain
        unedited = state.call(text) if text else plain
        return state.call(text, edits_of(edits, unedited, self.sample, self.head)) if edits else unedited

    def _of_snapshot(self, index: int) -> Record:
        kept = self._state().snapshots
        return kept[min(index, len(kept) - 1)].record

    def _draw(self) -> None:
        if self._closed:
            return
        self._matrices, shown = self._picture(self._shown, self.opened, self.sample)
        with self.hold_sync():
            length, count = self._matrices["weights"].shape
            self.query, self.key = min(self.query, length - 1), min(self.key, count - 1)
            self.scene = shown
            self._draw_row()

    def _draw_row(self, _: Any = None) -> None:
        if self._matrices is None:
            return
        self.row = dict(binary(row(self._matrices, self.query, self.key, self.scene["blocks"])))

    def _tiles(self, record: Record, sample: int) -> dict[str, Any]:
        labels = [one.label for one in self._state().snapshots]
        return dict(binary({"calls": tiles(record, sample), "labels": labels}))

    def _picture(self, record: Record, opened: int, sample: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the matrices and the scene of a head."""
        number, h = _place(self._heads, opened)
        call = record.calls[number]
        at = min(sample, call.shape[0] - 1)
        found = matrices(call, at, h)
        state = self._state()
        is_snapshot = any(record is one.record for one in state.snapshots)
        text = state.text if is_snapshot or not self._read_text else self._read_text
        # Names that were given are those of the text that came with them.
        letters = list(text) if not self._tokens or text != state.text else []
        tokens = call_tokens(call, at, [letters] if letters else self._tokens, self._key_tokens)
        shown = scene(record, found, (number, h, at), tokens, self._name, self._kind)
        if letters and len(letters) not in call.shape[2:]:
            told = message("transformer.note.numbered", letters=len(letters), positions=call.shape[2])
            shown["notes"].append({"kind": "", "text": told})
        if record.unseen:
            shown["notes"].append({"kind": "warn", "text": message("transformer.note.unseen", sentence=record.unseen)})
        if not is_snapshot:
            plain = self._of_snapshot(self.snapshot)
            before = matrices(plain.calls[number], at, h)
            last = [one for one in ("output", "joined", "projected") if one in found][-1]
            found["before"] = before[last]
            shown["blocks"]["before"] = block(before[last], MAX_WIDE)
            shown["changed"] = {"block": last, **change(record, plain, number)}
            shown["badge"] = {"kind": "", "text": message("transformer.edited")}
        return found, dict(binary(shown))

    def _precomputed(self) -> Precomputed:
        """Return the scenes of other heads, snapshots, sequences and selected queries."""

        def state(record: Record, opened: int, sample: int, **more: Any) -> dict[str, Any]:
            found, shown = self._picture(record, opened, sample)
            length, count = found["weights"].shape
            query, key = min(more.get("query", self.query), length - 1), min(self.key, count - 1)
            changed = dict(binary(row(found, query, key, shown["blocks"])))
            return {"scene": shown, "row": changed, "query": query, "key": key, **more}

        def edited(entries: list[list[Any]]) -> dict[str, Any]:
            record = self._record_with(entries, self.snapshot)
            return {**state(record, self.opened, self.sample), "tiles": self._tiles(record, self.sample)}

        def with_tiles(snapshot: int, sample: int) -> dict[str, Any]:
            record = self._of_snapshot(snapshot)
            return {**state(record, self.opened, sample), "tiles": self._tiles(record, sample)}

        def head_at(opened: int) -> dict[str, Any]:
            call, head = _place(self._heads, opened)
            return state(self._shown, opened, self.sample, call=call, head=head)

        def keyed(values: Sequence[int], make: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
            return {json.dumps(value): partial(make, value) for value in values}

        kept, current = len(self._state().snapshots), self._shown.calls[self.call]
        near = sorted(range(sum(self._heads)), key=lambda k: abs(k - self.opened))
        states: dict[str, Any] = {"opened": keyed(near, head_at)}
        if self.snapshot == kept - 1:
            options = [["scale", 0], ["causal", 1], ["causal", 0], ["head", self.head], ["keys", 0]]
            if current.mask is None:
                options.remove(["causal", 0])
            entries: list[list[list[Any]]] = [[], *([[self.call, *option]] for option in options)]
            states["edits"] = {json.dumps(one): partial(edited, one) for one in entries}
        if kept > 1:
            states["snapshot"] = keyed(range(kept), lambda k: with_tiles(k, self.sample))
        if current.shape[0] > 1:
            states["sample"] = keyed(range(min(8, current.shape[0])), lambda k: with_tiles(self.snapshot, k))
        return states

    def _describe(self) -> str:
        call = self._shown.calls[self.call]
        _, heads, length, count = call.shape
        return message(
            "transformer.repr",
            name=self._name,
            kind=self._kind,
            calls=len(self._heads),
            heads=heads,
            shape=f"{length} × {count}",
        )

    def _still(self) -> str:
        assert self._matrices is not None
        return draw(self._shown, self._matrices["weights"], dict(self.scene), self.sample, self._still_theme)


def _place(heads: Sequence[int], opened: int) -> tuple[int, int]:
    """Return call and head of a head that is counted over all calls."""
    for call, count in enumerate(heads):
        if opened < count:
            return call, opened
        opened -= count
    return len(heads) - 1, heads[-1] - 1


def _selection(record: Record, traits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traits that follow from the options: the open head, the last stage, and the key with the largest weight of a query.

    Raises:
        DlvizError: an index is none.
    """
    call = _index("call", traits.get("call", 0), len(record.calls))
    shown = record.calls[call]
    counts = dict(zip(("sample", "head", "query", "key"), shown.shape, strict=True))
    given = {name: _index(name, traits[name], count) for name, count in counts.items() if name in traits}
    head, sample, query = given.get("head", 0), given.get("sample", 0), given.get("query", shown.shape[2] - 1)
    weights = one_head(shown, sample, head).weights[0, 0, query].nan_to_num()
    opened = sum(one.shape[1] for one in record.calls[:call]) + head
    key = given.get("key", int(weights.argmax()))
    step = traits.get("step", len(stages(shown)) - 1)
    return {**given, "call": call, "opened": opened, "step": step, "query": query, "key": key}


def _index(name: str, got: Any, count: int) -> int:
    if not is_integer(got) or not 0 <= got < count:
        raise DlvizError(message("transformer.refused.index", name=name, count=count, last=count - 1, got=repr(got)))
    return int(got)


def attention(module: Callable[..., Any] | Any, /, *args: Any, **kwargs: Any) -> Attention:
    """Open the attention of your own model: scores, mask, softmax and heads, with the numbers behind every weight.

    It is called like the module itself: ``dlviz.attention(mha, x, x, x, attn_mask=mask)``, or with tensors like
    ``F.scaled_dot_product_attention``: ``dlviz.attention(q, k, v, is_causal=True)``. Found is every call of ``nn.MultiheadAttention`` and
    ``F.scaled_dot_product_attention``, wherever it is made, and attention written by hand. Your module stays unchanged, in its mode. Call
    ``view.update()`` in your training loop, and the picture follows; earlier ones can be scrubbed.

    Args:
        module: a module, a function, or q, a tensor (…, L, D).
        args: arguments of the module; or k (…, S, D), v (…, S, D_v) and a mask.
        kwargs: keywords of the module, of tensors ``mask`` (or ``attn_mask``), ``dropout_p``, ``is_causal``, ``scale`` and
            ``enable_gqa``, and these of the picture. Of the same name the module's goes first, unless a positional argument has already
            filled it; then set the trait, as ``view.head = 1``.

            - ``tokens``: names of the positions, L names, numbers or a text of L letters; for a batch also a list of such lists or a tensor
              (N, L). Without it a text that is encoded names the positions by its letters, if there are as many.
            - ``key_tokens``: names of the keys of cross-attention.
            - ``encode``: a function from a text to the module's first argument, which may then be a text.
            - ``call``, ``head``, ``sample``, ``query``, ``key``, ``step``, ``edits``: what is shown; see :class:`Attention`.
            - ``theme``: "auto", "light" or "dark"; ``speed``: the player's speed.

    Returns:
        The widget; ``.calls`` with ``.query``, ``.key``, ``.value``, ``.mask``, ``.scores``, ``.weights``, ``.heads`` and ``.output`` of
        each, ``.output`` of the module, ``.update()``, ``.snapshots``.

    Raises:
        DlvizError: an argument does not fit, or the module makes no attention call.
        TypeError: neither the module nor the picture has a keyword of that name.

    Example:
        >>> import torch, dlviz
        >>> mha = torch.nn.MultiheadAttention(8, 2, batch_first=True)
        >>> x = torch.randn(1, 5, 8)
        >>> view = dlviz.attention(mha, x, x, x, tokens="hello")
        >>> view
        dlviz.attention(mha: MultiheadAttention; calls: 1, heads: 2, 5 × 5)
        >>> view.calls[0].weights.shape, view.output[0].shape
        (torch.Size([1, 2, 5, 5]), torch.Size([1, 5, 8]))

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
    """
    if is_data(module):
        args, name, function = (module, *args), "q, k, v", from_tensors
    else:
        if not callable(module):
            raise DlvizError(message("transformer.refused.module", got=type(module).__name__))
        function = getattr(module, "_orig_mod", module)  # a compiled module wraps the original one
        name = name_of(module, scope(), _default_name(module))
    own, options = split_options(function, args, kwargs, OPTIONS)
    tokens, key_tokens, encode = (options.pop(one, None) for one in ("tokens", "key_tokens", "encode"))
    return Attention(ModuleCall(function, args, own, encode), name, tokens, key_tokens, **options)


def _default_name(module: Any) -> str:
    return type(module).__name__.lower() if isinstance(module, nn.Module) else getattr(module, "__name__", "function")
