"""What a page of spec/ says, in the parts that the grader reads."""

import doctest
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Clause:
    """A heading that is a true sentence, and the lines below it."""

    sentence: str
    body: str

    @property
    def name(self) -> str:
        """The name that its tests carry: `test_a_prefix_stands_alone`."""
        return re.sub(r"\W+", "_", self.sentence.lower()).strip("_")

    @property
    def anchor(self) -> str:
        """The fragment that a renderer of Markdown gives to the heading."""
        return re.sub(r"[^\w -]", "", self.sentence.lower()).replace(" ", "-")


def clause_of(function_name: str) -> str:
    """Name the clause that a test checks: test_a_clause, or test_a_clause__some_aspect."""
    return function_name.removeprefix("test_").partition("__")[0]


class Page:
    """One page, read once."""

    def __init__(self, path: Path):
        self.text = path.read_text("utf-8")

    def section(self, heading: str) -> str:
        """Return what stands between `## heading` and the next heading of that rank."""
        after = self.text.partition(f"\n## {heading}\n")[2]
        return re.split(r"^## ", after, maxsplit=1, flags=re.M)[0].strip()

    def clauses(self) -> dict[str, Clause]:
        """Map the name of each clause to the clause, in the order of the page."""
        parts = re.split(r"^### ", self.section("Clauses"), flags=re.M)[1:]
        found = (Clause(head, body.strip()) for head, _, body in (p.partition("\n") for p in parts))
        return {clause.name: clause for clause in found}

    def examples(self) -> list[doctest.Example]:
        """List the examples by value: what stands after `>>>`, and what it gives."""
        return doctest.DocTestParser().get_examples(self.text)

    def hints(self) -> list[tuple[str, str]]:
        """List the hints: each a question, and its answer."""
        pattern = r"<details><summary>(.+?)</summary>\s*(.+?)\s*</details>"
        return re.findall(pattern, self.section("Hints"), re.S)

    def afterwards(self) -> str:
        """Return what the page says of the reference to somebody who has solved the kata."""
        found = re.search(r"</summary>\s*(.+?)\s*</details>", self.section("Afterwards"), re.S)
        return found[1] if found else ""

    def closed(self, instead: str) -> str:
        """Return the page, a sentence in the place of its hints, and nothing of the reference."""
        text = re.sub(r"\n## Afterwards\n.*?(?=\n## |\Z)", "", self.text, flags=re.S)
        before, heading, rest = text.partition("\n## Hints\n")
        after = rest[len(rest.partition("\n## ")[0]) :]
        return f"{before}{heading}\n{instead}\n{after}" if heading else text

    def shortcuts(self) -> list[str]:
        """List the names that the clause `The work is your own` forbids."""
        clause = self.clauses().get("the_work_is_your_own")
        return re.findall(r"`([\w.]+)`", clause.body) if clause else []
