"""Every public function with a table of odd inputs: it draws them, or raises an error of dlviz's own that says what would fit."""

import linecache
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.kit.page import to_json
from dlviz.kit.widget import Widget
from dlviz.multiprocess.widget import Parallel
from tests.multiprocess import invented
from tests.torchkit.quantized import Quantized

_PACKAGE = str(Path(dlviz.__file__).parent)


class Column:
    """What a pandas column is to others: numbers with labels of their own, which ``[0]`` does not find."""

    def __init__(self, values: Any, labels: Any) -> None:
        self.values, self.index = np.array(values), list(labels)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.values if dtype is None else self.values.astype(dtype)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Any:
        return iter(self.values)

    def __getitem__(self, label: Any) -> Any:
        return self.values[self.index.index(label)]


def _deprecated(make: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def _fake() -> torch.Tensor:
    with FakeTensorMode():
        return torch.randn(2, 2)


def _compiled_to_torchscript() -> Any:
    return _deprecated(lambda: torch.jit.script(nn.Linear(2, 2)))


def _quantized() -> torch.Tensor:
    return _deprecated(lambda: torch.quantize_per_tensor(torch.randn(2, 2), 0.1, 0, torch.quint8))


def _nested() -> torch.Tensor:
    return _deprecated(lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged))


class Table(Column):
    """A table whose columns are of different kinds, of which pandas makes an array of objects."""

    def __init__(self, *items: Any) -> None:
        super().__init__(np.array(items, dtype=object).reshape(2, 2), [7, 9])

    def itertuples(self, index: bool = True) -> Any:
        return map(tuple, self.values)


class NAType:
    """What pandas writes for a missing value."""

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]


#: Each makes a new value, because a generator can be read only once.
VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "a text": lambda: "three words here",
    "an empty text": lambda: "",
    "bytes": lambda: b"bytes",
    "a bool": lambda: True,
    "a number": lambda: 3,
    "a float": lambda: 0.5,
    "a negative number": lambda: -1,
    "a huge number": lambda: 10**30,
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "a complex number": lambda: 1 + 2j,
    "an empty list": list,
    "a list": lambda: [1.0, 2.0, 3.0],
    "a list of lists": lambda: [[1.0, 2.0], [3.0, 4.0]],
    "a ragged list": lambda: [[1.0], [2.0, 3.0]],
    "a list of texts": lambda: ["a", "b"],
    "a list of None": lambda: [None, None],
    "a tuple": lambda: (1.0, 2.0),
    "a dictionary": lambda: {"a": 1.0},
    "an empty dictionary": dict,
    "a set": lambda: {1, 2},
    "a generator": lambda: (k for k in range(3)),
    "an object": object,
    "a type": lambda: int,
    "a function": lambda: lambda *given: None,
    "a path": lambda: Path("missing.json"),
    "a NumPy array": lambda: np.arange(4.0).reshape(2, 2),
    "a NumPy scalar": lambda: np.float32(2),
    "a NumPy array of texts": lambda: np.array(["a", "b"]),
    "a NumPy array of objects": lambda: np.array([None, {}], dtype=object),
    "a reversed NumPy array": lambda: np.arange(4.0)[::-1],
    "a big-endian NumPy array": lambda: np.arange(4, dtype=">f8"),
    "a pandas column": lambda: Column([1.0, 2.0], [7, 9]),
    "a pandas table": lambda: Column([[1.0, 2.0], [3.0, 4.0]], [7, 9]),
    "a pandas table of several kinds": lambda: Table(1.5, 2, 3.5, 4),
    "a pandas table of texts too": lambda: Table(1.5, "a", 3.5, "b"),
    "a pandas table with a missing value": lambda: Table(1.5, NAType(), 3.5, 4),
    "a tensor": lambda: torch.randn(2, 2),
    "a parameter": lambda: nn.Parameter(torch.randn(2, 2)),
    "an empty tensor": lambda: torch.empty(0),
    "an empty batch": lambda: torch.empty(0, 3, 4, 4),
    "a 0-dim tensor": lambda: torch.tensor(2.0),
    "a tensor of seven dimensions": lambda: torch.randn(1, 1, 2, 1, 2, 1, 2),
    "a meta tensor": lambda: torch.empty(2, 2, device="meta"),
    "a fake tensor": _fake,
    "a sparse tensor": lambda: torch.eye(2).to_sparse(),
    "a sparse CSR tensor": lambda: _deprecated(lambda: torch.eye(2).to_sparse_csr()),
    "a quantized tensor": _quantized,
    "a nested tensor": _nested,
    "a tensor that torchao quantized": lambda: Quantized.of(torch.randn(2, 2)),
    "a complex tensor": lambda: torch.randn(2, 2, dtype=torch.complex64),
    "a bool tensor": lambda: torch.tensor([[True, False], [False, True]]),
    "an integer tensor": lambda: torch.tensor([[1, 2], [3, 4]]),
    "a float8 tensor": lambda: torch.ones(2, 2).to(torch.float8_e4m3fn),
    "a bfloat16 tensor": lambda: torch.ones(2, 2, dtype=torch.bfloat16),
    "a tensor of NaN": lambda: torch.full((2, 2), float("nan")),
    "a tensor of infinities": lambda: torch.full((2, 2), float("inf")),
    "a tensor of 1e30": lambda: torch.full((2, 2), 1e30),
    "an inference tensor": lambda: torch.inference_mode()(lambda: torch.ones(2, 2))(),
    "a module": lambda: nn.Linear(2, 2),
    "a lazy module": lambda: nn.LazyLinear(2),
    "a meta module": lambda: nn.Linear(2, 2, device="meta"),
    "a module without parameters": nn.ReLU,
    "a scripted module": _compiled_to_torchscript,
    "an optimizer": lambda: torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1),
}


