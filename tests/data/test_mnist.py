"""MNIST and Fashion-MNIST have the format of `digits`: images in [0, 1] and their labels."""

import gzip
import hashlib

import numpy as np
import pytest
import torch

from dlviz.data import FashionMnist, Mnist, fashion_mnist, mnist, registry
from dlviz.kit.errors import DlvizError
from tests.data import server


@pytest.mark.parametrize(("call", "collection"), [(mnist, "mnist"), (fashion_mnist, "fashion-mnist")])
@pytest.mark.parametrize(("split", "stem", "count"), [("train", "train", 30), ("test", "t10k", 12)])
def test_pixels_and_labels_equal_the_files(mirrors, call, collection, split, stem, count):
    images, labels = call(split)
    raw = gzip.decompress(server.SETS[collection][f"{stem}-images-idx3-ubyte.gz"])[16:]
    expected = torch.tensor(list(raw)).reshape(count, 1, 28, 28)
    assert (images.shape, images.dtype, labels.dtype) == ((count, 1, 28, 28), torch.float32, torch.int64)
    assert torch.equal(images, expected / 255)
    assert torch.equal(labels, torch.arange(count) % 10)


def test_the_default_split_is_train_and_downloads_only_its_files(mirrors):
    assert len(mnist().labels) == 30
    assert all("train" in request for request in mirrors[0].requests)


def test_each_call_returns_new_tensors_and_does_not_use_global_generators(mirrors):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    mnist("test").images.zero_()
    assert mnist("test").images.any()
    assert torch.rand(1) == expected


def test_two_sets_with_the_same_file_names_are_kept_apart(mirrors):
    assert not torch.equal(mnist("test").images, fashion_mnist("test").images)


def test_the_classes_have_names_and_the_repr_shows_shapes_only(mirrors):
    digits, clothes = mnist("test", device="meta"), fashion_mnist("test")
    assert digits.images.device.type == digits.labels.device.type == "meta"
    assert digits.classes == tuple("0123456789")
    assert (clothes.classes[0], clothes.classes[9], len(set(clothes.classes))) == ("T-shirt/top", "Ankle boot", 10)
    assert repr(digits) == "Mnist(images (12, 1, 28, 28) float32 in [0, 1], labels (12,) int64)"
    assert repr(clothes) == "FashionMnist(images (12, 1, 28, 28) float32 in [0, 1], labels (12,) int64)"
    assert (type(digits), type(clothes)) == (Mnist, FashionMnist)


@pytest.mark.parametrize("split", ["valid", None, 3, ["train"]])
def test_an_unknown_split_is_refused_before_any_request(mirrors, split):
    with pytest.raises(ValueError, match=r"^mnist: split must be"):
        mnist(split)
    with pytest.raises(ValueError, match=r"^fashion_mnist: split must be"):
        fashion_mnist(split)
    assert mirrors[0].requests == []


def test_different_numbers_of_images_and_labels_are_refused(mirrors, tmp_path, monkeypatch):
    name = "t10k-labels-idx1-ubyte.gz"
    odd = {"mnist": {**server.SETS["mnist"], name: server.idx(np.zeros(11))}}
    (tmp_path / "registry.toml").write_text(server.registry(odd, [mirrors[0].address]))
    mirrors[0].pages[f"/mnist/{name}"] = odd["mnist"][name]
    monkeypatch.setattr(registry, "_PLACES", (tmp_path,))
    with pytest.raises(ValueError, match="12 images but 11 labels"):
        mnist("test")


#: Class counts, first ten labels and sum of all pixels, counted in the authors' files.
SMALL = {
    "train": ([194, 216, 202, 195, 186, 200, 194, 215, 198, 200], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], 113_529_887),
    "test": ([107, 105, 111, 93, 115, 87, 97, 95, 95, 95], [9, 2, 1, 1, 6, 1, 4, 6, 5, 7], 58_034_149),
}


@pytest.mark.parametrize("split", SMALL)
def test_the_small_fashion_mnist_is_shipped(mirrors, split):
    counts, first, total = SMALL[split]
    clothes = fashion_mnist(split, small=True)
    images, labels = clothes
    assert (images.shape, images.dtype) == ((sum(counts), 1, 28, 28), torch.float32)
    assert (labels.dtype, labels.bincount().tolist(), labels[:10].tolist()) == (torch.int64, counts, first)
    assert (images.min(), images.max()) == (0, 1)
    assert (images * 255).round().sum(dtype=torch.float64) == total
    assert torch.equal((images * 255).round() / 255, images)  # steps of 1/255
    assert (type(clothes), clothes.classes) == (FashionMnist, fashion_mnist("test").classes)


@pytest.mark.parametrize("split", SMALL)
def test_nothing_is_requested_for_the_small_set(mirrors, split):
    fashion_mnist(split, small=True)
    assert mirrors[0].requests == mirrors[1].requests == []


@pytest.mark.parametrize("split", SMALL)
def test_the_small_set_equals_the_first_rows_of_a_large_one_with_the_same_pixels(mirrors, split, tmp_path, monkeypatch):
    stem, small = {"train": "train", "test": "t10k"}[split], fashion_mnist(split, small=True)
    pixels = np.concatenate([(small.images[:, 0] * 255).round().numpy(), np.full((5, 28, 28), 7)])
    large = {
        f"{stem}-images-idx3-ubyte.gz": server.idx(pixels),
        f"{stem}-labels-idx1-ubyte.gz": server.idx(np.append(small.labels.numpy(), [0] * 5)),
    }
    (tmp_path / "registry.toml").write_text(server.registry({"fashion-mnist": large}, [mirrors[0].address]))
    mirrors[0].pages |= {f"/fashion-mnist/{name}": body for name, body in large.items()}
    images, labels = fashion_mnist(split)
    assert len(images) == len(small.images) + 5
    assert torch.equal(images[:-5], small.images)
    assert torch.equal(labels[:-5], small.labels)


#: sha256 of the same number of images, then labels, at the beginning of the authors' files, whose own sha256 the registry has.
BEGINNINGS = {
    "train": "71a592a0fd6a11840853f004405d3d6a5b60be47505e9a9401cbf81fcffb6fe7",
    "test": "99324003f90225ff171e1aec72f674b69ec6865868cc89648a79ce554830d86d",
}


@pytest.mark.parametrize("split", SMALL)
def test_the_small_set_is_the_beginning_of_the_authors_files(split):
    images, labels = fashion_mnist(split, small=True)
    found = (images * 255).round().byte().numpy().tobytes() + labels.byte().numpy().tobytes()
    assert hashlib.sha256(found).hexdigest() == BEGINNINGS[split]


@pytest.mark.parametrize("small", [None, 1, "yes", torch.tensor(True)])
def test_a_small_that_is_neither_true_nor_false_is_refused(mirrors, small):
    with pytest.raises(DlvizError, match=r"^fashion_mnist: small must be True or False, but got "):
        fashion_mnist("test", small=small)
    with pytest.raises(DlvizError, match=r"^fashion_mnist: split must be"):
        fashion_mnist("valid", small=True)
    assert mirrors[0].requests == []
