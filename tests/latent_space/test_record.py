"""Codes, reconstructions, errors and KL divergences are those that torch computes."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.latent_space import kl_to_standard_normal, record, squared_errors
from tests.latent_space.models import Coder, images

EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_codes_and_reconstructions_equal_torchs_in_eval_mode(size, seed):
    net, x = Coder(size, seed).train(), images(seed=seed)
    made = record(net.mean, net.decode, x)
    with torch.no_grad():
        twin = copy.deepcopy(net).eval()
        codes = twin.mean(x)
        decoded = twin.decode(codes)
    torch.testing.assert_close(made.codes, codes, **EXACT)
    torch.testing.assert_close(made.reconstructions, decoded, **EXACT)
    torch.testing.assert_close(made.errors, (decoded - x).square().mean((1, 2, 3)), **EXACT)
    assert made.std is None
    assert made.kl is None
    assert made.unused == []


def test_large_data_goes_through_in_batches_with_the_same_result():
    net, x = Coder().eval(), images(2500)
    made = record(net.mean, net.decode, x)
    with torch.no_grad():
        torch.testing.assert_close(made.codes, net.mean(x), **EXACT)
        torch.testing.assert_close(made.reconstructions, net.decode(net.mean(x)), **EXACT)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_kl_divergence_equals_that_of_torch_distributions(seed):
    torch.manual_seed(seed)
    mean, std = torch.randn(7, 4, dtype=torch.float64), torch.rand(7, 4, dtype=torch.float64) * 3 + 1e-3
    expected = kl_divergence(Normal(mean, std), Normal(torch.zeros_like(mean), torch.ones_like(std)))
    torch.testing.assert_close(kl_to_standard_normal(mean, std), expected, **EXACT)


@pytest.mark.parametrize(
    ("variance", "second"),
    [
        ("log_var", lambda std: 2 * std.log()),
        ("var", lambda std: std**2),
        ("std", lambda std: std),
        ("log_std", lambda std: std.log()),
    ],
)
def test_the_second_output_is_read_as_the_argument_variance_says(variance, second):
    net, x = Coder().eval(), images()
    with torch.no_grad():
        mean, log_var = net.encode(x)
    std = (log_var / 2).exp()
    made = record(lambda x: (net.mean(x), second(std)), net.decode, x, variance=variance)
    torch.testing.assert_close(made.std, std, **EXACT)
    torch.testing.assert_close(made.kl_per_example, kl_to_standard_normal(mean, std), **EXACT)
    torch.testing.assert_close(made.kl, kl_to_standard_normal(mean, std).mean(0), **EXACT)


@pytest.mark.parametrize("independent", [True, False])
def test_a_distribution_of_torch_is_read_as_it_is(independent):
    net, x = Coder(3), images()
    encoder = net.distribution if independent else lambda x: net.distribution(x).base_dist
    made, pair = record(encoder, net.decode, x), record(net.encode, net.decode, x)
    torch.testing.assert_close(made.std, pair.std, **EXACT)
    torch.testing.assert_close(made.codes, pair.codes, **EXACT)


def test_one_module_with_encode_and_decode_may_stand_for_both():
    net, x = Coder(), images()
    expected = record(net.encode, net.decode, x)
    for made in (record(net, data=x), record(net, x), record(net, None, x)):
        torch.testing.assert_close(made.codes, expected.codes, **EXACT)
        torch.testing.assert_close(made.reconstructions, expected.reconstructions, **EXACT)


def test_codes_of_any_shape_are_flattened_and_given_back_in_their_own():
    torch.manual_seed(0)
    encoder, decoder = nn.Conv2d(1, 2, 3, stride=3), nn.ConvTranspose2d(2, 1, 3, stride=3)
    x = torch.rand(5, 1, 6, 6)
    made = record(encoder, decoder, x)
    assert made.codes.shape == (5, 8)
    with torch.no_grad():
        torch.testing.assert_close(made.reconstructions, decoder(encoder(x)))
    scalar = record(lambda x: x.mean((1, 2, 3)), lambda code: code.view(-1, 1, 1, 1).expand(-1, 1, 6, 6), x)
    assert scalar.codes.shape == (5, 1)


def test_a_dimension_that_carries_nothing_is_named_unused():
    x = images(50)
    encoder = lambda x: (torch.stack([x.sum((1, 2, 3)), torch.zeros(len(x))], 1), torch.zeros(len(x), 2))  # noqa: E731
    made = record(encoder, lambda code: code[:, :1, None, None].expand(-1, 1, 6, 6) / 36, x)
    assert made.unused == [1]
    assert made.kl[1] == 0


def test_anomalies_are_encoded_and_decoded_like_the_data():
    net, x, others = Coder(), images(), images(8, seed=5)
    made, alone = record(net, x, anomalies=others), record(net, others)
    torch.testing.assert_close(made.anomalies.errors, alone.errors, **EXACT)
    torch.testing.assert_close(made.anomalies.codes, alone.codes, **EXACT)


def test_a_linear_autoencoder_trained_to_convergence_spans_the_subspace_of_pca():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 6, generator=generator, dtype=torch.float64) * torch.tensor([5.0, 4.0, 1.0, 0.7, 0.5, 0.3])
    x = x @ torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))[0]
    x = x - x.mean(0)
    torch.manual_seed(0)
    encoder, decoder = nn.Linear(6, 2, bias=False).double(), nn.Linear(2, 6, bias=False).double()
    tensors = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.LBFGS(
        tensors, max_iter=500, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = (decoder(encoder(x)) - x).square().mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    made = record(encoder, decoder, x)
    components = torch.linalg.svd(x)[2][:2]
    basis = torch.linalg.qr(decoder.weight.detach())[0]
    cosines = torch.linalg.svdvals(components @ basis)  # of the principal angles
    torch.testing.assert_close(cosines, torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-8)
    by_pca = (x @ components.T) @ components
    torch.testing.assert_close(made.reconstructions, by_pca, rtol=0, atol=1e-3)
    view = dlviz.latent(encoder, decoder, x)
    torch.testing.assert_close(view.errors.mean(), (by_pca - x).square().mean(), rtol=1e-6, atol=0)


def test_lists_arrays_and_tables_are_accepted():
    torch.manual_seed(0)
    encoder, decoder = nn.Linear(3, 2), nn.Linear(2, 3)
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]]
    expected = record(encoder, decoder, torch.tensor(rows)).codes
    for data in (rows, np.array(rows), np.array(rows, dtype=np.float32), torch.tensor([[1, 2, 3], [4, 5, 7]])):
        torch.testing.assert_close(record(encoder, decoder, data).codes, expected)


def test_lazy_layers_are_initialized():
    encoder, decoder = nn.Sequential(nn.Flatten(), nn.LazyLinear(2)), nn.Sequential(nn.LazyLinear(36))
    made = record(encoder, decoder, torch.rand(4, 1, 6, 6))
    assert made.reconstructions.shape == (4, 1, 6, 6)


def test_squared_errors_are_means_over_all_numbers_of_an_example():
    x, output = torch.rand(4, 2, 3), torch.rand(4, 2, 3)
    expected = torch.stack([nn.functional.mse_loss(a, b) for a, b in zip(output.double(), x.double(), strict=True)])
    torch.testing.assert_close(squared_errors(x, output), expected, **EXACT)


X = torch.rand(5, 1, 6, 6)
LINEAR = nn.Sequential(nn.Flatten(), nn.Linear(36, 2))
BACK = nn.Sequential(nn.Linear(2, 36), nn.Unflatten(1, (1, 6, 6)))
REFUSED = {
    "no decoder": (lambda: record(LINEAR, X), "a decoder is missing"),
    "encoder": (lambda: record(3, BACK, X), "encoder must be a module"),
    "decoder": (lambda: record(LINEAR, "text", X), "decoder must be a module"),
    "data": (lambda: record(LINEAR, BACK, "text"), "data must hold numbers"),
    "one example": (lambda: record(LINEAR, BACK, torch.rand(4)), r"got shape \(4,\)"),
    "channels": (lambda: record(LINEAR, BACK, torch.rand(4, 2, 6, 6)), "C = 1 or 3"),
    "torch": (lambda: record(nn.Linear(3, 2), BACK, X), r"the encoder raises for an input of shape \(5, 1, 6, 6\)"),
    "decoder raises": (lambda: record(LINEAR, nn.Linear(9, 9), X), "the decoder raises"),
    "no codes": (lambda: record(lambda x: None, BACK, X), r"the encoder must return codes .* \(5, K\)"),
    "whole codes": (lambda: record(lambda x: torch.zeros(5, 2).long(), BACK, X), "floating-point"),
    "three outputs": (lambda: record(lambda x: (LINEAR(x),) * 3, BACK, X), "3 outputs"),
    "unequal pair": (lambda: record(lambda x: (LINEAR(x), x.mean((1, 2, 3))), BACK, X), "one shape"),
    "decoded": (lambda: record(LINEAR, nn.Linear(2, 9), X), r"of shape \(1, 6, 6\), but got \(9,\)"),
    "variance": (lambda: record(LINEAR, BACK, X, variance="sigma"), "log_var, var, std, log_std"),
    "kind": (lambda: record(LINEAR, BACK, X, kind="picture"), "auto, image, series or row"),
    "image_shape": (lambda: record(LINEAR, BACK, torch.rand(5, 36), image_shape=(5, 5)), "its product 36"),
    "anomalies": (lambda: record(LINEAR, BACK, X, anomalies=torch.rand(5, 1, 5, 5)), r"\(M, 1, 6, 6\)"),
    "compare_with": (
        lambda: record(LINEAR, BACK, X, compare_with=X[:3]),
        r"compare_with must have the shape of the data",
    ),
    "both": (lambda: record(LINEAR, BACK, X, compare_with=X, anomalies=X), "do not go together"),
    "complex": (lambda: record(LINEAR, BACK, X.to(torch.complex64)), "complex64"),
    "image_shape of rows": (
        lambda: record(nn.Linear(4, 2), nn.Linear(2, 4), torch.rand(3, 4), kind="row", image_shape=(2, 2)),
        "image_shape is for data of the kind image",
    ),
    "features of images": (lambda: record(LINEAR, BACK, X, features=["a"]), "features is for data of the kind row"),
    "features": (lambda: record(nn.Linear(3, 2), nn.Linear(2, 3), torch.rand(4, 3), features=["a"]), "3 names"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_argument_that_does_not_fit_is_refused_by_name(name):
    call, words = REFUSED[name]
    with pytest.raises(DlvizError, match=words):
        call()


def test_layers_that_write_in_place_change_neither_the_data_nor_the_codes():
    x = torch.rand(5, 8) - 0.5
    before = x.clone()
    made = record(lambda x: x.clamp_(min=0)[:, :2], lambda code: code.mul_(2).repeat(1, 4), x)
    assert torch.equal(x, before)
    codes = before.clamp(min=0)[:, :2]
    torch.testing.assert_close(made.codes, codes, **EXACT)
    torch.testing.assert_close(made.reconstructions, (2 * codes).repeat(1, 4), **EXACT)
    lazy = record(nn.Sequential(nn.ReLU(inplace=True), nn.LazyLinear(2)), nn.LazyLinear(8), x)
    assert torch.equal(x, before)
    assert lazy.reconstructions.shape == (5, 8)


def test_reconstructions_of_a_denoiser_are_compared_with_the_clean_examples():
    net, clean = Coder(), images()
    noisy = clean + torch.randn(clean.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    made = record(net, noisy, compare_with=clean)
    plain = record(net, noisy)
    torch.testing.assert_close(made.reconstructions, plain.reconstructions, **EXACT)
    expected = (made.reconstructions - clean).square().mean((1, 2, 3))
    torch.testing.assert_close(made.errors, expected, **EXACT)
    assert not torch.allclose(made.errors, plain.errors)
    same = record(net, clean, compare_with=clean.numpy())
    torch.testing.assert_close(same.errors, record(net, clean).errors, **EXACT)


def test_a_module_behind_other_functions_runs_in_eval_mode_and_stays_as_it_is():
    net, x = Coder().train(), images()
    before = copy.deepcopy(net.state_dict())
    parts = {"encode": net.mean}
    inner = lambda x: parts["encode"](x)  # noqa: E731
    made = record(lambda x: inner(x), torch.no_grad()(lambda code: net.decode(code)), x)
    with torch.no_grad():
        torch.testing.assert_close(made.codes, copy.deepcopy(net).eval().mean(x), **EXACT)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net.training
