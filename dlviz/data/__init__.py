"""Data for the lessons, as tensors; each set has a datasheet in the folder ``datasets``."""

from dlviz.data.digits import Digits, digits
from dlviz.data.linear import Regression, linear
from dlviz.data.mnist import FashionMnist, Mnist, fashion_mnist, mnist
from dlviz.data.photos import photo, picture
from dlviz.data.points import Points, moons, rings, spirals
from dlviz.data.table import Table, diabetes

__all__ = [
    "Digits",
    "FashionMnist",
    "Mnist",
    "Points",
    "Regression",
    "Table",
    "diabetes",
    "digits",
    "fashion_mnist",
    "linear",
    "mnist",
    "moons",
    "photo",
    "picture",
    "rings",
    "spirals",
]
