"""Shared measurements: the duration of a call, and the bytes that are sent to the browser."""

from collections.abc import Callable, Iterator
from time import perf_counter


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
