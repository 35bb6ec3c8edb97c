"""Makes one package out of a tree of katas, with some of them taken from elsewhere."""

import linecache
import sys
import warnings
from functools import lru_cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

from grader.syllabus import ROOT

REFERENCE = ROOT / "reference"


class Source(NamedTuple):
    """The text of a module, and the file it is known by."""

    text: str
    file: Path


class Tree(MetaPathFinder, Loader):
    """The katas of `folder` as the package `name`, in which their relative imports meet.

    name      the package; no two trees of a process share one
    folder    where the sources lie, laid out as exercises/
    borrowed  slugs that are read from reference/ instead
    replaced  slugs whose source is given here instead
    """

    def __init__(self, name: str, folder: Path, borrowed=frozenset(), replaced=None):
        self.name, self.folder, self.borrowed = name, folder, borrowed
        self.replaced: dict[str, Source] = replaced or {}
        self.found: set[str] = set()  # the names of modules that are or were imported

    def file(self, slug: str) -> Path:
        """Return the file that a kata is known by."""
        if slug in self.replaced:
            return self.replaced[slug].file
        return (REFERENCE if slug in self.borrowed else self.folder) / f"{slug}.py"

    def source(self, slug: str) -> Source:
        """Return what a kata is read from. Raises OSError and UnicodeDecodeError as files do."""
        file = self.file(slug)
        return self.replaced.get(slug) or Source(file.read_text("utf-8-sig"), file)

    def load(self, slug: str) -> ModuleType:
        """Import one kata, and by its own imports those it uses."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        return import_module(f"{self.name}.{slug.replace('/', '.')}")

    def load_anew(self, slug: str) -> ModuleType:
        """Import one kata again, and nothing that it uses."""
        sys.modules.pop(f"{self.name}.{slug.replace('/', '.')}", None)
        return self.load(slug)

    def forget(self) -> None:
        """Drop the modules, so that the next load reads the sources anew."""
        for name in self.found:
            sys.modules.pop(name, None)
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(self, fullname, path=None, target=None):
        """Claim the package, its chapters and its katas."""
        package, *parts = fullname.split(".")
        if package != self.name or len(parts) > 2:
            return None
        self.found.add(fullname)
        return ModuleSpec(fullname, self, is_package=len(parts) < 2)

    def exec_module(self, module: ModuleType) -> None:
        """Run a kata's source. What the compiler warns of is a linter's business."""
        _, *parts = module.__name__.split(".")
        if len(parts) < 2:
            return
        try:
            text, file = self.source("/".join(parts))
        except FileNotFoundError:
            raise ModuleNotFoundError(f"no kata is called {'/'.join(parts)}") from None
        module.__file__ = str(file)
        linecache.cache[str(file)] = len(text), None, text.splitlines(keepends=True), str(file)
        exec(compiled(text, str(file)), module.__dict__)


@lru_cache(256)
def compiled(text: str, file: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(text, file, "exec", dont_inherit=True)
