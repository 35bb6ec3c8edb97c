"""A text as ids in a file, written once and mapped into memory, however large it is."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from runs import texts
from runs.busy import with_bar
from runs.vocabulary import Vocabulary

FILE = "corpus.bin"
PART = 1 << 16  # ids that are written at a time
HELD_OUT = 10  # the last tenth is not learned from


class Corpus(NamedTuple):
    """What is learned from, and what is held out."""

    train: np.ndarray
    held_out: np.ndarray


def write(folder: Path, files: Sequence[Path], encode_stream, tokenizer, vocabulary) -> int:
    """Write the ids of texts, and return how many; after each comes the end of text.

    What is not whole is not kept. Raises click.ClickException if a text is empty.
    """
    beside = folder / f".{FILE}.{os.getpid()}"
    end = tokenizer.encode(vocabulary.special_tokens[0]) if vocabulary.special_tokens else []
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with beside.open("wb") as out:
            for name, chunks in sources(files):
                before, ids = out.tell(), encode_stream(tokenizer.encode, chunks)
                while part := list(islice(ids, PART)):
                    np.array(part, dtype=kind(vocabulary)).tofile(out)
                if out.tell() == before:
                    raise click.ClickException(f"{name} is empty: name a file with text.")
                np.array(end, dtype=kind(vocabulary)).tofile(out)
            size = out.tell()
        beside.replace(folder / FILE)
        return size // kind(vocabulary)().itemsize
    finally:
        beside.unlink(missing_ok=True)


def sources(files: Sequence[Path]) -> Iterator[tuple[str, Iterable[str]]]:
    """List texts, by name and as chunks: those in files, or the one that comes with Python."""
    for file in files:
        parts = file.stat().st_size // texts.CHUNK + 1
        name = click.format_filename(file)
        yield name, with_bar(texts.from_file(file), f"encoding {name}", parts)
    if not files:
        import pydoc_data.topics

        yield "pydoc_data.topics", ["\n\n".join(pydoc_data.topics.topics.values())]


def kind(vocabulary: Vocabulary) -> type:
    """Choose the smallest type that holds every id."""
    return np.uint16 if len(vocabulary.vocab) <= 1 << 16 else np.uint32


def read(folder: Path, size: int, vocabulary: Vocabulary, context: int) -> Corpus:
    """Map `size` ids into memory, and hold some of them out. Raises click.ClickException."""
    path = folder / FILE
    if not path.exists() or path.stat().st_size != size * kind(vocabulary)().itemsize:
        told = f"{click.format_filename(path)} does not hold the {size:,} ids of this run"
        raise click.ClickException(f"{told}: name another --out, and train anew.")
    held_out = max(size // HELD_OUT, context + 1)
    if size - held_out <= context:
        told = f"The text has {size:,} tokens, and a context of {context} needs {2 * context + 2:,}"
        raise click.ClickException(f"{told}: name a longer --text, or a smaller --size.")
    ids = np.memmap(path, dtype=kind(vocabulary), mode="r", shape=(size,))
    return Corpus(ids[:-held_out], ids[-held_out:])
