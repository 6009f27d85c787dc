"""MNIST and Fashion-MNIST have the format of `digits`: images in [0, 1] and their labels."""

import gzip

import numpy as np
import pytest
import torch

from dlviz.data import FashionMnist, Mnist, fashion_mnist, mnist, registry
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
