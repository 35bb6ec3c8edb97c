"""Where a run gets its katas: from one tree, with what a learner has not solved borrowed."""

import textwrap

import click

from grader.syllabus import ROOT, Kata, kata, syllabus
from grader.trees import Tree
from grader.verdicts import known
from runs.busy import busy

REFERENCE = "reference"


def prepare(tree: str, *slugs: str) -> Tree:
    """Return a tree that `slugs` can be loaded from, and say what in it is borrowed.

    tree   reference, or exercises
    slugs  the katas that the run will load; those that they import come with them
    """
    if tree == REFERENCE:
        return Tree("katas", ROOT / tree)
    needed = with_imports(slugs)
    solved = judged_solved(needed)
    if borrowed := [this.name for this in needed if this.slug not in solved]:
        told = f"borrowed from the reference: {', '.join(borrowed)}"
        click.echo(textwrap.fill(told, 79, subsequent_indent="  "), err=True)
    return Tree("katas", ROOT / tree, frozenset(k.slug for k in syllabus()) - solved)


def with_imports(slugs) -> list[Kata]:
    """List katas and all that they import, in the order of the syllabus."""
    wanted = [kata(slug) for slug in slugs]
    found = {*wanted, *(k for this in wanted for k in this.imports())}
    return [this for this in syllabus() if this in found]


def judged_solved(needed: list[Kata]) -> frozenset[str]:
    """Return the slugs of every solved kata; of those needed, test what has not been tested."""
    verdicts = {this.slug: known(this) for this in syllabus()}
    untested = [this for this in needed if verdicts[this.slug].state == "untested"]
    if untested:
        from grader.grading import examine

        with busy(f"testing your {', '.join(this.name for this in untested)}"):
            verdicts |= examine(untested, fresh=False)
    return frozenset(slug for slug, verdict in verdicts.items() if verdict.state == "solved")
