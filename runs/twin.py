"""The run beside this one that differs in nothing but the model: plain, or modern."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click

from runs import metrics
from runs.settings import FILE, Settings, kept


class Twin(NamedTuple):
    """A run that came to its end, and its last loss on held-out windows."""

    folder: Path
    settings: Settings
    loss: float


def twin(folder: Path, settings: Settings) -> Twin | None:
    """Find it among the folders that stand beside this one."""
    for other in sorted(folder.absolute().parent.glob(f"*/{FILE}")):
        try:
            told = kept(other.parent)
        except (click.ClickException, OSError):  # it is not ours to complain about
            continue
        if alike(told) != alike(replace(settings, modern=not settings.modern)):
            continue
        [*_, last] = [{}, *metrics.noted(other.parent)]
        if last.get("step") == settings.steps and "held_out" in last:
            return Twin(other.parent, told, last["held_out"])
    return None


def alike(settings: Settings) -> Settings:
    """Forget what does not change the losses."""
    return replace(settings, fused=False, compile=False)
