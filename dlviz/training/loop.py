"""What a learner's loop calls: steps, epochs, log, knobs, restarts; none of it needs a page."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.training.model_monitor import Layer, Watch
from dlviz.training.record import History
from dlviz.training.restart import Beginning, Past
from dlviz.training.run import Run


class Loop:
    """The learner's side of a run. Whoever shows it says what to do before its first step, and when a knob or the state is new."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._thread: threading.Thread | None = None
        self._train: Callable[[], Any] | None = None
        self._working = False

    def _appear(self) -> None:
        """A loop begins."""

    def _stand(self) -> None:
        """There are other knobs, or something else can be asked of the run."""

    def knobs(self, **targets: Any) -> None:
        """Bind knobs by name to what they turn.

        Args:
            targets: an optimizer (its parameter groups' value of that name), a module (for ``dropout`` every dropout in it, else its
                attribute of that name), ``(object, "attribute")``, a dictionary that holds it under that name, a ``DataLoader`` (its
                batch size, from the next epoch on), a function of the new value in :func:`dlviz.knob`, or :func:`dlviz.knob` around
                any of them for a range or choices of your own.

        Raises:
            DlvizError: there is nothing of that name to turn.
        """
        self._run.add_knobs(targets)
        self._stand()

    def steps(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The batches one by one; between two of them knobs are turned, and pause and stop are heard.

        In a notebook a run that has not been displayed yet, by itself or in a box, appears where its loop begins.
        """
        self._appear()
        self._taken_over()
        return self._run.over(batches)

    def epochs(self, count: int) -> Iterator[int]:
        """Epoch numbers from 0 to ``count - 1``; ends early when the run is stopped."""
        self._taken_over()
        return self._run.rounds(count)

    def _taken_over(self) -> None:
        """A loop outside of :meth:`start`'s thread goes back by itself at a restart; what the thread trained is not called again."""
        if threading.current_thread() is not self._thread:
            self._run.caller, self._train = False, None

    def log(self, **metrics: Any) -> None:
        """Keep one value of every metric, numbers or tensors of one element, at the step as it stands.

        A tensor on a GPU is fetched with the next message to the page and not at this step.
        """
        self._run.log(metrics)

    def watch(self, model: nn.Module) -> None:
        """Look into a model a few times a second: gradient norm, update and dead ReLUs of every layer, and which one made the first NaN.

        The looks are rarer where they would take more than a twentieth of the time. They change nothing that the model computes.
        """
        if self._run.watch is not None:
            self._run.watch.close()
        self._run.watch = Watch(model)

    def restarts(self, *things: Any, seed: int | None = None) -> None:
        """Have the run able to begin again, by :meth:`restart` or the page's button: call it right before the loop.

        A restart puts everything back as it is now, and begins with the knobs as they were turned by hand. The curves so far stay
        behind the new ones. Where nothing was turned, the same numbers come again, bit for bit. Variables of your own loop, such as
        a running sum, are yours to reset.

        Args:
            things: the modules, optimizers, schedulers and generators to be put back.
            seed: sets all random numbers (:func:`dlviz.seed`), now and at every restart; without it they go back to where they stand.

        Raises:
            DlvizError: one of `things` cannot tell its state.

        Example:
            >>> import torch, dlviz
            >>> net = torch.nn.Linear(2, 1)
            >>> run = dlviz.live()
            >>> run.restarts(net, seed=0)
            >>> for step in run.steps(range(3)):
            ...     run.log(noise=torch.rand(()))
            ...     if step == 1 and not run.past:
            ...         run.restart()
            >>> len(run.past[0].history["noise"]), len(run.history["noise"])
            (2, 3)
            >>> run.past[0].history["noise"].values[:2] == run.history["noise"].values[:2]
            True
        """
        self._run.beginning = Beginning(things, seed)
        self._stand()

    def restart(self) -> None:
        """Begin again at the next step boundary; a function that :meth:`start` trains is called anew, even after its end.

        Raises:
            DlvizError: :meth:`restarts` was not called, or no loop is running.
        """
        with self._run.lock:
            self._run.restart()
            idle = self._train is not None and not self._working
        if idle and self._train is not None:
            self._begin_thread(self._train)

    @property
    def past(self) -> list[Past]:
        """The runs before each restart, the oldest first: ``.settings`` and ``.history`` of each; the last ten."""
        return list(self._run.past)

    @property
    def layers(self) -> list[Layer]:
        """The newest look into the watched model, layer by layer."""
        return [] if self._run.watch is None else list(self._run.watch.layers)

    @property
    def wild(self) -> str:
        """The first layer of the watched model whose output held a NaN or an infinity, "" while there is none."""
        return "" if self._run.watch is None else self._run.watch.wild

    def start(self, train: Callable[[], Any]) -> None:
        """Train in a thread of its own, which keeps the kernel free; :meth:`stop` ends it at a step, :meth:`wait` waits for it.

        Raises:
            DlvizError: it trains already.
        """
        if self._working:
            raise DlvizError(message("training.refused.running"))
        self._train, self._run.caller = train, True
        self._begin_thread(train)

    def _begin_thread(self, train: Callable[[], Any]) -> None:
        self._working = True
        self._thread = threading.Thread(target=self._work, args=(train,), daemon=True)
        self._thread.start()

    def _work(self, train: Callable[[], Any]) -> None:
        run = self._run
        try:
            while True:
                if run.restarting:
                    run.again()
                train()
                with run.lock:
                    # Under the lock: a restart is heard either here or by whoever finds nobody working.
                    if not run.restarting:
                        self._working = False
                        return
        except BaseException as error:  # a thread's error would be seen nowhere
            self._working = False
            run.fail(f"{type(error).__name__}: {error}")

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the thread that :meth:`start` began has ended.

        Raises:
            DlvizError: it raised; the message holds what.
        """
        if self._thread is not None:
            self._thread.join(seconds)
        if self._run.state == "failed":
            raise DlvizError(message("training.refused.failed", error=self._run.error))

    def stop(self) -> None:
        """End at the next step."""
        self._run.stop()

    @property
    def history(self) -> History:
        """Every metric by its name: ``run.history["loss"].values``; and ``.marks``."""
        return self._run.history

    @property
    def state(self) -> str:
        """ "ready", "running", "paused", "stopped", "finished" or "failed"."""
        return self._run.state

    @property
    def overhead(self) -> float:
        """Which share of the training time logging, showing and listening took."""
        return self._run.overhead
