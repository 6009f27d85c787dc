"""Checks of lesson 01, run by nbval after the cell of the same id."""

import numpy as np
import torch

import dlviz


def first_digit(digit, device):
    assert digit.shape == (8, 8)
    assert digit.dtype == torch.float32
    assert digit.device.type == device.type
    assert ((digit * 16).round() / 16 == digit).all()  # counts from 0 to 16, divided by 16
    assert 0 <= digit.min() < digit.max() <= 1
    shown = dlviz.tensor(digit)
    shown.index = (3, 2)  # what a learner can click can also be set
    assert shown.index == (3, 2)


def shape_of_the_digit(digit):
    assert digit.dim() == 2
    assert digit.numel() == 64
    assert digit[3, 4].shape == ()


def three_tensors(scalar, vector, matrix):
    assert [tensor.dim() for tensor in (scalar, vector, matrix)] == [0, 1, 2]
    assert [tuple(tensor.shape) for tensor in (scalar, vector, matrix)] == [(), (3,), (2, 3)]
    assert [tensor.numel() for tensor in (scalar, vector, matrix)] == [1, 3, 6]


def all_digits(images):
    assert images.shape == (1438, 1, 8, 8)
    assert images.numel() == 92_032
    assert images[12, 0].shape == (8, 8)


def integers_plus_one(x, y):
    assert y.dtype == torch.int64
    assert y.tolist() == [[2, 3], [4, 5]]
    assert "." not in str(y.cpu())
    assert torch.tensor([1, 2.0]).dtype == torch.float32
    assert [torch.ones(1, dtype=dtype).element_size() for dtype in (torch.float32, torch.float64)] == [4, 8]
    assert [torch.ones(1, dtype=dtype).element_size() for dtype in (torch.int64, torch.bool)] == [8, 1]


def dtypes_of_results(x):
    assert (x + 1).dtype == (x * 3).dtype == (x // 2).dtype == torch.int64
    assert (x / 2).dtype == torch.float32
    assert (x + 0.5).dtype == torch.float32
    assert torch.tensor([1, 2], dtype=torch.float32).dtype == torch.float32
    assert x.float().dtype == torch.float32
    assert x.dtype == torch.int64  # a conversion makes a new tensor


def special_values(quotients):
    assert quotients.isfinite().tolist() == [True, False, False, False]
    assert quotients[3] != quotients[3]
    assert quotients[0].item() != 0.1
    assert abs(quotients[0].item() - 0.1) < 1e-8


def to_a_device(here, there, device):
    assert here.device.type == "cpu"
    assert there.device.type == device.type
    assert there.tolist() == [1, 2]


def one_index(x, z):
    assert z.tolist() == [1, 2]
    assert z.shape == (2,)
    assert x[0, 0].shape == ()
    assert x[0, 0].item() == 1
    assert x[-1, 0].item() == 3
    assert x[:, 1].shape == (2,)  # under "Read critically": no column
    assert x[:, 1:2].tolist() == [[2], [4]]
    try:
        x.cpu()[2, 0]
    except IndexError:
        refused = True
    assert refused


def rows_and_a_column(t):
    assert t.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert t[1:, 2].tolist() == [6, 10]
    assert dlviz.index(t, "t[1:, 2]").output.shape == (2,)


def a_slice_of_one_row(t):
    assert t[0:1].shape == (1, 4)
    assert t[0].shape == (4,)


def a_mask(t):
    picked = dlviz.index(t, "t[t > 5]", revealed=True)
    assert picked.output.shape == (6,)
    assert not picked.data.shares_storage
    assert (t > 5).dtype == torch.bool
    rows = torch.tensor([True, False, True], device=t.device)
    assert t[rows, ::2].tolist() == [[0, 2], [8, 10]]


def all_threes(threes, digits):
    assert threes.shape[1:] == (1, 8, 8)
    assert len(threes) == (digits.labels == 3).sum()


def pairs_of_indices(t):
    assert t[[0, 2], [1, 3]].tolist() == [1, 11]
    assert t[[2, 0]].tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]


