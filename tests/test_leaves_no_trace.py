"""Every public function leaves the learner's objects, hooks, modes and random generators as they were."""

import copy
import io
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import dlviz

ROOT = Path(__file__).parent.parent
#: The hooks of all modules together, by the names that torch gives them.
GLOBAL_HOOKS = [name for name in vars(nn.modules.module) if name.startswith("_global_") and name.endswith("_hooks")]


def keep(module: nn.Module, *_: object) -> None:
    """Do nothing; a hook of the learner's own, which has to stay."""


class Learner:
    """What a learner may hold: networks with buffers, modes, gradients, hooks and an optimizer, and data."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.images = torch.rand(4, 1, 6, 6)
        self.convolutional = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(48, 4)
        )
        self.points, self.labels = torch.randn(20, 2), torch.arange(20) % 2
        self.plane = nn.Sequential(nn.Linear(2, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 2))
        self.sequence, self.recurrent = torch.randn(5, 3), nn.LSTM(3, 4, num_layers=2, dropout=0.5)
        self.transformer = nn.TransformerEncoderLayer(3, 3, 8, dropout=0.5)
        self.leaf = torch.randn(3, requires_grad=True)
        self.convolutional[1].eval()
        self.plane[3].eval()
        self.plane[0].weight.requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.plane.parameters(), lr=0.01)
        nn.functional.cross_entropy(self.plane(self.points), self.labels).backward()
        self.optimizer.step()
        for net in self.networks():
            net.register_forward_hook(keep)

    def networks(self) -> list[nn.Module]:
        return [self.convolutional, self.plane, self.recurrent, self.transformer]

    def tensors(self) -> list[torch.Tensor]:
        return [self.images, self.points, self.labels, self.sequence, self.leaf]


def content(tensor: torch.Tensor | None) -> Any:
    if tensor is None:
        return None
    return (str(tensor.dtype), tuple(tensor.shape), tensor.requires_grad, tensor.detach().numpy().tobytes())


def hooks(owner: object) -> dict[str, int]:
    """Return the number of hooks of a module or tensor in each of its tables."""
    names = [name for name in dir(owner) if name.startswith("_") and name.endswith("_hooks")]
    return {name: len(getattr(owner, name) or ()) for name in names if not callable(getattr(owner, name))}


def state(learner: Learner) -> dict[str, Any]:
    """Return everything that a call must not change, as values that can be compared."""
    found: dict[str, Any] = {
        "random": random.getstate(),
        "numpy": repr(np.random.get_state()),
        "torch": torch.get_rng_state().tolist(),
        "gradients are on": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "anomalies": torch.is_anomaly_enabled(),
        "global hooks": {name: len(getattr(nn.modules.module, name) or ()) for name in GLOBAL_HOOKS},
        "optimizer": repr(learner.optimizer.state_dict()),
    }
    for k, tensor in enumerate(learner.tensors()):
        found[f"tensor {k}"] = (content(tensor), content(tensor.grad), tensor._version, hooks(tensor))
    for k, net in enumerate(learner.networks()):
        for name, module in net.named_modules():
            found[f"module {k} {name}"] = (
                module.training,
                hooks(module),
                sorted(vars(module)),
                id(module.forward.__func__),
            )
        for name, parameter in net.named_parameters():
            found[f"parameter {k} {name}"] = (
                id(parameter), content(parameter), content(parameter.grad), hooks(parameter)
            )  # fmt: skip
        for name, buffer in net.named_buffers():
            found[f"buffer {k} {name}"] = content(buffer)
    return found


def watched(learner: Learner) -> Any:
    run = dlviz.live("watched")
    run.watch(learner.plane)
    run.knobs(lr=learner.optimizer)
    for step in run.steps(range(3)):
        run.log(loss=float(step))
    return run


def loaded(learner: Learner, folder: Any) -> Any:
    return dlviz.load_run(watched(learner).save(folder / "run.npz"))


def trained(learner: Learner) -> None:
    """Make a step of training."""
    learner.optimizer.zero_grad()
    nn.functional.cross_entropy(learner.plane(learner.points), learner.labels).backward()
    learner.optimizer.step()


def moved(view: Any, **traits: Any) -> Any:
    """Set traits, as a page does."""
    for name, value in traits.items():
        setattr(view, name, value)
    return view


def checked(view: Any) -> Any:
    """Compute every check of an attribution map."""
    for check in (view.randomization, view.deletion_insertion, view.other_class, view.input_noise):
        check()
    return view


def trains_in_a_copy(rank: int, world_size: int, one: Learner) -> float:
    """Train the copies of a learner's objects in another process."""
    trained(one)
    return float(one.leaf.detach().sum())


