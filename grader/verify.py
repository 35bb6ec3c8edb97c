"""Proves what verdicts rest on: the reference passes, every mistake is caught, the house is in order."""

import os
import re
import subprocess
import sys
from collections import Counter
from itertools import groupby

import click

from grader.checkout import write_manifest
from grader.court import Job, hold
from grader.pages import Page
from grader.stubs import stub
from grader.syllabus import ROOT, Kata, kata, syllabus
from grader.variants import Variant, variants
from grader.verdicts import judge, write_atomically


def prove(katas: list[Kata], write: bool, seed: int | None) -> int:
    """Run every proof about the katas, print a table and what failed, and return the exit code."""
    if write:
        for this in katas:
            write_atomically(this.exercise, stub(this.reference.read_text("utf-8")))
        write_manifest()
    proofs = Proofs(katas, seed)
    with click.progressbar(length=len(proofs.jobs), label="judging", file=sys.stderr) as bar:
        for job, findings, stopped in hold(proofs.jobs):
            proofs.weigh(job, findings, stopped)
            bar.update(1)
    proofs.messages(write)
    if not seed and len(katas) == len(syllabus()):
        proofs.house()
    proofs.show()
    return 1 if proofs.failures else 0


class Proofs:
    """What is to be shown of some katas, and what was."""

    def __init__(self, katas: list[Kata], seed: int | None):
        self.katas, self.passed, self.failures = katas, 0, []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.bank: dict[tuple[str, str], Variant] = {}
        self.seen: dict[tuple[str, str], str] = {}
        self.skipped: list[str] = []
        for this in katas:
            wrong, right = variants(this)
            self.bank |= {(this.slug, v.name): v for v in [*wrong, *right]}
        self.jobs = [Job(this.slug, "reference", lean=False, seed=seed) for this in katas]
        if seed is None:
            self.jobs += [Job(slug, variant=name) for slug, name in self.bank]

    def check(self, told: str) -> bool:
        """Count a proof: an empty text is a success, any other says what failed."""
        if told:
            self.failures.append(told)
        self.passed += not told
        return not told

    def weigh(self, job: Job, findings: list, stopped: str) -> None:
        """Weigh what the tests found of the reference, or of one variant of it."""
        this = kata(job.slug)
        verdict = judge(this, findings, stopped)
        chapter = this.chapter
        if not job.variant:
            self.skipped += [f"{job.slug}: {f.message}" for f in findings if f.outcome == "skipped"]
            good = verdict.state == "solved"
            self.check("" if good else f"reference/{job.slug}.py is {verdict.state}\n{verdict.message}")
            self.counts[chapter, "katas"] += 1
            self.counts[chapter, "clauses"] += len(verdict.clauses)
            self.counts[chapter, "golden values"] += sum(bool(e.want) for e in Page(this.page).examples())
            return
        variant = self.bank[job.slug, job.variant]
        named = f"mistakes/{job.slug}.toml [{variant.name}]"
        if not variant.breaks:
            good = self.check("" if verdict.state == "solved" else f"{named} is right, and was refused\n{verdict.message}")
            self.counts[chapter, "also right accepted"] += good
            return
        self.seen[job.slug, job.variant] = verdict.message
        caught = {f.clause for f in findings if f.outcome == "failed" and f.raised in ("", variant.raises)}
        escaped = sorted(set(variant.breaks) - caught)
        told = f"{named} is not caught by {', '.join(escaped)}, but by: {', '.join(sorted(caught)) or 'none'}"
        crashed = next((f.message for f in findings if f.outcome in ("crashed", "unloadable")), "")
        self.counts[chapter, "mistakes caught"] += self.check((told + f"\n{crashed}") if escaped else "")

    def messages(self, write: bool) -> None:
        """Compare the message that each mistake's author would see with the one on file."""
        if not self.seen:
            return
        for this in self.katas:
            mine = {name: told for (slug, name), told in self.seen.items() if slug == this.slug}
            order = [name for slug, name in self.bank if slug == this.slug and name in mine]
            text = "\n\n".join(f"[{name}]\n{mine[name]}" for name in order) + "\n"
            if write:
                write_atomically(this.messages, text)
            here = this.messages.read_text("utf-8") if this.messages.is_file() else ""
            stale = f"mistakes/{this.slug}.txt is not what is shown now: `kata verify --write {this.name}`"
            self.check("" if here == text else stale)

    def house(self) -> None:
        """Run the grader's own tests, which include those of the house."""
        command = [sys.executable, "-m", "pytest", "grader/tests", "-q", "--tb=short", "-p", "no:cacheprovider"]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})
        summary = ran.stdout.strip().splitlines()[-1:] or [ran.stderr[-2000:]]
        found = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error|skipped)", summary[0])}
        self.passed += found.get("passed", 0)
        self.skipped += [f"grader/tests: {found['skipped']} tests"] if "skipped" in found else []
        self.failures += [f"grader/tests\n{ran.stdout[-6000:]}"] * (ran.returncode != 0)
        click.echo(f"grader and house: {summary[0]}")

    def show(self) -> None:
        columns = ("katas", "clauses", "mistakes caught", "also right accepted", "golden values")
        click.echo()
        click.echo(f"{'':<14}" + "".join(column.rjust(max(10, len(column) + 2)) for column in columns))
        chapters = [chapter for chapter, _ in groupby(self.katas, lambda k: k.chapter)]
        for row in [*chapters, "all"] if len(chapters) > 1 else chapters:
            numbers = (sum(self.counts[c, column] for c in chapters if row in (c, "all")) for column in columns)
            cells = (str(n).rjust(max(10, len(c) + 2)) for n, c in zip(numbers, columns, strict=True))
            click.echo(f"{row:<14}" + "".join(cells))
        click.echo()
        for told in self.skipped:
            click.echo(f"skipped  {told}")
        for told in self.failures:
            click.echo(f"FAILED   {told}\n")
        click.echo(f"{self.passed} passed, {len(self.failures)} failed")

