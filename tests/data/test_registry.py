"""The registry knows every file that is downloaded, in a checkout and in an installed package."""

import hashlib
import re
import tomllib

import pytest

from dlviz.data import registry

BOOK = tomllib.loads((registry._PLACES[1] / "registry.toml").read_text(encoding="utf-8"))
STEMS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


@pytest.mark.parametrize("collection", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("stem", STEMS)
def test_each_file_has_two_mirrors_a_checksum_a_size_and_a_license(collection, stem):
    file = registry.remote(collection, f"{stem}-ubyte.gz")
    assert len(file.urls) == 2
    assert all(re.fullmatch(rf"https?://[a-z0-9./-]+/{stem}-ubyte\.gz", url) for url in file.urls)
    assert len(bytes.fromhex(file.sha256)) == hashlib.sha256().digest_size
    assert file.size > 4000
    assert file.license


def test_no_two_files_share_a_checksum_and_each_set_has_its_datasheet():
    sums = [file["sha256"] for table in BOOK.values() for file in table["files"].values()]
    assert len(set(sums)) == len(sums)
    for collection, table in BOOK.items():
        sheet = (registry._PLACES[1] / f"{collection}.md").read_text(encoding="utf-8")
        for file in table["files"].values():
            assert file["sha256"] in sheet


def test_an_installed_package_reads_its_own_registry(tmp_path, monkeypatch):
    places = (tmp_path / "_datasets", tmp_path / "datasets")
    monkeypatch.setattr(registry, "_PLACES", places)
    with pytest.raises(FileNotFoundError, match="registry"):
        registry.remote("mnist", "x.gz")
    for place, size in zip(places, (1, 2), strict=True):
        place.mkdir()
        text = f'[mnist]\nlicense = "a"\nmirrors = ["http://b/"]\n[mnist.files."x.gz"]\nsize = {size}\nsha256 = "c"\n'
        (place / "registry.toml").write_text(text)
    assert registry.remote("mnist", "x.gz") == registry.Remote("mnist", "x.gz", 1, "c", ("http://b/x.gz",), "a")
