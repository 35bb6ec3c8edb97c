"""Hints: a question, the idea, the line of attack; never the code."""

import re
from itertools import pairwise

import pytest

from grader.kept import levels
from grader.pages import Page
from grader.syllabus import syllabus

SLUG = "text/regex_tokenize"
NAME = re.compile(r"[\w.]+|<\|\w+\|>")
each_kata = pytest.mark.parametrize("this", syllabus(), ids=lambda k: k.slug)


@each_kata
def test_questions_come_first_and_the_line_of_attack_last(this):
    first, *ideas, last = levels(this)
    questions = [question for question, _ in ideas]
    assert len(questions) >= 2
    assert all(question.endswith("?") for question in questions)
    assert first[1].splitlines() == [f"- {question}" for question in questions]
    assert last[0] == "The line of attack"
    assert 3 <= len(re.findall(r"^\d\. ", last[1], re.M)) <= 6


@each_kata
def test_no_hint_gives_code_away(this):
    """What stands in backticks is a name, or is not in the reference; in the last, names alone."""
    reference = " ".join(this.reference.read_text("utf-8").split())
    hints = Page(this.page).hints()
    for _, text in hints:
        parts = [" ".join(part.split()) for part in re.findall(r"`([^`]+)`", text)]
        assert not [p for p in parts if len(p) >= 12 and p in reference and not NAME.fullmatch(p)]
    assert not [p for p in re.findall(r"`([^`]+)`", hints[-1][1]) if not NAME.fullmatch(p)]


def test_hints_open_one_at_a_time_and_stay_open(clone):
    shown = [clone.kata("hint", "regex").stdout for _ in range(6)]
    assert shown[0].startswith("Ask yourself\n- How can a split keep what it splits at?\n")
    assert [f"{n} of 5 hints" in text for n, text in enumerate(shown[:5], 1)] == [True] * 5
    assert all(later.startswith(earlier[:60]) for earlier, later in pairwise(shown))
    assert "The line of attack\n1. " in shown[4]
    assert shown[5] == shown[4]


def test_what_is_read_may_be_lost(clone):
    clone.kata("hint", "regex")
    (clone.root / ".kata" / "hints.json").write_text("[1")
    assert "1 of 5 hints" in clone.kata("hint", "regex").stdout


def test_all_hints_are_open_once_it_is_solved(clone):
    clone.solve(SLUG)
    clone.kata("test", SLUG)
    assert "5 of 5 hints" in clone.kata("hint", SLUG).stdout
