"""What the pictures of this room share: an operation on the learner's numbers, its arguments as traits, torch's refusals beside it."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
import traitlets
from torch import Tensor

from dlviz.convolution.controls import choices, described
from dlviz.convolution.record import Sliding
from dlviz.convolution.scene import scene
from dlviz.convolution.still import draw
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.validated_widget import float_field, int_list_field, invalid_value
from dlviz.kit.widget import Widget, binary

REFUSALS = (RuntimeError, ValueError, TypeError, IndexError)

#: A page may set an argument to so much.
FARTHEST = 1000
#: Kernels of 3 × 3 that are worth a try, by the names of their words.
PRESETS = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "blur": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel_y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
}


class SlidingView(Widget):
    """What the pictures of this room share. A step of the player is one place of the window; every argument of the operation is a trait.

    Attributes:
        sliding: what torch computed, with the terms of every output, as data.
        step: 0, or 1 + the row-major number of the output place that is shown.
        channel: which channel of the output is shown.
        sample: which sample of the batch is drawn.
        place: ``["input", channel, …]`` or ``["weight", …]`` to follow that element instead, else empty.
        origin: the first output place drawn, where there are more than the picture has room for.
        refusal: torch's own words, if the arguments as they stand are refused; the picture then stays at the last legal ones.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "convolution"
    #: The operation's arguments that are traits, in its own order.
    _arguments: ClassVar[tuple[str, ...]] = ()
    #: Traits beside them that change what is drawn.
    _switches: ClassVar[tuple[str, ...]] = ()

    channel = traitlets.Int(0, min=0, help="which channel of the output is shown").tag(sync=True)
    sample = traitlets.Int(0, min=0, help="which sample of the batch is drawn").tag(sync=True)
    place: Any = traitlets.List(help="an element of input or weight that is followed").tag(sync=True)
    origin = traitlets.List(traitlets.Int(min=0), help="the first output place drawn").tag(sync=True)
    refusal = traitlets.Unicode("", help="torch's own words").tag(sync=True)

    def __init__(self, name: str, x: Tensor, weight: Tensor | None, bias: Tensor | None, **traits: Any) -> None:
        self._name, self._x, self._weight, self._bias = name, x, weight, bias
        self._dims = 1 if "1d" in name else 2
        names = (*self._arguments, *self._switches)
        settings = {key: traits.pop(key) for key in names if key in traits}
        try:
            self._made: Sliding | None = self._make(settings)
        except REFUSALS as error:
            raise DlvizError(self._refused(error, settings)) from None
        super().__init__(**{key: _listed(value) for key, value in settings.items()}, **traits)
        self._draw()
        self.observe(self._again, list(names))
        self.observe(self._draw, ["sample", "origin"])
        self.on_msg(self._answer)

    def _make(self, settings: Mapping[str, Any]) -> Sliding:
        """What torch computes with these arguments and switches; torch's own errors where it refuses."""
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        return {key: _tupled(getattr(self, key)) for key in (*self._arguments, *self._switches)}

    @property
    def sliding(self) -> Sliding:
        """What torch computed.

        Raises:
            DlvizError: the widget has been closed.
        """
        if self._made is None:
            raise DlvizError(message("convolution.refused.closed"))
        return self._made

    @property
    def output(self) -> Tensor:
        """The tensor that torch computed, batched or not as the input is."""
        return self._like_input(self.sliding.output)

    def _like_input(self, batched: Tensor) -> Tensor:
        return batched if self._x.dim() == self._dims + 2 else batched[0]

    @property
    def weight(self) -> Tensor | None:
        """The kernel as it stands, edits included."""
        return self._weight

    def set_weight(self, weight: Tensor) -> None:
        """Use another kernel of the same shape."""
        assert self._weight is not None
        self._weight = weight.detach().reshape(self._weight.shape).to(self._weight)
        self._again()

    def close(self) -> None:
        """Take the widget off the page and let go of its tensors."""
        self._made = self._weight = self._bias = None
        self._x = torch.empty(0)
        super().close()

    def _again(self, _: Any = None) -> None:
        """An argument or a number has changed: compute again, and where torch refuses keep the last legal picture."""
        if self._made is None:
            return
        try:
            self._made = self._make(self._settings())
        except REFUSALS as error:
            self.refusal = first_line(error)
            return
        with self.hold_sync():
            self.refusal = ""
            self._draw()

    def _turns(self, name: str, value: Any) -> bool:
        # No slider reaches so far, and the memory that a padding takes is its square.
        numbers = value if isinstance(value, list) else [value]
        far = name in self._arguments and any(isinstance(one, int) and abs(one) > FARTHEST for one in numbers)
        return not far and super()._turns(name, value)

    @traitlets.validate("origin")
    def _origin_is_a_place(self, proposal: Any) -> list[int]:
        if len(proposal["value"]) not in (0, self._dims):
            raise invalid_value("origin", proposal["value"])
        return list(proposal["value"])

    def _draw(self, _: Any = None) -> None:
        made = self.sliding
        if self.sample >= made.output.shape[0] or self.channel >= made.channels:
            with self.hold_trait_notifications():
                self.sample = min(self.sample, made.output.shape[0] - 1)
                self.channel = min(self.channel, made.channels - 1)
        self.scene = self._picture(made, self._settings(), self.sample)

    def _picture(self, made: Sliding, settings: Mapping[str, Any], sample: int) -> dict[str, Any]:
        extras = {"flat": bool(settings.get("return_indices")), "gradient": bool(settings.get("gradient"))}
        found = scene(made, sample, tuple(self.origin), self._signature(made, settings), **extras)
        found["name"] = self._name
        found["knobs"] = described(tuple(settings), settings, self._dims, int(made.output.shape[0]))
        found["presets"] = self._presets()
        # What is drawn of an equivalent convolution are not the learner's own tensors, so they are not edited there.
        found["editable"] = not settings.get("equivalent", False)
        return dict(binary(found))

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        if self._made is None:
            return {}
        now, knobs = self._settings(), self.scene["knobs"]
        # A large picture costs time as well as room, so no more are computed than may fit.
        most = max(8, BUDGET // (len(to_json(self.scene)) * len(knobs) or 1))
        found: dict[str, dict[str, dict[str, Any]]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch has to say of settings that nobody asked for
            for knob in knobs:
                name, values = knob["name"], choices(knob, now, self._dims)[:most]
                frames = {json.dumps(value): self._frame({**now, name: _tupled(value)}) for value in values}
                found[name] = found.get(name, {}) | frames
        return found

    def _frame(self, settings: dict[str, Any]) -> dict[str, Any]:
        sample = settings.pop("sample", self.sample)
        try:
            made = self._make(settings)
        except REFUSALS as error:
            return {"refusal": first_line(error)}
        return {"refusal": "", "scene": self._picture(made, settings, sample)}

    def _signature(self, made: Sliding, settings: Mapping[str, Any]) -> str:
        shapes = {"x": tuple(self._x.shape)}
        if self._weight is not None:
            shapes["weight"] = tuple(self._weight.shape)
        parts = [f"{name} {shape}" for name, shape in shapes.items()]
        for key, value in settings.items():
            if key not in self._switches and not self._usual(key, value):
                parts.append(f"{key} {value}")
        return f"{' · '.join(parts)} → {tuple(self._like_input(made.output).shape)}"

    def _usual(self, key: str, value: Any) -> bool:
        default = self.traits()[key].default_value
        return bool(value == default or value == (default,) * self._dims)

    def _presets(self) -> list[str]:
        editable = self._weight is not None and self._weight.shape[2:] == (3, 3) and self._weight.is_floating_point()
        return list(PRESETS) if editable else []

    def _refused(self, error: Exception, settings: Mapping[str, Any]) -> str:
        shapes = [f"x {tuple(self._x.shape)}"]
        if self._weight is not None:
            shapes.append(f"weight {tuple(self._weight.shape)}")
        given = ", ".join([*shapes, *(f"{key}={value!r}" for key, value in settings.items())])
        return message("convolution.refused.torch", name=self._name, given=given, torch=first_line(error))

    def _answer(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        """The learner has edited a number or chosen a preset."""
        if self._made is None:
            return
        if content["kind"] == "preset" and str(content.get("name")) in self._presets():
            assert self._weight is not None
            kernel = torch.tensor(PRESETS[content["name"]], dtype=self._weight.dtype, device=self._weight.device)
            self.set_weight(kernel.expand(self._weight.shape).clone())
        elif content["kind"] == "edit":
            self.edit(str(content.get("what")), int_list_field(content, "index"), float_field(content, "value"))

    def edit(self, what: str, index: tuple[int, ...], value: float) -> None:
        """Change one number of the picture's own copy; your tensors stay as they are.

        Args:
            what: "input" or "weight".
            index: the element; of the input without the batch dimension (the sample that is drawn is changed).
            value: the new number.

        Raises:
            DlvizError: there is no such element.
        """
        target = {"input": self._x, "weight": self._weight}.get(what)
        at = index if what == "weight" or self._x.dim() == self._dims + 1 else (self.sample, *index)
        if (
            target is None
            or len(at) != target.dim()
            or any(not 0 <= i < n for i, n in zip(at, target.shape, strict=True))
        ):
            raise DlvizError(message("convolution.refused.edit", what=what, index=index))
        changed = target.clone()
        changed[at] = value
        if what == "input":
            self._x = changed
        else:
            self._weight = changed
        self._again()

    def _describe(self) -> str:
        if self._made is None:
            return message("convolution.repr_closed", name=self._name)
        shapes = ", ".join(str(tuple(t.shape)) for t in (self._x, self._weight) if t is not None)
        return message("convolution.repr", name=self._name, shapes=shapes, out=tuple(self.output.shape))

    def _still(self) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        return draw(self.sliding, self.sample, self._name, self.scene["signature"], self.scene["summary"], theme)


def first_line(error: Exception) -> str:
    """torch's own words, without the trace that it may append."""
    return str(error).partition("\n")[0]


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, torch.Size)) else value


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def named(
    make: type[SlidingView], positional: tuple[Any, ...], arguments: dict[str, Any], *, without: str = "padding_mode"
) -> dict[str, Any]:
    """Positional arguments by their names, in torch's order; `without` is one that torch's function does not take by place."""
    names = [name for name in make._arguments if name != without]
    if len(positional) > len(names):
        raise TypeError(
            f"{make.__name__} takes {', '.join(names)} at most, but got {len(positional)} positional arguments"
        )
    given = dict(zip(names, positional, strict=False))
    twice = sorted(given.keys() & arguments.keys())
    if twice:
        raise TypeError(f"{make.__name__} got {', '.join(twice)} twice, by place and by name")
    return {**given, **arguments}
