"""Text made safe for XML and JSON: a character that the format cannot hold becomes the replacement character �."""

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
    """Return `value` for a JSON message, with lone surrogates replaced in every string and key.

    Example:
        >>> json_safe({"loss": ["half \\ud800"]})
        {'loss': ['half �']}
    """
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("�", value)
    if isinstance(value, dict):
        return {json_safe(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_safe(item) for item in value]
    return value
