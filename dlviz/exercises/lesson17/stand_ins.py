"""Stand-ins for hardware that not every machine has: an accelerator with its queue, a second device, and several processes.

What they count is the same on every machine, so that an answer can be checked on a laptop as on a GPU.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class Accelerator:
    """Model of how a GPU is driven. ``launch`` puts work into a queue and returns; the accelerator does it in order, meanwhile.

    Time is counted in microseconds and not measured: a launch takes the CPU 10 of them, whatever the work.

    Example:
        >>> gpu = Accelerator()
        >>> gpu.launch(500)
        >>> gpu.clock()
        10.0
        >>> gpu.synchronize()
        >>> gpu.clock()
        510.0
    """

    LAUNCH = 10.0

    def __init__(self) -> None:
        self._now = self._idle_at = 0.0

    def clock(self) -> float:
        """Return the time on the CPU's clock, in microseconds."""
        return self._now

    def launch(self, microseconds: float) -> None:
        """Queue work that will take the accelerator so long."""
        self._now += self.LAUNCH
        self._idle_at = max(self._idle_at, self._now) + microseconds

    def synchronize(self) -> None:
        """Let the CPU wait until the queue is empty."""
        self._now = max(self._now, self._idle_at)


#: What a tensor tells without its numbers.
_METADATA = {
    Tensor.__len__,
    Tensor.size,
    Tensor.dim,
    Tensor.numel,
    *(getattr(Tensor, name).__get__ for name in ("shape", "dtype", "ndim", "device", "is_cuda")),
}


class ElsewhereTensor(Tensor):
    """Tensor in the memory of another device than the model: it can be moved by ``.to(device)``, and all else is refused.

    Its numbers really are on the CPU, and so is the model. A device that is written in the code, as in ``.cpu()``, is refused,
    too: with a model on a GPU it would be the wrong one.

    Example:
        >>> x = torch.ones(2).as_subclass(ElsewhereTensor)
        >>> x.to(torch.device("cpu")) + 1
        tensor([2., 2.])
    """

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in _METADATA:
            return super().__torch_function__(function, types, args, kwargs)
        target = _target(args[1:], kwargs)
        if function is Tensor.to and isinstance(target, (torch.device, Tensor)):
            return function(args[0].as_subclass(Tensor), *args[1:], **kwargs)
        if function in (Tensor.cpu, Tensor.cuda) or (function is Tensor.to and isinstance(target, str)):
            raise RuntimeError("Expected all tensors to be on the same device, but this move does not go to `device`")
        name = getattr(function, "__name__", "an operation")
        raise RuntimeError(f"Expected all tensors to be on the same device, but {name} got one of another device")


def _target(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the first argument of a call of Tensor.to, which says where, as which dtype, or like which tensor."""
    return args[0] if args else kwargs.get("device", kwargs.get("other"))


class Process:
    """What one of several processes sees of the others: the part of ``torch.distributed`` that averaging gradients needs."""

    def __init__(self, rank: int, exchange: "_Exchange") -> None:
        self._rank, self._exchange = rank, exchange

    @property
    def ReduceOp(self) -> Any:  # noqa: N802 (torch's name)
        """The operations of ``torch.distributed``."""
        return torch.distributed.ReduceOp

    def get_rank(self) -> int:
        """Return the number of this process, from 0."""
        return self._rank

    def get_world_size(self) -> int:
        """Return the number of processes."""
        return len(self._exchange.given)

    def all_reduce(self, tensor: Tensor, op: Any = None) -> None:
        """Replace a tensor by the sum of those with which all processes call this, and wait for them.

        Raises:
            RuntimeError: another process has ended without such a call, or came with another shape.
        """
        if op not in (None, torch.distributed.ReduceOp.SUM):
            raise RuntimeError("all_reduce: gloo adds up here; divide by the number of processes yourself")
        parts = self._exchange.all_given(self._rank, tensor.detach().clone())
        if len({part.shape for part in parts}) > 1:
            shapes = " and ".join(str(tuple(part.shape)) for part in parts)
            raise RuntimeError(f"all_reduce: the processes came with different shapes, {shapes}")
        with torch.no_grad():
            tensor.copy_(torch.stack(parts).sum(0))


class _Exchange:
    """Tensors that the processes have given so far, those of one call at the same place of each list."""

    def __init__(self, size: int) -> None:
        self.given: list[list[Tensor]] = [[] for _ in range(size)]
        self._ended = [False] * size
        self._changed = threading.Condition()

    def all_given(self, rank: int, tensor: Tensor) -> list[Tensor]:
        with self._changed:
            call = len(self.given[rank])
            self.given[rank].append(tensor)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._missing(call) or self._missing(call) & self._gone())
            if self._missing(call):
                raise _LeftAloneError("all_reduce would wait for ever: another process has ended without calling it")
            return [tensors[call] for tensors in self.given]

    def end(self, rank: int) -> None:
        with self._changed:
            self._ended[rank] = True
            self._changed.notify_all()

    def _missing(self, call: int) -> set[int]:
        return {rank for rank, tensors in enumerate(self.given) if len(tensors) <= call}

    def _gone(self) -> set[int]:
        return {rank for rank, ended in enumerate(self._ended) if ended}


class _LeftAloneError(RuntimeError):
    """Raised where another process has ended, perhaps with an error that is the cause."""


def run_processes(function: Callable[..., Any], arguments: Sequence[Any]) -> None:
    """Call ``function(argument, process)`` for each argument at the same time, as if in a process of its own.

    Raises:
        Exception: what one of the calls raised.

    Example:
        >>> tensors = [torch.tensor(1.0), torch.tensor(2.0)]
        >>> run_processes(lambda tensor, dist: dist.all_reduce(tensor), tensors)
        >>> tensors
        [tensor(3.), tensor(3.)]
    """
    exchange = _Exchange(len(arguments))
    errors: list[BaseException] = []

    def run(rank: int) -> None:
        try:
            function(arguments[rank], Process(rank, exchange))
        except BaseException as error:
            errors.append(error)
        finally:
            exchange.end(rank)

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(len(arguments))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in sorted(errors, key=lambda error: isinstance(error, _LeftAloneError)):
        raise error
