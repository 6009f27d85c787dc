"""A photo, or a picture of the learner's own, becomes (C, H, W) in [0, 1]; an error says why it cannot."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from dlviz.data import photo, picture

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
GRAY = COLOR[:, :, 0]


@pytest.mark.parametrize("name", ["china", "flower"])
def test_a_photo_equals_scikit_learns(name):
    found = photo(name)
    assert (found.shape, found.dtype) == ((3, 427, 640), torch.float32)
    assert torch.equal(found, torch.tensor(load_sample_image(f"{name}.jpg")).permute(2, 0, 1) / 255)
    found.zero_()
    assert photo(name).any()


@pytest.mark.parametrize("name", ["cat", None, ["china"], "../china"])
def test_an_unknown_photo_is_refused(name):
    with pytest.raises(ValueError, match=r"^photo: name must be"):
        photo(name)


def test_a_file_a_pil_image_and_an_array_give_the_same(tmp_path):
    path = tmp_path / "own.png"
    Image.fromarray(COLOR).save(path)
    expected = torch.tensor(COLOR).permute(2, 0, 1) / 255
    for source in (path, str(path), Image.fromarray(COLOR), COLOR):
        found = picture(source)
        assert torch.equal(found, expected)
        assert found.is_contiguous()


@pytest.mark.parametrize(
    ("array", "brightest"),
    [
        (GRAY, 255),
        (GRAY[:, :, None], 255),
        (RNG.integers(0, 256, (5, 7, 4), dtype=np.uint8), 255),
        (RNG.integers(0, 65536, (5, 7), dtype=np.uint16), 65535),
        (GRAY > 100, 1),
        (RNG.random((5, 7, 3)), 1),
        (COLOR[::-1, ::2], 255),
    ],
)
def test_an_array_keeps_its_channels_and_its_numbers(array, brightest):
    deep = array if array.ndim == 3 else array[:, :, None]
    expected = deep.transpose(2, 0, 1).astype(np.float64) / brightest
    found = picture(array)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    before = found.clone()
    array_copy = array.copy()
    found.zero_()
    assert np.array_equal(array, array_copy)
    assert torch.equal(picture(array), before)


def test_gray_16_bit_and_black_and_white_files_have_one_channel(tmp_path):
    deep = RNG.integers(0, 65536, (5, 7), dtype=np.uint16)
    for array, expected in ((GRAY, GRAY / 255), (deep, deep / 65535), (GRAY > 100, GRAY > 100)):
        path = tmp_path / "own.png"
        Image.fromarray(array).save(path)
        np.testing.assert_allclose(picture(path)[0], expected, rtol=1e-6)
    wide = Image.fromarray(deep.astype(np.int32))
    np.testing.assert_allclose(picture(wide)[0], deep / 65535, rtol=1e-6)
    with pytest.raises(ValueError, match="int32"):
        picture(Image.fromarray(np.full((2, 2), 70000, dtype=np.int32)))


@pytest.mark.parametrize(("mode", "channels"), [("RGBA", 3), ("LA", 1), ("PA", 3), ("RGBa", 3)])
def test_transparent_pixels_are_composited_on_white(mode, channels):
    clear = Image.new("RGBA", (4, 3), (0, 0, 0, 0))
    for step in {"LA": ["LA"], "PA": ["P", "PA"], "RGBa": ["RGBa"]}.get(mode, []):
        clear = clear.convert(step)
    if mode == "PA":
        clear.putalpha(0)
    assert torch.equal(picture(clear), torch.ones(channels, 3, 4))


@pytest.mark.parametrize("mode", ["P", "CMYK", "YCbCr", "HSV"])
def test_other_color_files_become_red_green_blue(mode):
    image = Image.fromarray(COLOR).convert(mode)
    expected = torch.tensor(np.array(image.convert("RGB"))).permute(2, 0, 1) / 255
    assert torch.equal(picture(image), expected)


def test_the_exif_orientation_of_a_photo_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright: turn a quarter clockwise to see it right
    Image.fromarray(COLOR).save(tmp_path / "own.png", exif=exif)
    turned = np.rot90(COLOR, -1)
    assert torch.equal(picture(tmp_path / "own.png"), picture(turned))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.zeros((3, 5, 7), dtype=np.uint8), r"source must have shape .* got \(3, 5, 7\).*transpose"),
        (np.zeros(5, dtype=np.uint8), r"got \(5,\)"),
        (np.zeros((0, 7, 3), dtype=np.uint8), r"got \(0, 7, 3\)"),
        (np.zeros((5, 7), dtype=np.int64), "got int64"),
        (np.full((5, 7), 255.0), "from 255 to 255"),
        (np.full((5, 7), -0.1), "from -0.1"),
        (np.full((5, 7), np.nan), "nan"),
        (torch.zeros(3, 5, 7), "got Tensor.*permute"),
        (None, "got NoneType"),
        ("no/such.png", "no/such.png cannot be read"),
        (__file__, "cannot be read as an image"),
        (".", "cannot be read"),
    ],
)
def test_an_invalid_picture_is_named_in_the_error(source, words):
    with pytest.raises(ValueError, match=words) as caught:
        picture(source)
    assert str(caught.value).startswith("picture: ")


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "own.png"
    Image.fromarray(np.tile(COLOR, (20, 20, 1))).save(path)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(ValueError, match="cannot be read as an image"):
        picture(path)
