"""Vocabulary: every distinct token gets a number."""

from collections.abc import Iterable, Sequence


def build_vocab(tokens: Iterable[str], specials: Sequence[str] = ()) -> dict[str, int]:
    """Give each distinct token an id, in sorted order, and then each special.

    tokens    iterable of str     the tokens of a text
    specials  sequence of str     tokens that are no part of the text
    ->        dict of str to int  each entry and its id, from 0
    """
    raise NotImplementedError
