"""Names that try to inject code, and every public widget with such names wherever a user may choose a name."""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable
from itertools import cycle
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

import dlviz
from dlviz.multiprocess.widget import Parallel
from dlviz.positional_encoding import Encoding
from dlviz.positional_encoding.widget import Positions
from tests.multiprocess import invented

#: Each sets a global variable ``hurt`` if it is executed. None contains a dot, because submodule names must not.
ATTACKS = (
    '<img src=x onerror="hurt=1">',
    "</script><script>hurt=1</script>",
    '"><svg onload=hurt=1>',
    "' onmouseover='hurt=1' x='",
    "javascript:hurt=1",
    "{{x}} {count} {0} ${hurt=1} %{x}",
    "</style><style>*{display:none}</style>",
    "<a href='javascript:hurt=1'>press</a>",
    "&lt;marquee&gt; ]]> <!-- --!> <![CDATA[",
    "\u202egnp\u2066 <iframe srcdoc='<script>parent[`hurt`]=1</script>'>",
    "__proto__",
    "constructor",
    "nul\x00 bell\x07 escape\x1b[31m line\u2028\n<marquee>end</marquee>",
    "half a pair \ud800 <marquee>",
    "<marquee>" + "long " * 400,
)
#: All of them in one string, for widgets with a single name.
EVERYTHING = " ".join(ATTACKS)


class Names:
    """Iterator over the hostile names; each widget starts at a different one."""

    def __init__(self, first: int) -> None:
        self._names = cycle(ATTACKS[first % len(ATTACKS) :] + ATTACKS[: first % len(ATTACKS)])
        self.given: list[str] = []

    def __call__(self) -> str:
        self.given.append(next(self._names))
        return self.given[-1]

    def some(self, count: int) -> list[str]:
        return [self() for _ in range(count)]


def _letters(name: str) -> str:
    """Return `name` without the characters that Python forbids in names of classes and functions."""
    return name.replace("\x00", "").replace("\ud800", "")


def _module(name: str, refuses: str = "") -> nn.Module:
    """Return a class of networks with this name, whose forward pass raises `refuses`."""

    def forward(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
        if refuses:
            raise RuntimeError(refuses)
        return nn.Sequential.forward(self, x)  # type: ignore[arg-type]

    return type(_letters(name), (nn.Sequential,), {"forward": forward})


def _network(names: Names, *layers: nn.Module, refuses: str = "") -> nn.Module:
    return _module(names(), refuses)(OrderedDict((f"{k}{names()}", layer) for k, layer in enumerate(layers)))


def _graph(names: Names) -> Any:
    w, x = torch.tensor([3.0, 1.0], requires_grad=True), torch.ones(2, requires_grad=True)
    net = _network(names, nn.Linear(2, 2), nn.ReLU())
    with dlviz.autograd.recording(net) as tape:
        loss = (net(w * x) * w).sum()  # <img src=x onerror="hurt=1"> in the user's own source line
    return dlviz.graph(loss, tape=tape, names={names(): w, names(): x})


def _graph_against(names: Names) -> Any:
    w = torch.tensor([3.0, 1.0], requires_grad=True)
    return dlviz.graph(lambda: (w * 2).sum(), against=lambda: w.exp().sum(), names={names(): w})


def _tensor(names: Names) -> Any:
    return dlviz.tensor(torch.arange(6.0).view(2, 3), name=EVERYTHING)


def _views(names: Names) -> Any:
    x = torch.arange(6).view(2, 3)
    return dlviz.views(x, "x.T", "x.T.view(6)  # <img src=x onerror='hurt=1'>", x[1:], names={EVERYTHING: x})


def _broadcast(names: Names) -> Any:
    return dlviz.broadcast(torch.ones(2, 1), torch.ones(3), names=names.some(2))


def _broadcast_refused(names: Names) -> Any:
    return dlviz.broadcast(torch.ones(2), torch.ones(3), names=[EVERYTHING, names()])


def _index(names: Names) -> Any:
    x = torch.arange(12).view(3, 4)
    comment = "# <img src=x onerror='hurt=1'></script><script>hurt=1</script> {{x}}"
    return dlviz.index(x, f"x[1:, ::2]  {comment}", names={EVERYTHING: x}, revealed=True)


def _index_refused(names: Names) -> Any:
    return dlviz.index(torch.ones(3), "x[9]  # <img src=x onerror='hurt=1'>", revealed=True)


def _matmul(names: Names) -> Any:
    return dlviz.matmul(torch.ones(2, 3), torch.ones(3, 2), names=names.some(2))


def _einsum(names: Names) -> Any:
    return dlviz.einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(3, 2), names=[EVERYTHING, names()])


