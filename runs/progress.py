"""Shows how training goes on: a bar on a terminal, elsewhere a line for every tenth of the way."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import click


class Teller(NamedTuple):
    """Tells people how far a training is.

    step  takes how many steps were made, and how it goes, such as "loss 2.3026"
    say   takes lines that stay on the screen
    """

    step: Callable[[int, str], None]
    say: Callable[[str], None]


@contextmanager
def training(steps: int, made: int = 0, shown: bool = True) -> Iterator[Teller]:
    """Show progress from `made` steps to `steps`, unless it is not to be shown."""
    if not shown:
        yield Teller(lambda step, status: None, lambda text: None)
    elif sys.stderr.isatty():
        with under_a_bar(steps, made) as teller:
            yield teller
    else:
        start = time.monotonic()

        def step(step: int, status: str) -> None:
            if step % max(steps // 10, 1) == 0 or step == steps:
                each = (time.monotonic() - start) / (step - made)
                left = f"  {clock(each * (steps - step))} left" if step < steps else ""
                click.echo(f"step {step:,} of {steps:,}  {status}{left}", err=True)

        yield Teller(step, lambda text: click.echo(text, err=True))


@contextmanager
def under_a_bar(steps: int, made: int) -> Iterator[Teller]:
    """Show progress as a bar; what is said stands above it."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("step"),
        MofNCompleteColumn(),
        BarColumn(10),
        TextColumn("{task.fields[status]}"),
    )
    more = TimeRemainingColumn(), TextColumn("left")
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, *more, console=console, transient=True) as progress:
        bar = progress.add_task("", total=steps, completed=made, status="")

        def say(text: str) -> None:
            progress.console.print(text, markup=False, soft_wrap=True)

        yield Teller(lambda step, status: progress.update(bar, completed=step, status=status), say)


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
