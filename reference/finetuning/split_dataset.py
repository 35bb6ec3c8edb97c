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
    shares = fractions.values()
    if not abs(sum(shares) - 1) <= 1e-9 or min(shares) < 0:
        raise ValueError(f"fractions must be shares that add up to 1, got {dict(fractions)}")
    parts: dict[str, list] = {name: [] for name in fractions}
    for row in rows:
        parts[_part(_place(f"{seed}:{key(row)}"), fractions)].append(row)
    return parts


def _place(text: str) -> float:
    """Give a text a place from 0 to 1, the same one on every machine."""
    return int.from_bytes(sha256(text.encode()).digest()[:6], "big") / 2**48


def _part(place: float, fractions: Mapping[str, float]) -> str:
    reached = 0.0
    for name, fraction in fractions.items():
        reached += fraction
        if place < reached:
            return name
    # the shares added up to a little less than 1
    return [name for name, fraction in fractions.items() if fraction > 0][-1]
