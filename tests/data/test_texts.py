"""The texts are downloaded once and checked like every other file."""

import io
import zipfile

import pytest

from dlviz.data import CharTokenizer, registry, text8, tinyshakespeare
from tests.data import server


def test_tinyshakespeare_is_downloaded_once(mirrors, cache):
    assert tinyshakespeare() == server.TEXT
    assert tinyshakespeare() == server.TEXT
    assert mirrors[0].requests == ["/tinyshakespeare/input.txt"]
    assert (cache / "tinyshakespeare" / "input.txt").read_bytes() == server.TEXT.encode()


def test_tinyshakespeare_goes_through_a_character_tokenizer_and_back(mirrors):
    text = tinyshakespeare()
    tokenizer = CharTokenizer(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_damaged_tinyshakespeare_is_refused(mirrors):
    for mirror in mirrors:
        mirror.pages["/tinyshakespeare/input.txt"] = server.TEXT.upper().encode()
    with pytest.raises(ValueError, match=r"tinyshakespeare: the file input\.txt"):
        tinyshakespeare()


def test_tinyshakespeare_is_read_from_the_folder_in_the_environment_variable(mirrors, tmp_path, monkeypatch):
    (tmp_path / "input.txt").write_bytes(server.TEXT.encode())
    monkeypatch.setenv("DLVIZ_DATA", str(tmp_path))
    assert tinyshakespeare() == server.TEXT
    assert mirrors[0].requests == mirrors[1].requests == []


def test_the_registry_has_the_real_tinyshakespeare():
    file = registry.remote("tinyshakespeare", "input.txt")
    assert (file.size, len(file.urls)) == (1_115_394, 1)
    assert all(url.startswith("https://") and url.endswith("/tinyshakespeare/input.txt") for url in file.urls)


def test_text8_is_unpacked_and_downloaded_once(mirrors):
    for _ in range(2):
        assert text8() == server.WIKI
    assert mirrors[0].requests == ["/text8/text8.zip"]


def test_a_damaged_text8_is_refused(mirrors):
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("text8", "something else")
    for mirror in mirrors:
        mirror.pages["/text8/text8.zip"] = other.getvalue()
    with pytest.raises(ValueError, match=r"text8: the file text8\.zip"):
        text8()


def test_the_registry_has_the_real_text8():
    file = registry.remote("text8", "text8.zip")
    assert file.size == 31_344_016
    assert file.urls == ("http://mattmahoney.net/dc/text8.zip",)
