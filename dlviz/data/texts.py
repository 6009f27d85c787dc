"""English texts, each as one long string: downloaded once, checked, then read from the cache."""

from zipfile import ZipFile

from dlviz.data.registry import remote
from dlviz.data.remote import fetch
from dlviz.data.validation import loader


@loader
def tinyshakespeare() -> str:
    """Load "tiny Shakespeare": 40,000 lines of his plays as one string of 1,115,394 characters, 65 different ones.

    The first call downloads 1 MB, checks it and keeps it in a cache; no later call needs the internet. Without any, set
    ``DLVIZ_DATA`` to a folder that holds the file, or to the address of a mirror. A download that fails raises a ``ValueError``.

    Source: A. Karpathy, char-rnn, 2015, https://github.com/karpathy/char-rnn; the text is in the public domain.

    >>> from dlviz.data import CharTokenizer, tinyshakespeare
    >>> text = tinyshakespeare()  # doctest: +SKIP
    >>> tokenizer = CharTokenizer(text)  # doctest: +SKIP
    >>> len(tokenizer), tokenizer.encode(text).shape, tokenizer.decode(tokenizer.encode(text)[:14])  # doctest: +SKIP
    (65, torch.Size([1115394]), 'First Citizen:')
    """
    return fetch(remote("tinyshakespeare", "input.txt")).read_text(encoding="utf-8")


@loader
def text8() -> str:
    """Load "text8": English Wikipedia of 2006 as one string of 100,000,000 characters, the letters a to z and single spaces.

    ``text8().split()`` gives its words, 17 million of 250,000 kinds: about 1.3 GB of memory. The first call downloads 31 MB, checks it
    and keeps it in a cache; no later call needs the internet. Without any, set ``DLVIZ_DATA`` to a folder that holds the file, or to
    the address of a mirror. A download that fails raises a ``ValueError``.

    Source: M. Mahoney, About the test data, http://mattmahoney.net/dc/textdata.html; the text is under the Creative Commons
    Attribution-ShareAlike License.

    >>> from dlviz.data import text8
    >>> text8()[:20]  # doctest: +SKIP
    ' anarchism originate'
    """
    with ZipFile(fetch(remote("text8", "text8.zip"))) as archive:
        return archive.read("text8").decode("ascii")
