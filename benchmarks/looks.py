"""How often a failure is told to look like the right thing: "Looks like: …"."""

import random
import re
import tempfile
from collections import Counter
from pathlib import Path

import click

from benchmarks.mutants import mutants
from grader.court import hold
from grader.files import write_atomically
from grader.syllabus import Kata, kata, syllabus
from grader.variants import variants
from grader.verdicts import judge
from grader.worker import Job

EACH = 6  # mutants of each kata


def diagnosed(each: int = EACH) -> dict:
    """Diagnose every mistake, as it is on file, every other right solution, and mutants."""
    found = {"mistakes": of_mistakes(), "right": of_right(), "mutants": of_mutants(each)}
    for what, counts in found.items():
        shown = ", ".join(f"{number:,} {word}" for word, number in counts.items())
        click.echo(f"  {what}: {shown}")
    return found


def of_mistakes() -> Counter:
    """Count what the golden messages say of the mistakes that they are of."""
    counts = Counter()
    for this in syllabus():
        text = this.messages.read_text("utf-8")
        messages = dict(re.findall(r"^\[(\w+)\]\n(.*?)(?=\n\n\[|\Z)", text, re.S | re.M))
        for mistake in variants(this)[0]:
            counts[kind(messages[mistake.name], mistake.belief)] += 1
    return counts


def kind(message: str, belief: str) -> str:
    """Say whether a message names a belief: alone, among others, not, or nothing at all."""
    words = " ".join(message.split())
    if "Looks like: " not in words:
        return "silent"
    named = words.partition("Looks like: ")[2]
    others = " Or: " in named
    if belief[0].lower() + belief[1:] in named:
        return "named with others" if others else "named alone"
    return "among more than are named" if " more." in named else "wrongly named"
