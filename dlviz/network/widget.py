"""`dlviz.layers`: a whole network, opened on the learner's own input, call after call."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor, nn

from dlviz.convolution.sliding_widget import SlidingView
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validated_widget import invalid_value
from dlviz.kit.widget import Widget, binary
from dlviz.network.receptive_field import ReceptiveField, first_tensor, receptive_field, replaced
from dlviz.network.record import Column, Network, record
from dlviz.network.scene import detail, feature_maps, scene, sight
from dlviz.network.still import draw
from dlviz.network.window_link import behind, leads, stand

Box = tuple[tuple[int, int], tuple[int, int]]


class Layers(Widget):
    """A network's forward run, one column for every call. A step of the player fills one column.

    Attributes:
        sample: which sample of the batch is drawn.
        scale: what a color is relative to: "unit" (a map's own largest number), "layer" or "network".
        shows: "this" run, the one it is held "against", or their "difference", where there are two.
        opened: ``[column, channel]`` of the map that is opened into what it is made of, else empty.
        unit: the place of one element in that map, whose receptive field is shown, else empty.
        painted: ``[row, column, height, width]`` of every patch that is painted over on the image.
        fill: what a painted pixel holds instead.
        door: which widget shows the sliding window of the chosen unit, "" for none.
        detail: what the opened map is made of, as data for the view.
        sight: the receptive field of the chosen unit, as data for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "network"

    sample = traitlets.Int(0, min=0, help="which sample of the batch is drawn").tag(sync=True)
    scale = traitlets.Enum(("unit", "layer", "network"), "layer", help="what a color is relative to").tag(sync=True)
    shows = traitlets.Enum(("this", "against", "difference"), "this", help="which run is drawn").tag(sync=True)
    opened = traitlets.List(traitlets.Int(min=0), help="column and channel of the opened map").tag(sync=True)
    unit = traitlets.List(traitlets.Int(min=0), help="place of the chosen element in the opened map").tag(sync=True)
    painted = traitlets.List(traitlets.List(traitlets.Int()), help="patches painted over").tag(sync=True)
    fill = traitlets.Float(0.0, help="what painted pixels hold").tag(sync=True)
    door = traitlets.Unicode("", help="the widget of the chosen unit's sliding window").tag(sync=True)
    detail = traitlets.Dict(help="what the opened map is made of").tag(sync=True)
    sight = traitlets.Dict(help="the receptive field of the chosen unit").tag(sync=True)

    def __init__(
        self,
        model: nn.Module,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        against: Any,
        labels: Sequence[str],
        call: str,
        **traits: Any,
    ) -> None:
        self._model, self._args, self._kwargs = model, list(args), dict(kwargs)
        self._against, self._labels, self._call = against, [str(label) for label in labels], call
        self._random = torch.get_rng_state()
        self._field: ReceptiveField | None = None
        self._child: SlidingView | None = None
        self._key: tuple[int, ...] | None = None
        self._followed: tuple[Any, ...] = ()
        self._networks: dict[str, Network] = {}
        chosen = {name: traits.pop(name) for name in ("opened", "unit", "shows", "painted") if name in traits}
        super().__init__(**traits)
        self._run()
        if "step" not in traits:
            self.step = len(self.columns)
        self.observe(self._again, ["sample", "painted", "fill"])
        self.observe(self._draw, "shows")
        self.observe(self._open, "opened")
        self.observe(self._follow, "unit")
        for name, value in chosen.items():
            setattr(self, name, list(value) if isinstance(value, tuple) else value)

    @property
    def network(self) -> Network:
        """The run that is drawn (of a difference the newer one).

        Raises:
            DlvizError: the widget has been closed.
        """
        if not self._networks:
            raise DlvizError(message("network.refused.closed"))
        return self._drawn(self.shows)

    @property
    def columns(self) -> list[Column]:
        """Every call in the order in which it ran, inputs first; each with ``.name``, ``.kind``, ``.output``, ``.shape``."""
        return list(self.network.columns)

    @property
    def output(self) -> Any:
        """What the model returned, the whole batch."""
        return self.network.output

    @property
    def refusal(self) -> str:
        """torch's own words where it refused to run the model to its end, else ""."""
        return self._networks["this"].refusal if self._networks else ""

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """The receptive field of the chosen unit, with ``.box``, ``.mask`` and ``.gradient``; ``None`` if none is chosen."""
        return self._field

    @property
    def window(self) -> SlidingView | None:
        """The picture of the chosen unit's sliding window, a widget of its own; ``None`` where nothing slides."""
        return self._child

    def inspect(self, name: str | int, channel: int = 0, place: Sequence[int] | None = None) -> None:
        """Open a map into what it is made of, and choose one of its elements.

        Args:
            name: a column by its name or its number.
            channel: which map; of a vector which unit.
            place: the element: (row, column) of a map, (position,) of a series; none is chosen without one.

        Raises:
            DlvizError: there is no such column, map or element.
        """
        number = self._number(name)
        x = self.network.columns[number].output
        count = x.shape[0] if x.dim() == 1 else feature_maps(x, self.network.one_dimensional).shape[0]
        if not 0 <= channel < count:
            raise DlvizError(
                message("network.refused.channel", name=self.columns[number].name, count=count, got=channel)
            )
        at = [] if place is None else list(place)
        inside = self._inside(x)
        if place is not None and (
            len(at) != len(inside) or any(not 0 <= i < n for i, n in zip(at, inside, strict=True))
        ):
            raise DlvizError(
                message("network.refused.place", name=self.columns[number].name, shape=tuple(inside), got=tuple(at))
            )
        with self.hold_trait_notifications():
            self.opened = [number, channel]
            self.unit = at

    def occlude(self, where: Tensor | Box, fill: float | None = None) -> None:
        """Paint over part of the image and run the model again.

        Args:
            where: a boolean mask (H, W), or ((top, bottom), (left, right)), both ends inside.
            fill: what the painted pixels hold; :attr:`fill` as it stands without one.

        Raises:
            DlvizError: the patch does not lie on the image.
        """
        sizes = tuple(self.columns[0].shape[-2:])
        if isinstance(where, Tensor):
            if tuple(where.shape) != sizes or where.dtype is not torch.bool:
                raise DlvizError(
                    message("network.refused.mask", shape=sizes, got=tuple(where.shape), dtype=where.dtype)
                )
            patches = [patch for row in range(sizes[0]) for patch in _runs(row, where[row].tolist())]
        else:
            (top, bottom), (left, right) = where
            if not (0 <= top <= bottom < sizes[0] and 0 <= left <= right < sizes[1]):
                raise DlvizError(message("network.refused.box", shape=sizes, got=where))
            patches = [[top, left, bottom - top + 1, right - left + 1]]
        with self.hold_trait_notifications():
            if fill is not None:
                self.fill = float(fill)
            self.painted = [*self.painted, *patches]

    def clear(self) -> None:
        """Take the paint off the image and close what is opened."""
        with self.hold_trait_notifications():
            self.painted, self.unit, self.opened = [], [], []

    def refresh(self) -> None:
        """Run the model again as it is now, after more training for example."""
        self._again()

    def close(self) -> None:
        """Take the widget off the page and let go of model and tensors."""
        self._shut()
        self._networks, self._field, self._followed = {}, None, ()
        self._model, self._args, self._kwargs, self._against = nn.Module(), [], {}, None
        super().close()

    def _number(self, name: str | int) -> int:
        names = [column.name for column in self.network.columns]
        if isinstance(name, int) and 0 <= name < len(names):
            return name
        if name not in names:
            raise DlvizError(message("network.refused.column", got=repr(name), names=", ".join(names)))
        return names.index(str(name))

    @traitlets.validate("opened")
    def _opened_is_a_map(self, proposal: Any) -> list[int]:
        if len(proposal["value"]) not in (0, 2):
            raise invalid_value("opened", proposal["value"])
        return [int(one) for one in proposal["value"]]

    @traitlets.validate("painted")
    def _painted_are_patches(self, proposal: Any) -> list[list[int]]:
        if any(len(one) != 4 for one in proposal["value"]):
            raise invalid_value("painted", proposal["value"])
        return [list(one) for one in proposal["value"]]

    # Running and drawing.

    def _run(self) -> None:
        args, kwargs = self._arguments()
        self._stamp = _versions(self._model)
        this = record(self._model, args, kwargs, sample=self.sample, random=self._random)
        self._networks = {"this": this}
        if self.painted:
            self._networks["clean"] = record(
                self._model, self._args, self._kwargs, sample=self.sample, random=self._random
            )
        if self._against is not None:
            model, args, kwargs, state = self._rival()
            other = record(model, args, kwargs, sample=self.sample, state=state, random=self._random)
            if [c.name for c in other.columns] != [c.name for c in this.columns]:
                raise DlvizError(
                    message("network.refused.against", this=len(this.columns) - 1, other=len(other.columns) - 1)
                )
            self._networks["against"] = other
        self._draw()

    def _arguments(self) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """What the model is called with, paint included."""
        if not self.painted:
            return self._args, self._kwargs
        x = first_tensor(self._args, self._kwargs).detach().clone()
        for top, left, high, wide in self.painted:
            # The sample's own: a batch dimension, if there is one, and channels come first.
            part = x[self.sample] if x.dim() == 4 else x
            part[..., top : top + high, left : left + wide] = self.fill
        return replaced(self._args, self._kwargs, x)

    def _rival(self) -> tuple[nn.Module, Sequence[Any], Mapping[str, Any], Mapping[str, Tensor] | None]:
        if isinstance(self._against, nn.Module):
            return (self._against, *self._arguments(), None)
        if isinstance(self._against, Mapping):
            return (self._model, *self._arguments(), self._against)
        return self._model, [self._against, *self._args[1:]], self._kwargs, None

    def _drawn(self, shows: str) -> Network:
        return self._networks["against" if shows == "against" else "this"]

    def _state(self, shows: str) -> Mapping[str, Tensor] | None:
        """Parameters that a run had instead of the module's own."""
        return self._against if shows == "against" and isinstance(self._against, Mapping) else None

    def _outputs(self, shows: str) -> list[Tensor]:
        if shows != "difference":
            return [column.output for column in self._drawn(shows).columns]
        pairs = zip(self._networks["this"].columns, self._networks["against"].columns, strict=True)
        return [_difference(a.output, b.output) for a, b in pairs]

    def _again(self, _: Any = None) -> None:
        if self._networks:
            size = first_tensor(self._args, self._kwargs).shape[0] if self.columns[0].batched[0] else 1
            if self.sample >= size:
                self.sample = size - 1
                return
            with self.hold_sync():
                self._run()

    def _draw(self, _: Any = None) -> None:
        if not self._networks:
            return
        if self.shows != "this" and "against" not in self._networks:
            self.shows = "this"
            return
        self.scene = self._scene(self.shows)
        self._open()

    def _scene(self, shows: str) -> dict[str, Any]:
        network = self._drawn(shows)
        first = network.columns[0]
        found = scene(
            network,
            self._outputs(shows),
            signature=self._signature(),
            labels=self._labels,
            before=self._networks.get("clean") if shows != "against" else None,
            batch=first.shapes[0][0] if first.batched[0] else 1,
        )
        return dict(binary(found | {"compared": "against" in self._networks}))

    def _detail(self, shows: str, number: int, channel: int) -> dict[str, Any]:
        own = shows != "difference"
        return dict(binary(detail(self._drawn(shows), self._outputs(shows), number, channel, self._state(shows), own)))

    def _open(self, _: Any = None) -> None:
        if not self._networks or self._renew():
            return
        if not self.opened or self.opened[0] >= len(self.network.columns):
            self.detail = {}
            self.unit = []
            self._follow()
            return
        self.detail = self._detail(self.shows, *self.opened)
        self._follow()

    def _follow(self, _: Any = None) -> None:
        """The chosen unit has changed: its receptive field, and its sliding window."""
        if not self._networks or self._renew():
            return
        index = self._index()
        key = (self.network, *self.opened, index)
        if key == self._followed:
            return
        self._followed = key
        if index is None or self.shows == "difference":
            self._field, self.sight = None, {}
            self._shut()
            return
        model, args, kwargs, state = self._model, *self._arguments(), None
        if self.shows == "against":
            model, args, kwargs, state = self._rival()
        number = self.opened[0]
        self._field = receptive_field(model, self.network, args, kwargs, number, index, state=state, random=self._random)
        self.sight = binary(sight(self._field, float(self.network.columns[number].output[index].real)))
        self._enter(number, index)

    def _index(self) -> tuple[int, ...] | None:
        """The chosen element's index in its column's output; ``None`` if none is chosen."""
        if not self.opened:
            return None
        number, channel = self.opened
        x = self.network.columns[number].output
        if x.dim() == 1:
            return (channel,)
        inside = self._inside(x)
        if not inside or len(self.unit) != len(inside):
            return None
        lead = _unraveled(channel, tuple(x.shape[: -len(inside)]))
        return (*lead, *(min(at, size - 1) for at, size in zip(self.unit, inside, strict=True)))

    def _inside(self, x: Tensor) -> tuple[int, ...]:
        """The dimensions of one map: rows and columns, of a series its positions."""
        dims = 0 if x.dim() < 2 else 1 if x.dim() == 2 and self.network.one_dimensional else 2
        return tuple(x.shape[x.dim() - dims :])

    def _enter(self, number: int, index: tuple[int, ...]) -> None:
        """The door into the convolution room."""
        key = leads(self.network, number, self.opened[1], self._state(self.shows))
        if key != self._key:
            self._shut()
            if key is not None:
                self._child = behind(self.network, number, self.opened[1], self._state(self.shows))
            self._key = key
        if self._child is not None:
            stand(self._child, index)
            self.door = self._child.model_id

    def _shut(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
        self._key, self.door = None, ""

    def _renew(self) -> bool:
        """Draw anew if the model has learned since it ran; what is opened must belong to what is drawn."""
        if _versions(self._model) == self._stamp:
            return False
        self._run()
        return True

    def _signature(self) -> str:
        x = self.network.columns[0]
        out = self.network.output
        made = f" → {tuple(out.shape)}" if isinstance(out, Tensor) else ""
        total = sum(p.numel() for p in self._model.parameters())
        return f"{self._call} · x {x.shapes[0]}{made} · {message('network.parameters', count=f'{total:,}')}"

    def _page_state(self) -> dict[str, Any]:
        if self._child is None:
            return super()._page_state()
        return super()._page_state() | {"child_widgets": {self.door: self._child.embedded_assets()}}

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Every map that is drawn, opened; and the other runs, where there are two."""
        shut = {"unit": [], "sight": {}, "door": ""}
        shows = {
            json.dumps(other): shut | {"scene": self._scene(other), "opened": [], "detail": {}}
            for other in ("this", "against", "difference")
            if "against" in self._networks and other != self.shows
        }
        opened = {
            json.dumps([number, channel]): shut | {"detail": self._detail(self.shows, number, channel)}
            for number, column in enumerate(self.scene["columns"])
            for channel in _units(column)
        }
        return {"shows": shows, "opened": {"[]": shut | {"detail": {}}} | opened}

    def _describe(self) -> str:
        if not self._networks:
            return message("network.repr_closed")
        first = self.network.columns[0]
        return message("network.repr", call=self._call, x=first.shapes[0], calls=len(self.network.columns) - 1)

    def _still(self) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        return draw(self.network, self._outputs(self.shows), self._signature(), self.scene["summary"], theme)


def _units(column: Mapping[str, Any]) -> range:
    """The maps of a column that are drawn, or the units of a vector."""
    if column["layout"] == "vector":
        return range(0, int(column["size"][0]), int(column["every"]))
    return range(int(column["drawn"][0]))


def _runs(row: int, marks: Sequence[bool]) -> list[list[int]]:
    """The patches of one row: every unbroken run of True."""
    found, start = [], None
    for place, mark in enumerate([*marks, False]):
        if mark and start is None:
            start = place
        elif not mark and start is not None:
            found.append([row, start, 1, place - start])
            start = None
    return found


def _unraveled(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    index: list[int] = []
    for size in reversed(shape):
        place, at = divmod(place, size)
        index.insert(0, at)
    return tuple(index)


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """a − b; zero where the two cannot be subtracted."""
    if a.shape != b.shape or a.dtype is torch.bool:
        return torch.zeros_like(a, dtype=torch.float32)
    return a - b


def _versions(model: nn.Module) -> list[tuple[int, int]]:
    """Changes whenever a parameter is written to or replaced. (Inference tensors keep no version.)"""
    return [(id(p), 0 if p.is_inference() else p._version) for p in model.parameters()]


def layers(
    model: nn.Module,
    *inputs: Any,
    kwargs: Mapping[str, Any] | None = None,
    against: Tensor | nn.Module | Mapping[str, Tensor] | None = None,
    labels: Sequence[str] = (),
    **settings: Any,
) -> Layers:
    """Open a whole network on your own input: every call in the order in which it really ran, every map, every number.

    Nothing of yours changes: parameters, buffers, gradients and random numbers are left as they were, and the mode (training or
    evaluation) is the one that the model is in.

    Args:
        model: any module.
        inputs: what it is called with; the first tensor is the image, (N, C, H, W) or (C, H, W), or any other shape.
        kwargs: what it is called with by name.
        against: what to compare with: another input, another module of the same build, or an earlier ``state_dict()``.
        labels: names of the classes.
        settings: traits of :class:`Layers`, such as ``sample`` or ``scale``.

    Returns:
        The widget; ``.columns``, ``.output``, ``.inspect(…)``, ``.field``, ``.occlude(…)``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(18, 3))
        >>> view = dlviz.layers(net, torch.rand(4, 1, 5, 5))
        >>> view
        dlviz.layers(net on (4, 1, 5, 5), 4 calls)
        >>> view.columns[1].shape
        (2, 3, 3)
        >>> view.inspect("0", channel=1, place=(0, 2))
        >>> view.receptive_field.box
        ((0, 2), (2, 4))

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_forward_hook
    """
    if not isinstance(model, nn.Module):
        raise DlvizError(message("network.refused.model", got=type(model).__name__))
    call = name_of(model, scope(), type(model).__name__)
    plain = getattr(model, "_orig_mod", model)  # a compiled module runs no hooks
    tensors = [leaf for leaf in (*inputs, *(kwargs or {}).values()) if _holds_tensor(leaf)]
    if not tensors:
        raise DlvizError(
            message("network.refused.input", got=", ".join(type(one).__name__ for one in inputs) or "nothing")
        )
    if not (against is None or isinstance(against, (Tensor, nn.Module, Mapping))):
        raise DlvizError(message("network.refused.rival", got=type(against).__name__))
    return Layers(plain, inputs, kwargs or {}, against, labels, call, **settings)


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_tensor(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds_tensor(one) for one in value)
    return isinstance(value, Tensor)
