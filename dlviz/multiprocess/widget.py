"""`dlviz.parallel`: your own worker as several processes of this machine, and how their gradients become one."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import traitlets

from dlviz.kit.arguments import check_options, suggests_names
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import Widget, binary
from dlviz.multiprocess.record import Record
from dlviz.multiprocess.scaling import efficiency, gradient_difference, largest, speedup
from dlviz.multiprocess.scaling import records as run_all
from dlviz.multiprocess.scene import scene
from dlviz.multiprocess.still import draw


class Parallel(Widget):
    """Widget that shows a run with several processes. A step of the player is a step of the optimizer.

    Attributes:
        parameter: index of the parameter whose gradients are shown.
        shown: whether the timeline shows the "step", or the whole "run".
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "multiprocess"
    _function = "parallel"
    _tensor_attributes = ("_records",)

    parameter = traitlets.Int(0, min=0, help="index of the parameter whose gradients are shown").tag(sync=True)
    shown = traitlets.Enum(("step", "run"), "step", help="what the timeline shows").tag(sync=True)

    def __init__(self, records: dict[int, Record], **traits: Any) -> None:
        self._records: dict[int, Record] | None = dict(records)
        super().__init__(**traits)
        self.scene = dict(binary(scene(self._records, _cores())))

    @property
    def records(self) -> dict[int, Record]:
        """The record of each number of processes.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        assert self._records is not None
        return self._records

    @property
    def record(self) -> Record:
        """The record of the largest number of processes, which is drawn."""
        return largest(self.records)

    @property
    def results(self) -> list[Any]:
        """What the worker returned in each process, rank 0 first."""
        return [rank.result for rank in self.record.ranks]

    @property
    def gradient_difference(self) -> float | None:
        """Largest difference of a gradient to that of one process, over all compared steps; ``None`` without a run of one process."""
        return gradient_difference(self.records)

    @property
    def speedup(self) -> dict[int, float]:
        """For each larger number of processes, how many times as fast a step is as with one; empty without a run of one process."""
        return speedup(self.records)

    @property
    def efficiency(self) -> dict[int, float]:
        """The speedup divided by the number of processes."""
        return efficiency(self.records)

    def _describe(self) -> str:
        counts = ", ".join(map(str, sorted(self.records)))
        return message("multiprocess.repr", what=self.record.label, counts=counts)

    def _still(self) -> str:
        return draw(self.records, _cores(), self.step, self.parameter, self._still_theme)

    @traitlets.validate("parameter")
    def _check_parameter(self, proposal: Any) -> int:
        count = len(self.scene["gradients"]["parameters"]) if self.scene else proposal["value"] + 1
        if proposal["value"] >= max(1, count):
            raise DlvizError(message("multiprocess.refused.parameter", got=proposal["value"], count=count))
        return int(proposal["value"])


def _cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@suggests_names
def parallel(
    worker: Callable[..., Any] | str,
    *args: Any,
    nprocs: int | Sequence[int] = 2,
    threads: int = 1,
    timeout: float = 120.0,
    steps: int = 20,
    label: str = "",
    theme: str = "auto",
) -> Parallel:
    """Run your worker as several processes of this machine, and show how they train one model together.

    Each process calls ``worker(rank, world_size, *args)``. ``torch.distributed`` is initialized there with gloo, as under ``torchrun``, so
    ``DistributedDataParallel``, ``fully_shard``, ``all_reduce``, ``send`` and ``recv`` work as they do on several machines. What the
    processes print appears while they run.

    The timeline shows what each process computes and sends, and which one waits for which. Below it are the gradients that each process has
    computed on its part of the batch, their mean, and what the optimizer gets. With ``nprocs=(1, 2)`` the worker also runs as one process:
    then its gradients on the whole batch stand beside them, and the speedup is measured.

    Args:
        worker: your function, which may be defined in a notebook cell, or a text such as "worker.py:train" that names one in a file.
        *args: what it gets after ``rank`` and ``world_size``. Each process has a copy of them, and of the variables that the function uses.
        nprocs: number of processes, or several such as ``(1, 2, 4)``: each is run, and the largest is drawn.
        threads: threads of torch in each process.
        timeout: seconds after which a worker that has not ended is an error that says where each process stands.
        steps: steps of the optimizer that are recorded. Later ones run without the profiler and are only timed.
        label: what the head line calls it; by default the worker's name.
        theme: "auto", "light" or "dark".

    Returns:
        A widget. ``p.results`` holds what each process returned, ``p.record`` and ``p.records`` what was recorded; with one process among
        several numbers, ``p.gradient_difference``, ``p.speedup`` and ``p.efficiency`` hold the comparison.

    Raises:
        DlvizError: an argument does not fit, or cannot be copied to another process.
        WorkerError: the worker raised an error, was killed, or did not end in time.

    Example:
        >>> import torch, dlviz
        >>> def worker(rank, world_size):
        ...     total = torch.tensor([rank + 1.0])
        ...     torch.distributed.all_reduce(total)
        ...     return total.item()
        >>> dlviz.parallel(worker, nprocs=2).results
        [3.0, 3.0]

    Source:
        https://docs.pytorch.org/docs/stable/distributed.html
    """
    check_options("parallel", Parallel, {"theme": theme})
    records = run_all(worker, args, nprocs=nprocs, threads=threads, timeout=timeout, steps=steps, label=label)
    return Parallel(records, theme=theme)
