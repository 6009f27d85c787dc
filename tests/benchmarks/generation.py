"""The generation room: time to open and to redraw beside the model's own calls, size of a page, and time of a step in the browser."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

import dlviz
from tests.benchmarks.autograd import row
from tests.benchmarks.browser import evaluate_page
from tests.benchmarks.measured import one_thread
from tests.generation.models import GPT

#: Size of GPT-2's vocabulary.
VOCABULARY = 50_257

#: Time of a step of the player until it is laid out: the median of all steps, in ms.
_STEP = """() => {
  const model = globalThis.dlvizModel;
  const times = [];
  for (let k = 0; k <= Number(document.querySelector(".dlviz-player input").max); k += 1) {
    const start = performance.now();
    model.set("step", k);
    document.body.offsetHeight;
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}"""


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    with one_thread():
        yield from lines(quick)


def cases(quick: bool) -> Iterator[tuple[str, Any, int, dict[str, Any]]]:
    """Yield the name, the model, the number of steps and other arguments of each case."""
    torch.manual_seed(0)
    gpt = GPT(width=64, layers=4, context=256).eval()
    yield "GPT, 40 × 3", gpt, 40, {"continuations": 3, "cached": gpt.step}
    if quick:
        return
    yield "GPT, 200 × 1", gpt, 200, {"cached": gpt.step}
    logits = torch.randn(VOCABULARY)

    def table(ids: Tensor) -> Tensor:
        return logits.roll(int(ids[0, -1]))

    yield "50,257 ids", table, 200, {}
    yield "the same, top-p", table, 200, {"top_p": 0.9}


def lines(quick: bool) -> Iterator[str]:
    """Yield the table, computed on one thread."""
    yield "generation: seconds; model is the same calls of the model alone, redraw is a moved slider until its scene, without what follows"
    yield row("case", "model", "open", "redraw", "kB", "step ms")
    for name, model, steps, options in cases(quick):
        dlviz.generate(model, [1], steps=2)  # what is imported at first use
        opened, view = timed(lambda: dlviz.generate(model, [1, 2, 3], steps=steps, **options))  # noqa: B023
        ids = view.ids
        with torch.no_grad():
            alone, _ = timed(lambda: [model(torch.tensor([ids[: 3 + t]])) for t in range(steps)])  # noqa: B023
        alone *= options.get("continuations", 1)
        page = view.to_html()
        stepped = "–" if quick else evaluate_page(page, _STEP)
        view.step = 5
        redrawn, _ = timed(lambda: setattr(view, "temperature", 0.5))  # noqa: B023
        times = [f"{alone:.2f}", f"{opened:.2f}", f"{redrawn:.4f}"]
        yield row(name, *times, f"{len(page) // 1000}", stepped)
        view.close()


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a call takes, and what it returns."""
    start = perf_counter()
    returned = call()
    return perf_counter() - start, returned
