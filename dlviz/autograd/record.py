"""`record(loss)`: walk the real graph behind a tensor and write it down."""

import heapq
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dlviz.autograd import torch_internals
from dlviz.autograd.backward_hooks import Backward
from dlviz.autograd.graph import Call, Graph, Node, op_name
from dlviz.autograd.inputs import find_inputs
from dlviz.autograd.names import Names
from dlviz.autograd.source_lines import locate
from dlviz.autograd.tape import Op, Scope, Tape
from dlviz.kit.caller_frames import user_frames, variables
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


def record(
    loss: Tensor,
    tape: Tape | None = None,
    *,
    names: Mapping[str, Tensor] | None = None,
    scope: Mapping[str, Any] | None = None,
) -> Graph:
    """The autograd graph behind `loss`, as nodes and edges that you can compare with a walk of your own.

    Nothing is run: the nodes are torch's. Gradients appear in the nodes once ``loss.backward()`` has run. Values, source lines and
    module paths need a `tape` that was recording during the forward pass.

    Args:
        loss: any tensor that came out of a computation on tensors with ``requires_grad=True``.
        tape: from ``with dlviz.autograd.recording() as tape:``.
        names: names for tensors, beyond the variables and modules that are found in your own frames.
        scope: variables of a frame that is gone by now, by name.

    Returns:
        The graph. It keeps torch's nodes alive until you let go of it.

    Raises:
        dlviz.kit.errors.DlvizError: `loss` is not a tensor, is a leaf, or has no graph; the message says what would help.

    Example:
        >>> import torch
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> graph = record(w * w)
        >>> graph.edges
        [(0, 1), (0, 1)]

    Source:
        https://docs.pytorch.org/docs/stable/autograd.html
    """
    check(loss, tape)
    frames = user_frames(2)
    scopes = [dict(scope or {})] + [variables(frame) for frame in frames] + [frame.f_globals for frame in frames[:1]]
    found = Names(scopes, tape.model if tape else None, names or {})
    functions = backward_order(loss.grad_fn)  # type: ignore[arg-type]
    graph = _graph(loss, functions, tape, found)
    graph.backward.watch(functions)
    return graph


def check(loss: Any, tape: Tape | None) -> None:
    """Refuse what has no graph, in words that say why and what would help."""
    if not isinstance(loss, Tensor):
        raise DlvizError(message("autograd.refused.type", got=type(loss).__name__))
    if tape is not None and not isinstance(tape, Tape):
        raise DlvizError(message("autograd.refused.tape", got=type(tape).__name__))
    if loss.grad_fn is not None:
        return
    if loss.requires_grad:
        raise DlvizError(message("autograd.refused.leaf", shape=tuple(loss.shape)))
    cut = tape.cuts[-1] if tape is not None and tape.cuts else None
    if cut is not None and cut.spot is not None:
        raise DlvizError(
            message(
                "autograd.refused.cut",
                shape=tuple(loss.shape),
                why=message(f"autograd.cut.{cut.cut}"),
                where=locate(cut.spot),
            )
        )
    raise DlvizError(message("autograd.refused.untracked", shape=tuple(loss.shape)))


def backward_order(root: torch_internals.Node) -> list[torch_internals.Node]:
    """Every node behind `root`, in the order in which the engine will run them.

    The engine runs a node when all its users have run, the most recently made one first.
    """
    waiting: Counter[torch_internals.Node] = Counter()
    seen, stack = {root}, [root]
    while stack:
        for maker, _ in stack.pop().next_functions:
            if maker is not None:
                waiting[maker] += 1
                if maker not in seen:
                    seen.add(maker)
                    stack.append(maker)
    order: list[torch_internals.Node] = []
    ready = [(-torch_internals.sequence(root), 0, root)]
    arrivals = 0
    while ready:
        node = heapq.heappop(ready)[2]
        order.append(node)
        for maker, _ in node.next_functions:
            if maker is not None:
                waiting[maker] -= 1
                arrivals += 1
                if not waiting[maker]:
                    heapq.heappush(ready, (-torch_internals.sequence(maker), arrivals, maker))
    return order


