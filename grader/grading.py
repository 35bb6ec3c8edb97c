"""From katas to verdicts: what to run, what is known already, what it amounts to."""

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from grader.checkout import damage, damaged, shared_damage
from grader.court import Job, hold
from grader.stubs import untouched
from grader.syllabus import ROOT, Kata, find, kata, syllabus
from grader.verdicts import (
    ATTEMPTED_AND_WRONG,
    Verdict,
    fingerprint,
    judge,
    known,
    remember,
    solved,
)

WRONG, DAMAGED, STOPPED = 1, 3, 4


def examine(katas: Iterable[Kata], impl="exercises", lean=True, fresh=True) -> dict[str, Verdict]:
    """Judge katas, in children of their own. Untouched stubs and known verdicts are not run."""
    broken = damage()
    if told := shared_damage(broken):
        raise Damaged(told)
    verdicts, jobs = {}, []
    for this in katas:
        verdicts[this.slug] = told = beforehand(this, impl, fresh, damaged(this, broken))
        if told.state == "untested":
            jobs.append(Job(this.slug, impl, lean))
    keys = {job.slug: fingerprint(kata(job.slug)) for job in jobs}
    for job, findings, stopped in hold(jobs):
        verdict = verdicts[job.slug] = judge(kata(job.slug), findings, stopped)
        if impl == "exercises" and fingerprint(kata(job.slug)) == keys[job.slug]:
            remember(kata(job.slug), verdict, keys[job.slug])
    return verdicts


class Damaged(click.ClickException):
    """The checkout is not what was published."""

    exit_code = DAMAGED


def beforehand(this: Kata, impl: str, fresh: bool, told: str) -> Verdict:
    """Say what is known of a kata before it is run."""
    if told:
        return Verdict(this.slug, "damaged", told)
    if impl == "exercises":
        verdict = known(this)
        again = fresh or verdict.state == "stopped"  # it may have been the machine
        return Verdict(this.slug, "untested") if again and verdict.clauses else verdict
    file = this.source(ROOT / impl if impl == "reference" else Path(impl))
    if not file.is_file():
        return Verdict(this.slug, "untouched")
    started = not untouched(file.read_text("utf-8-sig", errors="replace"))
    return Verdict(this.slug, "untested" if started else "untouched")


def borrowed(this: Kata, lean: bool) -> list[Kata]:
    """List the katas that a test of this one takes from the reference."""
    return [k for k in this.imports() if lean or not solved(k)]


def status(verdicts: dict[str, Verdict]) -> int:
    """Return the exit code that the verdicts amount to."""
    states = {verdict.state for verdict in verdicts.values()}
    if "damaged" in states:
        return DAMAGED
    if "wrong" in states:
        return WRONG
    return STOPPED if states & set(ATTEMPTED_AND_WRONG) else 0


def required(words: str) -> Callable[[dict[str, Verdict]], str]:
    """Turn a `--require` into a check that names what is lacking.

    Raises click.UsageError for words that mean nothing.
    """
    if words.endswith("%") and words[:-1].isdigit() and int(words[:-1]) <= 100:
        return lambda verdicts: lacking_share(verdicts, int(words[:-1]))
    chapters = {k.chapter for k in syllabus()}
    if words in chapters or words == "all":
        named = [k for k in syllabus() if words in ("all", k.chapter)]
    else:
        try:
            named = [find(words)]
        except LookupError as error:
            raise click.UsageError(f"--require {words}: {error.args[0]}") from None
    return lambda verdicts: ", ".join(k.name for k in named if verdicts[k.slug].state != "solved")


def lacking_share(verdicts: dict[str, Verdict], percent: int) -> str:
    done = sum(verdict.state == "solved" for verdict in verdicts.values())
    enough = 100 * done >= percent * len(verdicts)
    return "" if enough else f"{done} of {len(verdicts)} is less than {percent}%"
