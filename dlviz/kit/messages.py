"""Every string that a learner sees, one catalog a language: ``dlviz/words/en.toml`` and its translations.

The language is that of the environment variable ``DLVIZ_LANG``; a key that a translation lacks is said in English.
"""

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent.parent / "words"


def language() -> str:
    """The language asked for, such as "en"."""
    return os.environ.get("DLVIZ_LANG", "en")


def message(key: str, /, **values: Any) -> str:
    """The string called `key`, such as ``"kit.player.play"``, with its ``{braces}`` filled in.

    Raises:
        KeyError: no catalog has that key, or a value for one of its braces is missing.

    Example:
        >>> message("kit.player.play")
        'play'
    """
    for chosen in dict.fromkeys((language(), "en")):
        found = _flat(chosen).get(key)
        if found is not None:
            try:
                return found.format(**values)
            except KeyError as missing:
                raise KeyError(f"message: {key!r} needs a value for {missing}") from None
    raise KeyError(f"message: {key!r} is not in {_FOLDER.name}/en.toml")


def table(prefix: str) -> dict[str, str]:
    """Every string below `prefix`, with the prefix left out: what a view is given."""
    start = prefix + "."
    keys = [key for key in _flat("en") if key.startswith(start)]
    chosen = _flat(language())
    return {key.removeprefix(start): chosen.get(key, _flat("en")[key]) for key in keys}


@cache
def _flat(chosen: str) -> dict[str, str]:
    path = _FOLDER / f"{Path(chosen).name}.toml"
    if not path.is_file():
        return {}
    found: dict[str, str] = {}

    def gather(branch: dict[str, Any], prefix: str) -> None:
        for name, value in branch.items():
            if isinstance(value, dict):
                gather(value, f"{prefix}{name}.")
            else:
                found[prefix + name] = str(value)

    gather(tomllib.loads(path.read_text(encoding="utf-8")), "")
    return found
