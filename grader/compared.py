"""What is kept of a comparison: a solved kata beside the reference."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.files import home, write_atomically
from grader.syllabus import Kata
from grader.verdicts import fingerprint


@dataclass(frozen=True)
class Compared:
    """A solved kata beside the reference: how far apart, how fast, how large.

    calls       how many calls were compared
    difference  the largest difference of two numbers that they gave; None where nothing was one
    time        time in its calls over that of the reference
    memory      peak of its calls' memory over that of the reference
    lines       lines of code: the learner's, the reference's (without docstrings, comments, blank)
    """

    slug: str
    calls: int
    difference: float | None
    time: float
    memory: float
    lines: tuple[int, int]


def kept(this: Kata) -> Compared | None:
    """Return what was kept of a kata that has not changed since. None if there is nothing."""
    try:
        found = json.loads(place(this).read_text("utf-8"))
        if found["key"] == fingerprint(this):
            mine, theirs = found["compared"]["lines"]
            return Compared(**found["compared"] | {"lines": (mine, theirs)})
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def keep(this: Kata, compared: Compared) -> None:
    """Keep a comparison for as long as nothing changes that it depends on. Loses it quietly."""
    try:
        content = json.dumps({"key": fingerprint(this), "compared": asdict(compared)})
        write_atomically(place(this), content)
    except OSError:
        pass


def place(this: Kata) -> Path:
    return home() / "compared" / f"{this.slug}.json"
