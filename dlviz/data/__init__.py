"""Data for the lessons, as tensors; each set has a datasheet in the folder ``datasets``."""

from dlviz.data.digits import Digits, digits
from dlviz.data.mnist import FashionMnist, Mnist, fashion_mnist, mnist
from dlviz.data.photos import photo, picture

__all__ = ["Digits", "FashionMnist", "Mnist", "digits", "fashion_mnist", "mnist", "photo", "picture"]
