"""Whether the checkout is whole: what judges must be what was published."""

import hashlib
import json
from pathlib import Path

from grader.files import write_atomically
from grader.syllabus import ROOT, Kata, syllabus

MANIFEST = ROOT / "grader" / "manifest.json"


def digest(path: Path) -> str:
    """Hash a text, whatever its line endings."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:16]


def judging() -> list[Path]:
    """List the files that decide a verdict: pages, tests, and the reference that is lent."""
    patterns = ("spec/**/*.md", "tests/**/*.py", "reference/**/*.py")
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def manifest() -> dict[str, str]:
    """Hash every judging file as it stands."""
    return {path.relative_to(ROOT).as_posix(): digest(path) for path in judging()}


def write_manifest() -> None:
    write_atomically(MANIFEST, json.dumps(manifest(), indent=1) + "\n")


def damage() -> dict[str, str]:
    """Map each file that is missing, changed or new to a sentence about it."""
    published = json.loads(MANIFEST.read_text("utf-8"))
    here = manifest()
    found = {}
    for name in sorted(published | here):
        if name not in here:
            found[name] = f"{name} is missing: `git checkout -- {name}` brings it back."
        elif name not in published:
            found[name] = f"{name} is not part of this release: remove it, or see CONTRIBUTING.md."
        elif here[name] != published[name]:
            found[name] = f"{name} was changed: `git checkout -- {name}` undoes it."
    return found


def damaged(this: Kata, found: dict[str, str]) -> str:
    """Return a sentence about damage to a kata or to what it borrows, empty if there is none."""
    own = [this.page, this.tests, this.reference, *(k.reference for k in this.imports())]
    names = {path.relative_to(ROOT).as_posix() for path in own}
    return next((told for name, told in found.items() if name in names), "")


def shared_damage(found: dict[str, str]) -> str:
    """Return a sentence about damage that no single kata bears, empty if there is none."""
    owned = {name for k in syllabus() for name in (k.page, k.tests, k.reference)}
    return next((told for name, told in found.items() if ROOT / name not in owned), "")
