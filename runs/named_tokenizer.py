"""The tokenizer that a run names: one learned from its texts, GPT-2's, bytes, or a folder's."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import click

from grader.trees import Tree
from runs import corpus
from runs.busy import busy
from runs.choice import chosen, tokenizer_of
from runs.train_tokenizer import END_OF_TEXT
from runs.vocabulary import Vocabulary

ENOUGH = 10_000_000  # characters to learn a vocabulary from
LEAST = 257  # bytes, and the end of text


def named(katas: Tree, name: str, files: Sequence[Path]):
    """Return a vocabulary and the tokenizer made of it. Raises click.ClickException.

    name  how many tokens to learn, "gpt2", "bytes", or a folder
    """
    if name.isdecimal():
        vocabulary = learned(katas, int(name), files)
    elif name == "bytes":
        vocabulary = Vocabulary(byte_by_byte(), [], [END_OF_TEXT])
    elif name == "gpt2" or Path(name).is_dir():
        return chosen(katas, None if name == "gpt2" else Path(name))
    else:
        told = "--tokenizer is a number of tokens, gpt2, bytes or a folder"
        raise click.UsageError(f"{told}, got {name!r}.")
    return vocabulary, tokenizer_of(katas, vocabulary)


def learned(katas: Tree, size: int, files: Sequence[Path]) -> Vocabulary:
    """Learn a vocabulary from the beginning of the texts."""
    if size < LEAST:
        raise click.UsageError(f"--tokenizer must be at least {LEAST} tokens, got {size}.")
    read, parts = 0, []
    for part in chain.from_iterable(chunks for _, chunks in corpus.sources(files)):
        if read >= ENOUGH:
            break
        parts.append(part)
        read += len(part)
    with busy(f"learning {size:,} tokens"):
        vocab, merges = katas.load("text/train_bpe").train_bpe("".join(parts), size, [END_OF_TEXT])
    return Vocabulary(vocab, merges, [END_OF_TEXT])


def byte_by_byte() -> dict[int, bytes]:
    return {byte: bytes([byte]) for byte in range(256)} | {256: END_OF_TEXT.encode()}