def _latent(**options: Any) -> Any:
    return dlviz.latent(nn.Linear(4, 3), nn.Linear(3, 4), torch.arange(24.0).view(6, 4) / 24, **options)


def _attribute(**options: Any) -> Any:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    image = torch.arange(36.0).view(1, 6, 6) / 36
    return dlviz.attribute(net, image, **{"methods": "saliency"} | options)


def _attribute_tokens(**options: Any) -> Any:
    net = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 2))
    return dlviz.attribute(net, torch.arange(3), **{"methods": "saliency"} | options)


def _export_check(**options: Any) -> Any:
    return dlviz.export_check(nn.Linear(2, 2), torch.ones(3, 2), **{"runtimes": [], **options})


def _worker(rank: int, world_size: int, *given: Any) -> None:
    """A worker that takes anything."""


def _parallel(worker: Any, *args: Any, **options: Any) -> Any:
    """Call `dlviz.parallel` without starting processes: what it checks and packs comes before that."""

    def finish(packed: bytes, count: int, **_: Any) -> Any:
        raise _Packed(count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("dlviz.multiprocess.record"), "run", finish)
        try:
            return dlviz.parallel(worker, *args, **{"nprocs": 1} | options)
        except _Packed as packed:
            return Parallel({packed.count: invented.run(packed.count)}, theme=options.get("theme", "auto"))


