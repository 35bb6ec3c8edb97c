"""Proves what verdicts rest on: the reference, the bank of mistakes, the order of the house."""

import sys
from collections import Counter
from itertools import groupby

import click

from grader import own_tests
from grader.checkout import write_manifest
from grader.court import Job, hold
from grader.files import write_atomically
from grader.own_tests import Counted
from grader.pages import Page
from grader.stubs import stub
from grader.syllabus import Kata, kata, syllabus
from grader.variants import Variant, variants
from grader.verdicts import judge

COLUMNS = ("katas", "clauses", "mistakes caught", "also right accepted", "golden values")


def prove(katas: list[Kata], write: bool, seed: int | None) -> int:
    """Run every proof about the katas, print a table and what failed, and return the exit code.

    With a seed, only the reference is judged, on other examples than everyone's. A mistake meets
    the clauses that it names; if not all katas are proved at once, also those before the first.
    """
    whole = katas == syllabus()
    if write:
        for this in katas:
            write_atomically(this.exercise, stub(this.reference.read_text("utf-8")))
        write_manifest()
    proofs = Proofs(katas)
    own = own_tests.start() if seed is None and whole else None
    jobs = [Job(this.slug, "reference", lean=False, seed=seed) for this in katas]
    if seed is None:
        bank = proofs.bank.items()
        jobs += [Job(s, variant=n, breaks=v.breaks, brief=whole) for (s, n), v in bank]
    with click.progressbar(length=len(jobs), label="judging", file=sys.stderr) as bar:
        for job, findings, stopped in hold(jobs):
            proofs.weigh(job, findings, stopped)
            bar.update(1)
    if seed is None:
        proofs.compare_messages(write)
    if own:
        proofs.weigh_own_tests(own_tests.count(own))
    proofs.show()
    return 1 if proofs.failures else 0


class Proofs:
    """What is to be shown of some katas, and what was."""

    def __init__(self, katas: list[Kata]):
        self.katas, self.passed = katas, 0
        self.failures: list[str] = []
        self.skipped: list[str] = []
        self.counts: Counter[tuple[str, str]] = Counter()  # by chapter and column
        self.messages: dict[tuple[str, str], str] = {}  # by slug and mistake
        both = {this.slug: [v for kind in variants(this) for v in kind] for this in katas}
        self.bank = {(slug, v.name): v for slug, found in both.items() for v in found}

    def expect(self, good: bool, otherwise: str) -> bool:
        """Count a proof, and keep what is to be said if it failed."""
        self.passed += good
        self.failures += [] if good else [otherwise]
        return good

    def weigh(self, job: Job, findings: list, stopped: str) -> None:
        """Weigh what the tests found of the reference, or of one variant of it."""
        this = kata(job.slug)
        verdict = judge(this, findings, stopped)
        solved, told = verdict.state == "solved", f"{verdict.state}\n{verdict.message}"
        if not job.variant:
            self.expect(solved, f"reference/{job.slug}.py is {told}")
            self.count(this, len(verdict.clauses), findings)
            return
        variant = self.bank[job.slug, job.variant]
        named = f"mistakes/{job.slug}.toml [{variant.name}]"
        if variant.breaks:
            self.messages[job.slug, job.variant] = verdict.message
            escaped = escape(variant, findings)
            caught = self.expect(not escaped, f"{named} {escaped}")
            self.counts[this.chapter, "mistakes caught"] += caught
        else:
            accepted = self.expect(solved, f"{named} is right, and was found {told}")
            self.counts[this.chapter, "also right accepted"] += accepted

    def count(self, this: Kata, clauses: int, findings: list) -> None:
        self.skipped += [f"{this.slug}: {f.message}" for f in findings if f.outcome == "skipped"]
        golden = sum(bool(example.want) for example in Page(this.page).examples())
        for column, number in zip(COLUMNS, (1, clauses, 0, 0, golden), strict=True):
            self.counts[this.chapter, column] += number

    def compare_messages(self, write: bool) -> None:
        """Compare the message that each mistake's author would see with the one on file."""
        for this in self.katas:
            mine = [n for (slug, n), v in self.bank.items() if slug == this.slug and v.breaks]
            parts = (f"[{name}]\n{self.messages[this.slug, name]}" for name in mine)
            text = "\n\n".join(parts) + "\n"
            if write:
                write_atomically(this.messages, text)
            same = this.messages.is_file() and this.messages.read_text("utf-8") == text
            stale = "is not what is shown now; look at it: `kata verify --write"
            self.expect(same, f"mistakes/{this.slug}.txt {stale} {this.name}`")

    def weigh_own_tests(self, found: Counted) -> None:
        """Count the tests of the grader, the runs and the house."""
        self.passed += found.passed
        self.skipped += [f"grader/tests: {found.skipped}"] if found.skipped else []
        self.failures += [found.failure] if found.failure else []
        click.echo(f"grader, runs and house: {found.last}")

    def show(self) -> None:
        """Print the table, what was skipped, what failed, and the line that ends it."""
        chapters = [chapter for chapter, _ in groupby(self.katas, lambda k: k.chapter)]
        click.echo("\n" + f"{'':<10}" + "  ".join(COLUMNS))
        for row in [*chapters, "all"]:
            members = [c for c in chapters if row in (c, "all")]
            totals = (sum(self.counts[c, column] for c in members) for column in COLUMNS)
            cells = (str(t).rjust(len(c)) for t, c in zip(totals, COLUMNS, strict=True))
            click.echo(f"{row:<10}" + "  ".join(cells))
        for told in [*(f"skipped  {s}" for s in self.skipped), *self.failures]:
            click.echo(f"\n{told}")
        click.echo(f"\n{self.passed} passed, {len(self.failures)} failed")


def escape(variant: Variant, findings: list) -> str:
    """Say how a mistake escapes.

    It is caught by a failed law in every clause that it names, and in no other one first.
    """
    laws = [f for f in findings if f.outcome == "failed" and f.raised in ("", variant.raises)]
    caught = {finding.clause for finding in laws}
    escaped = [clause for clause in variant.breaks if clause not in caught]
    first = next((f.clause for f in findings if f.outcome != "passed"), "")
    if not escaped:
        return "" if first in variant.breaks else f"is caught by {first} first: name that, too"
    crashed = [f.message for f in findings if f.outcome in ("crashed", "unloadable")][:1]
    told = f"is not caught by {', '.join(escaped)}; it is by: {', '.join(sorted(caught))}"
    return "\n".join([told, *crashed])
