"""The command line of a tree: `python -m reference` and `python -m exercises` start here."""

import os
import sys
from contextlib import suppress

import click

from runs.fetch import fetch
from runs.tokenizer import tokenizer
from runs.windows import windows

FAILED, INTERRUPTED = 1, 130


class Verbs(click.Group):
    """A group that ends quietly when the reader of its output has left."""

    def invoke(self, ctx):
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            drop_output()


@click.group(cls=Verbs)
def cli() -> None:
    """Run a language model made of one tree of katas.

    What you have not solved in exercises/ is borrowed from reference/, and named.
    """


for verb in (tokenizer, windows, fetch):
    cli.add_command(verb)


def main(tree: str) -> None:
    """Run a verb on a tree. Bugs keep their traceback; all else is a sentence and an exit code."""
    prepare_streams()
    try:
        status = cli.main(prog_name=f"python -m {tree}", obj=tree, standalone_mode=False)
    except click.Abort:
        told = "Interrupted. Nothing is left half-written; the same command starts again."
        status = complain(told, INTERRUPTED)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except OSError as error:
        file = error.filename2 or error.filename
        where = f" {click.format_filename(file)}" if file else ""
        status = complain(f"The system refused{where}: {error.strerror or error}.", FAILED)
        with suppress(OSError):
            sys.stdout.flush()
        drop_output()
    sys.exit(status or 0)


def prepare_streams() -> None:
    """Open those that whoever started us has closed, and let no sign be beyond them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")


def complain(sentence: str, status: int) -> int:
    click.echo(sentence, err=True)
    return status


def drop_output() -> None:
    """Send what is still buffered nowhere, so that the interpreter ends without a word."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
