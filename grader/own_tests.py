"""The tests of the grader, the runs and the house, run beside all other proofs."""

import os
import re
import subprocess
import sys
from typing import NamedTuple

from grader.syllabus import ROOT


class Counted(NamedTuple):
    """What became of them: how many passed and were skipped, and what is to be said if any failed.

    last  the line that pytest ends with
    """

    passed: int
    skipped: int
    failure: str
    last: str


def start() -> subprocess.Popen:
    options = ["-q", "--tb=short", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "grader/tests", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | {"NO_COLOR": "1"}, **pipes)


def count(started: subprocess.Popen) -> Counted:
    """Wait for them, and count them."""
    out, err = started.communicate()
    last = (out.strip() or err).splitlines()[-1]
    found = {word: int(n) for n, word in re.findall(r"(\d+) (passed|skipped)", last)}
    failure = f"grader/tests\n{out}" if started.returncode else ""
    return Counted(found.get("passed", 0), found.get("skipped", 0), failure, last)