class _Packed(Exception):  # noqa: N818, nothing has gone wrong
    """Raised where processes would start."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


def _returned(value: Any) -> dict[int, Any]:
    run = invented.run(1)
    return {1: replace(run, ranks=(replace(run.ranks[0], result=value),))}


def _returning(value: Any) -> nn.Module:
    """Return a module that returns a value whatever it gets."""
    return type("Returning", (nn.Module,), {"forward": lambda self, x: value})()


def _compress(net: Any = None, evaluate: Any = None, **options: Any) -> Any:
    # Without a call of the whole net nothing is timed.
    x = torch.arange(12.0).view(6, 2) / 12
    evaluate = evaluate or (lambda net: (net[0](x), [0, 1, 0, 1, 0, 1]))
    return dlviz.compress(net or nn.Sequential(nn.Linear(2, 2)), evaluate, **options)


def _denoise(**options: Any) -> Any:
    def model(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        return x

    return dlviz.denoise(model, torch.ones(3, 2), **{"steps": 3, "samples": 2} | options)


def _duel(**options: Any) -> Any:
    return dlviz.duel(
        nn.Linear(2, 2), nn.Linear(2, 1), torch.zeros(4, 2), **{"samples": 9, "resolution": 10, **options}
    )


def _shaped(value: Any, *shape: int) -> Any:
    """Return an array or a tensor of four numbers in this shape, which a function needs, and anything else as it is."""
    try:
        return value.reshape(shape)
    except Exception:
        return value


_X = torch.arange(16.0).view(1, 1, 4, 4)
_SEQUENCE = torch.arange(5.0).view(1, 1, 5)
_KERNEL, _KERNEL1 = torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2)


def _points() -> SimpleNamespace:
    torch.manual_seed(0)
    return SimpleNamespace(net=nn.Linear(2, 2), x=torch.randn(6, 2), y=torch.arange(6) % 2)


#: Every argument that takes data or a learner's object, by function.
CALLS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "graph": {
        "loss": lambda v: dlviz.graph(v),
        "names": lambda v: dlviz.graph(torch.ones(1, requires_grad=True) * 2, names=v),
    },
    "tensor": {
        "x": lambda v: dlviz.tensor(v),
        "index": lambda v: dlviz.tensor(_X[0, 0], index=v),
        "origin": lambda v: dlviz.tensor(_X[0, 0], origin=v),
        "name": lambda v: dlviz.tensor(_X, name=v),
    },
    "views": {
        "x": lambda v: dlviz.views(v, "x.T"),
        "others": lambda v: dlviz.views(_X, v),
        "names": lambda v: dlviz.views(_X, "x[0]", names=v),
    },
    "broadcast": {
        "a": lambda v: dlviz.broadcast(v, _X),
        "b": lambda v: dlviz.broadcast(torch.ones(2), v),
        "op": lambda v: dlviz.broadcast(torch.ones(2), torch.ones(2), op=v),
        "names": lambda v: dlviz.broadcast(torch.ones(2), torch.ones(2), names=v),
    },
    "index": {
        "x": lambda v: dlviz.index(v, "x[0]"),
        "expression": lambda v: dlviz.index(_X, v),
        "names": lambda v: dlviz.index(_X, "x[0]", names=v),
        "an index": lambda v: dlviz.index(_X, "x[i]", names={"i": v}),
    },
    "matmul": {
        "a": lambda v: dlviz.matmul(v, torch.ones(2, 2)),
        "both": lambda v: dlviz.matmul(v, v),
        "names": lambda v: dlviz.matmul(torch.ones(2), torch.ones(2), names=v),
    },
    "einsum": {"equation": lambda v: dlviz.einsum(v, torch.ones(2, 2)), "operands": lambda v: dlviz.einsum("ij->j", v)},
    "conv1d": {
        "x": lambda v: dlviz.conv1d(_shaped(v, 1, 1, 4), _KERNEL1),
        "weight": lambda v: dlviz.conv1d(_SEQUENCE, _shaped(v, 1, 1, 4)),
    },
    "conv2d": {
        "x": lambda v: dlviz.conv2d(_shaped(v, 1, 1, 2, 2), _KERNEL),
        "weight": lambda v: dlviz.conv2d(_X, _shaped(v, 1, 1, 2, 2)),
        "bias": lambda v: dlviz.conv2d(_X, _KERNEL, v),
        "stride": lambda v: dlviz.conv2d(_X, _KERNEL, stride=v),
        "padding": lambda v: dlviz.conv2d(_X, _KERNEL, padding=v),
        "padding_mode": lambda v: dlviz.conv2d(_X, _KERNEL, padding=1, padding_mode=v),
        "groups": lambda v: dlviz.conv2d(_X, _KERNEL, groups=v),
    },
    "conv_transpose1d": {
        "x": lambda v: dlviz.conv_transpose1d(_shaped(v, 1, 1, 4), _KERNEL1),
        "weight": lambda v: dlviz.conv_transpose1d(_SEQUENCE, _shaped(v, 1, 1, 4)),
    },
    "conv_transpose2d": {
        "x": lambda v: dlviz.conv_transpose2d(_shaped(v, 1, 1, 2, 2), _KERNEL),
        "weight": lambda v: dlviz.conv_transpose2d(_X, _shaped(v, 1, 1, 2, 2)),
        "output_padding": lambda v: dlviz.conv_transpose2d(_X, _KERNEL, output_padding=v),
    },
    "max_pool1d": {
        "x": lambda v: dlviz.max_pool1d(_shaped(v, 1, 1, 4), 2),
        "kernel_size": lambda v: dlviz.max_pool1d(_SEQUENCE, v),
    },
    "max_pool2d": {
        "x": lambda v: dlviz.max_pool2d(_shaped(v, 1, 1, 2, 2), 2),
        "kernel_size": lambda v: dlviz.max_pool2d(_X, v),
        "stride": lambda v: dlviz.max_pool2d(_X, 2, v),
        "ceil_mode": lambda v: dlviz.max_pool2d(_X, 2, ceil_mode=v),
    },
    "avg_pool1d": {
        "x": lambda v: dlviz.avg_pool1d(_shaped(v, 1, 1, 4), 2),
        "kernel_size": lambda v: dlviz.avg_pool1d(_SEQUENCE, v),
    },
    "avg_pool2d": {
        "x": lambda v: dlviz.avg_pool2d(_shaped(v, 1, 1, 2, 2), 2),
        "kernel_size": lambda v: dlviz.avg_pool2d(_X, v),
        "divisor_override": lambda v: dlviz.avg_pool2d(_X, 2, divisor_override=v),
    },
    "layers": {
        "model": lambda v: dlviz.layers(v, torch.ones(1, 2)),
        "x": lambda v: dlviz.layers(nn.Linear(2, 2), v),
        "labels": lambda v: dlviz.layers(nn.Linear(2, 2), torch.ones(1, 2), labels=v),
    },
    "boundary": {
        "model": lambda v: dlviz.boundary(v, _points().x, _points().y, resolution=10),
        "x": lambda v: dlviz.boundary(_points().net, v, torch.tensor([0, 1]), resolution=10),
        "y": lambda v: dlviz.boundary(_points().net, _points().x[:4], _shaped(v, 4), resolution=10),
        "classes": lambda v: dlviz.boundary(_points().net, _points().x, _points().y, classes=v, resolution=10),
        "limits": lambda v: dlviz.boundary(_points().net, _points().x, _points().y, limits=v, resolution=10),
        "resolution": lambda v: dlviz.boundary(_points().net, _points().x, _points().y, resolution=v),
        "opened": lambda v: dlviz.boundary(_points().net, _points().x, _points().y, opened=v, resolution=10),
        "painted": lambda v: dlviz.boundary(_points().net, _points().x, _points().y, painted=v, resolution=10),
        "example": lambda v: dlviz.boundary(_points().net, _points().x, _points().y, example=v, resolution=10),
    },
    "live": {
        "name": lambda v: dlviz.live(v),
        "a metric": lambda v: dlviz.live().log(loss=v),
        "knobs": lambda v: dlviz.live().knobs(lr=v),
        "watch": lambda v: dlviz.live().watch(v),
        "steps": lambda v: list(dlviz.live().steps(v)),
    },
    "load_run": {"path": lambda v: dlviz.load_run(v)},
    "knob": {
        "value": lambda v: dlviz.live().knobs(a=dlviz.knob(v)),
        "choices": lambda v: dlviz.live().knobs(a=dlviz.knob({"a": 1.0}, choices=v)),
    },
    "race": {
        "optimizers": lambda v: dlviz.race(v, steps=2),
        "loss": lambda v: dlviz.race({"a": (torch.optim.SGD, {"lr": 0.1})}, v, steps=2),
        "start": lambda v: dlviz.race({"a": (torch.optim.SGD, {"lr": 0.1})}, start=v, steps=2),
    },
    "surface": {
        "loss": lambda v: dlviz.surface(v, (-1, 1)),
        "range": lambda v: dlviz.surface(lambda p: (p * p).sum(), v),
        "directions": lambda v: dlviz.surface(nn.Linear(2, 1), loss=lambda m: m(torch.ones(2)).sum(), directions=v),
    },
    "unroll": {
        "module": lambda v: dlviz.unroll(v, torch.ones(2, 2)),
        "x": lambda v: dlviz.unroll(nn.LSTM(2, 2), v),
        "h0": lambda v: dlviz.unroll(nn.LSTM(2, 2), torch.ones(3, 2), v),
        "tokens": lambda v: dlviz.unroll(nn.GRU(2, 2), torch.ones(3, 2), tokens=v),
        "encode": lambda v: dlviz.unroll(nn.GRU(2, 2), "ab", encode=v),
        "what encode returns": lambda v: dlviz.unroll(nn.GRU(2, 2), "ab", encode=lambda text: v),
        "set_h0": lambda v: dlviz.unroll(nn.GRU(2, 2), torch.ones(3, 2)).set_h0(v),
    },
    "attention": {
        "module": lambda v: dlviz.attention(v, torch.ones(1, 3, 2)),
        "q": lambda v: dlviz.attention(v),
        "k": lambda v: dlviz.attention(torch.ones(1, 1, 3, 2), v),
        "mask": lambda v: dlviz.attention(torch.ones(3, 2), torch.ones(2, 2), mask=v),
        "scale": lambda v: dlviz.attention(torch.ones(3, 2), torch.ones(2, 2), scale=v),
        "argument of a module": lambda v: dlviz.attention(
            nn.MultiheadAttention(2, 1), v, torch.ones(3, 2), torch.ones(3, 2)
        ),
        "tokens": lambda v: dlviz.attention(torch.ones(3, 2), tokens=v),
        "encode": lambda v: dlviz.attention(
            lambda q: nn.functional.scaled_dot_product_attention(q, q, q), "ab", encode=v
        ),
        "what encode returns": lambda v: dlviz.attention(
            lambda q: nn.functional.scaled_dot_product_attention(q, q, q), "ab", encode=lambda text: v
        ),
        "edits": lambda v: dlviz.attention(torch.ones(3, 2), edits=v),
    },
    "positions": {
        "encoding": lambda v: dlviz.positions(v),
        "length": lambda v: dlviz.positions("alibi", v),
        "q": lambda v: dlviz.positions("rotary", 4, 2, q=v),
        "base": lambda v: dlviz.positions("rotary", 4, 2, base=v),
    },
    "generate": {
        "model": lambda v: dlviz.generate(v, [0, 1], steps=2),
        "what the model returns": lambda v: dlviz.generate(lambda ids: v, [0], steps=2),
        "prompt": lambda v: dlviz.generate(nn.Embedding(3, 3), v, steps=2),
        "encode": lambda v: dlviz.generate(nn.Embedding(3, 3), "ab", encode=v, steps=2),
        "what encode returns": lambda v: dlviz.generate(nn.Embedding(3, 3), "ab", encode=lambda text: v, steps=2),
        "decode": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], decode=v, steps=2),
        "what decode returns": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], decode=lambda ids: v, steps=2),
        "temperature": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], temperature=v, steps=2),
        "top_k": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], top_k=v, steps=2),
        "top_p": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], top_p=v, steps=2),
        "greedy": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], greedy=v, steps=2),
        "steps": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], steps=v),
        "seed": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], seed=v, steps=2),
        "continuations": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], continuations=v, steps=2),
        "context": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], context=v, steps=2),
        "cached": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], cached=v, steps=2),
        "what cached returns": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], cached=lambda *_: v, steps=2),
        "choose": lambda v: dlviz.generate(nn.Embedding(3, 3), [0], steps=2).choose(v),
    },
    "latent": {
        "encoder": lambda v: dlviz.latent(v, nn.Linear(2, 2), torch.ones(3, 2)),
        "decoder": lambda v: dlviz.latent(nn.Linear(2, 2), v, torch.ones(3, 2)),
        "data": lambda v: dlviz.latent(nn.Linear(2, 2), nn.Linear(2, 2), v),
        "what the encoder returns": lambda v: dlviz.latent(lambda x: v, nn.Linear(2, 2), torch.ones(2, 2)),
        "what the decoder returns": lambda v: dlviz.latent(nn.Linear(2, 2), lambda code: v, torch.ones(2, 2)),
        "the second output": lambda v: dlviz.latent(lambda x: (x, v), nn.Linear(2, 2), torch.ones(2, 2)),
        "labels": lambda v: _latent(labels=v),
        "classes": lambda v: _latent(labels=[0, 1, 0, 1, 0, 1], classes=v),
        "anomalies": lambda v: _latent(anomalies=v),
        "compare_with": lambda v: _latent(compare_with=v),
        "kind": lambda v: _latent(kind=v),
        "image_shape": lambda v: _latent(image_shape=v),
        "features": lambda v: _latent(features=v),
        "variance": lambda v: _latent(variance=v),
        "axes": lambda v: _latent(axes=v),
        "resolution": lambda v: _latent(resolution=v),
        "example": lambda v: _latent(example=v),
        "target": lambda v: _latent(target=v),
        "probe": lambda v: _latent(probe=v),
        "threshold": lambda v: _latent(threshold=v),
        "decode": lambda v: _latent().decode(v),
        "encode": lambda v: _latent().encode(v),
        "path": lambda v: _latent().path(0, v),
        "samples": lambda v: _latent().samples(v),
        "rates": lambda v: _latent().rates(v),
        "update": lambda v: _latent().update(v),
    },
    "attribute": {
        "net": lambda v: dlviz.attribute(v, torch.ones(2), methods="saliency"),
        "what the net returns": lambda v: dlviz.attribute(lambda x: v, torch.ones(2), methods="occlusion"),
        "x": lambda v: dlviz.attribute(nn.Linear(2, 2), v, methods="saliency"),
        "ids": lambda v: dlviz.attribute(nn.Sequential(nn.Embedding(9, 2), nn.Flatten()), v, methods="saliency"),
        "what output returns": lambda v: _attribute(output=lambda scores: v),
        **{
            name: lambda v, name=name: _attribute(**{name: v})
            for name in (
                "target",
                "methods",
                "baseline",
                "labels",
                "classes",
                "args",
                "output",
                "seed",
                "kind",
            )
        },
        **{name: lambda v, name=name: _attribute(methods="grad_cam", **{name: v}) for name in ("layer", "relu")},
        "steps": lambda v: _attribute(methods="integrated_gradients", steps=v),
        **{name: lambda v, name=name: _attribute(methods="smooth_grad", **{name: v}) for name in ("samples", "noise")},
        **{name: lambda v, name=name: _attribute(methods="occlusion", **{name: v}) for name in ("window", "stride")},
        "features": lambda v: dlviz.attribute(nn.Linear(2, 2), torch.ones(2), methods="saliency", features=v),
        "tokens": lambda v: _attribute_tokens(tokens=v),
        "a token's baseline": lambda v: _attribute_tokens(methods="integrated_gradients", baseline=v),
        **{
            name: lambda v, name=name: _attribute(**{name: v})
            for name in ("method", "index", "place", "signed", "scale", "input_opacity")
        },
        "terms": lambda v: _attribute().terms(place=v),
        "the method of terms": lambda v: _attribute().terms(v),
        "the index of a path": lambda v: _attribute(methods="integrated_gradients").integration_path(v),
        "other_class": lambda v: _attribute().other_class(target=v),
    },
    "compress": {
        "net": lambda v: dlviz.compress(v, lambda net: net(torch.ones(1, 2)).sum()),
        "evaluate": lambda v: dlviz.compress(nn.Linear(2, 2), v),
        "what evaluate returns": lambda v: _compress(evaluate=lambda net: (net[0](torch.ones(1, 2)), v)[1]),
        "preds": lambda v: _compress(evaluate=lambda net: (net[0](torch.ones(1, 2)), (v, [0, 1]))[1]),
        "labels": lambda v: _compress(evaluate=lambda net: (net[0](torch.ones(2, 2)), v)),
        "x": lambda v: _compress(x=v),
        "finetune": lambda v: _compress(finetune=v, amount=0.5),
        "student": lambda v: _compress(student=v, data=torch.ones(3, 2), distill_steps=1),
        "data": lambda v: _compress(student=nn.Linear(2, 2), data=v, distill_steps=1),
        "classes": lambda v: _compress(classes=v),
        "metric": lambda v: _compress(metric=v),
        "amount": lambda v: _compress(amount=v),
        "scope": lambda v: _compress(scope=v),
        "structured": lambda v: _compress(structured=v),
        "quantize": lambda v: _compress(quantize=v),
        "layer": lambda v: _compress(layer=v),
        "axis": lambda v: _compress(axis=v),
        "distill_steps": lambda v: _compress(distill_steps=v),
        "distill_lr": lambda v: _compress(distill_lr=v),
        "temperature": lambda v: _compress(temperature=v),
        "distill_seed": lambda v: _compress(distill_seed=v),
        "sweep": lambda v: _compress().sweep(v),
        "apply": lambda v: _compress().apply(amount=v),
    },
    "duel": {
        "generator": lambda v: dlviz.duel(v, nn.Linear(2, 1), torch.zeros(4, 2)),
        "discriminator": lambda v: dlviz.duel(nn.Linear(2, 2), v, torch.zeros(4, 2)),
        "real": lambda v: dlviz.duel(nn.Linear(2, 2), nn.Linear(2, 1), v, samples=9, resolution=10),
        "noise": lambda v: _duel(noise=v),
        "what noise returns": lambda v: _duel(noise=lambda n: v),
        "output": lambda v: _duel(output=v),
        "loss": lambda v: _duel(loss=v),
        "what loss returns": lambda v: _duel(loss=lambda output: v),
        "modes": lambda v: _duel(modes=v),
        "mode_radius": lambda v: _duel(modes=torch.zeros(1, 2), mode_radius=v),
        "classifier": lambda v: _duel(classifier=v),
        "step_d": lambda v: _duel(step_d=v),
        "what step_g returns": lambda v: _duel(step_g=lambda: v).train("g"),
        "samples": lambda v: _duel(samples=v),
        "limits": lambda v: _duel(limits=v),
        "painted": lambda v: _duel(painted=v),
        "resolution": lambda v: _duel(resolution=v),
        "update": lambda v: _duel().update(v, v),
        "sample_real": lambda v: _duel().sample_real(v),
        "train": lambda v: _duel(step_d=list).train("d", v),
    },
    "denoise": {
        "model": lambda v: dlviz.denoise(v, torch.ones(3, 2), steps=3, samples=2),
        "what the model returns": lambda v: dlviz.denoise(lambda x, t: v, torch.ones(2, 2), steps=3, samples=2),
        "data": lambda v: dlviz.denoise(lambda x, t: x, v, steps=3, samples=2),
        "schedule": lambda v: dlviz.denoise(lambda x, t: x, torch.ones(3, 2), v, samples=2),
        **{
            name: lambda v, name=name: _denoise(**{name: v})
            for name in ("steps", "predicts", "time", "labels", "sampler", "eta", "walk_steps", "samples", "clip")
        },
        **{name: lambda v, name=name: _denoise(**{name: v}) for name in ("seed", "limits", "condition")},
        **{
            name: lambda v, name=name: _denoise(**{"labels": [0, 1, 1], name: v})
            for name in ("classes", "null", "guidance")
        },
        "x": lambda v: _denoise().predict(v, 0),
        "t": lambda v: _denoise().predict(torch.ones(4, 2), v),
        "y": lambda v: _denoise(labels=[0, 1, 1]).predict(torch.ones(4, 2), 0, v),
        "noised": lambda v: _denoise().noised(v),
        "betas": lambda v: dlviz.diffusion.Schedule(v),
    },
    "export_check": {
        "net": lambda v: dlviz.export_check(v, torch.ones(2, 2), runtimes=[]),
        "x": lambda v: dlviz.export_check(nn.Linear(2, 2), v, runtimes=[]),
        "kwargs": lambda v: dlviz.export_check(nn.Linear(2, 2), torch.ones(3, 2), kwargs=v, runtimes=[]),
        "what net returns": lambda v: dlviz.export_check(_returning(v), torch.ones(3, 2), runtimes=[]),
        **{
            name: lambda v, name=name: _export_check(**{name: v})
            for name in ("dynamic", "runtimes", "state", "seed", "tab", "theme")
        },
    },
    "parallel": {
        "worker": lambda v: _parallel(v),
        "an argument": lambda v: _parallel(_worker, v),
        "what the worker returns": lambda v: Parallel(_returned(v)),
        **{
            name: lambda v, name=name: _parallel(_worker, **{name: v})
            for name in ("nprocs", "threads", "timeout", "steps", "label", "theme")
        },
    },
    "profile": {
        "fn": lambda v: dlviz.profile(v, repeats=1),
        "an argument": lambda v: dlviz.profile(lambda x: x, v, repeats=1),
        "what the function returns": lambda v: dlviz.profile(lambda: v, repeats=1),
        "warmup": lambda v: dlviz.profile(list, warmup=v, repeats=1),
        "repeats": lambda v: dlviz.profile(list, repeats=v),
        "label": lambda v: dlviz.profile(list, label=v, repeats=1),
        "against": lambda v: dlviz.profile(list, against=v, repeats=1),
        "table_by": lambda v: dlviz.profile(list, table_by=v, repeats=1),
        "table": lambda v: dlviz.profile(list, repeats=1).table(v),
    },
    "bpe": {
        "text": lambda v: dlviz.bpe(v),
        "merges": lambda v: dlviz.bpe("a b a b", v),
        "vocab_size": lambda v: dlviz.bpe("a b a b", vocab_size=v),
        "ids": lambda v: dlviz.tokenization.BytePairEncoder.train("ab", 0).decode(v),
    },
    "confusion": {
        "scores": lambda v: dlviz.confusion(v, torch.tensor([0, 1])),
        "targets": lambda v: dlviz.confusion(torch.eye(2), v),
        "names": lambda v: dlviz.confusion(torch.eye(2), torch.tensor([0, 1]), names=v),
        "inputs": lambda v: dlviz.confusion(torch.eye(2), torch.tensor([0, 1]), v),
        "ignore_index": lambda v: dlviz.confusion(torch.eye(2), torch.tensor([0, 1]), ignore_index=v),
        "opened": lambda v: dlviz.confusion(torch.eye(2), torch.tensor([0, 1]), opened=v),
    },
    "split": {
        "x": lambda v: dlviz.split(v, torch.tensor([0, 1]), folds=2),
        "y": lambda v: dlviz.split(torch.randn(4, 2), _shaped(v, 4), folds=2),
        "parts": lambda v: dlviz.split(torch.randn(8, 2), torch.arange(8) % 2, v),
        "groups": lambda v: dlviz.split(torch.randn(8, 2), torch.arange(8) % 2, groups=v),
        "seed": lambda v: dlviz.split(torch.randn(8, 2), torch.arange(8) % 2, seed=v),
        "folds": lambda v: dlviz.split(torch.randn(8, 2), torch.arange(8) % 2, how="folds", folds=v),
        "score": lambda v: dlviz.split(torch.randn(8, 2), torch.arange(8) % 2, score=v),
    },
    "embedding": {
        "vectors": lambda v: dlviz.embedding(v),
        "labels": lambda v: dlviz.embedding(torch.randn(2, 3), v),
        "axis": lambda v: dlviz.embedding(torch.randn(4, 3), axis=v),
    },
    "word2vec": {
        "corpus": lambda v: dlviz.word2vec(v),
        "vector_size": lambda v: dlviz.word2vec("a b c a b c", vector_size=v),
        "negatives": lambda v: dlviz.word2vec("a b c a b c", negatives=v),
    },
    "exercise": {"name": lambda v: dlviz.exercise(v)},
    "predict": {"name": lambda v: dlviz.predict(v)},
    "device": {},
    "seed": {"n": lambda v: dlviz.seed(v)},
}


#: What compiles a program for each value.
SLOW = {("export_check", "what net returns")}


@pytest.fixture(autouse=True)
def _closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)  # a run's name, for one, is where it is saved
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)
    Widget.close_all()


def is_own(error: BaseException) -> bool:
    """Return whether dlviz raised `error` itself by a ``raise``, or Python because the arguments of a call do not fit."""
    if not isinstance(error, (DlvizError, TypeError, ValueError)) or not str(error):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_PACKAGE)]
    if not ours:
        return isinstance(error, TypeError)
    last = frames[-1]
    source = linecache.getline(last.filename, last.lineno or 0).strip()
    return last.filename.startswith(_PACKAGE) and source.startswith("raise ")


# One test for all values, because 14,000 tests would take longer to collect and to report than to run.
@pytest.mark.parametrize(
    ("function", "argument"),
    [
        pytest.param(function, argument, marks=pytest.mark.slow if (function, argument) in SLOW else ())
        for function, taken in CALLS.items()
        for argument in taken
    ],
)
@pytest.mark.filterwarnings("ignore")  # torch warns of some of these values
def test_odd_inputs_are_drawn_or_refused_in_dlvizs_own_words(function: str, argument: str) -> None:
    faults = []
    for name, value in VALUES.items():
        given = value()
        try:
            made = CALLS[function][argument](given)
            if isinstance(made, Widget):
                assert repr(made)
                assert made._still().startswith("<svg")
                to_json(made._page_state())
        except Exception as error:
            if not is_own(error):
                error.add_note(f"{argument} of {function} was {name}")
                faults.append(error)
        finally:
            Widget.close_all()
    if faults:
        raise ExceptionGroup("neither drawn nor refused", faults)


def test_the_table_holds_every_public_function() -> None:
    assert set(CALLS) == set(dlviz._HOME)
