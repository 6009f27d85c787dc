"""Checks of lesson 02, run by nbval after the cell of the same id."""

import torch

import dlviz


def _error(function):
    """Return the message of the RuntimeError that the function raises."""
    try:
        function()
    except RuntimeError as error:
        return str(error)
    raise AssertionError("no error was raised")


def table_in_storage(x):
    assert x.stride() == (4, 1)
    assert x.storage_offset() == 0
    shown = dlviz.tensor(x, index=(2, 1))
    assert shown.metadata.address((2, 1)) == 0 + 2 * 4 + 1 * 1 == 9
    assert shown.metadata.is_contiguous


def address_by_hand(a, x):
    assert a == 9
    assert x[2, 1].item() == 9


def strides_of_new_tensors():
    assert torch.zeros(2, 3, 4).stride() == (12, 4, 1)
    assert torch.zeros(()).stride() == ()
    six = torch.zeros(2, 1, 3, 1, 2, 2)
    assert six.dim() == 6
    assert six.stride() == (12, 12, 4, 4, 2, 1)


def table_and_transpose(x):
    pair = dlviz.views(x, "x.T", step=6)
    assert pair.shares_storage == (True, True)
    assert (x.stride(), x.T.stride()) == ((4, 1), (1, 4))
    assert x.T.data_ptr() == x.data_ptr()
    assert torch.zeros(2, 3).T.stride() == (1, 3)


def write_through_transpose(z):
    assert z.tolist() == [[0, 0, 0], [7, 0, 0]]


def slices_are_views(x):
    parts = dlviz.views(x, "x[1:, ::2]", "x[:, 1]", "x[2].expand(3, 4)")
    assert all(parts.shares_storage)
    assert [part.stride() for part in parts.tensors] == [(4, 1), (4, 2), (4,), (0, 1)]
    assert [part.storage_offset() for part in parts.tensors] == [0, 4, 1, 8]


def scalar_in_storage(number, x):
    assert (number.shape, number.stride()) == ((), ())
    assert number.storage_offset() == 6
    assert dlviz.views(x, number).shares_storage == (True, True)


def expanded_column(wide, column):
    assert wide.numel() == 3000
    assert wide.untyped_storage().nbytes() == 12  # three floats of four bytes
    assert wide.stride() == (1, 0)
    assert "single memory location" in _error(lambda: wide.add_(1))
    assert column.tolist() == [[1], [2], [3]]  # nothing was written


def lists_and_masks_copy(x):
    picked = dlviz.views(x, "x[[2, 0, 1]]", "x[x % 4 > 1]", "x[[0, 1]]")
    assert picked.shares_storage == (True, False, False, False)
    assert x[[2, 0, 1], 0].tolist() == [8, 0, 4]


def write_into_a_selection(t, u, v):
    assert t.count_nonzero() == 0
    assert u[:, 0].tolist() == [7, 0, 0]
    assert v[:, 0].tolist() == [7, 0, 7]


def can_be_joined(x):
    assert x.view(3, 2, 2).stride() == (4, 2, 1)
    shown = dlviz.views(x, "x[:, :3].view(9)", "x[:, ::2].view(6)")
    assert shown.tensors[1] is None
    assert shown.tensors[2].stride() == (2,)
    assert shown.shares_storage == (True, False, True)
    assert x.view(2, 2, 3).stride() == (6, 3, 1)  # x is contiguous, so any split or join in order works


def view_of_a_transpose(small):
    message = _error(lambda: small.T.view(6))
    assert "view size is not compatible with input tensor's size and stride" in message
    assert not small.T.is_contiguous()
    assert dlviz.views(small, "small.T.view(6)").tensors[1] is None


def reshape_of_a_transpose(first, second, small):
    assert first.data_ptr() == small.data_ptr()  # a view
    assert second.data_ptr() != small.data_ptr()  # a copy, and nothing says so
    assert second.tolist() == [0, 3, 1, 4, 2, 5]


def time_of_a_copy(start, middle, end, copied, x):
    assert middle - start < end - middle  # one copy takes longer than a thousand transposes
    assert copied.shape == (4000, 3000)
    assert copied.is_contiguous()
    assert x.contiguous().data_ptr() == x.data_ptr()
    assert x.T.contiguous().view(12).tolist()[:4] == [0, 4, 8, 1]


def digits_in_pieces(features, pieces, x):
    assert x.view(-1, 6).shape == (2, 6)
    assert "invalid for input of size 12" in _error(lambda: x.view(-1, 5))
    assert features.view(-1, 1600).shape == (64, 1600)  # 25 images became 64 rows, and nothing was raised
    assert pieces.shape == (16, 100)


def the_batch_of_the_tutorial(features, batch, device):
    own = torch.zeros(64, 64, 8, 8, device=device)
    assert "invalid for input of size 262144" in _error(lambda: own.view(-1, 1600))
    assert features.flatten(1).shape == (25, 4096)
    assert batch.flatten(1).shape == (25, 64)
    # A layer says at once that the size is wrong, if the batch is kept.
    weights = torch.zeros(1600, 10, device=device)
    assert (features.view(-1, 1600) @ weights).shape == (64, 10)
    assert "25x4096 and 1600x10" in _error(lambda: features.flatten(1) @ weights)


def two_small_pictures(pictures):
    assert pictures.flatten(1).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert pictures.view(-1, 4)[1].tolist() == [4, 5, 6, 7]  # the end of one picture, the start of the next


def piece_of_a_photo(photo, patch):
    assert photo.shape == (427, 640, 3)
    assert photo.dtype == torch.uint8
    moved = patch.permute(2, 0, 1)
    assert patch.stride() == (15, 3, 1)
    assert moved.stride() == (1, 15, 3)
    assert not moved.is_contiguous()
    assert moved.data_ptr() == patch.data_ptr()


def permute_or_view(patch):
    pixel = patch[0, 0].tolist()
    assert patch.permute(2, 0, 1)[:, 0, 0].tolist() == pixel
    assert patch.view(3, 4, 5)[:, 0, 0].tolist() != pixel
    assert patch.view(3, 4, 5).shape == patch.permute(2, 0, 1).shape
