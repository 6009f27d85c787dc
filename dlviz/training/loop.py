"""Methods that the learner's loop calls: steps, epochs, log, knobs, restarts. None of them needs a browser."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from torch import nn

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.model_thread import trains_here
from dlviz.kit.validation import check_type, is_integer, is_iterable
from dlviz.training.model_monitor import ModelMonitor
from dlviz.training.restart import InitialState
from dlviz.training.run import Run, error_text

_NO_VALUES: Mapping[str, Any] = {}


class Sized(Iterator[Any]):
    """Iterator with the length of what it iterates over."""

    def __init__(self, iterator: Iterator[Any], source: Any) -> None:
        self._iterator, self._source = iterator, source

    def __next__(self) -> Any:
        return next(self._iterator)

    def __len__(self) -> int:
        try:
            return len(self._source)
        except (
            Exception
        ) as error:  # an iterable without a length may say so in its own way, but `list` knows only this one
            raise TypeError(str(error)) from None


class TrainingLoop:
    """The learner's interface to a run.

    Args:
        run: the run.
        before_loop: called when a loop begins.
        after_configure: called when hyperparameters are bound, or a restart becomes possible.
        after_watch: called with every model that is watched, and its name.

    Attributes:
        training: whether a thread of :meth:`start` is training.
    """

    def __init__(
        self,
        run: Run,
        before_loop: Callable[[], None],
        after_configure: Callable[[], None],
        after_watch: Callable[[nn.Module, str], None],
    ) -> None:
        self._run, self._before_loop, self._after_configure = run, before_loop, after_configure
        self._after_watch = after_watch
        self._thread: threading.Thread | None = None
        self._train: Callable[[], Any] | None = None
        self.training = False
        self._error = ""

    def knobs(self, *unnamed: Any, **targets: Any) -> None:
        """Bind hyperparameters by name, so that they can be changed while the loop runs.

        Args:
            unnamed: nothing; a hyperparameter needs a name.
            targets: an optimizer (the value of that name in its parameter groups), a module (for ``dropout`` every dropout layer, else
                its attribute of that name), ``(object, "attribute")``, a dictionary with that key, a ``DataLoader`` (its batch size,
                from the next epoch on), a function of the new value in :func:`dlviz.knob`, or :func:`dlviz.knob` around any of them
                for a range or choices of your own. ``(optimizer, "lr")`` and ``(dictionary, "key")`` have any name.

        Raises:
            DlvizError: no hyperparameter of that name, or it has no name.

        Example:
            >>> import torch, dlviz
            >>> generator, discriminator = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
            >>> opt_g = torch.optim.Adam(generator.parameters(), lr=0.001)
            >>> opt_d = torch.optim.Adam(discriminator.parameters(), lr=0.002)
            >>> run = dlviz.live()
            >>> run.knobs(lr_g=(opt_g, "lr"), lr_d=(opt_d, "lr"))
            >>> run.settings
            {'lr_g': 0.001, 'lr_d': 0.002}
        """
        if unnamed:
            raise DlvizError(message("training.refused.unbound", got=type(unnamed[0]).__name__))
        self._run.bind(targets)
        self._after_configure()

    def steps(self, batches: Iterable[Any]) -> "Sized":
        """Yield the batches; between two of them hyperparameters are changed, and the run can pause or stop.

        In a notebook a run that has not been displayed yet, by itself or in a box, is displayed when its loop begins. As many as the
        batches, so that ``tqdm(run.steps(loader))`` knows the total.

        Raises:
            DlvizError: `batches` cannot be looped over.
        """
        if not is_iterable(batches):
            raise DlvizError(message("training.refused.batches", got=type(batches).__name__))
        self._before_loop()
        self._leave_thread()
        return Sized(self._run.iterate_steps(batches), batches)

    def epochs(self, count: int) -> "Sized":
        """Yield epoch numbers from 0 to ``count - 1``; end early when the run is stopped.

        An epoch without :meth:`steps` of its own counts as a step: hyperparameters are changed, and the run pauses, between two epochs.

        Raises:
            DlvizError: `count` is not a whole number from 0 on.
        """
        if not is_integer(count) or count < 0:
            raise DlvizError(message("training.refused.epochs", got=repr(count)))
        self._before_loop()
        self._leave_thread()
        return Sized(self._run.iterate_epochs(int(count)), range(count))

    def _leave_thread(self) -> None:
        """Let a loop outside of the thread of :meth:`start` restart itself, and forget the function that the thread called."""
        if threading.current_thread() is not self._thread:
            self._run.restarted_by_thread, self._train = False, None

    def log(self, values: Mapping[str, Any] = _NO_VALUES, /, *, step: int | None = None, **metrics: Any) -> None:
        """Log one value of every metric, a number or a tensor of one element, at the current step.

        A tensor on a GPU is fetched with the next message to the browser and not at this step. Where the loop is a trainer's own,
        ``log`` in a callback is enough: hyperparameters are changed, and the run pauses, when a step is logged.

        Args:
            values: metrics whose names are no Python names, as a dictionary.
            step: the trainer's step. Without it, a metric's second value outside of :meth:`steps` begins the next step.
            metrics: a value for each name.

        Raises:
            DlvizError: a value is not a number, or the step is before the metric's last one.

        Example:
            With Lightning::

                class Curves(lightning.Callback):
                    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
                        run.log(loss=outputs["loss"], step=trainer.global_step)

            With Hugging Face's Trainer::

                class Curves(transformers.TrainerCallback):
                    def on_log(self, args, state, control, logs, **kwargs):
                        run.log({name: value for name, value in logs.items() if isinstance(value, float)}, step=state.global_step)

            Such a run ends with its cell, or with :meth:`finish`. To obey the Stop button, end the callback with
            ``trainer.should_stop = run.state == "stopped"`` or ``control.should_training_stop = run.state == "stopped"``.

            >>> import dlviz
            >>> run = dlviz.live()
            >>> for trainers_step in (10, 20, 30):
            ...     run.log({"eval/loss": 1 / trainers_step}, step=trainers_step)
            >>> run.finish()
            >>> run
            dlviz.live(run: finished at step 30, eval/loss)
        """
        if not isinstance(values, Mapping):
            raise DlvizError(message("training.refused.unnamed", got=type(values).__name__))
        was_active = self._run.active
        self._run.log({**{str(name): value for name, value in values.items()}, **metrics}, step)
        if self._run.active and not was_active:
            self._before_loop()

    def finish(self) -> None:
        """End a run that is only logged, as at the end of a trainer's training; a loop of steps or epochs ends by itself."""
        self._run.finish()

    def watch(self, model: nn.Module) -> None:
        """Sample a model a few times a second: gradient norm, update and dead ReLUs of every layer, and the layer with the first NaN.

        Samples are rarer if they would take more than 4% of the time. They change nothing that the model computes, and leave no hook in
        it. Several models, such as a generator and a discriminator, can be watched side by side. Of a compiled model the gradients,
        updates and weights are sampled.

        Raises:
            DlvizError: `model` is not a module.
        """
        check_type(model, nn.Module, "training.refused.watch")
        if self._run.monitor is None:
            self._run.monitor = ModelMonitor()
        original = getattr(model, "_orig_mod", model)
        monitor, names = self._run.monitor, scope()
        name = name_of(model, names, "") or name_of(original, names, "") or monitor.free_name(type(original).__name__)
        monitor.watch(model, name)
        if self._run.active:
            monitor.open()
        self._after_watch(model, name)

    def restarts(self, *objects: Any, seed: int | None = None) -> None:
        """Make it possible to restart the run, by :meth:`restart` or the button below the curves: call it right before the loop.

        A restart restores the current state, and keeps the hyperparameters that were changed by hand. The curves so far stay behind
        the new ones. If nothing was changed, the same numbers come again, bit for bit. Variables of your own loop, such as a running
        sum, are yours to reset.

        Args:
            objects: the modules, optimizers, schedulers and generators to restore.
            seed: seeds all random numbers (:func:`dlviz.seed`), now and at every restart; by default their current state is restored.

        Raises:
            DlvizError: one of `objects` has no state that can be saved.

        Example:
            >>> import torch, dlviz
            >>> net = torch.nn.Linear(2, 1)
            >>> run = dlviz.live()
            >>> run.restarts(net, seed=0)
            >>> for step in run.steps(range(3)):
            ...     run.log(noise=torch.rand(()))
            ...     if step == 1 and not run.past_runs:
            ...         run.restart()
            >>> len(run.past_runs[0].history["noise"]), len(run.history["noise"])
            (2, 3)
            >>> run.past_runs[0].history["noise"].values[:2] == run.history["noise"].values[:2]
            True
        """
        self._run.initial_state = InitialState(objects, seed)
        self._after_configure()

    def restart(self) -> None:
        """Restart at the next step boundary; a function that was given to :meth:`start` is called again, even after its end.

        Raises:
            DlvizError: :meth:`restarts` was not called, or no loop is running.
        """
        with self._run.lock:
            self._run.restart()
            idle = self._train is not None and not self.training
        if idle and self._train is not None:
            self._begin_thread(self._train)

    def start(self, train: Callable[[], Any]) -> None:
        """Train in a thread, which keeps the kernel free; :meth:`stop` ends it at a step, :meth:`wait` waits for it.

        Args:
            train: a function without arguments, with the loop in it.

        Raises:
            DlvizError: `train` cannot be called, or a thread of this run is training already.
        """
        if not callable(train):
            raise DlvizError(message("training.refused.train", got=type(train).__name__))
        if self.training:
            raise DlvizError(message("training.refused.running"))
        self._train, self._run.restarted_by_thread = train, True
        self._begin_thread(train)

    def _begin_thread(self, train: Callable[[], Any]) -> None:
        self.training, self._error = True, ""
        self._thread = threading.Thread(target=self._work, args=(train,), daemon=True)
        self._thread.start()

    def _work(self, train: Callable[[], Any]) -> None:
        run = self._run
        try:
            while True:
                if run.restart_requested:
                    run.reset()
                with trains_here():
                    train()
                with run.lock:
                    # Under the lock: a restart is handled either here or by restart(), never by both.
                    if not run.restart_requested:
                        run.end_left_behind(None)
                        self.training = False
                        return
        except BaseException as error:  # an error in a thread would not be shown anywhere
            self.training = run.restart_requested = False
            self._error = error_text(error)
            run.fail(self._error)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the thread that :meth:`start` began has ended.

        Raises:
            DlvizError: the training function raised; the message contains its error.
        """
        if self._thread is not None:
            self._thread.join(seconds)
        if self._error:
            raise DlvizError(message("training.refused.failed", error=self._error))

    def stop(self) -> None:
        """Stop at the next step."""
        self._run.stop()
