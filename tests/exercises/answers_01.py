"""Lesson 01: more right answers and more wrong ones."""

from itertools import zip_longest

import numpy as np
import torch

# 01.floats


def plus_a_float(rows):
    return torch.tensor(rows) + 1.0


def from_numpy(rows):
    return torch.from_numpy(np.array(rows, dtype=np.float32)) + 1


def row_by_row(rows):
    return torch.stack([torch.tensor(row, dtype=torch.float32) + 1 for row in rows])


def typed_late(rows):
    return torch.add(torch.tensor(rows), 1).to(torch.float32)


def as_numpy(rows):
    return np.array(rows, dtype=np.float32) + 1


def as_list(rows):
    return [[float(n) + 1 for n in row] for row in rows]


def the_example(rows):
    return torch.tensor([[2.0, 3.0], [4.0, 5.0]])


def through_half(rows):
    return (torch.tensor(rows).half() + 1).float()


def through_bytes(rows):
    return (torch.tensor(rows).to(torch.uint8) + 1).float()


def without_signs(rows):
    return torch.tensor(rows).float().abs() + 1


def flat(rows):
    return torch.tensor([n + 1 for row in rows for n in row], dtype=torch.float32)


def twice(rows):
    return torch.tensor(rows, dtype=torch.float32) + 2


def minus_one(rows):
    return torch.tensor(rows, dtype=torch.float32) - 1


def first_row(rows):
    return torch.tensor(rows[:1], dtype=torch.float32) + 1


# 01.left-halves


def by_range(images):
    return images[list(range(0, len(images), 2)), :, :, 0:4]


def by_chunk(images):
    return images[::2].chunk(2, dim=3)[0]


