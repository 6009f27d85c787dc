"""`dlviz.attribute`: which pixels, features or tokens a score rests on, by several methods side by side, with numbers that add up."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor, nn

from dlviz.attribution import scene as scenes
from dlviz.attribution.attribution_map import METHODS, Attribution
from dlviz.attribution.captions import check_scene
from dlviz.attribution.layer_choices import LayerChoice
from dlviz.attribution.page_states import carried, layer_states, target_states
from dlviz.attribution.path import IntegrationPath
from dlviz.attribution.record import Record
from dlviz.attribution.sanity import DeletionInsertion, InputNoise, OtherClass, Randomization
from dlviz.attribution.still import draw
from dlviz.attribution.terms import Terms
from dlviz.attribution.widget_state import CHECKS, AttributionState
from dlviz.kit.arguments import check_options, suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import Precomputed
from dlviz.kit.validated_widget import invalid_value
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import Widget, binary

#: Sides of images up to which the input is not drawn behind the maps, because its pixels are cells, and its opacity behind larger ones.
_CELLS, _OPACITY = 32, 30


class Attribute(Widget):
    """Widget that shows attribution maps. A step of the player is a point on the path of integrated gradients.

    Attributes:
        method: the method that is open.
        index: index of the input that is open.
        place: the marked pixel ``[row, column]``, feature ``[k]`` or token ``[k]``; empty for none.
        target: the output that is explained for the open input.
        layer: path of Grad-CAM's layer; "" without one.
        relu: whether negative numbers of Grad-CAM become 0.
        signed: whether maps have signs.
        scale: "own" for a color scale for each map, "shared" for one for all maps of one unit.
        input_opacity: how strongly an image is seen behind its maps, in percent.
        opened: the open input with its maps, for the view.
        details: the terms of the marked number, for the view.
        path: the path of integrated gradients, for the view.
        cam: layers and channels of Grad-CAM, for the view.
        checks: results of the checks of the open map, for the view.
        carried: answers that an exported page holds, for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "attribution"
    _function = "attribute"
    _tensor_attributes = ("_state",)

    method = traitlets.Enum(METHODS, "saliency", help="the method that is open").tag(sync=True)
    index = traitlets.Int(0, min=0, help="index of the open input").tag(sync=True)
    place = traitlets.List(traitlets.Int(), help="the marked pixel, feature or token").tag(sync=True)
    target = traitlets.Int(0, min=0, help="the explained output of the open input").tag(sync=True)
    layer = traitlets.Unicode(help="path of Grad-CAM's layer").tag(sync=True)
    relu = traitlets.Bool(True, help="whether negative numbers of Grad-CAM become 0").tag(sync=True)
    signed = traitlets.Bool(True, help="whether maps have signs").tag(sync=True)
    scale = traitlets.Enum(("own", "shared"), "own", help="which maps share a color scale").tag(sync=True)
    input_opacity = traitlets.Int(0, min=0, max=100, help="opacity of an image behind its maps").tag(sync=True)
    opened = traitlets.Dict(help="the open input with its maps").tag(sync=True)
    details = traitlets.Dict(help="the terms of the marked number").tag(sync=True)
    path = traitlets.Dict(help="the path of integrated gradients").tag(sync=True)
    cam = traitlets.Dict(help="layers and channels of Grad-CAM").tag(sync=True)
    checks = traitlets.Dict(help="checks of the open map").tag(sync=True)
    carried = traitlets.Dict(help="answers that an exported page holds").tag(sync=True)

    def __init__(self, state: AttributionState, name: str, **traits: Any) -> None:
        self._state: AttributionState | None = state
        self._name = name
        record = state.record
        method, index = check_which(record, traits.pop("method", None), traits.pop("index", 0))
        own = {"layer": state.layer, "relu": record.relu, "target": int(record.inputs.targets[index])}
        super().__init__(method=method, index=index, **own, **traits)
        if not self.place:
            self.place = state.strongest(method, index)
        self._redraw()
        self.observe(self._show_opened, "index")
        self.observe(self._show_details, ["method", "place"])
        self.observe(self._change_target, "target")
        self.observe(self._change_layer, ["layer", "relu"])

    # What Python can ask.

    @property
    def record(self) -> Record:
        """Everything that was computed: inputs, scores and the maps of all methods."""
        return self._attribution.record

    @property
    def attributions(self) -> dict[str, Attribution]:
        """The attributions by method: values, maps, sum, and what the sum should be."""
        return self.record.attributions

    @property
    def maps(self) -> dict[str, Tensor]:
        """The signed maps by method, (N, H, W), (N, F) or (N, T)."""
        return {name: one.maps for name, one in self.attributions.items()}

    @property
    def scores(self) -> Tensor:
        """Scores of the inputs, (N, C)."""
        return self.record.scores

    @property
    def layers(self) -> list[LayerChoice]:
        """The layers that Grad-CAM can use, in execution order."""
        return self.record.layers

    def terms(self, method: str | None = None, place: Sequence[int] | None = None, index: int | None = None) -> Terms:
        """Return the terms of one number of a map.

        Args:
            method, place, index: which number; by default the open method, the marked place and the open input.

        Raises:
            DlvizError: there is no such map or place.
        """
        state = self._attribution
        method, index = check_which(state.record, method, index, self.method, self.index)
        return state.terms(method, index, (self.place or state.strongest(method, index)) if place is None else place)

    def integration_path(self, index: int | None = None) -> IntegrationPath:
        """Return the path of integrated gradients from the baseline to an input, by default the open one."""
        state = self._attribution
        return state.path(check_which(state.record, None, index, first=self.index)[1])

    def randomization(
        self, method: str | None = None, index: int | None = None, *, most: int | None = None, seed: int | None = None
    ) -> Randomization:
        """Return the maps while the net's layers get random weights, from the last to the first.

        A result with options of your own is not shown, here and in the other checks.

        Args:
            method, index: which map; by default the open one.
            most, seed: as of :func:`dlviz.attribution.randomization`.

        Raises:
            DlvizError: there is no such map.
        """
        found: Randomization = self._check("randomization", method, index, most=most, seed=seed)
        return found

    def deletion_insertion(
        self,
        method: str | None = None,
        index: int | None = None,
        *,
        points: int | None = None,
        orders: int | None = None,
        seed: int | None = None,
    ) -> DeletionInsertion:
        """Return what becomes of the output when the strongest places are deleted or inserted first.

        The arguments are those of :func:`dlviz.attribution.deletion_insertion`.
        """
        options = {"points": points, "orders": orders, "seed": seed}
        found: DeletionInsertion = self._check("deletion_insertion", method, index, **options)
        return found

    def other_class(
        self, method: str | None = None, index: int | None = None, *, target: int | None = None
    ) -> OtherClass:
        """Return the map of the same input for another output, by default the one with the next highest score."""
        found: OtherClass = self._check("other_class", method, index, target=target)
        return found

    def input_noise(
        self,
        method: str | None = None,
        index: int | None = None,
        *,
        sizes: Sequence[float] | None = None,
        seed: int | None = None,
    ) -> InputNoise:
        """Return the maps of the input with noise of several sizes, as :func:`dlviz.attribution.input_noise` does."""
        found: InputNoise = self._check("input_noise", method, index, sizes=sizes, seed=seed)
        return found

    def _check(self, name: str, method: str | None, index: int | None, **options: Any) -> Any:
        options = {key: value for key, value in options.items() if value is not None}
        state = self._attribution
        method, index = check_which(state.record, method, index, self.method, self.index)
        found = state.check(name, method, index, options)
        self._show_checks()
        return found

    def update(self) -> None:
        """Compute everything again, after some training."""
        self._attribution.update()
        self._update_when_drawn(self._redraw)

    @property
    def _attribution(self) -> AttributionState:
        """The state behind the picture.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        assert self._state is not None
        return self._state

    # Checks of what Python and the view set.

    @traitlets.validate("index")
    def _validate_index(self, proposal: Any) -> int:
        return check_which(self.record, None, proposal["value"])[1]

    @traitlets.validate("method")
    def _validate_method(self, proposal: Any) -> str:
        return check_which(self.record, proposal["value"], 0)[0]

    @traitlets.validate("place")
    def _validate_place(self, proposal: Any) -> list[int]:
        place, places = proposal["value"], self.record.inputs.places
        fits = len(place) == len(places) and all(0 <= at < side for at, side in zip(place, places, strict=True))
        if place and not fits:
            raise DlvizError(message("attribution.refused.place", places=places, got=repr(place)[:60]))
        return list(place)

    @traitlets.validate("target")
    def _validate_target(self, proposal: Any) -> int:
        last = len(self.record.inputs.classes) - 1
        if proposal["value"] > last:
            raise DlvizError(message("attribution.refused.target", last=last, got=proposal["value"]))
        return int(proposal["value"])

    @traitlets.validate("layer")
    def _validate_layer(self, proposal: Any) -> str:
        names = [one.path for one in self.layers if one.usable]
        if proposal["value"] not in names and (proposal["value"] or self._attribution.layer):
            values = {"names": ", ".join(names), "got": proposal["value"]}
            raise DlvizError(message("attribution.refused.layer", **values))
        return str(proposal["value"])

    # Drawing.

    def _redraw(self) -> None:
        if self._closed:
            return
        with self.hold_sync():
            self.scene = dict(binary(scenes.scene(self.record)))
            self._show_opened()

    def _show_opened(self, _: Any = None) -> None:
        if self._closed:
            return
        with self.hold_sync():
            self.target = int(self.record.inputs.targets[self.index])
            self.opened = dict(binary(scenes.opened(self.record, self.index, self._name)))
            self._show_details()

    def _show_details(self, _: Any = None) -> None:
        if self._closed:
            return
        state = self._attribution
        is_path, is_cam = self.method == "integrated_gradients", self.method == "grad_cam"
        with self.hold_sync():
            path = state.path(self.index) if is_path else None
            if path is not None:
                self.path = dict(binary(scenes.path_scene(path, state.record, self.index)))
            if is_cam:
                self.cam = dict(binary(scenes.cam_scene(state.channels(self.index), state.record, self.index)))
            found = state.terms(self.method, self.index, self.place) if self.place else None
            self.details = {} if found is None else dict(binary(scenes.details(found, state.record, path)))

            self._show_checks()

    def _show_checks(self) -> None:
        if self._closed:
            return
        found = self._attribution.checked(self.method, self.index)
        shown = {name: check_scene(one, self.record, self.method, self.index) for name, one in found.items()}
        self.checks = dict(binary(shown))

    def _on_check(self, content: Mapping[str, Any]) -> None:
        """Compute the check whose button was clicked."""
        name = content.get("name")
        if not isinstance(name, str) or name not in CHECKS:
            raise invalid_value("name", name)
        self._check(name, None, None)

    def _change_target(self, _: Any) -> None:
        if self._closed or self.target == int(self.record.inputs.targets[self.index]):
            return
        self._attribution.set_target(self.index, self.target)
        self._redraw()

    def _change_layer(self, _: Any) -> None:
        state = self._attribution
        if self._closed or (self.layer, self.relu) == (state.layer, state.record.relu) or not self.layer:
            return
        state.set_layer(self.layer, self.relu)
        self._redraw()

    def _describe(self) -> str:
        inputs = self.record.inputs
        values = {"name": self._name, "count": len(inputs), "target": inputs.classes[int(inputs.targets[self.index])]}
        return message(f"attribution.repr.{inputs.kind}{'_one' if len(inputs) == 1 else ''}", **values)

    def _still(self) -> str:
        self._update_waiting()
        return draw(self.record, self.index, self.opened["signature"], self.opened["summary"], self._still_theme)

    # Exported pages.

    def _page_state(self) -> dict[str, Any]:
        self._update_waiting()
        state, index = self._attribution, self.index
        found = {"carried": carried(state, index, self.place, self.method, self._name, _characters)}
        if state.layer:  # also where another method is open: the list of layers then travels once
            found["cam"] = scenes.cam_scene(state.channels(index), state.record, index)
        return super()._page_state() | dict(binary(found))

    def _precomputed(self) -> Precomputed:
        """Return what changes with Grad-CAM's layer and its ReLU, and with the target of the open input."""

        def made(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
            return dict(binary(make()))

        state, index = self._attribution, self.index
        states = layer_states(state, index, self.place, self.method, self._name)
        states["target"] = target_states(state, index, self.place, self._name, _characters)
        return {
            trait: {json.dumps(value): partial(made, make) for value, make in values}
            for trait, values in states.items()
        }


def _characters(data: Any) -> int:
    """Return how many characters data take in a page."""
    return len(to_json(binary(data)))


def check_which(record: Record, method: Any, index: Any, default: str = "", first: int = 0) -> tuple[str, int]:
    """Return method and index of a map; for ``None`` the defaults, or the first method.

    Raises:
        DlvizError: there is no such map.
    """
    names, last = scenes.methods(record), len(record.inputs) - 1
    method, index = default or names[0] if method is None else method, first if index is None else index
    if not isinstance(method, str) or method not in names:
        raise DlvizError(message("attribution.refused.method", names=", ".join(names), got=repr(method)[:60]))
    if not is_integer(index) or not 0 <= index <= last:
        raise DlvizError(message("attribution.refused.index", last=last, got=repr(index)[:60]))
    return method, int(index)


@suggests_names
def attribute(
    net: Any,
    x: Any,
    target: Any = None,
    *,
    methods: Sequence[str] | str = METHODS,
    layer: str | nn.Module | None = None,
    relu: bool = True,
    baseline: Any = None,
    steps: int = 50,
    samples: int = 25,
    noise: float = 0.15,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    labels: Sequence[Any] | None = None,
    classes: Sequence[Any] | None = None,
    features: Sequence[Any] | None = None,
    tokens: Any = None,
    args: Any = (),
    output: Any = None,
    seed: int = 0,
    kind: str = "auto",
    method: str | None = None,
    index: int = 0,
    place: Sequence[int] = (),
    signed: bool = True,
    scale: str = "own",
    input_opacity: int | None = None,
    speed: float = 1.0,
    theme: str = "auto",
) -> Attribute:
    """See which pixels, features or tokens a score of your own net rests on, by six methods side by side.

    The net runs in eval mode and stays as it was. The maps are computed by Captum: ``pip install 'dlviz[attribute]'``.

    Args:
        net: a module or another callable that returns scores (N, C), or (N,) for one output. A dictionary or an output of Hugging Face
            with ``logits`` will do; of others `output` picks the scores.
        x: one image (C, H, W) or several (N, C, H, W), one row of a table (F,) or several (N, F), ids of tokens (T,) or (N, T), or a
            batch of a tokenizer of Hugging Face.
        target: the output to explain, an index or one of `classes`; a list has one for each input, or several for a single input, which
            then stand side by side. By default that of the highest score.
        methods: which methods, some of "saliency", "gradient_x_input", "integrated_gradients", "smooth_grad", "grad_cam", "occlusion";
            by default all that the net allows.
        layer: path of Grad-CAM's layer, or the module; by default the last one with places that is no pooling.
        relu: whether negative numbers of Grad-CAM become 0.
        baseline: the input in which nothing is there: a number, or numbers that broadcast to one input; for tokens the id of a token or
            an embedding. 0 by default.
        steps: gradients along the path of integrated gradients.
        samples, noise: copies of the input for SmoothGrad, and the standard deviation of their noise as a share of the input's range.
        window, stride: sides of occlusion's window and its steps, numbers or one for each axis.
        labels: a name of each input.
        classes: names of the outputs.
        features: names of a row's features; those of a table's columns by default.
        tokens: texts of the tokens, or a tokenizer of Hugging Face.
        args: further arguments of the net, a tuple or a dictionary; a tensor with one row for each input is given row by row.
        output: a function from what the net returns to scores.
        seed: seed of SmoothGrad's noise and of the checks.
        kind: "image", "row", "tokens", or "auto" for what shape, dtype and net suggest.
        method: the method that is open at first; the first one by default.
        index, place, signed, scale, input_opacity: what is shown; see :class:`Attribute`. By default the strongest place of the open map
            is marked, and only images of more than 32 pixels a side are seen behind their maps.
        speed: the player's speed, from 0.25 to 4.
        theme: "auto", "light" or "dark".

    Returns:
        The widget; ``.record``, ``.attributions``, ``.maps``, ``.scores``, ``.layers``, ``.terms(method, place, index)``,
        ``.integration_path(index)``, ``.randomization(method, index)``, ``.deletion_insertion(…)``, ``.other_class(…)``,
        ``.input_noise(…)``, ``.update()``.

    Raises:
        DlvizError: an argument does not fit, the net raises, or Captum is not installed.

    Example:
        >>> import torch, dlviz
        >>> images, digits = dlviz.data.digits("test")
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 10))
        >>> view = dlviz.attribute(net, images[:2], digits[:2])
        >>> view.maps["integrated_gradients"].shape, view.layer
        (torch.Size([2, 8, 8]), '1')
        >>> bool((view.attributions["integrated_gradients"].completeness_error.abs() < 0.1).all())
        True
    """
    name = name_of(net, scope(), message("attribution.model"))
    options = {
        "methods": methods,
        "layer": layer,
        "relu": relu,
        "baseline": baseline,
        "steps": steps,
        "samples": samples,
        "noise": noise,
        "window": window,
        "stride": stride,
        "labels": labels,
        "classes": classes,
        "features": features,
        "tokens": tokens,
        "args": args,
        "output": output,
        "seed": seed,
        "kind": kind,
    }
    shown: dict[str, Any] = {"signed": signed, "scale": scale, "speed": speed, "theme": theme}
    given = {"input_opacity": input_opacity, "method": method}
    check_options("attribute", Attribute, shown | {key: value for key, value in given.items() if value is not None})
    state = AttributionState(net, x, target, options)
    if input_opacity is None:
        input_opacity = (
            _OPACITY if state.record.inputs.kind == "image" and max(state.record.inputs.places) > _CELLS else 0
        )
    place = list(place) if isinstance(place, (tuple, list)) else place
    return Attribute(state, name, method=method, index=index, place=place, input_opacity=input_opacity, **shown)
