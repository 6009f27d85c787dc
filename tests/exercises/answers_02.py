"""Lesson 02: more right answers and more wrong ones."""

import math
from itertools import accumulate
from operator import mul

import numpy as np
import torch

# 02.address


def address_by_numpy(index, stride, offset):
    return offset + int(np.dot(np.array(index, dtype=int), np.array(stride, dtype=int)))


def address_by_position(index, stride, offset):
    for d in range(len(index)):
        offset += index[d] * stride[d]
    return offset


def address_by_tensor(index, stride, offset):
    return offset + (torch.tensor(index, dtype=torch.int64) * torch.tensor(stride, dtype=torch.int64)).sum().item()


def address_in_storage(index, stride, offset):
    size = [i + 1 for i in index]
    return torch.empty(2000).as_strided(size, stride, offset)[index].storage_offset()


def address_sorted(index, stride, offset):
    return offset + sum(i * s for i, s in zip(index, sorted(stride, reverse=True), strict=True))


def address_of_two(index, stride, offset):
    return offset + index[0] * stride[0] + index[1] * stride[1]


def address_without_zero(index, stride, offset):
    return offset + sum(i * max(s, 1) for i, s in zip(index, stride, strict=True))


def address_one_more(index, stride, offset):
    return offset + sum(i * s for i, s in zip(index, stride, strict=True)) + 1


def address_from_one(index, stride, offset):
    return offset + sum((i - 1) * s for i, s in zip(index, stride, strict=True))


def address_in_bytes(index, stride, offset):
    return 8 * (offset + sum(i * s for i, s in zip(index, stride, strict=True)))


def address_crossed(index, stride, offset):
    return offset + sum(index) * sum(stride)


def address_in_a_tuple(index, stride, offset):
    return tuple(i * s for i, s in zip(index, stride, strict=True))


def address_first_only(index, stride, offset):
    for i, s in zip(index, stride, strict=True):
        return offset + i * s
    return offset


def address_subtracted(index, stride, offset):
    return sum(i * s for i, s in zip(index, stride, strict=True)) - offset


# 02.strides


def strides_by_cumprod(shape):
    return list(np.cumprod([1, *shape[:0:-1]])[::-1])[: len(shape)]


