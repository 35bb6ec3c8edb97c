"""A copy of the checkout to break, a way to run the command in it, and models to run."""

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from grader.stubs import stub
from grader.syllabus import ROOT, syllabus
from grader.tests.running import ONE_THREAD, run, tune

signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
KEPT_OUT = shutil.ignore_patterns(
    ".git", ".tox", ".kata", ".venv", ".hypothesis", "__pycache__", "*.egg-info", ".*_cache"
)


@cache
def stubs() -> dict[str, str]:
    return {this.slug: stub(this.reference.read_text("utf-8")) for this in syllabus()}


class Clone:
    """A checkout of its own, with untouched exercises."""

    def __init__(self, root: Path):
        self.root = root
        shutil.copytree(ROOT, root, ignore=KEPT_OUT)
        for slug, text in stubs().items():
            self.exercise(slug).write_text(text, "utf-8")

    def exercise(self, slug: str) -> Path:
        return self.root / "exercises" / f"{slug}.py"

    def solve(self, *slugs: str) -> None:
        """Copy the reference over some exercises, or over all."""
        for slug in slugs or [this.slug for this in syllabus()]:
            shutil.copy(self.root / "reference" / f"{slug}.py", self.exercise(slug))

    def change(self, slug: str, old: str, new: str) -> None:
        """Replace a passage of an exercise."""
        source = self.exercise(slug).read_text("utf-8")
        assert source.count(old) == 1
        self.exercise(slug).write_text(source.replace(old, new), "utf-8")

    def environment(self, **changed: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KATA_", "TOX_"))}
        return kept | {"NO_COLOR": "1", "PYTHONUTF8": "1"} | changed

    def start(self, *words: str, **environment: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "grader", *words],
            cwd=self.root,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def kata(self, *words: str, **environment: str) -> subprocess.CompletedProcess:
        """Run the command to its end. A traceback is a bug, whatever the test expects."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=900)  # all katas, on a busy machine
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A folder in which a tiny GPT was trained for a moment."""
    folder = tmp_path_factory.mktemp("tiny") / "gpt"
    done = run("pretrain", "--out", folder, "--steps", 4, "--batch", 2, **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def colours(tmp_path_factory) -> Path:
    """A file of pairs that are quickly learned: each colour has a number."""
    words = ("red", "green", "blue", "violet", "black", "white", "grey", "brown", "pink", "gold")
    things = ("ink", "fog", "dust", "wood", "silk", "clay")
    rows = [
        {
            "task": thing,
            "instruction": f"Which number has {word} {thing}?",
            "output": str(number),
            "rejected": "Nobody knows that.",
        }
        for number, word in enumerate(words)
        for thing in things
    ]
    path = tmp_path_factory.mktemp("data") / "colours.json"
    path.write_text(json.dumps(rows), "utf-8")
    return path


@pytest.fixture(scope="session")
def tuned(tmp_path_factory, tiny, colours) -> Path:
    """A folder in which a tiny GPT was tuned for a moment."""
    folder = tmp_path_factory.mktemp("tuned") / "gpt"
    done = tune("finetune", tiny, folder, "--data", colours, "--steps", 12, "--batch", 4)
    (folder / "printed").write_bytes(done.stdout)
    (folder / "told").write_text(done.stderr, "utf-8")
    return folder


@pytest.fixture
def clone(tmp_path) -> Clone:
    return Clone(tmp_path / "llm-kata")
