"""`dlviz.profile`: where the time of your own code goes, by module, by operation, by line and over time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import nn

from dlviz.kit.arguments import check_options, suggests_names
from dlviz.kit.caller_frames import name_of, scope, user_frames
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.notebook_output import NotebookOutput, in_notebook
from dlviz.kit.units import time_text
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import Widget, binary
from dlviz.profiling.attribution import Row
from dlviz.profiling.record import Operation, Record, from_profiler, from_recording, record, used_devices
from dlviz.profiling.recording import Recorder
from dlviz.profiling.scene import operation_name, scene
from dlviz.profiling.still import draw


class Profile(Widget):
    """Widget that shows a profile, or two on one time axis. It also is the context manager that profiles a block.

    Attributes:
        table_by: whether the table sums up by "operation", by "line" or by "module".
        highlighted: the row of the table whose events are marked, −1 for none.
        selected: the pinned event: the number of the profile, 0 or 1, and the index of the event in its ``events``; empty for none.
        time_range: start and end of what the timeline shows, in microseconds; empty for all of it.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "profiling"
    _function = "profile"
    _tensor_attributes = ("_records", "_recorder")

    table_by = traitlets.Enum(("operation", "line", "module"), "operation", help="what the table sums up by").tag(
        sync=True
    )
    highlighted = traitlets.Int(-1, min=-1, help="row of the table whose events are marked").tag(sync=True)
    selected = traitlets.List(traitlets.Int(), help="number of the profile, and index of the pinned event").tag(
        sync=True
    )
    time_range = traitlets.List(traitlets.Float(), help="start and end of the timeline in microseconds").tag(sync=True)

    def __init__(
        self, records: Sequence[Record] = (), *, label: str = "", against: Record | None = None, **traits: Any
    ) -> None:
        self._records: tuple[Record, ...] | None = tuple(records)
        self._label, self._against = label, against
        self._recorder: Recorder | None = None
        super().__init__(**traits)
        if self._records:
            self.scene = dict(binary(scene(self._records)))

    # A block.

    def __enter__(self) -> "Profile":
        self._check_open()
        if self._records or self._recorder is not None:
            raise DlvizError(message("profiling.refused.entered"))
        self._recorder = Recorder(used_devices(), user_frames(2))
        self._recorder.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        recording = recorder.stop()
        if kind is not None or self._closed:
            return
        found = from_recording(recording, self._label or message("profiling.block"), scope(2))
        self._records = (found,) if self._against is None else (found, self._against)
        self._against = None
        self.scene = dict(binary(scene(self._records)))
        if in_notebook():
            NotebookOutput(self).display()

    # What Python reads.

    @property
    def records(self) -> tuple[Record, ...]:
        """The profiles that are drawn: one, or two.

        Raises:
            DlvizError: the block has not run yet, or the widget has been closed.
        """
        self._check_open()
        if not self._records:
            raise DlvizError(message("profiling.refused.empty"))
        return self._records

    @property
    def record(self) -> Record:
        """The profile, the first of two."""
        return self.records[0]

    @property
    def total(self) -> float:
        """Self time of all events on the CPU, in microseconds, as ``torch.profiler`` sums it up."""
        return self.record.total

    @property
    def rows(self) -> list[Row]:
        """The modules, and what runs outside of them; their ``own_time`` adds up to :attr:`total`."""
        return self.record.rows

    @property
    def operations(self) -> list[Operation]:
        """Every operation, the one with the most self time first."""
        return self.record.operations

    def table(self, count: int = 10) -> str:
        """Return the costliest operations as text: self time, share, calls and line.

        Args:
            count: number of rows, at most.
        """
        if not is_integer(count) or count < 1:
            raise DlvizError(message("profiling.refused.count", name="count", low=1, got=repr(count)))
        all_time = max(self.record.total + self.record.device_total, 1e-9)
        lines = []
        for operation in self.operations[:count]:
            where = "" if operation.line is None else f"{operation.line}  {operation.line.text}"
            share = f"{100 * operation.self_time / all_time:.0f}%"
            name = operation_name(operation)
            lines.append(
                f"{time_text(operation.self_time):>9} {share:>4} {operation.calls:>6}×  {name:<48} {where}".rstrip()
            )
        return "\n".join(lines)

    def _describe(self) -> str:
        if not self._records:
            return message("profiling.repr_empty")
        what = " | ".join(one.label for one in self._records)
        modules = sum(row.calls > 0 for one in self._records for row in one.rows)
        return message("profiling.repr", what=what, modules=modules)

    def _image(self) -> str:
        return super()._image() if self._records else ""

    def _still(self) -> str:
        return draw(self.records, self._still_theme)

    def _page_state(self) -> dict[str, Any]:
        assert self.records
        return super()._page_state()

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> list[int]:
        value = list(proposal["value"])
        if value:
            events = [len(one.events) for one in self._records or ()]
            if len(value) != 2 or not 0 <= value[0] < len(events) or not 0 <= value[1] < events[value[0]]:
                raise DlvizError(message("profiling.refused.selected", got=value, profiles=len(events)))
        return value

    @traitlets.validate("time_range")
    def _check_range(self, proposal: Any) -> list[float]:
        value = list(proposal["value"])
        if value and not (len(value) == 2 and value[0] < value[1]):
            raise DlvizError(message("profiling.refused.time_range", got=value))
        return value


