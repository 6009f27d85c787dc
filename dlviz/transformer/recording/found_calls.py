"""The calls that a recorder has found, and how their heads are laid out and joined."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from dlviz.transformer.attention_call import AttentionCall
from dlviz.transformer.edits import Edits, check_edits
from dlviz.transformer.recording.head_layout import join, merged_heads, merged_index, projected, rearranged


@dataclass(frozen=True, eq=False)
class HeadsTag:
    """Tag of a tensor that holds heads of a call.

    Attributes:
        call: the call's number.
        index: for each number of the tensor its position in the flattened heads of the call.
    """

    call: int
    index: Tensor


@dataclass
class Found:
    """A call that was found, as it was computed, and as it is shown.

    Attributes:
        computed: the call with its heads where the module had them.
        shown: the call with its batch and heads apart, and with the output projection.
        order: which entries of the computed (N, H) are the heads of each sequence, ``None`` if that is not known.
        parts: numbers of the calls of one head each that it was merged from.
    """

    computed: AttentionCall
    shown: AttentionCall
    order: Tensor | None = None
    parts: tuple[int, ...] = ()


class FoundCalls:
    """Every call of a run by its number, in execution order; a call that others were merged into comes after them.

    Attributes:
        count: how many there are, which is the number of the next.
    """

    def __init__(self) -> None:
        self.count = 0
        self._found: dict[int, Found] = {}

    def shown(self) -> list[AttentionCall]:
        """Return what was found, in execution order, each with a name of its own."""
        counts: dict[str, int] = {}
        named = []
        for one in (self._found[number] for number in self._numbers()):
            name = one.shown.name
            counts[name] = counts.get(name, 0) + 1
            named.append(
                one.shown if counts[name] == 1 else replace(one.shown, name=f"{name} ({counts[name]})".strip())
            )
        return named

    def edits_by_part(self, edits: Mapping[int, Edits]) -> dict[int, tuple[Edits, Tensor | None]]:
        """Return edits of calls as edits for another run, by number, with the order of heads that this run found."""
        numbers = self._numbers()
        made: dict[int, tuple[Edits, Tensor | None]] = {}
        for index, one in edits.items():
            found, first = self._found[numbers[index]], 0
            check_edits(one, found.shown)
            for number in found.parts or (numbers[index],):
                heads = self._found[number].computed.shape[1] if found.parts else found.shown.shape[1]
                made[number] = (one.of_heads(first, heads), self._found[number].order)
                first += heads
        return made

    def _numbers(self) -> list[int]:
        """Return the numbers of the calls that are shown: not those that were merged into another."""
        merged = {part for one in self._found.values() for part in one.parts}
        return [number for number in sorted(self._found) if number not in merged]

    def add(self, call: AttentionCall, parts: tuple[int, ...] = ()) -> int:
        """Add a call and return its number."""
        self._found[self.count] = Found(call, call, parts=parts)
        self.count += 1
        return self.count - 1

    def project(self, tag: HeadsTag, layer: tuple[Tensor, Tensor | None], output: Tensor) -> None:
        """Give a call its output projection: weight and bias of the first linear layer that its joined heads go into."""
        found = self._found[tag.call]
        if found.shown.output_projection is not None:
            return
        joined = join(tag.index, found.computed.heads.shape)
        if joined is not None and layer[0].shape[1] == len(joined.columns):
            found.order = joined.order
            found.shown = projected(rearranged(found.computed, joined.order), joined, *layer, output)

    def lay_out(self, tag: HeadsTag) -> None:
        """Learn from joined heads which entries of a batch are the heads of one sequence."""
        found, index = self._found[tag.call], tag.index
        if found.order is not None or found.computed.kind != "softmax" or index.dim() < 2:
            return
        heads = found.computed.heads.shape
        layouts = [index, index.flatten(2).mT] if index.dim() > 2 else [index]  # features last, or first as in images
        joined = next(filter(None, (join(one, heads) for one in layouts if one.shape[-1] > heads[-1])), None)
        if joined is not None:
            found.order = joined.order
            found.shown = rearranged(found.computed, joined.order)

    def concatenated(
        self, name: str, tags: Sequence[HeadsTag], concatenate: Callable[[list[Tensor]], Tensor]
    ) -> HeadsTag | None:
        """Return the tag of heads that are concatenated; ``None`` if they do not make one call.

        Args:
            name: of the call that calls of one head each are merged into.
            tags: of the parts, which belong to one call or each to another.
            concatenate: does to their indices what was done to them.
        """
        numbers = list(dict.fromkeys(tag.call for tag in tags))
        number, indices = numbers[0], [tag.index for tag in tags]
        if len(numbers) > 1:
            calls = [self._found[one].computed for one in numbers]
            whole = all(tag.index.numel() == call.heads.numel() for tag, call in zip(tags, calls, strict=False))
            merged = merged_heads(name, calls) if whole and len(numbers) == len(tags) else None
            if merged is None:
                return None
            indices = merged_index(indices, [one.heads.shape for one in calls])
            number = self.add(merged, tuple(numbers))
        made = HeadsTag(number, concatenate(indices))
        self.lay_out(made)
        return made
