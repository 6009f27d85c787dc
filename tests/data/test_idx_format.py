"""An IDX file is read exactly, or refused with an error that names it."""

import gzip

import numpy as np
import pytest

from dlviz.data import idx_format
from dlviz.kit.errors import DlvizError
from tests.data import server

ARRAY = np.arange(24).reshape(2, 3, 4)
PLAIN = gzip.decompress(server.idx(ARRAY))


def written(tmp_path, plain):
    path = tmp_path / "some.gz"
    path.write_bytes(gzip.compress(plain))
    return path


def test_every_byte_is_read_at_its_index(tmp_path):
    found = idx_format.read(written(tmp_path, PLAIN), dims=3)
    assert found.dtype == np.uint8
    assert np.array_equal(found, ARRAY)


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        (b"\0\0\x08\x01" + PLAIN[4:], "begins with the bytes 00000801, not 00000803"),
        (b"\0\0\x0d\x03" + PLAIN[4:], "begins with the bytes 00000d03"),
        (b"\x01" + PLAIN[1:], "begins with the bytes 01000803"),
        (b"", "begins with the bytes , not"),
        (PLAIN[:11], "within its header: 11 bytes of 16"),
        (PLAIN[:-1], r"too short: for shape \(2, 3, 4\) its header promises 24 bytes of data, but 23"),
        (PLAIN + b"\0", "too long"),
    ],
)
def test_a_wrong_magic_number_or_length_is_refused(tmp_path, plain, words):
    with pytest.raises(DlvizError, match=words) as caught:
        idx_format.read(written(tmp_path, plain), dims=3)
    assert str(caught.value).startswith("some.gz ")


@pytest.mark.parametrize("spoil", [lambda b: PLAIN, lambda b: b[:-9], lambda b: b[:14] + b"\xff\xff" + b[16:]])
def test_a_damaged_gzip_is_refused(tmp_path, spoil):
    path = tmp_path / "some.gz"
    path.write_bytes(spoil(server.idx(ARRAY)))
    with pytest.raises(DlvizError, match=r"some\.gz is not a whole gzip file"):
        idx_format.read(path, dims=3)
