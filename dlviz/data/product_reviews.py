"""Real sentences of product reviews, each rated from negative to positive by twenty people."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dlviz.data.validation import loader
from dlviz.kit.messages import message


class ProductReviews(NamedTuple):
    """Sentences, the rating of each and the review that it is from; unpacks as ``sentences, ratings, reviews``.

    ``sentences`` N strings in lower case; ``ratings`` (N,) float32, the mean of twenty people's ratings from −4, extremely negative,
    to 4, extremely positive; ``reviews`` (N,) int64, the number of the review, 1 to 309, with gaps.
    """

    sentences: tuple[str, ...]
    ratings: Tensor
    reviews: Tensor

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        count, ratings, reviews = len(self.sentences), tuple(self.ratings.shape), tuple(self.reviews.shape)
        return message("data.product_reviews.shown", count=count, ratings=ratings, reviews=reviews)


@loader
def product_reviews(*, device: torch.device | str | None = None) -> ProductReviews:
    """Load 3,695 sentences of 300 reviews of five products; no download.

    Customers of Amazon wrote them up to early 2004, about a DVD player, two cameras, a phone and a music player. They keep their order
    and their mistakes. Sentences of one review resemble each other: put all of them into the same part, training or test. Each call
    gives fresh tensors, on ``device`` if given. Sources, licenses and what was changed: ``datasets/product-reviews.md``.

    Sources: Hu and Liu, Mining and Summarizing Customer Reviews, KDD 2004 (the reviews); Hutto and Gilbert, VADER, ICWSM 2014 (the
    sentences and their ratings).

    >>> from dlviz.data import product_reviews
    >>> sentences, ratings, reviews = product_reviews()
    >>> sentences[ratings.argmin()], round(ratings.min().item(), 2), reviews[-1].item()
    ('i will never purchase anything from this company ever again and have logged my complaint with the bbb.', -3.7, 309)
    """
    sentences, ratings, reviews = _table()
    return ProductReviews(
        sentences,
        torch.tensor(ratings, dtype=torch.float32, device=device),
        torch.tensor(reviews, dtype=torch.int64, device=device),
    )


@cache
def _table() -> tuple[tuple[str, ...], list[float], list[int]]:
    """Parse the file: after a note, a paragraph for each review, with its number and then a rating and a sentence in each line."""
    sentences, ratings, reviews = [], [], []
    paragraphs = Path(__file__).with_name("product_reviews.txt").read_text(encoding="utf-8").strip().split("\n\n")
    for paragraph in paragraphs[1:]:
        number, *lines = paragraph.split("\n")
        for line in lines:
            rating, _, sentence = line.partition(" ")
            sentences.append(sentence)
            ratings.append(float(rating))
            reviews.append(int(number))
    return tuple(sentences), ratings, reviews
