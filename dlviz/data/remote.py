"""Fetch a remote file from the learner's folder, the cache or a mirror, and check its SHA-256.

The environment variable ``DLVIZ_DATA`` serves a class without internet. It names a folder with the files, and then nothing is
requested, or the address of a mirror, and then no other mirror is used. The files of a data set may stand in a folder with its
name, such as ``mnist/``, or directly.
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

_SECONDS = (10, 30)  # to connect, and between two chunks: a slow line still finishes


class _RefusedResponse(requests.RequestException):
    """A response that is refused: too large, or an unsafe redirection."""


class _SizeLimitedFile:
    """File that refuses more than `most` bytes, so that a server cannot fill the disk."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._room, self._most = file, most, most

    def write(self, piece: bytes) -> None:
        """Write a chunk, if it fits."""
        self._room -= len(piece)
        if self._room < 0:
            raise _RefusedResponse(message("data.remote.larger", expected=self._most))
        self._file.write(piece)

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()


def cache() -> Path:
    """Return the folder for downloads."""
    return Path(platformdirs.user_cache_dir("dlviz", appauthor=False))


def fetch(remote: Remote) -> Path:
    """Return the path of the complete file, after a download if necessary.

    Raises:
        DlvizError: the file is not available. The message names every place tried and what to do without internet.
    """
    configured = os.environ.get("DLVIZ_DATA", "").strip()
    if not configured:
        return _from_mirrors(remote, remote.urls)
    if configured.lower().startswith(("http://", "https://")):
        base = configured.rstrip("/")
        return _from_mirrors(remote, (f"{base}/{remote.collection}/{remote.name}", f"{base}/{remote.name}"))
    folder = Path(configured).expanduser()
    tried = []
    for place in (folder / remote.collection / remote.name, folder / remote.name):
        reason = _why_invalid(place, remote)
        if reason is None:
            return place
        tried.append(message("data.remote.tried", where=place, why=reason))
    raise DlvizError(_message("folder", remote, tried, folder))


def _from_mirrors(remote: Remote, urls: tuple[str, ...]) -> Path:
    place = cache() / remote.collection / remote.name
    try:
        reason = _why_invalid(place, remote)
        if reason is None:
            return place
        tried = [message("data.remote.tried", where=place, why=reason)] if place.is_file() else []
        place.parent.mkdir(parents=True, exist_ok=True)
        for url in urls:
            reason = _download(url, place, remote)
            if reason is None:
                return place
            tried.append(message("data.remote.tried", where=url, why=reason))
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


def _why_invalid(place: Path, remote: Remote) -> str | None:
    """Return why the file cannot be used, or ``None`` if its checksum fits."""
    if not place.is_file():
        return message("data.remote.missing")
    with place.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest == remote.sha256:
        return None
    return message("data.remote.damaged", size=place.stat().st_size, expected=remote.size)


def _download(url: str, place: Path, remote: Remote) -> str | None:
    """Download the file; return ``None``, or why it failed.

    The file is written to a temporary folder and moved once its checksum fits, so an interrupted download leaves nothing behind and
    simultaneous downloads do not interfere.
    """
    from pooch import HTTPDownloader  # imported here because only a download needs them
    from tqdm.auto import tqdm

    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".part-") as folder:
        part = Path(folder) / remote.name
        try:
            with tqdm(
                total=remote.size, desc=remote.name, unit="B", unit_scale=True, disable=not _shows_progress()
            ) as bar:
                hooks = {"response": _check_redirect}
                with part.open("wb") as file:
                    HTTPDownloader(progressbar=bar, timeout=_SECONDS, hooks=hooks)(
                        url, _SizeLimitedFile(file, remote.size), None
                    )
        except requests.RequestException as error:
            return _reason(error)
        reason = _why_invalid(part, remote)
        if reason is None and _why_invalid(place, remote):  # otherwise another process has finished first
            os.replace(part, place)
        return reason


def _check_redirect(response: requests.Response, **_: Any) -> None:
    """Refuse redirections to other protocols than http and https, and from https to http."""
    if response.is_redirect:
        goal = urlsplit(urljoin(response.url, response.headers["location"])).scheme
        if goal != "https" and (goal != "http" or urlsplit(response.url).scheme == "https"):
            raise _RefusedResponse(message("data.remote.redirected", scheme=goal))


def _reason(error: requests.RequestException) -> str:
    """Return a short reason for an error of `requests`."""
    if isinstance(error, _RefusedResponse):
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


def _shows_progress() -> bool:
    """Return whether a progress bar is visible: in a notebook or a terminal."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return hasattr(get_ipython(), "kernel") or sys.stderr.isatty()