def _conv2d(names: Names) -> Any:
    return dlviz.conv2d(torch.rand(1, 5, 5), torch.rand(1, 1, 3, 3), padding=1)


def _max_pool2d(names: Names) -> Any:
    return dlviz.max_pool2d(torch.rand(1, 4, 4), 2)


def _layers(names: Names) -> Any:
    net = _network(names, nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3)).eval()
    view = dlviz.layers(net, torch.rand(2, 1, 5, 5), labels=names.some(3))
    view.inspect(1, 1, (1, 2))
    return view


def _layers_refused(names: Names) -> Any:
    return dlviz.layers(_network(names, nn.Linear(4, 2), refuses=EVERYTHING), torch.rand(2, 4))


def _boundary(names: Names) -> Any:
    x, y = dlviz.data.moons(30)
    net = _network(names, nn.Linear(2, 3), nn.ReLU(), nn.Dropout(0.5), nn.Linear(3, 2))
    view = dlviz.boundary(net, x, y, classes=names.some(2), resolution=20)
    view.snapshot(names())
    view.snapshot(names())

    def criterion(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(out, target)

    criterion.__name__ = _letters(names())
    view.explain(point=3, optimizer=torch.optim.SGD(net.parameters(), lr=0.5), loss=criterion)
    return view


def _live(names: Names) -> Any:
    older = dlviz.live(names())
    metric = names()
    for _ in older.steps(range(3)):
        older.log(**{metric: 1.0})
    run = dlviz.live(names(), beside=[older])
    knob, word, net = names(), names(), _network(names, nn.Linear(1, 1), nn.ReLU())
    held = {knob: 0.5, "kind": word}
    run.knobs(**{knob: held, "kind": dlviz.knob(held, choices=[word, names()])})
    run.watch(net)
    for step in run.steps(range(4)):
        net(torch.ones(1, 1)).sum().backward()
        run.log(**{metric: float(step), names(): float("nan")})
        if step == 1:
            run.settings = {**run.settings, knob: 0.25}
    run._run.left = True
    run._run.fail(EVERYTHING)
    return run


def _race(names: Names) -> Any:
    racers = {name: (torch.optim.SGD, {"lr": 0.01 * (k + 1)}) for k, name in enumerate(names.some(3))}

    def loss(p: torch.Tensor) -> torch.Tensor:
        return (p * p).sum()

    loss.__name__ = _letters(names())
    return dlviz.race(racers, loss, start=(1.0, 2.0), steps=5, axes=names.some(2))


def _surface(names: Names) -> Any:
    def loss(p: torch.Tensor) -> torch.Tensor:
        return (p * p).sum()

    loss.__name__ = _letters(names())
    return dlviz.surface(loss, (-1, 1), path=torch.tensor([[1.0, 1.0], [0.5, 0.5]]), axes=names.some(2), view="3d")


def _unroll(names: Names) -> Any:
    def encode(text: str) -> torch.Tensor:
        if "?" in text:
            raise ValueError(EVERYTHING)
        return torch.ones(len(text), 2)

    view = dlviz.unroll(nn.LSTM(2, 3), "hello", tokens=names.some(5), encode=encode)
    view.update(names())
    view.update(names())
    view.text = "?"
    return view


def _positions(_: Names) -> Any:
    matrix = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    return Positions(Encoding("learned", 6, 4, table=matrix), EVERYTHING)


def _generate(names: Names) -> Any:
    tokens = names.some(len(ATTACKS))
    model = _module(names())(OrderedDict({"0": nn.Embedding(len(tokens), len(tokens))}))
    return dlviz.generate(model, [0, 1], decode=lambda ids: "".join(tokens[i] for i in ids), steps=8, continuations=2)


def _latent(names: Names) -> Any:
    encoder, decoder = nn.Linear(4, 3), nn.Linear(3, 4)
    x = torch.randn(len(ATTACKS), 4, generator=torch.Generator().manual_seed(0))
    view = dlviz.latent(encoder, decoder, x, labels=names.some(len(ATTACKS)), features=names.some(4), target=3)
    view.update(names())
    return view


def _attribute(names: Names) -> Any:
    net = _network(names, nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, len(ATTACKS)))
    named = {"features": names.some(4), "classes": names.some(len(ATTACKS)), "labels": names.some(2)}
    view = dlviz.attribute(net, torch.ones(2, 4), [0, 1], **named)
    view.randomization()
    view.other_class()
    view.input_noise()
    return view