@suggests_names
def profile(
    fn: Any = None,
    *args: Any,
    warmup: int | None = None,
    repeats: int | None = None,
    label: str = "",
    against: Any = None,
    table_by: str = "operation",
    theme: str = "auto",
) -> Profile:
    """Show where the time of a model, a function or a block of code goes.

    ``dlviz.profile(net, x)`` runs ``net(x)``, and ``dlviz.profile(train_step)`` your function: `warmup` times unmeasured, `repeats` times
    without the profiler, then as often with it. The run with the median duration is drawn. Models, optimizers and arguments are as before
    afterwards.
    ``with dlviz.profile() as p:`` profiles the code in the block, which runs once, and shows the widget when it ends.

    The times are those of ``torch.profiler``. Its events are sorted by module, with hooks that are there only while it runs: also those of
    the backward pass, which are tied to the forward by their sequence numbers. The lines are those of your own code. On CUDA the kernels
    and the transfers have lanes of their own.

    Args:
        fn: a model or a function; ``None`` for a block. A ``torch.profiler.profile`` of your own that has ended is shown as it is, without
            modules and lines, which torch's profiler does not keep.
        *args: what it is called with.
        warmup: runs before the measured ones; 1 by default.
        repeats: measured runs; by default 5, or fewer if they take longer than 5 seconds.
        label: what the head line calls it; by default its name.
        against: another profile, or a function or a model that is profiled with the same arguments: both are drawn on one time axis.
        table_by: whether the table sums up by "operation", by "line" or by "module".
        theme: "auto", "light" or "dark".

    Returns:
        A widget. ``p.total``, ``p.rows``, ``p.operations`` and ``p.record`` hold the numbers, in microseconds.

    Raises:
        DlvizError: an argument does not fit, torch refuses the call, or another profiler runs. An error from inside your own code is
            raised as it is.

    Example:
        >>> import torch, dlviz
        >>> net = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU())
        >>> p = dlviz.profile(net, torch.ones(2, 8), repeats=1)
        >>> [row.path for row in p.rows]
        ['net', 'net.0', 'net.1']
        >>> p.operations[0].calls >= 1
        True

    Source:
        https://docs.pytorch.org/docs/stable/profiler.html
    """
    _check_label(label)
    check_options("profile", Profile, {"table_by": table_by, "theme": theme})
    if fn is None:
        for name, value in (("warmup", warmup), ("repeats", repeats)):
            if value is not None:
                raise DlvizError(message("profiling.refused.option_block", name=name))
        if callable(against) and not isinstance(against, Profile):
            raise DlvizError(message("profiling.refused.against", got=type(against).__name__))
        return Profile(
            label=label, against=None if against is None else _finished(against), table_by=table_by, theme=theme
        )
    if isinstance(fn, torch.profiler.profile):
        return Profile(
            [from_profiler(fn, label), *([] if against is None else [_finished(against)])],
            table_by=table_by,
            theme=theme,
        )
    names = scope()
    runs: dict[str, Any] = {"warmup": 1 if warmup is None else _count("warmup", warmup, 0)}
    runs["repeats"] = None if repeats is None else _count("repeats", repeats, 1)
    _check_callable(fn)
    other = None if against is None or callable(against) else _finished(against)
    records = [record(fn, args, label=label or _name(fn, names), names=names, **runs)]
    if other is not None:
        records.append(other)
    elif against is not None:
        records.append(record(against, args, label=_name(against, names), names=names, **runs))
    return Profile(records, table_by=table_by, theme=theme)


def _finished(against: Any) -> Record:
    """Return the record of another profile.

    Raises:
        DlvizError: it is none, or shows two.
    """
    if isinstance(against, Record):
        return against
    if not isinstance(against, Profile):
        raise DlvizError(message("profiling.refused.against", got=type(against).__name__))
    if len(against.records) > 1:
        raise DlvizError(message("profiling.refused.against_pair"))
    return against.record


def _check_callable(fn: Any) -> None:
    if not callable(fn) or isinstance(fn, type):
        raise DlvizError(message("profiling.refused.callable", got=type(fn).__name__))


def _check_label(label: Any) -> None:
    if not isinstance(label, str):
        raise DlvizError(message("profiling.refused.label", got=type(label).__name__))


def _count(name: str, value: Any, low: int) -> int:
    if not is_integer(value) or value < low:
        raise DlvizError(message("profiling.refused.count", name=name, low=low, got=repr(value)))
    return int(value)


def _name(function: Callable[..., Any], names: dict[str, Any]) -> str:
    """Return what the learner calls a function or a model."""
    own = (
        type(function).__name__
        if isinstance(function, nn.Module)
        else getattr(function, "__name__", type(function).__name__)
    )
    return name_of(function, names, own)
