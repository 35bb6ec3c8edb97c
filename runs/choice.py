"""Which tokenizer a verb is to use: GPT-2's, or one that `tokenizer train` wrote."""

from pathlib import Path

import click

from grader.data import gpt2_files
from runs.vocabulary import FILES, Vocabulary, load

KATAS = ("text/utf8_bytes", "text/bpe_tokenizer")


def tokenizer_options(verb):
    """Give a verb the two options between which the user chooses."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    told = "A folder that `tokenizer train` wrote."
    verb = click.option("--dir", "folder", type=folder, metavar="DIR", help=told)(verb)
    return click.option("--gpt2", is_flag=True, help="GPT-2's published vocabulary.")(verb)


def require_one(gpt2: bool, folder: Path | None) -> None:
    """Raise click.UsageError unless exactly one of the two was chosen."""
    if gpt2 == bool(folder):
        raise click.UsageError("Name one vocabulary: --gpt2, or --dir DIR.")


def chosen(katas, folder: Path | None):
    """Read a vocabulary, GPT-2's if no folder is given, and return it with a tokenizer made of it.

    katas  a tree from which KATAS can be loaded
    """
    try:
        files = tuple(folder / name for name in FILES) if folder else gpt2_files()
    except ValueError as error:
        raise click.ClickException(f"{error}.") from None
    vocabulary = load(*files, katas.load("text/utf8_bytes").bytes_to_unicode())
    return vocabulary, tokenizer_of(katas, vocabulary)


def tokenizer_of(katas, vocabulary: Vocabulary):
    return katas.load("text/bpe_tokenizer").BPETokenizer(*vocabulary)