def _attribute_tokens(names: Names) -> Any:
    net = nn.Sequential(nn.Embedding(9, 4), nn.Conv1d(4, 4, 1), _module(names())(nn.Flatten(), nn.LazyLinear(2)))
    tokens = names.some(4)
    return dlviz.attribute(net, torch.arange(4), 1, tokens=[tokens], classes=names.some(2), method="grad_cam")


def _compress(names: Names) -> Any:
    net = _network(names, nn.Linear(4, 5), nn.Linear(5, len(ATTACKS)))
    x, labels = torch.ones(len(ATTACKS), 4), torch.arange(len(ATTACKS))

    def finetune(net: nn.Module) -> None:
        raise ValueError(EVERYTHING)

    evaluate = lambda net: (torch.eye(len(ATTACKS)) + 1e-9 * net(x), labels)  # noqa: E731
    view = dlviz.compress(net, evaluate, finetune=finetune, classes=names.some(len(ATTACKS)), metric=EVERYTHING)
    view._on_try({"kind": "try", "amount": 0.5, "scope": "layer", "structured": False, "quantize": "none"})
    return view


def _duel(names: Names) -> Any:
    def step() -> None:
        raise ValueError(EVERYTHING)

    generator, discriminator = _network(names, nn.Linear(2, 2)), _network(names, nn.Linear(2, 1), nn.Dropout())
    view = dlviz.duel(generator, discriminator, torch.zeros(5, 2), step_d=step, samples=20)
    view._state.inputs = dataclasses.replace(view._state.inputs, names=(names(), names()), loss_name=names())
    view.update(0.5, label=names())
    view._on_train({"kind": "train", "which": "d", "count": 1})
    return view


