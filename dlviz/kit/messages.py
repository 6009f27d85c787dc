"""The catalog of strings that learners see.

Each folder of the package keeps its own strings in ``messages.en.toml``; a translation stands beside it, such as ``messages.zh.toml``.
The environment variable ``DLVIZ_LANG`` chooses the language. A key that a translation lacks falls back to English.
"""

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent.parent


def language() -> str:
    """Return the language code, such as "en"."""
    return os.environ.get("DLVIZ_LANG", "en")


def message(key: str, /, **values: Any) -> str:
    """Return the string of `key`, such as ``"kit.player.play"``, with its ``{braces}`` filled in.

    Raises:
        KeyError: the catalog has no such key, or a value for one of its braces is missing.

    Example:
        >>> message("kit.player.play")
        'play'
    """
    for code in dict.fromkeys((language(), "en")):
        text = _flat(code).get(key)
        if text is not None:
            try:
                return text.format(**values)
            except KeyError as missing:
                raise KeyError(f"message: {key!r} needs a value for {missing}") from None
    raise KeyError(f"message: no messages.en.toml holds the key {key!r}")


def counted(key: str, count: int) -> str:
    """Return a number with its noun, such as "3 images": the string of `key`, and of one thing that of `key` with "_one" behind it."""
    return message(f"{key}_one" if count == 1 else key, count=count)


def table(prefix: str) -> dict[str, str]:
    """Return every string below `prefix`, by its key without the prefix: the strings that a view receives."""
    start = prefix + "."
    keys = [key for key in _flat("en") if key.startswith(start)]
    texts = _flat(language())
    return {key.removeprefix(start): texts.get(key, _flat("en")[key]) for key in keys}


@cache
def _flat(code: str) -> dict[str, str]:
    """Return every string of one language by its dotted key; empty where there is no such translation."""
    texts: dict[str, str] = {}

    def gather(branch: dict[str, Any], prefix: str) -> None:
        for name, value in branch.items():
            if isinstance(value, dict):
                gather(value, f"{prefix}{name}.")
            else:
                texts[prefix + name] = str(value)

    for path in sorted(_PACKAGE.rglob("messages.*.toml")):
        if path.name == f"messages.{code}.toml":
            gather(tomllib.loads(path.read_text(encoding="utf-8")), "")
    return texts
