"""`dlviz.graph`: the autograd graph of the learner's own loss, drawn, stepped and opened."""

import gc
import inspect
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor, nn

from dlviz.autograd.diagram import Picture, picture
from dlviz.autograd.graph import Graph
from dlviz.autograd.node_details import describe
from dlviz.autograd.record import record
from dlviz.autograd.scene import first_open, flow, scene
from dlviz.autograd.still import draw
from dlviz.autograd.tape import Tape, recording
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validated_widget import int_field
from dlviz.kit.widget import Widget, binary

Target = Tensor | Graph | Callable[[], Tensor]

#: Graphs with up to this many nodes carry every detail from the start; of larger ones a node is described when it is clicked.
DETAILED = 40
#: An exported page carries the details of up to this many nodes.
EXPORTED = 1500


class AutogradGraph(Widget):
    """The picture of an autograd graph, live: when backward runs, in whichever cell, its gradients appear.

    Attributes:
        graph: the graph as data; ``graphs`` all of them, two when runs are compared.
        flow: what backward brought, as the view needs it.
        expanded: numbers of the groups that are open.
        selected: the node shown in full, as an index into ``graph.nodes`` (of a second run, counted on), or -1.
        details: nodes described in full from the start, by number.
        detail: the node described last.
        step: 0 is the forward pass; at step k, the first k nodes of ``graph.order`` have run backward.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "autograd"

    flow = traitlets.Dict(help="what backward brought").tag(sync=True)
    expanded = traitlets.List(traitlets.Int(), help="the groups that are open").tag(sync=True)
    selected = traitlets.Int(-1, min=-1, help="the node shown in full").tag(sync=True)
    details = traitlets.Dict(help="nodes described in full").tag(sync=True)
    detail = traitlets.Dict(help="the node described last").tag(sync=True)

    def __init__(self, graphs: Iterable[Graph], **traits: Any) -> None:
        self.graphs = list(graphs)
        self._picture: Picture | None = picture(self.graphs)
        first = {"scene": binary(scene(self._picture)), "flow": binary(flow(self._picture))}
        traits.setdefault("expanded", first_open(self._picture.tree))
        super().__init__(**first, **traits)
        self._fill_details()
        if "step" not in traits:
            self._at_the_end()
        listener = weakref.WeakMethod(self._refresh)
        for graph in self.graphs:
            graph.backward.listeners.append(listener)
        self.on_msg(self._answer)

    @property
    def graph(self) -> Graph:
        """The graph as data; of two runs the first.

        Raises:
            DlvizError: the widget has been closed.
        """
        if not self.graphs:
            raise DlvizError(message("autograd.refused.closed"))
        return self.graphs[0]

    def preview(self, gradient: Tensor | None = None) -> None:
        """Compute the gradients for the picture: every ``.grad`` stays as it is, the graph stays whole.

        Args:
            gradient: for a root that is not a scalar, a tensor of its shape.

        Raises:
            DlvizError: torch refuses; the message is torch's own.
        """
        for graph in self.graphs:
            try:
                graph.preview(gradient)
            except RuntimeError as error:
                raise DlvizError(message("autograd.refused.preview", torch=str(error))) from None
        self._refresh()

    def dot(self) -> str:
        """The same graph as Graphviz source, as the package torchviz writes it. The ``dot`` program is not needed.

        Source:
            https://github.com/szagoruyko/pytorchviz
        """
        from torchviz import make_dot

        leaves = {node.label: node.tensor for node in self.graph.leaves if node.label}
        return make_dot(self.graph.root, params=leaves).source

    def close(self) -> None:
        """Take the widget off the page and let go of the graph and every tensor in it."""
        self.graphs, self._picture = [], None
        super().close()

    def _describe(self) -> str:
        if self._picture is None:
            return message("autograd.repr", title="", nodes=0, edges=0, state=message("autograd.state_closed"))
        latest = self.graph.backward.latest
        passes = self.graph.backward.passes
        key = "waiting" if latest is None else "preview" if latest.preview else "ran"
        return message(
            "autograd.repr",
            title=", ".join(graph.title for graph in self.graphs),
            nodes=sum(len(graph.nodes) for graph in self.graphs),
            edges=sum(len(graph.edges) for graph in self.graphs),
            state=message(f"autograd.state_{key}", passes=passes),
        )

    def _still(self) -> str:
        if self._picture is None:
            raise DlvizError(message("autograd.refused.closed"))
        return draw(self._picture, self.expanded, "dark" if self.theme == "dark" else "light")

    def _page_state(self) -> dict[str, Any]:
        traits = super()._page_state()
        if self._picture is not None:
            count = min(EXPORTED, sum(len(graph.nodes) for graph in self.graphs))
            traits["details"] = {str(node): self._about(node) for node in range(count)}
        return traits

    def _about(self, node: int) -> dict[str, Any]:
        """Node number `node` of the picture in full, with the picture's numbers for its neighbors."""
        assert self._picture is not None
        graph, index = self._picture.locate(node)
        shift, about = node - index, describe(graph, index)
        for neighbor in (about, *about["sends"], *about["meets"], *([about["maker"]] if "maker" in about else [])):
            neighbor["node"] += shift
        return about

    def _fill_details(self) -> None:
        count = sum(len(graph.nodes) for graph in self.graphs)
        if count <= DETAILED:
            self.details = {str(node): self._about(node) for node in range(count)}

    def _at_the_end(self) -> None:
        if self.flow["ran"]:
            self.step = sum(len(graph.nodes) for graph in self.graphs)

    def _refresh(self) -> None:
        """Backward has run: show what it brought."""
        if self._picture is None:
            return
        with self.hold_sync():
            self.flow = binary(flow(self._picture))
            self._fill_details()
            self._at_the_end()
            if self.selected >= 0 and not self.details:
                self.detail = self._about(self.selected)

    def _answer(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        if self._picture is None:
            return
        if content.get("kind") == "details":
            node = int_field(content, "node")
            if 0 <= node < sum(len(graph.nodes) for graph in self.graphs):
                self.detail = self._about(node)
        elif content.get("kind") == "preview":
            try:
                self.preview()
            except DlvizError as problem:
                self.flow = {**self.flow, "notes": [*self.flow["notes"], {"kind": "bad", "text": str(problem)}]}


def graph(
    target: Target,
    *,
    tape: Tape | None = None,
    model: nn.Module | None = None,
    against: Target | None = None,
    names: Mapping[str, Tensor] | None = None,
    **traits: Any,
) -> AutogradGraph:
    """Draw the autograd graph behind your own loss.

    Three ways, by what is to be seen. A bare tensor shows operations, shapes and, once ``loss.backward()`` has run in any cell,
    gradients. With a tape from :func:`dlviz.autograd.recording` it shows forward values, source lines and modules too. A function is
    run once under such a tape, and its gradients are computed for the picture without touching any ``.grad``.

    Args:
        target: the loss, a function that returns it, or a graph from :func:`dlviz.autograd.record`.
        tape: what recorded the forward pass of `target`.
        model: the module whose parameters are to be named, where no variable of yours leads to it.
        against: a second run to compare with: what only one of the two has is marked.
        names: names for tensors, beyond your variables and modules.
        traits: ``theme``, ``step``, ``selected``, ``expanded``, ``speed`` and the other traits of :class:`AutogradGraph`.

    Returns:
        The widget. It updates when backward runs, as long as you keep it.

    Raises:
        DlvizError: there is no graph to draw; the message says why and what would help.
        TypeError: an argument that it does not take.

    Example:
        >>> import torch, dlviz
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> dlviz.graph(lambda: (w * 2) ** 2)
        dlviz.graph(loss: 3 nodes, 2 edges, backward previewed)

    Source:
        https://docs.pytorch.org/docs/stable/notes/autograd.html
    """
    with _no_collection():
        graphs = [_graph(target, tape, model, names)]
        if against is not None:
            graphs.append(_graph(against, tape, model, names))
        return AutogradGraph(graphs, **traits)


def _graph(target: Target, tape: Tape | None, model: nn.Module | None, names: Mapping[str, Tensor] | None) -> Graph:
    if isinstance(target, Graph):
        return target
    if isinstance(target, Tensor) or not callable(target):
        return record(target, tape, names=names)
    with recording(model) as made:
        loss = target()
    found = record(loss, made, names=names, scope=_closed_over(target))
    if found.root.numel() == 1:
        # Where torch will not run this one apart from .backward(), the picture waits for that.
        with suppress(RuntimeError):
            found.preview()
    return found


def _closed_over(function: Callable[[], Tensor]) -> dict[str, Any]:
    """The variables that a lambda or a nested function took with it."""
    try:
        return dict(inspect.getclosurevars(function).nonlocals)
    except (TypeError, ValueError):  # a callable object has no closure
        return {}


@contextmanager
def _no_collection() -> Iterator[None]:
    """Thousands of small objects are about to be made, none of them garbage: looking for some would take longer than making them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
