"""What each verb prints, keeps and returns, on a checkout of its own."""

import json
import re
import shutil

import pytest

from grader.syllabus import syllabus
from grader.tests.conftest import Clone

SLUG = "text/regex_tokenize"
ALL = len(syllabus())
RIGHT, WRONG = '["--", *map', '["-", *map'


def states(run) -> dict[str, str]:
    return {k["slug"]: k["state"] for k in json.loads(run.stdout)["katas"]}


def test_a_fresh_checkout_is_green(clone):
    run = clone.kata("grade")
    assert run.returncode == 0
    assert f"0 of {ALL} solved" in run.stdout
    assert "→ regex_tokenize" in run.stdout


def test_the_reference_in_place_of_the_exercises_is_all_solved(clone):
    clone.solve()
    run = clone.kata("grade", "--require", "all")
    assert run.returncode == 0
    assert f"{ALL} of {ALL} solved" in run.stdout
    assert f"{ALL} of {ALL} solved" in clone.kata().stdout


def test_a_solved_kata_is_praised_with_what_is_next(clone):
    clone.solve(SLUG)
    run = clone.kata("test", "regex")
    assert run.returncode == 0
    assert "✓ regex_tokenize · solved: all 8 clauses kept" in run.stdout
    assert "next: build_vocab" in run.stdout


def test_a_wrong_kata_gets_its_first_failure_in_full_and_the_others_as_a_count(clone):
    clone.solve(SLUG)
    clone.change(SLUG, RIGHT, WRONG)
    run = clone.kata("test")
    assert run.returncode == 1
    assert "✗ regex_tokenize · Two hyphens are one token" in run.stdout
    assert "regex_tokenize('--') returned the wrong list" in run.stdout
    assert re.search(r"exercises/text/regex_tokenize\.py:\d+", run.stdout)
    assert "spec/text/regex_tokenize.md#two-hyphens-are-one-token" in run.stdout
    assert re.search(r"and \d+ more of 8 clauses broken", run.stdout)
    assert max(map(len, run.stdout.splitlines())) < 80


def test_one_mistake_makes_exactly_one_kata_wrong(clone):
    text = [this.slug for this in syllabus() if this.chapter == "text"]
    clone.solve(*text)
    clone.change(SLUG, RIGHT, WRONG)
    run = clone.kata("grade", "--json")
    assert run.returncode == 1
    assert [slug for slug in text if states(run)[slug] != "solved"] == [SLUG]


def test_the_state_is_printed_for_programs(clone):
    clone.solve(SLUG)
    clone.change(SLUG, RIGHT, WRONG)
    graded = json.loads(clone.kata("grade", "--json").stdout)
    first = graded["katas"][0]
    assert (graded["solved"], graded["total"], graded["next"]) == (0, ALL, SLUG)
    assert (first["slug"], first["state"]) == (SLUG, "wrong")
    broken = first["clauses"]["two_hyphens_are_one_token"]
    assert broken["state"] == "broken"
    assert "returned the wrong list" in broken["message"]
    assert json.loads(clone.kata("--json").stdout) == graded


def test_what_is_begun_is_not_wrong(clone):
    slug, second = "text/merge_pair", "def merge_pair"
    unwritten = clone.exercise(slug).read_text("utf-8").partition(second)
    clone.solve(slug)
    written = clone.exercise(slug).read_text("utf-8").partition(second)
    clone.exercise(slug).write_text(written[0] + second + unwritten[2], "utf-8")
    run = clone.kata("test", slug)
    assert run.returncode == 0
    assert "begun" in run.stdout


@pytest.mark.parametrize(
    ("required", "status"),
    [
        ("all", 1),
        ("text", 1),
        ("regex_tokenize", 0),
        ("build_vocab", 1),
        ("0%", 0),
        ("50%", 1),
        ("nonsense", 2),
    ],
)
def test_what_is_required_must_be_solved(clone, required, status):
    clone.solve(SLUG)
    assert clone.kata("grade", "--require", required).returncode == status


def test_another_folder_can_be_graded(clone, tmp_path):
    clone.solve(SLUG)
    shutil.move(clone.root / "exercises" / "text", tmp_path / "theirs" / "text")
    shutil.copytree(clone.root / "reference" / "text", clone.root / "exercises" / "text")
    run = clone.kata("grade", "--path", str(tmp_path / "theirs"), "--json")
    assert run.returncode == 0
    assert [slug for slug, state in states(run).items() if state == "solved"] == [SLUG]


def test_the_reference_can_be_graded(clone):
    run = clone.kata("grade", "--impl", "reference", "--json")
    assert set(states(run).values()) == {"solved"}


def test_an_unsolved_kata_is_borrowed(clone):
    clone.solve("text/simple_tokenizer_v1")
    run = clone.kata("test", "simple_tokenizer_v1")
    assert run.returncode == 0
    assert "borrowed from the reference: regex_tokenize" in run.stdout


