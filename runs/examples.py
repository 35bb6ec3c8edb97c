"""Pairs of an instruction and its response, as a model reads them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

from grader.trees import Tree
from runs.model_files import Loaded, reason
from runs.rows import Form, Row, only_first

FORM = Form(("instruction", "output"), ("input", "task", "rejected"))
KATAS = (
    "finetuning/collate",
    "finetuning/instruction_format",
    "finetuning/prompt_mask",
    "finetuning/split_dataset",
)
HELD_OUT = 0.15  # of all rows
SPLIT = 0  # the same in every run: what one has held out, another does not learn from


class Example(NamedTuple):
    """A pair as a model reads it.

    ids     prompt and response
    prompt  how many of them are the prompt
    place   where it was written
    fields  what was written there
    """

    ids: list[int]
    prompt: int
    place: str
    fields: dict[str, str]


def examples(katas: Tree, name: str, rows: Sequence[Row], loaded: Loaded) -> list[Example]:
    """Encode rows; of those with the same instruction and input only the first stays.

    Raises click.ClickException, naming the row, if one is longer than the context.
    """
    kept = only_first(name, rows, "instruction and input", asked)
    return [encoded(katas, name, row, loaded) for row in kept]


def asked(row: Row) -> tuple[str, str]:
    """Return what a row asks; a blank input is none."""
    further = row.fields.get("input", "")
    return row.fields["instruction"], further if further.strip() else ""


def encoded(katas: Tree, name: str, row: Row, loaded: Loaded) -> Example:
    """Encode a row. Raises click.ClickException, naming the row, if it is too long."""
    [pair] = katas.load("finetuning/instruction_format").combine([row.fields])
    build_example = katas.load("finetuning/prompt_mask").build_example
    context = loaded.config.context
    try:
        ids, prompt = build_example(loaded.tokenizer.encode, pair, context)
    except ValueError as error:
        raise click.ClickException(f"{name}, {row.place}: {reason(error)}.") from None
    if len(ids) > context:
        told = f"{name}, {row.place}: longer than the {context:,} tokens that the model reads"
        raise click.ClickException(f"{told}. Shorten it, or leave the row out.")
    return Example(ids, prompt, row.place, {**row.fields, **pair})


def parted(katas: Tree, name: str, found: Sequence, key: Callable) -> list[list]:
    """Part rows into those to learn from and those held out; both must be some."""
    split_dataset = katas.load("finetuning/split_dataset").split_dataset
    parts = split_dataset(found, {"train": 1 - HELD_OUT, "held out": HELD_OUT}, SPLIT, key)
    for part, rows in parts.items():
        if not rows:
            told = f"{name} has {len(found)} rows that differ, and by chance none is {part}"
            raise click.ClickException(f"{told}: add some, 20 or more in all.")
    return [*parts.values()]


def key_of(example: Example) -> str:
    """Return what two pairs of one part or the other must not share."""
    return f"{example.fields['instruction']}\n{example.fields['input']}"
