"""`dlviz.denoise`: a diffusion model of the learner's own: noise added step by step, the way back, and the score as arrows."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.diffusion.inputs import check_data, check_inputs, check_labels, check_model, check_null, check_y
from dlviz.diffusion.noise_model import NoiseModel, Time
from dlviz.diffusion.page_states import page_states
from dlviz.diffusion.record import ARROWS, Process, Record, StepsCurve, process
from dlviz.diffusion.sampling import SAMPLERS, Clip, Sampler, Walk, check_settings
from dlviz.diffusion.scene import drawn_curve, drawn_predictions, drawn_walk, scene, signature
from dlviz.diffusion.schedule import KINDS, MAX_STEPS, Schedule, check_index, check_schedule
from dlviz.diffusion.steps import Prediction, add_noise, score
from dlviz.diffusion.still import draw
from dlviz.diffusion.widget_state import DenoiseState, check_range, check_setting, check_walk
from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.notebook_output import on_cell_end
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET, Precomputed
from dlviz.kit.snapshots import page_indices
from dlviz.kit.widget import Widget, binary
from dlviz.torchkit.array_data import as_plain_tensor
from dlviz.torchkit.plane import grid

#: Seconds that one message of the page may take.
_PORTION = 1.0
#: Snapshots take this fraction of a page's budget.
_PAGE_FRACTION = 0.5


class Denoise(Widget):
    """Widget that shows a diffusion model. A step of the player adds or takes away some noise.

    Attributes:
        direction: "noise" for data that get noise, "denoise" for samples that walk back to data.
        arrow_kind: what the arrows show: the "score", the way to the predicted data "x0", or "off".
        point: the example or sample whose path is drawn, −1 for none.
        condition: the class of all samples and arrows; −1 for every class in turn.
        guidance: strength w of classifier-free guidance.
        sampler, eta, walk_steps: how samples walk back, and in how many steps.
        forward_schedule: "model" for the model's own schedule, or another one that is tried on the data.
        forward_steps, beta_end: its number of steps, and the last beta of "linear".
        snapshot: the snapshot that is drawn.
        drawn_predictions, drawn_walk, drawn_curve: for the view.
        job: what the kernel has begun and not finished: its kind, and the fraction that is done.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "diffusion"
    _function = "denoise"
    _tensor_attributes = ("_denoise_state", "_process")

    direction = traitlets.Enum(("noise", "denoise"), "noise", help="which way the player goes").tag(sync=True)
    arrow_kind = traitlets.Enum(("score", "x0", "off"), "score", help="what the arrows show").tag(sync=True)
    point = traitlets.Int(-1, min=-1, help="the example or sample whose path is drawn").tag(sync=True)
    condition = traitlets.Int(-1, min=-1, help="class of all samples, -1 for every class in turn").tag(sync=True)
    guidance = traitlets.Float(1.0, help="strength of classifier-free guidance").tag(sync=True)
    sampler = traitlets.Enum(SAMPLERS, "ddpm", help="how samples walk back").tag(sync=True)
    eta = traitlets.Float(0.0, min=0.0, max=1.0, help="noise that ddim adds").tag(sync=True)
    walk_steps = traitlets.Int(1, min=1, help="number of sampling steps").tag(sync=True)
    forward_schedule = traitlets.Enum(("model", *KINDS), "model", help="schedule that adds noise").tag(sync=True)
    forward_steps = traitlets.Int(1000, min=1, max=MAX_STEPS, help="its number of steps").tag(sync=True)
    beta_end = traitlets.Float(0.02, help="last beta of the linear schedule").tag(sync=True)
    snapshot = traitlets.Int(0, min=0, help="the snapshot that is drawn").tag(sync=True)
    drawn_predictions = traitlets.Dict(help="what the network predicts, for the view").tag(sync=True)
    drawn_walk = traitlets.Dict(help="the walk, for the view").tag(sync=True)
    drawn_curve = traitlets.Dict(help="distance over numbers of steps, for the view").tag(sync=True)
    job = traitlets.Dict(help="what the kernel has begun and not finished").tag(sync=True)

    def __init__(self, state: DenoiseState, **traits: Any) -> None:
        settings, own = state.settings, state.model.schedule
        self._denoise_state: DenoiseState | None = None
        self._process: Process | None = None
        self._registered = False
        given = {
            "condition": settings.condition,
            "guidance": settings.guidance,
            "sampler": settings.sampler,
            "eta": settings.eta,
            "walk_steps": settings.steps,
            "forward_steps": own.steps,
            "beta_end": float(own.betas[-1]) if state.schedule_kind == "linear" else 0.02,
        }
        super().__init__(**given | traits)
        self._denoise_state = state
        self._check("point", self.point)
        state.work_on_walk(_PORTION)
        self._show_all()
        self.observe(self._change_walk, ["condition", "guidance", "sampler", "eta", "walk_steps"])
        self.observe(self._change_process, ["forward_schedule", "forward_steps", "beta_end"])
        self.observe(self._change_snapshot, "snapshot")
        self.observe(self._need_current, ["step", "direction"])

    # What Python reads.

    @property
    def schedule(self) -> Schedule:
        """The schedule with which the network was trained."""
        return self._state.model.schedule

    @property
    def process(self) -> Process:
        """The data with more and more noise, of the schedule that is drawn."""
        self._check_open()
        assert self._process is not None
        return self._process

    @property
    def signal_left(self) -> float:
        """√ᾱ of the last step of the drawn schedule: the fraction of the data that is left in x_T."""
        return self.process.signal_left

    @property
    def walk(self) -> Walk:
        """The samples on their way back, computed to the end: ``.path``, ``.times``, ``.noise``, ``.x0``, ``.samples``."""
        found = self._state.walk
        self._show_walk()
        return found

    @property
    def paths(self) -> Tensor:
        """The states of all samples, the noise first, (walk_steps + 1, samples, 2); of images those that are drawn."""
        return self.walk.path

    @property
    def samples(self) -> Tensor:
        """The samples, (samples, 2) or (samples, …)."""
        return self.walk.samples

    @property
    def grid(self) -> Tensor:
        """The points at which arrows begin, (256, 2), row by row from the top left."""
        return grid(self._state.inputs.limits, ARROWS, self._state.inputs.x)

    @property
    def arrows(self) -> Tensor:
        """The score at each point of :attr:`grid` at the current step, (256, 2); empty for images and where the class is open."""
        return self._state.predictions_at([max(0, self.t)]).grid_score[0]

    @property
    def t(self) -> int:
        """Index of the current step, as the network gets it; −1 for the data themselves."""
        times = self._times
        return times[min(self.step, len(times) - 1)]

    @property
    def steps_curve(self) -> StepsCurve | None:
        """Distance between samples and data for several numbers of steps; ``None`` before :meth:`compute_steps`."""
        return self._state.curve

    @property
    def snapshots(self) -> list[str]:
        """The labels of all snapshots, oldest first."""
        return self._state.titles

    @property
    def record(self) -> Record:
        """Everything that is computed, the walk to its end."""
        state = self._state
        return Record(self.schedule, self.process, state.process_predictions, self.walk, state.curve)

    def noised(self, t: int) -> Tensor:
        """Return x_t of up to 1,000 examples, with the noise that each of them keeps.

        Args:
            t: index of the step, from 0 to T − 1.

        Raises:
            DlvizError: there is no such step.
        """
        inputs = self._state.inputs
        return add_noise(inputs.x, t, inputs.noise, self.schedule)

    def predict(self, x: Any, t: Any, y: Any = None) -> Tensor:
        """Return the noise that the network predicts in x_t, with the current guidance.

        Args:
            x: noisy data, (N, 2) or (N, …).
            t: index of the step, from 0 to T − 1, or one for each row (N,).
            y: class ids or names (N,), or one for all rows, where the network takes them; the class that is drawn by default.

        Raises:
            DlvizError: an argument does not fit.
        """
        state = self._state
        found, shape = as_plain_tensor(x), state.inputs.x.shape[1:]
        if found is None or found.shape[1:] != shape or found.ndim == 0 or found.is_complex():
            got = type(x).__name__ if found is None else tuple(found.shape)
            raise DlvizError(message("diffusion.refused.x", shape=f"(N, {', '.join(map(str, shape))})", got=got))
        check_index("t", t, self.schedule)
        condition = state.grid_condition
        y = max(0, condition) if y is None and condition is not None else y
        labels = None if y is None else check_y(y, state.inputs, len(found))
        return self._state.predict(found.to(state.inputs.x), t, labels).cpu()

    def score(self, x: Any, t: Any, y: Any = None) -> Tensor:
        """Return the network's score −ε̂ / √(1 − ᾱ_t); the arguments are those of :meth:`predict`."""
        return score(self.predict(x, t, y), t, self.schedule)

    def compute_steps(self) -> StepsCurve:
        """Return the distance between samples and data for several numbers of steps, with DDIM and with DDPM, and draw it."""
        state = self._state
        while state.curve is None:
            state.work_on_curve(60.0)
        self._show_curve()
        return state.curve

    def update(self, label: str = "") -> None:
        """Draw the network's present state, after some training, and keep it as a snapshot if it has changed.

        The arrows are drawn at each update; samples walk back again at the end of the cell, when the page asks, or when Python reads them.

        Args:
            label: label of the snapshot; its number without one.
        """
        self._state.keep(str(label), always=False)
        if not self._registered:
            self._registered = True
            on_cell_end(self, lambda widget, _: widget._finish())
        self._update_when_drawn(self._show_update)

    # What is drawn.

    @property
    def _state(self) -> DenoiseState:
        """The state behind the picture.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        assert self._denoise_state is not None
        return self._denoise_state

    @property
    def _times(self) -> Sequence[int]:
        return self.process.times if self.direction == "noise" else self._state.walk_times

    def _show_all(self) -> None:
        with self.hold_sync():
            self._process = self._made_process()
            self.scene = self._scene()
            self.drawn_predictions = self._predictions()
            self._show_walk()
            self._show_curve()

    def _scene(self) -> dict[str, Any]:
        return dict(binary(scene(self._state, self.process, self.forward_schedule, self.beta_end)))

    def _predictions(self) -> dict[str, Any]:
        return dict(binary(drawn_predictions(self._state.process_predictions, self._state.inputs)))

    def _walk(self, *, complete: bool = True) -> dict[str, Any]:
        state = self._state
        found = state.walk if state.has_walk else None
        at_times = state.walk_predictions if complete else None
        return dict(binary(drawn_walk(state.walk_times, found, at_times, state)))

    def _show_walk(self) -> None:
        state = self._state
        with self.hold_sync():
            self.drawn_walk = self._walk()
            self.job = {} if state.has_walk else {"kind": "walk", "done": state.work_on_walk(0.0)}

    def _show_curve(self) -> None:
        self.drawn_curve = dict(binary(drawn_curve(self._state.curve)))

    def _show_update(self) -> None:
        """Show the last snapshot: the arrows of the current step, and the samples when they are next asked for."""
        state = self._state
        at = state.predictions_at([max(0, min(self.t, self.schedule.steps - 1))])
        with self.hold_sync():
            self.snapshot = max(0, state.history.last)
            self.scene = {**self.scene, "snapshots": binary(state.history.series(range(len(state.history))))}
            self.drawn_predictions = dict(binary(drawn_predictions(at, state.inputs)))
            self.drawn_walk = self._walk(complete=False)
            self.drawn_curve, self.job = {}, {}

    def _finish(self) -> None:
        """Compute what an update has left for later."""
        state = self._denoise_state
        if state is None or self._closed or (state.has_walk and self.drawn_walk.get("path") is not None):
            return
        state.work_on_walk(_PORTION)
        self._fill()

    def _fill(self) -> None:
        with self.hold_sync():
            self.drawn_predictions = self._predictions()
            self._show_walk()

    def _need_current(self, _: Any) -> None:
        """Compute the predictions of all steps when another step is shown than that of the last update."""
        if not self._closed and len(self.drawn_predictions["times"]) == 1 and self.process.schedule.steps > 1:
            self.drawn_predictions = self._predictions()

    def _made_process(self) -> Process:
        state = self._state
        return process(state.inputs, state.tried_schedule(self.forward_schedule, self.forward_steps, self.beta_end))

    # What the page or Python changes.

    @traitlets.validate("condition", "guidance", "eta", "point", "walk_steps", "beta_end", "snapshot")
    def _validate(self, proposal: Any) -> Any:
        return self._check(proposal["trait"].name, proposal["value"])

    def _check(self, name: str, value: Any) -> Any:
        """Return a value that fits.

        Raises:
            DlvizError: it does not fit.
        """
        state = self._denoise_state
        if state is None:  # checked at the end of __init__
            return value
        if name == "beta_end":
            if not 0 < value < 1:
                raise DlvizError(message("diffusion.refused.beta", name=f"denoise: {name}", got=repr(value)))
        elif name == "point":
            check_range(name, value, -1, max(len(state.inputs.drawn), state.settings.samples) - 1)
        elif name == "snapshot":
            check_range(name, value, 0, max(0, state.history.last))
        else:
            check_setting(name, value, state.inputs)
        return value

    def _change_walk(self, change: Any) -> None:
        if self._closed:
            return
        name, value = change["name"], change["new"]
        self._state.change(**{"steps" if name == "walk_steps" else name: value})
        with self.hold_sync():
            if name in ("condition", "guidance"):
                self.drawn_predictions = self._predictions()
            self._state.work_on_walk(_PORTION)
            self._show_walk()
            self._show_curve()

    def _change_process(self, change: Any) -> None:
        if self._closed:
            return
        with self.hold_sync():
            if change["name"] != "forward_schedule" and self.forward_schedule == "model":
                cosine = change["name"] == "forward_steps" and self._state.schedule_kind == "cosine"
                self.forward_schedule = "cosine" if cosine else "linear"  # comes back here
                return
            if change["name"] == "beta_end" and self.forward_schedule == "cosine":
                self.forward_schedule = "linear"
                return
            self._process = self._made_process()
            self.scene = self._scene()

    def _change_snapshot(self, _: Any) -> None:
        if self._closed or self.snapshot == self._state.snapshot:
            return
        self._state.show(self.snapshot)
        self._state.work_on_walk(_PORTION)
        with self.hold_sync():
            self._fill()
            self._show_curve()

    def _on_walk(self, content: Mapping[str, Any]) -> None:
        """Compute the walk, or some more of it."""
        self._state.work_on_walk(_PORTION)
        if self._state.has_walk:
            self._fill()
        else:
            self.job = {"kind": "walk", "done": self._state.work_on_walk(0.0)}

    def _on_curve(self, content: Mapping[str, Any]) -> None:
        """Compute the curve over numbers of steps, or some more of it."""
        done = self._state.work_on_curve(_PORTION)
        with self.hold_sync():
            self._show_curve()
            self.job = {} if done == 1 else {"kind": "curve", "done": done}

    # Pages and stills.

    def _describe(self) -> str:
        return message("diffusion.repr", what=signature(self._state))

    def _still(self) -> str:
        self._update_waiting()
        state, walk = self._state, self._state.walk
        line, summary = self.scene["signature"], self.scene["summary"]
        return draw(state.inputs, self.process, walk.samples, walk.labels, line, summary, self._still_theme)

    def _page_state(self) -> dict[str, Any]:
        self._update_waiting()
        assert self._state.walk
        self._fill()
        return super()._page_state()

    def _precomputed(self) -> Precomputed:
        size, count = len(to_json(self.drawn_predictions)) + len(to_json(self.drawn_walk)), len(self._state.history)
        snapshots = page_indices(count, size, _PAGE_FRACTION * BUDGET, self.snapshot) if count > 1 else []
        states = page_states(self._state, self.forward_steps, self.beta_end, snapshots)
        return {
            name: {value: partial(_call, make) for value, make in values.items()} for name, values in states.items()
        }


def _call(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return dict(binary(make()))


@suggests_names
def denoise(
    model: Any,
    data: Any,
    schedule: Any = "linear",
    *,
    steps: int | None = None,
    predicts: Prediction = "noise",
    time: Time = "index",
    labels: Any = None,
    classes: Sequence[Any] | None = None,
    null: Any = None,
    guidance: float = 1.0,
    sampler: Sampler = "ddpm",
    eta: float = 0.0,
    walk_steps: int | None = None,
    samples: int | None = None,
    clip: Clip = None,
    seed: int = 0,
    limits: Sequence[float] | None = None,
    direction: str = "noise",
    arrow_kind: str = "score",
    condition: int = -1,
    point: int = -1,
    step: int = 0,
    speed: float = 1.0,
    theme: str = "auto",
) -> Denoise:
    """Show a diffusion model of your own: noise is added to your data step by step, and your network leads noise back to data.

    On the plane arrows show the network's score at every step. Call ``view.update()`` in your training loop, and they follow. Your objects
    stay as they are: parameters, buffers, mode, gradients and random numbers. The network runs in eval() mode.

    Args:
        model: any module or function ``model(x_t, t)`` with x_t (N, …) and t (N,), which returns the shape of x_t; ``model(x_t, t, y)``
            with class ids y (N,) where `labels` are given.
        data: points (N, 2) or images (N, C, H, W) or (N, H, W), as a tensor, an array, a list or a table; points of ``dlviz.data`` too.
        schedule: the schedule that you train with: "linear" or "cosine", betas (T,), or a :class:`dlviz.diffusion.Schedule`.
        steps: number of noise steps T of a schedule by name, 1000 without it. (The betas of "linear" do not depend on it.)
        predicts: what the model returns: the "noise" ε, the data "x0", "v", or the "score".
        time: "index" for t from 0 to T − 1 as int64, "fraction" for (t + 1) / T as a float.
        labels: the class of each example, (N,), whole numbers from 0 or names, of a class-conditional model.
        classes: names of the classes.
        null: the class id that means "no class", for classifier-free guidance.
        guidance: w in ε(null) + w · (ε(y) − ε(null)).
        sampler: "ddpm", or "ddim" with `eta`.
        eta: noise that "ddim" adds, from 0 to 1.
        walk_steps: number of sampling steps, T without it.
        samples: number of samples, at most 1,000 points or 32 images; without it 200 points, or 32 images and fewer of large ones.
        clip: limits of the predicted data in each sampling step, such as (−1, 1); see :func:`dlviz.diffusion.sample`.
        seed: of the noise and of the samples.
        limits: left, right, bottom and top of the plane; a frame around data and noise by default.
        direction, arrow_kind, condition, point, step: what is shown; see :class:`Denoise`.
        speed: the player's speed, from 0.25 to 4.
        theme: "auto", "light" or "dark".

    Returns:
        The widget; ``.update()``, ``.noised(t)``, ``.predict(x, t)``, ``.score(x, t)``, ``.arrows``, ``.paths``, ``.samples``, ``.walk``,
        ``.compute_steps()``, ``.steps_curve``, ``.schedule``, ``.signal_left``, ``.record``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> x, _ = dlviz.data.moons(200)
        >>> net = torch.nn.Linear(3, 2)
        >>> view = dlviz.denoise(lambda x, t: net(torch.cat((x, t[:, None] / 50), dim=1)), x, steps=50)
        >>> view
        dlviz.denoise(model on 200 points · T = 50, predicts the noise ε)
        >>> view.samples.shape, view.paths.shape, round(view.signal_left, 3)
        (torch.Size([200, 2]), torch.Size([51, 200, 2]), 0.776)

    Source:
        Ho et al. 2020 (arXiv 2006.11239), Song et al. 2021 (arXiv 2010.02502), Ho and Salimans 2022 (arXiv 2207.12598)
    """
    variables = scope()
    names = (name_of(model, variables, "model"), name_of(data, variables, "data"))
    check_settings(predicts, time, sampler, eta, guidance, seed)
    made = check_schedule(schedule, steps)
    x = check_data(data)
    network = check_model(model)
    _, table = check_labels(labels, classes, len(x))
    noise_model = NoiseModel(network, made, predicts, time, check_null(null, labels, table))
    inputs = check_inputs(noise_model, x, labels, classes, limits, seed, names)
    settings = check_walk(inputs, sampler, eta, walk_steps, condition, guidance, samples, seed, clip)
    kind = schedule if isinstance(schedule, str) else "linear" if made.is_linear else "betas"
    shown = {"direction": direction, "arrow_kind": arrow_kind, "point": point, "step": step}
    return Denoise(DenoiseState(inputs, settings, kind), speed=speed, theme=theme, **shown)
