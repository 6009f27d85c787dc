"""Bring a remote file to this machine: from a folder of the learner's, the cache or a mirror, and never a damaged one.

The environment variable ``DLVIZ_DATA`` is for a class without internet. It names a folder that holds the files (then nothing else
is read and nothing is requested) or the address of a mirror (then no other is asked). Either may hold a set's files in a folder
of the set's name, such as ``mnist/``, or directly.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

import platformdirs
import requests

from dlviz.data.registry import Remote
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

_SECONDS = (10, 30)  # to connect, and between two pieces: a slow line may take as long as it likes


class _Refused(requests.RequestException):
    """A server did what none of ours should; the message says what."""


class _Bounded:
    """A file that grows to `most` bytes and no further, so that no server can fill the disk."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._room, self._most = file, most, most

    def write(self, piece: bytes) -> None:
        """Add a piece, if it fits."""
        self._room -= len(piece)
        if self._room < 0:
            raise _Refused(message("data.remote.larger", expected=self._most))
        self._file.write(piece)

    def flush(self) -> None:
        """As of any file."""
        self._file.flush()


def cache() -> Path:
    """The folder in which downloads are kept."""
    return Path(platformdirs.user_cache_dir("dlviz", appauthor=False))


def fetch(remote: Remote) -> Path:
    """Return where the file lies, whole; it is downloaded if it must be.

    Raises:
        DlvizError: it is not to be had. The message names every place tried and what to do without internet.
    """
    chosen = os.environ.get("DLVIZ_DATA", "").strip()
    if not chosen:
        return _from_mirrors(remote, remote.urls)
    if chosen.lower().startswith(("http://", "https://")):
        base = chosen.rstrip("/")
        return _from_mirrors(remote, (f"{base}/{remote.collection}/{remote.name}", f"{base}/{remote.name}"))
    folder = Path(chosen).expanduser()
    tried = []
    for place in (folder / remote.collection / remote.name, folder / remote.name):
        fault = _fault(place, remote)
        if fault is None:
            return place
        tried.append(message("data.remote.tried", where=place, why=fault))
    raise DlvizError(_message("folder", remote, tried, folder))


def _from_mirrors(remote: Remote, urls: tuple[str, ...]) -> Path:
    place = cache() / remote.collection / remote.name
    try:
        fault = _fault(place, remote)
        if fault is None:
            return place
        tried = [message("data.remote.tried", where=place, why=fault)] if place.is_file() else []
        place.parent.mkdir(parents=True, exist_ok=True)
        for url in urls:
            fault = _download(url, place, remote)
            if fault is None:
                return place
            tried.append(message("data.remote.tried", where=url, why=fault))
    except OSError as error:
        raise DlvizError(
            message("data.remote.unwritable", collection=remote.collection, folder=place.parent, why=error)
        ) from error
    raise DlvizError(_message("offline", remote, tried, place.parent))


def _message(kind: str, remote: Remote, tried: list[str], folder: Path) -> str:
    megabytes = f"{remote.size / 1e6:.1g}" if remote.size < 1e6 else f"{remote.size / 1e6:.0f}"
    return message(
        f"data.remote.{kind}",
        collection=remote.collection,
        name=remote.name,
        size=megabytes,
        tried="\n".join(tried),
        folder=folder,
        first=remote.urls[0],
    )


def _fault(place: Path, remote: Remote) -> str | None:
    """Why the file there will not do; None if it is whole."""
    if not place.is_file():
        return message("data.remote.missing")
    with place.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest == remote.sha256:
        return None
    return message("data.remote.damaged", size=place.stat().st_size, expected=remote.size)


def _download(url: str, place: Path, remote: Remote) -> str | None:
    """Bring the file to its place, or say why not.

    It grows in a folder of its own beside the place and moves there in one step once its checksum fits: what is broken off
    leaves nothing, and processes that download at once do not meet.
    """
    from pooch import HTTPDownloader  # these two only where something is downloaded
    from tqdm.auto import tqdm

    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".part-") as folder:
        part = Path(folder) / remote.name
        try:
            with tqdm(total=remote.size, desc=remote.name, unit="B", unit_scale=True, disable=not _watched()) as bar:
                hooks = {"response": _stays_safe}
                with part.open("wb") as file:
                    HTTPDownloader(progressbar=bar, timeout=_SECONDS, hooks=hooks)(
                        url, _Bounded(file, remote.size), None
                    )
        except requests.RequestException as error:
            return _reason(error)
        fault = _fault(part, remote)
        if fault is None and _fault(place, remote):  # else another process was faster
            os.replace(part, place)
        return fault


def _stays_safe(response: requests.Response, **_: Any) -> None:
    """Follow no redirection out of http and https, nor back from https to http."""
    if response.is_redirect:
        goal = urlsplit(urljoin(response.url, response.headers["location"])).scheme
        if goal != "https" and (goal != "http" or urlsplit(response.url).scheme == "https"):
            raise _Refused(message("data.remote.redirected", scheme=goal))


def _reason(error: requests.RequestException) -> str:
    """A few words for what `requests` says in many."""
    if isinstance(error, _Refused):
        return str(error)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return message("data.remote.status", status=error.response.status_code)
    kinds = {
        requests.Timeout: "timeout",
        requests.exceptions.ChunkedEncodingError: "broken",
        requests.exceptions.SSLError: "insecure",
        requests.ConnectionError: "connection",
    }
    for kind, word in kinds.items():
        if isinstance(error, kind):
            return message(f"data.remote.{word}")
    return f"{type(error).__name__}: {error}"


def _watched() -> bool:
    """Whether someone sees a progress bar: in a notebook or a terminal."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return hasattr(get_ipython(), "kernel") or sys.stderr.isatty()
