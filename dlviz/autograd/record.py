"""`record(loss)`: walk the autograd graph behind a tensor and return it as data."""

import heapq
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.autograd import torch_internals
from dlviz.autograd.backward_hooks import BackwardRecorder
from dlviz.autograd.graph import Graph, ModuleCall, Node, op_name
from dlviz.autograd.inputs import find_inputs
from dlviz.autograd.names import VariableNames
from dlviz.autograd.source_lines import source_line
from dlviz.autograd.tape import ModuleSpan, RecordedOp, Tape
from dlviz.autograd.tensor_summary import shape_text
from dlviz.kit.caller_frames import user_frames, variables
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type
from dlviz.torchkit.modules import named_children, unregistered_note


def record(
    loss: Tensor,
    tape: Tape | None = None,
    *,
    names: Mapping[str, Tensor] | None = None,
    model: nn.Module | None = None,
    scope: Mapping[str, Any] | None = None,
) -> Graph:
    """Return the autograd graph behind `loss` as nodes and edges.

    No operation runs: the nodes are torch's own. Gradients appear in the nodes after ``loss.backward()``. Values, source lines and
    module paths need a `tape` that recorded the forward pass.

    Args:
        loss: any tensor computed from tensors with ``requires_grad=True``.
        tape: from ``with dlviz.autograd.recording() as tape:``.
        names: names for tensors, in addition to the variables and modules of the calling frames.
        model: the module to name parameters after, if no variable leads to it.
        scope: variables of a function that has already returned, by name.

    Returns:
        The graph. It keeps torch's nodes alive as long as it lives.

    Raises:
        dlviz.kit.errors.DlvizError: `loss` is not a tensor, is a leaf, or has no graph; the message suggests a remedy.

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
    check_names(names, model)
    frames = user_frames(2)
    scopes = [dict(scope or {})] + [variables(frame) for frame in frames] + [frame.f_globals for frame in frames[:1]]
    model = model if model is not None or tape is None else tape.model
    variable_names = VariableNames(scopes, model, names or {})
    functions = backward_order(loss.grad_fn)  # type: ignore[arg-type]
    graph = _graph(loss, functions, tape, variable_names)
    graph.model_notes = _model_notes(tape, model)
    graph.backward.register(functions)
    return graph


def check(loss: Any, tape: Tape | None) -> None:
    """Raise an error if `loss` has no graph; the message gives the reason and a remedy."""
    check_type(loss, Tensor, "autograd.refused.type")
    if tape is not None:
        check_type(tape, Tape, "autograd.refused.tape")
    if loss.grad_fn is not None:
        return
    if loss.requires_grad:
        raise DlvizError(message("autograd.refused.leaf", shape=shape_text(torch_internals.shape_of(loss))))
    cut = tape.cuts[-1] if tape is not None and tape.cuts else None
    if cut is not None and cut.location is not None:
        raise DlvizError(
            message(
                "autograd.refused.cut",
                shape=shape_text(torch_internals.shape_of(loss)),
                why=message(f"autograd.cut.{cut.cut}"),
                where=source_line(cut.location),
            )
        )
    raise DlvizError(message("autograd.refused.untracked", shape=shape_text(torch_internals.shape_of(loss))))


def check_names(names: Any, model: Any) -> None:
    """Raise an error unless `names` maps names to tensors and `model` is a module, where they are given."""
    if model is not None:
        check_type(model, nn.Module, "autograd.refused.model")
    if names is None:
        return
    check_type(names, Mapping, "autograd.refused.names")
    for name, tensor in names.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise DlvizError(message("autograd.refused.names", got=f"{{{name!r}: {type(tensor).__name__}}}"))


def _model_notes(tape: Tape | None, model: nn.Module | None) -> list[str]:
    """Return what the learner should know of the modules that ran, and of `model`."""
    outermost = [span.module for span in tape.module_spans if span.parent < 0] if tape is not None else []
    found = {id(module): module for module in [*outermost, *([model] if model is not None else [])]}
    notes = [unregistered_note(module) for module in found.values()]
    return list(dict.fromkeys(note for note in notes if note))


def backward_order(root: torch_internals.Node) -> list[torch_internals.Node]:
    """Return every node behind `root`, in the order in which the engine will run them.

    The engine runs a node after all its consumers, the most recently created node first.
    """
    pending: Counter[torch_internals.Node] = Counter()
    seen, stack = {root}, [root]
    while stack:
        for producer, _ in stack.pop().next_functions:
            if producer is not None:
                pending[producer] += 1
                if producer not in seen:
                    seen.add(producer)
                    stack.append(producer)
    order: list[torch_internals.Node] = []
    ready = [(-torch_internals.sequence(root), 0, root)]
    arrivals = 0
    while ready:
        node = heapq.heappop(ready)[2]
        order.append(node)
        for producer, _ in node.next_functions:
            if producer is not None:
                pending[producer] -= 1
                arrivals += 1
                if not pending[producer]:
                    heapq.heappush(ready, (-torch_internals.sequence(producer), arrivals, producer))
    return order


def _graph(loss: Tensor, functions: list[torch_internals.Node], tape: Tape | None, names: VariableNames) -> Graph:
    by_sequence = {torch_internals.sequence(function): i for i, function in enumerate(functions)}
    calls = _module_calls(tape.module_spans, names) if tape is not None else []
    backward = BackwardRecorder()
    nodes = _nodes(functions, tape, names, calls, by_sequence, backward)
    index = {function: i for i, function in enumerate(functions)}
    edges, slots = [], []
    for i, function in enumerate(functions):
        for slot, (producer, output) in enumerate(function.next_functions):
            if producer is not None:
                edges.append((i, index[producer]))
                slots.append((slot, output))
    graph = Graph(loss, names.tensor_name(loss) or "loss", nodes, edges, slots, backward, calls)
    if tape is not None:
        graph.has_tape, graph.mutations = True, tape.mutations
        consumers = [(node.index, node.recorded) for node in nodes if node.recorded is not None]
        graph.inputs, graph.cuts = find_inputs(consumers, tape, names, by_sequence)
    return graph


def _nodes(
    functions: list[torch_internals.Node],
    tape: Tape | None,
    names: VariableNames,
    calls: list[ModuleCall],
    by_sequence: dict[int, int],
    backward: BackwardRecorder,
) -> list[Node]:
    labels = {tensor.grad_fn: name for name, tensor in reversed(names.computed)}
    with_hook = {tensor.grad_fn for _, tensor in names.computed if _has_hook(tensor)}
    retaining = {tensor.grad_fn for _, tensor in names.computed if tensor.retains_grad}
    call_at = _CallLookup(tape.module_spans if tape is not None else [])
    ops = tape.ops if tape is not None else {}
    nodes = []
    for i, function in enumerate(functions):
        sequence, name, leaf = torch_internals.sequence(function), function.name(), torch_internals.is_leaf(function)
        variable: Any = function.variable if leaf else None  # type: ignore[attr-defined]
        outputs = (variable,) if leaf else torch_internals.output_metadata(function)
        shapes, dtypes = tuple(map(torch_internals.shape_of, outputs)), tuple([output.dtype for output in outputs])
        op = None if leaf else _matching(ops.get(sequence), shapes, dtypes)
        call = -1 if leaf else call_at(sequence)
        nodes.append(
            Node(
                index=i,
                grad_fn=function,
                name=name,
                op=op_name(name),
                sequence=sequence,
                label=names.tensor_name(variable) if leaf else labels.get(function, ""),
                module=calls[call].path if call >= 0 else "",
                call=call,
                created_by=by_sequence.get(op.created_by) if op is not None and op.created_by is not None else None,
                is_leaf=leaf,
                has_hook=_has_hook(variable) if leaf else function in with_hook,
                retains_grad=function in retaining,
                recorded=op,
                backward=backward,
                shapes=shapes,
                dtypes=dtypes,
            )
        )
    return nodes


def _has_hook(tensor: Tensor) -> bool:
    """Return whether the user registered a hook on the tensor; that of ``retain_grad`` does not count."""
    return bool(tensor._backward_hooks) or bool(getattr(tensor, "_post_accumulate_grad_hooks", None))


def _module_calls(spans: list[ModuleSpan], names: VariableNames) -> list[ModuleCall]:
    """Return the module calls; each module is described once however often it is called."""
    modules = {id(span.module): span.module for span in spans}
    described = {key: (names.module_path(module), _module_class(module)) for key, module in modules.items()}
    return [ModuleCall(*described[id(span.module)], span.parent) for span in spans]


def _module_class(module: nn.Module) -> str:
    extra = "" if named_children(module) else type(module).extra_repr(module)
    short = re.sub(r"(in|out)_features=|, \w+=True|, eps=[\d.e-]+", "", extra)
    return f"{type(module).__name__}({short})"


def _matching(op: RecordedOp | None, shapes: Sequence[Any], dtypes: Sequence[torch.dtype]) -> RecordedOp | None:
    """Return the recorded operation if its outputs have the shapes and dtypes of the node's outputs."""
    if op is None or not op.kept:
        return op
    if len(shapes) > len(op.values):
        return None
    for shape, dtype, value in zip(shapes, dtypes, op.values, strict=False):
        if dtype != value.dtype or shape != torch_internals.shape_of(value):
            return None
    return op


class _CallLookup:
    """Lookup of the innermost module call at a sequence number."""

    def __init__(self, spans: list[ModuleSpan]) -> None:
        # The innermost call at every change. Calls nest, so one sweep over their ends is sufficient.
        self.starts: list[int] = []
        self.calls: list[int] = []
        open_calls: list[tuple[int, int]] = []
        for i, span in enumerate(spans):
            self._close(open_calls, span.start)
            open_calls.append((span.end, i))
            self._change(span.start, i)
        self._close(open_calls, torch_internals.LEAF_SEQUENCE)

    def _close(self, open_calls: list[tuple[int, int]], until: int) -> None:
        while open_calls and open_calls[-1][0] <= until:
            end, _ = open_calls.pop()
            self._change(end, open_calls[-1][1] if open_calls else -1)

    def _change(self, start: int, call: int) -> None:
        if self.starts and self.starts[-1] == start:
            self.calls[-1] = call
        else:
            self.starts.append(start)
            self.calls.append(call)

    def __call__(self, sequence: int) -> int:
        i = bisect_right(self.starts, sequence) - 1
        return self.calls[i] if i >= 0 else -1
