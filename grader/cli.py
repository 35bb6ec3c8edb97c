"""The verbs."""

from pathlib import Path

import click

from grader import show
from grader.arguments import Slug, choose, open_after
from grader.compare import compare
from grader.pages import Page
from grader.report import report
from grader.start import Verbs
from grader.state import as_json
from grader.syllabus import Kata, syllabus
from grader.upkeep import doctor, verify
from grader.verdicts import known
from grader.words import paged


@click.group(cls=Verbs, invoke_without_command=True)
@click.option("--json", "json_", is_flag=True, help="Print the state for programs.")
@click.pass_context
def cli(ctx: click.Context, json_: bool) -> None:
    """Solve a large language model, kata by kata. Without a verb: the syllabus."""
    if ctx.invoked_subcommand:
        return
    verdicts = {this.slug: known(this) for this in syllabus()}
    if json_:
        return click.echo(as_json(verdicts))
    show.table(verdicts)
    show.totals(verdicts)


@cli.command()
@click.argument("slug", type=Slug(), required=False)
@click.option("--lean", is_flag=True, help="Borrow every other kata from the reference.")
def test(slug: Kata | None, lean: bool) -> int:
    """Test one kata, or the next one, and show its first failure in full."""
    from grader.grading import borrowed, examine, status

    this = choose(slug)
    verdict = examine([this], lean=lean)[this.slug]
    show.one(verdict, this, borrowed(this, lean))
    if verdict.state == "solved":
        show.opened(this, open_after(this))
    return status({this.slug: verdict})


@cli.command()
@click.option("--impl", default="exercises", type=click.Choice(["exercises", "reference"]))
@click.option(
    "--path", type=click.Path(exists=True, file_okay=False), help="A folder laid out as exercises/."
)
@click.option(
    "--require", multiple=True, metavar="all|CHAPTER|SLUG|N%", help="What must be solved."
)
@click.option("--fresh", is_flag=True, help="Test again what has not changed.")
@click.option("--json", "json_", is_flag=True, help="Print the state for programs.")
def grade(impl: str, path: str | None, require: tuple[str, ...], fresh: bool, json_: bool) -> int:
    """Grade everything: every kata by itself, with all others borrowed from the reference."""
    from grader.grading import WRONG, examine, required, status

    needed = [required(words) for words in require]
    verdicts = examine(syllabus(), impl=path or impl, fresh=fresh)
    if json_:
        click.echo(as_json(verdicts))
    else:
        show.everything(verdicts)
    for lacking in (told for need in needed if (told := need(verdicts))):
        show.say(f"required and not solved: {lacking}", fg="red")
        return status(verdicts) or WRONG
    return status(verdicts)


@cli.command()
@click.argument("slug", type=Slug(), required=False)
@click.option("--plain", is_flag=True, help="Never clear the screen: line after line.")
@click.option("--poll", is_flag=True, help="Look for changes often, where nothing tells of them.")
def watch(slug: Kata | None, plain: bool, poll: bool) -> None:
    """Test a kata whenever you save it. Keys: n next, h hint, l list, o open, x reset, r run."""
    from grader.watching import Watch

    Watch(choose(slug), plain, poll).run()


@cli.command(name="next")
def next_() -> None:
    """Say where to go on."""
    this = choose(None)
    show.say(f"{this.title}   {this.slug}")
    show.way_on(this)


@cli.command()
@click.argument("slug", type=Slug(), required=False)
def spec(slug: Kata | None) -> None:
    """Show the page of a kata, its hints closed."""
    this = choose(slug)
    text = Page(this.page).closed(f"`{show.program()} hint {this.name}` opens them.")
    if not click.get_text_stream("stdout").isatty():
        return show.say(text.rstrip())
    paged(text)


@cli.command()
@click.argument("slug", type=Slug(), required=False)
def hint(slug: Kata | None) -> None:
    """Show the next hint that you have not read, after those that you have."""
    from grader.kept import next_hint

    this = choose(slug)
    show.hints(this, *next_hint(this))


@cli.command()
@click.argument("slug", type=Slug())
def reset(slug: Kata) -> None:
    """Put the stub of a kata back; what you wrote is kept, with its date."""
    from grader.kept import put_stub_back

    saved = put_stub_back(slug)
    show.say(f"exercises/{slug.slug}.py is the stub again.")
    if saved:
        show.say(f"What stood there is kept in {saved}")


@cli.command()
@click.option("--svg", metavar="FOLDER", help="Write the screens as pictures instead.")
def tour(svg: str | None) -> None:
    """See in a minute how it goes, in a scratch copy: nothing of yours is touched."""
    from grader import stage

    stage.draw(Path(svg)) if svg else stage.play()


for verb in (compare, report, verify, doctor):
    cli.add_command(verb)
