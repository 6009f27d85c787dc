"""Word vectors: trained with word2vec, shown as a map, compared by cosine."""

from dlviz.embeddings.explorer.labeled_vectors import Vectors, labeled
from dlviz.embeddings.explorer.projection import Alignment, align, pca, tsne
from dlviz.embeddings.explorer.record import (
    Analogy,
    Neighbors,
    Similarity,
    analogy,
    analogy_accuracy,
    axis,
    nearest,
    neighbors,
    rank,
    similarity,
)
from dlviz.embeddings.word2vec.corpus import TrainingExamples, Vocabulary, cbow, skip_gram, tokenize, vocabulary
from dlviz.embeddings.word2vec.objective import ForwardBackward, negative_sampling, softmax
from dlviz.embeddings.word2vec.record import Training
from dlviz.torchkit.pca import PCA

__all__ = [
    "PCA",
    "Alignment",
    "Analogy",
    "ForwardBackward",
    "Neighbors",
    "Similarity",
    "Training",
    "TrainingExamples",
    "Vectors",
    "Vocabulary",
    "align",
    "analogy",
    "analogy_accuracy",
    "axis",
    "cbow",
    "labeled",
    "nearest",
    "negative_sampling",
    "neighbors",
    "pca",
    "rank",
    "similarity",
    "skip_gram",
    "softmax",
    "tokenize",
    "tsne",
    "vocabulary",
]
