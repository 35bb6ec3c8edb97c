"""The page of `kata report --html`: what is known, as one file that needs nothing else."""

import base64
import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from grader.compared import Compared
from grader.layout import printable
from grader.pages import Page
from grader.show import MARKS, here, program
from grader.state import upcoming
from grader.syllabus import ROOT, Kata, syllabus
from grader.verdicts import Verdict

CONTENTS = ROOT / "spec" / "README.md"
FIGURES = ROOT / "spec" / "figures"
SHOWN = re.compile(r"!\[(.+?)\]\(\.\./figures/(\w+\.png)\)")  # on a page of a chapter
CLAUSES = {  # the state of a clause: its mark and its colour
    "kept": ("✓", "green"),
    "broken": ("✗", "red"),
    "unwritten": ("·", "plain"),
    "untested": ("?", "plain"),
}


@dataclass(frozen=True)
class Row:
    """What the page says of a kata."""

    this: Kata
    about: str
    state: str
    mark: str
    colour: str
    word: str
    message: str
    kept: int
    clauses: list[tuple[str, str, str, str]]  # mark, colour, word, sentence


@dataclass(frozen=True)
class Chapter:
    """A chapter, with what spec/README.md says of it."""

    name: str
    title: str
    about: str
    rows: list[Row]

    @property
    def tally(self) -> str:
        """Say how many are solved, and how many are in which other state, if begun at all."""
        words = [row.word for row in self.rows if row.state not in ("solved", "untouched")]
        others = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
        return "; ".join([f"{self.solved} of {len(self.rows)} solved", *others])

    @property
    def solved(self) -> int:
        return sum(row.state == "solved" for row in self.rows)


def page(verdicts: dict[str, Verdict], compared: list[Compared]) -> str:
    """Write the page: the same state gives the same text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    options = {"autoescape": True, "undefined": StrictUndefined, "trim_blocks": True}
    folder = FileSystemLoader(Path(__file__).parent)
    template = Environment(loader=folder, lstrip_blocks=True, **options).get_template("report.html")
    chapters = chapters_of(verdicts)
    rows = [row for chapter in chapters for row in chapter.rows]
    following = upcoming(verdicts)
    return template.render(
        chapters=chapters,
        total=len(rows),
        solved=sum(chapter.solved for chapter in chapters),
        untested=sum(row.state == "untested" for row in rows),
        following=next((row for row in rows if row.this == following), None),
        compared=[(row.this, c) for row in rows for c in compared if c.slug == row.this.slug],
        pictures=pictures(),
        program=program(),
    )


def chapters_of(verdicts: dict[str, Verdict]) -> list[Chapter]:
    """List the chapters with their katas, as spec/README.md introduces them."""
    contents = CONTENTS.read_text("utf-8")
    heads = re.findall(r"^## (.+)\n\n(.+)$", contents, re.M)
    told = {title.lower(): (title, about) for title, about in heads}
    about = dict(re.findall(r"\((\w+/\w+)\.md\): (.+)$", contents, re.M))
    return [
        Chapter(
            name,
            *told.get(name, (name, "")),
            [row_of(this, verdicts[this.slug], about.get(this.slug, "")) for this in katas],
        )
        for name, katas in groupby(syllabus(), lambda k: k.chapter)
    ]


def row_of(this: Kata, verdict: Verdict, about: str) -> Row:
    """Gather what the page says of a kata. One that was not tested has the clauses of its page."""
    mark, colour, word = MARKS[verdict.state]
    found = [(c["state"], c["sentence"]) for c in verdict.clauses.values()]
    if not found:
        found = [("untested", clause.sentence) for clause in Page(this.page).clauses().values()]
    clauses = [(*CLAUSES[state], state, plain(sentence)) for state, sentence in found]
    return Row(
        this,
        about,
        verdict.state,
        mark,
        colour or "plain",
        word or "not started",
        plain(here(verdict.message)),
        verdict.count("kept"),
        clauses,
    )


def plain(text: str) -> str:
    """Escape what is no plain sign, line by line: learners' code may say anything."""
    return "\n".join(printable(line) for line in text.split("\n"))


def pictures() -> list[tuple[str, str, list[Kata]]]:
    """List the pictures that pages show: a data URI, its text, and the katas that show it."""
    shown: dict[str, tuple[str, list[Kata]]] = {}
    for this in syllabus():
        for text, name in SHOWN.findall(Page(this.page).text):
            shown.setdefault(name, (text, []))[1].append(this)
    files = {name: FIGURES / name for name in shown if (FIGURES / name).is_file()}
    coded = {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()}
    return [(f"data:image/png;base64,{data}", *shown[name]) for name, data in coded.items()]
