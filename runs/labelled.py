"""Texts with labels, as a classifier learns from them."""

from collections.abc import Sequence
from typing import NamedTuple

import click
import torch

from grader.trees import Tree
from runs.classifier import DATA
from runs.examples import parted
from runs.model_files import Loaded
from runs.rows import Form, Row, only_first

FORM = Form(("text", "label"))

Text = tuple[str, int]  # with the number of its label


class Labelled(NamedTuple):
    """What is learned from, and what is held out."""

    labels: list[str]
    train: list[Text]
    held_out: list[Text]


def labelled(katas: Tree, name: str, rows: Sequence[Row], loaded: Loaded, seed: int) -> Labelled:
    """Part rows, and balance those to learn from. Raises click.ClickException."""
    labels = labels_of(name, rows)
    kept = only_first(name, rows, "text", text_of)
    require_short(name, kept, loaded)
    train, held_out = (
        [(text_of(row), labels.index(row.fields["label"])) for row in part]
        for part in parted(katas, name, kept, text_of)
    )
    if lacking := [label for i, label in enumerate(labels) if i not in dict(train).values()]:
        told = f"{name} has too few rows with the label {lacking[0]!r}: none is left to learn from"
        raise click.ClickException(f"{told}. Add some.")
    balance = katas.load(DATA).balance
    return Labelled(labels, balance(train, torch.Generator().manual_seed(seed)), held_out)


def text_of(row: Row) -> str:
    return row.fields["text"]


def labels_of(name: str, rows: Sequence[Row]) -> list[str]:
    """List the labels. Raises click.ClickException if there is one, or if a text has two."""
    labels = sorted({row.fields["label"] for row in rows})
    if len(labels) < 2:
        told = f"{name} has only the label {labels[0]!r}: two or more are to be told apart."
        raise click.ClickException(told)
    first: dict[str, Row] = {}
    for row in rows:
        same = first.setdefault(text_of(row), row)
        if same.fields["label"] != row.fields["label"]:
            told = f"{name}, {row.place}: the same text as in {same.place}, with another label"
            raise click.ClickException(f"{told}. Leave one of them out.")
    return labels


def require_short(name: str, rows: Sequence[Row], loaded: Loaded) -> None:
    """Raise click.ClickException, naming the row, if a text is longer than the context."""
    context = loaded.config.context
    for row in rows:
        length = len(loaded.tokenizer.encode(text_of(row)))
        if length > context:
            told = f"{name}, {row.place}: {length:,} tokens, and the model reads {context:,}"
            raise click.ClickException(f"{told}. Shorten it, or leave the row out.")
