"""The verb `chat`: a model that answers, line by line."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import click

from runs import texts
from runs.generate import CACHE, FOLDER, sampling_options
from runs.generate import KATAS as SPEAKING
from runs.needs import katas_of

FORMAT = "finetuning/instruction_format"
JUDGING = ("finetuning/classification_data", "finetuning/classifier")
PROMPT = "> "


@click.command(short_help="Talk to a tuned GPT.")
@click.option("--weights", required=True, type=FOLDER, metavar="DIR", help="A model's folder.")
@click.option("--tokens", type=click.IntRange(min=1), default=200, show_default=True)
@sampling_options(temperature=0.0)
@click.pass_obj
def chat(tree: str, weights: Path, cache: bool, **told) -> None:
    """Answer what you type, as a model that `finetune` wrote does; Ctrl-D leaves.

    It reads what was said before, as far as its context goes. In a pipe each line is an instruction
    by itself, and has its answer on a line. A classifier answers with a label.
    """
    from runs.busy import busy
    from runs.katas import prepare

    with busy("loading"):
        from runs.speaking import judges, voice

    more = JUDGING if judges(weights) else (FORMAT, *([CACHE] if cache else []))
    katas = prepare(tree, *SPEAKING, *katas_of(weights), *more)
    with busy("loading"):
        speaker = voice(katas, weights, cache=cache, **told)
    if sys.stdin.isatty() and sys.stdout.isatty():
        talk(speaker, weights)
    else:
        raise click.exceptions.Exit(answer_lines(speaker, lines(texts.from_stdin())))


def talk(speaker, weights: Path) -> None:
    """Answer at a terminal. Ctrl-C ends an answer, and where there is none, the talk."""
    with suppress(ImportError):  # Windows edits lines by itself
        import readline  # noqa: F401

    click.echo(f"{click.format_filename(weights)} answers; Ctrl-D leaves.", err=True)
    while True:
        try:
            line = input(PROMPT)
        except (EOFError, KeyboardInterrupt):
            click.echo()
            return
        if line.strip():
            reply(speaker, line)


def reply(speaker, line: str) -> None:
    """Print an answer as it comes."""
    try:
        for piece in speaker.answer(line):
            click.echo(piece, nl=False)
        click.echo()
    except ValueError as error:
        click.echo(str(error), err=True)
    except KeyboardInterrupt:
        click.echo(" ...")


def answer_lines(speaker, given: Iterable[str]) -> int:
    """Answer each line on a line, and return the exit status: 1 if one was too long."""
    status = 0
    for number, line in enumerate(given, 1):
        try:
            said = "".join(speaker.answer(line)) if line.strip() else ""
        except ValueError as error:
            status, said = 1, ""
            click.echo(f"Line {number}: {error}", err=True)
        click.echo(" ".join(said.split("\n")))
        sys.stdout.flush()
        speaker.forget()
    return status


def lines(chunks: Iterable[str]) -> Iterator[str]:
    """Cut a stream into lines."""
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        yield from (line.removesuffix("\r") for line in whole)
    if rest:
        yield rest