def strides_by_numpy(shape):
    return [int(step) // 8 for step in np.empty(shape).strides]


def strides_by_prod(shape):
    return tuple(math.prod(shape[d + 1 :]) for d in range(len(shape)))


def strides_accumulated(shape):
    return list(accumulate(reversed(shape[1:]), mul, initial=1))[::-1][: len(shape)]


def strides_by_division(shape):
    left = math.prod(shape)
    result = []
    for size in shape:
        left //= size
        result.append(left)
    return result


def strides_of_the_transpose(shape):
    return torch.empty(shape).permute(*range(len(shape))[::-1]).stride() if shape else []


def strides_in_bytes(shape):
    return list(np.empty(shape).strides)


def strides_as_numbers_of_a_tensor(shape):
    return torch.tensor(torch.empty(shape).stride())


def strides_with_a_one_too_many(shape):
    return [math.prod(shape[d + 1 :]) for d in range(len(shape))] + [1]


def strides_of_three(shape):
    return [shape[-1] * shape[-2], shape[-1], 1]


def strides_never_of_a_scalar(shape):
    return [math.prod(shape[d + 1 :]) for d in range(max(len(shape), 1))]


def strides_without_the_last(shape):
    return [math.prod(shape[d + 1 :]) for d in range(len(shape) - 1)]


def strides_before(shape):
    return [math.prod(shape[:d]) for d in range(len(shape))][::-1]


def strides_sorted(shape):
    return [math.prod(sorted(shape)[d + 1 :]) for d in range(len(shape))]


def strides_zero_for_size_one(shape):
    return [0 if shape[d] == 1 else math.prod(shape[d + 1 :]) for d in range(len(shape))]


def strides_halves(shape):
    return [math.prod(shape[d + 1 :]) / 1.0 + 0.5 for d in range(len(shape))]


# 02.border


def border_by_mask(images):
    inside = torch.zeros_like(images)
    inside[..., 1:-1, 1:-1] = 1
    return images * inside


def border_by_padding(images):
    return torch.nn.functional.pad(images[..., 1:-1, 1:-1], (1, 1, 1, 1))


def border_by_lists(images):
    result = images.clone()
    result[:, :, [0, -1]] = 0
    result[..., [0, -1]] = 0
    return result


def border_by_where(images):
    h, w = images.shape[-2:]
    row, column = torch.arange(h)[:, None], torch.arange(w)
    border = (row == 0) | (row == h - 1) | (column == 0) | (column == w - 1)
    return torch.where(border, 0.0, images)


def border_by_new_tensor(images):
    result = torch.zeros(images.shape)
    result[:, :, 1:-1, 1:-1] = images[:, :, 1:-1, 1:-1]
    return result


def border_in_place(images):
    images[:, :, [0, -1]] = 0
    images[..., [0, -1]] = 0
    return images


def border_in_detached(images):
    result = images.detach()
    result[:, :, [0, -1]] = 0
    result[..., [0, -1]] = 0
    return result


def border_restored_halfway(images):
    result = images.clone()
    images[:, :, [0, -1]] = 0
    result[:, :, [0, -1]] = 0
    result[..., [0, -1]] = 0
    return result


def border_of_the_first_image(images):
    result = images.clone()
    result[0, :, [0, -1]] = 0
    result[0, :, :, [0, -1]] = 0
    return result


def border_of_the_first_channel(images):
    result = images.clone()
    result[:, 0, [0, -1]] = 0
    result[:, 0, :, [0, -1]] = 0
    return result


def border_corners_only(images):
    result = images.clone()
    for i in (0, -1):
        for j in (0, -1):
            result[:, :, i, j] = 0
    return result


def border_two_wide(images):
    return torch.nn.functional.pad(images[..., 2:-2, 2:-2], (2, 2, 2, 2))


def border_inside(images):
    result = images.clone()
    result[:, :, 1:-1, 1:-1] = 0
    return result


def border_of_a_copied_list(images):
    result = images.clone()
    result[:, :, [0, -1]][..., [0, -1]] = 0
    return result


def border_missing_at_the_end(images):
    result = images.clone()
    result[:, :, 0] = 0
    result[..., 0] = 0
    return result


def border_ones(images):
    return torch.nn.functional.pad(images[..., 1:-1, 1:-1], (1, 1, 1, 1), value=1.0)


# 02.view


def rows_by_view(features):
    return features.view(len(features), -1)


def rows_by_module(features):
    return torch.nn.Flatten()(features)


def rows_by_sizes(features):
    n, c, h, w = features.shape
    return features.view(n, c * h * w)


def rows_by_start_dim(features):
    return torch.flatten(features, start_dim=1)


def rows_of_known_channels(features):
    return features.view(-1, 64 * features.shape[2] * features.shape[3])


def rows_of_known_pixels(features):
    return features.view(-1, features.shape[1] * 8 * 8)


def rows_guessed_in_a_row(features):
    return features.reshape(-1, 5 * 5 * 64)


def rows_channels_last(features):
    return features.permute(0, 2, 3, 1).flatten(1)


def rows_of_channels(features):
    return features.flatten(2)


def rows_first_pixels(features):
    return features.flatten(1)[:, :1600]


def rows_of_means(features):
    return features.mean((2, 3))


def rows_as_columns(features):
    return features.flatten(1).T


def rows_per_channel(features):
    return features.flatten(0, 1).flatten(1)


def rows_twenty_five(features):
    return features.reshape(25, -1)


def rows_batch_at_the_end(features):
    return features.flatten(0, 2)


# 02.flatten


def flatten_by_contiguous(x):
    return x.contiguous().view(x.shape[0], -1)


def flatten_by_clone(x):
    return x.clone(memory_format=torch.contiguous_format).view(x.size(0), -1)


def flatten_by_cat(x):
    return torch.cat([example.reshape(1, -1) for example in x])


def flatten_by_sizes(x):
    n, c, h, w = x.shape
    return x.reshape(n, c * h * w)


def flatten_to_24(x):
    return x.reshape(-1, 24)


def flatten_in_storage(x):
    return x.as_strided((len(x), x[0].numel()), (x[0].numel(), 1))


def flatten_transposed(x):
    return x.transpose(2, 3).reshape(len(x), -1)


def flatten_row_of_one(x):
    return x.reshape(1, -1)


def flatten_guessing(x):
    return x.reshape(-1, x.shape[1] * x.shape[2])


def flatten_rows_kept(x):
    return x.flatten(1, 2)


def flatten_squeezed(x):
    return x.reshape(len(x), -1).squeeze(0)


def flatten_by_unflatten(x):
    return x.reshape(-1).unflatten(0, (-1, len(x)))


def flatten_reversed(x):
    return x.reshape(len(x), -1).flip(1)


def flatten_first_example(x):
    return x[0].reshape(1, -1)


# 02.channels


def channels_by_movedim(photos):
    return photos.movedim(-1, 1)


def channels_by_transposes(photos):
    return photos.transpose(2, 3).transpose(1, 2)


def channels_by_stack(photos):
    return torch.stack([photos[..., c] for c in range(photos.shape[-1])], dim=1)


def channels_by_einsum(photos):
    return torch.einsum("nhwc->nchw", photos)


def channels_contiguous(photos):
    return photos.permute(0, 3, 1, 2).contiguous()


def channels_by_reshape(photos):
    n, h, w, c = photos.shape
    return photos.reshape(n, c, h, w)


def channels_by_transpose(photos):
    return photos.transpose(1, 3)


def channels_of_one_photo(photos):
    return photos[0].permute(2, 0, 1)


def channels_by_t(photos):
    return photos.permute(3, 2, 1, 0)


def channels_reversed(photos):
    return photos.flip(3).permute(0, 3, 1, 2)


def channels_rotated(photos):
    return photos.permute(0, 2, 3, 1)


def channels_red_only(photos):
    return photos.permute(0, 3, 1, 2)[:, :1]


def channels_of_flat_pixels(photos):
    n, h, w, c = photos.shape
    return photos.view(n, h * w, c).transpose(1, 2)


def channels_transposed_flat(photos):
    n, h, w, c = photos.shape
    return photos.view(n, h * w, c).transpose(1, 2).reshape(n, c, w, h)


def channels_upside_down(photos):
    return photos.permute(0, 3, 1, 2).flip(2)


def channels_scaled(photos):
    return photos.permute(0, 3, 1, 2) / 255


ACCEPTED = {
    "02.address": [address_by_numpy, address_by_position, address_by_tensor, address_in_storage],
    "02.strides": [
        strides_by_cumprod,
        strides_by_numpy,
        strides_by_prod,
        strides_accumulated,
        strides_by_division,
    ],
    "02.border": [border_by_mask, border_by_padding, border_by_lists, border_by_where, border_by_new_tensor],
    "02.view": [rows_by_view, rows_by_module, rows_by_sizes, rows_by_start_dim],
    "02.flatten": [flatten_by_contiguous, flatten_by_clone, flatten_by_cat, flatten_by_sizes],
    "02.channels": [
        channels_by_movedim,
        channels_by_transposes,
        channels_by_stack,
        channels_by_einsum,
        channels_contiguous,
    ],
}
REJECTED = {
    "02.address": [
        address_sorted,
        address_of_two,
        address_without_zero,
        address_one_more,
        address_from_one,
        address_in_bytes,
        address_crossed,
        address_in_a_tuple,
        address_first_only,
        address_subtracted,
    ],
    "02.strides": [
        strides_of_the_transpose,
        strides_in_bytes,
        strides_as_numbers_of_a_tensor,
        strides_with_a_one_too_many,
        strides_of_three,
        strides_never_of_a_scalar,
        strides_without_the_last,
        strides_before,
        strides_sorted,
        strides_zero_for_size_one,
        strides_halves,
    ],
    "02.border": [
        border_in_place,
        border_in_detached,
        border_restored_halfway,
        border_of_the_first_image,
        border_of_the_first_channel,
        border_corners_only,
        border_two_wide,
        border_inside,
        border_of_a_copied_list,
        border_missing_at_the_end,
        border_ones,
    ],
    "02.view": [
        rows_of_known_channels,
        rows_of_known_pixels,
        rows_guessed_in_a_row,
        rows_channels_last,
        rows_of_channels,
        rows_first_pixels,
        rows_of_means,
        rows_as_columns,
        rows_per_channel,
        rows_twenty_five,
        rows_batch_at_the_end,
    ],
    "02.flatten": [
        flatten_to_24,
        flatten_in_storage,
        flatten_transposed,
        flatten_row_of_one,
        flatten_guessing,
        flatten_rows_kept,
        flatten_squeezed,
        flatten_by_unflatten,
        flatten_reversed,
        flatten_first_example,
    ],
    "02.channels": [
        channels_by_reshape,
        channels_by_transpose,
        channels_of_one_photo,
        channels_by_t,
        channels_reversed,
        channels_rotated,
        channels_red_only,
        channels_of_flat_pixels,
        channels_transposed_flat,
        channels_upside_down,
        channels_scaled,
    ],
}
