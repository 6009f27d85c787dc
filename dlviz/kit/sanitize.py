"""Text and numbers made safe for XML and JSON.

A character that the format cannot hold becomes the replacement character �. NaN and the infinities, which JSON does not have, travel as
``{"$number": "NaN"}``, ``"Infinity"`` or ``"-Infinity"`` in pages and messages, both ways; ``js/revive.js`` is the browser's side.
"""

import math
import re
from typing import Any

#: What XML 1.0 cannot hold, not even escaped: control characters and lone surrogates, which Python uses in undecodable file names.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def sanitize(text: str) -> str:
    """Return `text` for HTML or SVG, without the characters that XML forbids.

    Example:
        >>> sanitize("a\\x00b")
        'a�b'
    """
    return _NOT_XML.sub("�", text)


def json_safe(value: Any) -> Any:
    """Return `value` for a JSON message, with lone surrogates replaced in every string and key, and numbers that are not finite encoded.

    Example:
        >>> json_safe({"loss": ["half \\ud800", float("nan")]})
        {'loss': ['half �', {'$number': 'NaN'}]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else encode_number(value)
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("�", value)
    if isinstance(value, dict):
        return {json_safe(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_safe(item) for item in value]
    return value


_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode_number(value: float) -> dict[str, str]:
    """Return a number that is not finite as JSON can hold it."""
    return {"$number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def from_json(value: Any) -> Any:
    """Return a message's content with the encoded numbers as numbers.

    Example:
        >>> from_json({"values": [{"$number": "-Infinity"}, 2]})
        {'values': [-inf, 2]}
    """
    if isinstance(value, dict):
        number = value.get("$number") if len(value) == 1 else None
        if isinstance(number, str) and number in _NUMBERS:
            return _NUMBERS[number]
        return {key: from_json(item) for key, item in value.items()}
    return [from_json(item) for item in value] if isinstance(value, list) else value
