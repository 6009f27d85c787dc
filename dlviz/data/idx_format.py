"""Reader for MNIST's IDX format: a header with the sizes, then one byte per value."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

_UBYTE = 0x08  # the format's code for unsigned bytes, the only type used here


def read(path: Path, dims: int) -> np.ndarray:
    """Read a gzipped IDX file of unsigned bytes with `dims` dimensions, as uint8.

    Raises:
        DlvizError: the gzip is damaged, the magic number is wrong, or the number of bytes does not fit the header.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, "File formats".
    """
    try:
        with gzip.open(path, "rb") as file:
            head = file.read(4 + 4 * dims)
            expected = bytes((0, 0, _UBYTE, dims))
            if head[:4] != expected:
                raise DlvizError(
                    message("data.idx.magic", file=path.name, magic=head[:4].hex(), expected=expected.hex())
                )
            if len(head) < 4 + 4 * dims:
                raise DlvizError(message("data.idx.header", file=path.name, size=len(head), expected=4 + 4 * dims))
            shape = struct.unpack(f">{dims}I", head[4:])
            expected_bytes = math.prod(shape)
            body = file.read(expected_bytes + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DlvizError(message("data.idx.gzip", file=path.name, error=error)) from error
    if len(body) > expected_bytes:
        raise DlvizError(message("data.idx.longer", file=path.name, shape=shape, expected=expected_bytes))
    if len(body) < expected_bytes:
        raise DlvizError(
            message("data.idx.shorter", file=path.name, shape=shape, expected=expected_bytes, size=len(body))
        )
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)
