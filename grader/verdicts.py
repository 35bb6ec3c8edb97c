"""What is known of each kata: judged from findings, and kept in a cache that may be deleted."""

import hashlib
import json
import platform
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version

from grader.files import home, write_atomically
from grader.pages import Page
from grader.stubs import untouched
from grader.syllabus import ROOT, Kata

ATTEMPTED_AND_WRONG = ("wrong", "stopped", "damaged")


@dataclass
class Verdict:
    """The state of a kata, the state of each clause, and the first failure in words."""

    slug: str
    state: str
    message: str = ""
    clauses: dict[str, dict] = field(default_factory=dict)

    def count(self, state: str) -> int:
        return sum(clause["state"] == state for clause in self.clauses.values())


def judge(this: Kata, findings: Collection, stopped: str = "") -> Verdict:
    """Judge a kata by what its tests found. A clause is kept only if it was seen to pass."""
    failed = {finding.clause for finding in findings if finding.outcome != "passed"}
    kept = {finding.clause for finding in findings} - failed
    clauses = {
        name: {"sentence": clause.sentence, "state": "untested", "message": ""}
        for name, clause in Page(this.page).clauses().items()
    }
    means = {"passed": "kept", "unwritten": "unwritten", "skipped": "untested"}
    rank = ("untested", "kept", "unwritten", "broken")
    for finding in sorted(findings, key=lambda finding: finding.place):
        clause = clauses.setdefault(
            finding.clause, {"sentence": finding.clause, "state": "untested"}
        )
        state = means.get(finding.outcome, "broken")
        if rank.index(state) > rank.index(clause["state"]):
            clause |= {"state": state, "message": finding.told(kept) if state == "broken" else ""}
    broken = (clause["message"] for clause in clauses.values() if clause["state"] == "broken")
    states = {clause["state"] for clause in clauses.values()}
    if stopped:
        state = "stopped"
    elif "broken" in states:
        state = "wrong"
    else:
        state = "solved" if states == {"kept"} else "begun"
    return Verdict(this.slug, state, stopped or next(broken, ""), clauses)


@cache
def judges() -> bytes:
    """Hash what judges every kata alike: the grader, the shared helpers of the tests, versions."""
    files = sorted([*(ROOT / "grader").glob("*.py"), *(ROOT / "tests").glob("*.py")])
    versions = [
        platform.python_version(),
        *map(version, ("torch", "hypothesis", "regex", "tiktoken")),
    ]
    digest = hashlib.sha256("\n".join(versions).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.digest()


def fingerprint(this: Kata) -> str:
    """Hash everything that a kata's verdict depends on."""
    digest = hashlib.sha256(judges())
    for kata in [*this.imports(), this]:
        digest.update(kata.exercise.read_bytes() if kata.exercise.is_file() else b"missing")
        digest.update(kata.reference.read_bytes())
    digest.update(this.tests.read_bytes() + this.page.read_bytes())
    return digest.hexdigest()


def remember(this: Kata, verdict: Verdict, key: str) -> None:
    """Keep a verdict for as long as nothing changes that it depends on. Loses it quietly."""
    try:
        content = json.dumps({"key": key, "verdict": asdict(verdict)})
        write_atomically(home() / "verdicts" / f"{this.slug}.json", content)
    except OSError:
        pass


def known(this: Kata) -> Verdict:
    """Say what is known of the learner's kata without running it."""
    if this.exercise.exists() and not this.exercise.is_file():
        told = f"exercises/{this.slug}.py is no file: move it away, then `kata reset {this.name}`."
        return Verdict(this.slug, "damaged", told)
    try:
        source = this.exercise.read_text("utf-8-sig")
    except UnicodeDecodeError:
        source = ""
    except OSError:
        told = f"exercises/{this.slug}.py is missing: `kata reset {this.name}` puts the stub back."
        return Verdict(this.slug, "damaged", told)
    if source and untouched(source):
        return Verdict(this.slug, "untouched")
    try:
        kept = json.loads((home() / "verdicts" / f"{this.slug}.json").read_text("utf-8"))
        if kept["key"] == fingerprint(this):
            return Verdict(**kept["verdict"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return Verdict(this.slug, "untested")


def solved(this: Kata) -> bool:
    """Say whether the learner's kata, as it stands, was seen to pass."""
    return known(this).state == "solved"
