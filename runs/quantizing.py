"""Rounds the weights of a model to a byte each, writes them, and tells what that cost."""

from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from grader.trees import Tree
from runs import corpus, eight_bits
from runs.busy import busy
from runs.files import write_together
from runs.measuring import mean_loss
from runs.model_files import Loaded, beside_weights, read_model, write_tensors
from runs.settings import FILE, kept

WINDOWS = 64  # of the text, from all parts of it


class Seen(NamedTuple):
    """How much memory the weights take, and how well they foresee a text."""

    size: int
    perplexity: float


def quantizing(katas: Tree, weights: Path, out: Path, file: Path | None) -> None:
    """Read a model, write it with weights of a byte each, and print a table.

    Raises click.ClickException if the model or the text cannot be used.
    """
    with busy("loading"):
        loaded = read_model(katas, weights)
    if loaded.int8:
        told = f"{click.format_filename(weights)} holds weights of a byte each already"
        raise click.ClickException(f"{told}: name the model that they were made of.")
    name, ids = sample(katas, loaded, weights, file)
    with busy("measuring the weights as they are"):
        before = seen(katas, loaded, ids)
    eight_bits.to_int8(katas, loaded.model)
    with busy("measuring them in a byte each"):
        after = seen(katas, loaded, ids)
    files = beside_weights(katas, loaded.config, loaded.vocabulary, eight_bits.TOLD)
    write_together(out, files)
    write_tensors(eight_bits.saved(loaded.model), out / eight_bits.FILE)
    click.echo(f"weights          {megabytes(before)} before, {megabytes(after)} after")
    both = f"{before.perplexity:,.3f} before, {after.perplexity:,.3f} after"
    click.echo(f"perplexity       {both}, on {name}")
    click.echo(f"written to       {click.format_filename(out)}")


def seen(katas: Tree, loaded: Loaded, ids: np.ndarray) -> Seen:
    """Measure a model."""
    size = katas.load(eight_bits.INT8).weight_bytes(loaded.model)
    loss = mean_loss(katas, loaded.model, ids, loaded.config.context, WINDOWS)
    return Seen(size, katas.load("pretraining/perplexity").perplexity(loss))


def megabytes(seen: Seen) -> str:
    return f"{seen.size / 1e6:,.2f} MB"


def sample(katas: Tree, loaded: Loaded, weights: Path, file: Path | None):
    """Choose a text, and return its name and its ids. Raises click.ClickException."""
    if file is None and (weights / FILE).exists() and (weights / corpus.FILE).exists():
        size, context = kept(weights).tokens, loaded.config.context
        return "what was held out", corpus.read(weights, size, loaded.vocabulary, context).held_out
    [(name, chunks)] = corpus.sources([file] if file else [])
    encode_stream = katas.load("text/encode_stream").encode_stream
    ids = np.fromiter(encode_stream(loaded.tokenizer.encode, chunks), np.int64)
    if len(ids) < 2:
        raise click.ClickException(f"{name} has {len(ids)} tokens: a loss needs two or more.")
    return name, ids
