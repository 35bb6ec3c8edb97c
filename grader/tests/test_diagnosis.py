"""What a failure looks like: the mistake that behaves as the learner's code does, or nothing."""

import re

import pytest

from grader.diagnosis import alike, alike_texts
from grader.layout import looking_like
from grader.pages import Page
from grader.plugin import Finding
from grader.syllabus import kata, syllabus
from grader.variants import variants
from grader.verdicts import judge

SLUG = "text/regex_tokenize"
LOOKS = "Looks like: treats the hyphen as one more separator"


def named(message: str, belief: str) -> bool:
    """Say whether a message names a belief, or a tie of more than it has room to name."""
    words = " ".join(message.split()).partition("Looks like: ")[2]
    return belief[0].lower() + belief[1:] in words or bool(
        re.search(r"Or one of \d+ more\.", words)
    )


def test_nearly_every_mistake_is_named():
    """As on file, which `verify` proves to be what is shown."""
    found = {}
    for this in syllabus():
        text = this.messages.read_text("utf-8")
        messages = dict(re.findall(r"^\[(\w+)\]\n(.*?)(?=\n\n\[|\Z)", text, re.S | re.M))
        found |= {(this.slug, m.name): named(messages[m.name], m.belief) for m in variants(this)[0]}
    missed = [name for name, right in found.items() if not right]
    assert len(missed) <= 0.02 * len(found), missed


MINE = '''import re


def regex_tokenize(text, separators=",.:;?_!\\"()'"):
    """Cut a text into words."""
    kept = []
    word = ""
    for character in text:
        if character.isspace() or character in separators or character == "-":
            kept += [word, character]
            word = ""
        else:
            word += character
    return [piece for piece in [*kept, word] if piece.strip()]
'''


def test_it_is_known_by_what_it_does_not_by_its_text(clone):
    clone.exercise(SLUG).write_text(MINE, "utf-8")
    assert LOOKS in clone.kata("test", SLUG).stdout


def test_another_mistake_is_not_named(clone):
    clone.exercise(SLUG).write_text(MINE.replace("return [", "return ['odd'] + ["), "utf-8")
    run = clone.kata("test", SLUG)
    assert run.returncode == 1
    assert "Looks like" not in run.stdout


def test_a_mistake_beside_another_is_not_named(clone):
    clone.exercise(SLUG).write_text(MINE.replace("word += character", "word += character.lower()"))
    run = clone.kata("test", SLUG)
    assert run.returncode == 1
    assert "Looks like" not in run.stdout


def test_several_that_cannot_be_told_apart_are_all_named():
    message = "✗ masks · A clause\n\n  It was wrong.\n\n  exercises/attention/masks.py"
    two = looking_like(message, ["Holds one.", "Holds two."])
    assert "\n  Looks like: holds one. Or: holds two.\n\n  exercises" in two
    assert "Or one of 3 more." in looking_like(message, [f"Holds {n}." for n in range(5)])
    assert looking_like(message, []) == message


def test_no_mistake_is_named_that_breaks_what_is_kept():
    one, two, *_ = Page(kata("attention/masks").page).clauses()
    likely = (("Holds one.", (one, two)), ("Holds two.", (one,)))
    failed = Finding(one, "failed", "✗ masks\n\n  It was wrong.\n\n  here", likely=likely)
    assert "Looks like: holds one. Or: holds two.\n" in failed.told()
    for outcome, told in (("failed", "holds one. Or: holds two."), ("passed", "holds two.")):
        message = judge(kata("attention/masks"), [failed, Finding(two, outcome)]).message
        assert f"  Looks like: {told}\n" in message


def test_a_long_message_keeps_its_end():
    message = "\n".join(["✗ masks", *["  line"] * 15, "", "  here", "  page", "  kata hint masks"])
    told = looking_like(message, ["Holds one."]).split("\n")
    assert len(told) <= 20
    assert told[-5:] == ["  Looks like: holds one.", "", "  here", "  page", "  kata hint masks"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1.0, 1.0 + 1e-9, True),
        (1.0, 1.001, False),
        (float("nan"), float("nan"), True),
        ([1, "a"], [1, "a"], True),
        ([1, "a"], (1, "a"), False),
        ({"a": [0.5]}, {"a": [0.5]}, True),
        (None, 0, False),
        (object(), object(), True),
        (object(), 1, False),
    ],
)
def test_results_are_alike_up_to_rounding(one, other, same):
    assert alike(one, other) is same


def test_tensors_are_alike_up_to_rounding():
    import torch

    one = torch.tensor([1.0, float("inf"), float("nan")], dtype=torch.float64)
    assert alike(one, one + 1e-12)
    assert not alike(one, one + 1e-3)
    assert not alike(one, one.float())
    assert not alike(one, one[:2])


def test_numbers_in_messages_are_compared_by_value():
    assert alike_texts("is 0.33334, not 1", "is 0.33333, not 1")
    assert not alike_texts("is 0.5, not 1", "is 0.3, not 1")
    assert not alike_texts("is 0.5, not 1", "was 0.5, not 1")
