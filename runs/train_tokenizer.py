"""The verb `tokenizer train`."""

import re
from pathlib import Path

import click

from runs import texts
from runs.busy import busy
from runs.choice import KATAS, tokenizer_of
from runs.files import try_to_write_in, write_together
from runs.vocabulary import Vocabulary, spelled

END_OF_TEXT = "<|endoftext|>"
OUT = click.Path(file_okay=False, path_type=Path)


@click.command(short_help="Learn a vocabulary from texts.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=texts.FILE)
@click.option("--vocab-size", required=True, type=int, help="256 bytes, merges, special tokens.")
@click.option("--out", required=True, metavar="DIR", type=OUT, help="Where the two files go.")
@click.option(
    "--special",
    metavar="TEXT",
    multiple=True,
    type=texts.Argument(),
    default=[END_OF_TEXT],
    show_default=True,
    help='A special token; repeat it for more, "" for none.',
)
@click.pass_obj
def train(tree: str, files: tuple[Path, ...], vocab_size: int, out: Path, special) -> None:
    """Learn a vocabulary from FILEs, and write DIR/vocab.json and DIR/merges.txt.

    Each FILE is a document: they are joined by the first special token.
    """
    from runs.katas import prepare

    special_tokens = usable(special, vocab_size)
    text = (special_tokens or ["\n"])[0].join(map(texts.whole, files))
    try_to_write_in(out)
    katas = prepare(tree, "text/train_bpe", *KATAS)
    with busy(f"learning up to {vocab_size:,} tokens from {len(text):,} characters"):
        vocab, merges = katas.load("text/train_bpe").train_bpe(text, vocab_size, special_tokens)
    printable = katas.load("text/utf8_bytes").bytes_to_unicode()
    write_together(out, spelled(vocab, merges, printable))
    vocabulary = Vocabulary(vocab, merges, special_tokens)
    with busy("encoding the text, to measure"):
        count = len(tokenizer_of(katas, vocabulary).encode(text))
    summarise(text, vocabulary, count, out)
    if len(vocab) < vocab_size:
        told = f"The text has no more pairs to merge: fewer tokens than {vocab_size:,}."
        click.echo(told, err=True)


def usable(special: tuple[str, ...], vocab_size: int) -> list[str]:
    """Return the special tokens, each once. Raises click.UsageError if they do not fit in."""
    special_tokens = list(dict.fromkeys(filter(None, special)))
    if byte := next((token for token in special_tokens if len(token.encode()) == 1), ""):
        raise click.UsageError(f"--special {byte!r} is one byte, which is a token already.")
    if parted := next((token for token in special_tokens if re.search(r"\s", token)), ""):
        raise click.UsageError(f"--special must hold no white space, got {parted!r}.")
    least = 256 + len(special_tokens)
    if vocab_size < least:
        made_of = f"256 bytes and {counted(len(special_tokens), 'special token')}"
        told = f"--vocab-size must be at least {least} ({made_of}), got {vocab_size}."
        raise click.UsageError(told)
    return special_tokens


def counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def summarise(text: str, vocabulary: Vocabulary, count: int, out: Path) -> None:
    """Print what was learned, and how well it packs the text that it was learned from."""
    vocab, merges, special_tokens = vocabulary
    special = counted(len(special_tokens), "special token")
    click.echo(f"characters       {len(text):,}")
    click.echo(f"vocabulary       {len(vocab):,}: 256 bytes, {len(merges):,} merges, {special}")
    click.echo(f"bytes per token  {len(text.encode()) / count:.2f} in this text ({count:,} tokens)")
    click.echo(f"written to       {click.format_filename(out)}")