def by_mask(images):
    return images[torch.arange(len(images)) % 2 == 0][..., : images.shape[-1] // 2]


def by_split(images):
    left, _ = images[0::2].split(4, dim=-1)
    return left


def up_to_eight(images):
    return images[:8:2, :, :, :4]


def without_the_last(images):
    return images[:-1:2, :, :, :4]


def in_pairs(images):
    return images[: len(images) // 2 * 2 : 2, :, :, :4]


def every_third(images):
    return images[::3, :, :, :4]


def squeezed(images):
    return images[::2, :, :, :4].squeeze()


def mirrored(images):
    return images[::2].flip(3)[..., :4]


def middle(images):
    return images[::2, :, :, 2:6]


def rows_and_columns(images):
    return images[::2, :, :4, :4]


def reversed_images(images):
    return images.flip(0)[::2, :, :, :4]


def every_second_row(images):
    return images[:, :, ::2, :4]


# 01.shape


def shape_by_torch(a, b):
    return torch.broadcast_shapes(a, b)


def shape_of_a_sum(a, b):
    return (torch.zeros(a) + torch.zeros(b)).shape


def shape_from_the_right(a, b):
    pairs = zip_longest(reversed(a), reversed(b), fillvalue=1)
    return [max(pair) for pair in pairs][::-1]


def shape_by_numpy(a, b):
    return np.broadcast_shapes(a, b)


def shape_backwards(a, b):
    return tuple(max(pair) for pair in zip_longest(reversed(a), reversed(b), fillvalue=1))


def shape_zipped(a, b):
    return tuple(max(pair) for pair in zip(a, b, strict=False))


def shape_of_the_first(a, b):
    return a


def shape_of_the_second(a, b):
    return b


def shape_added(a, b):
    return tuple(i + j for i, j in zip_longest(a, b, fillvalue=0))


def shape_multiplied(a, b):
    return tuple(i * j for i, j in zip(a, b, strict=False))


def shape_without_ones(a, b):
    return tuple(size for size in torch.broadcast_shapes(a, b) if size > 1)


def shape_of_the_sorted(a, b):
    return tuple(sorted(torch.broadcast_shapes(a, b)))


def shape_as_text(a, b):
    return str(tuple(torch.broadcast_shapes(a, b)))


def shape_where_equally_long(a, b):
    return tuple(max(pair) for pair in zip(a, b, strict=True)) if len(a) == len(b) else max(a, b, key=len)


# 01.outer


def outer_by_torch(a, b):
    return torch.outer(a, b)


def outer_by_product(a, b):
    return a.reshape(-1, 1) @ b.reshape(1, -1)


def outer_stacked(a, b):
    return torch.stack([number * b for number in a])


def outer_expanded(a, b):
    return a.unsqueeze(1).expand(len(a), len(b)) * b


def outer_in_place(a, b):
    return a.unsqueeze_(1) * b


def outer_rounded(a, b):
    return (a[:, None] * b).round(decimals=1)


def outer_absolute(a, b):
    return (a[:, None] * b).abs()


def outer_as_list(a, b):
    return (a[:, None] * b).tolist()


def outer_flat(a, b):
    return (a[:, None] * b).flatten()


def outer_with_one_dimension_more(a, b):
    return a[:, None, None] * b


def outer_of_a(a, b):
    return a[:, None] * a


def outer_subtracted(a, b):
    return a[:, None] - b


def outer_of_a_reversed(a, b):
    return a.flip(0)[:, None] * b


def outer_summed(a, b):
    return (a[:, None] * b).sum(0)


# 01.standardize


def by_sqrt_of_variance(x):
    return (x - x.mean(dim=0)) / x.var(dim=0).sqrt()


def by_definition(x):
    centered = x - x.sum(0) / len(x)
    return centered / ((centered**2).sum(0) / (len(x) - 1)) ** 0.5


def transposed_and_back(x):
    columns = x.T
    return ((columns - columns.mean(1, keepdim=True)) / columns.std(1, keepdim=True)).T


def with_a_tiny_number(x):
    return (x - x.mean(0)) / (x.std(0) + 1e-8)


def in_the_same_memory(x):
    x -= x.mean(0)
    x /= x.std(0)
    return x


def rescaled_by_range(x):
    return (x - x.amin(0)) / (x.amax(0) - x.amin(0))


def by_median(x):
    return (x - x.median(0).values) / x.std(0)


def one_scale(x):
    return (x - x.mean(0)) / x.std()


def one_mean(x):
    return (x - x.mean()) / x.std(0)


def mean_over_rows(x):
    return (x - x.mean(1)) / x.std(1)


def added_mean(x):
    return (x + x.mean(0)) / x.std(0)


def divided_first(x):
    return x / x.std(0) - x.mean(0)


def multiplied(x):
    return (x - x.mean(0)) * x.std(0)


def first_column(x):
    return (x - x[:, 0].mean()) / x[:, 0].std()


def with_a_large_number(x):
    return (x - x.mean(0)) / (x.std(0) + 0.01)


def by_absolute_deviation(x):
    centered = x - x.mean(0)
    return centered / centered.abs().mean(0)


# 01.distances


def distances_by_loop(x, means):
    return torch.stack([((x - mean) ** 2).sum(1) for mean in means], dim=1)


def distances_expanded(x, means):
    return (x**2).sum(1, keepdim=True) - 2 * x @ means.T + (means**2).sum(1)


def distances_by_cdist(x, means):
    return torch.cdist(x, means) ** 2


def distances_by_einsum(x, means):
    differences = means[None] - x[:, None]
    return torch.einsum("ncd,ncd->nc", differences, differences)


def distances_by_norm(x, means):
    return (x.unsqueeze(1) - means.unsqueeze(0)).norm(dim=-1).square()


def distances_over_examples(x, means):
    return ((x[:, None, :] - means) ** 2).sum(0)


def distances_without_none(x, means):
    return ((x - means) ** 2).sum(1)


def overlaps(x, means):
    return x @ means.T


def distances_without_the_means(x, means):
    return (x**2).sum(1, keepdim=True) - 2 * x @ means.T


def nearest(x, means):
    return torch.cdist(x, means).argmin(1)


def distances_kept(x, means):
    return ((x[:, None, :] - means) ** 2).sum(2, keepdim=True)


def distances_added(x, means):
    return ((x[:, None, :] + means) ** 2).sum(2)


def largest_difference(x, means):
    return ((x[:, None, :] - means) ** 2).amax(2)


def distances_negative(x, means):
    return -((x[:, None, :] - means) ** 2).sum(2)


def distances_to_each_other(x, means):
    return torch.cdist(x, x) ** 2


def distances_to_the_first(x, means):
    return ((x - means[0]) ** 2).sum(1, keepdim=True).expand(len(x), len(means))


ACCEPTED = {
    "01.floats": [plus_a_float, from_numpy, row_by_row, typed_late],
    "01.left-halves": [by_range, by_chunk, by_mask, by_split],
    "01.shape": [shape_by_torch, shape_of_a_sum, shape_from_the_right, shape_by_numpy],
    "01.outer": [outer_by_torch, outer_by_product, outer_stacked, outer_expanded],
    "01.standardize": [by_sqrt_of_variance, by_definition, transposed_and_back, with_a_tiny_number],
    "01.distances": [
        distances_by_loop,
        distances_expanded,
        distances_by_cdist,
        distances_by_einsum,
        distances_by_norm,
    ],
}
REJECTED = {
    "01.floats": [
        as_numpy,
        as_list,
        the_example,
        through_half,
        through_bytes,
        without_signs,
        flat,
        twice,
        minus_one,
        first_row,
    ],
    "01.left-halves": [
        up_to_eight,
        without_the_last,
        in_pairs,
        every_third,
        squeezed,
        mirrored,
        middle,
        rows_and_columns,
        reversed_images,
        every_second_row,
    ],
    "01.shape": [
        shape_backwards,
        shape_zipped,
        shape_of_the_first,
        shape_of_the_second,
        shape_added,
        shape_multiplied,
        shape_without_ones,
        shape_of_the_sorted,
        shape_as_text,
        shape_where_equally_long,
    ],
    "01.outer": [
        outer_in_place,
        outer_rounded,
        outer_absolute,
        outer_as_list,
        outer_flat,
        outer_with_one_dimension_more,
        outer_of_a,
        outer_subtracted,
        outer_of_a_reversed,
        outer_summed,
    ],
    "01.standardize": [
        in_the_same_memory,
        rescaled_by_range,
        by_median,
        one_scale,
        one_mean,
        mean_over_rows,
        added_mean,
        divided_first,
        multiplied,
        first_column,
        with_a_large_number,
        by_absolute_deviation,
    ],
    "01.distances": [
        distances_over_examples,
        distances_without_none,
        overlaps,
        distances_without_the_means,
        nearest,
        distances_kept,
        distances_added,
        largest_difference,
        distances_negative,
        distances_to_each_other,
        distances_to_the_first,
    ],
}
