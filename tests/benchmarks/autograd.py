"""The autograd room compared with torchviz and dot, and with TorchLens: time to a drawn graph, bytes sent, and time in the browser."""

import gc
import gzip
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlviz.autograd import record, recording
from dlviz.autograd.diagram import Diagram, build_diagram
from dlviz.autograd.scene import flow, scene
from dlviz.autograd.widget import AutogradGraph
from tests.autograd import zoo
from tests.benchmarks import browser

GRAPHS = ("mlp", "cnn", "resnet", "gpt", "rnn")
#: What is timed of dlviz, in this order.
PARTS = ("capture", "backward", "layout", "numbers", "all open", "widget")
#: Seconds after which a rival tool is stopped.
PATIENCE = 60.0
TARGET_MS = 100.0
TARGET_RATIO = 2.0
TARGET_BARE = 4.0
TARGET_BYTES = 250.0

_TORCHLENS = """
import statistics, tempfile, time, torch, torchlens
from tests.benchmarks.autograd import forward_of

torch.set_num_threads(1)
net, inputs = forward_of("GRAPH")
folder, times = tempfile.mkdtemp(), []
for _ in range(3):
    start = time.perf_counter()
    trace = torchlens.trace(net, inputs)
    trace.draw(vis_outpath=folder + "/graph", vis_save_only=True, vis_fileformat="svg")
    times.append(1e3 * (time.perf_counter() - start))
print("MS", statistics.median(times))
"""


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table; every time is a median in milliseconds, on one torch thread."""
    torch.set_num_threads(1)
    graphs = GRAPHS[:1] if quick else GRAPHS
    repeats = 3 if quick else 9
    yield "autograd: from the call to a drawn graph, medians in ms, one torch thread"
    ours = ("in all", "/ bare", "laid out", *PARTS)
    yield row("graph", "nodes", "bare", *ours, "torchviz+dot", "ratio", "TorchLens", "ratio")
    for name in graphs:
        yield timing(name, repeats, rivals=not quick)
    yield "bare: forward and backward without dlviz. in all: capture (forward, watched, and the walk), the learner's backward, layout,"
    yield f"and every number of the picture; target for gpt {TARGET_BARE:g} times bare. laid out: capture and layout; target"
    yield f"{TARGET_MS:g} for gpt and rnn. all open: on top, every group expanded and placed in Python. widget: layout, numbers,"
    yield "the details of a small graph, and what ipywidgets adds. torchviz+dot (forward, make_dot, dot) and TorchLens (trace and draw):"
    yield "to an SVG, with the same model, torchviz in turns with dlviz; the ratios are to dlviz in all, target for torchviz+dot"
    yield f"{TARGET_RATIO:g} times."
    yield ""
    yield row("graph", "nodes", "bytes", "a node", "gzipped", f"target {TARGET_BYTES:g} a node")
    for name in graphs:
        yield payload_row(name)
    yield ""
    yield from large()
    if not quick:
        yield ""
        yield from browser.run()


def row(*cells: Any) -> str:
    """Return one line of a table."""
    return "  ".join(f"{cell:>12}" for cell in cells)


@contextmanager
def measuring() -> Iterator[None]:
    """Disable garbage collection, after one."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def milliseconds(call: Callable[[], Any]) -> float:
    """Return the time of `call`, with garbage collection disabled."""
    with measuring():
        start = time.perf_counter()
        call()
        return 1e3 * (time.perf_counter() - start)


def timing(name: str, repeats: int, *, rivals: bool) -> str:
    """Return the row of one graph: the parts of dlviz, and the rival tools on the same model, in turns."""
    net, loss_of = zoo.build(name)
    assert net is not None
    times: dict[str, list[float]] = {"bare": [], "torchviz": [], **{part: [] for part in PARTS}}
    dot = "not run" if not rivals else "no dot" if shutil.which("dot") is None else ""
    nodes = 0
    for _ in range(repeats):
        net.zero_grad()
        times["bare"].append(milliseconds(lambda: loss_of().backward()))
        net.zero_grad()
        nodes, parts = picture(net, loss_of)
        for part, value in parts.items():
            times[part].append(value)
        if not dot:
            try:
                times["torchviz"].append(milliseconds(lambda: torchviz(loss_of)))
            except subprocess.TimeoutExpired:
                dot = f"> {1e3 * PATIENCE:.0f}"
    ours = {part: statistics.median(times[part]) for part in PARTS}
    bare, laid_out = statistics.median(times["bare"]), ours["capture"] + ours["layout"]
    total = laid_out + ours["backward"] + ours["numbers"]
    theirs = [dot or statistics.median(times["torchviz"]), torchlens(name) if rivals else None]
    compared = [cell for rival in theirs for cell in (rival_time(rival), ratio(rival, total))]
    cells = [f"{bare:.1f}", f"{total:.1f}", f"{total / bare:.1f}", *(f"{t:.1f}" for t in (laid_out, *ours.values()))]
    return row(name, nodes, *cells, *compared)


