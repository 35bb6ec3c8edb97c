"""Cutting at special tokens: markers that are never spelled."""

import re
from collections.abc import Collection


def split_special(text: str, specials: Collection[str]) -> list[str]:
    """Cut a text so that every special token in it is a piece of its own.

    text      str                what is to be cut
    specials  collection of str  what to look for, none of them empty
    ->        list of str        the pieces, which joined are the text

    Raises ValueError if a special is empty.
    """
    if "" in specials:
        raise ValueError(f"specials must not be empty, got {specials!r}")
    longest_first = sorted(specials, key=len, reverse=True)
    alternatives = "|".join(map(re.escape, longest_first))
    pieces = re.split(f"({alternatives})", text) if specials else [text]
    return [piece for piece in pieces if piece]
