"""What went wrong in a worker, told with the learner's own lines."""

import linecache
import re
import signal
import sys
from typing import TYPE_CHECKING, Any

from dlviz.kit.caller_frames import is_library_file
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.multiprocess.child import Place

if TYPE_CHECKING:
    from dlviz.multiprocess.launch import Process

#: What gloo says in a process whose partner has gone.
_LOST = re.compile(r"Connection (?:closed|reset)|closed by peer|Broken pipe|Socket Timeout|gloo", re.I)
#: Signals whose usual cause a message tells.
_EXPLAINED = ("SIGKILL", "SIGABRT")


class WorkerError(DlvizError):
    """Error of a worker in one of the processes.

    Attributes:
        rank: of the process that failed first; −1 where none of them did, and time ran out.
    """

    def __init__(self, text: str, rank: int = -1) -> None:
        super().__init__(text)
        self.rank = rank


def is_consequence(process: "Process") -> bool:
    """Return whether a process failed because another one had gone."""
    failure = process.failure
    return (
        failure is not None
        and failure.kind in ("RuntimeError", "DistBackendError")
        and bool(_LOST.search(failure.text))
    )


def raised(process: "Process", world_size: int) -> WorkerError:
    """Return the error to raise for a process that failed."""
    values: dict[str, Any] = {"rank": process.rank, "count": world_size}
    failure = process.failure
    if failure is None:
        assert process.code is not None
        if process.code < 0:
            name = signal.Signals(-process.code).name
            hint = message(f"multiprocess.hint.{name}") if name in _EXPLAINED else ""
            text = message("multiprocess.error.killed", signal=name, hint=hint, **values)
            return WorkerError(text.rstrip(), process.rank)
        return WorkerError(message("multiprocess.error.exited", code=process.code, **values), process.rank)
    values |= {"kind": failure.kind, "text": failure.text, "trace": _trace(failure.places)}
    if "initialize the default process group twice" in failure.text:
        return WorkerError(message("multiprocess.error.initialized", **values), process.rank)
    return WorkerError(message(f"multiprocess.error.{failure.stage}", **values).rstrip(), process.rank)


def standing(problem: str, processes: list["Process"], **values: str) -> WorkerError:
    """Return the error to raise when processes do not go on: where each stands.

    Args:
        problem: "start", "deadlock" or "timeout".
        processes: the processes, which have been asked.
        values: for the message.
    """
    lines = [_standing(process) for process in processes]
    return WorkerError(message(f"multiprocess.error.{problem}", places="\n".join(lines), **values))


def _standing(process: "Process") -> str:
    rank = process.rank
    if process.done:
        return message("multiprocess.standing.returned", rank=rank)
    if process.stack is None:
        return message("multiprocess.standing.silent", rank=rank)
    calls = process.stack.places
    own = [k for k, place in enumerate(calls) if not _is_library(place)]
    if not own:
        return message("multiprocess.standing.library", rank=rank)
    place = calls[own[-1]]
    called = [inner for inner in calls[own[-1] + 1 :] if "torch" in inner[0] and inner[2] != "wrapper"]
    values = {"rank": rank, "place": where(place), "code": source_line(place)}
    if called:
        return message("multiprocess.standing.inside", name=called[0][2], **values)
    return message("multiprocess.standing.at", **values)


def _is_library(place: Place) -> bool:
    return is_library_file(place[0])


def _trace(places: list[Place]) -> str:
    """Return the learner's lines of a traceback, outermost call first."""
    lines = []
    for place in places:
        if not _is_library(place):
            code = source_line(place)
            lines.append(f"  {where(place)}" + (f"\n    {code}" if code else ""))
    return "\n".join(lines)


def source_line(place: Place) -> str:
    """Return the text of a line of code, "" if it is not known."""
    return linecache.getline(place[0], place[1]).strip()


def where(place: Place) -> str:
    """Return a place as Python's tracebacks name it, and a cell of a notebook by its number."""
    file, line, function = place
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    cell = shell.compile.format_code_name(file) if shell is not None else None
    if cell is not None:
        return message("multiprocess.place.cell", cell=cell[1], line=line, function=function)
    return message("multiprocess.place.file", file=file, line=line, function=function)
