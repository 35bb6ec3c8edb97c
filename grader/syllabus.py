"""What there is to do: the links of spec/README.md are the syllabus, and their order the order."""

import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Kata:
    """One kata, known everywhere by its slug, such as `text/train_bpe`."""

    slug: str
    title: str

    @property
    def chapter(self) -> str:
        return self.slug.split("/")[0]

    @property
    def name(self) -> str:
        return self.slug.split("/")[1]

    @property
    def page(self) -> Path:
        return ROOT / "spec" / f"{self.slug}.md"

    @property
    def tests(self) -> Path:
        return ROOT / "tests" / self.chapter / f"test_{self.name}.py"

    @property
    def mistakes(self) -> Path:
        return ROOT / "mistakes" / f"{self.slug}.toml"

    @property
    def messages(self) -> Path:
        return ROOT / "mistakes" / f"{self.slug}.txt"

    @property
    def reference(self) -> Path:
        return self.source(ROOT / "reference")

    @property
    def exercise(self) -> Path:
        return self.source(ROOT / "exercises")

    def source(self, tree: Path) -> Path:
        return tree / f"{self.slug}.py"

    def imports(self) -> list["Kata"]:
        """List the katas that the reference of this one imports, and those that they import."""
        found = {}
        lines = self.reference.read_text("utf-8") if self.reference.is_file() else ""
        for chapter, name in re.findall(r"^from \.\.(\w+)\.(\w+) import", lines, re.M):
            direct = kata(f"{chapter}/{name}")
            found |= dict.fromkeys([*direct.imports(), direct])
        return list(found)


@cache
def syllabus() -> list[Kata]:
    """List the katas in the order of spec/README.md."""
    contents = (ROOT / "spec" / "README.md").read_text("utf-8")
    return [
        Kata(slug, title) for title, slug in re.findall(r"\[(.+?)\]\((\w+/\w+)\.md\)", contents)
    ]


def kata(slug: str) -> Kata:
    """Return the kata of exactly this slug."""
    return next(k for k in syllabus() if k.slug == slug)


def kata_of(path: Path) -> Kata | None:
    """Find the kata that a test module belongs to."""
    return test_modules().get(path)


@cache
def test_modules() -> dict[Path, Kata]:
    return {k.tests: k for k in syllabus()}


def find(words: str) -> Kata:
    """Find the kata that `words` can only mean: a slug, or any part of one.

    Raises LookupError, with the nearest names, where none or several are meant.
    """
    wanted = words.strip("/").removesuffix(".py").removesuffix(".md").lower()
    exact = [k for k in syllabus() if wanted in (k.slug, k.name)]
    found = exact or [k for k in syllabus() if wanted in k.slug]
    if len(found) == 1:
        return found[0]
    if found:
        raise LookupError(f"{words!r} may mean {', '.join(k.slug for k in found)}: say which.")
    nearest = ", ".join(near(wanted))
    told = f" Nearest: {nearest}." if nearest else ""
    raise LookupError(f"No kata is called {words!r}.{told} `kata` lists them all.")


def near(words: str) -> list[str]:
    """List up to three slugs that are spelled much like `words`, as a whole or in a part."""
    parts = {part: k.slug for k in syllabus() for part in (*k.name.split("_"), k.name, k.slug)}
    found = difflib.get_close_matches(words.rpartition("/")[2], parts, n=3)
    return list(dict.fromkeys(parts[part] for part in found))
