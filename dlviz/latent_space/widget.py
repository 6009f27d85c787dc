"""`dlviz.latent`: the codes of your own autoencoder as a map, and what every place of it decodes to."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor

from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import counted, message
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET, Precomputed
from dlviz.kit.snapshots import evenly_spaced, page_indices
from dlviz.kit.validated_widget import float_field, invalid_value
from dlviz.kit.validation import is_finite, is_integer
from dlviz.kit.widget import Widget, binary
from dlviz.latent_space import scene as scenes
from dlviz.latent_space.anomaly_score import Rates, auc, first_threshold, rates
from dlviz.latent_space.autoencoder import Autoencoder, encoder_and_decoder
from dlviz.latent_space.examples import check_examples
from dlviz.latent_space.record import Record, with_other_data
from dlviz.latent_space.still import draw
from dlviz.latent_space.widget_state import PATH_STEPS, LatentState, check_example, check_labels
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data

#: Characters that the examples and the grid of an exported page may take, and the part of its budget for snapshots.
_PAGE_EXAMPLES, _PAGE_GRID, _PAGE_FRACTION = 1_200_000, 700_000, 0.5
#: Grid points along a side at earlier snapshots and along other axes, and at least.
_PAGE_SIDE, _MIN_SIDE = 8, 4
#: Dimensions of a code whose pairs a page offers as axes.
_PAGE_DIMENSIONS = 4


class Latent(Widget):
    """Widget that shows codes as a map. A step of the player is a snapshot, or a step of the open path.

    Attributes:
        example: index of the selected example, −1 for none. The anomalies follow the data, so N is the first of them.
        target: index of the example to which a path is open, −1 for none.
        path_step: step of the path.
        probe: place of the probe on the map; empty for that of the selected example.
        axes: "pca", or the dimensions of the code along which the map is drawn.
        resolution: decoded pictures along a side of the map.
        decoded_grid: whether the map shows them.
        ellipses: whether the ellipses of all examples of a variational encoder are drawn.
        threshold: reconstruction error above which an example is an anomaly; ``None`` for that of 95% of the data.
        sample_seed: seed of the samples from the prior.
        selection: the selected example and the path, for the view.
        details: what the probe decodes to, for the view.
        background: the decoded pictures of the map, for the view.
        prior: samples from the prior, for the view.
        drawing: what became of a drawing, for the view.
        carried: examples that an exported page holds, for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "latent_space"
    _function = "latent"
    _tensor_attributes = ("_state", "_drawn")

    example = traitlets.Int(0, min=-1, help="index of the selected example, -1 for none").tag(sync=True)
    target = traitlets.Int(-1, min=-1, help="example to which a path is open, -1 for none").tag(sync=True)
    path_step = traitlets.Int(0, min=0, max=PATH_STEPS, help="step of the path").tag(sync=True)
    probe = traitlets.List(traitlets.Float(), help="place of the probe on the map").tag(sync=True)
    # An `Any` would take None without a check.
    axes: Any = traitlets.TraitType("auto", help="pca, or dimensions of the code").tag(sync=True)
    resolution = traitlets.Int(12, min=4, max=24, help="decoded pictures along a side of the map").tag(sync=True)
    decoded_grid = traitlets.Bool(False, help="whether the map shows decoded pictures").tag(sync=True)
    ellipses = traitlets.Bool(False, help="whether all ellipses are drawn").tag(sync=True)
    threshold = traitlets.Float(None, allow_none=True, help="error above which an example is an anomaly").tag(sync=True)
    sample_seed = traitlets.Int(0, min=0, max=2**53 - 1, help="seed of the samples from the prior").tag(sync=True)
    selection = traitlets.Dict(help="the selected example and the path").tag(sync=True)
    details = traitlets.Dict(help="what the probe decodes to").tag(sync=True)
    background = traitlets.Dict(help="the decoded pictures of the map").tag(sync=True)
    prior = traitlets.Dict(help="samples from the prior").tag(sync=True)
    drawing = traitlets.Dict(help="what became of a drawing").tag(sync=True)
    carried = traitlets.Dict(help="examples that an exported page holds").tag(sync=True)

    def __init__(self, state: LatentState, name: str, **traits: Any) -> None:
        self._state: LatentState | None = state
        self._name, self._drawn_step = name, 0
        #: Number of the page's last request, so that no answer equals the one before.
        self._number = 0
        self._drawn: Tensor | None = None
        super().__init__(axes=state.axes, **traits)
        self._redraw()
        self.observe(self._show_selection, ["example", "target"])
        self.observe(self._show_probe, "probe")
        self.observe(self._change_axes, "axes")
        self.observe(self._show_background, ["resolution", "decoded_grid"])
        self.observe(self._show_samples, "sample_seed")
        self.observe(self._show_snapshot, "step")

    # What Python can ask.

    @property
    def record(self) -> Record:
        """Codes, reconstructions and errors of the data at the snapshot that is drawn."""
        return self._latent.record

    @property
    def codes(self) -> Tensor:
        """The codes of the data, (N, K); of a variational encoder the means."""
        return self.record.codes

    @property
    def std(self) -> Tensor | None:
        """The standard deviations (N, K) of a variational encoder, ``None`` of any other."""
        return self.record.std

    @property
    def reconstructions(self) -> Tensor:
        """``decoder(codes)``, (N, …)."""
        return self.record.reconstructions

    @property
    def errors(self) -> Tensor:
        """Mean squared error of each reconstruction, float64 (N,)."""
        return self.record.errors

    @property
    def kl(self) -> Tensor | None:
        """Mean KL divergence from N(0, 1) in each dimension of the code, in nats, (K,); ``None`` unless the encoder is variational."""
        return self.record.kl

    @property
    def kl_per_example(self) -> Tensor | None:
        """KL divergence of each example in each dimension, in nats, (N, K); ``None`` unless the encoder is variational."""
        return self.record.kl_per_example

    @property
    def variance_ratio(self) -> tuple[float, ...]:
        """Fractions of the variance of the codes along the two principal components; empty for chosen dimensions."""
        return self._latent.code_axes.variance_ratio

    @property
    def auc(self) -> float | None:
        """Probability that an anomaly has a larger error than an example of the data; ``None`` without anomalies."""
        others = self.record.anomalies
        return None if others is None else auc(self.errors, others.errors)

    @property
    def snapshots(self) -> list[str]:
        """The labels of all snapshots, oldest first."""
        return self._latent.history.titles

    def rates(self, threshold: float | None = None) -> Rates:
        """Return the false alarm rate and the miss rate if every error above a threshold is an anomaly.

        Args:
            threshold: :attr:`threshold` by default.

        Raises:
            DlvizError: it is no number.
        """
        if threshold is None:
            threshold = first_threshold(self.errors) if self.threshold is None else self.threshold
        if not is_finite(threshold):
            raise DlvizError(message("latent_space.refused.threshold", got=repr(threshold)[:60]))
        others = self.record.anomalies
        return rates(self.errors, None if others is None else others.errors, float(threshold))

    def decode(self, code: Any) -> Tensor:
        """Return what a code (K,), or several (M, K), decode to, in the shape of an example, (…) or (M, …).

        Raises:
            DlvizError: they are no such numbers, or the decoder raises.
        """
        state, codes = self._latent, as_plain_tensor(code)
        size = state.model.code_size
        if codes is None or codes.is_complex():
            raise DlvizError(message("latent_space.refused.code", size=size, got=kind_of_data(code)))
        if codes.dim() not in (1, 2) or codes.shape[-1] != size or not codes.numel():
            raise DlvizError(message("latent_space.refused.code", size=size, got=tuple(codes.shape)))
        values = state.decode(codes.reshape(-1, size))
        return values[0] if codes.dim() == 1 else values

    def encode(self, x: Any) -> Tensor:
        """Return the code (K,) of an example, or those (M, K) of several; of a variational encoder the means.

        Raises:
            DlvizError: they have not the shape of the data, or the encoder raises.
        """
        state, found = self._latent, as_plain_tensor(x)
        is_one = found is not None and found.dim() == state.examples.x.dim() - 1
        given = found[None] if is_one and found is not None else x
        codes = state.encode(state.examples.others(given, "x")).mean
        return codes[0] if is_one else codes

    def path(self, a: int, b: int, steps: int = PATH_STEPS) -> Tensor:
        """Return what the codes on the straight line from example `a` to example `b` decode to, (steps + 1, …).

        Raises:
            DlvizError: there is no such example, or fewer than one step.
        """
        state = self._latent
        first, last = (check_example(one, len(state.examples), name, 0) for one, name in ((a, "a"), (b, "b")))
        _check_count(steps, "steps")
        return state.decode(state.path_codes(first, last, steps))

    def samples(self, n: int = scenes.SAMPLES, seed: int = 0) -> Tensor:
        """Return what `n` random codes from N(0, 1) decode to, (n, …). Only a variational encoder has learned to fill that space.

        Raises:
            DlvizError: `n` or `seed` does not fit.
        """
        _check_count(n, "n")
        if not is_integer(seed) or not 0 <= seed < 2**63:
            raise DlvizError(message("latent_space.refused.seed", got=repr(seed)[:60]))
        return self._latent.decode(self._latent.sample_codes(int(n), int(seed)))

    def select(self, example: int, target: int = -1) -> None:
        """Select an example, and open the path from it to another one. The anomalies follow the data.

        Raises:
            DlvizError: there is no such example.
        """
        state = self._latent
        first = check_example(example, state.selectable, "example", -1)
        last = check_example(target, len(state.examples), "target", -1)
        with self.hold_sync():
            self.path_step, self.example, self.target = 0, first, last

    def update(self, label: str = "") -> None:
        """Encode and decode the data again, after some training, and keep the result as a snapshot.

        Call it as often as you like: while a page still draws the last picture, states are kept but not drawn. Up to 120 snapshots of a
        long training are kept, evenly, labeled ones longest; of a large model fewer.

        Args:
            label: label of the snapshot; its number by default.
        """
        self._latent.update(str(label))
        self._update_when_drawn(self._show_last)

    @property
    def _latent(self) -> LatentState:
        """The state behind the picture.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        assert self._state is not None
        return self._state

    # Checks of what Python and the view set.

    @traitlets.validate("example", "target")
    def _validate_example(self, proposal: Any) -> int:
        state, name = self._latent, proposal["trait"].name
        return check_example(
            proposal["value"], state.selectable if name == "example" else len(state.examples), name, -1
        )

    @traitlets.validate("axes")
    def _validate_axes(self, proposal: Any) -> Any:
        state = self._latent
        state.set_axes(proposal["value"])
        return state.axes

    @traitlets.validate("probe")
    def _validate_probe(self, proposal: Any) -> list[float]:
        place = proposal["value"]
        if len(place) not in (0, 2) or not all(map(is_finite, place)):
            raise DlvizError(message("latent_space.refused.probe", got=repr(place)[:60]))
        return [float(value) for value in place]

    @traitlets.validate("threshold")
    def _validate_threshold(self, proposal: Any) -> Any:
        if proposal["value"] is not None and not is_finite(proposal["value"]):
            raise DlvizError(message("latent_space.refused.threshold", got=repr(proposal["value"])[:60]))
        return proposal["value"]

    # Drawing.

    def _redraw(self) -> None:
        if self._closed:
            return
        state = self._latent
        with self.hold_sync():
            self._drawn_step = self.step = state.step
            self.scene = dict(binary(scenes.scene(state, self._name, range(len(state.history)))))
            self._show_selection()
            self._show_samples()
            self._show_drawing()

    def _show_selection(self, change: Any = None) -> None:
        if self._closed:
            return
        with self.hold_sync():
            if change is not None and change["name"] == "example":
                self.probe = []
            target = self.target if self.example >= 0 else -1
            self.selection = dict(binary(scenes.selection(self._latent, self.example, target)))
            self._show_probe()
            self._show_background()

    def _show_probe(self, _: Any = None) -> None:
        if not self._closed:
            place = self.probe or self._latent.start(self.example)
            found = scenes.decoded(self._latent, place, self.example)
            self.details = dict(binary(found | {"number": self._number}))

    def _show_background(self, _: Any = None) -> None:
        if not self._closed:
            state = self._latent
            shown = scenes.decoded_grid(state, self.resolution, self.example) if self.decoded_grid else {}
            self.background = dict(binary(shown))

    def _show_samples(self, _: Any = None) -> None:
        if not self._closed and self._latent.record.std is not None:
            self.prior = dict(binary(scenes.samples(self._latent, self.sample_seed)))

    def _show_drawing(self) -> None:
        if not self._closed and self._drawn is not None:
            self._number += 1
            self.drawing = dict(binary(scenes.drawing(self._latent, self._drawn) | {"number": self._number}))

    def _change_axes(self, _: Any = None) -> None:
        if not self._closed:
            self.probe = []
            self._redraw()

    def _show_last(self) -> None:
        """Show the last snapshot, whichever the page has gone to since."""
        state = self._latent
        if state.step != state.history.last:
            state.show(state.history.last)
        self._redraw()

    def _show_snapshot(self, _: Any) -> None:
        if self._closed or self.step == self._drawn_step:
            return
        self._latent.show(self.step)
        self._redraw()

    def _on_probe(self, content: Mapping[str, Any]) -> None:
        place, self._number = [float_field(content, "x"), float_field(content, "y")], self._number + 1
        if place == self.probe:
            self._show_probe()
        else:
            self.probe = place

    def _on_paint(self, content: Mapping[str, Any]) -> None:
        """Encode and decode what was drawn by hand: a list of H · W numbers, row by row."""
        state, values = self._latent, content.get("values")
        shape = state.examples.x.shape[1:]
        fits = isinstance(values, list) and len(values) == shape.numel() and all(map(is_finite, values))
        if not fits or state.examples.kind != "image":
            raise invalid_value("values", values)
        x = torch.tensor(values, dtype=torch.float64).reshape(1, *shape).to(state.examples.x)
        self._drawn = x
        self._show_drawing()

    def _describe(self) -> str:
        state = self._latent
        examples = counted(f"latent_space.count.{state.examples.kind}", len(state.examples))
        return message("latent_space.repr", name=self._name, examples=examples, size=state.model.code_size)

    def _still(self) -> str:
        self._update_waiting()
        state = self._latent
        line, summary = str(self.scene["signature"]), str(self.scene["summary"])
        return draw(state, self.example, line, summary, self._still_theme)

    # Exported pages.

    def _page_state(self) -> dict[str, Any]:
        self._update_waiting()
        state, steps = self._latent, self._page_steps()
        traits = super()._page_state() | binary(self._page_traits(self.resolution))
        traits["step"] = steps.index(state.step)
        if len(steps) < len(state.history):
            traits["scene"] = binary(scenes.scene(state, self._name, steps))
        return traits

    def _page_traits(self, most: int) -> dict[str, Any]:
        """Return what a page holds in place of the kernel: some examples, a path, and a grid of at most so many codes along a side."""
        state = self._latent
        # Input, output, difference and perhaps target, each a third larger as text.
        size = (4 if state.examples.targets is None else 6) * state.pictures.array(state.examples.x[:1]).nbytes + 60
        thumbnails = scenes.worst_rows(state.record) + scenes.missed_rows(state.record)
        named = {one for one in (self.example, self.target, *thumbnails) if one >= 0}
        room = _PAGE_EXAMPLES // size - len(named)
        count = len(state.examples)
        drawn = [*state.drawn, *range(count, min(state.selectable, count + scenes.MAX_ANOMALIES))]
        chosen = sorted(named.union(drawn[k] for k in evenly_spaced(len(drawn), room)) if room > 0 else named)
        cell = 4 * math.prod(state.pictures.size(small=True)) * 4 / 3
        side = min(self.resolution, most, max(_MIN_SIDE, math.isqrt(int(_PAGE_GRID / cell))))
        target = self.target if self.target >= 0 else state.suggested_target(self.example)
        has_path = self.example >= 0 and target >= 0
        found = scenes.carried(state, chosen)
        return {
            "background": scenes.decoded_grid(state, side, self.example),
            "carried": found | {"path": scenes.path(state, self.example, target) if has_path else None},
        }

    def _precomputed(self) -> Precomputed:
        """Return the picture of every snapshot, and along other axes, as far as they fit into a page."""
        steps, found = self._page_steps(), {}
        if len(steps) > 1:
            found["step"] = {json.dumps(k): partial(self._page_step, step, steps) for k, step in enumerate(steps)}
        others = [axes for axes in _offered_axes(self.record) if axes != self.axes]
        if others:
            found["axes"] = {json.dumps(axes): partial(self._page_axes, axes, steps) for axes in others}
        return found

    def _page_axes(self, axes: Any, steps: Sequence[int]) -> dict[str, Any]:
        """Return the traits of a page whose map is drawn along other axes."""
        state, target = self._latent, self.target if self.example >= 0 else -1
        with state.along(axes):
            found: dict[str, Any] = {
                "scene": scenes.scene(state, self._name, steps),
                "selection": scenes.selection(state, self.example, target),
                "details": scenes.decoded(state, state.start(self.example), self.example),
            } | self._page_traits(_PAGE_SIDE)
            if state.record.std is not None:
                found["prior"] = scenes.samples(state, self.sample_seed)
        return dict(binary(found))

    def _page_step(self, step: int, steps: Sequence[int]) -> dict[str, Any]:
        """Return the traits of a page at a snapshot: with the selected example only, and a coarser grid."""
        state = self._latent
        drawn = state.step
        try:
            state.show(step)
            rows = [self.example] if self.example >= 0 else []
            found: dict[str, Any] = {
                "scene": scenes.scene(state, self._name, steps),
                "selection": scenes.selection(state, self.example, self.target if self.example >= 0 else -1),
                "details": scenes.decoded(state, self.probe or state.start(self.example), self.example),
                "background": scenes.decoded_grid(state, min(self.resolution, _PAGE_SIDE), self.example),
                "carried": scenes.carried(state, rows) | {"path": None} if rows else {},
            }
            if state.record.std is not None:
                found["prior"] = scenes.samples(state, self.sample_seed)
        finally:
            state.show(drawn)
        return dict(binary(found))

    def _page_steps(self) -> list[int]:
        """Return the snapshots that fit into a page, evenly spaced, with the one that is drawn among them."""
        count = len(self._latent.history)
        if count == 1:
            return [0]
        size = len(to_json(self._page_step(0, range(count))))
        return page_indices(count, size, _PAGE_FRACTION * BUDGET, self._latent.step)


def _offered_axes(record: Record) -> list[Any]:
    """Return the axes that a page offers for codes of more than two numbers: principal components, and some pairs of dimensions.

    Of a variational encoder these are pairs of the dimensions that carry most.
    """
    size = record.codes.shape[1]
    if size < 3:
        return []
    spread = record.codes.double().var(0) if record.kl is None else record.kl
    first = sorted(spread.nan_to_num(nan=0.0).argsort(descending=True, stable=True)[:_PAGE_DIMENSIONS].tolist())
    return ["pca", *map(list, combinations(first, 2))]


def _check_count(value: Any, name: str) -> None:
    if not is_integer(value) or not 1 <= value <= 10_000:
        raise DlvizError(message("latent_space.refused.count", name=name, got=repr(value)[:60]))


@suggests_names
def latent(
    encoder: Any,
    decoder: Any = None,
    data: Any = None,
    *,
    labels: Any = None,
    classes: Sequence[Any] | None = None,
    anomalies: Any = None,
    compare_with: Any = None,
    kind: str = "auto",
    image_shape: Sequence[int] | None = None,
    features: Sequence[Any] | None = None,
    variance: str = "log_var",
    axes: Any = "auto",
    resolution: int = 12,
    example: int = 0,
    target: int = -1,
    path_step: int = 0,
    probe: Sequence[float] = (),
    decoded_grid: bool = False,
    ellipses: bool = False,
    threshold: float | None = None,
    sample_seed: int = 0,
    speed: float = 1.0,
    theme: str = "auto",
) -> Latent:
    """See the codes of your own autoencoder as a map, and drag a probe to see what every place of it decodes to.

    The encoder and the decoder run in eval mode and stay as they are. Call ``view.update()`` in your training loop, and the map follows.

    Args:
        encoder: any callable from examples (N, …) to codes (N, K); or for a variational one to the pair (mean, second), or to a
            ``Normal`` or ``Independent(Normal)`` of torch. One module with methods ``encode`` and ``decode`` may stand for both:
            ``dlviz.latent(model, data=x)`` or ``dlviz.latent(model, x)``.
        decoder: any callable from codes to examples. Where the loss applies a sigmoid to its output, pass
            ``lambda code: decoder(code).sigmoid()``.
        data: images (N, C, H, W) or (N, H, W), series (N, T), (N, C, T) or (N, T, C), or rows of a table (N, D), as a tensor, an array, a
            list or a table. Numbers that are no floating-point tensor get the dtype of the model's parameters.
        labels: labels (N,) for the colors of the map, whole numbers or names.
        classes: names of the classes, in the order of the labels.
        anomalies: a second set (M, …) of examples that should be reconstructed badly.
        compare_with: what the reconstructions should be, (N, …), where that is not ``data`` itself: for a denoiser, whose ``data`` are
            noisy, the clean examples in the same order. Errors and differences are then those from it.
        kind: "image", "series", "row", or "auto" for what the shape suggests.
        image_shape: (H, W) or (C, H, W) of images that are given as rows.
        features: names of a row's features.
        variance: what the second output of a variational encoder is: "log_var", "var", "std" or "log_std".
        axes: two dimensions of the code such as ``(0, 3)``, "pca", or "auto": the code itself up to two numbers, else "pca".
        resolution: decoded pictures along a side of the map, from 4 to 24.
        example, target, path_step, probe, decoded_grid, ellipses, threshold, sample_seed: what is shown; see :class:`Latent`.
        speed: the player's speed, from 0.25 to 4.
        theme: "auto", "light" or "dark".

    Returns:
        The widget; ``.codes``, ``.std``, ``.reconstructions``, ``.errors``, ``.kl``, ``.kl_per_example``, ``.variance_ratio``, ``.auc``,
        ``.rates(threshold)``, ``.encode(x)``, ``.decode(code)``, ``.path(a, b, steps)``, ``.samples(n, seed)``, ``.select(i)``,
        ``.update(label)``, ``.record``.

    Raises:
        DlvizError: an argument does not fit, or the encoder or the decoder raises.

    Example:
        >>> import torch, dlviz
        >>> images, digits = dlviz.data.digits("test")
        >>> encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
        >>> decoder = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.Unflatten(1, (1, 8, 8)))
        >>> view = dlviz.latent(encoder, decoder, images, labels=digits)
        >>> view
        dlviz.latent(encoder: 359 images, code of 2)
        >>> view.codes.shape, view.decode([0.5, -1.0]).shape, view.path(0, 1, steps=4).shape
        (torch.Size([359, 2]), torch.Size([1, 8, 8]), torch.Size([5, 1, 8, 8]))

    Source:
        D. Kingma and M. Welling, Auto-Encoding Variational Bayes, 2014 (arXiv 1312.6114)
    """
    name = name_of(encoder, scope(), message("latent_space.model"))
    encoder, decoder, data = encoder_and_decoder(encoder, decoder, data)
    model = Autoencoder(encoder, decoder, variance)
    found = check_examples(data, kind=kind, image_shape=image_shape, features=features, like=model.parameter)
    indices, names = check_labels(labels, classes, len(found))
    found, others = with_other_data(found, anomalies, compare_with)
    shown: dict[str, Any] = {"resolution": resolution, "path_step": path_step, "decoded_grid": decoded_grid}
    shown |= {"ellipses": ellipses, "threshold": threshold, "sample_seed": sample_seed, "speed": speed, "theme": theme}
    shown |= {"probe": _plain_list(probe)}
    count = len(found) + (0 if others is None else len(others))
    shown["example"] = check_example(example, count, "example", -1)
    shown["target"] = check_example(target, len(found), "target", -1)
    return Latent(LatentState(model, found, indices, names, others, axes), name, **shown)


def _plain_list(place: Any) -> Any:
    """Return a place as a list; what is none as it is, for the trait to refuse."""
    return list(place) if isinstance(place, (tuple, list)) else place
