"""`dlviz.graph`: widget that draws the autograd graph of a loss and steps through backward."""

import gc
import inspect
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor, nn

from dlviz.autograd.diagram import Diagram, build_diagram
from dlviz.autograd.forward_recorder import recording
from dlviz.autograd.graph import Graph
from dlviz.autograd.node_details import describe
from dlviz.autograd.record import check_names, record
from dlviz.autograd.scene import flow, initially_expanded, scene
from dlviz.autograd.still import draw
from dlviz.autograd.tape import Tape
from dlviz.autograd.tensor_summary import Summaries
from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validated_widget import int_field
from dlviz.kit.validation import check_type
from dlviz.kit.widget import Widget, binary

Target = Tensor | Graph | Callable[[], Tensor]

#: Graphs with up to this many nodes send all details at once; of larger graphs the view requests the details of a node.
MAX_DETAILS = 40
#: An exported page holds the details of up to this many nodes.
MAX_EXPORTED_DETAILS = 1500


class AutogradGraph(Widget):
    """Widget that shows an autograd graph. When backward runs, in any cell, its gradients appear.

    Attributes:
        graph: the graph as data.
        graphs: all graphs that are drawn; two when they are compared.
        flow: what backward added, as the view needs it.
        expanded: box numbers of the expanded groups.
        selected: the node in the side panel, as an index into ``graph.nodes`` (a second graph's nodes follow the first's), or -1.
        details: details of nodes by number, if the graph is small.
        detail: details of the node that the view requested last.
        step: 0 is the forward pass; at step k, the first k nodes of ``graph.order`` have run backward.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "autograd"
    _function = "graph"
    _tensor_attributes = ("graphs", "_diagram")

    flow = traitlets.Dict(help="what backward added").tag(sync=True)
    expanded = traitlets.List(traitlets.Int(), help="the expanded groups").tag(sync=True)
    selected = traitlets.Int(-1, min=-1, help="the node in the side panel").tag(sync=True)
    details = traitlets.Dict(help="details of nodes by number").tag(sync=True)
    detail = traitlets.Dict(help="details of the node requested last").tag(sync=True)

    def __init__(self, graphs: Iterable[Graph], **traits: Any) -> None:
        self.graphs = list(graphs)
        self._diagram: Diagram = build_diagram(self.graphs)
        added = flow(self._diagram)
        initial = {
            "scene": binary(scene(self._diagram)),
            "flow": binary(added),
            "expanded": initially_expanded(self._diagram.tree),
            "details": self._small_details(),
            "step": self._node_count if added["backward_ran"] else 0,
        }
        super().__init__(**initial | traits)
        listener = weakref.WeakMethod(self._update)
        for graph in self.graphs:
            graph.backward.listeners.append(listener)

    @property
    def graph(self) -> Graph:
        """The graph as data; of two compared graphs the first.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        return self.graphs[0]

    def preview(self, gradient: Tensor | None = None) -> None:
        """Compute the gradients for display only: every ``.grad`` stays as it is, and the graph is not freed.

        Args:
            gradient: for a root that is not a scalar, a tensor of its shape.

        Raises:
            DlvizError: torch refuses (the message is torch's own), or the widget has been closed.
        """
        self._check_open()
        for graph in self.graphs:
            try:
                graph.preview(gradient)
            except Exception:
                raise _failure(graph) from None
        self._update()

    def dot(self) -> str:
        """Return the graph as Graphviz source, as torchviz writes it. The ``dot`` program is not needed.

        Source:
            https://github.com/szagoruyko/pytorchviz
        """
        from torchviz import make_dot

        leaves = {node.label: node.tensor for node in self.graph.leaves if node.label}
        return make_dot(self.graph.root, params=leaves).source

    @property
    def _node_count(self) -> int:
        return sum(len(graph.nodes) for graph in self.graphs)

    def _describe(self) -> str:
        latest = self.graph.backward.latest
        key = "waiting" if latest is None else "preview" if latest.preview else "ran"
        return message(
            "autograd.repr",
            title=", ".join(graph.title for graph in self.graphs),
            nodes=self._node_count,
            edges=sum(len(graph.edges) for graph in self.graphs),
            state=message(f"autograd.state_{key}", passes=self.graph.backward.passes),
        )

    def _still(self) -> str:
        self._check_open()
        return draw(self._diagram, self.expanded, self._still_theme)

    def _page_state(self) -> dict[str, Any]:
        traits = super()._page_state()
        if not self._closed:
            traits["details"] = self._all_details(min(MAX_EXPORTED_DETAILS, self._node_count))
        return traits

    def _all_details(self, count: int) -> dict[str, Any]:
        summaries = Summaries()
        return {str(number): self._details_of(number, summaries) for number in range(count)}

    def _details_of(self, number: int, summaries: Summaries | None = None) -> dict[str, Any]:
        """Return the details of one node, with node numbers of the diagram instead of indices of its graph."""
        graph, index = self._diagram.locate(number)
        details = describe(graph, index, summaries)
        references = [details, *details["grad_inputs"], *details["contributions"]]
        if "created_by" in details:
            references.append(details["created_by"])
        for reference in references:
            reference["node"] += number - index
        return details

    def _small_details(self) -> dict[str, Any]:
        """Return the details of every node of a small graph, of a larger one none."""
        return self._all_details(self._node_count) if self._node_count <= MAX_DETAILS else {}

    def _update(self) -> None:
        """Show the gradients of a backward pass that has just ended."""
        if self._closed:
            return
        with self.hold_sync():
            self.flow = binary(flow(self._diagram))
            self.details = self._small_details()
            if self.flow["backward_ran"]:
                self.step = self._node_count
            if self.selected >= 0 and not self.details:
                self.detail = self._details_of(self.selected)

    def _on_details(self, content: Mapping[str, Any]) -> None:
        """Send the details of the node that the view requests."""
        number = int_field(content, "node")
        if 0 <= number < self._node_count:
            self.detail = self._details_of(number)

    def _on_preview(self, content: Mapping[str, Any]) -> None:
        """Compute the gradients for display, or show torch's reason not to."""
        try:
            self.preview()
        except DlvizError as error:
            self.flow = {**self.flow, "notes": [*self.flow["notes"], {"kind": "bad", "text": str(error)}]}


