"""Prints words: in signs and colours that the output can show, at a width that can be read."""

import os
import re
import sys
import textwrap

import click

PLAIN = str.maketrans({"✓": "+", "✗": "x", "·": "-", "…": "~", "→": ">", "−": "-", "’": "'"})


def say(text: str = "", **style) -> None:
    """Print in signs that the output's encoding has; click drops colour off a terminal."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    click.secho(text, color=colour_wanted(), **style)


def program() -> str:
    """Return what the learner types before a verb."""
    return "tox --" if "TOX_ENV_NAME" in os.environ else "kata"


def here(text: str) -> str:
    """Put what the learner types here in the place of `kata` before a verb."""
    return re.sub(r"\bkata (?=(hint|reset|test|verify) )", f"{program()} ", text)


def colour_wanted() -> bool | None:
    """Return what NO_COLOR and FORCE_COLOR ask for; None leaves it to the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def paragraphs(text: str) -> None:
    """Print paragraphs and the points of lists, each filled anew."""
    for part in re.split(r"\n(?=\d+\. |- )|\n\n+", text):
        indent = "   " if re.match(r"\d+\. ", part) else "  " if part[:2] == "- " else ""
        say(textwrap.fill(" ".join(part.split()), 79, subsequent_indent=indent))


def paged(text: str) -> None:
    """Show Markdown in a pager."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(Console().width, 100))
    with console.capture() as capture:
        console.print(Markdown(text))
    click.echo_via_pager(capture.get(), color=None)
