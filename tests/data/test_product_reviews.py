"""The sentences are clean, in order and rated, and the datasheet counts them correctly."""

import re
from pathlib import Path

import torch

from dlviz.data import product_reviews


def test_every_sentence_has_a_rating_and_a_review():
    sentences, ratings, reviews = product_reviews()
    assert (len(sentences), ratings.shape, reviews.shape) == (3695, (3695,), (3695,))
    assert (ratings.dtype, reviews.dtype) == (torch.float32, torch.int64)
    assert (round(ratings.min().item(), 2), round(ratings.max().item(), 2)) == (-3.7, 3.85)
    assert torch.allclose(ratings * 20, (ratings * 20).round(), atol=1e-4)  # the mean of twenty integers
    assert (reviews.diff() >= 0).all()  # a review's sentences stand together
    assert (reviews[0], reviews[-1], len(reviews.unique())) == (1, 309, 300)


def test_known_sentences_have_their_ratings():
    sentences, ratings, reviews = product_reviews()
    found = dict(zip(sentences, zip(ratings.tolist(), reviews.tolist(), strict=True), strict=True))
    known = {
        "troubleshooting ad-2500 and ad-2600 no picture scrolling b/w.": (-0.9, 1),
        "their customer service sucks.": (-2.6, 6),
        "it is an extremely cool gizmo.": (2.95, 263),
        "it worked good for a while.": (0.45, 309),
    }
    assert {text: (round(found[text][0], 2), found[text][1]) for text in known} == known
    order = [
        sentences.index(text) for text in sentences if text.startswith(("i purchased and returned", "it is an extr"))
    ]
    assert order[1] == order[0] + 1  # it stood at the end of its review in the source


def test_sentences_are_plain_text_without_private_data():
    for sentence in product_reviews().sentences:
        assert sentence == " ".join(sentence.split())
        assert sentence.isascii()
        assert sentence == sentence.lower()
        assert re.search("[a-z0-9]", sentence)
        assert not re.search(r"&(amp|#\d+);", sentence)
        assert not re.search(r"\w@\w+\.\w", sentence)
        assert not re.search(r"\d{3}[-. )]+\d{3}[-. ]+\d{4}", sentence)
        assert not re.search(r"fisher|sadoun|ricksters|\bdennis\b|donkey", sentence)


def test_the_datasheet_states_the_right_counts_and_the_licenses():
    sentences, ratings, _ = product_reviews()
    sheet = Path(__file__).parents[2].joinpath("datasets", "product-reviews.md").read_text(encoding="utf-8")
    positive, negative = (ratings >= 1).sum().item(), (ratings <= -1).sum().item()
    assert f"{positive:,} sentences have a rating of 1 or more, {negative} of −1 or less" in sheet
    assert f"{len(sentences) - positive - negative:,} lie between" in sheet
    assert f"{sum(len(sentence.split()) for sentence in sentences):,} words" in sheet
    assert f"{3708 - len(sentences)} were left out" in sheet
    for license in (
        "https://creativecommons.org/licenses/by/4.0/",
        "Copyright (c) 2014 cjhutto",
        "Permission is hereby",
    ):
        assert license in sheet


def test_the_file_itself_names_its_authors():
    file = Path(__file__).parents[2] / "dlviz" / "data" / "product_reviews.txt"
    note = file.read_text(encoding="utf-8").split("\n\n")[0]
    assert "2004 Bing Liu, CC BY 4.0" in note
    assert "2014 cjhutto, MIT" in note


def test_each_call_returns_new_tensors_on_the_requested_device():
    product_reviews().ratings.zero_()
    assert product_reviews().ratings.any()
    data = product_reviews(device="meta")
    assert data.ratings.device.type == data.reviews.device.type == "meta"
    assert repr(data) == "ProductReviews(3695 sentences, ratings (3695,) float32, reviews (3695,) int64)"
