"""Shows on a terminal that work goes on. Elsewhere it is silent."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show what is being done, and for how long, while a block runs."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn("line"), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(what, total=None)
        yield


def with_bar(parts: Iterable, what: str, total: int) -> Iterable:
    """Hand on `parts`, of which there are about `total`, under a bar.

    No bar is drawn where standard output, whose lines it would break, is the terminal.
    """
    if not sys.stderr.isatty() or sys.stdout.isatty():
        return parts
    from rich.console import Console
    from rich.progress import track

    return track(parts, what, total, console=Console(stderr=True), transient=True)