def _denoise(names: Names) -> Any:
    embedding = _network(names, nn.Embedding(3, 2))

    def model(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x * embedding(y)

    labels = [str(name) for name in names.some(2)] * 3
    view = dlviz.denoise(model, torch.randn(6, 2), "cosine", steps=5, labels=labels, null=2, samples=4)
    view._state.inputs = dataclasses.replace(view._state.inputs, names=(names(), names()))
    view.update(label=names())
    view._show_all()
    return view


def _profile(names: Names) -> Any:
    net = _network(names, nn.Linear(4, 3), nn.ReLU())
    event = names().replace("\x00", "").replace("\ud800", "?")

    def step(x: torch.Tensor) -> None:
        with torch.profiler.record_function(event):
            net(x).sum().backward()  # <img src=x onerror="hurt=1"></script><script>hurt=1</script> {{x}}

    view = dlviz.profile(step, torch.ones(2, 4), label=names(), repeats=1, against=net, table_by="line")
    view.selected, view.highlighted = [0, view.record.events.names.index("aten::linear")], 0
    return view


def _export_check(names: Names) -> Any:
    net = _network(names, nn.Linear(4, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 2))
    setattr(net[0], "scale", torch.ones(1))  # noqa: B010, a plain tensor, which is named
    state = {names(): torch.ones(1), names(): torch.ones(2)}
    return dlviz.export_check(net, torch.ones(2, 4), runtimes=[], state=state, tab="saving")


def _export_check_refused(names: Names) -> Any:
    class Refused(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.sum() > 0:  # <img src=x onerror="hurt=1"></script><script>hurt=1</script> {{x}}
                return x
            if torch.compiler.is_exporting():
                raise ValueError(EVERYTHING)
            return -x

    return dlviz.export_check(Refused(), -torch.ones(2, 4), runtimes=["compile"])


def _parallel(names: Names) -> Any:
    def told(rank: Any) -> Any:
        spans = tuple(dataclasses.replace(span, name=names(), shape=names()) for span in rank.spans)
        return dataclasses.replace(rank, spans=spans, output=EVERYTHING, result=names())

    run = invented.run(2)
    gradients = [
        [dataclasses.replace(one, name=name) for one, name in zip(step, ATTACKS, strict=False)]
        for step in run.gradients
    ]
    ranks = tuple(told(rank) for rank in run.ranks)
    return Parallel({1: invented.alone(), 2: dataclasses.replace(run, label=names(), ranks=ranks, gradients=gradients)})


def _attention(names: Names) -> Any:
    def encode(text: str) -> torch.Tensor:
        if "?" in text:
            raise ValueError(EVERYTHING)
        return torch.ones(len(text), 2)

    model = _module(names())(OrderedDict({names(): nn.TransformerEncoderLayer(2, 1, 2, dropout=0.0)}))
    view = dlviz.attention(model, "hello", tokens=names.some(5), encode=encode)
    view.update(names())
    view.text = "?"
    return view


def _bpe(names: Names) -> Any:
    return dlviz.bpe(" ".join(names.some(6)), merges=20, typed=names(), step=9)


def _confusion(names: Names) -> Any:
    scores = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    view = dlviz.confusion(scores, torch.arange(20) % 3, [names() for _ in range(20)], names=names.some(3))
    view.update(scores * 2)
    view.example = int(view.worst[0])
    return view


def _split(names: Names) -> Any:
    groups = [name.replace("\ud800", "?") for name in names.some(20)]
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))

    def score(train: torch.Tensor, test: torch.Tensor) -> float:
        raise ValueError(EVERYTHING)

    parts = dict.fromkeys(names.some(2), 0.5)
    view = dlviz.split(x, torch.arange(40) % 2, parts, groups=groups * 2, score=score)
    view._on_measure({"kind": "measure"})
    return view


def _embedding(names: Names) -> Any:
    labels = names.some(len(ATTACKS))
    matrix = torch.randn(len(labels), 4, generator=torch.Generator().manual_seed(0))
    return dlviz.embedding(matrix, labels, word=0, analogy=(0, 1, 2), axis=(3, 4))


def _word2vec(names: Names) -> Any:
    view = dlviz.word2vec([names.some(len(ATTACKS)) for _ in range(3)], vector_size=4)
    view.run(3)
    return view


_MADE: tuple[Callable[[Names], Any], ...] = (
    *(
        _graph,
        _graph_against,
        _tensor,
        _views,
        _broadcast,
        _broadcast_refused,
        _index,
        _index_refused,
        _matmul,
        _einsum,
    ),
    *(
        _conv2d,
        _max_pool2d,
        _layers,
        _layers_refused,
        _boundary,
        _live,
        _race,
        _surface,
        _unroll,
        _positions,
        _bpe,
        _confusion,
        _split,
    ),
    *(_generate, _embedding, _word2vec, _latent, _attribute, _attribute_tokens, _compress, _duel, _denoise, _profile),
    *(_export_check, _export_check_refused, _parallel),
)
#: Functions that make each widget, by name.
WIDGETS: MappingProxyType[str, Callable[[], Any]] = MappingProxyType(
    {make.__name__.lstrip("_"): (lambda make=make, k=k: make(Names(k))) for k, make in enumerate(_MADE)}
)