def test_a_wrong_kata_is_borrowed_and_harms_no_other(clone):
    clone.solve(SLUG, "text/simple_tokenizer_v1")
    clone.change(SLUG, RIGHT, WRONG)
    assert clone.kata("test", SLUG).returncode == 1
    run = clone.kata("test", "simple_tokenizer_v1")
    assert run.returncode == 0
    assert "borrowed from the reference: regex_tokenize" in run.stdout


def test_a_solved_kata_is_used_and_lean_borrows_it(clone):
    clone.solve(SLUG, "text/simple_tokenizer_v1")
    clone.kata("test", SLUG)
    assert "borrowed" not in clone.kata("test", "simple_tokenizer_v1").stdout
    assert "borrowed" in clone.kata("test", "simple_tokenizer_v1", "--lean").stdout


def test_what_has_not_changed_is_not_tested_again(clone):
    clone.solve(SLUG)
    clone.kata("grade")
    assert states(clone.kata("--json"))[SLUG] == "solved"
    clone.change(SLUG, RIGHT, WRONG)
    assert states(clone.kata("--json"))[SLUG] == "untested"
    assert states(clone.kata("grade", "--json"))[SLUG] == "wrong"


def test_what_a_change_cannot_have_changed_is_not_tested_again(clone):
    """Only the kata that was changed, and those that use it."""
    user, other = "text/simple_tokenizer_v1", "text/build_vocab"
    clone.solve(SLUG, user, other)
    clone.kata("grade")
    clone.change(SLUG, RIGHT, WRONG)
    after = states(clone.kata("--json"))
    assert [after[slug] for slug in (SLUG, user, other)] == ["untested", "untested", "solved"]


def test_what_is_kept_may_be_deleted(clone):
    clone.solve(SLUG)
    clone.kata("grade")
    shutil.rmtree(clone.root / ".kata")
    assert states(clone.kata("--json"))[SLUG] == "untested"
    assert states(clone.kata("grade", "--json"))[SLUG] == "solved"


def test_the_stub_comes_back_and_the_work_is_kept(clone):
    stub = clone.exercise(SLUG).read_text("utf-8")
    clone.solve(SLUG)
    mine = clone.exercise(SLUG).read_text("utf-8")
    run = clone.kata("reset", "regex")
    assert run.returncode == 0
    assert clone.exercise(SLUG).read_text("utf-8") == stub
    saved = list((clone.root / ".kata" / "backups" / "text").iterdir())
    assert [path.read_text("utf-8") for path in saved] == [mine]
    assert saved[0].name in run.stdout


def test_two_resets_in_a_second_keep_both(clone):
    for _ in range(2):
        clone.solve(SLUG)
        clone.kata("reset", SLUG)
    assert len(list((clone.root / ".kata" / "backups" / "text").iterdir())) == 2


def test_the_page_is_shown_and_its_hints_are_not(clone):
    page = (clone.root / "spec" / f"{SLUG}.md").read_text("utf-8")
    before, _, after = page.partition("\n## Hints\n")
    sources = after[after.index("\n## Sources") :]
    shown = clone.kata("spec", "regex").stdout
    assert shown.startswith(before)
    assert shown.rstrip().endswith(sources.rstrip())
    assert "## Afterwards" in page
    assert "## Afterwards" not in shown
    assert "<details>" not in shown


def test_next_says_where_to_go_on(clone):
    clone.solve(SLUG)
    clone.kata("grade")
    assert "exercises/text/build_vocab.py" in clone.kata("next").stdout


def test_the_doctor_finds_nothing(clone):
    run = clone.kata("doctor")
    assert run.returncode == 0
    assert "50,257 tokens" in run.stdout


def test_plain_pytest_shows_the_same_message(clone):
    import subprocess
    import sys

    clone.solve(SLUG)
    clone.change(SLUG, RIGHT, WRONG)
    told = clone.kata("test", SLUG).stdout.splitlines()
    command = [sys.executable, "-m", "pytest", "tests/text", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        command, cwd=clone.root, env=clone.environment(), capture_output=True, text=True
    )
    assert "\n".join(told[:8]) in run.stdout
    assert "skipped" in run.stdout


@pytest.mark.parametrize("chance", ["1", "2"])
def test_messages_depend_neither_on_chance_nor_on_where_the_checkout_lies(tmp_path, chance):
    """Sets have another order at every run; Hypothesis draws constants of code but of tests."""
    clone = Clone(tmp_path / "tests" / "llm-kata")
    run = clone.kata("verify", "train_bpe", PYTHONHASHSEED=chance)
    assert run.returncode == 0, run.stdout
    assert not (clone.root / ".hypothesis" / "constants").exists()
