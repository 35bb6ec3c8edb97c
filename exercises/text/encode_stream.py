"""Encoding a stream: a text larger than memory."""

from collections.abc import Callable, Iterable, Iterator

import regex


def encode_stream(encode: Callable[[str], list[int]], chunks: Iterable[str]) -> Iterator[int]:
    """Encode a text that comes in chunks, and keep no more of it than cannot be encoded yet.

    encode  str -> list of int  encodes a whole text, cut into pieces as GPT-2 does
    chunks  iterable of str     the text, cut anywhere
    ->      iterator of int     the ids of the whole text, one at a time
    """
    raise NotImplementedError
