"""The verb `compare`: what `grader.comparing` finds in a child, in words."""

from multiprocessing.connection import wait

import click

from grader import show
from grader.arguments import Slug
from grader.compared import Compared, keep, kept
from grader.pages import Page
from grader.sources import side_by_side
from grader.syllabus import Kata, syllabus
from grader.verdicts import solved
from grader.words import paragraphs


@click.command()
@click.argument("slug", type=Slug(), required=False)
@click.option("--diff", is_flag=True, help="Show the two texts side by side.")
@click.option("--spoil", is_flag=True, help="Show the reference of a kata that is not solved.")
def compare(slug: Kata | None, diff: bool, spoil: bool) -> None:
    """Set a solved kata, or all of them, beside the reference: values, time, memory, lines."""
    if slug is None:
        return table([this for this in syllabus() if solved(this)])
    if not solved(slug) and not spoil:
        told = f"{slug.name} is not solved yet, and the reference would give it away"
        raise click.ClickException(f"{told}: --spoil shows it all the same.")
    if solved(slug):
        one(slug)
    if diff or not solved(slug):
        texts(slug)


def table(katas: list[Kata]) -> None:
    """Print a line of figures for each kata."""
    if not katas:
        return show.say("Nothing is solved yet: each kata opens its comparison once it is.")
    columns = f"{'difference':>12}{'time':>8}{'memory':>8}{'lines':>7}{'theirs':>8}"
    show.say(f"{'':<24}{columns}", bold=True)
    for this in katas:
        found = compared(this)
        apart = "none" if not found.difference else f"{found.difference:.1e}"
        mine, theirs = found.lines
        figures = f"{apart:>12}{found.time:>8.2f}{found.memory:>8.2f}{mine:>7}{theirs:>8}"
        show.say(f"{this.name:<24}{figures}")
    show.say("\nTime and memory are ratios to the reference, on the examples of the tests.")
    return None


def one(this: Kata) -> None:
    """Print the figures of a kata in words, and what its page says of the reference."""
    found = compared(this)
    show.say(f"{this.name} · beside the reference", bold=True)
    apart = "the same values" if not found.difference else f"at most {found.difference:.1e} apart"
    show.say(f"  values   {apart}, in {found.calls:,} calls")
    show.say(f"  time     {found.time:.2f} of the reference's")
    show.say(f"  memory   {found.memory:.2f} of the reference's, at the peak")
    show.say("  lines    {} of code; the reference has {}".format(*found.lines))
    if note := Page(this.page).afterwards():
        show.say()
        paragraphs(note)


def texts(this: Kata) -> None:
    """Print the learner's text and the reference's in two columns."""
    from shutil import get_terminal_size

    width = max(get_terminal_size().columns - 1, 79)
    mine, theirs = (file.read_text("utf-8-sig") for file in (this.exercise, this.reference))
    show.say()
    for line in side_by_side(mine, theirs, width):
        show.say(line)


def compared(this: Kata) -> Compared:
    """Return what was found before, or find it: in a child, as tests are run."""
    if found := kept(this):
        return found
    from grader.comparing import Comparison
    from grader.court import begin, context
    from grader.worker import Job

    job = Job(this.slug, lean=False)
    trial = begin(context([job]), Comparison, job)
    trial.jobs = [job]
    while wait([trial.reports], trial.patience()) and trial.hear():
        pass
    _, findings, stopped = trial.end()
    if stopped or not findings:
        raise click.ClickException(stopped or f"{this.name} could not be compared.")
    keep(this, findings[0])
    return findings[0]
