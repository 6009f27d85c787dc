"""`dlviz.positions`: a positional encoding as a matrix, and how the score of two positions depends on their distance."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor, nn

from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.precomputed import Precomputed
from dlviz.kit.validation import is_finite
from dlviz.kit.widget import Widget, binary
from dlviz.positional_encoding.encodings import PAIRINGS, Pairing
from dlviz.positional_encoding.record import KINDS, MAX_POSITIONS, Encoding, Record, check_encoding, record
from dlviz.positional_encoding.scene import MAX_COLUMNS, scene, signature
from dlviz.positional_encoding.still import draw
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data

#: Bases that the slider offers, and that a page holds.
BASES = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0, 30000.0, 100000.0, 500000.0, 1000000.0)


class Positions(Widget):
    """Widget that shows positional encodings. A step of the player is a position: of the query, where there are two.

    Attributes:
        kind: "sinusoidal", "rotary", "alibi" or "learned".
        base: base of the wavelengths of "sinusoidal" and "rotary".
        pairing: which dimensions "rotary" turns together: "interleaved" or "half".
        column: the selected dimension; of "alibi" the selected key.
        head: the head of "alibi" whose bias is drawn.
        offset: the distance n − m of the key at n from the query at m.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "positional_encoding"
    _function = "positions"
    _tensor_attributes = ("_encoding", "_record", "_source")

    kind = traitlets.Enum(KINDS, "sinusoidal", help="the encoding").tag(sync=True)
    base = traitlets.Float(10000.0, help="base of the wavelengths").tag(sync=True)
    pairing = traitlets.Enum(PAIRINGS, "interleaved", help="which dimensions are turned together").tag(sync=True)
    column = traitlets.Int(0, min=0, help="the selected dimension").tag(sync=True)
    head = traitlets.Int(0, min=0, help="the head whose bias is drawn").tag(sync=True)
    offset = traitlets.Int(4, help="distance of the key from the query").tag(sync=True)
    bases = traitlets.List(traitlets.Float(), list(BASES), help="bases that the slider offers").tag(
        sync=True, user_editable=False
    )

    def __init__(self, encoding: Encoding, name: str, source: Any = None, **traits: Any) -> None:
        self._encoding: Encoding | None = None
        self._record: Record | None = None
        super().__init__(**{"kind": encoding.kind, "base": encoding.base, "pairing": encoding.pairing} | traits)
        self._encoding, self._name, self._source = encoding, name, source
        self.bases = sorted({*BASES, self.base})
        for trait in ("kind", "base", "column", "head", "offset"):
            setattr(self, trait, self._trait_validate(trait, getattr(self, trait)))
        self._draw()
        self.observe(self._draw, ["kind", "base", "pairing"])

    @property
    def record(self) -> Record:
        """Everything that was computed of the drawn encoding."""
        self._check_open()
        assert self._record is not None
        return self._record

    @property
    def matrix(self) -> Tensor:
        """The encoding, float64: (length, dim); of "rotary" cos and sin of every pair; of "alibi" (heads, positions, positions)."""
        return self.record.matrix

    @property
    def scores(self) -> Tensor:
        """The score q·k for every query m and key n, (positions, positions), float64; of "alibi" the bias of the drawn head."""
        return self.matrix[self.head] if self.kind == "alibi" else self.record.scores

    @property
    def angles(self) -> Tensor | None:
        """The angle of every pair at every position in radians, (length, dim / 2), float64; ``None`` for "alibi" and "learned"."""
        return self.record.angles

    def update(self) -> None:
        """Read a learned encoding again, after some training."""
        self._check_open()
        assert self._encoding is not None
        if self._source is not None:
            self._encoding = replace(self._encoding, table=_table(self._source))
            self._update_when_drawn(self._draw)

    def _trait_validate(self, name: str, value: Any) -> Any:
        """Return a value that fits the encoding.

        Raises:
            DlvizError: it does not fit.
        """
        encoding = self._encoding
        if encoding is None:  # checked at the end of __init__
            return value
        if name == "kind" and value not in encoding.kinds:
            known = ", ".join(encoding.kinds)
            raise DlvizError(message("positional_encoding.refused.unavailable", got=repr(value), known=known))
        if name == "base" and not (is_finite(value) and value > 0):
            raise DlvizError(message("positional_encoding.refused.base", got=repr(value)))
        positions, dim = min(encoding.length, MAX_POSITIONS), min(encoding.dim, MAX_COLUMNS)
        last = {"column": max(positions, dim) - 1, "head": encoding.heads - 1}.get(name)
        if last is not None and value > last:
            raise DlvizError(message("positional_encoding.refused.trait", name=name, last=last, got=value))
        return max(1 - positions, min(positions - 1, value)) if name == "offset" else value

    @traitlets.validate("kind", "base", "column", "head", "offset")
    def _validate(self, proposal: Any) -> Any:
        return self._trait_validate(proposal["trait"].name, proposal["value"])

    def _draw(self, _: Any = None) -> None:
        if not self._closed:
            self._record = self._computed()
            self.scene = self._scene(self._record)

    def _computed(self, **changed: Any) -> Record:
        assert self._encoding is not None
        settings = {name: changed.get(name, getattr(self, name)) for name in ("kind", "base", "pairing")}
        return record(self._encoding.of(**settings))

    def _scene(self, computed: Record) -> dict[str, Any]:
        return dict(binary(scene(computed, self._name)))

    def _precomputed(self) -> Precomputed:
        def state(name: str, value: Any) -> dict[str, Any]:
            return {"scene": self._scene(self._computed(**{name: value}))}

        assert self._encoding is not None
        waves = self.kind in ("sinusoidal", "rotary")
        values: dict[str, tuple[Any, ...]] = {
            "kind": tuple(self._encoding.kinds),
            "pairing": PAIRINGS if self.kind == "rotary" else (),
            "base": tuple(sorted(BASES, key=lambda base: abs(base / self.base - 1))) if waves else (),
        }
        return {
            name: {json.dumps(value): partial(state, name, value) for value in offered}
            for name, offered in values.items()
        }

    def _describe(self) -> str:
        return message("positional_encoding.repr", what=signature(self.record, self._name))

    def _still(self) -> str:
        return draw(self.record, self.head, self.scene["signature"], self.scene["summary"], self._still_theme)


