"""State behind the map of codes: the learner's encoder and decoder, their snapshots, and what is decoded where."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import evenly_spaced
from dlviz.kit.validation import is_integer, list_of_texts
from dlviz.latent_space.autoencoder import Autoencoder, Codes
from dlviz.latent_space.code_axes import check_axes, code_axes, stacked
from dlviz.latent_space.examples import Examples
from dlviz.latent_space.pictures import Pictures
from dlviz.latent_space.record import Anomalies, Record, record_examples
from dlviz.torchkit.labels import class_table, indices_of, list_of_names, whole_labels
from dlviz.torchkit.model_snapshots import SnapshotHistory
from dlviz.torchkit.plane import Limits, frame_around, grid

#: Points on the map at most.
MAX_POINTS = 2000
#: Steps of a path from one code to another.
PATH_STEPS = 12


class LatentState:
    """Encoder, decoder and data, the snapshots of a training, and the record of the one that is drawn.

    Args:
        model: encoder and decoder.
        examples: the data.
        labels: the index of each example's class, ``None`` without labels.
        classes: names of the classes.
        anomalies: a second set of examples, ``None`` without one.
        axes: "auto", "pca" or two dimensions.

    Attributes:
        step: index of the snapshot that is drawn.
        record: codes and reconstructions at that snapshot.
        code_axes: axes of the map.
    """

    def __init__(
        self,
        model: Autoencoder,
        examples: Examples,
        labels: Tensor | None,
        classes: Sequence[str],
        anomalies: Tensor | None,
        axes: Any,
    ) -> None:
        self.model, self.examples, self.labels, self.classes = model, examples, labels, list(classes)
        self.anomalies = anomalies
        self.pictures = Pictures.of(examples)
        self.history = SnapshotHistory()
        self.step = 0
        self.drawn = evenly_spaced(len(examples), MAX_POINTS)
        model.initialize(examples.x[:1])
        self.record = record_examples(model, examples, anomalies)
        self.axes = check_axes(axes, model.code_size)
        self.code_axes = code_axes(self.record.codes, self.axes)
        self._latest, self._latest_axes = self.record, self.code_axes
        self._keep("")
        self._place()

    # Snapshots.

    def update(self, label: str) -> None:
        """Encode and decode the data with the model's present state, keep it as a snapshot, and go there."""
        self._latest = record_examples(self.model, self.examples, self.anomalies)
        self._keep(label)
        self.show(self.history.last)

    def _keep(self, label: str) -> None:
        errors, kl = self._latest.errors, self._latest.kl
        measures = {"error": float(errors.mean()), "kl": None if kl is None else float(kl.sum())}
        kept = self.model.holder if self.model.has_state else _numbers(self._latest)
        self.history.add(kept, label, measures)

    def show(self, step: int) -> None:
        """Go to a snapshot."""
        self.step = min(step, self.history.last)
        self.record = self.record_at(self.step)
        before = self._latest_axes if self.step < self.history.last else self.code_axes
        self.code_axes = code_axes(self.record.codes, self.axes, before)
        if self.step == self.history.last:
            self._latest_axes = self.code_axes
        self._place()

    def record_at(self, step: int) -> Record:
        """Return the record of a snapshot. Of functions without parameters it was kept; a model runs again in its earlier state."""
        if step >= self.history.last:
            return self._latest
        state = self.history.state(step)
        if self.model.has_state:
            return record_examples(self.model, self.examples, self.anomalies, state)
        others = self._latest.anomalies
        if others is not None:
            others = Anomalies(others.x, *(state[f"anomaly_{name}"] for name in ("codes", "reconstructions", "errors")))
        return Record(
            self.examples, state["codes"], state.get("std"), state["reconstructions"], state["errors"], others
        )

    def set_axes(self, axes: Any) -> None:
        """Draw the map along other axes."""
        self.axes = check_axes(axes, self.model.code_size)
        self.code_axes = code_axes(self.record.codes, self.axes)
        self._latest_axes = code_axes(self._latest.codes, self.axes)
        self._place()

    @contextmanager
    def along(self, axes: Any) -> Iterator[None]:
        """Draw the map along other axes inside the block, and along the present ones again afterwards."""
        kept = self.axes, self.code_axes, self._latest_axes
        self.set_axes(axes)
        try:
            yield
        finally:
            self.axes, self.code_axes, self._latest_axes = kept
            self._place()

    def _running(self) -> Any:
        is_last = self.step >= self.history.last or not self.model.has_state
        return self.model.running(None if is_last else self.history.state(self.step))

    # The map.

    def _place(self) -> None:
        """Compute the places of all examples, and the limits of the map."""
        codes, size = self.record.codes, self.model.code_size
        self.places = self.code_axes.place(codes)
        if size == 1:
            self.places[:, 1] = stacked(codes[:, 0], self.labels)
        finite = self.places[self.places.isfinite().all(1)]
        self.limits: Limits = frame_around(finite)
        if size == 1 and len(finite):
            rows = max(1, len(self.classes))
            self.limits = (*self.limits[:2], -0.15, rows + 0.05)

    def limits_with_ellipses(self) -> Limits:
        """Return limits of the map between which the ellipses of the drawn examples, of 2 standard deviations, lie too."""
        assert self.record.std is not None
        places, matrices = self.places[self.drawn], self.code_axes.spread(self.record.std[self.drawn])
        reach = 2 * matrices.square().sum(2).sqrt()
        ends = torch.cat((places - reach, places + reach))
        found = frame_around(ends[ends.isfinite().all(1)])
        return (*found[:2], *self.limits[2:]) if self.model.code_size == 1 else found

    def place(self, codes: Tensor) -> Tensor:
        """Return the places (M, 2) of codes (M, K); of codes of one number the height is the middle of the map."""
        places = self.code_axes.place(codes)
        if self.model.code_size == 1:
            places[:, 1] = (self.limits[2] + self.limits[3]) / 2
        return places

    # Examples and anomalies by their number: the anomalies follow the data.

    @property
    def selectable(self) -> int:
        """Number of the data and the anomalies together."""
        return len(self.examples) + (0 if self.anomalies is None else len(self.anomalies))

    def at(self, example: int) -> tuple[Record | Anomalies, int]:
        """Return the record that holds an example or an anomaly, and its index there."""
        count, others = len(self.examples), self.record.anomalies
        return (self.record, example) if others is None or example < count else (others, example - count)

    def code(self, example: int) -> Tensor:
        """Return the code (K,) of an example or an anomaly; for -1 the mean code."""
        record, index = self.at(example)
        return record.codes[index] if example >= 0 else self.mean_code()

    def label(self, example: int) -> str:
        """Return the name of an example's class; "" without one."""
        has_label = self.labels is not None and 0 <= example < len(self.examples)
        return self.classes[int(self.labels[example])] if has_label and self.labels is not None else ""

    def start(self, example: int) -> list[float]:
        """Return the place of an example or an anomaly; without one that of the mean code."""
        is_data = 0 <= example < len(self.examples)
        place = self.places[example] if is_data else self.place(self.code(example)[None])[0]
        return [float(value) for value in place.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)]

    def mean_code(self) -> Tensor:
        """Return the mean of the finite codes, (K,)."""
        codes = self.record.codes
        finite = codes[codes.isfinite().all(1)]
        return finite.mean(0) if len(finite) else torch.zeros(codes.shape[1], dtype=codes.dtype)

    def codes_at(self, places: Tensor, example: int) -> Tensor:
        """Return the codes (M, K) at places (M, 2) of the map: that of the example, or the mean code, moved along the map's axes."""
        return self.code_axes.codes_at(places, self.code(example))

    def grid_codes(self, side: int, example: int) -> Tensor:
        """Return the codes (side², K) of a grid of places, row by row from the top left."""
        return self.codes_at(grid(self.limits, side, torch.zeros(0, dtype=torch.float64)), example)

    # Encoding and decoding in the state that is drawn.

    def decode(self, codes: Tensor) -> Tensor:
        """Return what codes (M, K) decode to, (M, …)."""
        with self._running():
            return self.model.decode(codes)

    def encode(self, x: Tensor) -> Codes:
        """Return the codes of examples (M, …)."""
        with self._running():
            return self.model.encode(x)

    def reconstruct(self, x: Tensor) -> tuple[Codes, Tensor]:
        """Return codes and reconstructions of examples (M, …)."""
        with self._running():
            codes = self.model.encode(x)
            return codes, self.model.decode(codes.mean)

    def path_codes(self, a: int, b: int, steps: int = PATH_STEPS) -> Tensor:
        """Return the codes (steps + 1, K) on the straight line from the code of one example to that of another."""
        t = torch.linspace(0, 1, steps + 1, dtype=torch.float64)[:, None]
        return self.code(a).double() * (1 - t) + self.code(b).double() * t

    def sample_codes(self, count: int, seed: int) -> Tensor:
        """Return random codes (count, K) from the standard normal distribution."""
        return torch.randn(
            count, self.model.code_size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )

    def suggested_target(self, example: int) -> int:
        """Return an example to go to from another: of the others, or those of other classes, the one at the median distance."""
        codes = self.record.codes[self.drawn].double()
        others = [k for k, index in enumerate(self.drawn) if index != example and bool(codes[k].isfinite().all())]
        if self.labels is not None and 0 <= example < len(self.examples):
            others = [k for k in others if self.labels[self.drawn[k]] != self.labels[example]] or others
        if not others or not 0 <= example < len(self.examples):
            return -1
        distances = (codes[others] - self.record.codes[example].double()).norm(dim=1)
        return self.drawn[others[int(distances.argsort()[len(others) // 2])]]


def _numbers(record: Record) -> nn.Module:
    """Return a module whose buffers are the numbers of a record, which a history keeps."""
    kept = {
        "codes": record.codes,
        "std": record.std,
        "reconstructions": record.reconstructions,
        "errors": record.errors,
    }
    if record.anomalies is not None:
        others = record.anomalies
        kept |= {f"anomaly_{name}": getattr(others, name) for name in ("codes", "reconstructions", "errors")}
    module = nn.Module()
    for name, tensor in kept.items():
        module.register_buffer(name, tensor)
    return module


def check_labels(labels: Any, classes: Any, count: int) -> tuple[Tensor | None, list[str]]:
    """Return the index of each example's class, int64 (N,), and the names of the classes; ``None`` and no names without labels.

    Raises:
        DlvizError: they are no labels, their number is not `count`, or a class has no name.
    """
    names = None if classes is None else list_of_texts(classes, "latent_space.refused.classes_kind")
    if labels is None:
        return None, []
    found = whole_labels("latent: labels", labels)
    if found is None:
        items = list_of_names("latent: labels", labels)
        names = names or class_table(items)
        found = indices_of("latent: labels", items, names)
    found = found.squeeze(1) if found.dim() == 2 and found.shape[1] == 1 else found
    if found.dim() != 1 or len(found) != count:
        raise DlvizError(message("latent_space.refused.labels", count=count, got=tuple(found.shape)))
    if names is None:
        different, found = found.unique(return_inverse=True)
        return found, [str(value) for value in different.tolist()]
    if int(found.min()) < 0 or int(found.max()) >= len(names):
        wrong = int(found.max() if int(found.min()) >= 0 else found.min())
        raise DlvizError(message("latent_space.refused.classes", count=len(names), last=len(names) - 1, got=wrong))
    return found, names


def check_example(value: Any, count: int, name: str, lowest: int) -> int:
    """Return the index of an example; `lowest` is -1 where none may be selected.

    Raises:
        DlvizError: there is no such example.
    """
    if not is_integer(value) or not lowest <= value < count:
        values = {"name": name, "lowest": lowest, "last": count - 1, "got": repr(value)[:60]}
        raise DlvizError(message("latent_space.refused.example", **values))
    return int(value)
