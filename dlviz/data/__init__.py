"""Data for the lessons, as tensors; each set has a datasheet in the folder ``datasets``."""

from dlviz.data.diabetes_table import Table, diabetes
from dlviz.data.digit_anomalies import DigitAnomalies, digit_anomalies
from dlviz.data.digit_words import DigitWords, digit_words
from dlviz.data.digits import Digits, digits
from dlviz.data.gaussians import GaussianMixture, gaussian_grid, gaussian_ring
from dlviz.data.leaky_table import leaky_table
from dlviz.data.linear import Regression, linear
from dlviz.data.loans import Loans, loans
from dlviz.data.mnist import FashionMnist, Mnist, fashion_mnist, mnist
from dlviz.data.named_entities import NamedEntities, named_entities
from dlviz.data.names import Names, names
from dlviz.data.photos import photo, picture
from dlviz.data.product_reviews import ProductReviews, product_reviews
from dlviz.data.recall import Recall, recall
from dlviz.data.reversal import Reversal, reversal
from dlviz.data.sentiment import Sentiment, sentiment
from dlviz.data.shapes import shapes
from dlviz.data.shortcut_digits import ShortcutDigits, shortcut_digits
from dlviz.data.sunspots import Sunspots, sunspots
from dlviz.data.synthetic_sentences import Sentences, sentences
from dlviz.data.texts import text8, tinyshakespeare
from dlviz.data.tokenizer import CharTokenizer
from dlviz.data.toy2d import Points, moons, rings, spirals
from dlviz.data.waves import Waves, waves

__all__ = [
    "CharTokenizer",
    "DigitAnomalies",
    "DigitWords",
    "Digits",
    "FashionMnist",
    "GaussianMixture",
    "Loans",
    "Mnist",
    "NamedEntities",
    "Names",
    "Points",
    "ProductReviews",
    "Recall",
    "Regression",
    "Reversal",
    "Sentences",
    "Sentiment",
    "ShortcutDigits",
    "Sunspots",
    "Table",
    "Waves",
    "diabetes",
    "digit_anomalies",
    "digit_words",
    "digits",
    "fashion_mnist",
    "gaussian_grid",
    "gaussian_ring",
    "leaky_table",
    "linear",
    "loans",
    "mnist",
    "moons",
    "named_entities",
    "names",
    "photo",
    "picture",
    "product_reviews",
    "recall",
    "reversal",
    "rings",
    "sentences",
    "sentiment",
    "shapes",
    "shortcut_digits",
    "spirals",
    "sunspots",
    "text8",
    "tinyshakespeare",
    "waves",
]
