"""What a verb may be given."""

import click

from grader.syllabus import Kata, find, syllabus
from grader.verdicts import known


class Slug(click.ParamType):
    """A kata, by its slug or any part of it that can mean only one."""

    name = "slug"

    def convert(self, value, param, ctx) -> Kata:
        try:
            return find(value)
        except LookupError as error:
            self.fail(error.args[0])


def choose(slug: Kata | None) -> Kata:
    """Return the kata meant, or the next one to solve."""
    found = slug or first_open()
    if found is None:
        raise click.UsageError("Every kata is solved: name the one you mean.")
    return found


def first_open() -> Kata | None:
    """Return the first kata that is not solved."""
    return next((k for k in syllabus() if known(k).state != "solved"), None)


def open_after(this: Kata) -> Kata | None:
    """Return the first kata after this one that is not solved, or else the first before it."""
    katas = syllabus()
    place = katas.index(this) + 1
    others = katas[place:] + katas[: place - 1]
    return next((k for k in others if known(k).state != "solved"), None)
