"""A file is downloaded once, from the first mirror that has it; a damaged file is neither used nor kept."""

import re
import subprocess
import sys
import threading
import tomllib
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs
import pytest
import requests

from dlviz.data import mnist, registry, remote
from tests.data import server

NAME = "t10k-labels-idx1-ubyte.gz"
BODY = server.SETS["mnist"][NAME]


def labels():
    return registry.remote("mnist", NAME)


def left(cache):
    """Return every file below the cache, incomplete ones included."""
    return sorted(path.relative_to(cache).as_posix() for path in cache.rglob("*"))


def test_the_first_use_downloads_and_the_second_reads_the_cache(mirrors, cache):
    assert remote.fetch(labels()).read_bytes() == BODY
    assert mirrors[0].requests == [f"/mnist/{NAME}"]
    assert remote.fetch(labels()).read_bytes() == BODY
    assert len(mirrors[0].requests) == 1
    assert mirrors[1].requests == []
    assert left(cache) == ["mnist", f"mnist/{NAME}"]


def test_a_corrupt_file_is_refused_and_the_next_mirror_tried(mirrors, cache):
    mirrors[0].pages[f"/mnist/{NAME}"] = b"<html>log in to the network first</html>"
    assert remote.fetch(labels()).read_bytes() == BODY
    assert [len(mirror.requests) for mirror in mirrors] == [1, 1]
    assert left(cache) == ["mnist", f"mnist/{NAME}"]


def test_an_incomplete_transfer_is_refused_and_the_next_mirror_tried(mirrors, cache):
    mirrors[0].cut = True
    assert remote.fetch(labels()).read_bytes() == BODY
    assert len(mirrors[1].requests) == 1
    assert left(cache) == ["mnist", f"mnist/{NAME}"]


def test_an_incomplete_transfer_leaves_no_file_in_the_cache(mirrors, cache):
    mirrors[0].cut = mirrors[1].cut = True
    with pytest.raises(ValueError, match="broke off"):
        remote.fetch(labels())
    assert left(cache) == ["mnist"]
    mirrors[0].cut = False
    assert remote.fetch(labels()).read_bytes() == BODY


def test_an_endless_response_is_cut_off_and_the_next_mirror_tried(mirrors, cache):
    mirrors[0].pages[f"/mnist/{NAME}"] = mirrors[1].pages[f"/mnist/{NAME}"] = bytes(5_000_000)
    with pytest.raises(ValueError, match=f"more than the {len(BODY)} bytes"):
        remote.fetch(labels())
    assert left(cache) == ["mnist"]
    mirrors[1].pages[f"/mnist/{NAME}"] = BODY
    assert remote.fetch(labels()).read_bytes() == BODY


def test_a_redirection_is_followed_and_its_file_is_checked(mirrors, cache):
    mirrors[0].moved[f"/mnist/{NAME}"] = f"{mirrors[1].address}/elsewhere"
    mirrors[1].pages["/elsewhere"] = BODY
    assert remote.fetch(labels()).read_bytes() == BODY
    assert mirrors[1].requests == ["/elsewhere"]


@pytest.mark.parametrize("scheme", ["file", "ftp", "data"])
def test_a_redirection_to_another_protocol_is_refused(mirrors, cache, tmp_path, scheme):
    (tmp_path / "secret").write_bytes(BODY)
    mirrors[0].moved[f"/mnist/{NAME}"] = f"{scheme}://{tmp_path / 'secret'}"
    (cache / "mnist").mkdir(parents=True)
    assert f"a {scheme} address" in remote._download(labels().urls[0], cache / "mnist" / NAME, labels())
    assert left(cache) == ["mnist"]


@pytest.mark.parametrize(
    ("came", "goal", "fine"), [("https", "http", False), ("http", "https", True), ("https", "https", True)]
)
def test_a_redirection_from_https_to_http_is_refused(came, goal, fine):
    answer = requests.Response()
    answer.status_code, answer.url, answer.headers["location"] = 302, f"{came}://a.example/x", f"{goal}://b.example/y"
    if fine:
        remote._check_redirect(answer)
    else:
        with pytest.raises(requests.RequestException, match="http address"):
            remote._check_redirect(answer)


def test_no_name_of_the_registry_leaves_the_folders():
    book = tomllib.loads((registry._PLACES[1] / "registry.toml").read_text("utf-8"))
    for collection, about in book.items():
        for name, file in about["files"].items():
            assert re.fullmatch(r"[A-Za-z0-9][\w.-]*", collection)
            assert re.fullmatch(r"[A-Za-z0-9][\w.-]*", name)
            assert re.fullmatch(r"[0-9a-f]{64}", file["sha256"])
            assert 0 < file["size"] < 1e9
        assert all(url.startswith(("https://", "http://")) and url.endswith("/") for url in about["mirrors"])


def test_an_archive_is_read_in_memory_and_never_unpacked():
    package = Path(remote.__file__).parent
    assert not [
        path for path in package.rglob("*.py") if re.search(r"extract\w*\(|unpack_archive", path.read_text("utf-8"))
    ]


