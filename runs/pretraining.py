"""Goes from step to step until the end, or until something stands in the way."""

import time
from itertools import chain
from textwrap import indent, wrap

import click

from runs import metrics
from runs.progress import Teller
from runs.stopping import Stop
from runs.training import Training
from runs.writing import harmless

LOOKS, WIDTH = 10, 70  # how often it is looked at, and saved; columns of a sample


def pretrain(training: Training, stop: Stop, teller: Teller) -> bool:
    """Make the steps that are left, and say whether it came to the end.

    Raises click.ClickException if a step cannot be made; all steps before it are saved then.
    """
    if training.group.writes:
        metrics.keep_first(training.folder, training.made)
    last, every = training.settings.steps, max(training.settings.steps // LOOKS, 1)
    busy, seen, held_out = 0.0, 0, float("nan")
    while training.made < last:
        began = time.monotonic()
        record, stopped = one_step(training, stop)
        busy, seen = busy + time.monotonic() - began, seen + training.tokens
        record["tokens_per_second"] = round(seen / busy)
        if looked := stopped or training.made % every == 0 or training.made == last:
            record |= training.look()
            held_out = record.get("held_out", held_out)
            training.save()
        if training.group.writes:
            metrics.note(training.folder, record)
        told = f"loss {record['loss']:.3f}  held out {held_out:.3f}  {seen / busy:,.0f} tokens/s"
        teller.step(training.made, told)
        if looked and "sample" in record:
            teller.say(shown(record["sample"]))
        if stopped:
            return False
    return True


def one_step(training: Training, stop: Stop) -> tuple[dict, bool]:
    """Make a step, and ask every process of the group whether it was told to stop."""
    try:
        record = training.step()
        record["loss"], stopped = training.group.mean(record["loss"], stop.asked is not None)
        return record, bool(stopped)
    except FloatingPointError as error:
        training.save()
        told = f"Stopped at step {training.made + 1:,}: {error}. Step {training.made:,} is saved"
        raise click.ClickException(f"{told}. Train anew with a lower --lr.") from None
    except RuntimeError as error:
        if not training.group.lost(error):
            raise
        training.save()
        told = f"Another process of the group is gone. Step {training.made:,} is the last"
        raise click.ClickException(f"{told}: start as many again, with --resume.") from None


def shown(sample: str) -> str:
    """Indent a sample, and let no sign in it be a command to the terminal."""
    text = harmless(sample).split("\n")
    lines = [wrap(line, WIDTH, drop_whitespace=False) or [""] for line in text]
    return indent("\n".join(["", *chain.from_iterable(lines), ""]), "    ")
