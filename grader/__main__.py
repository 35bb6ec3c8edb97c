"""The `kata` command, also `python -m grader`: words every error in a sentence."""

import os
import sys

import click

from grader.cli import cli

DAMAGED = 3


def main() -> None:
    """Run a verb. Bugs keep their traceback; everything else is a sentence and an exit code."""
    try:
        status = cli.main(prog_name="kata", standalone_mode=False)
    except click.exceptions.Abort:
        status = complain("Interrupted. Nothing is lost; the same command starts again.", 130)
    except click.exceptions.Exit as exit:
        status = exit.exit_code
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except FileNotFoundError as error:
        status = complain(f"{error.filename} is missing: `git status` shows what else is.", DAMAGED)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        status = complain(f"The system refused{where}: {error.strerror}.", 1)
    sys.exit(status or 0)


def complain(sentence: str, status: int) -> int:
    click.echo(sentence, err=True)
    return status


if __name__ == "__main__":
    main()