def _failure(graph: Graph) -> DlvizError:
    """Return the error for a preview that has just failed."""
    failure = graph.backward.failure
    assert failure is not None
    if failure.by_torch:
        return DlvizError(message("autograd.refused.preview", torch=failure.message))
    node = graph.nodes[failure.node]
    return DlvizError(message("autograd.refused.raised", node=node.label or node.op, error=failure.message))


@suggests_names
def graph(
    target: Target,
    *,
    tape: Tape | None = None,
    model: nn.Module | None = None,
    against: Target | None = None,
    names: Mapping[str, Tensor] | None = None,
    expanded: Sequence[int] | None = None,
    selected: int = -1,
    theme: str = "auto",
    step: int | None = None,
    playing: bool = False,
    speed: float = 1.0,
) -> AutogradGraph:
    """Draw the autograd graph behind your own loss.

    The target decides what is shown. A tensor alone shows operations, shapes and, after ``loss.backward()`` in any cell, gradients.
    With a tape from :func:`dlviz.autograd.recording` the graph also shows forward values, source lines and modules. A function is
    called once under such a tape, and its gradients are computed for display without changing any ``.grad``.

    Args:
        target: the loss, a function that returns it, or a graph from :func:`dlviz.autograd.record`.
        tape: the tape that recorded the forward pass of `target`.
        model: the module to name parameters after, if none of your variables leads to it.
        against: a second target to compare with; operations that only one of them has are marked.
        names: names for tensors, in addition to your variables and modules.
        expanded: box numbers of the expanded groups; by default as many as fit.
        selected: the node in the side panel, as an index into ``.graph.nodes``, or -1.
        theme: "light", "dark" or "auto".
        step: the player's step: at step k, the first k nodes have run backward; by default the last.
        playing: whether the player is running.
        speed: the player's speed, from 0.25 to 4.

    Returns:
        The widget. It updates whenever backward runs, until it is closed.

    Raises:
        DlvizError: there is no graph to draw; the message gives the reason and a remedy.
        TypeError: an unknown argument.

    Example:
        >>> import torch, dlviz
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> dlviz.graph(lambda: (w * 2) ** 2)
        dlviz.graph(loss: 3 nodes, 2 edges, backward previewed)

    Source:
        https://docs.pytorch.org/docs/stable/notes/autograd.html
    """
    with _gc_disabled():
        graphs = [_graph(target, tape, model, names)]
        if against is not None:
            graphs.append(_graph(against, tape, model, names))
        optional = {name: value for name, value in (("step", step), ("expanded", expanded)) if value is not None}
        return AutogradGraph(graphs, selected=selected, theme=theme, playing=playing, speed=speed, **optional)


def _graph(target: Target, tape: Tape | None, model: nn.Module | None, names: Mapping[str, Tensor] | None) -> Graph:
    if isinstance(target, Graph):
        return target
    check_names(names, model)
    if isinstance(target, Tensor) or not callable(target):
        _check_single(target, "autograd.refused.type")
        return record(target, tape, names=names, model=model)
    _check_signature(target)
    with recording(model) as recorded:
        loss = target()
    _check_single(loss, "autograd.refused.returned")
    result = record(loss, recorded, names=names, scope=_closure_variables(target))
    if result.root.numel() == 1:
        with suppress(Exception):  # a note says why, and where
            result.preview()
        if any(node.op == "checkpoint_function" for node in result.nodes):
            # Reentrant checkpoints refuse torch.autograd.grad; the gradients appear after .backward().
            result.backward.failure = None
    return result


def _check_single(target: Any, key: str) -> None:
    """Check that `target` is one tensor, or a graph."""
    if isinstance(target, (tuple, list, Mapping)):
        items = target.items() if isinstance(target, Mapping) else enumerate(target)
        tensors = [f"[{key!r}]" for key, item in items if isinstance(item, Tensor) and item.grad_fn is not None]
        if tensors:
            choices = ", ".join(tensors[:6]) + (", …" if len(tensors) > 6 else "")
            raise DlvizError(message("autograd.refused.several", got=type(target).__name__, choices=choices))
    check_type(target, Tensor, key)


def _check_signature(function: Callable[..., Any]) -> None:
    """Check that a function can be called without arguments."""
    module = isinstance(function, nn.Module)
    try:
        signature = inspect.signature(function.forward if isinstance(function, nn.Module) else function)
    except (TypeError, ValueError):  # a built-in function may have none
        if not module:
            return
        signature = inspect.signature(nn.Identity.forward)
    try:
        signature.bind()
    except TypeError:
        own_name = getattr(function, "__name__", type(function).__name__).replace("<lambda>", "f")
        name = name_of(function, scope(), own_name)
        key = "module" if module else "arguments"
        raise DlvizError(message(f"autograd.refused.{key}", name=name, signature=str(signature))) from None


def _closure_variables(function: Callable[[], Tensor]) -> dict[str, Any]:
    """Return the variables that a lambda or a nested function captured."""
    try:
        return dict(inspect.getclosurevars(function).nonlocals)
    except (TypeError, ValueError):  # a callable object has no closure
        return {}


@contextmanager
def _gc_disabled() -> Iterator[None]:
    """Disable garbage collection while thousands of small objects are created: the collector would take longer than creating them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
