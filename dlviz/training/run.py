"""A run: the learner's own loop, counted, logged, and steered at its step boundaries alone."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.training.hyperparameters import Knob, bound
from dlviz.training.model_monitor import Watch
from dlviz.training.record import History, Mark
from dlviz.training.restart import Beginning, Past

#: Seconds between two messages to the page.
PERIOD = 0.1
#: So many earlier beginnings are kept to be compared with.
PASTS = 10


class Run:
    """Counts steps and epochs, keeps what is logged, and turns knobs between two steps.

    Whoever shows the run hears of it by `changed`, at most ten times a second, in the thread that trains.

    Attributes:
        history: every value logged, as plain data.
        step, steps: how many steps have begun; how many there will be, 0 while that is not known.
        epoch, epochs: the same for epochs.
        state: "ready", "running", "paused", "stopped", "finished" or "failed".
        error: what was raised, in one line, where it failed.
        watch: looks into a model at some steps; ``None`` for none.
        settings: every knob's value, as it was applied last.
        wishes: values that wait for the next step boundary.
        lock: held while the history is written to or read.
        left: whether the loop was left in its middle, by break or by an error.
        pump: called at every step; serves what the page has sent meanwhile.
        beginning: what a restart puts back; ``None`` where nobody has said.
        past: the runs before each restart, the oldest first.
        caller: whether somebody outside calls the loop anew at a restart, as a thread does; otherwise the loop itself goes back.
    """

    def __init__(self, changed: Callable[[], None], pump: Callable[[], Any]) -> None:
        self.history = History()
        self.step = self.steps = self.epoch = self.epochs = 0
        self.state, self.error = "ready", ""
        self.watch: Watch | None = None
        self.knobs: dict[str, Knob] = {}
        self.settings: dict[str, Any] = {}
        self.wishes: dict[str, Any] = {}
        self.pausing = self.stopping = self.left = False
        self.singles = 0
        self.beginning: Beginning | None = None
        self.past: list[Past] = []
        self.caller = self.restarting = self._single_pass = False
        self._turned: dict[str, Any] = {}
        self._begun = 0
        self._last: dict[str, Any] = {}
        self._changed, self.pump = changed, pump
        self._pending: list[tuple[str, int, Tensor]] = []
        self.lock = threading.RLock()
        self._next = 0.0
        self.began = self.ended = self.own = self.waited = 0.0

    # The learner's loop.

    def over(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The batches one by one; between two of them the page is served, knobs are turned, and pause and stop are heard."""
        try:
            while True:
                self._begin(batches)
                for batch in batches:
                    if not self._turn():
                        break
                    self.step += 1
                    yield batch
                if self.epochs or not self._goes_back():
                    return
        except GeneratorExit:
            self._leave()
            raise
        finally:
            if self.epochs == 0 and self.state in ("running", "paused"):
                self._end()
            else:
                self.flush()

    def rounds(self, count: int) -> Iterator[int]:
        """Epoch numbers from 0; ends early when the run is stopped."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise DlvizError(message("training.refused.epochs", got=repr(count)))
        self._start()
        self.epochs = self.epoch + count
        try:
            number = 0
            while number < count and not self.stopping:
                self.epoch += 1
                yield number
                if self._goes_back():
                    number, self.epochs = 0, count
                    continue
                if self.restarting:
                    break
                self.history.marks.append(Mark(self.step, "epoch", str(self.epoch)))
                number += 1
        except GeneratorExit:
            self._leave()
            raise
        finally:
            if self.state in ("running", "paused"):
                self._end()

    def log(self, values: Mapping[str, Any]) -> None:
        """Keep one value of every metric, at the step as it stands."""
        start = time.perf_counter()
        with self.lock:
            for name, value in values.items():
                self._keep(name, value)
        self.own += time.perf_counter() - start
        if self.state not in ("running", "paused"):
            self.flush()

    def _keep(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor):
            if value.numel() != 1:
                raise DlvizError(
                    message("training.refused.metric", name=name, got=f"a tensor of shape {tuple(value.shape)}")
                )
            if value.is_cuda:
                # Copied on the GPU and fetched with the others at the next message: no step waits for the GPU.
                self._pending.append((name, self.step, value.detach().reshape(()).clone()))
                return
            value = value.item()
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise DlvizError(message("training.refused.metric", name=name, got=type(value).__name__)) from None
        self.history.add(name, self.step, number)
        if self.watch is not None and not math.isfinite(number):
            self._look()

    # What others ask of it, from the page or from Python.

    def wish(self, name: str, value: Any) -> None:
        """Have a knob stand at `value` from the next step on.

        Raises:
            DlvizError: there is no such knob, or it does not take that value.
        """
        if name not in self.knobs:
            raise DlvizError(message("training.refused.knob", name=name, known=", ".join(self.knobs) or "-"))
        self.wishes[name] = self.knobs[name].fitted(value)
        if self.state not in ("running", "paused"):
            self.apply()

    def add_knobs(self, targets: Mapping[str, Any]) -> None:
        """Bind knobs by name; of the same name the newer one counts."""
        for name, target in targets.items():
            made = bound(name, target)
            self.knobs[name] = made
            if name in self._turned and self.caller and self._begun:
                # Begun again, the loop makes its optimizer anew; what was turned by hand stays turned.
                made.write(self._turned[name])
            self.settings[name] = made.read()

    def apply(self) -> None:
        """Turn every knob that waits, and mark where."""
        while self.wishes:
            name, value = self.wishes.popitem()
            one = self.knobs[name]
            old = one.read()
            if value != old:
                one.write(value)
                self._turned[name] = value
                self.history.marks.append(Mark(self.step + 1, "knob", name, old, value))
            self.settings[name] = one.read()

    def stop(self) -> None:
        """End at the next step boundary."""
        self.stopping, self.pausing, self.restarting = True, False, False

    def restart(self) -> None:
        """Go back to the beginning at the next step boundary.

        Raises:
            DlvizError: nobody has said what to put back, or no loop is running that could go back.
        """
        if self.beginning is None:
            raise DlvizError(message("training.refused.beginning"))
        if not self.can_restart:
            raise DlvizError(message("training.refused.restart"))
        self.restarting, self.pausing = True, False

    @property
    def can_restart(self) -> bool:
        """Whether :meth:`restart` would be heard."""
        running = self.state in ("running", "paused") and (self.caller or not self._single_pass)
        return self.beginning is not None and (running or self.caller)

    def again(self) -> None:
        """Keep the run so far as one of the past, and begin another from what it began with."""
        assert self.beginning is not None
        with self.lock:
            self._fetch()
            self._begun += 1
            # What was turned after its end belongs to the next.
            ended = self.state not in ("running", "paused")
            self.history.marks[:] = [one for one in self.history.marks if one.step <= self.step]
            self.past.append(Past(str(self._begun), self._last if ended else dict(self.settings), self.history))
            del self.past[:-PASTS]
            self.history = History()
            self.step = self.steps = self.epoch = self.epochs = 0
            self.own = 0.0
            self.began = time.perf_counter()
            self.restarting = False
            if self.watch is not None:
                self.watch.forget()
            self.beginning.restore()
            for name, value in {**self._turned, **self.wishes}.items():
                self.knobs[name].write(value)
                self._turned[name] = value
            self.wishes = {}

    def fail(self, error: str) -> None:
        """What trained it has raised."""
        if self.left or self.state in ("running", "paused"):
            self._end("failed", error)

    # Inside.

    def _goes_back(self) -> bool:
        """Where a restart was asked for and nobody else calls the loop anew: begin again."""
        if not self.restarting or self.stopping or self.caller:
            return False
        self.again()
        return True

    def _start(self) -> None:
        """A loop begins: a new one, or the next part of one that goes on."""
        if self.state in ("running", "paused"):
            return
        now = time.perf_counter()
        self.began = now if self.step == 0 else now - (self.ended - self.began)
        self.state, self.error, self.stopping, self.left = "running", "", False, False

    def _leave(self) -> None:
        """The loop is left in its middle, by break or by an error: which of them only the cell's end can tell."""
        if self.state in ("running", "paused"):
            self._end("stopped")
            self.left = True

    def _begin(self, batches: Iterable[Any]) -> None:
        self._start()
        try:
            size = len(batches)  # type: ignore[arg-type]
        except TypeError:
            size = 0
        # What can be gone through only once cannot be gone back in, unless the learner's epochs make it anew.
        self._single_pass = not self.epochs and isinstance(batches, Iterator)
        rest = max(1, self.epochs - self.epoch + 1) if self.epochs else 1
        self.steps = self.step + size * rest if size else 0
        self.flush()

    def _turn(self) -> bool:
        """At a step boundary; whether the loop goes on."""
        if self.watch is not None and self.step:
            self.watch.turn(self.step)
            self._look()
        start = time.perf_counter()
        self.pump()
        if self.wishes and not self.restarting:
            self.apply()
        if self.pausing and not self.singles:
            self._wait()
            start = time.perf_counter()
        self.singles = max(0, self.singles - 1)
        if start >= self._next:
            self.flush()
        self.own += time.perf_counter() - start
        return not (self.stopping or self.restarting)

    def _look(self) -> None:
        """Mark where the watched model first made what is no number."""
        assert self.watch is not None
        self.watch.check(self.step)
        if self.watch.wild and not any(one.kind == "wild" for one in self.history.marks):
            self.history.marks.append(Mark(self.watch.wild_step, "wild", self.watch.wild))

    def _wait(self) -> None:
        """Paused: nothing trains, and the page is served until it says otherwise."""
        self.state = "paused"
        start = time.perf_counter()
        self.flush()
        while self.pausing and not self.stopping and not self.restarting and not self.singles:
            time.sleep(0.01)
            self.pump()
            if self.wishes:
                self.apply()
                self.flush()
        # What was waited is neither training nor overhead.
        self.began += time.perf_counter() - start
        self.state = "running"
        self._next = 0.0

    def _end(self, state: str = "", error: str = "") -> None:
        self.state = state or ("stopped" if self.stopping else "finished")
        self.error = error
        self.ended = time.perf_counter()
        if self.watch is not None and state != "failed":
            self.watch.turn(self.step)
            self._look()
        self.pausing = False
        self.flush()
        self._last = dict(self.settings)

    def flush(self) -> None:
        """Fetch what waits on a GPU, and tell whoever shows the run."""
        with self.lock:
            self._fetch()
            for name, one in self.knobs.items():
                # A scheduler may have turned it meanwhile.
                self.settings[name] = one.read()
            self._changed()
            self._next = time.perf_counter() + PERIOD

    def _fetch(self) -> None:
        if not self._pending:
            return
        waiting, self._pending = self._pending, []
        fetched = torch.stack([value.double() for _, _, value in waiting]).cpu().tolist()
        for (name, step, _), number in zip(waiting, fetched, strict=True):
            self.history.add(name, step, number)

    @property
    def overhead(self) -> float:
        """Which share of the training time was spent on logging, showing and looking."""
        looking = 0.0 if self.watch is None else self.watch.own
        return (self.own + looking) / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds(self) -> float:
        """How long it has trained, pauses left out."""
        if not self.began:
            return 0.0
        until = self.ended if self.state in ("finished", "stopped", "failed") else time.perf_counter()
        return max(0.0, until - self.began)