def picture(net: nn.Module, loss_of: Callable[[], Tensor]) -> tuple[int, dict[str, float]]:
    """Return the number of nodes, and the time of each part of dlviz from the call to the picture, and beyond."""
    with measuring():
        marks = [time.perf_counter()]
        with recording(net) as tape:
            loss = loss_of()
        graph = record(loss, tape)
        marks.append(time.perf_counter())
        loss.backward()
        marks.append(time.perf_counter())
        diagram = build_diagram([graph])
        scene(diagram)
        marks.append(time.perf_counter())
        flow(diagram)
        marks.append(time.perf_counter())
        expand_all(diagram)
        marks.append(time.perf_counter())
        view = AutogradGraph([graph])
        marks.append(time.perf_counter())
        view.close()
    parts = (1e3 * (end - start) for start, end in pairwise(marks))
    return len(graph.nodes), dict(zip(PARTS, parts, strict=True))


def ratio(rival: float | str | None, ours: float) -> str:
    """Return the ratio of a rival's time to that of dlviz; a lower bound if the rival was stopped."""
    if isinstance(rival, float):
        return f"{rival / ours:.1f}x"
    return f"> {1e3 * PATIENCE / ours:.0f}x" if (rival or "").startswith(">") else "-"


def rival_time(rival: float | str | None) -> str:
    """Return a rival's time, or the reason why there is none."""
    return f"{rival:.0f}" if isinstance(rival, float) else rival or "-"


def expand_all(diagram: Diagram) -> None:
    """Compute the coordinates of every box, with all groups expanded."""
    diagram.place(range(len(diagram.tree.boxes)))


def torchviz(loss_of: Callable[[], Tensor]) -> None:
    """Run forward, make_dot, and dot to SVG.

    Raises:
        subprocess.TimeoutExpired: dot takes longer than :data:`PATIENCE`.
    """
    from torchviz import make_dot

    source = make_dot(loss_of()).source
    subprocess.run(["dot", "-Tsvg"], input=source.encode(), capture_output=True, check=True, timeout=PATIENCE)


def torchlens(name: str) -> float | str:
    """Return the time that TorchLens needs to trace the forward pass and draw it to SVG, in a process that can be stopped."""
    code = _TORCHLENS.replace("GRAPH", name)
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"> {1e3 * PATIENCE:.0f}"
    times = [line for line in done.stdout.splitlines() if line.startswith("MS ")]
    if not times:
        return "not there" if "No module named 'torchlens'" in done.stderr else "failed"
    return float(times[-1].split()[1])


def forward_of(name: str) -> tuple[nn.Module, list[Tensor]]:
    """Return the model of a graph and the inputs of its forward pass, for TorchLens."""
    net, loss_of = zoo.build(name)
    seen: list[Tensor] = []
    assert net is not None
    hook = net.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    loss_of()
    hook.remove()
    return net, seen


def payload_row(name: str) -> str:
    """Return the row of the bytes that a view needs to draw a graph with its gradients, without the view and the messages."""
    net, loss_of = zoo.build(name)
    with recording(net) as tape:
        loss = loss_of()
    graph = record(loss, tape)
    loss.backward()
    diagram = build_diagram([graph])
    text, arrays = [], []
    for part in (scene(diagram), flow(diagram)):
        for key, value in part.items():
            if isinstance(value, np.ndarray):
                arrays.append(value.tobytes())
            elif key == "loop_norms":
                arrays += [norms.tobytes() for norms in value.values()]
            else:
                text.append(json.dumps(value))
    payload = "".join(text).encode() + b"".join(arrays)
    each = len(payload) / len(graph.nodes)
    return row(
        name,
        len(graph.nodes),
        len(payload),
        f"{each:.0f}",
        len(gzip.compress(payload)),
        "reached" if each <= TARGET_BYTES else "missed",
    )


def large(count: int = 10_000) -> Iterator[str]:
    """Time a chain of random operations, which cannot be folded into a loop, from the loss to a widget."""
    operations = [torch.sin, torch.cos, torch.tanh, torch.sigmoid, torch.exp, torch.neg, torch.abs]
    x = torch.ones(2, requires_grad=True)
    with recording() as tape:
        for pick in torch.randint(len(operations), (count,), generator=torch.Generator().manual_seed(0)).tolist():
            x = operations[pick](x)
        loss = x.sum()
    start = time.perf_counter()
    view = AutogradGraph([record(loss, tape)])
    seconds = time.perf_counter() - start
    view.close()
    yield f"{count} nodes open collapsed in {seconds:.2f} s; target 1 s"
