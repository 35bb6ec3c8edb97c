"""The verb `report`: a page to look at."""

import os
from pathlib import Path

import click

from grader.files import write_atomically
from grader.show import say
from grader.syllabus import syllabus
from grader.verdicts import known

FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@click.command()
@click.option("--html", "file", required=True, metavar="FILE", type=FILE, help="- is stdout.")
def report(file: Path) -> None:
    """Write a page to look at: states, messages, figures, pictures. Nothing is tested."""
    from grader.compared import kept
    from grader.report_page import page

    katas = syllabus()
    compared = [found for this in katas if (found := kept(this))]
    write(file, page({this.slug: known(this) for this in katas}, compared))
    if str(file) != "-":
        say(f"The page is in {click.format_filename(file)}")


def write(file: Path, text: str) -> None:
    """Write a text whole or not at all: to a file, to `-`, or into what is no plain file.

    Raises OSError, also for a folder that is not there.
    """
    if str(file) == "-":
        click.get_binary_stream("stdout").write(text.encode())
        return
    os.stat(f"{file.parent}{os.sep}")
    try:
        if file.exists() and not file.is_file():
            file.write_bytes(text.encode())
        else:
            write_atomically(Path(os.path.realpath(file)), text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from None
