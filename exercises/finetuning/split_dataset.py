"""Split: what a row says decides to which part it belongs, now and later."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any


def split_dataset(
    rows: Iterable,
    fractions: Mapping[str, float],
    seed: int,
    key: Callable[[Any], str] = str,
) -> dict[str, list]:
    """Part rows by a hash of their keys.

    fractions  the name of each part and its share; together 1
    seed       int  another seed, another split
    key        takes a row and gives a string; rows with the same one stay together
    ->         for each name its rows, in the order in which they came

    Raises ValueError if a fraction is below 0, or they do not add up to 1.
    """
    raise NotImplementedError
