"""A state of the syllabus that has everything in it, for the page of `kata report`."""

from grader.compared import Compared
from grader.pages import Page
from grader.syllabus import Kata, syllabus
from grader.verdicts import Verdict

HOSTILE = (
    "✗ masks · <script>alert(1)</script>\n"
    "  raised ValueError: </pre></details><img src=x onerror=alert(2)> & \"'\n"
    "  \x1b[31m\x00\x07\x85\u202e\ud800 {{ 7 * 7 }} {% raise %}\n"
    f"  {'x' * 400}\n"
    "  kata hint masks"
)
GONE = "exercises/data/gpt_dataset.py is missing: `kata reset gpt_dataset` puts the stub back."


def clauses(this: Kata, *states: str) -> dict[str, dict]:
    """Give the clauses of a kata these states, and to all others the last of them."""
    found = Page(this.page).clauses().items()
    wanted = [*states, *[states[-1]] * len(found)]
    return {
        name: {"sentence": clause.sentence, "state": state, "message": ""}
        for (name, clause), state in zip(found, wanted, strict=False)
    }


def everything() -> tuple[dict[str, Verdict], list[Compared]]:
    """Return verdicts of every kind, one with a hostile message, and comparisons."""
    katas = {this.name: this for this in syllabus()}
    verdicts = {this.slug: Verdict(this.slug, "untouched") for this in katas.values()}
    done = [this for this in katas.values() if this.chapter in ("text", "data", "attention")]
    for this in done:
        verdicts[this.slug] = Verdict(this.slug, "solved", "", clauses(this, "kept"))
    for name, state, message, states in (
        ("masks", "wrong", HOSTILE, ("kept", "broken", "broken", "kept")),
        ("merge_pair", "begun", "", ("kept", "unwritten")),
        ("one_hot", "stopped", "Stopped after 3 seconds: <b>it ran on</b>.", ("untested",)),
        ("gpt_dataset", "damaged", GONE, ()),
        ("alibi", "untested", "", ()),
    ):
        this = katas[name]
        found = clauses(this, *states) if states else {}
        verdicts[this.slug] = Verdict(this.slug, state, message, found)
    solved = [this.slug for this in done if verdicts[this.slug].state == "solved"]
    compared = [
        Compared(slug, 1200 + n, (None, 0.0, 1.23e-7)[n % 3], 1 + n / 7, 1 + n / 9, (9 + n, 11))
        for n, slug in enumerate(solved)
    ]
    return verdicts, compared