def test_an_interrupted_download_leaves_nothing(mirrors, cache, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(remote.hashlib, "file_digest", interrupted)  # the file is complete now
    with pytest.raises(KeyboardInterrupt):
        remote.fetch(labels())
    assert left(cache) == ["mnist"]


def test_a_damaged_file_in_the_cache_is_replaced(mirrors, cache):
    place = remote.fetch(labels())
    place.write_bytes(BODY[:-1])
    assert remote.fetch(labels()).read_bytes() == BODY
    assert len(mirrors[0].requests) == 2


def test_with_every_mirror_down_the_error_lists_every_place_and_remedy(mirrors, cache):
    mirrors[0].pages.clear()
    gone = f"http://127.0.0.1:1/{NAME}"
    there = labels()
    file = registry.Remote("mnist", NAME, there.size, there.sha256, (there.urls[0], gone), "none")
    place = cache / "mnist" / NAME
    place.parent.mkdir(parents=True)
    place.write_bytes(b"half")
    with pytest.raises(ValueError, match="could not be had") as caught:
        remote.fetch(file)
    text = str(caught.value)
    assert f"{there.urls[0]}: the server answers 404" in text
    assert f"{gone}: no connection" in text
    assert f"{place}: not the right file or a damaged one" in text
    assert "DLVIZ_DATA" in text
    assert f"into the folder {place.parent}" in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ConnectTimeout(), "no answer in time"),
        (requests.ReadTimeout(), "no answer in time"),
        (requests.exceptions.SSLError(), "no secure connection"),
        (requests.ConnectionError(), "no connection"),
        (requests.exceptions.InvalidURL("nowhere"), "InvalidURL: nowhere"),
    ],
)
def test_the_reason_of_a_failed_request_is_short(error, words):
    assert remote._reason(error) == words


@pytest.mark.parametrize("below", ["mnist", "."])
def test_a_folder_in_the_environment_variable_is_read_without_request_or_copy(
    mirrors, cache, tmp_path, monkeypatch, below
):
    place = tmp_path / "class" / below / NAME
    place.parent.mkdir(parents=True)
    place.write_bytes(BODY)
    monkeypatch.setenv("DLVIZ_DATA", str(tmp_path / "class"))
    assert remote.fetch(labels()).samefile(place)
    assert mirrors[0].requests == []
    assert not cache.exists()


def test_a_folder_without_the_file_is_named_and_no_request_is_made(mirrors, tmp_path, monkeypatch):
    (tmp_path / NAME).write_bytes(server.SETS["fashion-mnist"][NAME] + b"more")
    monkeypatch.setenv("DLVIZ_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="DLVIZ_DATA is the folder") as caught:
        remote.fetch(labels())
    assert f"{tmp_path / 'mnist' / NAME}: not there" in str(caught.value)
    assert f"{tmp_path / NAME}: not the right file" in str(caught.value)
    assert mirrors[0].requests == []


@pytest.mark.parametrize("below", ["/mnist", ""])
def test_a_mirror_in_the_environment_variable_is_the_only_one_used(mirrors, cache, monkeypatch, below):
    with server.serving() as own:
        own.pages = {f"/data{below}/{NAME}": BODY}
        monkeypatch.setenv("DLVIZ_DATA", own.address + "/data/")
        assert remote.fetch(labels()) == cache / "mnist" / NAME
        assert own.requests[-1] == f"/data{below}/{NAME}"
        own.pages.clear()
        assert remote.fetch(labels()).read_bytes() == BODY
        (cache / "mnist" / NAME).unlink()
        with pytest.raises(ValueError, match=own.address):
            remote.fetch(labels())
    assert mirrors[0].requests == mirrors[1].requests == []


def test_simultaneous_calls_do_not_damage_the_file(mirrors, cache):
    mirrors[0].together = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        places = list(pool.map(lambda _: remote.fetch(labels()), range(4)))
    assert len(mirrors[0].requests) == 4
    assert {place.read_bytes() for place in places} == {BODY}
    assert left(cache) == ["mnist", f"mnist/{NAME}"]


def test_simultaneous_processes_do_not_damage_the_file(mirrors, cache, tmp_path):
    mirrors[0].together = threading.Barrier(2)
    code = (
        "import sys; from pathlib import Path; from dlviz.data import registry, remote\n"
        "registry._PLACES = (Path(sys.argv[1]),); remote.cache = lambda: Path(sys.argv[2])\n"
        "print('ready', flush=True); input()\n"
        f"print(remote.fetch(registry.remote('mnist', {NAME!r})))"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(cache)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]
    assert [process.stdout.readline() for process in both] == ["ready\n"] * 2  # imports take their time
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    paths = [process.communicate(timeout=60)[0].strip() for process in both]
    assert paths == [str(cache / "mnist" / NAME)] * 2
    assert len(mirrors[0].requests) == 2
    assert (cache / "mnist" / NAME).read_bytes() == BODY
    assert left(cache) == ["mnist", f"mnist/{NAME}"]


def test_a_file_that_another_process_downloaded_meanwhile_is_kept(mirrors, monkeypatch):
    place = remote.fetch(labels())

    def in_use(*_):
        raise PermissionError("Windows replaces no file that another process reads")

    monkeypatch.setattr(remote.os, "replace", in_use)
    assert remote._download(labels().urls[0], place, labels()) is None
    assert len(mirrors[0].requests) == 2


def test_a_folder_that_cannot_be_written_is_named(mirrors, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(ValueError, match="cannot be used") as caught:
        mnist("test")
    assert str(cache) in str(caught.value)


def test_the_progress_bar_is_shown_only_where_it_is_visible(mirrors, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "IPython", None)
    remote.fetch(labels())
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(remote, "_shows_progress", lambda: True)
    remote.fetch(registry.remote("fashion-mnist", NAME))
    assert NAME in capsys.readouterr().err


def test_the_progress_bar_is_shown_in_a_notebook():
    shell = types.SimpleNamespace(kernel=object())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
        assert remote._shows_progress()
        patch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
        assert not remote._shows_progress()


def test_the_cache_is_in_the_users_cache_folder():
    assert str(remote.cache()) == platformdirs.user_cache_dir("dlviz", appauthor=False)
