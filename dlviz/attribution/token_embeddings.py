"""The embedding of a net that reads the ids of tokens: what it makes of them, and what else stands in its place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.torchkit.modules import modules


def readers(holder: nn.Module, run: Callable[[Tensor], Any], ids: Tensor) -> list[tuple[nn.Embedding, Tensor]]:
    """Return the embeddings that read some ids, with what they make of them.

    Args:
        holder: the net, or a module that holds those that it runs.
        run: calls the net with the ids.
        ids: ids of the tokens of one input, (1, T).

    Returns:
        Pairs of an embedding and its output, (1, T, D).
    """
    same: dict[nn.Embedding, Tensor] = {}
    equal: dict[nn.Embedding, Tensor] = {}

    def keep(module: nn.Embedding, given: Sequence[Any], kwargs: Mapping[str, Any], made: Tensor) -> None:
        read = _ids_of(given, kwargs)
        if matches := _orientation(read, ids):
            # Positions 0, 1, 2, … may happen to be equal to the ids.
            kept = same if read.data_ptr() == ids.data_ptr() else equal
            kept.setdefault(module, (made if matches == 1 else made.transpose(0, 1)).detach().clone())

    with ExitStack() as stack, torch.no_grad():
        for module in modules(holder):
            if isinstance(module, nn.Embedding):
                hook = nn.Module.register_forward_hook(module, keep, with_kwargs=True)  # type: ignore[arg-type]
                stack.callback(hook.remove)
        run(ids)
    return list((same or equal).items())


@contextmanager
def exchanged(embedding: nn.Embedding, ids: Tensor, embeddings: Tensor) -> Iterator[None]:
    """Let an embedding return other embeddings (K, T, D) inside the block, where it reads these ids (K, T)."""

    def exchange(_: nn.Module, given: Any, kwargs: Mapping[str, Any], made: Tensor) -> Tensor:
        matches = _orientation(_ids_of(given, kwargs), ids)
        return made if not matches else embeddings if matches == 1 else embeddings.transpose(0, 1)

    handle = nn.Module.register_forward_hook(embedding, exchange, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _ids_of(given: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return the first argument of a call of an embedding."""
    return given[0] if given else kwargs.get("input")


def _orientation(given: Any, ids: Tensor) -> int:
    """Return 1 if an embedding was given these ids (K, T), 2 if it was given them as (T, K), else 0."""
    if not isinstance(given, Tensor) or given.dim() != 2:
        return 0
    if given.shape == ids.shape and torch.equal(given, ids.to(given)):
        return 1
    return 2 if given.shape == ids.T.shape and torch.equal(given, ids.T.to(given)) else 0
