"""Prints the syllabus with its marks, verdicts, hints, and where to go on."""

import textwrap
from itertools import groupby

from grader.state import upcoming
from grader.syllabus import Kata, syllabus
from grader.verdicts import Verdict
from grader.words import here, paragraphs, program, say

MARKS = {
    "solved": ("✓", "green", "solved"),
    "wrong": ("✗", "red", "wrong"),
    "stopped": ("✗", "red", "stopped"),
    "damaged": ("!", "red", "damaged"),
    "begun": ("~", "yellow", "begun"),
    "untested": ("?", "yellow", "changed, not tested"),
    "untouched": ("·", None, ""),
}


def table(verdicts: dict[str, Verdict]) -> None:
    """Print the chapters and their katas, each with its state."""
    following = upcoming(verdicts)
    for chapter, katas in groupby(syllabus(), lambda k: k.chapter):
        say()
        say(chapter, bold=True)
        for this in katas:
            mark, colour, word = MARKS[verdicts[this.slug].state]
            broken = verdicts[this.slug].count("broken")
            if broken:
                word = f"{broken} of {len(verdicts[this.slug].clauses)} clauses broken"
            word = word or ("next" if this == following else "")
            sign = "→" if this == following and mark == "·" else mark
            say(f"  {sign} {this.name:<20} {this.title:<28} {word}".rstrip(), fg=colour)


def everything(verdicts: dict[str, Verdict]) -> None:
    """Print the syllabus, the first wrong kata's message in full, and the others by name."""
    table(verdicts)
    wrong = [this for this in syllabus() if verdicts[this.slug].message]
    for this in wrong[:1]:
        say()
        one(verdicts[this.slug], this)
    for this in wrong[1:]:
        state = verdicts[this.slug].state
        say(f"✗ {this.name} · {state}: `{program()} test {this.name}` says how", fg="red")
    totals(verdicts)


def totals(verdicts: dict[str, Verdict]) -> None:
    """Print how many are solved, and where to go on."""
    states = [verdict.state for verdict in verdicts.values()]
    say()
    say(f"{states.count('solved')} of {len(states)} solved", bold=True)
    onward(upcoming(verdicts))


def onward(this: Kata | None) -> None:
    """Print where to go on, if there is anything left."""
    if this:
        say(f"next: {this.name}")
        way_on(this)
    else:
        say("All of it is yours.")


def way_on(this: Kata) -> None:
    """Print what to read, where to write, and what to run."""
    say(f"  read   spec/{this.slug}.md")
    say(f"  write  exercises/{this.slug}.py")
    say(f"  run    {program()} test {this.name}")


def opened(this: Kata, following: Kata | None) -> None:
    """Print what somebody who has solved a kata may do now."""
    if following:
        say(f"  next: {following.name}   spec/{following.slug}.md")
    say(f"  {program()} compare {this.name} sets it beside the reference")


def hints(this: Kata, read: list[tuple[str, str]], total: int) -> None:
    """Print the levels of hints that are open, and how to open the next."""
    for title, text in read:
        say(title, bold=True)
        paragraphs(text)
        say()
    more = f": `{program()} hint {this.name}` for the next" if len(read) < total else ""
    say(f"{len(read)} of {total} hints{more}")


def one(verdict: Verdict, this: Kata, borrowed: list[Kata] = ()) -> None:
    """Print the verdict of one kata: the first failure in full, the others as a count."""
    total, kept, broken = len(verdict.clauses), verdict.count("kept"), verdict.count("broken")
    if verdict.state == "solved":
        say(f"✓ {this.name} · solved: all {total} clauses kept", fg="green")
    elif verdict.state == "untouched":
        say(f"· {this.name} · not started: write exercises/{this.slug}.py")
        say(f"  the page: spec/{this.slug}.md")
    elif verdict.state == "begun":
        say(
            f"~ {this.name} · begun: {kept} of {total} clauses kept, the rest not written yet",
            fg="yellow",
        )
        unwritten = (c["sentence"] for c in verdict.clauses.values() if c["state"] == "unwritten")
        for sentence in unwritten:
            say(f"    {sentence}")
    else:
        head, _, rest = here(verdict.message).partition("\n")
        whole = head if rest else f"✗ {this.name} · {verdict.state}: {head}"
        say(textwrap.fill(whole, 79, subsequent_indent="  "), fg="red")
        if rest:
            say(rest)
        if broken > 1:
            say(f"  and {broken - 1} more of {total} clauses broken")
    if borrowed and verdict.state != "untouched":
        say(f"  borrowed from the reference: {', '.join(k.name for k in borrowed)}")