#: Each public function on a learner's objects. `seed` is missing: to set the generators is its purpose.
CALLS: dict[str, Callable[[Learner], Any]] = {
    "graph": lambda one: dlviz.graph(lambda: (one.leaf * 2).sum()),
    "tensor": lambda one: dlviz.tensor(one.points),
    "views": lambda one: dlviz.views(one.points, "x.T", "x[:, 1:]"),
    "broadcast": lambda one: dlviz.broadcast(one.points, one.points[0]),
    "index": lambda one: dlviz.index(one.points, "x[1:, ::2]", revealed=True),
    "matmul": lambda one: dlviz.matmul(one.points, one.points.T),
    "einsum": lambda one: dlviz.einsum("nd,md->nm", one.points, one.points),
    "conv1d": lambda one: dlviz.conv1d(one.sequence.T, torch.ones(1, 3, 2)),
    "conv2d": lambda one: dlviz.conv2d(one.images, one.convolutional[0]),
    "conv_transpose1d": lambda one: dlviz.conv_transpose1d(one.sequence.T, torch.ones(3, 1, 2)),
    "conv_transpose2d": lambda one: dlviz.conv_transpose2d(one.images, torch.ones(1, 1, 2, 2)),
    "max_pool1d": lambda one: dlviz.max_pool1d(one.sequence.T, 2),
    "max_pool2d": lambda one: dlviz.max_pool2d(one.images, 2),
    "avg_pool1d": lambda one: dlviz.avg_pool1d(one.sequence.T, 2),
    "avg_pool2d": lambda one: dlviz.avg_pool2d(one.images, 2),
    "layers": lambda one: dlviz.layers(one.convolutional, one.images),
    "boundary": lambda one: dlviz.boundary(one.plane, one.points, one.labels),
    "live": watched,
    "knob": lambda one: dlviz.knob(one.optimizer, low=0.001, high=1.0),
    "race": lambda one: dlviz.race({"SGD": (torch.optim.SGD, {"lr": 0.05})}, "ravine", steps=5),
    "surface": lambda one: dlviz.surface(lambda p: p.pow(2).sum(), limits=(-4, 4)),
    "unroll": lambda one: dlviz.unroll(one.recurrent, one.sequence),
    "positions": lambda one: dlviz.positions(one.points),
    "attention": lambda one: moved(dlviz.attention(one.transformer, one.sequence), edits=[[0, "causal", 1]], head=1),
    "generate": lambda one: moved(
        dlviz.generate(lambda ids: one.plane(one.points[ids[0]]), [0, 1], steps=3, cached=lambda *_: (one.points[0], None)),
        temperature=0.5,
    ),
    "latent": lambda one: moved(
        dlviz.latent(one.plane, lambda code: one.plane(code), one.points, labels=one.labels, anomalies=one.points[:3], target=1),
        example=2, probe=[0.5, 0.1], decoded_grid=True,
    ),
    "duel": lambda one: moved(dlviz.duel(one.plane, nn.Sequential(one.plane, nn.MaxPool1d(2)), one.points), resolution=12),
    "attribute": lambda one: checked(
        moved(dlviz.attribute(one.convolutional, one.images, [0, 1, 2, 3]), method="grad_cam", target=3, layer="0", relu=False)
    ),
    "compress": lambda one: moved(
        dlviz.compress(one.plane, lambda net: (net(one.points), one.labels), finetune=lambda net: net(one.points).sum().backward(),
                       student=one.plane, data=one.points, distill_steps=2),
        amount=0.5, structured=True, quantize="int8 dynamic", step=0,
    ).model,
    "denoise": lambda one: moved(dlviz.denoise(lambda x, t: one.plane(x), one.points, steps=5, samples=4), walk_steps=2, snapshot=0),
    "profile": lambda one: dlviz.profile(
        lambda: trained(one), repeats=1, warmup=1, against=lambda: one.convolutional(one.images)
    ),
    "export_check": lambda one: dlviz.export_check(one.convolutional, one.images, runtimes=["compile"]),
    "parallel": lambda one: dlviz.parallel(trains_in_a_copy, one, nprocs=1),
    "bpe": lambda one: dlviz.bpe("low lower lowest", merges=3),
    "confusion": lambda one: dlviz.confusion(one.points, one.labels),
    "split": lambda one: moved(dlviz.split(one.points, one.labels), seed=3, how="stratified"),
    "embedding": lambda one: dlviz.embedding({"a": one.points[0], "b": one.points[1], "c": one.points[2]}),
    "word2vec": lambda one: dlviz.word2vec([["a", "b", "c"], ["c", "a", "d"]], vector_size=4).run(5),
    "exercise": lambda one: dlviz.exercise("00.double").check(lambda x: 2 * x),
    "predict": lambda one: dlviz.predict("00.sum", 10),
    "device": lambda one: dlviz.device(),
}  # fmt: skip


