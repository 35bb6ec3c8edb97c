"""A vocabulary in the two files in which GPT-2's was published: vocab.json and merges.txt.

vocab.json  an object {token: id}
merges.txt  a first line that begins with #version, then a line `left right` for each merge

Bytes are spelled in printable characters, as the kata utf8_bytes has them. A token that is neither
a byte nor made by a merge is a special token, which holds no white space.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

import click

FILES = ("vocab.json", "merges.txt")
REMEDY = "copy both files again, or train anew"
Merge = tuple[bytes, bytes]


class Vocabulary(NamedTuple):
    """What a byte-pair tokenizer is made of."""

    vocab: dict[int, bytes]
    merges: list[Merge]
    special_tokens: list[str]


def end_of_text(vocabulary: Vocabulary) -> int | None:
    """Return the id of the first special token, if there is one."""
    ids = {token: id for id, token in vocabulary.vocab.items()}
    return next((ids[token.encode()] for token in vocabulary.special_tokens), None)


def spelled(vocab: dict[int, bytes], merges: list[Merge], printable: dict[int, str]) -> dict:
    """Return the contents of the two files. The first line of the merges says how many follow."""

    def spell(token: bytes) -> str:
        return "".join(printable[byte] for byte in token)

    ids = {spell(token): id for id, token in sorted(vocab.items())}
    first = f"#version: 0.2 - {len(merges)} merges\n"
    lines = (f"{spell(left)} {spell(right)}\n" for left, right in merges)
    return dict(zip(FILES, (json.dumps(ids), first + "".join(lines)), strict=True))


def load(vocab_file: Path, merges_file: Path, printable: dict[int, str]) -> Vocabulary:
    """Read a vocabulary. Raises click.ClickException if it is not whole."""
    byte = {character: byte for byte, character in printable.items()}
    vocab = read_vocab(vocab_file, byte)
    promised, merges = read_merges(merges_file, byte)
    ordinary = {bytes([b]) for b in range(256)}
    for left, right in merges:
        if not {left, right} <= ordinary or left + right in ordinary:
            raise unfit(merges_file, f"has the merge of {left!r} and {right!r} out of its place")
        ordinary.add(left + right)
    if lacking := ordinary - {*vocab.values()}:
        told = f"has no token {sorted(lacking)[0]!r}, which {merges_file.name} needs"
        raise unfit(vocab_file, told)
    others = [token for _, token in sorted(vocab.items()) if token not in ordinary]
    if promised is None:
        promised = len(merges) + sum(made(token, ordinary) for token in others)
    if promised != len(merges):
        told = f"has {len(merges):,} merges, which do not make up {vocab_file.name}"
        raise unfit(merges_file, told)
    special_tokens = [token.decode(errors="replace") for token in others]
    if strange := next((t for t in special_tokens if re.search(r"\s|\ufffd", t)), ""):
        raise unfit(merges_file, f"has no merge that makes {strange!r}")
    return Vocabulary(vocab, merges, special_tokens)


def read_vocab(path: Path, byte: dict[str, int]) -> dict[int, bytes]:
    """Read the tokens by their ids, which must count from 0."""
    try:
        ids = json.loads(readable(path))
    except (ValueError, RecursionError):
        raise unfit(path, "is not whole JSON") from None
    if not isinstance(ids, dict) or {*map(repr, ids.values())} != {*map(repr, range(len(ids)))}:
        raise unfit(path, "does not give every token a number, from 0 on")
    return {id: spelled_out(token, byte, path) for token, id in ids.items()}


def read_merges(path: Path, byte: dict[str, int]) -> tuple[int | None, list[Merge]]:
    """Read how many merges the first line promises, if it does, and the merges."""
    first, *lines = readable(path).removesuffix("\n").split("\n")
    if not first.startswith("#version"):
        raise unfit(path, "does not begin with a #version line")
    promised = re.search(r" - (\d+) merges$", first)
    pairs = [line.split(" ") for line in lines]
    if odd := next((line for line, pair in zip(lines, pairs, strict=True) if len(pair) != 2), None):
        raise unfit(path, f"has a line that is not two tokens: {odd!r}")
    merges = [(spelled_out(a, byte, path), spelled_out(b, byte, path)) for a, b in pairs]
    return int(promised[1]) if promised else None, merges


def readable(path: Path) -> str:
    """Read a file as UTF-8."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        told = f"{click.format_filename(path.parent)} holds no {path.name}: {REMEDY}."
        raise click.ClickException(told) from None
    except UnicodeDecodeError as error:
        raise unfit(path, f"is not UTF-8 at byte {error.start}") from None


def spelled_out(token: str, byte: dict[str, int], path: Path) -> bytes:
    """Turn printable characters back into the bytes that they stand for."""
    if not token:
        raise unfit(path, "has an empty token")
    if strange := next((character for character in token if character not in byte), ""):
        raise unfit(path, f"has the token {token!r}, in which {strange!r} stands for no byte")
    return bytes(byte[character] for character in token)


def made(token: bytes, ordinary: set[bytes]) -> bool:
    """Say whether one merge could make a token."""
    return any(token[:i] in ordinary and token[i:] in ordinary for i in range(1, len(token)))


def unfit(path: Path, told: str) -> click.ClickException:
    return click.ClickException(f"{click.format_filename(path)} {told}: {REMEDY}.")