def _graph(loss: Tensor, functions: list[torch_internals.Node], tape: Tape | None, names: Names) -> Graph:
    index = {function: i for i, function in enumerate(functions)}
    labels = {tensor.grad_fn: name for name, tensor in reversed(names.made)}
    hooked = {tensor.grad_fn for _, tensor in names.made if _has_hook(tensor)}
    retained = {tensor.grad_fn for _, tensor in names.made if tensor.retains_grad}
    by_sequence = {torch_internals.sequence(f): i for i, f in enumerate(functions)}
    calls = [_call(scope, names) for scope in tape.scopes] if tape is not None else []
    scope_of = _Scopes(tape.scopes if tape is not None else [])
    ops = tape.ops if tape is not None else {}
    backward = Backward()
    nodes = []
    for i, function in enumerate(functions):
        number, name, leaf = torch_internals.sequence(function), function.name(), torch_internals.is_leaf(function)
        op = None if leaf else _matching(ops.get(number), function)
        scope = -1 if leaf else scope_of(number)
        nodes.append(
            Node(
                index=i,
                grad_fn=function,
                name=name,
                op=op_name(name),
                sequence=number,
                label=names.of(function.variable) if leaf else labels.get(function, ""),  # type: ignore[attr-defined]
                module=calls[scope].path if scope >= 0 else "",
                scope=scope,
                maker=by_sequence.get(op.maker) if op is not None and op.maker is not None else None,
                is_leaf=leaf,
                hooked=_has_hook(function.variable) if leaf else function in hooked,  # type: ignore[attr-defined]
                retained=function in retained,
                record=op,
                backward=backward,
            )
        )
    edges, slots = [], []
    for i, function in enumerate(functions):
        for slot, (maker, number) in enumerate(function.next_functions):
            if maker is not None:
                edges.append((i, index[maker]))
                slots.append((slot, number))
    graph = Graph(loss, names.of(loss) or "loss", nodes, edges, slots, backward, calls)
    if tape is not None:
        graph.taped, graph.mutations = True, tape.mutations
        users = [(node.index, node.record) for node in nodes if node.record is not None]
        graph.inputs, graph.cuts = find_inputs(users, tape, names, by_sequence)
    return graph


def _has_hook(tensor: Tensor) -> bool:
    """True where somebody hung a hook on the tensor; that of ``retain_grad`` does not count."""
    return bool(tensor._backward_hooks) or bool(getattr(tensor, "_post_accumulate_grad_hooks", None))


def _call(scope: Scope, names: Names) -> Call:
    extra = scope.module.extra_repr() if not any(True for _ in scope.module.children()) else ""
    short = re.sub(r"(in|out)_features=|, \w+=True|, eps=[\d.e-]+", "", extra)
    return Call(names.path(scope.module), f"{type(scope.module).__name__}({short})", scope.parent)


def _matching(op: Op | None, function: torch_internals.Node) -> Op | None:
    """The recorded operation, if what it returned has the shape and dtype that the node says it returned."""
    if op is None or not op.kept:
        return op
    outputs = torch_internals.outputs_of(function)
    fits = len(outputs) <= len(op.values) and all(
        tuple(meta.shape) == tuple(value.shape) and meta.dtype == value.dtype
        for meta, value in zip(outputs, op.values, strict=False)
    )
    return op if fits else None


class _Scopes:
    """Finds the innermost module call around a sequence number."""

    def __init__(self, scopes: list[Scope]) -> None:
        # Innermost call at every change: calls nest, so one sweep over their ends is enough.
        self.starts: list[int] = []
        self.scopes: list[int] = []
        open_scopes: list[tuple[int, int]] = []
        for i, scope in enumerate(scopes):
            self._close(open_scopes, scope.start)
            open_scopes.append((scope.end, i))
            self._mark(scope.start, i)
        self._close(open_scopes, torch_internals.LEAF_SEQUENCE)

    def _close(self, open_scopes: list[tuple[int, int]], until: int) -> None:
        while open_scopes and open_scopes[-1][0] <= until:
            end, _ = open_scopes.pop()
            self._mark(end, open_scopes[-1][1] if open_scopes else -1)

    def _mark(self, start: int, scope: int) -> None:
        if self.starts and self.starts[-1] == start:
            self.scopes[-1] = scope
        else:
            self.starts.append(start)
            self.scopes.append(scope)

    def __call__(self, number: int) -> int:
        at = bisect_right(self.starts, number) - 1
        return self.scopes[at] if at >= 0 else -1
