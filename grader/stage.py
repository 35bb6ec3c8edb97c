"""Where the tour is shown: in a terminal, screen by screen; in a pipe; as pictures."""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from grader import show
from grader.files import write_atomically
from grader.state import upcoming
from grader.syllabus import Kata, syllabus
from grader.tour import Tour
from grader.verdicts import known

SCREENS = 4
HEIGHT = 22  # lines of each, at most: the line that waits, and the cursor, stand below
FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


@contextmanager
def tour(following: Kata | None) -> Iterator[Tour]:
    """Give a tour in a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="kata-tour-", ignore_cleanup_errors=True) as folder:
        yield Tour(Path(folder).resolve(), following)


def play() -> None:
    """Show the screens: in a terminal one after the other, else all at once."""
    waits = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    with tour(upcoming({this.slug: known(this) for this in syllabus()})) as given:
        for number, (title, screen) in enumerate(given.screens().items(), 1):
            if waits:
                click.clear()
            elif number > 1:
                show.say()
            begin(number, title)
            screen()
            if waits and number < SCREENS and not goes_on():
                return


def begin(number: int, title: str) -> None:
    show.say(f"{number} of {SCREENS} · {title}", bold=True)
    show.say()


def goes_on() -> bool:
    """Wait for Enter, then True, or for q, then False."""
    show.say("Enter goes on, q leaves.", nl=False, dim=True)
    key = ""
    while key not in ("\r", "\n", "q"):
        try:
            key = click.getchar()[:1]
        except EOFError:
            key = "q"
    show.say()
    return key != "q"


def draw(folder: Path) -> None:
    """Write each screen as an SVG, the same on every machine and whatever the learner has done."""
    os.environ["FORCE_COLOR"] = "1"
    for name in ("NO_COLOR", "TOX_ENV_NAME"):
        os.environ.pop(name, None)
    with tour(syllabus()[0]) as given:
        for number, (title, screen) in enumerate(given.screens().items(), 1):
            printed = io.TextIOWrapper(io.BytesIO(), "utf-8")
            with redirect_stdout(printed):
                begin(number, title)
                screen()
            printed.seek(0)
            name = screen.__name__
            write_atomically(folder / f"{name}.svg", picture(name, printed.read()))


def picture(name: str, printed: str) -> str:
    """Draw a screen in a font that the reader has, as high as any other."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=80, file=io.StringIO())
    console.print(Text.from_ansi(printed), end="\n" * (HEIGHT - printed.count("\n") + 1))
    svg = console.export_svg(title="kata tour", unique_id=f"tour-{name}")
    svg = re.sub(r"@font-face {.*?}\s*", "", svg, flags=re.S)  # they name a server
    svg = re.sub(r'viewBox="0 0 (\S+) (\S+)"', r'width="\1" height="\2" \g<0>', svg, count=1)
    return svg.replace("Fira Code, monospace", FONTS)
