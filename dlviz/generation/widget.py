"""`dlviz.generate`: a text that your own language model continues, token by token, with the distribution of each token."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.generation.cache_cost import CacheCost, Cached
from dlviz.generation.record import Continuation, Step
from dlviz.generation.sampling import Settings
from dlviz.generation.scene import scene, signature
from dlviz.generation.still import draw
from dlviz.generation.widget_state import GeneratedText
from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import counted, message
from dlviz.kit.precomputed import Precomputed
from dlviz.kit.validated_widget import int_field
from dlviz.kit.widget import Widget, binary

#: Settings that an exported page can show.
_PAGE_VALUES: Mapping[str, Sequence[Any]] = {
    "temperature": (0.5, 2.0, 0.8, 1.0, 0.2, 1.5),
    "greedy": (True, False),
    "top_k": (5, 0, 20, 2),
    "top_p": (0.9, 1.0, 0.5, 0.7),
    "seed": (1, 2, 3, 0),
}
#: Tokens that are generated for those settings at most, and multiply-adds for them, counted as one a parameter.
_PAGE_TOKENS, _PAGE_WORK = 2000, 10**9
#: Seconds of generation between two updates of the picture.
_SLICE = 0.25


class Generate(Widget):
    """Widget that shows generated text. A step of the player is a generated token.

    Setting `temperature`, `top_k`, `top_p`, `greedy` or `seed` draws the token of the current step again, and all after it.

    Attributes:
        temperature: what logits are divided by.
        top_k: how many tokens are kept; 0 for all.
        top_p: smallest total probability of the tokens that are kept; 1 for all.
        greedy: whether the most probable token is always taken.
        seed: of the uniform numbers that draw the tokens.
        continuation: index of the continuation that is shown.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "generation"
    _function = "generate"
    _tensor_attributes = ("_generated",)

    temperature = traitlets.Float(1.0, help="what logits are divided by").tag(sync=True)
    top_k = traitlets.Int(0, help="how many tokens are kept; 0 for all").tag(sync=True)
    top_p = traitlets.Float(1.0, help="smallest total probability of the tokens that are kept").tag(sync=True)
    greedy = traitlets.Bool(False, help="whether the most probable token is always taken").tag(sync=True)
    seed = traitlets.Int(0, min=0, max=2**53 - 1, help="seed of the uniform numbers").tag(sync=True)
    continuation = traitlets.Int(0, min=0, help="index of the continuation that is shown").tag(sync=True)

    def __init__(self, generated: GeneratedText, name: str, **traits: Any) -> None:
        self._generated: GeneratedText | None = generated
        self._name, self._count = name, len(generated.continuations)
        super().__init__(**traits)
        self._draw()
        self.observe(self._restart, ["temperature", "top_k", "top_p", "greedy", "seed"])

    # What Python can ask.

    @property
    def continuations(self) -> list[Continuation]:
        """All continuations; each has ``.ids``, ``.steps``, ``.log_prob`` and ``.perplexity``."""
        return list(self._complete().continuations)

    @property
    def text(self) -> str:
        """Text of the prompt and of the shown continuation."""
        return self._complete().tokenizer.text(self.ids)

    @property
    def texts(self) -> list[str]:
        """Text of the prompt and of every continuation."""
        generated = self._complete()
        return [generated.tokenizer.text(one.ids) for one in generated.continuations]

    @property
    def ids(self) -> list[int]:
        """Ids of the prompt and of the shown continuation."""
        return self.continuations[self.continuation].ids

    @property
    def logits(self) -> Tensor:
        """Logits of the current step's token, (V,)."""
        return self._current().logits

    @property
    def probs(self) -> Tensor:
        """Probabilities from which the current step's token was drawn: after temperature, top-k and top-p, (V,)."""
        return self._current().stages.probs

    @property
    def cost(self) -> CacheCost:
        """Multiply-adds with and without a key/value cache, and the cache's size, along the first continuation."""
        return self._state().cost

    def choose(self, token: int | str) -> None:
        """Take another token at the current step of the shown continuation, and generate what follows it.

        Args:
            token: its id, or its text if there is ``encode``.

        Raises:
            DlvizError: there is no such token.
        """
        generated = self._complete()
        self._choose(generated.tokenizer.id_of(token))
        self._complete()

    def reset(self) -> None:
        """Draw all tokens again with the current settings: none is chosen by hand any more."""
        self._state().restart(self._settings(), self.seed, 0)
        self._draw()
        self._complete()

    def update(self) -> None:
        """Generate everything again, after some training of the model.

        A loop may call it as often as it likes: while a page still draws, updates are merged.
        """
        self._state().clear()
        self._update_when_drawn(self._redraw)

    def _state(self) -> GeneratedText:
        self._check_open()
        assert self._generated is not None
        return self._generated

    def _complete(self) -> GeneratedText:
        """Return the continuations, once all of them are generated."""
        generated = self._state()
        if not generated.is_complete():
            generated.generate()
            self._draw()
        return generated

    def _current(self) -> Step:
        steps = self.continuations[self.continuation].steps
        return steps[min(self.step, len(steps) - 1)]

    def _settings(self, **changed: Any) -> Settings:
        names = ("temperature", "top_k", "top_p", "greedy")
        return Settings(**{name: changed.get(name, getattr(self, name)) for name in names})

    # Checks of what Python and the view set.

    @traitlets.validate("temperature", "top_k", "top_p")
    def _validate_setting(self, proposal: Any) -> Any:
        Settings(**{proposal["trait"].name: proposal["value"]})
        return proposal["value"]

    @traitlets.validate("continuation")
    def _validate_continuation(self, proposal: Any) -> int:
        if proposal["value"] >= self._count:
            values = {"count": self._count, "last": self._count - 1, "got": proposal["value"]}
            raise DlvizError(message("generation.refused.continuation", **values))
        return int(proposal["value"])

    # Drawing.

    def _restart(self, _: Any = None) -> None:
        """Draw the current token again; what follows it is generated when it is asked for."""
        if self._generated is None:
            return
        self._generated.restart(self._settings(), self.seed, self.step)
        self._draw()

    def _on_continue(self, content: Mapping[str, Any]) -> None:
        """Generate what is missing for about a quarter of a second, and draw it."""
        self._state().generate(_SLICE)
        self._draw()

    def _on_choose(self, content: Mapping[str, Any]) -> None:
        self._choose(int_field(content, "id"))

    def _on_reset(self, content: Mapping[str, Any]) -> None:
        self._state().restart(self._settings(), self.seed, 0)
        self._draw()

    def _choose(self, token: int) -> None:
        generated = self._state()
        steps = generated.continuations[self.continuation].steps
        generated.choose(self.continuation, min(self.step, len(steps) - 1), token)
        self._draw()

    def _redraw(self) -> None:
        if not self._closed:
            self._state().generate()
            self._draw()

    def _draw(self, _: Any = None) -> None:
        if self._closed:
            return
        generated = self._state()
        if not all(one.steps for one in generated.continuations):
            generated.generate(0.0)  # the first token of each
        self.scene = dict(binary(scene(generated, self._name)))

    def _page_state(self) -> dict[str, Any]:
        self._complete()
        return super()._page_state()

    def _precomputed(self) -> Precomputed:
        """Return what other settings generate from the current step on, for as many as the model has time for."""
        generated = self._complete()
        tokens = generated.target * self._count
        work = tokens * max(1, generated.source.parameters)
        room = min(_PAGE_TOKENS // tokens, _PAGE_WORK // work)

        def scene_with(name: str, value: Any) -> dict[str, Any]:
            seed = value if name == "seed" else self.seed
            other = generated.with_settings(self._settings(**{name: value}), seed, self.step)
            return {"scene": dict(binary(scene(other, self._name)))}

        found: dict[str, dict[str, Callable[[], dict[str, Any]]]] = {name: {} for name in _PAGE_VALUES}
        for k in range(max(map(len, _PAGE_VALUES.values()))):
            for name, values in _PAGE_VALUES.items():
                if k < len(values) and values[k] != getattr(self, name) and room > 0:
                    found[name][json.dumps(values[k])] = partial(scene_with, name, values[k])
                    room -= 1
        return {name: values for name, values in found.items() if values}

    def _describe(self) -> str:
        generated = self._complete()
        return message(
            "generation.repr",
            name=self._name,
            prompt=len(generated.prompt),
            tokens=counted("generation.count.tokens", len(generated.continuations[self.continuation].generated)),
        )

    def _still(self) -> str:
        generated = self._complete()
        one = generated.continuations[self.continuation]
        step = min(self.step, len(one.steps) - 1)
        rows = one.steps[step].rows
        ids = {*one.ids, *([] if rows is None else rows.ids.tolist())}
        titles = {
            "signature": signature(generated, self._name),
            "probability": message("generation.still.probability", place=step),
            "others": message("generation.others", count="{count}"),
            "separator": str(self.scene["separator"]),
            "none": message("generation.no_distribution"),
        }
        summary = str(self.scene["summary"])
        return draw(one, step, generated.tokenizer.names(ids), titles, summary, self._still_theme)


@suggests_names
def generate(
    model: Callable[[Tensor], Any],
    prompt: Any,
    *,
    encode: Any = None,
    decode: Any = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    greedy: bool = False,
    steps: int = 40,
    seed: int = 0,
    continuations: int = 1,
    context: int | None = None,
    cached: Cached | None = None,
    continuation: int = 0,
    step: int = 0,
    theme: str = "auto",
    speed: float = 1.0,
) -> Generate:
    """Let your own language model continue a text, and see the distribution behind every token.

    The model runs in eval mode and stays unchanged. Each token is drawn by one uniform number, which is shown where it falls. Moving the
    temperature, top-k or top-p draws the current token again, with all that follow; a click on another token takes that one.

    Args:
        model: any callable from ids, int64 (1, T), to logits (1, T, V), (T, V), (1, V) or (V,), or to an object with ``.logits``, as
            models of Hugging Face return.
        prompt: ids as a list, an array or a tensor, (T,) or (1, T), or what a tokenizer returned; a text if there is `encode`.
        encode: a function from a text to ids, or a tokenizer with methods ``encode`` and ``decode``.
        decode: a function from a list of ids to a text; without one the ids are shown as numbers.
        temperature: what logits are divided by, from 0.01 to 100.
        top_k: keep this many of the most probable tokens; 0 keeps all (Fan et al. 2018, arXiv 1805.04833).
        top_p: keep the most probable tokens that together have this probability; 1 keeps all (Holtzman et al. 2020, arXiv 1904.09751).
        greedy: always take the most probable token.
        steps: how many tokens to generate, up to 1000.
        seed: of the uniform numbers.
        continuations: how many texts to generate side by side, up to 8, each from numbers of its own.
        context: how many ids the model reads at most; longer texts are cut to the last ones.
        cached: the same model with a key/value cache, ``cached(ids, cache) -> (logits, cache)``. It is called with the whole prompt and
            ``None``, then with one new id (1, 1) and the cache that it returned. Its logits are compared with the model's, and its
            multiplications counted.
        continuation, step: what is shown; see :class:`Generate`.
        theme: "auto", "light" or "dark".
        speed: the player's speed.

    Returns:
        The widget; ``.text``, ``.ids``, ``.probs``, ``.logits``, ``.continuations``, ``.cost``, ``.choose(token)``, ``.update()``,
        ``.reset()``.

    Raises:
        DlvizError: an argument does not fit, or the model raises.

    Example:
        >>> import torch, dlviz
        >>> letters = "ab "
        >>> table = torch.tensor([[0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [3.0, 0.0, 0.0]])  # after a comes b, after b a space
        >>> view = dlviz.generate(
        ...     lambda ids: table[ids], "a", encode=lambda text: [letters.index(c) for c in text],
        ...     decode=lambda ids: "".join(letters[i] for i in ids), steps=5, greedy=True
        ... )
        >>> view.text, view.probs
        ('ab ab ', tensor([0., 1., 0.]))
        >>> view.greedy = False
        >>> view.probs.round(decimals=3)
        tensor([0.0450, 0.9090, 0.0450])
    """
    name = name_of(model, scope(), message("generation.model"))
    top_k, top_p = 0 if top_k is None else top_k, 1.0 if top_p is None else top_p
    Settings(temperature, top_k, top_p, greedy)  # checks them
    # Numbers of NumPy become those of Python.
    temperature, top_k, top_p = float(temperature), int(top_k), float(top_p)
    settings = Settings(temperature, top_k, top_p, greedy)
    shown: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "greedy": greedy, "seed": seed}
    shown |= {"continuation": continuation, "step": step, "theme": theme, "speed": speed}
    generated = GeneratedText(model, prompt, encode, decode, steps, continuations, context, cached, settings, seed)
    return Generate(generated, name, **shown)
