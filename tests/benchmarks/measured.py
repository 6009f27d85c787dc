"""Shared measurements: the duration of a call, and the bytes that are sent to the browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread inside the block: small operations gain nothing from more, which wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def timed(call: Callable[[], None]) -> float:
    """Return the seconds of one call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def leaves(value: object) -> Iterator[bytes]:
    """Yield every array of a scene as the bytes that are sent."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