def elementwise_by_hand(a, b):
    assert (a + b).tolist() == [[11, 22], [33, 44]]
    assert (a * b).tolist() == [[10, 40], [90, 160]]
    assert (a * 10).tolist() == [[10, 20], [30, 40]]


def column_plus_row(column, row):
    table = dlviz.broadcast(column, row)
    assert table.output.tolist() == [[1, 2, 3, 4], [11, 12, 13, 14], [21, 22, 23, 24]]
    assert column.expand(3, 4).tolist() == [[0] * 4, [10] * 4, [20] * 4]  # the stretched column
    assert (torch.zeros(5, 1, 4) + torch.zeros(3, 1)).shape == (5, 3, 4)


def refused_shapes(refusal):
    assert "must match the size of tensor b (3) at non-singleton dimension 1" in refusal


def make_a_column(numbers, left):
    assert numbers[:, None].shape == (3, 1)
    assert numbers[None, :].shape == (1, 3)
    assert (left + numbers[:, None]).tolist() == [[1, 1], [2, 2], [3, 3]]


def sums(t):
    assert t.sum().item() == 66
    assert t.sum(0).tolist() == [12, 15, 18, 21]
    assert t.sum(1).tolist() == [6, 22, 38]
    assert t.sum(1, keepdim=True).shape == (3, 1)
    assert t.float().mean(1).tolist() == [1.5, 5.5, 9.5]
    try:
        t.mean()
    except RuntimeError as error:
        refusal = str(error)
    assert "floating point" in refusal


def mean_digit(mean_digit):
    assert mean_digit.shape == (8, 8)
    assert (mean_digit < 0.01).sum() >= 8  # almost no ink in the first and the last column
    assert (mean_digit[:, 0] < 0.01).all()


def predictions_minus_labels(predictions, labels):
    trap = dlviz.broadcast(predictions, labels, op="-")
    assert trap.output.shape == (4, 4)
    assert trap.output.pow(2).mean() == 2.5  # every prediction is right, and the loss is not 0


def loss_of_equal_shapes(flat, labels):
    assert flat.shape == labels.shape == (4,)
    assert (flat - labels).pow(2).mean() == 0


def product_of_two_matrices(A, B):
    product = dlviz.matmul(A, B)
    assert product.output.tolist() == [[5.0, 1.0], [4.0, 2.0]]
    assert torch.equal(product.output, (A[:, :, None] * B).sum(1))
    assert torch.equal(product.output, torch.einsum("ik,kj->ij", A, B))


def elementwise_or_matrix_product(S):
    assert (S * S).tolist() == [[1, 4], [9, 16]]
    assert (S @ S).tolist() == [[7, 10], [15, 22]]


def overlap_of_digits(batch, overlap):
    assert batch.shape == (4, 64)
    assert torch.allclose(dlviz.einsum("ip,jp->ij", batch, batch).output, overlap)
    assert torch.allclose(overlap, overlap.T)  # a with b is b with a


def class_means(means, train_x, digits):
    assert means.shape == (10, 64)
    assert torch.equal(means, torch.stack([train_x[digits.labels == c].mean(0) for c in range(10)]))


def accuracy_of_the_classifier(distances, predicted, correct, means, test):
    assert distances.shape == (359, 10)
    assert 323 <= correct.sum().item() <= 329  # the text says 326
    rows = test.images.flatten(1)
    squared = ((rows[:, None, :] - means) ** 2).sum(2)
    assert torch.allclose(squared, distances, atol=1e-3)  # the learner's own function was used
    assert torch.equal(torch.cdist(rows, means).argmin(1), predicted)  # PyTorch's own gives the same classes


def shared_memory(first, second, array, device):
    assert first.tolist() == [7, 0, 0]
    assert second.tolist() == [0, 0, 0]
    assert first.dtype == torch.float64
    assert first.float().to(device).cpu().numpy().dtype == np.float32
    assert np.array_equal(first.numpy(), array)
