"""Saves what a training has come to, or says which step is still there."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from safetensors import SafetensorError


@contextmanager
def saving(made: int, saved: int, remedy: str) -> Iterator[None]:
    """Word what may go wrong as a step is saved. Raises click.ClickException if there is no room.

    made, saved  the step that is being saved, and the last one that was
    remedy       what to do once there is room
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:  # not all writers give OSErrors
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        told = f"Step {made:,} could not be saved ({why}); step {saved:,} is"
        raise click.ClickException(f"{told}: make room, {remedy}.") from None
