"""How long a learner waits after a save: `kata watch` in a terminal, beside a cold pytest."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

import click
import pexpect

from grader.syllabus import ROOT, Kata, syllabus
from grader.variants import variants

KEPT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
PASSED, FAILED = "clauses kept", "✗ "
PAINTED = "q quit"  # the last words of every verdict
PATIENCE = 120
FIGURES = ("passed", "failed", "median", "worst", "first", "ratio")


class Watched:
    """A copy of the checkout, and `kata watch` in it, in a terminal of 80 columns."""

    def __init__(self, folder: Path):
        self.root = folder / "llm-kata"
        shutil.copytree(ROOT, self.root, ignore=KEPT_OUT)
        self.env = os.environ | {"PYTHONPATH": str(self.root), "TERM": "xterm"}
        command = ["-m", "grader", "watch", syllabus()[0].slug]
        options = {"cwd": str(self.root), "env": self.env, "dimensions": (24, 80)}
        self.program = pexpect.spawn(sys.executable, command, timeout=PATIENCE, **options)
        self.program.delaybeforesend = None
        self.program.expect_exact(PAINTED)
        self.saves = 0

    def seconds_to(self, verdict: str, this: Kata, text: str) -> float:
        """Save a kata by renaming, and return the seconds until its verdict is painted."""
        self.saves += 1
        file = self.root / "exercises" / f"{this.slug}.py"
        other = file.with_suffix(".new")
        with suppress(pexpect.TIMEOUT):  # what was painted before is none of ours
            self.program.read_nonblocking(1 << 16, 0.1)
        other.write_text(f"{text}\n# saved for the {self.saves}th time\n", "utf-8")
        began = time.perf_counter()
        os.replace(other, file)
        self.program.expect_exact(f"{verdict}".encode())
        self.program.expect_exact(PAINTED)
        return time.perf_counter() - began

    def cold(self, this: Kata) -> float:
        """Return the seconds that a pytest of the kata's tests takes from its start to its end."""
        command = [sys.executable, "-m", "pytest", "-q", str(this.tests.relative_to(ROOT))]
        began = time.perf_counter()
        subprocess.run(command, cwd=self.root, env=self.env, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - began


def measured(rounds: int) -> list[dict]:
    """Measure each kata: as many saves that pass, as many that fail, and one cold pytest."""
    columns = "".join(f"{name:>8}" for name in FIGURES)
    click.echo(f"\nseconds from a save to its verdict{'':<4}{columns} to a cold pytest")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(Path(folder))
        for this in syllabus():
            rows.append(row := of_one(watched, this, rounds))
            click.echo(told(row))
        watched.program.close(force=True)
    click.echo(summary(rows))
    return rows


def of_one(watched: Watched, this: Kata, rounds: int) -> dict:
    right, wrong = this.reference.read_text("utf-8"), variants(this)[0]
    first = watched.seconds_to(PASSED, this, right)
    time.sleep(3)  # what is drawn beforehand is drawn by then, as it is while one writes
    found = {"passed": [], "failed": []}
    for number in range(rounds):
        mistake = wrong[number * len(wrong) // rounds]
        found["failed"].append(watched.seconds_to(FAILED, this, mistake.source))
        found["passed"].append(watched.seconds_to(PASSED, this, right))
    both = [*found["passed"], *found["failed"]]
    times = {"median": median(both), "worst": max(both), "first": first}
    times |= {name: median(seconds) for name, seconds in found.items()}
    return {"kata": this.slug, **times, "ratio": watched.cold(this) / times["median"]}


def told(row: dict) -> str:
    return f"  {row['kata']:<36}" + "".join(f"{row[name]:8.2f}" for name in FIGURES)


def summary(rows: list[dict]) -> str:
    """Say of how many katas the median is within a quarter of a second, and what is worst."""
    quick = sum(row["median"] <= 0.25 for row in rows)
    slowest = max(rows, key=lambda row: row["worst"])
    ratio = min(row["ratio"] for row in rows)
    return (
        f"median at most 0.25 s for {quick} of {len(rows)} katas; "
        f"median of all {median(row['median'] for row in rows):.2f} s; "
        f"worst {slowest['worst']:.2f} s ({slowest['kata']}); least ratio {ratio:.1f}"
    )
