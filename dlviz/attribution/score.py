"""The net as a function from an input, or from the embeddings of its tokens, to scores."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dlviz.attribution.inputs import Inputs, check_inputs
from dlviz.attribution.net_outputs import gradient, scores_in
from dlviz.attribution.token_embeddings import exchanged, readers
from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.callables import all_modules, untouched
from dlviz.torchkit.model_copies import initialize_lazy
from dlviz.torchkit.modules import differs_in_eval, named_modules

#: Numbers of all inputs that go through the net at once, and inputs at most.
_CHUNK_NUMBERS, _CHUNK = 2_000_000, 256
#: Numbers of gradients that are kept for the terms of a map.
_KEPT_NUMBERS = 30_000_000


class ScoreFunction:
    """Scores of variants of an input, as a differentiable function.

    What varies is a *point*: the input itself, or for tokens their embeddings (T, D). The net runs in eval mode on copies of its
    tensors, and stays as it was.

    Args:
        net: a module or another callable, called as ``net(x, *args)``.
        inputs: the inputs.
        args: further arguments, a tuple or a dictionary of keyword arguments; a tensor with one row for each input is given row by row.
        output: a function from what the net returns to scores (N, C) or (N,).

    Attributes:
        holder: a module that holds those that the net runs.
        inputs: the inputs, with targets and baseline once :meth:`with_targets` has been called.
        embedding: path of the embedding that reads the ids, "" for other inputs.
        state: the net's tensors when the score function was made, by their paths: it goes on with these after further training.
        notes: what the learner should know about the net's mode and outputs, in words.

    Raises:
        DlvizError: `net` or `output` cannot be called, or no embedding of the net reads the ids.
    """

    def __init__(self, net: Any, inputs: Inputs, args: Any = (), output: Any = None) -> None:
        self.net, self.inputs, self.output = net, inputs, output
        self.holder = holder_of(net)
        if output is not None and not callable(output):
            raise DlvizError(message("attribution.refused.callable", name="output", got=type(output).__name__))
        self._args, self._kwargs = _arguments(args)
        self._count = len(inputs)
        self._depth = 0
        self._stack = ExitStack()
        self.embedding = ""
        self._embedding: nn.Embedding | None = None
        self.notes: list[str] = list(inputs.notes)
        initialize_lazy(self.holder, [inputs.x[:1].clone(), *self._extra(0, 1)[0]], self._extra(0, 1)[1])
        self.state = _state(self.holder)
        self._kept: dict[tuple[Any, ...], Any] = {}
        with self.running():
            self._points = self._embed() if inputs.kind == "tokens" else inputs.x
        #: Scores of the inputs, (N, C), on the CPU.
        self.scores = self._scores_of_inputs()
        self._add_notes()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the net inside the block: in eval mode, on copies of :attr:`state`. Blocks may be nested."""
        if self._depth == 0:
            with ExitStack() as stack:
                stack.enter_context(torch.inference_mode(False))
                copies = {name: tensor.clone() for name, tensor in self.state.items()}
                stack.enter_context(untouched([self.holder], copies))
                self._stack = stack.pop_all()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._stack.close()

    def with_targets(self, target: Any = None, classes: Sequence[Any] | None = None, baseline: Any = None) -> None:
        """Set the outputs that are explained, and the baseline.

        Args:
            target, classes: as :meth:`Inputs.with_targets` takes them.
            baseline: a number, or numbers that broadcast to one input; for tokens the id of a token, or an embedding (D,) or (T, D).
                0 by default.

        Raises:
            DlvizError: one does not fit.
        """
        inputs = self.inputs.with_targets(target, self.scores, classes)
        self._points = self._points[inputs.source.to(self._points.device)]
        self.scores = self.scores[inputs.source]
        self.inputs = replace(inputs, baseline=self._baseline(baseline))

    def variant(
        self,
        index: int,
        *,
        state: Mapping[str, Tensor] | None = None,
        target: int | None = None,
        point: Tensor | None = None,
    ) -> "ScoreFunction":
        """Return the score function of input `index` alone, with other tensors of the net, another target or another point.

        Args:
            state: tensors by their paths, as in :attr:`state`; embeddings of tokens are made anew with them.
            target: index of an output.
            point: a batch of one.
        """
        made = copy.copy(self)
        one, made._kept, made._depth = slice(index, index + 1), {}, 0
        tokens = self.inputs.tokens
        made.inputs = replace(
            self.inputs,
            x=self.inputs.x[one],
            labels=self.inputs.labels[one],
            tokens=None if tokens is None else tokens[one],
            source=self.inputs.source[one],
            targets=self.inputs.targets[one] if target is None else torch.tensor([target]),
        )
        made._points = self._points[one] if point is None else point.detach()
        made.scores = self.scores[one]
        if state is not None:
            made.state = dict(state)
            with made.running():
                made._points = made._readers(0)[0][1] if self._embedding is not None else made._points
        if state is not None or point is not None:
            made.scores = made._scores_of_inputs()
        return made

    def retargeted(self, index: int, target: int) -> "ScoreFunction":
        """Return the score function of the same inputs, with another output explained for input `index`."""
        made = copy.copy(self)
        targets = self.inputs.targets.clone()
        targets[index] = target
        made.inputs, made._kept, made._depth = replace(self.inputs, targets=targets), {}, 0
        return made

    def point(self, index: int) -> Tensor:
        """Return input `index`, or the embeddings of its tokens, as a batch of one."""
        return self._points[index : index + 1].detach().clone()

    def target(self, index: int) -> int:
        """Return the explained output of input `index`."""
        return int(self.inputs.targets[index])

    def __call__(self, points: Tensor, index: int) -> Tensor:
        """Return scores (K, C) of K variants of input `index`, differentiable where gradients are on. Call it inside :meth:`running`."""
        count = len(points)
        args, kwargs = self._extra(index, count)
        # A copy, because a layer such as ReLU(inplace=True) writes into what it gets.
        x = points.clone()
        if self._embedding is None:
            return self._scores(self._run((x, *args), kwargs), count)
        ids = self.inputs.x[index : index + 1].expand(count, -1).clone()
        with exchanged(self._embedding, ids, x):
            return self._scores(self._run((ids, *args), kwargs), count)

    def outputs(self, points: Tensor, index: int) -> Tensor:
        """Return all scores (K, C) for K variants of input `index`, without gradients."""
        with self.running(), torch.no_grad():
            return torch.cat([self(part, index) for part in points.split(self.chunk_size)])

    def values(self, points: Tensor, index: int) -> Tensor:
        """Return the scores (K,) of the explained output for K variants of input `index`, without gradients."""
        return self.outputs(points, index)[:, self.target(index)]

    def gradients(self, points: Tensor, index: int) -> Tensor:
        """Return the gradients (K, …) of the explained output by K variants of input `index`.

        Raises:
            DlvizError: the score does not depend on the input through functions that torch differentiates.
        """
        made = []
        with self.running(), torch.enable_grad():
            for part in points.split(self.chunk_size):
                # Noise of 32 bits makes numbers of 16 bits wider.
                leaf = part.detach().to(self._points.dtype, copy=True).requires_grad_()
                made.append(gradient(self(leaf, index)[:, self.target(index)], leaf))
        return torch.cat(made)

    @property
    def chunk_size(self) -> int:
        """How many variants of an input go through the net at once."""
        return max(1, min(_CHUNK, _CHUNK_NUMBERS // max(1, self._points[0].numel())))

    def once(self, key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """Return what `compute` returned the first time it was asked for by this key; of many numbers only the latest are kept."""
        if key in self._kept:
            return self._kept[key]
        made = compute()
        self._kept[key] = made
        sizes = {name: one.numel() for name, one in self._kept.items() if isinstance(one, Tensor)}
        for name in list(sizes)[:-1] if isinstance(made, Tensor) else []:
            if sum(sizes.values()) > _KEPT_NUMBERS:
                del self._kept[name], sizes[name]
        return made

    def _run(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        try:
            return self.net(*args, **kwargs)
        except DlvizError:
            raise
        except Exception as error:  # a learner's model may raise anything
            text = f"{type(error).__name__}: {first_line(error)}"
            values = {"shape": tuple(args[0].shape), "dtype": args[0].dtype, "error": text}
            key = "torch" if self.inputs.kind != "image" or self.inputs.is_batch else "one_image"
            raise DlvizError(
                message(
                    f"attribution.refused.{key}",
                    **values,
                    given=tuple(args[0].shape[1:]),
                    rest=tuple(args[0].shape[2:]),
                )
            ) from error

    def _scores(self, raw: Any, count: int) -> Tensor:
        """Return what the net returned as scores (K, C)."""
        found = scores_in(raw) if self.output is None else self._picked(raw)
        if not isinstance(found, Tensor):  # what output picked
            raise DlvizError(message("attribution.refused.no_tensor", name="output", got=type(found).__name__))
        if as_plain_tensor(found) is None or not found.is_floating_point():
            raise DlvizError(message("attribution.refused.output", count=count, got=kind_of_data(found)))
        if found.dim() not in (1, 2) or len(found) != count or not found.numel():
            raise DlvizError(message("attribution.refused.output_shape", count=count, got=tuple(found.shape)))
        return found[:, None] if found.dim() == 1 else found

    def _picked(self, raw: Any) -> Any:
        """Return what the learner's `output` picks from what the net returned."""
        try:
            return self.output(raw)
        except Exception as error:  # a learner's function may raise anything
            text = f"{type(error).__name__}: {first_line(error)}"
            raise DlvizError(message("attribution.refused.output_raises", error=text)) from error

    def _extra(self, index: int, count: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the net's further arguments for `count` variants of one input."""
        source = int(self.inputs.source[index]) if len(self.inputs.source) else index

        def row(value: Any) -> Any:
            if not isinstance(value, Tensor) or value.dim() == 0 or len(value) != self._count:
                return value
            return value[source : source + 1].expand(count, *value.shape[1:]).clone()

        return tuple(map(row, self._args)), {name: row(value) for name, value in self._kwargs.items()}

    def _scores_of_inputs(self) -> Tensor:
        with self.running(), torch.no_grad():
            return torch.cat([self(self.point(index), index) for index in range(len(self.inputs))]).detach().cpu()

    def _embed(self) -> Tensor:
        """Return the embeddings of all tokens (N, T, D), from the embedding that reads the ids."""
        parts = []
        for index in range(len(self.inputs)):
            found = self._readers(index)
            if not found:
                raise DlvizError(message("attribution.refused.embedding", kind=type(self.net).__name__))
            (self._embedding, made), *others = found
            parts.append(made)
        names = {id(module): path for path, module in named_modules(self.holder)}
        self.embedding = names[id(self._embedding)]
        if others:
            more = ", ".join(names[id(module)] for module, _ in others)
            self.notes.append(message("attribution.note.embeddings", name=self.embedding, others=more))
        return torch.cat(parts)

    def _readers(self, index: int) -> list[tuple[nn.Embedding, Tensor]]:
        """Return the embeddings that read the ids of one input, with what they make of them, (1, T, D)."""
        args, kwargs = self._extra(index, 1)
        ids = self.inputs.x[index : index + 1].clone()
        return readers(self.holder, lambda ids: self._run((ids, *args), kwargs), ids)

    def _baseline(self, baseline: Any) -> Tensor:
        one = self._points[0]
        if baseline is None:
            return torch.zeros_like(one)
        if self._embedding is not None and is_integer(baseline):
            return self._embedding_of(int(baseline)).expand_as(one).clone()
        found = as_plain_tensor(baseline) if not is_integer(baseline) else torch.tensor(float(baseline))
        if found is None and isinstance(baseline, (int, float)):
            found = torch.tensor(float(baseline))
        try:
            if found is None or found.is_complex() or not bool(found.isfinite().all()):
                raise DlvizError(message("attribution.refused.baseline_kind", got=kind_of_data(baseline)))
            return found.to(one).broadcast_to(one.shape).clone()
        except RuntimeError:
            values = {"shape": tuple(one.shape), "got": tuple(found.shape)}  # type: ignore[union-attr]
            raise DlvizError(message("attribution.refused.baseline", **values)) from None

    def _embedding_of(self, token: int) -> Tensor:
        """Return what the embedding makes of one token, (D,)."""
        count = self._embedding.num_embeddings  # type: ignore[union-attr]
        if not 0 <= token < count:
            raise DlvizError(message("attribution.refused.baseline_id", last=count - 1, got=token))
        with self.running(), torch.no_grad():
            return self._embedding(torch.tensor([token], device=self._points.device))[0].clone()  # type: ignore[misc]

    def _add_notes(self) -> None:
        names = [
            path or type(one).__name__
            for path, one in named_modules(self.holder)
            if one.training and differs_in_eval(one)
        ]
        if names:
            shown = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
            self.notes.append(message("attribution.note.training", names=shown))
        if not bool(self.scores.isfinite().all()):
            self.notes.append(message("attribution.note.nonfinite"))
        elif self._is_random():
            self.notes.append(message("attribution.note.random"))
        if self.are_probs:
            self.notes.append(message("attribution.note.probabilities"))

    def _is_random(self) -> bool:
        """Return whether the net draws random numbers even in eval mode."""
        with self.running(), torch.no_grad():
            torch.manual_seed(1)
            first = self(self.point(0), 0)
            torch.manual_seed(2)
            return not torch.equal(first, self(self.point(0), 0))

    @property
    def are_probs(self) -> bool:
        """Whether the scores are probabilities: two or more, not negative, of sum 1."""
        sums = self.scores.double().sum(1)
        return self.scores.shape[1] > 1 and bool((self.scores >= 0).all()) and bool(((sums - 1).abs() < 1e-4).all())

    @property
    def probs(self) -> Tensor | None:
        """Probabilities of the classes (N, C); ``None`` where there is one output."""
        if self.scores.shape[1] == 1:
            return None
        return self.scores if self.are_probs else self.scores.softmax(1)


def score_function(
    net: Any,
    x: Any,
    target: Any = None,
    *,
    baseline: Any = None,
    labels: Sequence[Any] | None = None,
    classes: Sequence[Any] | None = None,
    features: Sequence[Any] | None = None,
    tokens: Any = None,
    args: Any = (),
    output: Any = None,
    kind: str = "auto",
) -> ScoreFunction:
    """Return the score function of the learner's net and inputs. The arguments are those of :func:`dlviz.attribution.record`.

    Raises:
        DlvizError: one does not fit, or the net raises.

    Example:
        >>> score = score_function(nn.Linear(3, 2), torch.rand(4, 3), target=1)
        >>> score.scores.shape, score.gradients(score.point(0), 0).shape
        (torch.Size([4, 2]), torch.Size([1, 3]))
    """
    if isinstance(x, Mapping) and "input_ids" in x and not args:  # a batch of a tokenizer of Hugging Face
        args = {name: value for name, value in x.items() if name != "input_ids"}
        x = x["input_ids"]
    if isinstance(x, Mapping):
        keys = list(x)
        values = {
            "got": type(x).__name__,
            "keys": ", ".join(map(repr, keys[:6])) or "–",
            "key": keys[0] if keys else "…",
        }
        raise DlvizError(message("attribution.refused.mapping", **values))
    inputs = check_inputs(holder_of(net), x, kind=kind, labels=labels, features=features, tokens=tokens)
    score = ScoreFunction(net, inputs, args, output)
    score.with_targets(target, classes, baseline)
    return score


def holder_of(net: Any) -> nn.Module:
    """Return the net, or for another callable one module that holds those that it runs.

    Raises:
        DlvizError: it cannot be called.
    """
    if not callable(net):
        raise DlvizError(message("attribution.refused.callable", name="net", got=type(net).__name__))
    return net if isinstance(net, nn.Module) else nn.ModuleList(all_modules([net]))


def _state(holder: nn.Module) -> dict[str, Tensor]:
    """Return copies of a module's parameters and buffers by all their paths; a tensor at several places is copied once."""
    copies: dict[int, Tensor] = {}
    found = {}
    for path, module in named_modules(holder, remove_duplicate=False):
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None and not is_lazy(tensor):
                copies.setdefault(id(tensor), tensor.detach().clone())
                found[f"{path}.{name}" if path else name] = copies[id(tensor)]
    return found


def _arguments(args: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(args, Mapping):
        return (), dict(args)
    return (tuple(args), {}) if isinstance(args, (tuple, list)) else ((args,), {})
