"""Every loader called with a table of odd arguments: it loads, or an error of dlviz's names the argument."""

import inspect

import numpy as np
import pytest
import torch

from dlviz import data
from dlviz.kit.errors import DlvizError

#: Loaders that need no download, with what they must be given; `fashion_mnist` has a small set.
OFFLINE = {
    "diabetes": {},
    "digit_anomalies": {},
    "digit_words": {},
    "digits": {},
    "fashion_mnist": {"small": True},
    "gaussian_grid": {"n": 6},
    "gaussian_ring": {"n": 6},
    "leaky_table": {},
    "linear": {"n": 6},
    "loans": {"n": 6},
    "moons": {"n": 6},
    "named_entities": {"n": 6},
    "names": {},
    "photo": {"name": "china"},
    "picture": {"source": np.zeros((2, 2), np.uint8)},
    "product_reviews": {},
    "recall": {"n": 6},
    "reversal": {"n": 6},
    "rings": {"n": 6},
    "sentences": {"n": 6},
    "sentiment": {"n": 6},
    "shapes": {},
    "shortcut_digits": {},
    "spirals": {"n": 6},
    "sunspots": {},
    "waves": {"n": 6},
}
ODD = (
    *(None, True, -1, 0, 1.5, 2.0, 10**12, 10**30, float("nan"), float("inf"), 1j, "", "x", "train", b"x", object()),
    *([], [1], [[1]], {}, {"a": 1}, {1}, (1, 2), range(3), np.int64(3), np.float32(2), np.arange(2), np.array("train")),
    *(torch.tensor(3), torch.tensor([1.0, 2.0]), torch.float32),
)


def loads(call, *args, **kwargs):
    """Call a loader, and return whether it loaded."""
    try:
        call(*args, **kwargs)
    except DlvizError:
        return False
    return True


def test_the_table_lists_every_loader_but_those_that_download():
    loaders = {name for name in data.__all__ if not isinstance(getattr(data, name), type)}
    assert loaders - set(OFFLINE) == {"mnist", "text8", "tinyshakespeare"}


@pytest.mark.parametrize("name", OFFLINE)
def test_a_loader_refuses_odd_arguments_with_an_error_of_dlvizs(name):
    loader, given = getattr(data, name), OFFLINE[name]
    assert loads(loader, **given)
    for parameter in inspect.signature(loader).parameters:
        for odd in ODD:
            loads(loader, **given | {parameter: odd})


@pytest.mark.parametrize("odd", [odd for odd in ODD if not (isinstance(odd, str) and odd == "train")])
def test_splits_and_columns_that_are_not_there_are_refused(odd):
    for call in (data.mnist, data.fashion_mnist, data.diabetes().column):
        assert not loads(call, odd)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: data.moons(100, device="gpu"), r"moons: device must be one that torch finds .* but got 'gpu': "),
        (lambda: data.digits(device=[1]), r"digits: device must be one .* but got \[1\]"),
        (lambda: data.mnist(device=1.5), "mnist: device must be one"),
        (lambda: data.recall(10**6, steps=100, symbols=50), "recall: n=1000000, steps=100, symbols=50 would make more"),
        (lambda: data.rings(10**12), "rings: n=1000000000000 would make more than 1,000,000,000 numbers"),
        (lambda: data.digits(np.array(["train", "test"])), 'digits: split must be "train"'),
        (lambda: data.photo(np.array("china")), "photo: name must be"),
    ],
)
def test_the_error_names_the_argument_and_what_came(call, words):
    with pytest.raises(DlvizError, match=words):
        call()


def test_a_misspelled_argument_is_suggested():
    with pytest.raises(TypeError, match=r"moons: no such argument: nose. Did you mean noise\?"):
        data.moons(100, nose=0.1)


def test_a_device_may_be_a_name_or_a_device():
    for device in ("cpu", torch.device("cpu"), "meta"):
        assert data.sunspots(device=device).numbers.device.type == torch.device(device).type
