"""What a model answered before it was tuned, and after: how much of it is right."""

from collections.abc import Sequence
from textwrap import shorten
from typing import NamedTuple

import click

from runs.examples import Example
from runs.writing import harmless

SHOWN, WIDTH = 6, 60  # answers; columns


class Seen(NamedTuple):
    """How a model does on pairs that are held out: nats for each token, and its answers."""

    loss: float
    answers: list[str]


def tell(asked: Sequence[Example], before: Seen, after: Seen) -> None:
    """Print the share of answers that are right to the letter, by task if the rows name tasks."""
    losses = f"before {before.loss:.3f}, after {after.loss:.3f} nats a token"
    click.echo(f"loss             {losses}, of held-out responses")
    told(asked, "exact answers", [*range(len(asked))], before, after)
    tasks = sorted({task for example in asked if (task := example.fields.get("task"))})
    for task in tasks:
        own = [i for i, example in enumerate(asked) if example.fields.get("task") == task]
        told(asked, f"  {shorten(harmless(task), 14, placeholder='.')}", own, before, after)
    click.echo()
    for i, example in enumerate(asked[:SHOWN]):
        click.echo(one_line(question(example)))
        click.echo(f"  before  {one_line(before.answers[i])}")
        right = example.fields["output"]
        missed = "" if after.answers[i] == right else f"  (not {one_line(right)})"
        click.echo(f"  after   {one_line(after.answers[i])}{missed}")
    click.echo()


def told(asked, what: str, own: list[int], before: Seen, after: Seen) -> None:
    """Print the shares of right answers among some."""
    right = (
        sum(seen.answers[i] == asked[i].fields["output"] for i in own) / len(own)
        for seen in (before, after)
    )
    click.echo("{:<17}before {:6.1%}, after {:6.1%}, of {}".format(what, *right, len(own)))


def question(example: Example) -> str:
    """Write what was asked, in one piece."""
    return f"{example.fields['instruction']} {example.fields['input']}".strip()


def one_line(text: str) -> str:
    """Write a text so that it stands on a line, and is no command to the terminal."""
    return shorten(harmless(text).replace("\n", " "), WIDTH, placeholder=" ...")
