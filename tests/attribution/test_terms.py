"""The terms of a number of a map are torch's, and their arithmetic gives the number."""

import copy

import pytest
import torch

from dlviz.attribution import METHODS, record, terms
from dlviz.attribution.terms import MAX_TERMS
from dlviz.kit.errors import DlvizError
from tests.attribution import by_hand
from tests.attribution.nets import ImageNet, RowNet, TokenNet


def made(kind, seed=6, **options):
    net = kind(seed)
    x = net.inputs(2)
    return net, x, record(net, x, [0, net.classes - 1], steps=5, samples=4, baseline=0.1, **options)


@pytest.mark.parametrize("relu", [True, False], ids=["relu", "signed"])
@pytest.mark.parametrize("kind", [ImageNet, RowNet, TokenNet])
def test_terms_give_the_number_of_every_map(kind, relu):
    _, _, record_ = made(kind, relu=relu)
    assert set(record_.attributions) >= set(METHODS) - {"grad_cam"}
    last = tuple(side - 1 for side in record_.inputs.places)
    for method, attribution in record_.attributions.items():
        for index in range(2):
            for place in ((0,) * len(last), last, tuple(side // 2 for side in last)):
                found = terms(record_, method, index, place)
                given = sum(term.value for term in found.terms) + found.rest
                result = (
                    given / found.count if found.how == "mean" else max(0, given) if found.how == "relu_sum" else given
                )
                shown = attribution.values if method == "grad_cam" else attribution.maps
                assert found.value == float(shown[(index, *found.cell)])
                assert found.value == pytest.approx(result + found.residual, abs=1e-12)
                assert abs(found.residual) < 1e-10
                for term in found.terms:
                    numbers = dict(term.factors)
                    product = torch.tensor(list(numbers.values())).prod().item()
                    if method == "smooth_grad":
                        product = numbers["mean"]
                    if method == "occlusion":
                        product = numbers["before"] - numbers["after"]
                    assert term.value == pytest.approx(product, rel=1e-5, abs=1e-7)


def test_the_factors_are_what_torch_computes():
    net, x, record_ = made(ImageNet)
    twin = copy.deepcopy(net).eval()
    index, place = 1, (2, 3)
    target = net.classes - 1
    gradient = by_hand.gradient(twin, x[1:], target)[0, :, 2, 3]
    found = terms(record_, "gradient_x_input", index, place)
    assert [dict(term.factors)["gradient"] for term in found.terms] == pytest.approx(gradient.tolist(), abs=1e-10)
    assert [dict(term.factors)["input"] for term in found.terms] == x[1, :, 2, 3].tolist()
    path = terms(record_, "integrated_gradients", index, place)
    assert [dict(term.factors)["difference"] for term in path.terms] == pytest.approx((x[1, :, 2, 3] - 0.1).tolist())
    with torch.no_grad():
        maps = twin.features(x[1:])[0]
    cam = terms(record_, "grad_cam", index, place)
    weights = by_hand.gradient(twin.head, maps[None], target)[0].mean((1, 2))
    assert [dict(term.factors)["weight"] for term in cam.terms] == pytest.approx(weights.tolist(), abs=1e-10)
    row, column = (int((at + 0.5) * few / net.size) for at, few in zip(place, maps.shape[1:], strict=True))
    assert cam.cell == (row, column)
    assert [dict(term.factors)["activation"] for term in cam.terms] == pytest.approx(
        maps[:, row, column].tolist(), abs=1e-10
    )


def test_samples_of_smooth_grad_have_the_map_as_their_mean():
    _, _, record_ = made(ImageNet)
    found = terms(record_, "smooth_grad", 0, (1, 1))
    assert len(found.samples) == 4
    assert sum(found.samples) / 4 == pytest.approx(found.value, abs=1e-12)
    assert len(set(found.samples)) > 1
    assert terms(record_, "saliency", 0, (1, 1)).samples == ()


def test_windows_of_occlusion_are_all_that_cover_the_place():
    net = ImageNet(1)
    x = net.inputs(1)
    record_ = record(net, x, 0, window=3, stride=2, methods="occlusion")
    side = net.size
    starts = [k for k in range(0, side, 2) if k - 2 < side - 3 or k == 0]
    for place in ((0, 0), (2, 2), (side - 1, side - 1)):
        expected = [f"{r}, {c}" for r in starts for c in starts if r <= place[0] < r + 3 and c <= place[1] < c + 3]
        assert [term.name for term in terms(record_, "occlusion", 0, place).terms] == expected


def test_many_terms_are_cut_to_the_largest_and_the_rest_is_their_sum():
    class Wide(torch.nn.Module):
        def forward(self, x):
            return (x * torch.arange(40.0, dtype=torch.float64)[:, None, None]).sum((2, 3))

    net = torch.nn.Sequential(Wide(), torch.nn.Linear(40, 2).double())
    record_ = record(net, torch.randn(1, 40, 3, 3, dtype=torch.float64), 0, methods="gradient_x_input")
    found = terms(record_, "gradient_x_input", 0, (0, 0))
    each = record_.attributions["gradient_x_input"].values[0, :, 0, 0]
    largest = each.abs().argsort(descending=True)[:MAX_TERMS]
    assert [int(term.name) for term in found.terms] == sorted(largest.tolist())
    assert found.count == 40
    assert found.rest == pytest.approx(float(each.sum() - each[largest].sum()), abs=1e-12)


@pytest.mark.parametrize(
    ("method", "index", "place", "text"),
    [
        ("grad_cam", 0, (0,), "maps were computed by saliency; there is none of 'grad_cam'"),
        ("saliency", 2, (0,), "index must be that of an input, from 0 to 1, but got 2"),
        ("saliency", -1, (0,), "from 0 to 1, but got -1"),
        ("saliency", 0, (9,), r"place must lie inside a map of shape \(\d,\), but got \(9,\)"),
        ("saliency", 0, (0, 0), "place must lie inside"),
        ("saliency", 0, "ab", "place must lie inside"),
        ("saliency", 0, 0.5, "place must lie inside"),
    ],
)
def test_other_numbers_are_refused(method, index, place, text):
    _, _, record_ = made(RowNet, methods="saliency")
    with pytest.raises(DlvizError, match=text):
        terms(record_, method, index, place)
