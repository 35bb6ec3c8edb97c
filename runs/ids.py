"""Reads and writes ids as text, as a stream: numbers that white space separates."""

import re
from collections.abc import Iterable, Iterator

import click

PART = 1000  # ids that are decoded together


def written(ids: Iterable[int], vocab: dict[int, bytes]) -> Iterator[str]:
    """Write ids, bit by bit. A line ends where one of the text does: after a token that ends it."""
    separator = ""
    for id in ids:
        yield f"{separator}{id}"
        separator = "\n" if b"\n" in vocab[id] else " "
    if separator:
        yield "\n"


def read(chunks: Iterable[str], vocab: dict[int, bytes]) -> Iterator[int]:
    """Read ids. Raises click.ClickException at what is not an id of the vocabulary."""
    rest = ""
    for chunk in chunks:
        *words, rest = re.split(r"\s+", rest + chunk)
        yield from (id_of(word, vocab) for word in words if word)
    if rest:
        yield id_of(rest, vocab)


def id_of(word: str, vocab: dict[int, bytes]) -> int:
    """Read one id."""
    if not re.fullmatch("[0-9]{1,20}", word):
        told = f"{word[:40]!r} is not an id: an id is a whole number, such as 262."
        raise click.ClickException(told)
    if int(word) not in vocab:
        told = f"{word} is outside the vocabulary, whose ids go from 0 to {max(vocab)}"
        raise click.ClickException(f"{told}: name the vocabulary that it was encoded with.")
    return int(word)


def decoded(ids: Iterable[int], vocab: dict[int, bytes], tokenizer) -> Iterator[str]:
    """Decode ids part by part, none of which begins in the middle of a character."""
    part: list[int] = []
    for id in ids:
        middle = vocab[id][0] & 0b1100_0000 == 0b1000_0000
        if len(part) >= PART and not middle:
            yield tokenizer.decode(part)
            part = []
        part.append(id)
    yield tokenizer.decode(part)
