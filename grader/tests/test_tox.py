"""`tox -- watch`: the same screens, and the keys work, through tox."""

import os
import shutil
from pathlib import Path

import pytest

from grader.syllabus import ROOT
from grader.tests.terminals import Terminal, assert_screen, save

SLUG = "text/regex_tokenize"
TOX = os.environ.get("KATA_TOX") or shutil.which("tox")
ENVIRONMENTS = Path(os.environ.get("TOX_WORK_DIR", ROOT / ".tox"))


@pytest.mark.skipif(not TOX, reason="needs tox: KATA_TOX names it")
@pytest.mark.skipif(not (ENVIRONMENTS / "kata").is_dir(), reason="needs what `tox` sets up")
def test_a_kata_is_watched_through_tox(clone):
    words = ["-q", "--skip-env-install", "--workdir", str(ENVIRONMENTS), "--", "watch"]
    env = {n: v for n, v in clone.environment(TERM="xterm").items() if n != "PYTHONPATH"}
    terminal = Terminal([TOX, *words], clone.root, env)
    try:
        terminal.until("not started", "q quit")
        right = (clone.root / "reference" / f"{SLUG}.py").read_text("utf-8")
        save(clone.exercise(SLUG), right)
        assert_screen("tox", terminal.until("all 8 clauses kept", "q quit"))
        terminal.press("q")
        assert terminal.end() == 0
    finally:
        terminal.program.close(force=True)
