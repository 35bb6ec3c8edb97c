"""A solved kata beside the reference: what is shown, and to whom."""

import json
import re

from grader.sources import side_by_side

SLUG = "text/regex_tokenize"
SLOW = "    for _ in range(50):\n        re.split(' ', text)\n    pieces = "


def test_it_is_locked_until_the_kata_is_solved(clone):
    run = clone.kata("compare", "regex")
    assert run.returncode == 1
    assert "regex_tokenize is not solved yet" in run.stderr
    assert "--spoil" in run.stderr
    clone.solve(SLUG)
    assert clone.kata("compare", "regex").returncode == 1  # it was not seen to pass
    clone.kata("test", SLUG)
    assert clone.kata("compare", "regex").returncode == 0


def test_who_wants_to_can_be_told(clone):
    run = clone.kata("compare", "regex", "--spoil")
    assert run.returncode == 0
    reference = (clone.root / "reference" / f"{SLUG}.py").read_text("utf-8")
    last = reference.rstrip().splitlines()[-1].strip()
    assert last[:30] in run.stdout


def test_figures_are_ratios_to_the_reference(clone):
    clone.solve(SLUG)
    clone.change(SLUG, "    pieces = ", SLOW)
    assert clone.kata("test", SLUG).returncode == 0
    told = clone.kata("compare", "regex").stdout
    assert re.search(r"values   the same values, in [\d,]+ calls\n", told)
    assert float(re.search(r"time +([\d.]+) of the reference's", told)[1]) > 2
    assert "lines    " in told
    shown = clone.kata("compare", "regex", "--diff").stdout
    assert "for _ in range(50)" in shown
    assert max(map(len, shown.splitlines())) < 80


def test_all_that_is_solved_stands_in_one_table_and_is_kept(clone):
    assert "Nothing is solved yet" in clone.kata("compare").stdout
    solved = [SLUG, "text/build_vocab"]
    clone.solve(*solved)
    for slug in solved:
        clone.kata("test", slug)
    first = clone.kata("compare").stdout
    rows = [line.split() for line in first.splitlines() if line.startswith(("regex", "build"))]
    assert [row[:2] for row in rows] == [["regex_tokenize", "none"], ["build_vocab", "none"]]
    assert clone.kata("compare").stdout == first  # what is kept is not measured again
    kept = clone.root / ".kata" / "compared" / f"{SLUG}.json"
    assert json.loads(kept.read_text("utf-8"))["compared"]["lines"][0] == int(rows[0][4])


def test_a_tensor_is_compared_by_its_entries(clone):
    slug = "attention/softmax"
    clone.solve(slug)
    assert clone.kata("test", slug).returncode == 0
    told = clone.kata("compare", slug).stdout
    assert "the same values" in told
    note = (clone.root / "spec" / f"{slug}.md").read_text("utf-8").partition("## Afterwards")[2]
    words = " ".join(note.partition("</summary>")[2].split())[:40]
    assert words in " ".join(told.split())


def test_two_texts_stand_side_by_side():
    mine, theirs = "a = 1\nb = 2\nc = 3\n", "a = 1\nb = 20\nc = 3\nd = 4\n"
    assert list(side_by_side(mine, theirs, 23)) == [
        "a = 1        a = 1",
        "b = 2      | b = 20",
        "c = 3        c = 3",
        "           > d = 4",
    ]


def test_a_long_line_is_broken():
    shown = list(side_by_side("x = " + "a + " * 20, "x", 43))
    assert max(map(len, shown)) <= 43
    assert "".join(line.partition("|")[0].strip() + " " for line in shown).count("a +") >= 19
