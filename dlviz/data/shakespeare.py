"""Scenes of Shakespeare in one text of a million characters: downloaded once, checked, then read from the cache."""

from dlviz.data.registry import remote
from dlviz.data.remote import fetch


def tinyshakespeare() -> str:
    """Load "tiny Shakespeare": 40,000 lines of his plays as one string of 1,115,394 characters, 65 different ones.

    The first call downloads 1 MB, checks it and keeps it in a cache; no later call needs the internet. Without any, set
    ``DLVIZ_DATA`` to a folder that holds the file, or to the address of a mirror. A download that fails raises a ``ValueError``.

    Source: A. Karpathy, char-rnn, 2015, https://github.com/karpathy/char-rnn; the text is in the public domain.

    >>> from dlviz.data import tinyshakespeare
    >>> tinyshakespeare()[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    return fetch(remote("tinyshakespeare", "input.txt")).read_text(encoding="utf-8")
