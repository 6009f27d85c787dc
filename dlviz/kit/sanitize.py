"""Text that any name may hold, as text that can be shown and sent: what a format has no letter for becomes the sign �."""

import re
from typing import Any

#: What XML 1.0 cannot hold, not even escaped: control characters, and halves of a surrogate pair, such as Python's names of odd files have.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HALF = re.compile("[\ud800-\udfff]")


def sanitize(text: str) -> str:
    """`text` for a page or a picture.

    Example:
        >>> sanitize("a\\x00b")
        'a�b'
    """
    return _NOT_XML.sub("�", text)


def json_safe(value: Any) -> Any:
    """`value` for a message to the page: JSON has no letter for half a surrogate pair, in a key as little as in a text.

    Example:
        >>> json_safe({"loss": ["half \\ud800"]})
        {'loss': ['half �']}
    """
    if isinstance(value, str):
        return value if value.isascii() else _HALF.sub("�", value)
    if isinstance(value, dict):
        return {json_safe(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_safe(item) for item in value]
    return value
