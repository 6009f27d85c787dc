"""State behind the picture of a recurrent module: its call, the records of its sequences, a typed text, and snapshots."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.recurrent.drawn_gradients import drawn_norm_by_lag
from dlviz.recurrent.edits import Edits
from dlviz.recurrent.gradient_snapshots import GradientSnapshot, add_snapshot, grad_norm
from dlviz.recurrent.module_call import (
    CELLS,
    ModuleCall,
    call_module,
    copy_module,
    dtype_of,
    input_of,
    kind_of,
    sizes_of,
    states_of,
)
from dlviz.recurrent.record import Record, record_sequence
from dlviz.recurrent.tokens import Encode, encode_text, join_tokens, split_text, token_names

#: Maximal number of letters of a typed or pasted text: the computation grows with its square.
MAX_TEXT = 2000


@dataclass(frozen=True, eq=False)
class TypedText:
    """A text that replaces one sequence, and the module's call on it."""

    sequence: int
    text: str
    call: ModuleCall


class UnrolledModule:
    """A recurrent module with its input.

    Args:
        module: a recurrent module or cell.
        x, hx: its arguments; x may be a text if there is `encode`.
        tokens: names of the steps, as for :func:`dlviz.recurrent.tokens.token_names`.
        encode: function from a text to a tensor (T, inputs), or ``None``.

    Attributes:
        typed: the text that replaces one sequence, ``None`` without one.
        snapshots: the snapshots of the module's gradients, oldest first.

    Raises:
        DlvizError: an argument does not fit, or torch raises.
    """

    def __init__(self, module: nn.Module, x: Any, hx: Any, tokens: Any, encode: Encode | None) -> None:
        self.module, self.kind, self.sizes, self.encode = module, kind_of(module), sizes_of(module), encode
        if isinstance(x, str) and encode is None:
            raise DlvizError(message("recurrent.refused.x", got="str"))
        if encode is not None and not callable(encode):
            raise DlvizError(message("recurrent.refused.encoder", got=type(encode).__name__))
        dtype = dtype_of(module)
        self._x, self._hx = (x if isinstance(x, str) else input_of(x, dtype)), states_of(hx, dtype)
        #: Whether the module is a cell that was given one step, so that it returns a state and not a sequence of them.
        self.one_step = isinstance(module, tuple(CELLS)) and isinstance(self._x, Tensor) and self._x.dim() < 3
        self.typed: TypedText | None = None
        self.snapshots: list[GradientSnapshot] = []
        self.refresh()
        names = split_text(x, self._call.lengths[0]) if isinstance(x, str) and tokens is None else tokens
        self._tokens = token_names(names, self._call.lengths)

    def refresh(self) -> None:
        """Call the module again and copy it as it is now."""
        if isinstance(self._x, str):
            self._call = self._call_text(self.module, self._x, self._hx)
        else:
            self._call = call_module(self.module, self._x, self._hx)
        self._copy = copy_module(self.module)
        self._unedited: tuple[int, Record, list[Tensor]] | None = None

    @property
    def sequences(self) -> int:
        """Number of sequences in the batch."""
        return len(self._call.lengths)

    def text(self, sequence: int) -> str:
        """Return the original text of a sequence; "" if no text can be typed."""
        if self.encode is None:
            return ""
        return self._x if isinstance(self._x, str) else join_tokens(self._tokens[sequence])

    def tokens(self, sequence: int) -> list[str]:
        """Return the names of the steps of a sequence, or of the text typed in its place."""
        typed = self._typed_for(sequence)
        return self._tokens[sequence] if typed is None else split_text(typed.text, typed.call.lengths[0])

    def type_text(self, text: str, sequence: int) -> None:
        """Replace a sequence by an encoded text; the original text restores it.

        Raises:
            DlvizError: the text is too long or cannot be encoded; the previous text stays.
        """
        if self.encode is None or text == self.text(sequence):
            self.typed = None
            return
        if len(text) > MAX_TEXT:
            raise DlvizError(message("recurrent.refused.long", most=MAX_TEXT, got=len(text)))
        h, c = self._call.h0[:, sequence], None if self._call.c0 is None else self._call.c0[:, sequence]
        self.typed = TypedText(sequence, text, self._call_text(self._copy, text, h if c is None else (h, c)))

    def unedited(self, sequence: int) -> tuple[Record, list[Tensor]]:
        """Return the record of a sequence as given, and the gradient norm by lag of every layer."""
        if self._unedited is None or self._unedited[0] != sequence:
            record = record_sequence(self._copy, self._call, sequence, Edits())
            curves = [drawn_norm_by_lag(record, layer) for layer in range(len(record.layers))]
            self._unedited = sequence, record, curves
        return self._unedited[1:]

    def record(self, sequence: int, edits: Edits) -> Record:
        """Return the record of a sequence, or of the text typed in its place, with edits."""
        typed = self._typed_for(sequence)
        if typed is not None:
            return record_sequence(self._copy, typed.call, 0, edits)
        return record_sequence(self._copy, self._call, sequence, edits)

    def is_edited(self, sequence: int, edits: Edits) -> bool:
        """Whether the record differs from that of the sequence as given."""
        return edits != Edits() or self.is_typed(sequence)

    def is_typed(self, sequence: int) -> bool:
        """Whether a typed text replaces this sequence."""
        return self._typed_for(sequence) is not None

    def take_snapshot(self, label: str, sequence: int) -> None:
        """Add a snapshot of the module's gradients; without a label it is numbered."""
        index = self.snapshots[-1].index + 1 if self.snapshots else 0
        numbered = message("recurrent.snapshot", number=index) if index else message("recurrent.first_snapshot")
        curves = tuple(self.unedited(sequence)[1])
        snapshot = GradientSnapshot(index, label or numbered, sequence, curves, grad_norm(self.module))
        self.snapshots = add_snapshot(self.snapshots, snapshot)

    def _typed_for(self, sequence: int) -> TypedText | None:
        return self.typed if self.typed is not None and self.typed.sequence == sequence else None

    def _call_text(self, module: nn.Module, text: str, hx: Any) -> ModuleCall:
        assert self.encode is not None
        x = encode_text(self.encode, text, int(module.input_size))  # type: ignore[arg-type]
        return call_module(module, x if isinstance(module, nn.RNNBase) else x[:, None], hx)
