"""`kata watch` in a terminal: what is seen after each save, each key, and each accident."""

import shlex
import signal
import sys
import time

import pytest

from grader.tests.terminals import Terminal, assert_screen, save

SLUG = "text/regex_tokenize"
RIGHT, WRONG = '["--", *map', '["-", *map'
ENDLESS = "    while True:\n        pass\n"


class Learner:
    """Somebody who watches a kata and edits it."""

    def __init__(self, clone, slug=SLUG):
        self.clone, self.file = clone, clone.exercise(slug)
        self.stub = self.file.read_text("utf-8")
        self.right = (clone.root / "reference" / f"{slug}.py").read_text("utf-8")
        self.wrong = self.right.replace(RIGHT, WRONG)
        self.terminal = None

    def watch(self, *words: str, size=(24, 80), shell=False, **environment):
        env = self.clone.environment(
            **{"TERM": "xterm", "PYTHONPATH": str(self.clone.root)} | environment
        )
        env = {name: value for name, value in env.items() if value is not None}
        command = [sys.executable, "-m", "grader", "watch", *words]
        shell_first = ["bash", "--norc", "-i"] if shell else command
        self.terminal = Terminal(shell_first, self.clone.root, env, size)
        if shell:
            self.terminal.press(f"{shlex.join(command)}\n")
        return self.terminal

    def save(self, text: str) -> None:
        save(self.file, text)


@pytest.fixture
def learner(clone):
    learner = Learner(clone)
    yield learner
    if learner.terminal:
        learner.terminal.program.close(force=True)


def test_from_the_stub_to_the_next_kata(learner):
    see = learner.watch().until("not started", "q quit")
    assert_screen("not-started", see)
    learner.save(learner.wrong)
    assert_screen("wrong", learner.terminal.until("clauses broken", "q quit"))
    learner.terminal.press("h")
    assert_screen("hint", learner.terminal.until("1 of 5 hints"))
    learner.save(learner.right)
    assert_screen("solved", learner.terminal.until("all 8 clauses kept", "q quit"))
    learner.terminal.press("n")
    assert_screen("next", learner.terminal.until("build_vocab · not started"))
    learner.terminal.press("l")
    assert "1 of " in learner.terminal.until("next: build_vocab", "q quit")
    learner.terminal.press("q")
    assert learner.terminal.end() == 0


def test_a_large_terminal_shows_the_same(learner):
    learner.watch(size=(40, 120)).until("not started")
    learner.save(learner.wrong)
    seen = learner.terminal.until("clauses broken", "q quit")
    assert_screen("wrong", seen)


def test_what_is_not_true_any_more_is_not_seen(learner):
    learner.watch().until("not started")
    for text, told in 3 * [(learner.wrong, "clauses broken"), (learner.right, "clauses kept")]:
        learner.save(text)
        other = "kept" if told.endswith("broken") else "broken"
        learner.terminal.until(told, gone=other)


def test_a_loop_that_never_ends_is_given_up_for_what_is_saved_next(learner):
    learner.watch().until("not started")
    learner.save(learner.stub.replace("    raise NotImplementedError\n", ENDLESS))
    learner.terminal.until("testing regex_tokenize")
    learner.save(learner.right)
    learner.terminal.until("all 8 clauses kept")


def test_a_loop_that_never_ends_is_stopped(learner):
    learner.watch(KATA_TIME_LIMIT="2").until("not started")
    learner.save(learner.stub.replace("    raise NotImplementedError\n", ENDLESS))
    assert_screen("endless", learner.terminal.until("Stopped after 2 seconds", "q quit"))
    learner.save(learner.right)
    learner.terminal.until("all 8 clauses kept")


def test_code_that_ends_the_process_ends_only_its_own(learner):
    learner.watch().until("not started")
    learner.save(learner.right + "\nimport os\nos._exit(3)\n")
    learner.terminal.until("exit code 3")
    learner.save(learner.right)
    learner.terminal.until("all 8 clauses kept")


def test_a_file_that_is_away_and_comes_back(learner):
    learner.watch().until("not started")
    learner.file.unlink()
    learner.terminal.until("is missing:", "puts the stub back")
    learner.save(learner.right)
    learner.terminal.until("all 8 clauses kept")


def test_an_editor_that_writes_in_two_steps(learner):
    learner.watch().until("not started")
    half = len(learner.right) // 2
    with learner.file.open("w", encoding="utf-8") as file:
        file.flush()
        time.sleep(0.03)
        file.write(learner.right[:half])
        file.flush()
        time.sleep(0.03)
        file.write(learner.right[half:])
    learner.terminal.until("all 8 clauses kept")


def test_the_stub_comes_back_when_that_is_confirmed(learner):
    learner.save(learner.wrong)
    learner.watch().until("clauses broken")
    for key, told in (("n", "Nothing was changed"), ("y", "not started")):
        learner.terminal.press("x")
        learner.terminal.until("y or n")
        learner.terminal.press(key)
        learner.terminal.until(told)
    assert learner.file.read_text("utf-8") == learner.stub


