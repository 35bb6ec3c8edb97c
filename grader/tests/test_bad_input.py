"""Whatever a file or a machine does: a clear sentence, the right exit code, nothing lost."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

SLUG, OTHER = "text/regex_tokenize", "text/build_vocab"
BODY = '    alternatives = ["--"'


def judged(clone, **environment) -> tuple[int, str, str, str]:
    """Grade, and return the exit code, both states, and the first message."""
    run = clone.kata("grade", "--json", **environment)
    katas = {k["slug"]: k for k in json.loads(run.stdout)["katas"]}
    return run.returncode, katas[SLUG]["state"], katas[OTHER]["state"], katas[SLUG]["message"]


@pytest.mark.parametrize(
    ("line", "state", "told"),
    [
        ("    return (", "wrong", "syntax error: '(' was never closed"),
        ("    import no_such_module", "wrong", "raised ModuleNotFoundError"),
        ("    import sys; sys.exit(0)", "wrong", "raised SystemExit: 0"),
        ("    import os; os._exit(0)", "stopped", "ended (exit code 0)"),
        ("    return None", "wrong", "returned nothing (None): is a `return` missing?"),
        ("    import pytest; pytest.skip('no')", "wrong", "raised"),
        ("    import pytest; pytest.exit('no', 0)", "wrong", "raised"),
        ("    raise KeyboardInterrupt", "wrong", "raised KeyboardInterrupt"),
        ("    return text.nonsense", "wrong", "has no attribute 'nonsense'"),
        ("    return regex_tokenize(text)", "wrong", "raised RecursionError"),
        ("    return bytearray(1 << 36)", "stopped", "more memory than the 4 GiB"),
        ("    raise ValueError('\\ud800')", "wrong", "raised ValueError: \\ud800"),
        ("    x = []; x.append(x); return x", "wrong", "returned [[[[…]]]]"),
        ("    import sys; sys.setrecursionlimit(60)", "wrong", "raised RecursionError"),
        (
            "    import socket; socket.create_connection(('127.0.0.1', 9))",
            "wrong",
            "may not use the network",
        ),
    ],
)
def test_a_function_that_misbehaves(clone, line, state, told):
    clone.solve(SLUG, OTHER)
    clone.change(SLUG, BODY, f"{line}\n{BODY}")
    status, mine, other, message = judged(clone)
    assert (mine, other) == (state, "solved")
    assert told in " ".join(message.split())
    assert status == (1 if state == "wrong" else 4)


@pytest.mark.parametrize(
    ("top", "state", "told"),
    [
        ("import no_such_module", "wrong", "raised ModuleNotFoundError"),
        ("from ..text.nonsense import nonsense", "wrong", "no kata is called text/nonsense"),
        ("raise SystemExit", "wrong", "raised SystemExit"),
        ("1 / 0", "wrong", "raised ZeroDivisionError: division by zero"),
        (
            "while True: pass",
            "stopped",
            "Stopped after 3 seconds, at exercises/text/regex_tokenize.py:1",
        ),
    ],
)
def test_a_file_that_cannot_be_imported(clone, top, state, told):
    clone.solve(SLUG, OTHER)
    path = clone.exercise(SLUG)
    path.write_text(f"{top}\n{path.read_text('utf-8')}", "utf-8")
    _, mine, other, message = judged(clone, KATA_TIME_LIMIT="3")
    assert (mine, other) == (state, "solved")
    assert told in " ".join(message.split())


@pytest.mark.parametrize(
    ("bottom", "state", "told"),
    [
        ("regex_tokenize = None", "wrong", "`regex_tokenize` is None and cannot be called"),
        ("x = " + "+".join(["1"] * 3000), "wrong", "raised RecursionError"),
        (
            "import threading, time; threading.Thread(target=time.sleep, args=[999]).start()",
            "solved",
            "",
        ),
        (
            "from reference.text.regex_tokenize import *",
            "wrong",
            "takes the answer from the reference",
        ),
    ],
)
def test_a_file_with_an_odd_end(clone, bottom, state, told):
    clone.solve(SLUG, OTHER)
    path = clone.exercise(SLUG)
    path.write_text(f"{path.read_text('utf-8')}\n{bottom}\n", "utf-8")
    _, mine, other, message = judged(clone)
    assert (mine, other) == (state, "solved")
    assert told in " ".join(message.split())


def test_a_byte_order_mark_is_no_mistake(clone):
    path = clone.exercise(SLUG)
    path.write_text(path.read_text("utf-8"), "utf-8-sig")
    assert judged(clone)[:2] == (0, "untouched")
    clone.solve(SLUG)
    path.write_text(path.read_text("utf-8"), "utf-8-sig")
    assert judged(clone)[:2] == (0, "solved")


def test_what_is_no_file_is_not_read(clone):
    clone.exercise(SLUG).unlink()
    os.mkfifo(clone.exercise(SLUG))
    status, mine, _, message = judged(clone)
    assert (status, mine) == (3, "damaged")
    assert "move it away" in message


def test_an_endless_loop_is_stopped_at_its_line(clone):
    clone.solve(SLUG, OTHER)
    clone.change(SLUG, BODY, f"    while True:\n        pass\n{BODY}")
    status, mine, other, message = judged(clone, KATA_TIME_LIMIT="3")
    assert (status, mine, other) == (4, "stopped", "solved")
    assert "exercises/text/regex_tokenize.py:1" in message
    assert "KATA_TIME_LIMIT=6" in message


def test_what_was_stopped_is_tested_again(clone, tmp_path):
    flag = tmp_path / "loop"
    flag.touch()
    clone.solve(SLUG)
    clone.change(
        SLUG, BODY, f"    import os\n    while os.path.exists({str(flag)!r}): pass\n{BODY}"
    )
    assert judged(clone, KATA_TIME_LIMIT="3")[:2] == (4, "stopped")
    flag.unlink()
    assert judged(clone)[:2] == (0, "solved")


def test_a_sleep_that_ignores_signals_is_stopped(clone):
    clone.solve(SLUG, OTHER)
    sleep = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"
    clone.change(SLUG, BODY, f"    {sleep}\n{BODY}")
    assert judged(clone, KATA_TIME_LIMIT="3")[:3] == (4, "stopped", "solved")


def test_100_mb_of_print_is_not_kept(clone):
    clone.solve(SLUG, OTHER)
    flood = "if text.startswith('Hello, world. Is'): print('x' * 100_000_000); return 3"
    clone.change(SLUG, BODY, f"    {flood}\n{BODY}")
    status, mine, other, message = judged(clone)
    assert (status, mine, other) == (1, "wrong", "solved")
    assert "It printed" in message
    assert "more characters" in " ".join(message.split())
    assert len(message) < 2000


def test_an_argument_changed_in_place_is_named(clone):
    clone.solve(SLUG, "text/split_special")
    path = clone.exercise("text/merge_pair")
    clone.solve("text/merge_pair")
    source = path.read_text("utf-8")
    head, signature, rest = source.partition("def count_pairs")
    docstring_end = rest.index('"""', rest.index('"""') + 3) + 3
    path.write_text(
        head + signature + rest[:docstring_end] + "\n    words[()] = 1" + rest[docstring_end:],
        "utf-8",
    )
    run = clone.kata("test", "merge_pair")
    assert run.returncode == 1
    assert "changed its argument" in run.stdout


def test_a_file_that_is_not_utf8(clone):
    clone.solve(OTHER)
    clone.exercise(SLUG).write_bytes(b"# caf\xe9\n")
    status, mine, other, message = judged(clone)
    assert (status, mine, other) == (1, "wrong", "solved")
    assert "not UTF-8: byte 5" in message


def test_an_empty_file(clone):
    clone.solve(OTHER)
    clone.exercise(SLUG).write_text("")
    status, mine, other, message = judged(clone)
    assert (status, mine, other) == (1, "wrong", "solved")
    assert "`kata reset regex_tokenize` puts the stub back" in " ".join(message.split())


def test_a_deleted_stub_is_damage_with_a_remedy(clone):
    clone.solve(OTHER)
    clone.exercise(SLUG).unlink()
    status, mine, other, message = judged(clone)
    assert (status, mine, other) == (3, "damaged", "solved")
    assert "kata reset regex_tokenize" in message
    assert clone.kata("reset", "regex_tokenize").returncode == 0
    assert judged(clone)[:2] == (0, "untouched")


@pytest.mark.parametrize(
    "edit", [lambda p: p.unlink(), lambda p: p.write_text(p.read_text("utf-8") + "\n", "utf-8")]
)
@pytest.mark.parametrize(
    "file", ["tests/text/test_regex_tokenize.py", f"spec/{SLUG}.md", f"reference/{SLUG}.py"]
)
def test_a_deleted_or_edited_judge_is_damage(clone, file, edit):
    clone.solve(SLUG, OTHER)
    edit(clone.root / file)
    status, mine, other, message = judged(clone)
    assert (status, mine, other) == (3, "damaged", "solved")
    assert file in message
    assert clone.kata("doctor").returncode == 3


def test_damage_that_all_katas_share_stops_everything(clone):
    laws = clone.root / "tests" / "laws.py"
    laws.write_text(laws.read_text("utf-8") + "\n", "utf-8")
    run = clone.kata("grade")
    assert run.returncode == 3
    assert "tests/laws.py was changed" in run.stderr


@pytest.mark.parametrize(
    ("typo", "nearest"), [("regexx_tokenize", "regex_tokenize"), ("vocab_build", "build_vocab")]
)
def test_a_typo_is_answered_with_the_nearest_name(clone, typo, nearest):
    run = clone.kata("test", typo)
    assert run.returncode == 2
    assert nearest in run.stderr


def test_an_ambiguous_name_is_asked_back(clone):
    run = clone.kata("test", "simple")
    assert run.returncode == 2
    assert "simple_tokenizer_v1" in run.stderr
    assert "simple_tokenizer_v2" in run.stderr


@contextmanager
def mounted(folder, options: str):
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True
    )
    if mount.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_loses_nothing(clone, tmp_path):
    clone.solve(SLUG)
    mine = clone.exercise(SLUG).read_text("utf-8")
    with mounted(tmp_path / "full", "size=64k") as full:
        (full / "filler").write_bytes(b"x" * (60 << 10))
        (full / "hints.json").write_text("{}")
        run = clone.kata("reset", SLUG, KATA_HOME=str(full))
        if run.returncode == 0:  # there was a temporary folder to fall back to
            assert "kept in" in run.stdout
        else:
            assert "No space left" in run.stderr
            assert clone.exercise(SLUG).read_text("utf-8") == mine
        assert clone.kata("grade", KATA_HOME=str(full)).returncode == 0


def test_a_read_only_checkout_is_graded(clone, tmp_path):
    clone.solve(SLUG)
    with mounted(tmp_path / "disc", "size=64m") as disc:
        shutil.copytree(clone.root, disc / "llm-kata")
        subprocess.run(["mount", "-o", "remount,ro", disc], check=True)
        clone.root = disc / "llm-kata"
        assert judged(clone)[:2] == (0, "solved")
        run = clone.kata("reset", SLUG)
        assert run.returncode == 1
        assert "Read-only file system" in run.stderr


def test_a_reader_that_leaves_early_ends_it_quietly(clone):
    command = f"{os.sys.executable} -m grader spec regex | head -n 1"
    run = subprocess.run(
        command, shell=True, cwd=clone.root, env=clone.environment(), capture_output=True, text=True
    )
    assert run.stdout == "# Regex tokenizer\n"
    assert run.stderr == ""


def test_ctrl_c_in_the_middle(clone):
    clone.solve(SLUG)
    clone.change(SLUG, BODY, f"    while True:\n        pass\n{BODY}")
    mine = clone.exercise(SLUG).read_text("utf-8")
    process = clone.start("test", SLUG)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted. Nothing is lost" in err
    assert "Traceback" not in err
    assert clone.exercise(SLUG).read_text("utf-8") == mine
