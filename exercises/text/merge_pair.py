"""Counting and merging pairs: the two moves of byte-pair encoding."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

Word = tuple[bytes, ...]


def count_pairs(words: Mapping[Word, int]) -> Counter[tuple[bytes, bytes]]:
    """Count how often two symbols are neighbours in a text.

    words  mapping of word to int  how often each word occurs in the text
    ->     Counter of pairs        without zeros

    Source: Sennrich et al. 2016, section 3.2.
    """
    raise NotImplementedError


def merge_pair(word: Word, pair: tuple[bytes, bytes]) -> Word:
    """Join a pair into one symbol wherever it stands in a word, from left to right.

    word  tuple of bytes      the symbols, none of them empty
    pair  tuple of two bytes  the symbols to be joined
    ->    tuple of bytes      the word in its new symbols

    Source: Sennrich et al. 2016, section 3.2.
    """
    raise NotImplementedError
