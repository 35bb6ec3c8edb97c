"""What the page of `kata report` says, and where it is written."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import product

import pytest

from grader.compared import Compared, keep, kept
from grader.pages import Page
from grader.report import write
from grader.report_page import page
from grader.show import MARKS
from grader.syllabus import ROOT, kata, syllabus
from grader.tests.states import everything
from grader.verdicts import Verdict
from grader.words import program

SLUG = "text/regex_tokenize"
VOID = {"meta", "link", "img"}


class Parsed(HTMLParser):
    """The elements of a page, each with its attributes and the text in it. All are closed."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.found = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        element = (tag, dict(attrs), [])
        self.found.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for _, _, texts in self.open:
            texts.append(data)

    def all(self, tag: str, **wanted: str) -> list[tuple[dict, str]]:
        return [
            (attrs, " ".join("".join(texts).split()))
            for name, attrs, texts in self.found
            if name == tag and wanted.items() <= attrs.items()
        ]

    def article(self, slug: str) -> str:
        return self.all("article", id=slug)[0][1]


@pytest.fixture(scope="module")
def full() -> Parsed:
    return Parsed(page(*everything()))


def test_every_kata_has_its_mark_its_word_and_its_page(full):
    verdicts, _ = everything()
    assert len(full.all("article")) == len(syllabus())
    for this in syllabus():
        mark, _, word = MARKS[verdicts[this.slug].state]
        told = full.article(this.slug)
        assert told.startswith(f"{mark}{this.title} {word or 'not started'}")
        assert f"spec/{this.slug}.md" in told
        assert f"{len(Page(this.page).clauses())} " in told


def test_it_counts_what_is_solved_in_all_and_by_chapter(full):
    verdicts, _ = everything()
    solved = sum(v.state == "solved" for v in verdicts.values())
    assert full.all("h1")[0][1] == f"{solved} of {len(syllabus())} solved"
    told = [text for _, text in full.all("span", **{"class": "tally"})]
    assert told[:4] == [
        "10 of 11 solved; 1 begun",
        "2 of 3 solved; 1 damaged",
        "0 of 7 solved; 1 stopped; 1 changed, not tested",
        "7 of 8 solved; 1 wrong",
    ]
    assert len(full.all("i")) == len(syllabus())


def test_it_says_what_is_next_and_how_it_is_brought_up_to_date(full):
    assert full.all("h2")[0][1] == "Next: Counting and merging pairs"
    assert (
        f"1 kata has changed and was not tested since. {program()} grade" in full.all("main")[0][1]
    )
    assert f"{program()} report --html FILE" in full.all("footer")[0][1]


def test_a_clause_is_shown_with_its_state(full):
    told = full.article("attention/masks")
    sentences = [
        clause.sentence for clause in Page(kata("attention/masks").page).clauses().values()
    ]
    assert f"{len(sentences) - 2} of {len(sentences)} clauses kept" in told
    assert f"✓{sentences[0]} kept ✗{sentences[1]} broken" in told
    assert "not written" not in told


def test_learners_text_is_shown_and_never_obeyed():
    text = page(*everything())
    full = Parsed(text)
    message = full.all("pre")[0][1]
    assert full.all("script") == []
    assert "<script>alert(1)</script>" in message
    assert "</pre></details><img src=x onerror=alert(2)> & \"'" in message
    assert r"\x1b[31m\x00\x07\x85\u202e\ud800 {{ 7 * 7 }} {% raise %}" in message
    assert all(sign == "\n" or sign.isprintable() for sign in text)
    assert "<b>it ran on</b>" in full.article("embedding/one_hot")


def test_a_sentence_from_the_cache_is_escaped_too():
    verdicts = {this.slug: Verdict(this.slug, "untouched") for this in syllabus()}
    clause = {"sentence": "<i>\x1b</i>", "state": "kept", "message": ""}
    verdicts[SLUG] = Verdict(SLUG, "solved", "", {"a": clause})
    assert r"✓<i>\x1b</i> kept" in Parsed(page(verdicts, [])).article(SLUG)


def test_figures_of_compare_stand_where_there_are_any(full):
    verdicts, compared = everything()
    rows = [text for _, text in full.all("tr")]
    assert len(rows) == 1 + len(compared)
    assert rows[0] == "KataCallsLargest differenceTimeMemoryYour linesIts lines"
    assert rows[1] == "Regex tokenizer1,200no numbers1.001.00911"
    assert rows[3] == "Simple tokenizer, version 11,2021e-071.291.221111"
    assert {attrs["scope"] for attrs, _ in full.all("th")} == {"col", "row"}
    assert Parsed(page(verdicts, [])).all("table") == []


def test_pictures_are_in_it_with_the_words_of_their_pages(full):
    found = [attrs for attrs, _ in full.all("img")]
    assert len(found) == len(list((ROOT / "spec" / "figures").glob("*.png")))
    assert all(attrs["src"].startswith("data:image/png;base64,") for attrs in found)
    assert any(attrs["alt"].startswith("Three tables of queries and keys") for attrs in found)
    captions = [text for _, text in full.all("figcaption")]
    assert "Layer norm, Batch norm" in captions


