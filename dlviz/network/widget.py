"""`dlviz.layers`: a whole network on the user's own input, call after call."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor, nn

from dlviz.convolution.sliding_widget import SlidingWindowWidget
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validated_widget import invalid_value
from dlviz.kit.validation import check_type, is_integer, is_iterable
from dlviz.kit.widget import Widget, binary
from dlviz.network.feature_maps import element_index, feature_maps, map_shape
from dlviz.network.forward_runs import Box, ForwardRuns, occluded_patches
from dlviz.network.inputs import as_state_dict, model_inputs
from dlviz.network.receptive_field import ReceptiveField
from dlviz.network.record import Column, Network
from dlviz.network.scene import detail, field_overlay, scene
from dlviz.network.still import draw
from dlviz.network.window_link import WindowLink
from dlviz.torchkit.array_data import as_model_input
from dlviz.torchkit.modules import count_parameters, unregistered_note


class Layers(Widget):
    """Widget that shows a network's forward pass with one column for every call. A step of the player fills one column.

    Attributes:
        sample: the index of the drawn sample in the batch.
        scale: what colors are relative to: the largest number of each "map", "layer" or of the whole "network".
        shown_run: the drawn forward pass: "this" one, the one it is compared "against", or their "difference".
        selected_map: ``[column, channel]`` of the map that is shown in detail, else empty.
        selected_position: the position of one element in that map, whose receptive field is shown, else empty.
        occluded: ``[row, column, height, width]`` of every occluded patch of the image.
        fill: the value of occluded pixels.
        child_widget: the model id of the widget with the selected element's sliding window, "" for none.
        detail: the selected map with what it is computed from, as data for the view.
        field_overlay: the receptive field of the selected element, as data for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "network"
    _function = "layers"
    _tensor_attributes = ("_runs", "_field", "_field_key")

    sample = traitlets.Int(0, min=0, help="index of the drawn sample").tag(sync=True)
    scale = traitlets.Enum(("map", "layer", "network"), "layer", help="what colors are relative to").tag(sync=True)
    shown_run = traitlets.Enum(("this", "against", "difference"), "this", help="the drawn forward pass").tag(sync=True)
    selected_map = traitlets.List(traitlets.Int(min=0), help="column and channel of the selected map").tag(sync=True)
    selected_position = traitlets.List(traitlets.Int(min=0), help="position of the selected element").tag(sync=True)
    occluded = traitlets.List(traitlets.List(traitlets.Int()), help="occluded patches of the image").tag(sync=True)
    fill = traitlets.Float(0.0, help="value of occluded pixels").tag(sync=True)
    child_widget = traitlets.Unicode("", help="model id of the sliding window's widget").tag(sync=True)
    detail = traitlets.Dict(help="the selected map with what it is computed from").tag(sync=True)
    field_overlay = traitlets.Dict(help="the receptive field of the selected element").tag(sync=True)

    def __init__(self, runs: ForwardRuns, labels: Sequence[str], call: str, **traits: Any) -> None:
        self._runs: ForwardRuns | None = runs
        self._labels, self._call = [str(label) for label in labels], call
        self._link = WindowLink()
        self._field: ReceptiveField | None = None
        self._field_key: tuple[Any, ...] | None = None
        # These are checked against the forward pass, so they are set after it.
        names = ("selected_map", "selected_position", "shown_run", "occluded")
        selection = {name: traits.pop(name) for name in names if name in traits}
        super().__init__(**traits)
        self._run()
        if self.sample >= runs.batch_size():
            raise DlvizError(message("network.refused.sample", count=runs.batch_size(), got=self.sample))
        if "step" not in traits:
            self.step = len(self.columns)
        self.observe(self._rerun, ["sample", "occluded", "fill"])
        self.observe(self._draw, "shown_run")
        self.observe(self._show_map, "selected_map")
        self.observe(self._show_field, "selected_position")
        for name, value in selection.items():
            setattr(self, name, list(value) if isinstance(value, tuple) else value)

    @property
    def network(self) -> Network:
        """The drawn forward pass; for a difference the model's own.

        Raises:
            DlvizError: the widget has been closed.
        """
        return self._open_runs.network(self.shown_run)

    @property
    def _open_runs(self) -> ForwardRuns:
        self._check_open()
        assert self._runs is not None
        return self._runs

    @property
    def columns(self) -> list[Column]:
        """Inputs, then every call in execution order, each with ``.name``, ``.kind``, ``.output``, ``.shape``."""
        return list(self.network.columns)

    @property
    def output(self) -> Any:
        """What the model returned for the whole batch."""
        return self.network.output

    @property
    def refusal(self) -> str:
        """The error message if the model's forward pass raised, else ""."""
        return self._runs.this.refusal if self._runs is not None else ""

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """Receptive field of the selected element with ``.box``, ``.mask`` and ``.gradient``; ``None`` if none is selected."""
        return self._field

    @property
    def window(self) -> SlidingWindowWidget | None:
        """Widget with the selected element's sliding window; ``None`` if the column has none."""
        return self._link.widget

    def inspect(self, column: str | int, channel: int = 0, position: Sequence[int] | None = None) -> None:
        """Show what a map is computed from, and select one of its elements.

        Args:
            column: a column by its name or number.
            channel: the map; of a vector the unit.
            position: the element: (row, column) of a map, (position,) in a one-dimensional network; none is selected without it.

        Raises:
            DlvizError: there is no such column, map or element.
        """
        number = self._column_number(column)
        name, x = self.network.columns[number].name, self.network.columns[number].output
        count = x.shape[0] if x.dim() == 1 else feature_maps(x, self.network.one_dimensional).shape[0]
        if not is_integer(channel) or not 0 <= channel < count:
            raise DlvizError(message("network.refused.channel", name=name, count=count, got=channel))
        shape = map_shape(x, self.network.one_dimensional)
        if position is not None and not _is_index(position, shape):
            raise DlvizError(message("network.refused.position", name=name, shape=shape, got=position))
        with self.hold_trait_notifications():
            self.selected_map = [number, int(channel)]
            self.selected_position = [] if position is None else [int(i) for i in position]

    def occlude(self, where: Tensor | Box, fill: float | None = None) -> None:
        """Occlude part of the image and run the model again.

        Args:
            where: a boolean mask (H, W), or ((top, bottom), (left, right)), both ends included.
            fill: the value of occluded pixels; :attr:`fill` without it.

        Raises:
            DlvizError: the patch is not inside the image.
        """
        sizes = self.columns[0].shape[-2:]
        if len(sizes) < 2:
            raise DlvizError(message("network.refused.no_image", shape=self.columns[0].shape))
        patches = occluded_patches(where, sizes)
        with self.hold_trait_notifications():
            if fill is not None:
                self.fill = float(fill)
            self.occluded = [*self.occluded, *patches]

    def clear(self) -> None:
        """Remove all occlusion and the selection."""
        with self.hold_trait_notifications():
            self.occluded, self.selected_position, self.selected_map = [], [], []

    def refresh(self) -> None:
        """Run the model again, for example after more training."""
        self._rerun()

    def close(self) -> None:
        """Remove the widget from the page and release model and tensors."""
        self._close_window()
        super().close()

    def _column_number(self, column: str | int) -> int:
        names = [one.name for one in self.network.columns]
        if is_integer(column) and 0 <= int(column) < len(names):
            return int(column)
        if column not in names:
            raise DlvizError(message("network.refused.column", got=repr(column), names=", ".join(names)))
        return names.index(str(column))

    @traitlets.validate("selected_map")
    def _validate_selected_map(self, proposal: Any) -> list[int]:
        if len(proposal["value"]) not in (0, 2):
            raise invalid_value("selected_map", proposal["value"])
        return [int(i) for i in proposal["value"]]

    @traitlets.validate("occluded")
    def _validate_occluded(self, proposal: Any) -> list[list[int]]:
        if any(len(patch) != 4 for patch in proposal["value"]):
            raise invalid_value("occluded", proposal["value"])
        return [list(patch) for patch in proposal["value"]]

    # Running and drawing.

    def _run(self) -> None:
        self._open_runs.run(self.sample, self.occluded, self.fill)
        self._draw()

    def _rerun(self, _: Any = None) -> None:
        if self._runs is None:
            return
        last = self._runs.batch_size() - 1
        if self.sample > last:
            self.sample = last
            return
        with self.hold_sync():
            self._run()

    def _run_if_stale(self) -> bool:
        """Run and draw again if the model's parameters have changed, so that the selection belongs to what is drawn."""
        if self._runs is None or not self._runs.is_stale():
            return False
        self._run()
        return True

    def _draw(self, _: Any = None) -> None:
        if self._runs is None:
            return
        if self.shown_run != "this" and self._runs.against is None:
            self.shown_run = "this"
            return
        self.scene = self._scene(self.shown_run)
        self._show_map()

    def _show_map(self, _: Any = None) -> None:
        if self._runs is None or self._run_if_stale():
            return
        if not self.selected_map or self.selected_map[0] >= len(self.network.columns):
            self.detail = {}
            self.selected_position = []
        else:
            self.detail = self._detail(self.shown_run, *self.selected_map)
        self._show_field()

    def _show_field(self, _: Any = None) -> None:
        """Show the receptive field and the sliding window of the selected element."""
        if self._runs is None or self._run_if_stale():
            return
        index = self._selected_index()
        key = (self.network, *self.selected_map, index)
        if key == self._field_key:
            return
        self._field_key = key
        if index is None or self.shown_run == "difference":
            self._field, self.field_overlay = None, {}
            self._close_window()
            return
        number = self.selected_map[0]
        self._field = self._runs.receptive_field(self.shown_run, number, index)
        self.field_overlay = binary(field_overlay(self._field))
        self._link.show(self.network, number, index, self._runs.state_dict(self.shown_run))
        self.child_widget = self._link.widget.model_id if self._link.widget is not None else ""

    def _selected_index(self) -> tuple[int, ...] | None:
        """Return the selected element's index in its column's output; ``None`` if none is selected."""
        if not self.selected_map:
            return None
        number, channel = self.selected_map
        x = self.network.columns[number].output
        return element_index(x, channel, tuple(self.selected_position), self.network.one_dimensional)

    def _close_window(self) -> None:
        self._link.close()
        self.child_widget = ""

    def _scene(self, shown_run: str) -> dict[str, Any]:
        runs = self._open_runs
        shown = scene(
            runs.network(shown_run),
            runs.outputs(shown_run),
            signature=self._signature(),
            labels=self._labels,
            unoccluded=runs.unoccluded if shown_run != "against" else None,
            batch_size=runs.batch_size(),
            unregistered=unregistered_note(runs.model),
        )
        return dict(binary(shown | {"compared": runs.against is not None}))

    def _detail(self, shown_run: str, number: int, channel: int) -> dict[str, Any]:
        runs = self._open_runs
        network, outputs, state_dict = runs.network(shown_run), runs.outputs(shown_run), runs.state_dict(shown_run)
        return dict(binary(detail(network, outputs, number, channel, state_dict, shown_run != "difference")))

    def _signature(self) -> str:
        output = self.network.output
        shape = f" → {tuple(output.shape)}" if isinstance(output, Tensor) else ""
        parameters = f"{count_parameters(self._open_runs.model):,}"
        x = self.network.columns[0]
        return f"{self._call} · x {x.shapes[0]}{shape} · {message('network.parameters', count=parameters)}"

    def _page_state(self) -> dict[str, Any]:
        if self._link.widget is None:
            return super()._page_state()
        return super()._page_state() | {"child_widgets": {self.child_widget: self._link.widget.embedded_assets()}}

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the detail of every drawn map, and the scenes of the other forward passes if there are two."""
        no_position = {"selected_position": [], "field_overlay": {}, "child_widget": ""}
        no_map = no_position | {"detail": {}}
        runs = {
            json.dumps(other): no_map | {"scene": self._scene(other), "selected_map": []}
            for other in ("this", "against", "difference")
            if self.scene["compared"] and other != self.shown_run
        }
        maps = {
            json.dumps([number, channel]): no_position | {"detail": self._detail(self.shown_run, number, channel)}
            for number, column in enumerate(self.scene["columns"])
            for channel in _drawn_channels(column)
        }
        return {"shown_run": runs, "selected_map": {"[]": no_map} | maps}

    def _describe(self) -> str:
        first = self.network.columns[0]
        return message("network.repr", call=self._call, x=first.shapes[0], calls=len(self.network.columns) - 1)

    def _still(self) -> str:
        outputs, summary = self._open_runs.outputs(self.shown_run), self.scene["summary"]
        return draw(self.network, outputs, self._signature(), summary, self._still_theme)


def _is_index(position: Any, shape: tuple[int, ...]) -> bool:
    """Whether `position` is an index into an array of this shape."""
    if not isinstance(position, (tuple, list)) or len(position) != len(shape):
        return False
    return all(is_integer(i) and 0 <= i < size for i, size in zip(position, shape, strict=True))


def _drawn_channels(column: Mapping[str, Any]) -> range:
    """Return the drawn maps of a column, or the drawn units of a vector."""
    if column["layout"] == "vector":
        return range(0, int(column["size"][0]), int(column["stride"]))
    return range(int(column["drawn"][0]))


def layers(
    model: nn.Module,
    *inputs: Any,
    kwargs: Mapping[str, Any] | None = None,
    against: Tensor | nn.Module | Mapping[str, Tensor] | None = None,
    labels: Sequence[str] = (),
    **settings: Any,
) -> Layers:
    """Show a whole network on your own input: every call in execution order, every feature map, every number.

    Your model stays unchanged: parameters, buffers, gradients, random generators and its training or eval mode.

    Args:
        model: any module.
        inputs: the positional arguments of its forward; the first tensor is the image, (N, C, H, W) or (C, H, W), or any other shape.
        kwargs: the keyword arguments of its forward.
        against: what to compare with: another input, another module of the same architecture, or an earlier ``state_dict()``.
        labels: names of the classes.
        settings: traits of :class:`Layers`, such as ``sample`` or ``scale``.

    Returns:
        The widget; ``.columns``, ``.output``, ``.inspect(…)``, ``.receptive_field``, ``.occlude(…)``.

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
        >>> view.inspect("0", channel=1, position=(0, 2))
        >>> view.receptive_field.box
        ((0, 2), (2, 4))

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_forward_hook
    """
    check_type(model, nn.Module, "network.refused.model")
    name = name_of(model, scope(), type(model).__name__)
    original = getattr(model, "_orig_mod", model)  # the module that a compiled one was made from
    check_type({} if kwargs is None else kwargs, Mapping, "network.refused.kwargs")
    names = [] if labels is None else labels
    if not is_iterable(names):
        raise DlvizError(message("network.refused.labels", got=type(labels).__name__))
    args, keyword_args = model_inputs(original, inputs, kwargs or {})
    if isinstance(against, Mapping):
        other: Any = as_state_dict(original, against)
    else:
        other = as_model_input(original, against, lists=True)
    if not (other is None or isinstance(other, (Tensor, nn.Module, Mapping))):
        raise DlvizError(message("network.refused.against_type", got=type(against).__name__))
    return Layers(ForwardRuns(original, args, keyword_args, other), list(names), name, **settings)
