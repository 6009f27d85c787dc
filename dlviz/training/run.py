"""Training run: counts and logs the learner's own loop, and changes hyperparameters at its step boundaries."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
from dlviz.training.hyperparameters import Hyperparameter, bind
from dlviz.training.model_monitor import ModelMonitor
from dlviz.training.record import History, Mark
from dlviz.training.restart import InitialState, PastRun

#: Seconds between two messages to the browser.
MESSAGE_PERIOD = 0.1
#: Number of past runs that are kept for comparison.
MAX_PAST_RUNS = 10


class Run:
    """Training run that counts steps and epochs, logs metrics, and changes hyperparameters between two steps.

    `on_change` is called at most ten times a second, in the thread that trains.

    Attributes:
        history: every logged value.
        number: how many loops have begun and restarts have been made. A command from a page names the number that the page has seen,
            so that one that comes too late is not taken by the next loop.
        step, steps: number of steps that have begun, and of all steps; 0 while that is not known. Where an epoch has no steps of its
            own, the epoch is a step; outside of every loop, a metric's second value begins the next step.
        epoch, epochs: the same for epochs.
        state: "ready", "running", "paused", "stopped", "finished" or "failed".
        error: the exception's class and text if the run failed.
        monitor: samples a model at some steps; ``None`` for none.
        hyperparameters: every hyperparameter by its name.
        settings: every hyperparameter's current value.
        pending: values that were requested and are applied at the next step boundary.
        lock: held while the history is written or read.
        exited_early: whether the loop was left by ``break`` or by an error in the running cell.
        left_early: whether the latest loop was left by ``break`` or by an error.
        pump: called at every step; handles what the browser has sent.
        initial_state: what a restart restores; ``None`` if a restart is not possible.
        past_runs: the runs before each restart, the oldest first.
        restarted_by_thread: whether a thread calls the training function again at a restart; otherwise the loop itself starts again.
    """

    def __init__(self, on_change: Callable[[], None], pump: Callable[[], Any]) -> None:
        self.history = History()
        self.number = self.step = self.steps = self.epoch = self.epochs = 0
        self.state, self.error = "ready", ""
        self.monitor: ModelMonitor | None = None
        self.hyperparameters: dict[str, Hyperparameter] = {}
        self.settings: dict[str, Any] = {}
        self.pending: dict[str, Any] = {}
        self.pause_requested = self.stop_requested = self.exited_early = self.left_early = False
        self.single_steps = 0
        self.initial_state: InitialState | None = None
        self.past_runs: list[PastRun] = []
        self.restarted_by_thread = self.restart_requested = self._single_pass = False
        self._in_steps = self._in_epochs = self._epoch_is_step = self._only_logged = self._suspended = False
        self._place = _place()
        self._user_values: dict[str, Any] = {}
        self._restart_count = 0
        self._final_settings: dict[str, Any] = {}
        self._on_change, self.pump = on_change, pump
        self._gpu_values: list[tuple[str, int, Tensor]] = []
        self.lock = threading.RLock()
        self._next_message = 0.0
        self.start_time = self.end_time = self.overhead_seconds = 0.0

    # The learner's loop.

    def iterate_steps(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Yield the batches; between two of them handle messages, apply hyperparameters, pause and stop."""
        try:
            if not self.active:
                # Epochs whose iterator was kept have ended with their cell.
                self._in_epochs = self._epoch_is_step = False
            self._in_steps = True
            while True:
                self._begin_steps(batches)
                for batch in batches:
                    self._end_step()
                    if not self._step_boundary():
                        break
                    self.step += 1
                    yield batch
                    self._resume()
                    self._in_steps = True
                if self._in_epochs or not self._reset_if_requested():
                    return
        except GeneratorExit:
            # Leaving the steps of one epoch early leaves the epochs to go on.
            if not self._in_epochs:
                self._on_early_exit()
            raise
        except BaseException as error:  # of the data loader, say; the epochs may go on after it, too
            if not self._in_epochs:
                self._on_early_exit("failed", error_text(error))
            raise
        finally:
            self._in_steps = False
            if not self._in_epochs and self.active:
                self._finish()
            else:
                self.flush()

    def iterate_epochs(self, count: int) -> Iterator[int]:
        """Yield epoch numbers from 0; end early when the run is stopped."""
        self._begin_loop()
        self._in_epochs = self._epoch_is_step = True
        self.epochs, self.steps = self.epoch + count, self.step + count
        try:
            number = 0
            while number < count and not self.stop_requested:
                if self._epoch_is_step:
                    if number:
                        self._end_step()
                    if not self._step_boundary():
                        if not self._reset_if_requested():
                            break
                        number, self.epochs, self.steps = 0, count, count
                        continue
                self.epoch += 1
                # Steps of its own take this one back.
                self.step, self._epoch_is_step = self.step + 1, True
                yield number
                self._resume()
                if self._reset_if_requested():
                    number, self.epochs, self.steps = 0, count, count
                    continue
                if self.restart_requested:
                    break
                self.history.marks.append(Mark(self.step, "epoch", str(self.epoch)))
                number += 1
        except GeneratorExit:
            self._on_early_exit()
            raise
        except BaseException as error:
            self._on_early_exit("failed", error_text(error))
            raise
        finally:
            self._in_epochs = self._epoch_is_step = False
            if self.active:
                self._finish()

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log one value of every metric, at the current step or at another one.

        Raises:
            DlvizError: a value is not a number, or the step is before an earlier one of the same metric. Nothing is logged then.
        """
        start = time.perf_counter()
        with self.lock:
            numbers = {name: _number(name, value) for name, value in values.items()}
            if step is not None:
                self._check_step(numbers, step)
            begins = not self._in_steps and self._begins_step(numbers, step)
            if begins:
                self._begin_logged_step(self.step + 1 if step is None else step)
            for name, number in numbers.items():
                self._add(name, self.step if step is None else step, number)
        self.overhead_seconds += time.perf_counter() - start
        if not self._in_steps:
            self._log_boundary(pause=begins)

    def _check_step(self, names: Iterable[str], step: Any) -> None:
        if not is_integer(step) or step < 0:
            raise DlvizError(message("training.refused.step", got=repr(step)))
        for name in names:
            if step < self._latest_step(name):
                raise DlvizError(
                    message("training.refused.earlier", name=name, step=step, last=self._latest_step(name))
                )

    def _latest_step(self, name: str) -> int:
        """Return the step of the metric's latest value, -1 without one."""
        on_gpu = [step for other, step, _ in self._gpu_values if other == name]
        return on_gpu[-1] if on_gpu else self.history[name].steps[-1] if name in self.history else -1

    def _begins_step(self, names: Iterable[str], step: int | None) -> bool:
        """Return whether values logged outside of steps belong to a new step."""
        if step is not None:
            return step > self.step
        return any(self._latest_step(name) == self.step for name in names)

    def _begin_logged_step(self, step: int) -> None:
        """Begin a step of a loop that only logs, such as that of a trainer with callbacks."""
        if self.state == "ready" or (self._only_logged and not self.active and not self.stop_requested):
            self._begin_loop()
            self._only_logged = self._single_pass = True
        if self.active:
            self._end_step()
            # How many steps there will be is not known.
            self.steps = 0
        self.step = step

    def _add(self, name: str, step: int, value: float | Tensor) -> None:
        if isinstance(value, Tensor):
            # Copied on the GPU and fetched with the others at the next message, so that no step waits for the GPU.
            self._gpu_values.append((name, step, value.detach().reshape(()).clone()))
            return
        self.history.add(name, step, value)
        if self.monitor is not None and not math.isfinite(value):
            self._check_finite()

    # Requests, from the browser or from Python.

    def request(self, name: str, value: Any) -> None:
        """Set a hyperparameter to `value` from the next step on.

        Raises:
            DlvizError: there is no such hyperparameter, or the value is not allowed.
        """
        if name not in self.hyperparameters:
            raise DlvizError(
                message("training.refused.unknown", name=name, known=", ".join(self.hyperparameters) or "-")
            )
        self.pending[name] = self.hyperparameters[name].validated(value)
        if not self.active:
            self.apply()

    def bind(self, targets: Mapping[str, Any]) -> None:
        """Bind hyperparameters by name; a new one replaces an old one of the same name."""
        for name, target in targets.items():
            hyperparameter = bind(name, target)
            self.hyperparameters[name] = hyperparameter
            if name in self._user_values and self.restarted_by_thread and self._restart_count:
                # The restarted function makes a new optimizer, which must get the values that the user set.
                hyperparameter.write(self._user_values[name])
            self.settings[name] = hyperparameter.read()

    def apply(self) -> None:
        """Apply every pending value, and mark the step."""
        while self.pending:
            name, value = self.pending.popitem()
            hyperparameter = self.hyperparameters[name]
            old = hyperparameter.read()
            if value != old:
                hyperparameter.write(value)
                self._user_values[name] = value
                self.history.marks.append(Mark(self.step + 1, "hyperparameter", name, old, value))
            self.settings[name] = hyperparameter.read()

    def stop(self) -> None:
        """Stop at the next step boundary; without a running loop there is nothing to stop."""
        self.stop_requested, self.pause_requested, self.restart_requested = True, False, False

    def restart(self) -> None:
        """Restart at the next step boundary.

        Raises:
            DlvizError: there is no initial state, or no running loop that could restart.
        """
        if self.initial_state is None:
            raise DlvizError(message("training.refused.no_initial_state"))
        if not self.can_restart:
            raise DlvizError(message("training.refused.restart"))
        self.restart_requested, self.pause_requested = True, False

    @property
    def active(self) -> bool:
        """Whether a loop is running, or paused."""
        return self.state in ("running", "paused")

    @property
    def can_restart(self) -> bool:
        """Whether :meth:`restart` is possible."""
        running = self.active and (self.restarted_by_thread or not self._single_pass)
        return self.initial_state is not None and (running or self.restarted_by_thread)

    def reset(self) -> None:
        """Keep the run so far as a past run, and begin another from the initial state."""
        assert self.initial_state is not None
        with self.lock:
            self._fetch_gpu_values()
            self._restart_count += 1
            self.number += 1
            # A value that was set after the end belongs to the next run.
            ended = not self.active
            self.history.marks[:] = [mark for mark in self.history.marks if mark.step <= self.step]
            self.past_runs.append(
                PastRun(str(self._restart_count), self._final_settings if ended else dict(self.settings), self.history)
            )
            del self.past_runs[:-MAX_PAST_RUNS]
            self.history = History()
            self.step = self.steps = self.epoch = self.epochs = 0
            self.overhead_seconds = 0.0
            self.start_time = time.perf_counter()
            self.restart_requested = False
            if self.monitor is not None:
                self.monitor.reset()
            self.initial_state.restore()
            for name, value in {**self._user_values, **self.pending}.items():
                self.hyperparameters[name].write(value)
                self._user_values[name] = value
            self.pending = {}

    def fail(self, error: str) -> None:
        """End the run with an error."""
        self._finish("failed", error)

    def end_left_behind(self, error: BaseException | None) -> None:
        """End the loop of a cell or a function that has ended: a trainer's, one that raised, or one whose iterator was kept.

        Args:
            error: what the cell raised.
        """
        if self._is_left_behind:
            if error is not None and (self.exited_early or self.active):
                self.fail(error_text(error))
            if self._only_logged:
                self.finish()
                self.stop_requested = False
            elif self.active:
                self._in_steps, self.left_early, self._suspended = False, True, True
                self._finish("stopped")
        self.exited_early = False

    def finish(self) -> None:
        """End the run, which is then "finished", or "stopped" if that was requested."""
        if self.active:
            self._finish()

    # Implementation.

    def _reset_if_requested(self) -> bool:
        """Reset if a restart was requested and the loop itself starts again."""
        if not self.restart_requested or self.stop_requested or self.restarted_by_thread:
            return False
        self.reset()
        return True

    def _begin_loop(self) -> None:
        """Begin a new loop, or continue a run with another loop."""
        if self.active:
            return
        now = time.perf_counter()
        self.number += 1
        self._only_logged = self._suspended = False
        self._place = _place()
        self.start_time = now if self.step == 0 else now - (self.end_time - self.start_time)
        self.state, self.error = "running", ""
        self.stop_requested = self.exited_early = self.left_early = False
        if self.monitor is not None:
            self.monitor.open()

    @property
    def _is_left_behind(self) -> bool:
        """Whether no thread and no task runs the latest loop beside the code that has ended here."""
        (thread, task), (current_thread, current_task) = self._place, _place()
        if thread is not current_thread:
            return not thread.is_alive()
        return task is None or task is current_task or task.done()

    def _resume(self) -> None:
        """Begin again a loop that had ended with its cell, and whose iterator is used in a later one."""
        if self._suspended:
            self._begin_loop()

    def _on_early_exit(self, state: str = "stopped", error: str = "") -> None:
        """End the run: the loop was left by ``break`` or by an error; which one is known at the end of the cell."""
        if self.active:
            self.exited_early = self.left_early = True
            self._finish(state, error)

    def _begin_steps(self, batches: Iterable[Any]) -> None:
        self._begin_loop()
        try:
            size = len(batches)  # type: ignore[arg-type]
        except Exception:  # an iterable without a length may say so in its own way
            size = 0
        # An iterator cannot start again, unless the learner's epochs make a new one.
        self._single_pass = not self._in_epochs and isinstance(batches, Iterator)
        if self._epoch_is_step:
            self.step, self._epoch_is_step = self.step - 1, False
        epochs_left = max(1, self.epochs - self.epoch + 1) if self._in_epochs else 1
        self.steps = self.step + size * epochs_left if size else 0
        self.flush()

    def _end_step(self) -> None:
        if self.monitor is not None and self.step:
            self.monitor.on_step_end(self.step)
            self._check_finite()

    def _log_boundary(self, *, pause: bool) -> None:
        """Do what happens between two steps where only a log tells of them."""
        start = time.perf_counter()
        self.pump()
        if self.pending:
            self.apply()
        if self.active and pause and self.pause_requested:
            if not self.single_steps:
                self._wait_while_paused()
                start = time.perf_counter()
            self.single_steps = max(0, self.single_steps - 1)
        if not self.active or start >= self._next_message:
            self.flush()
        self.overhead_seconds += time.perf_counter() - start
        if self._only_logged and self.stop_requested:
            self.finish()

    def _step_boundary(self) -> bool:
        """Handle messages, apply hyperparameters and wait while paused; return whether the loop continues."""
        start = time.perf_counter()
        self.pump()
        if self.pending and not self.restart_requested:
            self.apply()
        if self.pause_requested and not self.single_steps:
            self._wait_while_paused()
            start = time.perf_counter()
        self.single_steps = max(0, self.single_steps - 1)
        if start >= self._next_message:
            self.flush()
        self.overhead_seconds += time.perf_counter() - start
        return not (self.stop_requested or self.restart_requested)

    def _check_finite(self) -> None:
        """Mark the step at which the model first produced a NaN or an infinity."""
        assert self.monitor is not None
        self.monitor.check_finite(self.step)
        if self.monitor.nonfinite_layer and not any(mark.kind == "nonfinite" for mark in self.history.marks):
            self.history.marks.append(Mark(self.monitor.nonfinite_step, "nonfinite", self.monitor.nonfinite_layer))

    def _wait_while_paused(self) -> None:
        """Handle messages until the run is resumed, stopped, restarted or asked for a single step."""
        self.state = "paused"
        start = time.perf_counter()
        self.flush()
        while self.pause_requested and not self.stop_requested and not self.restart_requested and not self.single_steps:
            time.sleep(0.01)
            self.pump()
            if self.pending:
                self.apply()
                self.flush()
        # The pause counts neither as training nor as overhead.
        self.start_time += time.perf_counter() - start
        self.state = "running"
        self._next_message = 0.0

    def _finish(self, state: str = "", error: str = "") -> None:
        self.state = state or ("stopped" if self.stop_requested else "finished")
        self.error = error
        self.end_time = time.perf_counter()
        if self.monitor is not None and state != "failed":
            self.monitor.on_step_end(self.step)
            self._check_finite()
        # What was asked of this run is not asked of the next one. A thread is yet to see the restart.
        self.pause_requested, self.single_steps = False, 0
        self.restart_requested = self.restart_requested and self.restarted_by_thread
        if self.monitor is not None:
            self.monitor.close()
        self.flush()
        self._final_settings = dict(self.settings)
        if self.pending:  # no step follows that would apply them
            self.apply()
            self.flush()

    def flush(self) -> None:
        """Fetch the values that wait on a GPU, read the hyperparameters, and call `on_change`."""
        with self.lock:
            self._fetch_gpu_values()
            for name, hyperparameter in list(self.hyperparameters.items()):
                # A scheduler may have changed it, even beyond its slider's range.
                self.settings[name] = hyperparameter.read()
                self.hyperparameters[name] = hyperparameter.widened(self.settings[name])
            self._on_change()
            self._next_message = time.perf_counter() + MESSAGE_PERIOD

    def _fetch_gpu_values(self) -> None:
        if not self._gpu_values:
            return
        values, self._gpu_values = self._gpu_values, []
        numbers = torch.stack([value.double() for _, _, value in values]).cpu().tolist()
        for (name, step, _), number in zip(values, numbers, strict=True):
            self.history.add(name, step, number)

    @property
    def overhead(self) -> float:
        """Share of the training time that logging, showing and monitoring took."""
        monitoring = 0.0 if self.monitor is None else self.monitor.seconds
        return (self.overhead_seconds + monitoring) / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds(self) -> float:
        """Training time in seconds, without pauses."""
        if not self.start_time:
            return 0.0
        end = self.end_time if self.state in ("finished", "stopped", "failed") else time.perf_counter()
        return max(0.0, end - self.start_time)


def error_text(error: BaseException) -> str:
    """Return an error's class and text.

    Example:
        >>> error_text(ValueError("no data")), error_text(KeyboardInterrupt())
        ('ValueError: no data', 'KeyboardInterrupt')
    """
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _place() -> tuple[threading.Thread, "asyncio.Task[Any] | None"]:
    """Return the thread and the task that run this code; the task is ``None`` outside of an event loop."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        task = None
    return threading.current_thread(), task


def _number(name: str, value: Any) -> float | Tensor:
    """Return a metric's value as a float, or as the tensor on a GPU that it is.

    Raises:
        DlvizError: it is not a number.
    """
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise DlvizError(
                message("training.refused.metric", name=name, got=f"a tensor of shape {tuple(value.shape)}")
            )
        if value.is_cuda:
            return value
    try:
        return float(value.item() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise DlvizError(message("training.refused.metric", name=name, got=type(value).__name__)) from None
