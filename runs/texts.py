"""Reads text that a user named: as a stream, as a whole, or from the command line."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

CHUNK = 1 << 16  # bytes
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Argument(click.ParamType):
    """A text given on the command line, where bytes that are not UTF-8 arrive as surrogates."""

    name = "text"

    def convert(self, value, param, ctx) -> str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            told = "is not UTF-8. Write it to a UTF-8 file, and name that."
            self.fail(f"the character at {error.start} (counted from 0) {told}", param, ctx)
        return value


def chunks(file: BinaryIO, name: str) -> Iterator[str]:
    """Read a file piece by piece, line ends as they are.

    Raises click.ClickException at a byte that is not UTF-8.
    """
    decoder, read = codecs.getincrementaldecoder("utf-8")(), 0
    for block in iter(lambda: file.read1(CHUNK), b""):
        yield decoded(decoder, block, read, name)
        read += len(block)
    decoded(decoder, b"", read, name)


def decoded(decoder: codecs.IncrementalDecoder, block: bytes, read: int, name: str) -> str:
    """Decode one block, of which `read` bytes came before; an empty one is the end."""
    kept = len(decoder.getstate()[0])
    try:
        return decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        at = f"at byte {read - kept + error.start} (counted from 0)"
        told = f"{name} is not UTF-8 {at}: save it as UTF-8, or name another file."
        raise click.ClickException(told) from None


def from_file(path: Path) -> Iterator[str]:
    """Read a named file piece by piece."""
    with path.open("rb") as file:
        yield from chunks(file, click.format_filename(path))


def whole(path: Path) -> str:
    """Read a text that must not be empty. Raises click.ClickException."""
    if text := "".join(from_file(path)):
        return text
    raise click.ClickException(f"{click.format_filename(path)} is empty: name a file with text.")


def from_stdin() -> Iterator[str]:
    """Read standard input piece by piece; whoever sits before a terminal is told how to end."""
    file = click.get_binary_stream("stdin")
    if file.isatty():
        click.echo("Reading what you type; Ctrl-D on a line of its own ends it.", err=True)
    return chunks(file, "Standard input")
