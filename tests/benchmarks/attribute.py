"""`dlviz.attribute` on a 224 × 224 image: the time until it opens beside that of its six methods, and what travels to the page."""

from collections.abc import Iterator
from time import process_time

import torch
from torch import Tensor, nn

import dlviz
from dlviz.attribution import record, score_function
from dlviz.attribution.attribution_map import METHODS
from dlviz.kit.page import to_json
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import evaluate_page
from tests.benchmarks.measured import one_thread

#: Median time in ms from the click on another method's tile until its large map is drawn.
_OPEN = """async () => {
  const times = [];
  for (const tile of document.querySelectorAll(".attr-tile[data-method]")) {
    const start = performance.now();
    tile.click();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    document.querySelector(".attr-map canvas").getContext("2d").getImageData(0, 0, 1, 1);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}"""


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Conv2d(channels, out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.shortcut(x))


def resnet(width: int) -> nn.Sequential:
    """Return a net like ResNet-18 with `width` channels in its first stage, 64 in the original, and random weights."""
    torch.manual_seed(0)
    sizes = [width, width, 2 * width, 4 * width, 8 * width]
    stages = [Block(sizes[k + min(j, 1)], sizes[k + 1], 2 if k and not j else 1) for k in range(4) for j in range(2)]
    stem = (
        nn.Conv2d(3, width, 7, 2, 3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    )
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, 100))
    return nn.Sequential(*stem, *stages, *head).eval()


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "attribute: a 224 × 224 image with six methods on a net like ResNet-18 (width 64), in seconds of one processor; the rest is dlviz"
    yield row("width", "methods s", "opens s", "rest s", "kB", "terms ms", "page kB", "browser ms")
    with one_thread():
        dlviz.attribute(nn.Linear(2, 2), torch.ones(2)).close()  # imports Captum, which takes a second
        for width in (8,) if quick else (8, 16, 32):
            yield row(str(width), *_times(resnet(width), quick))


def _times(net: nn.Module, quick: bool) -> list[str]:
    image = torch.rand(3, 224, 224)
    options = {"steps": 3, "samples": 2, "window": 56} if quick else {}
    start = process_time()
    view = dlviz.attribute(net, image, 0, **options)
    opened = process_time() - start
    own = _own_time(net, image, options)
    state = view.get_state()
    size = sum(len(to_json(state[name])) * 3 / 4 for name in ("scene", "opened", "details", "path", "cam", "checks"))
    start = process_time()
    view.place = [3, 4]
    marked = process_time() - start
    page = "" if quick else view.to_html()
    shown = "–" if quick else evaluate_page(page, _OPEN)
    view.close()
    seconds = [f"{value:.2f}" for value in (own, opened, opened - own)]
    return [*seconds, f"{size / 1000:.0f}", f"{1000 * marked:.1f}", f"{len(page) / 1000:.0f}", shown]


def _own_time(net: nn.Module, image: Tensor, options: dict[str, int]) -> float:
    """Return the processor's seconds that the six methods take by themselves."""
    made = record(net, image, 0, methods="saliency", **options)
    score = score_function(net, image, 0)
    start = process_time()
    with score.running():
        for name in METHODS:
            made.attribute(name, score)
    return process_time() - start
