"""The registry of downloadable files, read from ``datasets/registry.toml``."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
#: An installed package contains the datasheets; in a checkout they stand beside it.
_PLACES = (_PACKAGE / "_datasets", _PACKAGE.parent / "datasets")


@dataclass(frozen=True)
class Remote:
    """One file of a data set: `size` in bytes, `sha256`, and its addresses in order of preference."""

    collection: str
    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]
    license: str


def remote(collection: str, name: str) -> Remote:
    """Return the registry's entry of the file `name` of a data set.

    Raises:
        KeyError: there is no such data set or file.
        FileNotFoundError: the installation has no registry.

    Example:
        >>> remote("mnist", "t10k-labels-idx1-ubyte.gz").size
        4542
    """
    book = next((folder / "registry.toml" for folder in _PLACES if (folder / "registry.toml").is_file()), None)
    if book is None:
        raise FileNotFoundError("datasets/registry.toml")
    table = tomllib.loads(book.read_text(encoding="utf-8"))[collection]
    file = table["files"][name]
    urls = tuple(mirror + name for mirror in table["mirrors"])
    return Remote(collection, name, file["size"], file["sha256"], urls, table["license"])