def test_a_change_of_the_tests_begins_anew(learner):
    """The checkout is then damaged, which only a grader that looks again can know."""
    learner.watch().until("not started")
    tests = learner.clone.root / "tests" / "laws.py"
    save(tests, tests.read_text("utf-8") + "\n")
    learner.terminal.until("tests/laws.py was changed")
    assert learner.terminal.end() == 3


def test_suspended_and_resumed(learner):
    """In a shell with jobs: Ctrl-Z gives its prompt back, `fg` paints what was there."""
    learner.watch("regex", shell=True).until("not started")
    learner.terminal.press("\x1a")
    learner.terminal.until("Stopped")
    learner.terminal.press("echo $((6 * 7))\n")
    learner.terminal.until("\n42\n")
    learner.terminal.press("fg\n")
    learner.terminal.until("not started", gone="Stopped")
    learner.save(learner.right)
    learner.terminal.until("all 8 clauses kept", "q quit")
    learner.terminal.press("q")
    learner.terminal.press("echo left with $?\n")
    learner.terminal.until("left with 0")


def test_a_new_size_is_painted_anew(learner):
    learner.save(learner.wrong)
    seen = learner.watch().until("clauses broken", "q quit")
    learner.terminal.resize(40, 120)
    learner.terminal.screen.erase_in_display(2)
    assert learner.terminal.until("clauses broken", "q quit") == seen


def test_the_editor_that_the_learner_named_is_opened(learner, tmp_path):
    (tmp_path / "right").write_text(learner.right, "utf-8")
    learner.watch(EDITOR=f"cp {tmp_path / 'right'}").until("not started")
    learner.terminal.press("o")
    learner.terminal.until("all 8 clauses kept", "q quit")


def test_an_editor_that_is_not_there_is_said(learner):
    learner.watch(EDITOR="no-such-editor").until("not started")
    learner.terminal.press("o")
    learner.terminal.until("EDITOR names one")
    learner.save(learner.right)
    learner.terminal.until("all 8 clauses kept")


def test_what_is_known_is_run_again_when_that_is_asked_for(learner):
    learner.save(learner.right)
    learner.watch("regex").until("all 8 clauses kept")
    kept = learner.clone.root / ".kata" / "verdicts" / f"{SLUG}.json"
    kept.unlink()
    learner.terminal.press("r")
    wait_for(kept.is_file)


def test_a_verdict_is_painted_once(learner):
    """Whatever happens next: a key that means nothing, or a save of another kata."""
    learner.watch().until("not started")
    learner.save(learner.right)
    learner.terminal.until("all 8 clauses kept", "q quit")
    painted = learner.terminal.raw.count(b"clauses kept")
    learner.terminal.press("zz")
    other = learner.clone.exercise("text/build_vocab")
    save(other, other.read_text("utf-8") + "\n")
    learner.terminal.until("build_vocab · not started")
    assert painted == learner.terminal.raw.count(b"clauses kept") == 1


def test_two_watchers_see_the_same(learner, clone):
    learner.watch().until("not started")
    other = Learner(clone)
    other.watch().until("not started")
    learner.save(learner.right)
    for one in (learner, other):
        one.terminal.until("all 8 clauses kept", "q quit")
        one.terminal.press("q")
        assert one.terminal.end() == 0


def test_an_interrupt_leaves_the_terminal_as_it_was(learner):
    learner.watch().until("not started")
    learner.terminal.press("\x03")
    assert learner.terminal.end() == 130
    assert "Nothing is lost" in learner.terminal.text()


@pytest.mark.parametrize(
    ("name", "words", "environment"),
    [
        ("plain", ["--plain"], {}),
        ("dumb", [], {"TERM": "dumb"}),
        ("ascii", ["--plain"], {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": None}),
        ("colours", [], {"NO_COLOR": None, "FORCE_COLOR": "1"}),
        ("polled", ["--plain", "--poll"], {}),
        ("without-fork", ["--plain"], {"KATA_NO_FORK": "1"}),
    ],
)
def test_other_terminals(learner, name, words, environment):
    learner.watch(*words, **environment).until("not started")
    learner.save(learner.wrong)
    learner.terminal.until("clauses broken")
    learner.save(learner.right)
    assert_screen(name, learner.terminal.until("all 8 clauses kept", "q quit"))
    coloured = b"\x1b[3" in learner.terminal.raw
    cleared = b"\x1b[2J" in learner.terminal.raw
    assert coloured == (name == "colours")
    assert cleared == (name == "colours")


def test_into_a_file(learner, tmp_path):
    """Off a terminal there are no keys, no colours, and nothing is cleared."""
    out = tmp_path / "log"
    with out.open("wb") as file:
        import subprocess

        program = subprocess.Popen(
            [sys.executable, "-m", "grader", "watch"],
            cwd=learner.clone.root,
            env=learner.clone.environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            for text, told in (
                ("", "not started"),
                (learner.wrong, "broken"),
                (learner.right, "kept"),
            ):
                if text:
                    learner.save(text)
                wait_for(lambda told=told: told in out.read_text("utf-8"))
        finally:
            program.send_signal(signal.SIGINT)
            program.wait(20)
    assert_screen("file", out.read_text("utf-8"))


def wait_for(seen) -> None:
    end = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.05)
