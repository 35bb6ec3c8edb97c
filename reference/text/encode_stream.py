"""Encoding a stream: a text larger than memory."""

from collections.abc import Callable, Iterable, Iterator

import regex

_UP_TO_THE_LAST_SAFE_CUT = regex.compile(r".*\S(?=\s)", regex.DOTALL)


def encode_stream(encode: Callable[[str], list[int]], chunks: Iterable[str]) -> Iterator[int]:
    """Encode a text that comes in chunks, and keep no more of it than cannot be encoded yet.

    encode  str -> list of int  encodes a whole text, cut into pieces as GPT-2 does
    chunks  iterable of str     the text, cut anywhere
    ->      iterator of int     the ids of the whole text, one at a time
    """
    waiting, last = [], ""  # what follows the latest safe cut, and its last character
    for chunk in filter(None, chunks):
        if safe := _UP_TO_THE_LAST_SAFE_CUT.match(last + chunk):
            cut = safe.end() - len(last)
            yield from encode("".join([*waiting, chunk[:cut]]))
            waiting, chunk = [], chunk[cut:]
        waiting.append(chunk)
        last = chunk[-1]
    yield from encode("".join(waiting))
