"""One sequence, or one head of it, out of the batch of a call."""

from dataclasses import replace

from torch import Tensor

from dlviz.transformer.attention_call import AttentionCall


def one_sample(call: AttentionCall, sample: int) -> AttentionCall:
    """Return a call for one sequence of the batch, (1, H, …)."""
    return _sliced(call, slice(sample, sample + 1), slice(None), slice(None))


def one_head(call: AttentionCall, sample: int, head: int) -> AttentionCall:
    """Return a call for one head of one sequence, (1, 1, …); its output is that head's own.

    Args:
        call: the call.
        sample: index in the batch.
        head: index of the head.
    """
    group = head * call.key.shape[1] // call.shape[1]
    made = _sliced(call, slice(sample, sample + 1), slice(head, head + 1), slice(group, group + 1))
    return replace(made, output=made.joined, output_projection=None)


def _sliced(call: AttentionCall, samples: slice, heads: slice, groups: slice) -> AttentionCall:
    def part(x: Tensor | None) -> Tensor | None:
        return None if x is None else x.expand(call.shape)[samples, heads]

    return replace(
        call,
        query=call.query[samples, heads],
        key=call.key[samples, groups],
        value=call.value[samples, groups],
        mask=part(call.mask),
        heads=call.heads[samples, heads],
        output=call.output[samples],
        # Of torch's modules they may be averaged over heads, and nothing here reads them.
        given_weights=part(call.given_weights) if call.kind == "softmax" else None,
    )
