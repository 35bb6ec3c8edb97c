"""The tour: its screens, that it touches nothing, how it is left, and its pictures."""

import hashlib
import os
import re
import select
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pytest

from grader import stage
from grader.syllabus import ROOT, kata
from grader.tests.running import Terminal
from grader.tour import KATA, MISTAKE

SLUG = "text/regex_tokenize"
CLEARED = "\x1b[2J\x1b[1;1H"
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no terminals of this kind")


def files(root: Path) -> dict[str, str]:
    """Hash every file of a checkout but what Python compiled."""
    found = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def screens(printed: str) -> list[str]:
    return re.split(r"^(?=\d of 4 · )", printed, flags=re.M)[1:]


def message() -> str:
    """Return the message that is on file for the mistake of the tour."""
    on_file = kata(KATA).messages.read_text("utf-8").split(f"[{MISTAKE}]\n")[1]
    return on_file.partition("\n\n[")[0]


@pytest.fixture
def scratch() -> Path:
    """A folder for temporary files, of a name short enough for sockets. No tour is left in it."""
    with TemporaryDirectory() as folder:
        yield Path(folder)
        assert not list(Path(folder).glob("kata-tour-*"))


def test_in_a_pipe_it_runs_through_and_touches_nothing(clone, scratch):
    clone.solve(SLUG)
    clone.kata("test", SLUG)
    clone.kata("hint", SLUG)
    before = files(clone.root)
    assert any(name.startswith(".kata") for name in before)
    run = clone.kata("tour", TMPDIR=str(scratch))
    assert (run.returncode, run.stderr) == (0, "")
    assert files(clone.root) == before
    stub, mistake, solution, following = screens(run.stdout)
    assert "· masks · not started: write exercises/attention/masks.py" in stub
    assert f"{message()}\n" in mistake
    assert "✓ masks · solved: all 17 clauses kept" in solution
    assert "run    kata test build_vocab" in following
    for screen in (stub, mistake, solution, following):
        assert len(screen.rstrip().splitlines()) <= stage.HEIGHT
        assert max(map(len, screen.splitlines())) <= 79
    assert "\x1b" not in run.stdout
    assert str(scratch) not in run.stdout


def press(terminal: Terminal, key: bytes, title: str = "") -> None:
    """Press a key until a screen is seen, or the end."""
    while terminal.process.poll() is None and not (title and title in terminal.seen):
        os.write(terminal.end, key)
        if select.select([terminal.end], [], [], 0.5)[0]:
            terminal.see()


def start(scratch: Path) -> Terminal:
    return Terminal("tour", tree="grader", TMPDIR=str(scratch), KATA_HOME=str(scratch / "kept"))


@posix
def test_q_leaves_it(scratch):
    terminal = start(scratch)
    press(terminal, b"q")
    assert terminal.finish() == 0
    assert "1 of 4" in terminal.seen
    assert "2 of 4" not in terminal.seen


@posix
def test_enter_goes_on_and_ctrl_c_ends_it_while_a_child_is_at_work(scratch):
    terminal = start(scratch)
    press(terminal, b"\r", "2 of 4")
    assert terminal.seen.count(CLEARED) == 2
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.finish() == 130
    assert "Interrupted. Nothing is lost" in terminal.seen
    assert "Traceback" not in terminal.seen


@pytest.mark.parametrize(
    ("terminal", "term", "pauses"), [(True, "xterm", 3), (True, "dumb", 0), (False, "xterm", 0)]
)
def test_only_a_terminal_that_can_be_cleared_waits(monkeypatch, capsys, terminal, term, pauses):
    @contextmanager
    def four(following):
        yield type("Four", (), {"screens": lambda: dict.fromkeys("abcd", lambda: None)})

    pressed = []
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(stage, "tour", four)
    monkeypatch.setattr(stage.click, "getchar", lambda: pressed.append("x") or "\r\r")
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    stage.play()
    printed = capsys.readouterr().out
    assert len(pressed) == pauses
    assert len(screens(click.unstyle(printed).replace(CLEARED, ""))) == 4
    assert (CLEARED in printed) == bool(pauses)


def test_the_pictures_of_the_readme_are_current(clone, tmp_path):
    clone.solve(SLUG)
    run = clone.kata("tour", "--svg", str(tmp_path / "svg"), TOX_ENV_NAME="kata")
    assert run.returncode == 0
    drawn, kept = (
        {path.name: path.read_text("utf-8") for path in folder.iterdir()}
        for folder in (tmp_path / "svg", ROOT / "docs" / "tour")
    )
    assert drawn == kept, "`kata tour --svg docs/tour` renews them"
    readme = (ROOT / "README.md").read_text("utf-8")
    for name, picture in kept.items():
        assert f"(docs/tour/{name})" in readme
        assert "font-face" not in picture
        assert "url(http" not in picture
