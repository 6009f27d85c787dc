"""The process groups of communication: torch's profiler does not name them."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch.distributed as dist
from torch.profiler import record_function

from dlviz.multiprocess.timeline import GROUP_EVENT

#: Methods of a group that communicate; newer releases of torch have more names for some.
_METHODS = (
    "allreduce",
    "allreduce_coalesced",
    "broadcast",
    "reduce",
    "allgather",
    "_allgather_base",
    "all_gather_single",
    "allgather_coalesced",
    "allgather_into_tensor_coalesced",
    "gather",
    "scatter",
    "reduce_scatter",
    "_reduce_scatter_base",
    "reduce_scatter_single",
    "reduce_scatter_tensor_coalesced",
    "alltoall",
    "alltoall_base",
    "all_to_all_single",
    "barrier",
    "send",
    "recv",
    "recv_anysource",
)


@contextmanager
def named_groups(before: Callable[[], None]) -> Iterator[None]:
    """Put communication in a group of only some processes into an event that names their ranks, within the block.

    Args:
        before: called before each communication.
    """
    kind: Any = dist.ProcessGroup
    # As they stand in the class: pybind11's functions get no self if they are put back as getattr() returns them.
    originals = {name: vars(kind)[name] for name in _METHODS if name in vars(kind)}
    for name in originals:
        setattr(kind, name, _named(getattr(kind, name), before))
    try:
        yield
    finally:
        for name, method in originals.items():
            setattr(kind, name, method)


def _named(method: Callable[..., Any], before: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(group: Any, *args: Any, **kwargs: Any) -> Any:
        before()
        if group.size() == dist.get_world_size():
            return method(group, *args, **kwargs)
        ranks = ",".join(map(str, dist.get_process_group_ranks(group)))
        with record_function(GROUP_EVENT + ranks):
            return method(group, *args, **kwargs)

    return call
