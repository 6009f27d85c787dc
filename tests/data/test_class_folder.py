"""A read-only folder of data that a class shares."""

from dlviz.data import registry, remote
from tests.data import server
from tests.data.test_remote import left

NAME = "t10k-labels-idx1-ubyte.gz"


def test_a_read_only_folder_is_read_and_not_changed(mirrors, cache, tmp_path, monkeypatch):
    folder = tmp_path / "class"
    (folder / "mnist").mkdir(parents=True)
    place = folder / "mnist" / NAME
    place.write_bytes(server.SETS["mnist"][NAME])
    place.chmod(0o444)
    for above in (place.parent, folder):
        above.chmod(0o555)
    monkeypatch.setenv("DLVIZ_DATA", str(folder))
    before = left(folder), place.stat().st_mtime_ns, place.stat().st_mode
    try:
        assert remote.fetch(registry.remote("mnist", NAME)).samefile(place)
        assert (left(folder), place.stat().st_mtime_ns, place.stat().st_mode) == before
    finally:
        for above in (folder, place.parent):
            above.chmod(0o755)
    assert not cache.exists()
    assert mirrors[0].requests == []
