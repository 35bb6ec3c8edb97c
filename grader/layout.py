"""Lays a failure out in at most 20 lines of at most 79 columns."""

import linecache
import textwrap
from dataclasses import dataclass
from pathlib import Path

from grader.pages import Clause
from grader.syllabus import ROOT, Kata

WIDTH, HEIGHT = 79, 20


@dataclass(frozen=True)
class Place:
    """A line of the learner's file."""

    file: Path
    line: int | None = None

    def __str__(self) -> str:
        return f"{shortest(self.file)}:{self.line}" if self.line else shortest(self.file)


def shortest(path: Path) -> str:
    """Write a path from the checkout if it lies there, with forward slashes."""
    inside = path.is_relative_to(ROOT)
    return (path.relative_to(ROOT) if inside else path).as_posix()


def compose(
    this: Kata, clause: Clause, says: list[str], shown=(), place: Place | None = None
) -> str:
    """Lay out a failure: the clause, what happened, where it differs, where to look."""
    lines = textwrap.wrap(f"✗ {this.name} · {clause.sentence}", WIDTH, subsequent_indent="  ")
    lines += [*folded(first_sentence(clause.body), "  "), ""]
    for sentence in says:
        lines += folded(printable(sentence), "  ")
    if shown:
        lines += ["", *(cut(printable(line)) for line in shown)]
    page = f"spec/{this.slug}.md#{clause.anchor}"
    ending = ["", *one_or_two(str(place or shortest(this.exercise)), page)]
    ending.append(f"  kata hint {this.name}")
    return "\n".join(lines[: HEIGHT - len(ending)] + ending)


def refusal(this: Kata, says: list[str], place: Place) -> str:
    """Lay out why a file could not even be read or imported."""
    lines = [f"✗ {this.name} · cannot be imported", ""]
    for sentence in says:
        lines += folded(printable(sentence), "  ")
    return "\n".join([*lines[: HEIGHT - 2], "", f"  {place}"])


def looking_like(message: str, beliefs: list[str]) -> str:
    """Say of a failure which mistakes it looks like, above where it is."""
    if not beliefs:
        return message
    more = f" Or one of {len(beliefs) - 2} more." if len(beliefs) > 2 else ""
    named = " Or: ".join(belief[0].lower() + belief[1:] for belief in beliefs[:2])
    says = ["", *folded(f"Looks like: {named}{more}", "  ")]
    lines = message.split("\n")
    end = len(lines) - lines[::-1].index("") - 1
    return "\n".join(
        [*lines[: min(end, HEIGHT - len(says) - len(lines[end:]))], *says, *lines[end:]]
    )


def quoted(place: Place) -> tuple[str, ...]:
    """Quote the learner's line, as it was when it ran."""
    text = linecache.getline(str(place.file), place.line or 0).strip()
    return (f"    line {place.line}:  {text}",) if text else ()


def first_sentence(text: str) -> str:
    """Take the first sentence of a clause, at most two lines of it."""
    plain = " ".join(text.partition("\n\n")[0].split())
    end = next(
        (i + 1 for i, c in enumerate(plain) if c in ".:" and plain[i + 1 : i + 2] in ("", " ")), 0
    )
    sentence = plain[: end or None]
    return sentence[:-1] + "." if sentence.endswith(":") else sentence


def folded(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, max_lines=4, placeholder=" …"
    )


def printable(text: str) -> str:
    """Escape what a terminal would obey, or could not show."""
    shown = (c if c.isprintable() else repr(c)[1:-1] for c in text)
    return "".join(shown)


def cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def one_or_two(place: str, page: str) -> list[str]:
    line = f"  {place}   {page}"
    return [line] if len(line) <= WIDTH else [f"  {place}", f"  {page}"]
