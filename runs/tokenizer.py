"""The verbs `tokenizer train`, `tokenizer encode` and `tokenizer decode`."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from runs import ids as numbers
from runs import pieces, texts
from runs.busy import with_bar
from runs.choice import KATAS, chosen, require_one, tokenizer_options
from runs.train_tokenizer import train


@click.group(short_help="Learn a vocabulary; turn text into ids and back.")
def tokenizer() -> None:
    """Learn a byte-pair vocabulary, and turn text into ids and back."""


tokenizer.add_command(train)


@tokenizer.command(short_help="Turn text into ids.")
@click.argument("text", required=False, type=texts.Argument())
@click.option("--file", type=texts.FILE, help="A text to encode, of any size.")
@tokenizer_options
@click.pass_obj
def encode(tree: str, text: str | None, file: Path | None, gpt2: bool, folder: Path | None) -> None:
    """Turn TEXT, a file or standard input into ids.

    A terminal shows the pieces with their ids. A pipe gets the ids alone; a line ends after a
    token that holds a line end.
    """
    from runs.katas import prepare

    if text is not None and file:
        raise click.UsageError("Give TEXT or --file, not both.")
    require_one(gpt2, folder)
    katas = prepare(tree, *KATAS, "text/encode_stream")
    vocabulary, tokenizer = chosen(katas, folder)
    if text is not None:
        ids = tokenizer.encode(text)
    else:
        encode_stream = katas.load("text/encode_stream").encode_stream
        ids = encode_stream(tokenizer.encode, stream_of(file))
    if sys.stdout.isatty():
        return pieces.show(ids, vocabulary.vocab)
    sys.stdout.writelines(numbers.written(ids, vocabulary.vocab))


def stream_of(file: Path | None) -> Iterable[str]:
    """Return the chunks of a file, under a bar, or of standard input."""
    if file is None:
        return texts.from_stdin()
    parts = file.stat().st_size // texts.CHUNK + 1
    return with_bar(texts.from_file(file), "encoding", parts)


@tokenizer.command(short_help="Turn ids into text.")
@click.argument("ids", metavar="[IDS]...", nargs=-1, type=texts.Argument())
@tokenizer_options
@click.pass_obj
def decode(tree: str, ids: tuple[str, ...], gpt2: bool, folder: Path | None) -> None:
    """Turn IDS, or those on standard input, into text.

    Bytes that are no UTF-8 become the replacement character, so that what is written always is.
    """
    from runs.katas import prepare

    require_one(gpt2, folder)
    vocabulary, tokenizer = chosen(prepare(tree, *KATAS), folder)
    source = numbers.read([" ".join(ids)] if ids else texts.from_stdin(), vocabulary.vocab)
    out, part = click.get_binary_stream("stdout"), ""
    for part in numbers.decoded(source, vocabulary.vocab, tokenizer):
        out.write(part.encode())
    if out.isatty() and not part.endswith("\n"):
        out.write(b"\n")
