"""The bank of mistakes, and of solutions that look different and are right."""

import tomllib
from typing import NamedTuple

from grader.syllabus import Kata


class Variant(NamedTuple):
    """A module that somebody could have written, and what is to become of it.

    name    what it is called in mistakes/<slug>.toml
    belief  what its author believes; for a right one, what it does differently
    breaks  the clauses that it breaks; none if it is right
    raises  the exception that it dies of, if it fails in no other way
    source  the whole module
    """

    name: str
    belief: str
    breaks: tuple[str, ...]
    raises: str
    source: str


def variants(this: Kata) -> tuple[list[Variant], list[Variant]]:
    """Read a kata's mistakes, and its other right solutions.

    A mistake is the reference with one passage replaced. Raises ValueError if that passage
    does not stand there exactly once.
    """
    entries = tomllib.loads(this.mistakes.read_text("utf-8"))
    right = [
        Variant(name, entry["idea"], (), "", entry["source"].lstrip("\n"))
        for name, entry in entries.pop("also_right", {}).items()
    ]
    reference = this.reference.read_text("utf-8")
    return [mistake(reference, name, **entry) for name, entry in entries.items()], right


def mistake(
    reference: str, name: str, belief: str, breaks, right: str, wrong: str, raises=""
) -> Variant:
    """Put `wrong` in the place of `right`."""
    if (found := reference.count(right)) != 1:
        raise ValueError(f"mistake {name}: `right` must stand once in the reference, found {found}")
    return Variant(name, belief, tuple(breaks), raises, reference.replace(right, wrong))


def variant(this: Kata, name: str) -> Variant:
    """Return the variant of this name. Raises LookupError if there is none."""
    wrong, right = variants(this)
    for candidate in [*wrong, *right]:
        if candidate.name == name:
            return candidate
    raise LookupError(f"mistakes/{this.slug}.toml has no entry {name!r}")
