"""What is kept for a learner beside the files: which hints were read, and backups."""

import json
from datetime import datetime
from pathlib import Path

from grader.files import home, write_atomically
from grader.pages import Page
from grader.stubs import stub
from grader.syllabus import Kata
from grader.verdicts import solved


def levels(this: Kata) -> list[tuple[str, str]]:
    """List the levels of a kata's hints: first the questions alone, then what answers each."""
    hints = Page(this.page).hints()
    questions = "\n".join(f"- {question}" for question, _ in hints[:-1])
    return [("Ask yourself", questions), *hints]


def next_hint(this: Kata) -> tuple[list[tuple[str, str]], int]:
    """Open one more level. Return those that are open now, and how many there are.

    Who has solved the kata sees them all.
    """
    hints, file = levels(this), home() / "hints.json"
    try:
        read = json.loads(file.read_text("utf-8"))
        opened = min(int(read.get(this.slug, 0)) + 1, len(hints))
    except (OSError, ValueError, TypeError, AttributeError):
        read, opened = {}, 1
    if solved(this):
        return hints, len(hints)
    write_atomically(file, json.dumps(read | {this.slug: opened}))
    return hints[:opened], len(hints)


def put_stub_back(this: Kata) -> Path | None:
    """Write the stub over a learner's file. Return where what stood there is kept.

    The backup is written first: if that fails, nothing is changed.
    """
    saved, wanted = None, stub(this.reference.read_text("utf-8"))
    if this.exercise.is_file() and this.exercise.read_bytes() != wanted.encode():
        saved = backup_of(this)
        write_atomically(saved, this.exercise.read_bytes())
    write_atomically(this.exercise, wanted)
    return saved


def backup_of(this: Kata) -> Path:
    """Name a backup by its date; two in a second get a number."""
    stem = f"{this.slug}-{datetime.now():%Y%m%d-%H%M%S}"
    taken = (home() / "backups" / f"{stem}{f'-{n}' if n else ''}.py" for n in range(1000))
    return next(path for path in taken if not path.exists())
