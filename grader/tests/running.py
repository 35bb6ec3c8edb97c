"""How a test runs a verb of a tree: to its end, or in a terminal."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from grader.syllabus import ROOT
from grader.tests.warm import run_module

PATIENCE = 300  # seconds of silence after which a test is given up
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # several wait for each other where cores are shared


def environment(**changed: str | None) -> dict[str, str]:
    """Return the variables for a run. None takes one away."""
    ours = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TERM": "xterm"}
    ours |= {"NO_COLOR": None, "FORCE_COLOR": None, "COLUMNS": None} | changed
    return {name: value for name, value in (os.environ | ours).items() if value is not None}


def command(words, tree="reference") -> list[str]:
    return [sys.executable, "-m", tree, *map(str, words)]


def run(
    *words, tree="reference", given: str | bytes = b"", **changed
) -> subprocess.CompletedProcess:
    """Run a verb to its end. A traceback is a bug, whatever the test expects."""
    given = given.encode() if isinstance(given, str) else given
    done = run_module(tree, [*map(str, words)], given, environment(**changed), ROOT, timeout=120)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(words, done.returncode, done.stdout, done.stderr.decode())


def refused(status: int, *words, **options) -> str:
    """Run a verb that is to fail with this exit code, and return the one sentence it gives."""
    done = run(*words, **options)
    assert done.returncode == status, done.stderr
    *usage, told = done.stderr.strip().splitlines()
    assert all(line.startswith(("Usage: ", "Try ")) or not line for line in usage), done.stderr
    assert told.endswith(".")
    return told


def tune(verb: str, weights: Path, folder: Path, *words) -> subprocess.CompletedProcess:
    """Tune a model, and see to it that it was."""
    done = run(verb, "--weights", weights, "--out", folder, *words, **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    return done


class Terminal:
    """A verb that runs in a terminal of 80 columns."""

    def __init__(self, *words, tree="reference", **changed):
        pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
        self.end, end = pty.openpty()
        termios.tcsetwinsize(end, (24, 80))
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), end)
        self.process = subprocess.Popen(
            command(words, tree), env=environment(**changed), start_new_session=True, **streams
        )
        os.close(end)
        self.seen = ""

    def see(self) -> str:
        """Take what comes next; nothing at the end."""
        assert select.select([self.end], [], [], PATIENCE)[0], f"it waits:\n{self.seen}"
        try:
            more = os.read(self.end, 1 << 16).decode(errors="replace")
        except OSError:
            more = ""
        self.seen += more
        return more

    def finish(self) -> int:
        while self.see():
            pass
        os.close(self.end)
        return self.process.wait(timeout=60)
