"""`dlviz.duel`: your own generator against your own discriminator, while they train, with what their losses do not say."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor, nn

from dlviz.gan.inputs import check_inputs, check_painted
from dlviz.gan.record import Record
from dlviz.gan.scene import scene
from dlviz.gan.still import draw
from dlviz.gan.widget_state import Duel, as_number
from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import counted, message
from dlviz.kit.page import to_json
from dlviz.kit.pending_steps import SLICE
from dlviz.kit.precomputed import BUDGET, Precomputed
from dlviz.kit.snapshots import page_indices
from dlviz.kit.validated_widget import int_field, invalid_value
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import Widget, binary
from dlviz.torchkit.array_data import kind_of_data

#: Snapshots take this fraction of a page's budget.
_PAGE_FRACTION = 0.8
#: Grid points along a side of the plane, at most, in each of them.
_PAGE_SIDE = 30
#: Painted points, and rows that are drawn from the real samples at once, at most.
MAX_PAINTED, MAX_ROWS = 1000, 10_000_000


class DuelWidget(Widget):
    """Widget that shows a generator and a discriminator. A step of the player is a snapshot.

    Attributes:
        resolution: grid points along a side of the plane, from 10 to 100.
        selected: index of the fake whose numbers are shown, −1 for none.
        show_heat: whether the discriminator's opinion is drawn.
        show_arrows: whether the gradients of the fakes are drawn.
        show_grid: whether the generator's grid is drawn.
        brush: whether the pointer paints real points.
        painted: ``[x, y]`` of every painted point; they replace the learner's real points.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "gan"
    _function = "duel"
    _tensor_attributes = ("_duel",)

    resolution = traitlets.Int(40, min=10, max=100, help="grid points along a side").tag(sync=True)
    selected = traitlets.Int(-1, min=-1, help="index of the fake whose numbers are shown").tag(sync=True)
    show_heat = traitlets.Bool(True, help="whether the discriminator's opinion is drawn").tag(sync=True)
    show_arrows = traitlets.Bool(True, help="whether the gradients of the fakes are drawn").tag(sync=True)
    show_grid = traitlets.Bool(False, help="whether the generator's grid is drawn").tag(sync=True)
    brush = traitlets.Bool(False, help="whether the pointer paints real points").tag(sync=True)
    painted = traitlets.List(traitlets.List(traitlets.Float()), help="x and y of painted points").tag(sync=True)

    def __init__(self, duel: Duel, **traits: Any) -> None:
        self._duel: Duel | None = duel
        self._drawn_step = 0
        painted = traits.pop("painted", ())
        super().__init__(**traits)
        self._show()
        self.observe(self._redraw, ["resolution", "painted"])
        self.observe(self._show_snapshot, "step")
        self.painted = painted

    # What Python can ask.

    @property
    def record(self) -> Record:
        """All that both modules compute in the state that is drawn."""
        self._update_waiting()
        return self._state.record

    @property
    def fakes(self) -> Tensor:
        """What the generator makes of the fixed noise, (M, 2) or images."""
        return self.record.fakes

    @property
    def d_real(self) -> Tensor:
        """The discriminator's probability that each real sample is real, (N,); a critic's scores. Of very many evenly spaced ones."""
        return self.record.d_real

    @property
    def d_fake(self) -> Tensor:
        """The discriminator's probability that each fake is real, (M,); a critic's scores."""
        return self.record.d_fake

    @property
    def logits_fake(self) -> Tensor:
        """The discriminator's logits of the fakes, (M,); a critic's scores."""
        return self.record.logits_fake

    @property
    def gradients(self) -> Tensor:
        """−∂L/∂fake, the direction that lowers the generator's loss, in the shape of the fakes. L is the sum over all fakes."""
        return self.record.gradients

    @property
    def heat(self) -> Tensor:
        """The discriminator's probabilities over the plane, (resolution²,), row by row from the top left."""
        return self.record.heat

    @property
    def warp(self) -> Tensor | None:
        """Where the generator sends a grid of noise: (441, 2) of two-dimensional noise, (201, 2) of one-dimensional, else ``None``."""
        return self.record.warp

    @property
    def modes_covered(self) -> int | None:
        """How many of the known modes have a fake near them, or how many classes the classifier finds; ``None`` without either."""
        value = self._state.measure(self.fakes)["modes"]
        return None if value is None else int(value)

    @property
    def high_quality(self) -> float | None:
        """Share of the fakes that lie near any of the known modes; ``None`` without any."""
        return self._state.measure(self.fakes)["quality"]

    @property
    def energy_distance(self) -> float:
        """Energy distance of fakes and real samples, of up to 400 of each."""
        value = self._state.measure(self.fakes)["energy"]
        return math.nan if value is None else value

    @property
    def series(self) -> dict[str, list[Any]]:
        """Of every snapshot its label, losses, energy distance, covered modes and share of fakes near one; NaN where there is none."""
        self._state.measure_again()
        history = self._state.history
        return {name: list(values) for name, values in history.series(range(len(history))).items()}

    @property
    def snapshots(self) -> list[str]:
        """The labels of all snapshots, the oldest first."""
        return self._state.history.titles

    @property
    def real(self) -> Tensor:
        """The real samples: painted points if there are any, else the learner's own."""
        return self._state.inputs.real

    def sample_real(self, n: int) -> Tensor:
        """Return `n` rows of :attr:`real`, drawn with replacement by torch's random generator: what a step of the discriminator trains on.

        Args:
            n: how many, from 1 to 10 million.

        Raises:
            DlvizError: it is no such number.
        """
        if not is_integer(n) or not 1 <= n <= MAX_ROWS:
            raise DlvizError(message("gan.refused.n", most=f"{MAX_ROWS:,}", got=repr(n)[:80]))
        real = self.real
        return real[torch.randint(len(real), (int(n),)).to(real.device)]

    # What Python can do.

    def update(self, d_loss: Any = None, g_loss: Any = None, label: str = "") -> None:
        """Draw both modules in their present state, and keep it as a snapshot if it has changed, or there are losses or a label.

        Call it in your training loop as often as you like: while the page still draws the last picture, states are kept but not drawn. Up
        to 120 snapshots of a long training are kept, evenly; of large modules fewer.

        Args:
            d_loss, g_loss: losses of discriminator and generator, each a tensor or a number, drawn over the snapshots.
            label: label of the snapshot, which is kept in any case.

        Raises:
            DlvizError: a loss is no single number.
        """
        for name, loss in (("d_loss", d_loss), ("g_loss", g_loss)):
            if loss is not None and as_number(loss) is None:
                raise DlvizError(message("gan.refused.update", name=name, got=kind_of_data(loss)))
        self._state.update("" if label is None else str(label), as_number(d_loss), as_number(g_loss))
        self._update_when_drawn(self._show_last)

    def train(self, which: str = "both", n: int = 1) -> None:
        """Make training steps with your own functions `step_d` and `step_g`. They really train your modules.

        Args:
            which: "d", "g", or "both", which is a step of the discriminator and then one of the generator.
            n: how many; of many steps not every one is kept as a snapshot.

        Raises:
            DlvizError: there is no such function, or `n` is no whole number from 1 to 100,000.
            Exception: what your function raises.
        """
        duel = self._state
        duel.check_step(which, n)
        duel.training.start(int(n), which)
        try:
            duel.train()
        finally:
            self._show_last()

    def clear(self) -> None:
        """Remove the painted points; the real samples are your own again."""
        self.painted = []

    @property
    def _state(self) -> Duel:
        """The state behind the picture.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        assert self._duel is not None
        return self._duel

    # Checks of what Python and the view set.

    @traitlets.validate("painted")
    def _check_painted(self, proposal: Any) -> list[list[float]]:
        duel = self._state
        points = check_painted(proposal["value"], is_plane=duel.given.is_plane)[-MAX_PAINTED:]
        # Set here and not by an observer, so that whatever reads the real points next finds them.
        duel.paint(points)
        return points

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int:
        count = len(self._state.inputs.noise)
        if proposal["value"] >= count:
            raise DlvizError(message("gan.refused.selected", last=count - 1, got=proposal["value"]))
        return int(proposal["value"])

    # Drawing.

    def _redraw(self, _: Any = None) -> None:
        if not self._closed:
            self._state.side = self.resolution
            self._state.forget_record()
            self._show()

    def _show(self) -> None:
        if self._closed:
            return
        duel = self._state
        with self.hold_sync():
            self._drawn_step = self.step = duel.step
            self.scene = dict(binary(scene(duel, duel.record, range(len(duel.history)))))

    def _show_last(self) -> None:
        """Show the last snapshot, whichever the page has gone to since."""
        if self._closed:
            return
        duel = self._state
        if duel.step != duel.history.last:
            duel.go(duel.history.last)
        self._show()

    def _show_snapshot(self, _: Any) -> None:
        if self._closed or self.step == self._drawn_step:
            return
        duel = self._state
        if self.step > duel.history.last:
            self.step = duel.history.last
            return
        duel.go(self.step)
        self._show()

    # Messages of the view.

    def _on_train(self, content: Mapping[str, Any]) -> None:
        """Make the first of some steps; the page asks for more of them once it has drawn these."""
        duel, count = self._state, int_field(content, "count")
        duel.check_step(content.get("which"), count)
        duel.training.start(count, str(content["which"]))
        self._train_slice()

    def _on_continue(self, content: Mapping[str, Any]) -> None:
        if self._state.training.remaining:
            self._train_slice()

    def _on_stop(self, content: Mapping[str, Any]) -> None:
        duel = self._state
        duel.training.stop()
        duel.update()
        self._show_last()

    def _train_slice(self) -> None:
        try:
            self._state.train(SLICE)
        except Exception:  # a learner's own step may raise anything; the picture says what
            pass
        finally:
            self._show_last()

    def _on_paint(self, content: Mapping[str, Any]) -> None:
        """Add points that were painted in the page, whatever has become of the others since."""
        points = content.get("points")
        if not isinstance(points, list) or not all(isinstance(point, list) for point in points):
            raise invalid_value("points", points)
        self.painted = [*self.painted, *points]

    def _on_clear(self, content: Mapping[str, Any]) -> None:
        self.clear()

    # Text, still picture and page.

    def _describe(self) -> str:
        generator, discriminator = self._state.inputs.names
        return message(
            "gan.repr", generator=generator, discriminator=discriminator, real=counted("gan.count.real", len(self.real))
        )

    def _still(self) -> str:
        self._update_waiting()
        duel = self._state
        return draw(duel, duel.record, str(self.scene["signature"]), str(self.scene["summary"]), self._still_theme)

    def _page_state(self) -> dict[str, Any]:
        self._update_waiting()
        duel = self._state
        if duel.measure_again():
            self._show()
        state, steps = super()._page_state(), self._page_steps()
        if len(steps) < len(duel.history):
            state |= {"step": steps.index(self.step), "scene": dict(binary(scene(duel, duel.record, steps)))}
        return state | {"brush": False}

    def _precomputed(self) -> Precomputed:
        """Return the scene of every snapshot that fits into a page."""
        steps = self._page_steps()
        return {"step": {json.dumps(k): {"scene": self._page_scene(step, steps)} for k, step in enumerate(steps)}}

    def _page_scene(self, step: int, steps: Sequence[int]) -> dict[str, Any]:
        """Return the scene of a snapshot, with fewer points of the plane where a page has many."""
        duel = self._state
        shown, side = duel.step, duel.side
        try:
            duel.step, duel.side = step, min(side, _PAGE_SIDE)
            return dict(binary(scene(duel, duel.record_at(step), steps)))
        finally:
            duel.step, duel.side = shown, side

    def _page_steps(self) -> list[int]:
        """Return the snapshots that fit into a page, evenly spaced, with the one that is drawn among them."""
        count = len(self._state.history)
        if count == 1:
            return [0]
        one, other = (self._page_scene(step, range(count)) for step in (0, count - 1))
        size = len(to_json({name: value for name, value in other.items() if one[name] != value}))
        return page_indices(count, size, _PAGE_FRACTION * BUDGET, self.step)


@suggests_names
def duel(
    generator: nn.Module,
    discriminator: nn.Module,
    real: Any,
    *,
    noise: Any = None,
    output: str = "auto",
    loss: str | Callable[[Tensor], Tensor] | None = None,
    modes: Any = None,
    mode_radius: float | None = None,
    classifier: Callable[[Tensor], Any] | None = None,
    step_d: Callable[[], Any] | None = None,
    step_g: Callable[[], Any] | None = None,
    samples: int | None = None,
    resolution: int = 40,
    limits: Sequence[float] | None = None,
    selected: int = -1,
    show_heat: bool = True,
    show_arrows: bool = True,
    show_grid: bool = False,
    brush: bool = False,
    painted: Sequence[Sequence[float]] = (),
    theme: str = "auto",
    speed: float = 1.0,
) -> DuelWidget:
    """Show your own generator against your own discriminator, on points of the plane or on small images.

    Drawing leaves both modules as they are: parameters, buffers, mode, gradients and random numbers. Both run in eval() mode, so that one
    sample does not change the answer for another one: batch norm uses its running statistics, dropout keeps everything. All fakes are made
    of the same noise, so that each can be followed. Call ``view.update(d_loss, g_loss)`` in your loop; you can go back to every snapshot.

    Args:
        generator: a module from noise (M, k) to points (M, 2) or to images like the real ones, or a function that calls one, such as
            ``lambda z: net(z, labels[: len(z)])``. M is not always the same.
        discriminator: a module from samples to one number each, (M,) or (M, 1), or a function that calls one. The scores of a PatchGAN
            are averaged by a function: ``lambda x: net(x).flatten(1).mean(1)``.
        real: real samples: points (N, 2), or images (N, C, H, W) or (N, H, W) of up to 128 pixels a side; a tensor, an array, a list or a
            table.
        noise: size k of the noise vector, (k,) or (k, 1, 1), whichever the generator takes; a tensor (M, k) of fixed noise, or a function
            from a number of rows to such a tensor; by default standard normal noise of the size that the generator's first linear or
            transposed convolutional layer takes.
        output: what the discriminator returns: "logits", "probs", or an unbounded "score" of a critic; "auto" takes it for "probs" if its
            last operation is a sigmoid or a softmax, else for "score" with the loss "wasserstein" or "least squares", else for "logits".
        loss: the generator's loss, whose gradient is drawn: "nonsaturating", "saturating", "wasserstein", "least squares", or a function of
            the discriminator's output for the fakes, (M,); see :func:`dlviz.gan.generator_loss`. By default "nonsaturating", and
            "wasserstein" of a score. A hinge loss has the generator's part −score, which is "wasserstein" too.
        modes: known modes of the real points: their centers (K, 2), or a data set of ``dlviz.data`` with ``.centers``.
        mode_radius: a fake within this distance of a center lies near that mode; by default three times the data set's ``.std``, else half
            the smallest distance of two centers.
        classifier: a function from images to logits (M, K), which counts the classes among the fakes.
        step_d, step_g: your own functions without arguments that make one training step of the discriminator, or of the generator. They may
            return the loss. The page gets buttons that call them.
        samples: how many fakes to make, 400 points or 100 images by default; at most 1,000 points or 200 images.
        resolution: grid points along a side of the plane, from 10 to 100.
        limits: left, right, bottom and top of the plane; a frame around the real points by default.
        selected: index of the fake whose numbers are shown, −1 for none.
        show_heat, show_arrows, show_grid: whether to draw the discriminator's opinion, the gradients of the fakes, and the grid of noise as
            the generator bends it.
        brush: whether the pointer paints real points.
        painted: points (x, y) that replace the real ones.
        theme: "auto", "light" or "dark".
        speed: the player's speed, from 0.25 to 4.

    Returns:
        The widget; ``.update(d_loss, g_loss)``, ``.train(which, n)``, ``.fakes``, ``.d_real``, ``.d_fake``, ``.gradients``,
        ``.modes_covered``, ``.high_quality``, ``.energy_distance``, ``.series``, ``.real``, ``.sample_real(n)``, ``.record``.

    Raises:
        DlvizError: an argument does not fit, or a module raises.

    Example:
        >>> import torch, dlviz
        >>> from torch import nn
        >>> generator = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
        >>> discriminator = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
        >>> real = torch.randn(500, 2) + torch.tensor([3.0, 0.0])
        >>> view = dlviz.duel(generator, discriminator, real, modes=torch.tensor([[3.0, 0.0]]), mode_radius=1.0)
        >>> view
        dlviz.duel(generator against discriminator on 500 real samples)
        >>> view.fakes.shape, view.gradients.shape, view.d_fake.shape
        (torch.Size([400, 2]), torch.Size([400, 2]), torch.Size([400]))

    Source:
        I. Goodfellow et al., Generative Adversarial Nets, 2014, arXiv 1406.2661; https://poloclub.github.io/ganlab has such a picture for
        networks of its own
    """
    variables = scope()
    names = (name_of(generator, variables, "generator"), name_of(discriminator, variables, "discriminator"))
    inputs = check_inputs(
        generator, discriminator, real, noise=noise, output=output, loss=loss, modes=modes, mode_radius=mode_radius,
        classifier=classifier, samples=samples, limits=limits, names=names,
    )  # fmt: skip
    for name, step in (("step_d", step_d), ("step_g", step_g)):
        if step is not None and not callable(step):
            raise DlvizError(message("gan.refused.step", name=name, got=type(step).__name__))
    if not is_integer(resolution) or not 10 <= resolution <= 100:
        raise DlvizError(message("gan.refused.resolution", got=repr(resolution)[:80]))
    traits: dict[str, Any] = {
        "selected": selected,
        "show_heat": show_heat,
        "show_arrows": show_arrows,
        "show_grid": show_grid,
        "brush": brush,
    }
    traits["painted"] = check_painted(painted, is_plane=inputs.is_plane)
    # The modules run before there is a widget: if one raises, there is none to close.
    state = Duel(inputs, int(resolution), (step_d, step_g))
    return DuelWidget(state, resolution=resolution, theme=theme, speed=speed, **traits)
