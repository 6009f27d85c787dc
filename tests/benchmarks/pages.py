"""Large pages and pictures: time to make a widget, and to write its page or PNG, beside what torch itself computes in them."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import dlviz
from dlviz.kit.widget import Widget
from tests.benchmarks.autograd import row


@dataclass(frozen=True)
class Case:
    """A widget of a large input.

    Attributes:
        name: name of its row.
        bare: what torch computes, without dlviz.
        make: makes the widget.
        suffix: ".html" or ".png".
    """

    name: str
    bare: Callable[[], object]
    make: Callable[[], Widget]
    suffix: str = ".html"


def vgg11(side: int) -> tuple[nn.Module, Callable[[], Tensor]]:
    """Return the layers of VGG 11 (Simonyan and Zisserman, 2014), and a function that returns the loss of an image of side × side."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool"):
        if isinstance(width, int):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2))
    head = [
        nn.Linear(512 * (side // 32) ** 2, 4096),
        nn.ReLU(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, 1000),
    ]
    net = nn.Sequential(*layers, nn.Flatten(), *head)
    x, target = torch.randn(1, 3, side, side), torch.tensor([7])
    return net, lambda: F.cross_entropy(net(x), target)


def cases(*, quick: bool) -> Iterator[Case]:
    """Yield the cases, the quick ones small."""
    net, loss = vgg11(32 if quick else 224)
    yield Case("vgg11", lambda: loss().backward(), lambda: dlviz.graph(loss, model=net))
    for count in (50, 100) if quick else (250, 500, 1000):
        weights = [torch.tensor(1.0, requires_grad=True) for _ in range(count)]
        total = lambda weights=weights: torch.stack(weights).sum()  # noqa: E731
        yield Case(
            f"{count} leaves", lambda total=total: total().backward(), lambda total=total: dlviz.graph(total), ".png"
        )
    for steps in (5, 10) if quick else (100, 200):
        yield Case(f"LBFGS {steps}", lambda steps=steps: lbfgs(steps), lambda steps=steps: race(steps))
    for length in (20, 40) if quick else (500, 1000):
        lstm, x = nn.LSTM(8, 64), torch.randn(length, 8)
        yield Case(
            f"unroll {length}",
            lambda lstm=lstm, x=x: lstm(x)[0].sum().backward(),
            lambda lstm=lstm, x=x: dlviz.unroll(lstm, x),
        )
    image = torch.rand(1, *((2, 50, 50) if quick else (64, 1000, 1000)))
    yield Case("max_pool2d", lambda: F.max_pool2d(image, 2), lambda: dlviz.max_pool2d(image, 2))


def lbfgs(steps: int) -> None:
    """Take steps of LBFGS from (−2, 1.5) on the quadratic x² + 20 y²."""
    weights = torch.tensor([-2.0, 1.5], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights])

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = weights[0] ** 2 + 20 * weights[1] ** 2
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)


def race(steps: int) -> Widget:
    """Return a race of LBFGS alone."""
    return dlviz.race({"LBFGS": (torch.optim.LBFGS, {})}, steps=steps)


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield "pages: seconds; bare is what torch computes without dlviz; one run of each"
    yield row("case", "bare", "make", "write", "all/bare", "kB")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(quick=quick):
            bare = seconds(case.bare)
            start = time.perf_counter()
            widget = case.make()
            made = time.perf_counter() - start
            path = Path(folder) / f"page{case.suffix}"
            written = seconds(lambda widget=widget, path=path: widget.save(path))
            widget.close()
            size = path.stat().st_size // 1000
            yield row(
                case.name, f"{bare:.3f}", f"{made:.2f}", f"{written:.2f}", f"{(made + written) / bare:.0f}x", f"{size}"
            )
    torch.set_num_threads(threads)


def seconds(call: Callable[[], object]) -> float:
    """Return the time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
