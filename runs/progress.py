"""Shows how training goes on: a bar on a terminal, elsewhere a line for every tenth of the way."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def training(steps: int) -> Iterator[Callable[[int, float], None]]:
    """Give a function that is told, after each step, its number (from 1) and the loss."""
    if not sys.stderr.isatty():
        yield lambda step, loss: told_every_tenth(step, steps, loss)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = TextColumn("step"), MofNCompleteColumn(), BarColumn(20)
    more = TextColumn("loss {task.fields[loss]:.4f}"), TextColumn("left"), TimeRemainingColumn()
    with Progress(*columns, *more, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=steps, loss=float("nan"))
        yield lambda step, loss: progress.update(bar, completed=step, loss=loss)


def told_every_tenth(step: int, steps: int, loss: float) -> None:
    if step % max(steps // 10, 1) == 0 or step == steps:
        click.echo(f"step {step:,} of {steps:,}  loss {loss:.4f}", err=True)