def test_it_needs_nothing_else(full):
    inside = {this.slug for this in syllabus()} | {this.chapter for this in syllabus()}
    assert {attrs["href"].removeprefix("#") for attrs, _ in full.all("a")} <= inside
    assert [attrs["href"] for attrs, _ in full.all("link")] == ["data:,"]
    assert not re.search(r"https?:|url\(|@import|@font-face", page(*everything()))


def test_all_solved_is_said():
    verdicts = {this.slug: Verdict(this.slug, "solved") for this in syllabus()}
    assert Parsed(page(verdicts, [])).all("h2")[0][1] == "All of it is yours."


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_contrast_as_wcag_asks(scheme):
    """Text by 4.5, what is no text by 3 (WCAG 2.2, 1.4.3 and 1.4.11, level AA)."""
    css = (ROOT / "grader" / "report.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.+?)\}", css, re.S)
    assert len(blocks) == 3  # the last is of paper alone
    colours = dict(re.findall(r"--(\w+): (#\w{6});", blocks[scheme]))
    for name, ground in product(
        ("ink", "quiet", "link", "green", "red", "yellow"), ("paper", "plate")
    ):
        assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["empty"], colours["paper"]) >= 3


def test_the_page_is_of_what_is_known(clone, tmp_path):
    clone.solve(SLUG, "text/build_vocab", "text/utf8_bytes")
    clone.change(SLUG, '["--", *map', '["-", *map')
    clone.kata("test", SLUG)
    clone.kata("test", "build_vocab")
    clone.exercise("text/merge_pair").unlink()
    file = tmp_path / "page.html"
    run = clone.kata("report", "--html", str(file), PYTHONHASHSEED="1")
    assert (run.returncode, run.stdout, run.stderr) == (0, f"The page is in {file}\n", "")
    full = Parsed(file.read_text("utf-8"))
    assert full.article(SLUG).startswith("✗Regex tokenizer wrong")
    assert "regex_tokenize('--') returned the wrong list" in full.article(SLUG)
    assert full.article("text/build_vocab").startswith("✓Vocabulary solved")
    assert full.article("text/utf8_bytes").startswith("?UTF-8 bytes changed, not tested")
    assert full.article("text/merge_pair").startswith("!Counting and merging pairs damaged")
    again = clone.kata("report", "--html", "-", PYTHONHASHSEED="2", PYTHONIOENCODING="ascii")
    assert again.stdout == file.read_text("utf-8")


def test_a_page_that_cannot_be_written_is_refused_in_a_sentence(clone, tmp_path):
    nowhere = tmp_path / "nowhere"
    run = clone.kata("report", "--html", str(nowhere / "page.html"))
    assert run.returncode == 1
    assert run.stderr == f"The system refused {nowhere}{os.sep}: No such file or directory.\n"
    assert not nowhere.exists()
    assert clone.kata("report", "--html", str(tmp_path)).returncode == 2
    assert clone.kata("report").returncode == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_told(clone):
    with open("/dev/full", "wb") as disk:
        run = subprocess.run(
            [sys.executable, "-m", "grader", "report", "--html", "-"],
            cwd=clone.root,
            env=clone.environment(),
            stdout=disk,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (run.returncode, run.stderr) == (1, "The system refused: No space left on device.\n")


def test_a_refusal_names_the_file_that_was_asked_for(tmp_path):
    file = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="too long") as refused:
        write(file, "text")
    assert refused.value.filename == str(file)


def test_a_link_is_followed_and_what_is_no_file_stays_what_it_is(tmp_path):
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(target)
    write(link, "text")
    assert link.is_symlink()
    assert target.read_text("utf-8") == "text"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(pipe, "text")
    assert os.read(reader, 10) == b"text"
    assert pipe.is_fifo()
    os.close(reader)


def test_the_page_is_written_without_torch():
    code = (
        "import sys; from grader.cli import cli;"
        "cli.main(['report', '--html', '-'], standalone_mode=False);"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_a_comparison_is_kept_until_the_kata_changes(tmp_path, monkeypatch):
    monkeypatch.setattr("grader.compared.home", lambda: tmp_path)
    this, place = kata(SLUG), tmp_path / "compared" / f"{SLUG}.json"
    assert kept(this) is None
    keep(this, Compared(SLUG, 12, None, 1.5, 2.5, (7, 8)))
    assert kept(this) == Compared(SLUG, 12, None, 1.5, 2.5, (7, 8))
    found = json.loads(place.read_text("utf-8"))
    for spoiled in (
        "",
        "[]",
        "{}",
        json.dumps(found | {"key": "old"}),
        '{"key": 1, "compared": 2}',
    ):
        place.write_text(spoiled, "utf-8")
        assert kept(this) is None
