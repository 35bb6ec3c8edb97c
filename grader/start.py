"""Starts a command line, and words whatever ends it: a sentence, and an exit code."""

import os
import sys
from contextlib import suppress

import click

FAILED, DAMAGED, INTERRUPTED = 1, 3, 130


class Verbs(click.Group):
    """A group that ends quietly when the reader of its output has left."""

    def invoke(self, ctx):
        """Run a verb, and write out what it printed while somebody may still be told."""
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            drop_output()
            return 0
        return status


def start(cli: click.Group, program: str, interrupted: str, obj=None) -> None:
    """Run a verb and end the process. Bugs keep their traceback.

    program      what the user typed, for the usage
    interrupted  what to say after Ctrl-C
    obj          what every verb is given
    """
    prepare_streams()
    try:
        status = cli.main(prog_name=program, obj=obj, standalone_mode=False)
    except click.Abort:
        status = complain(interrupted, INTERRUPTED)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except OSError as error:
        status = complain(sentence_for(error), FAILED)
        with suppress(OSError):
            sys.stdout.flush()
        drop_output()
    sys.exit(status or 0)


def sentence_for(error: OSError) -> str:
    file = error.filename2 or error.filename
    where = f" {click.format_filename(file)}" if file else ""
    return f"The system refused{where}: {error.strerror or error}."


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
