"""Begins a run of pretraining in a folder, and finds one again."""

from pathlib import Path

import click
import torch

from grader.trees import Tree
from runs import corpus
from runs.choice import chosen, tokenizer_of
from runs.files import write_together
from runs.group import Group
from runs.pretraining import Training
from runs.settings import FILE, Settings, kept, written
from runs.sizes import SIZES
from runs.train_tokenizer import END_OF_TEXT
from runs.trainee import new_trainee
from runs.vocabulary import Vocabulary, spelled


def begin(katas: Tree, folder: Path, processes: int, told: dict) -> None:
    """Write the ids of the texts, the vocabulary, and last what the run was told."""
    size = SIZES[told.get("size", "tiny")]
    files = told.get("text", ())
    vocabulary, tokenizer = named(katas, told.get("tokenizer", "bytes"))
    encode_stream = katas.load("text/encode_stream").encode_stream
    tokens = corpus.write(folder, files, encode_stream, tokenizer, vocabulary)
    corpus.read(folder, tokens, vocabulary, size.context)
    defaults = {"size": "tiny", "steps": size.steps, "batch": size.batch, "lr": size.lr}
    others = {"accumulate": 1, "seed": 0, "fused": False, "compile": False}
    of_run = {"processes": processes, "tokens": tokens, "text": tuple(map(str, files))}
    settings = Settings(**{"tokenizer": "bytes", **defaults, **others, **told, **of_run})
    printable = katas.load("text/utf8_bytes").bytes_to_unicode()
    write_together(folder, spelled(*vocabulary[:2], printable) | {FILE: written(settings)})


def named(katas: Tree, tokenizer: str):
    """Return a vocabulary and the tokenizer made of it. Raises click.ClickException."""
    if tokenizer == "bytes":
        vocab = {byte: bytes([byte]) for byte in range(256)} | {256: END_OF_TEXT.encode()}
        vocabulary = Vocabulary(vocab, [], [END_OF_TEXT])
        return vocabulary, tokenizer_of(katas, vocabulary)
    if tokenizer != "gpt2" and not Path(tokenizer).is_dir():
        raise click.UsageError(f"--tokenizer is bytes, gpt2 or a folder, got {tokenizer!r}.")
    return chosen(katas, None if tokenizer == "gpt2" else Path(tokenizer))


def training_in(katas: Tree, folder: Path, group: Group) -> Training:
    """Make the training that a folder tells of, at its beginning."""
    settings = kept(folder)
    if settings.processes != group.size:
        told = f"this run is made by {settings.processes} processes, and here are {group.size}"
        command = f"torchrun --nproc-per-node {settings.processes}"
        raise click.ClickException(f"{folder}: {told}: start it with {command}, or on one machine.")
    vocabulary, _ = chosen(katas, folder)
    size = SIZES[settings.size]
    return Training(
        katas,
        settings,
        folder,
        group,
        vocabulary,
        corpus.read(folder, settings.tokens, vocabulary, size.context),
        new_trainee(katas, settings, len(vocabulary.vocab), group),
        torch.Generator().manual_seed(settings.seed),
    )
