"""What is known of each file that dlviz downloads: ``datasets/registry.toml``, read."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
#: In an installed package the datasheets lie inside it, in a checkout beside it.
_PLACES = (_PACKAGE / "_datasets", _PACKAGE.parent / "datasets")


@dataclass(frozen=True)
class Remote:
    """One file of a set: what it must be (`size` in bytes, `sha256`) and the addresses it may come from, first choice first."""

    collection: str
    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]
    license: str


def remote(collection: str, name: str) -> Remote:
    """What the registry says of the file `name` of a set.

    Raises:
        KeyError: the registry has no such set, or the set no such file.
        FileNotFoundError: the installation lacks its registry.

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
