"""Checks, in a line each, what a verdict rests on: versions, data, disk, the checkout."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from grader import show
from grader.checkout import damage
from grader.files import home
from grader.forks import FORKS
from grader.syllabus import ROOT

DAMAGED = 3
ATTEMPTS = 10  # tenths of a second in which a system tells of a save
Check = tuple[str, str, str]  # what, what was found, and the remedy if it is not well


def examine() -> int:
    """Print every check. Return 3 if the checkout is damaged, 1 if anything else is not well."""
    found = [check for part in (versions, vocabulary, surroundings, checkout) for check in part()]
    for what, seen, remedy in found:
        mark, colour = ("✗", "red") if remedy else ("✓", "green")
        show.say(f"{mark} {what:<14} {seen}", fg=colour)
        if remedy:
            show.say(f"    {remedy}")
    if any(what == "checkout" and remedy for what, _, remedy in found):
        return DAMAGED
    return int(any(remedy for *_, remedy in found))


def versions() -> Iterator[Check]:
    """Compare what is installed with what the golden values were seen with."""
    ok = sys.version_info >= (3, 11)
    yield "python", platform.python_version(), "" if ok else "Python 3.11 or newer is needed."
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text("utf-8").split()
        if "==" in line
    )
    for name in (
        "torch",
        "numpy",
        "tiktoken",
        "regex",
        "pytest",
        "hypothesis",
        "click",
        "rich",
        "watchfiles",
    ):
        try:
            here = version(name)
        except PackageNotFoundError:
            yield name, "missing", f"pip install -c constraints.txt {name}"
            continue
        same = here.partition("+")[0] == pinned[name]
        note = "" if same else f"   (verdicts were proved with {pinned[name]})"
        yield name, here + note, ""


def vocabulary() -> Iterator[Check]:
    """Read GPT-2's vocabulary and look for the story."""
    from grader.data import gpt2_encoding, the_verdict

    yield tried("GPT-2", lambda: f"{gpt2_encoding().n_vocab:,} tokens, without the network")
    story = (
        "here"
        if the_verdict()
        else "absent: the tests that need it are skipped (VERDICT_PATH names it)"
    )
    yield "The Verdict", story, ""


def tried(what: str, look: Callable[[], str]) -> Check:
    try:
        return what, look(), ""
    except Exception as error:
        return what, "unreadable", f"{type(error).__name__}: {error}"


def surroundings() -> Iterator[Check]:
    """Look at the terminal, the disk, the cores, and how children are started."""
    yield "encoding", sys.stdout.encoding or "unknown", ""
    free = shutil.disk_usage(ROOT).free >> 20
    yield (
        "disk",
        f"{free:,} MiB free",
        "" if free > 100 else "Free some space: verdicts cannot be kept.",
    )
    kept = home()
    beside = kept.is_relative_to(ROOT)
    yield "progress", f"kept in {kept if not beside else kept.relative_to(ROOT)}", ""
    method = "forked from a server" if FORKS else "a new process each (no fork here: slower)"
    yield "checks", f"{os.cpu_count()} at once, {method}", ""
    yield "saves", *watcher()
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    yield "editor", editor or "not named: `o` in `kata watch` takes what it finds", ""


def watcher() -> tuple[str, str]:
    """Save a file, and see whether the system tells of it. Return what was found, and a remedy."""
    from watchfiles import watch

    with tempfile.TemporaryDirectory(dir=home()) as folder:
        looks = watch(folder, rust_timeout=100, yield_on_timeout=True, debounce=50, step=10)
        for attempt, changes in zip(range(ATTEMPTS), looks, strict=False):
            if changes:
                return "told at once", ""
            (Path(folder) / f"saved{attempt}").touch()
    return "not told", "`kata watch --poll` looks for changes itself."


def checkout() -> Iterator[Check]:
    """Compare pages, tests and reference with the manifest, and count the exercises."""
    found = damage()
    for told in found.values():
        yield "checkout", "damaged", told
    if not found:
        yield "checkout", "whole: pages, tests and reference are as published", ""
