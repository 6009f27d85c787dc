"""Vectors of words: learned with word2vec, looked into, and laid out on a map."""

from dlviz.embeddings.explorer.labeled import Vectors, labeled
from dlviz.embeddings.explorer.projection import Pca, Turn, align, pca, tsne
from dlviz.embeddings.explorer.record import (
    Analogy,
    Near,
    Product,
    analogy,
    axis,
    nearest,
    neighbors,
    product,
    rank,
    recovered,
)
from dlviz.embeddings.word2vec.corpus import Examples, Vocabulary, cbow, skip_gram, tokenize, vocabulary
from dlviz.embeddings.word2vec.objective import Update, negative_sampling, softmax
from dlviz.embeddings.word2vec.record import Training

__all__ = [
    "Analogy",
    "Examples",
    "Near",
    "Pca",
    "Product",
    "Training",
    "Turn",
    "Update",
    "Vectors",
    "Vocabulary",
    "align",
    "analogy",
    "axis",
    "cbow",
    "labeled",
    "nearest",
    "negative_sampling",
    "neighbors",
    "pca",
    "product",
    "rank",
    "recovered",
    "skip_gram",
    "softmax",
    "tokenize",
    "tsne",
    "vocabulary",
]
