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


def of_right() -> Counter:
    """Count what is said of solutions that look different and are right."""
    jobs = [Job(this.slug, variant=v.name) for this in syllabus() for v in variants(this)[1]]
    counts = Counter()
    for job, findings, stopped in hold(jobs):
        message = judge(kata(job.slug), findings, stopped).message
        counts["wrongly named" if "Looks like: " in message else "silent"] += 1
    return counts


def of_mutants(each: int) -> Counter:
    """Count what is said of mutants. What is named is right if it breaks the same, as it does."""
    counts = Counter()
    with tempfile.TemporaryDirectory() as folder:
        jobs = dict(drawn(Path(folder), each))
        for job, findings, stopped in hold(jobs):
            verdict = judge(kata(job.slug), findings, stopped)
            if verdict.state == "wrong":
                counts[weighed(kata(job.slug), verdict, jobs[job])] += 1
            else:
                counts[f"not counted: {verdict.state}"] += 1
    return counts


def drawn(folder: Path, each: int):
    """Write some mutants of each kata, a folder for each, and yield how each is to be judged."""
    for this in syllabus():
        texts = list(mutants(this.reference.read_text("utf-8")))
        for number, text in enumerate(
            random.Random(this.slug).sample(texts, min(each, len(texts)))
        ):
            home = folder / f"{number}"
            write_atomically(this.source(home), text)
            yield Job(this.slug, impl=str(home)), text


def weighed(this: Kata, verdict, text: str) -> str:
    """Say whether what a mutant is said to look like behaves as it does, in all tests."""
    if "Looks like: " not in verdict.message:
        return "silent"
    named = " ".join(verdict.message.split()).partition("Looks like: ")[2]
    for mistake in variants(this)[0]:
        if mistake.belief[0].lower() + mistake.belief[1:] in named:
            _, findings, stopped = next(hold([Job(this.slug, variant=mistake.name)]))
            if broken(judge(this, findings, stopped)) == broken(verdict):
                return "rightly named"
    click.echo(f"    {this.slug}: {named[:200]}\n{text}", err=True)
    return "wrongly named"


def broken(verdict) -> set[str]:
    """Return the clauses that are broken."""
    return {name for name, clause in verdict.clauses.items() if clause["state"] == "broken"}