@suggests_names
def positions(
    encoding: Any = "sinusoidal",
    length: int | None = None,
    dim: int | None = None,
    *,
    heads: int = 8,
    base: float = 10000.0,
    pairing: Pairing = "interleaved",
    q: Any = None,
    k: Any = None,
    column: int = 0,
    head: int = 0,
    offset: int = 4,
    step: int = 0,
    theme: str = "auto",
    speed: float = 1.0,
) -> Positions:
    """Show how a transformer is told the order of its tokens, and how the score q·k depends on the distance of two positions.

    A menu shows the other encodings of the same size for comparison.

    Args:
        encoding: "sinusoidal", "rotary", "alibi", or a learned one: an ``nn.Embedding``, its weight, or another matrix (length, dim) as a
            tensor, an array or a list; (1, length, dim) too.
        length: number of positions, 64 without it; a matrix has its own.
        dim: number of dimensions (of one head for "rotary"), 32 without it; a matrix has its own.
        heads: number of heads of "alibi".
        base: base of the wavelengths of "sinusoidal" and "rotary".
        pairing: which dimensions "rotary" turns together: "interleaved" has (0, 1), (2, 3), …; "half" has (0, dim/2), (1, dim/2 + 1), …
        q, k: a query and a key for "rotary" alone, (dim,); ones without them.
        column, head, offset, step: what is selected; see :class:`Positions`.
        theme: "auto", "light" or "dark".
        speed: the player's speed.

    Returns:
        The widget; ``.matrix``, ``.scores``, ``.angles``, ``.record``, ``.update()``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> view = dlviz.positions("rotary", length=16, dim=8)
        >>> view
        dlviz.positions(rotary · 16 positions × 8 dimensions, base 10000)
        >>> view.scores.shape, torch.allclose(view.scores[0, 3], view.scores[10, 13])
        (torch.Size([16, 16]), True)

    Source:
        Vaswani et al. 2017 (arXiv 1706.03762), Su et al. 2021 (arXiv 2104.09864), Press et al. 2022 (arXiv 2108.12409)
    """
    table, source, name = None, None, ""
    if isinstance(encoding, str):
        kind = encoding
    else:
        kind, table, source = "learned", _table(encoding), encoding
        name = name_of(encoding, scope(), "encoding")
        for argument, got in (("length", length), ("dim", dim)):
            if got is not None:
                shape = tuple(table.shape)
                raise DlvizError(message("positional_encoding.refused.sizes", shape=shape, name=argument, got=got))
        length, dim = table.shape
    length, dim = 64 if length is None else length, 32 if dim is None else dim
    unused = next(
        (argument for argument, given in (("q", q), ("k", k)) if given is not None and kind != "rotary"), None
    )
    if unused is not None and kind in KINDS:
        raise DlvizError(message("positional_encoding.refused.vector_kind", name=unused, got=kind))
    vectors = {name: None if given is None else _vector(name, given) for name, given in (("q", q), ("k", k))}
    settings = Encoding(kind, length, dim, heads, base, pairing, table, **vectors)
    check_encoding(settings)
    shown = {"column": column, "head": head, "offset": offset, "step": step, "theme": theme, "speed": speed}
    return Positions(settings, name, source, **shown)


def _table(encoding: Any) -> Tensor:
    """Return a learned encoding as a detached matrix (length, dim), float64.

    Raises:
        DlvizError: it is none.
    """
    weight = encoding.weight if isinstance(encoding, nn.Embedding) else encoding
    table = None if isinstance(weight, nn.Module) else as_plain_tensor(weight)
    if table is not None and table.ndim == 3 and table.shape[0] == 1:
        table = table[0]
    if table is None or table.ndim != 2 or not table.numel() or table.is_complex():
        got = kind_of_data(weight) + (f" of {table.dtype}" if table is not None and table.is_complex() else "")
        raise DlvizError(message("positional_encoding.refused.matrix", got=got))
    return _finite("encoding", table)


def _finite(name: str, numbers: Tensor) -> Tensor:
    """Return numbers as float64, a copy.

    Raises:
        DlvizError: their products are not finite in float32, in which they are drawn.
    """
    made = numbers.cpu().double().clone()
    if not (made.square().sum(-1).float()).isfinite().all():
        raise DlvizError(message("positional_encoding.refused.nonfinite", name=name))
    return made


def _vector(name: str, value: Any) -> Tensor:
    """Return a query or key as a vector, float64."""
    vector = as_plain_tensor(value)
    if vector is None or vector.ndim != 1 or vector.is_complex():
        got = kind_of_data(value)
        raise DlvizError(message("positional_encoding.refused.vector", name=name, dim="dim", got=got))
    return _finite(name, vector)
