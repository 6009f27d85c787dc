"""Tokenization: byte-pair encoding, trained merge by merge."""

from dlviz.tokenization.byte_pair import BytePairEncoder
from dlviz.tokenization.corpus import BYTE_ORDER, Corpus, Merge
from dlviz.tokenization.record import PairCount, Record, record
from dlviz.tokenization.token_names import token_name

__all__ = ["BYTE_ORDER", "BytePairEncoder", "Corpus", "Merge", "PairCount", "Record", "record", "token_name"]