@pytest.fixture
def learner(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Learner]:
    monkeypatch.setenv("DLVIZ_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setitem(CALLS, "load_run", lambda one: loaded(one, tmp_path))
    return Learner()


def test_every_public_function_is_called_here():
    assert set(CALLS) | {"load_run", "seed"} == set(dlviz._HOME)


@pytest.mark.parametrize("name", [*CALLS, "load_run"])
def test_a_call_and_its_page_leave_no_trace(name: str, learner: Learner):
    before = state(learner)
    made = CALLS[name](learner)
    if hasattr(made, "to_html"):
        made.to_html()
        made._repr_mimebundle_()
    after = state(learner)
    assert [key for key in before if before[key] != after.get(key)] == []
    assert set(after) == set(before)
    if hasattr(made, "close"):
        made.close()


@pytest.mark.parametrize("name", [*CALLS, "load_run"])
def test_the_networks_can_be_copied_and_saved_while_the_picture_is_shown(name: str, learner: Learner):
    shown = CALLS[name](learner)
    for net in learner.networks():
        twin = copy.deepcopy(net)
        assert [hooks(module) for module in twin.modules()] == [hooks(module) for module in net.modules()]
        torch.save(net, io.BytesIO())
        again = pickle.loads(pickle.dumps(net))
        for copied in (twin, again):
            assert all(torch.equal(a, b) for a, b in zip(copied.parameters(), net.parameters(), strict=True))
            assert not ({id(p) for p in copied.parameters()} & {id(p) for p in net.parameters()})
    assert shown is not None


@pytest.mark.parametrize("name", ["graph", "layers", "boundary", "conv2d", "unroll", "attention", "duel", "denoise"])
def test_a_network_in_training_and_in_evaluation_stays_in_its_mode(name: str, learner: Learner):
    for training in (True, False):
        for net in learner.networks():
            net.train(training)
        before = state(learner)
        CALLS[name](learner).to_html()
        assert [key for key, value in state(learner).items() if before[key] != value] == []


def test_the_first_use_in_a_process_draws_no_random_number():
    """A library that is imported at first use may draw from a generator, once."""
    done = subprocess.run([sys.executable, "-c", FIRST_USE], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == []


FIRST_USE = """
import random, numpy, torch
from tests.test_leaves_no_trace import CALLS, Learner
learner = Learner()
def generators():
    return random.getstate(), repr(numpy.random.get_state()), torch.get_rng_state().tolist()
for name, call in CALLS.items():
    before = generators()
    call(learner)
    if generators() != before:
        print(name)
"""
