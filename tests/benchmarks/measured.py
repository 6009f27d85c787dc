"""What every room's benchmark measures alike: the seconds of a call, and the bytes that cross."""

from collections.abc import Callable, Iterator
from time import perf_counter


def timed(call: Callable[[], None]) -> float:
    """Seconds of one call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def leaves(value: object) -> Iterator[bytes]:
    """Every array of a scene, as the bytes that cross."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
