"""Vectors of words: learned with word2vec, looked into, and laid out on a map."""

from dlviz.vectors.corpus import Examples, Vocabulary, cbow, skip_gram, tokenize, vocabulary
from dlviz.vectors.labeled import Vectors, labeled
from dlviz.vectors.near import Analogy, Near, Product, analogy, axis, nearest, neighbors, product, rank, recovered
from dlviz.vectors.objective import Update, negative_sampling, softmax
from dlviz.vectors.project import Pca, Turn, align, pca, tsne
from dlviz.vectors.train import Training

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
