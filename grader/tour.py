"""A minute in a scratch copy: an untouched stub, a typical mistake, the solution, what is next."""

import difflib
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from grader import show
from grader.files import write_atomically
from grader.grading import examine
from grader.pages import Page
from grader.stubs import excerpt, stub
from grader.syllabus import Kata, kata
from grader.variants import variant

KATA, FUNCTION, MISTAKE = "attention/masks", "causal_mask", "from_the_first_key"
VERBS = {
    "next": "says where to go on",
    "spec": "shows the page of a kata",
    "watch": "tests it whenever you save",
    "hint": "opens one hint more",
    "compare": "sets what you solved beside the reference",
}


class Tour:
    """Four screens. What is written on three of them is judged while the first is read.

    folder     where it is written, laid out as exercises/ three times
    following  the learner's own next kata; None if every kata is solved
    """

    def __init__(self, folder: Path, following: Kata | None):
        self.this, self.folder, self.following = kata(KATA), folder, following
        solution = self.this.reference.read_text("utf-8")
        self.wrong = variant(self.this, MISTAKE)
        self.texts = {"stub": stub(solution), "mistake": self.wrong.source, "solution": solution}
        for name, text in self.texts.items():
            write_atomically(self.this.source(folder / name), text)
        self.verdicts: SimpleQueue = SimpleQueue()
        Thread(target=self.judge, daemon=True).start()

    def screens(self) -> dict[str, Callable[[], None]]:
        """Map the title of each screen to what prints the rest of it, in order."""
        return {
            "An untouched stub": self.stub,
            "A typical mistake": self.mistake,
            "The solution": self.solution,
            "What comes next": self.next,
        }

    def judge(self) -> None:
        """Judge each text as an exercise, and call it what it would be called at home."""
        for name in self.texts:
            copy = self.folder / name
            try:
                verdict = examine([self.this], impl=str(copy))[KATA]
                verdict.message = verdict.message.replace(copy.as_posix(), "exercises")
            except Exception as error:
                verdict = error
            self.verdicts.put(verdict)

    def test(self) -> None:
        """Print what `kata test` says to the next text."""
        show.say(f"$ {show.program()} test {self.this.name}", bold=True)
        verdict = self.verdicts.get()
        if isinstance(verdict, Exception):
            raise verdict
        show.one(verdict, self.this)

    def stub(self) -> None:
        clause = Page(self.this.page).clauses()[self.wrong.breaks[0]]
        show.say("A kata is a page, a stub and tests. The page says what is true, in clauses:")
        quote([clause.sentence, *(f"  {line}" for line in textwrap.wrap(clause.body, 72))])
        show.say("The stub is for you to fill in. One of its functions:")
        quote(excerpt(self.texts["stub"], FUNCTION))
        show.say("The tests hold what you write against the page.")
        show.say()
        self.test()
        show.say()
        show.say("All this happens in a scratch copy. Nothing of yours is touched.")

    def mistake(self) -> None:
        _, _, *body = excerpt(self.texts["mistake"], FUNCTION)
        quote(body)
        self.test()

    def solution(self) -> None:
        wrong, right = (excerpt(self.texts[name], FUNCTION) for name in ("mistake", "solution"))
        show.say("The queries are the last of the positions, says the page. So one line changes:")
        for line in difflib.ndiff(wrong, right):
            if line[0] != "?":
                show.say(f"  {line}", fg={"-": "red", "+": "green"}.get(line[0]))
        show.say()
        self.test()
        show.say()
        show.say("Any other way to keep the clauses is as good.")

    def next(self) -> None:
        for verb, does in VERBS.items():
            show.say(f"  {show.program()} {verb:<9}{does}")
        show.say()
        show.onward(self.following)


def quote(lines: Iterable[str]) -> None:
    for line in [*lines, ""]:
        show.say(f"    {line}".rstrip())
