"""What torch keeps after an export or a compilation, with the tensors in it: entries of its caches are removed again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def caches_restored() -> Iterator[None]:
    """Remove what the block adds to torch's caches; what was there before stays.

    Torch's cache of operations on fake tensors and its table of backends would otherwise keep every exported model, and so would a cycle
    between the sizes of a program and the fake tensors that have them, which Python cannot see.
    """
    from torch._dynamo import eval_frame  # takes seconds to import
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    caches: list[dict[Any, Any]] = [FakeTensorMode.cache, eval_frame.cached_backends]
    before = [set(cache) for cache in caches]
    earlier = {id(one) for one in _live(ShapeEnv)}
    try:
        yield
    finally:
        for cache, keys in zip(caches, before, strict=True):
            for key in [key for key in cache if key not in keys]:
                del cache[key]
        for sizes in _live(ShapeEnv):
            if id(sizes) not in earlier:
                sizes.tracked_fakes = None  # used while guards are made, which is over


def _live(kind: type) -> list[Any]:
    """Return every object of a type."""
    return [one for one in gc.get_objects() if type(one) is kind]
